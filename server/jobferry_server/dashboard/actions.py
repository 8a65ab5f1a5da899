"""What can be done: each through a function of the administration, which writes down who asked."""

from collections.abc import Sequence
from uuid import UUID

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from jobferry_server.dashboard.outcome import outcome
from jobferry_server.dashboard.source import Row
from jobferry_server.dashboard.view import address, board_of, path_to

__all__ = ["JOBS", "act", "jobs", "pauses", "run"]

#: Jobs in one go: more than a page shows.
MOST = 500

JOBS = {
    "cancel": "select id from jobferry.cancel_jobs($1::uuid[])",
    # Only those that have failed, or wait because they have: reschedule_jobs would hurry others too.
    "retry": """
        select id from jobferry.reschedule_jobs(array(
          select b.id from public.background_jobs b where b.id = any ($1::uuid[]) and b.status in ('failed', 'retrying')
        ), run_at => now())""",
}
PAUSES = {
    ("task", "pause"): "select jobferry.pause_task($1)",
    ("task", "resume"): "select jobferry.resume_task($1)",
    ("queue", "pause"): "select jobferry.pause_queue($1)",
    ("queue", "resume"): "select jobferry.resume_queue($1)",
    ("schedule", "pause"): "select jobferry.pause_scheduled_job($1::text::bigint)",
    ("schedule", "resume"): "select jobferry.resume_scheduled_job($1::text::bigint)",
}
RUN = "select id from jobferry.run_scheduled_job($1)"


async def jobs(request: Request) -> Response:
    """Cancel or retry the jobs that were chosen."""
    verb = request.path_params["verb"]
    if verb not in JOBS:
        raise HTTPException(404, f"Nobody can {verb} jobs here.")
    async with request.form(max_files=0, max_fields=MOST + 10) as form:
        ids = _ids([str(value) for value in form.getlist("id")])
        back = str(form.get("back", "/jobs"))
    changed = await act(request, JOBS[verb], ids)
    return RedirectResponse(_back(request, back, outcome(verb, len(changed), len(ids))), 303)


async def pauses(request: Request) -> Response:
    """Pause or resume a task, a named queue or a schedule."""
    call = PAUSES.get((request.path_params["what"], request.path_params["verb"]))
    if call is None:
        raise HTTPException(404, "That can not be paused.")
    async with request.form(max_files=0, max_fields=10) as form:
        name = str(form.get("name", ""))
    await act(request, call, name)
    return RedirectResponse(path_to(request, "queues"), 303)


async def run(request: Request) -> Response:
    """Run a schedule now; its new job."""
    (job,) = await act(request, RUN, request.path_params["schedule"])
    return RedirectResponse(path_to(request, "job", job=job["id"]), 303)


async def act(request: Request, call: str, *values: object) -> Sequence[Row]:
    """Call one of these, in the name of whoever asks; what came back."""
    return await board_of(request).source.act(request.scope["jobferry_user"], call, *values)


def _ids(texts: Sequence[str]) -> list[UUID]:
    try:
        found = [UUID(text) for text in dict.fromkeys(texts)]
    except ValueError as error:
        raise HTTPException(400, "That is no id of a job.") from error
    if not 0 < len(found) <= MOST:
        raise HTTPException(400, f"Choose some jobs, and no more than {MOST}.")
    return found


def _back(request: Request, page: str, said: dict[str, str]) -> str:
    """To a page of our own, whatever the form says, with what was done."""
    path, _, query = page.partition("?")
    listed = path_to(request, "jobs")
    inside = path == listed or path.startswith(f"{listed}/")
    kept = "&".join(one for one in query.split("&") if not one.startswith(tuple(said)))
    done = address(path if inside else listed, **said)
    return f"{done}&{kept}" if inside and kept else done
