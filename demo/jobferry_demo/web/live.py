"""What the page shows, now and again each time it has changed, for all windows that look."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from jobferry_client import AsyncJobClient, ClientStatus, Job
from jobferry_demo.web.cards import Card, card
from jobferry_demo.web.connection import Standing, standing

__all__ = ["Live", "View"]

#: The newest so many jobs are shown.
MOST_JOBS = 10
#: How often the connection is looked at: a watch tells of jobs alone.
LOOK_SECONDS = 0.25
#: What happens within this time is shown together.
TOGETHER_SECONDS = 0.08


@dataclass(frozen=True, slots=True)
class View:
    """All that the page shows."""

    standing: Standing
    cards: list[Card]


class Live:
    """One device, as its windows see it."""

    def __init__(self, client: AsyncJobClient) -> None:
        self._client = client
        self._jobs: list[Job] = []
        self._view: View | None = None
        #: Set once there is another view, and then replaced.
        self._news = asyncio.Event()
        self._ended = False
        #: The connectivity switch: what the person wants, whatever the network does.
        self.on = True

    async def switch(self, on: bool) -> None:
        """Turn the connectivity switch."""
        await (self._client.connect() if on else self._client.disconnect())
        self.on = on

    async def look(self) -> View:
        """The view of this moment."""
        return self._view_of(await self._client.jobs(MOST_JOBS), await self._client.status())

    async def follow_jobs(self) -> None:
        """Show what becomes of the jobs, for ever."""
        async for jobs in self._client.watch(MOST_JOBS):
            self._jobs = jobs
            await self._show()
            await asyncio.sleep(TOGETHER_SECONDS)

    async def follow_connection(self) -> None:
        """Show how the connection stands, for ever."""
        while True:
            await self._show()
            await asyncio.sleep(LOOK_SECONDS)

    async def views(self) -> AsyncIterator[View]:
        """The view, and each that follows, until the device's end. Who is slow misses some."""
        while not self._ended:
            news = self._news
            if self._view is not None:
                yield self._view
            await news.wait()

    def end(self) -> None:
        """Let all windows go."""
        self._ended = True
        self._tell()

    async def _show(self) -> None:
        status = await self._client.status()
        view = self._view_of(self._jobs, status)
        if view != self._view:
            self._view = view
            self._tell()

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    def _view_of(self, jobs: list[Job], status: ClientStatus) -> View:
        cards = [card(job, status.client_id) for job in jobs]
        return View(standing(status, on=self.on), cards)
