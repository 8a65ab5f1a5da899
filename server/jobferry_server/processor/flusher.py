"""Saying what came of the jobs: all of it at once, as often as a transaction takes.

While one flush is on its way the outcomes of the next gather, so a busy processor writes hundreds
at a time and an idle one at once. The same round trip carries the latest progress and brings back
which of the running jobs were cancelled or lost.
"""

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

from jobferry_server.database import is_data_error
from jobferry_server.isolate import isolate
from jobferry_server.logs import events
from jobferry_server.processor.attempt import Attempt, Fence
from jobferry_server.processor.hand import Hand
from jobferry_server.processor.ledger import Flush, Ledger
from jobferry_server.processor.outcome import Completed, Dropped, Failed, Outcome
from jobferry_server.processor.trouble import after_error
from jobferry_server.settings import ProcessorSettings

__all__ = ["Flusher"]

#: How often the running jobs are compared with the queue, in seconds.
CHECK_SECONDS = 0.25
#: What the ledger says of a job whose row somebody else holds at that moment.
HELD_UP = "held_up"

Said = tuple[Attempt, Outcome]


class Flusher:
    """Collects outcomes and writes them."""

    def __init__(self, ledger: Ledger, hand: Hand, settings: ProcessorSettings) -> None:
        self._ledger = ledger
        self._hand = hand
        self._every = settings.flush_seconds
        self._outcomes: list[Said] = []
        self._saying: list[Said] = []
        self._some = asyncio.Event()
        self._checked = 0.0

    def add(self, attempt: Attempt, outcome: Outcome) -> bool:
        """An attempt has ended like this; ``False`` if it had ended before."""
        if not self._hand.drop(attempt):
            return False
        if not isinstance(outcome, Dropped):
            self._say_later((attempt, outcome))
        return True

    @property
    def unsaid(self) -> list[Attempt]:
        """Attempts that have ended and whose outcome is not written yet."""
        return [attempt for attempt, _ in (*self._saying, *self._outcomes)]

    async def run(self) -> None:
        """Flush for ever."""
        while True:
            try:
                async with asyncio.timeout(self._every):
                    await self._some.wait()
            except TimeoutError:
                pass
            self._some.clear()
            try:
                await self.flush()
            except Exception as error:
                await after_error("flush", error)
                self._some.set()

    async def flush(self) -> None:
        """Write what there is to say now."""
        outcomes, self._outcomes = self._outcomes, []
        self._saying = outcomes
        try:
            await isolate(outcomes, self._say, is_data_error, self._unsayable)
        except BaseException:
            # Said twice is said once: what was written already meets the fence.
            self._outcomes = outcomes + self._outcomes
            raise
        finally:
            self._saying = []
            if outcomes:
                # Whoever waited for less to be unsaid may look again.
                self._hand.changed.set()

    async def _say(self, outcomes: Sequence[Said]) -> None:
        flush = Flush.of(outcomes)
        # What failed or is handed back leaves a last word to its next attempt.
        ended = (attempt for attempt, outcome in outcomes if not isinstance(outcome, Completed))
        flush.moved = [
            (attempt, moved)
            for attempt in chain(self._hand.held, ended)
            if (moved := attempt.moved()) is not None
        ]
        flush.running = self._to_check()
        if not (outcomes or flush.moved or flush.running):
            return
        verdicts = await self._ledger.flush(flush)
        for attempt, _ in flush.moved:
            if verdicts.get(attempt.fence) != HELD_UP:
                attempt.said_progress()
        if verdicts:
            self._obey(verdicts, outcomes, flush.running)

    def _obey(
        self,
        verdicts: Mapping[Fence, str],
        outcomes: Iterable[Said],
        running: Iterable[Attempt],
    ) -> None:
        # Somebody else has their rows: with the next flush, which is not hurried for their sake.
        self._outcomes += [said for said in outcomes if verdicts.get(said[0].fence) == HELD_UP]
        for attempt in running:
            verdict = verdicts.get(attempt.fence, HELD_UP)
            if verdict != HELD_UP:
                events.ATTEMPT_ENDED(job=attempt.job.id, verdict=verdict)
                attempt.stop(verdict)

    def _to_check(self) -> list[Attempt]:
        now = time.monotonic()
        if now - self._checked < CHECK_SECONDS:
            return []
        self._checked = now
        return [attempt for attempt in self._hand.held if now - attempt.taken > CHECK_SECONDS]

    def _unsayable(self, said: Said, error: Exception) -> None:
        """Postgres does not take this outcome: the job has failed, with that as the reason."""
        attempt, outcome = said
        events.OUTCOME_REFUSED(job=attempt.job.id, raised=error)
        reason = str(error).partition("\n")[0]
        failed = Failed("invalid_result", f"Postgres refused the outcome: {reason}", final=True)
        # Left unsaid it would run for ever. This much can be said of any job.
        if outcome != failed:
            self._say_later((attempt, failed))

    def _say_later(self, said: Said) -> None:
        self._outcomes.append(said)
        self._some.set()
