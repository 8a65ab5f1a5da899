"""What can go wrong between a person and the page."""

__all__ = ["Unsuitable"]


class Unsuitable(Exception):
    """What was sent makes no job; the message tells the person why."""
