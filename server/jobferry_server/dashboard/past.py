"""What happened in each hour or each few minutes: what has ended is looked up once."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from jobferry_server.dashboard.plots import Stretch
from jobferry_server.dashboard.source import Reader

__all__ = ["Past"]

#: Of each stretch so many events are looked up at most.
PROBES = 100
#: Beyond so many failures they are an estimate like the rest.
MOST_FAILURES = 10_000
#: So long after its end a stretch is still asked for: who wrote in it may commit later, and clocks differ.
SETTLED = timedelta(minutes=1)


class Past:
    """Stretches of time by their length. One that has ended has the same events for ever, so what was found
    of it is kept; its failures are not, since a job that has failed may be retried."""

    def __init__(self) -> None:
        self._kept: dict[timedelta, dict[datetime, Stretch]] = {}

    async def stretches(
        self, reader: Reader, starts: Sequence[datetime], length: timedelta, now: datetime
    ) -> list[Stretch]:
        """Those that begin at these times, one after the other."""
        kept = self._kept.get(length, {})
        # From the first that is not known to the last, whatever clocks have done meanwhile.
        known = next(n for n, start in enumerate(starts) if start not in kept)
        rows = await reader.rows(
            "dashboard_rates", starts[known], length, len(starts) - known, PROBES
        )
        found = kept | {row["at"]: Stretch(**dict(row)) for row in rows}
        self._kept[length] = {
            start: found[start] for start in starts if start + length <= now - SETTLED
        }
        return await _with_failures(reader, [found[start] for start in starts])


async def _with_failures(reader: Reader, found: Sequence[Stretch]) -> list[Stretch]:
    """Failures counted one by one, if they are not too many for that."""
    starts = [one.at for one in found]
    rows = await reader.rows("dashboard_failures", starts, MOST_FAILURES)
    failed = {row["stretch"]: row["number"] for row in rows}
    if sum(failed.values()) > MOST_FAILURES:
        return list(found)
    return [replace(one, failed=failed.get(n, 0)) for n, one in enumerate(found, 1)]
