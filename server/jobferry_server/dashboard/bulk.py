"""Cancelling or retrying all jobs that a filter names, on whatever page: first how many, then in batches.

Of very many it is said that they are more than are done at a time; those are done, then it is asked again.

Each batch is a transaction of its own, so that nobody waits long for the jobs in it. Every job has its event
in the audit log, with whoever asked.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from jobferry_server.dashboard.access import READ_ONLY
from jobferry_server.dashboard.actions import JOBS, act
from jobferry_server.dashboard.filters import UNFINISHED, JobFilter, query_of, time_in
from jobferry_server.dashboard.outcome import DONE, done, outcome
from jobferry_server.dashboard.source import Row
from jobferry_server.dashboard.view import address, board_of, path_to, render

__all__ = ["ask", "change", "offered"]

#: Jobs in one transaction, and with one confirmation: as many as are changed while a proxy still waits.
BATCH = 500
MOST = 25_000
#: In which statuses there is something to do; ``None``: the filter names none.
MEANT = {
    "cancel": {None, UNFINISHED, "scheduled", "queued", "running", "retrying"},
    "retry": {None, UNFINISHED, "retrying", "failed"},
}


def offered(wanted: JobFilter) -> list[str]:
    """What can be done to jobs of this filter."""
    return [verb for verb, statuses in MEANT.items() if wanted.status in statuses]


async def ask(request: Request) -> Response:
    """How many it would be; nothing is changed yet."""
    verb, wanted = _verb(request), JobFilter.of(request.query_params)
    if not board_of(request).source.manage:
        raise HTTPException(403, READ_ONLY)
    found = await _matching(request, verb, wanted, None, 0)
    return render(
        request,
        "all.html",
        verb=verb,
        number=found["number"],
        asked=found["asked"],
        said=query_of(wanted),
        most=MOST,
        done=done(request.query_params),
    )


async def change(request: Request) -> Response:
    """Do it to those that were counted."""
    verb = _verb(request)
    async with request.form(max_files=0, max_fields=20) as form:
        texts = {name: str(value) for name, value in form.items()}
    wanted, asked = JobFilter.of(texts), time_in(texts, "asked")
    if asked is None:
        raise HTTPException(400, "The form does not say when the jobs were counted.")
    found = await _matching(request, verb, wanted, asked, MOST)
    ids = found["ids"]
    changed = await _in_batches(request, verb, ids)
    more = found["number"] > len(ids)
    there = path_to(request, "ask_all", verb=verb) if more else path_to(request, "jobs")
    said = outcome(verb, changed, len(ids)) | query_of(wanted)
    return RedirectResponse(address(there, **said), 303)


def _verb(request: Request) -> str:
    verb: str = request.path_params["verb"]
    if verb not in JOBS:
        raise HTTPException(404, f"Nobody can {verb} jobs here.")
    return verb


async def _matching(
    request: Request, verb: str, wanted: JobFilter, asked: datetime | None, most: int
) -> Row:
    async with board_of(request).source.reading() as reader:
        await reader.avoid_scans()
        found = await reader.row(
            "dashboard_matching",
            *(verb, asked, wanted.owner, wanted.device, wanted.task, wanted.statuses),
            *(wanted.queue, wanted.since, wanted.until, wanted.text, most, MOST + 1),
        )
    assert found is not None
    return found


async def _in_batches(request: Request, verb: str, ids: Sequence[UUID]) -> int:
    """How many were changed. What was done before an error stays done, and is said with it."""
    changed = 0
    for first in range(0, len(ids), BATCH):
        try:
            changed += len(await act(request, JOBS[verb], ids[first : first + BATCH]))
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
            said = f"{changed:,} of {len(ids):,} were {DONE[verb]}, then Postgres refused: {error}"
            raise HTTPException(503, said) from error
    return changed
