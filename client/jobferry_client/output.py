"""How jobs look in a terminal, and as JSON for programs."""

import json
from datetime import datetime
from typing import Any

from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from jobferry_shared.job import Job
from jobferry_shared.printable import printable
from jobferry_shared.states import Status

__all__ = ["job_json", "job_lines", "job_table", "plain"]

STYLES = {
    Status.PENDING: "yellow",
    Status.REJECTED: "red",
    Status.RUNNING: "cyan",
    Status.RETRYING: "yellow",
    Status.COMPLETED: "green",
    Status.FAILED: "red",
    Status.CANCELLED: "dim",
}


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


def job_table(jobs: list[Job]) -> Table:
    """Jobs as a table with a bar for what runs."""
    table = Table(box=None, pad_edge=False)
    for name in ("id", "task", "state", "progress", "result"):
        table.add_column(name, no_wrap=name == "id")
    for job in jobs:
        result = plain(json.dumps(job.result, ensure_ascii=False)) if job.completed else ""
        table.add_row(
            str(job.id),
            escape(plain(job.task)),
            Text(plain(job.state), STYLES.get(job.status, "")),
            ProgressBar(total=1.0, completed=job.progress, width=8),
            Text(result[:60] + "…" * (len(result) > 60), overflow="ellipsis", no_wrap=True),
        )
    return table


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
