"""Jobs: a list by any filter, in pages by key; what is rare is looked for so far and no further."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from jobferry_server.dashboard.bulk import offered
from jobferry_server.dashboard.filters import STATUSES, UNFINISHED, JobFilter, query_of
from jobferry_server.dashboard.outcome import done
from jobferry_server.dashboard.source import Reader, Row
from jobferry_server.dashboard.view import board_of, path_to, render

__all__ = ["jobs"]

LIMIT = 50
#: How many jobs a walk looks at: first a few, then as many as take a tenth of a second.
REACHES = (500, 4000)
ORDERS = {
    "newest": "newest first",
    "owner": "what changed last first",
    "waiting": "in the order in which they run",
    "ended": "what ended last first",
}


@dataclass(frozen=True, slots=True)
class Page:
    """What was found, behind which place there may be more, and how many jobs were looked at for it."""

    rows: Sequence[Row]
    behind: Sequence[str] | None
    looked: int

    @property
    def complete(self) -> bool:
        """Is there nothing more?"""
        return self.behind is None


async def jobs(request: Request) -> Response:
    """The page. An id in the place of a text is a job's."""
    query = request.query_params
    wanted = JobFilter.of(query)
    if wanted.text and (job := _id(wanted.text)):
        return RedirectResponse(path_to(request, "job", job=job), 303)
    async with board_of(request).source.reading() as reader:
        page = await find(reader, wanted, query.getlist("after") or None)
    return render(
        request,
        "jobs.html",
        page=page,
        wanted=wanted,
        said=query_of(wanted),
        order=ORDERS[wanted.walk],
        statuses=[UNFINISHED, *STATUSES],
        offered=offered(wanted),
        done=done(query),
    )


async def find(reader: Reader, wanted: JobFilter, after: Sequence[str] | None) -> Page:
    """The next page behind a place."""
    reaches = (LIMIT + 1,) if wanted.is_walk_alone else REACHES
    for reach in reaches:
        page = await _walk(reader, wanted, after, reach)
        if len(page.rows) == LIMIT or page.complete:
            break
    return page


async def _walk(reader: Reader, wanted: JobFilter, after: Sequence[str] | None, reach: int) -> Page:
    found = await reader.rows(
        "dashboard_jobs",
        *(wanted.walk, after, reach),
        *(wanted.owner, wanted.device, wanted.task, wanted.statuses, wanted.queue),
        *(wanted.since, wanted.until, wanted.text),
        LIMIT + 1,
    )
    looked, last_place = found[0]["looked"], found[0]["last_place"]
    rows = [row for row in found if row["id"] is not None]
    if len(rows) > LIMIT:
        return Page(rows[:LIMIT], rows[LIMIT - 1]["place"], looked)
    return Page(rows, last_place if looked == reach else None, looked)


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
