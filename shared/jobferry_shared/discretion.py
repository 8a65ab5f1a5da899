"""A log for connections that carry tokens.

At DEBUG a websocket library writes down headers and messages word for word, and a token with them.
"""

import logging

__all__ = ["discreet"]


def discreet(name: str) -> logging.Logger:
    """The logger of that name, which keeps DEBUG to itself whatever its level is set to."""
    logger = logging.getLogger(name)
    logger.setLevel(logging.WARNING)
    # Adding the same filter twice has no effect.
    logger.addFilter(_says_no_word)
    return logger


def _says_no_word(record: logging.LogRecord) -> bool:
    return record.levelno > logging.DEBUG
