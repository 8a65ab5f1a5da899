"""What the loops do about an error: say it, and try again."""

import asyncio
import logging

from jobferry_server.database import is_transient

__all__ = ["after_error"]

log = logging.getLogger("jobferry.processor")

RETRY_SECONDS = 0.3


async def after_error(what: str, error: Exception) -> None:
    """Log that ``what`` failed, briefly where the database is merely away, and wait a moment."""
    if is_transient(error):
        log.warning("could not %s, trying again: %s", what, error)
    else:
        log.error("could not %s", what, exc_info=error)
    await asyncio.sleep(RETRY_SECONDS)
