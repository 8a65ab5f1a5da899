"""Tokens that were revoked before they expired: the whole list, read again whenever it changes."""

import asyncio
from collections.abc import Callable

from jobferry_server.database import Pool
from jobferry_server.errors import TokenRefused
from jobferry_server.logs import events
from jobferry_server.tokens import Identity

__all__ = ["CHANNEL", "Revocations"]

CHANNEL = "jobferry_revocations"
RETRY_SECONDS = 0.5
READ = (
    "select token_id, owner, extract(epoch from issued_before)::float8 as before"
    " from jobferry.revocations"
)


class Revocations:
    """What this gateway knows of the list. ``on_news`` is called after each reading."""

    def __init__(self, pool: Pool, on_news: Callable[[], None]) -> None:
        self._pool = pool
        self._on_news = on_news
        self._tokens: set[str] = set()
        self._owners: dict[str, float] = {}
        self._rung = asyncio.Event()

    def check(self, identity: Identity) -> Identity:
        """The same identity; :class:`TokenRefused` if its token was revoked."""
        if identity.token_id in self._tokens or identity.issued_at < self._owners.get(
            identity.owner, 0.0
        ):
            raise TokenRefused("the token was revoked")
        return identity

    def ring(self, _: str = "") -> None:
        """The list has changed, or may have."""
        self._rung.set()

    async def read(self) -> None:
        """Read the list."""
        rows = await self._pool.fetch(READ)
        self._tokens = {row["token_id"] for row in rows if row["token_id"] is not None}
        self._owners = {row["owner"]: row["before"] for row in rows if row["owner"] is not None}

    async def run(self) -> None:
        """Read it again each time it rings, for ever."""
        while True:
            await self._rung.wait()
            self._rung.clear()
            try:
                await self.read()
            except Exception as error:
                events.REVOCATIONS_UNREAD(error=error)
                await asyncio.sleep(RETRY_SECONDS)
                self._rung.set()
            else:
                self._on_news()
