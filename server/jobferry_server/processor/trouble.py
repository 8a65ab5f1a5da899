"""What the loops do about an error: say it, and try again."""

import asyncio

from jobferry_server.database import is_transient
from jobferry_server.logs import events

__all__ = ["after_error"]

RETRY_SECONDS = 0.3


async def after_error(what: str, error: Exception) -> None:
    """Log that ``what`` failed, briefly where the database is merely away, and wait a moment."""
    if is_transient(error):
        events.TRYING_AGAIN(what=what, error=error)
    else:
        events.COULD_NOT(what=what, raised=error)
    await asyncio.sleep(RETRY_SECONDS)
