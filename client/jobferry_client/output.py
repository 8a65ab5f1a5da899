"""How jobs look in a terminal, and as JSON for programs."""

import json
from datetime import datetime
from typing import Any

from rich.console import Console, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from jobferry_shared.job import Job
from jobferry_shared.printable import printable
from jobferry_shared.states import Status

__all__ = ["console", "job_json", "job_lines", "job_table", "plain"]

STYLES = {
    Status.PENDING: "yellow",
    Status.REJECTED: "red",
    Status.RUNNING: "cyan",
    Status.RETRYING: "yellow",
    Status.COMPLETED: "green",
    Status.FAILED: "red",
    Status.CANCELLED: "dim",
}


PROGRAMS_WIDTH = 220
#: As long as "waiting to send", and from which width of a terminal there is room for results.
STATE_WIDTH = 15
RESULT_FROM = 100


def plain(value: object) -> str:
    """A text of unknown origin, with its control characters made visible."""
    return printable(str(value))


def job_json(job: Job) -> str:
    """One job as one line of JSON. A lone surrogate, which no terminal takes, stays an escape."""
    line = json.dumps(_fields(job), ensure_ascii=False)
    return line.encode(errors="backslashreplace").decode()


def job_lines(job: Job) -> str:
    """One job in full, for people."""
    return "\n".join(f"{name:>16}  {_shown(value)}" for name, value in _fields(job).items())


def console() -> Console:
    """A terminal as wide as it is; what is no terminal takes long lines."""
    found = Console()
    return found if found.is_terminal else Console(width=PROGRAMS_WIDTH)


def job_table(jobs: list[Job], on: Console) -> Table:
    """Jobs as a table: in a terminal with a bar for what runs, in a narrow one without the results."""
    table = Table(box=None, pad_edge=False)
    table.add_column("id", no_wrap=True)
    table.add_column("task", no_wrap=True, overflow="ellipsis", max_width=_task_width(on))
    table.add_column("state", min_width=STATE_WIDTH, overflow="fold")
    if on.is_terminal:
        table.add_column("progress", no_wrap=True)
    if on.width >= RESULT_FROM:
        table.add_column("result", no_wrap=True, overflow="ellipsis")
    for job in jobs:
        # A narrow table has no column for the last.
        table.add_row(*_cells(job, on)[: len(table.columns)])
    return table


def _task_width(on: Console) -> int:
    """What the other columns leave it; nobody else's name is to push them out."""
    if not on.is_terminal:
        return on.width
    return 24 if on.width >= RESULT_FROM else max(on.width - 67, 8)


def _cells(job: Job, on: Console) -> list[RenderableType]:
    result = plain(json.dumps(job.result, ensure_ascii=False)) if job.completed else ""
    bars = [ProgressBar(total=1.0, completed=job.progress, width=8)] if on.is_terminal else []
    return [
        str(job.id),
        Text(plain(job.task)),
        Text(plain(job.state), STYLES.get(job.status, "")),
        *bars,
        Text(result[:60] + "…" * (len(result) > 60)),
    ]


def _fields(job: Job) -> dict[str, Any]:
    return {
        "id": str(job.id),
        "task": job.task,
        "status": job.status.value,
        "state": job.state,
        "progress": job.progress,
        "completed": job.completed,
        "cancelled": job.cancelled,
        "cancel_requested": job.cancel_requested,
        "payload": job.payload,
        "result": job.result,
        "error": job.error and {"code": job.error.code, "message": job.error.message},
        "attempts": job.attempts,
        "max_attempts": job.max_attempts,
        "priority": job.priority,
        "queue_name": job.queue_name,
        "job_key": job.job_key,
        "flags": list(job.flags),
        "submitted_by": job.submitted_by,
        "client_id": job.client_id and str(job.client_id),
        **{name: _time(getattr(job, name)) for name in _TIMES},
    }


_TIMES = ("timestamp", "run_at", "received_at", "started_at", "finished_at")


def _time(time: datetime | None) -> str | None:
    return time.isoformat() if time else None


def _shown(value: Any) -> str:
    return plain(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
