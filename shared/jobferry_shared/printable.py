"""Texts of unknown origin, for a terminal."""

__all__ = ["printable", "reason_of"]


def printable(text: str) -> str:
    """The text with its control characters made visible, so that they do nothing."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def reason_of(error: BaseException) -> str:
    """What an error says, or what it is if it says nothing."""
    return str(error) or type(error).__name__
