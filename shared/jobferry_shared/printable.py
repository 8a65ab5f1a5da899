"""Texts of unknown origin, for a terminal."""

__all__ = ["printable"]


def printable(text: str) -> str:
    """The text with its control characters made visible, so that they do nothing."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
