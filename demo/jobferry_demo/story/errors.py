"""What can go wrong in the demo."""

__all__ = ["DemoFailed"]


class DemoFailed(Exception):
    """The story did not happen as it should; the message says what is missing."""
