"""Taking jobs: as many as will be done in the next moments, not more.

Jobs that end in microseconds are taken by the hundred, since each claim is a transaction; jobs that
take minutes are taken one for each worker, since another processor may be free.
"""

import time
from collections.abc import Awaitable, Callable, Sequence

import asyncpg

from jobferry_server.processor.attempt import Attempt
from jobferry_server.processor.flags import ForbiddenFlags
from jobferry_server.processor.hand import Hand
from jobferry_server.processor.ledger import Ledger
from jobferry_server.processor.trouble import after_error
from jobferry_server.settings import ProcessorSettings

__all__ = ["Claimer"]

#: Jobs are taken ahead for about this long, in seconds.
AHEAD_SECONDS = 0.1
#: How fast jobs end is measured over no less than this, in seconds.
RATE_SECONDS = 0.01
#: The SQLSTATE of a claim by a processor whose lease was given away.
NOT_REGISTERED = "JF010"


class Claimer:
    """Keeps the hand filled."""

    def __init__(
        self,
        ledger: Ledger,
        hand: Hand,
        tasks: Sequence[str],
        settings: ProcessorSettings,
        flags: ForbiddenFlags,
        attempt_of: Callable[[asyncpg.Record, str | None], Attempt],
        unsaid: Callable[[], Sequence[Attempt]],
        on_lost_lease: Callable[[], Awaitable[None]],
    ) -> None:
        self._ledger = ledger
        self._hand = hand
        self._tasks = tasks
        self._settings = settings
        self._flags = flags
        self._attempt_of = attempt_of
        self._unsaid = unsaid
        self._on_lost_lease = on_lost_lease
        #: Did a claim fail whose answer we did not see? It may have taken jobs.
        self._in_doubt = False
        #: When we last gave back what we do not know of. A claim that was held up on its way may be
        #: carried out long after we gave it up.
        self._settled = time.monotonic()
        self._target = settings.concurrency
        self._most = max(settings.concurrency, settings.prefetch)
        self._measured = (0, time.monotonic())
        self._looked = 0.0

    async def run(self) -> None:
        """Claim for ever: when somebody rang and there is room, and from time to time anyway."""
        while True:
            self._hand.changed.clear()
            self._aim()
            wanted = self._target - len(self._hand.held)
            rest = self._looked + self._settings.poll_seconds - time.monotonic()
            if (self._hand.rung or rest <= 0) and self._worth_it(wanted):
                # Whoever rings from here on rings for the next claim.
                self._hand.rung = False
                self._looked = time.monotonic()
                if await self._claim(wanted) == wanted:
                    self._hand.ring()
            else:
                await self._hand.change_within(rest if rest > 0 else self._settings.poll_seconds)

    def _worth_it(self, wanted: int) -> bool:
        """A claim for one job costs as much as one for a hundred: but a worker must not wait.

        And what is done must be written down before much more is begun.
        """
        return (
            wanted > 0
            and len(self._unsaid()) < self._most
            and (self._hand.ready.empty() or wanted >= self._target // 2)
        )

    def _aim(self) -> None:
        """Have in hand what runs, and what will be wanted in a moment."""
        (ended, since), now = self._measured, time.monotonic()
        if now - since < RATE_SECONDS:
            return
        rate = (self._hand.ended - ended) / (now - since)
        self._measured = self._hand.ended, now
        self._target = min(self._most, self._settings.concurrency + int(rate * AHEAD_SECONDS))

    async def _claim(self, most: int) -> int:
        try:
            if self._in_doubt or self._looked - self._settled > self._settings.lease_seconds:
                await self._ledger.release_unknown([*self._hand.held, *self._unsaid()])
                self._settled = self._looked
            flags = await self._flags.now()
            self._in_doubt = True
            rows = await self._ledger.claim(self._tasks, flags, most)
            traces = await self._ledger.traces(rows)
            self._in_doubt = False
        except Exception as error:
            await self._after_failed_claim(error)
            return 0
        for row in rows:
            self._hand.take(self._attempt_of(row, traces.get(row["id"])))
        return len(rows)

    async def _after_failed_claim(self, error: Exception) -> None:
        if getattr(error, "sqlstate", None) != NOT_REGISTERED:
            await after_error("claim", error)
            return
        try:
            await self._on_lost_lease()
        except Exception as trouble:
            # The next claim finds out again.
            await after_error("begin a new lease", trouble)
