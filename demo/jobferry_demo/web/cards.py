"""Jobs as a person sees them: what it is, how it stands, what came of it.

The file may hold jobs of other programs and results of other handlers: whatever does not look like
the demo's own is shown as the JSON it is.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from pydantic import BaseModel, ValidationError

from jobferry_client import Job, Status
from jobferry_demo.checksums import Checksums
from jobferry_demo.summaries import NumberColumn, Summary
from jobferry_demo.thumbnails import Thumbnail
from jobferry_shared.codes import CODES

__all__ = ["Card", "Picture", "card", "picture_of"]

M = TypeVar("M", bound=BaseModel)

LONGEST = 160
LONGEST_TITLE = 80
#: Columns of a summary that are shown.
MOST_COLUMNS = 5

TONES = {
    Status.PENDING: "unsent",
    Status.REJECTED: "bad",
    Status.FAILED: "bad",
    Status.RETRYING: "again",
    Status.COMPLETED: "good",
    Status.CANCELLED: "void",
}


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture in a result; width and height in pixels."""

    width: int
    height: int
    alt: str


@dataclass(frozen=True, slots=True)
class Card:
    """One job on the page."""

    id: UUID
    kind: str
    title: str
    words: str
    #: How it looks: unsent, busy, again, good, bad or void.
    tone: str
    percent: int
    submitted_at: datetime | None
    #: Was it submitted on this device?
    here: bool
    may_cancel: bool
    picture: Picture | None
    #: What came of it, a line each.
    facts: list[str]
    #: Why it was rejected or has failed, and what to do about it.
    reason: str | None
    remedy: str | None


def card(job: Job, device: UUID) -> Card:
    """The job as this device shows it."""
    kind, title = _name(job)
    reason, remedy = _reason(job)
    return Card(
        id=job.id,
        kind=kind,
        title=_cut(title, LONGEST_TITLE),
        words=_words(job),
        tone=TONES.get(job.status, "busy"),
        percent=round(100 * job.progress),
        submitted_at=job.timestamp and job.timestamp.astimezone(),
        here=job.client_id in (None, device),
        may_cancel=not job.finished and not job.cancel_requested,
        picture=_picture(job),
        facts=_facts(job),
        reason=reason,
        remedy=remedy,
    )


def picture_of(job: Job) -> bytes | None:
    """The JPEG in a job's result, if it has one."""
    found = _result(job, Thumbnail)
    return found.thumbnail if found and found.thumbnail.startswith(b"\xff\xd8\xff") else None


def _words(job: Job) -> str:
    """The state, without the reason: that has a line of its own."""
    return (
        job.state.partition(" (")[0]
        if job.status in (Status.REJECTED, Status.FAILED)
        else job.state
    )


def _name(job: Job) -> tuple[str, str]:
    payload = job.payload if isinstance(job.payload, dict) else {}
    match job.task:
        case "thumbnail":
            return "Photo", str(payload.get("name") or "a photo")
        case "summary":
            return "Table", str(payload.get("name") or "a table")
        case "checksum":
            return "Checksum", f"of a file of {payload.get('megabytes')} MB"
        case "sleep":
            return "Wait", f"of {_number(payload.get('seconds'))} seconds"
        case "echo" if "note" in payload:
            return "Note", str(payload["note"])
        case "fail":
            return "Failure", "on purpose"
        case _:
            return "Job", job.task


def _number(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _reason(job: Job) -> tuple[str | None, str | None]:
    if job.error is None:
        return None, None
    known = CODES.get(job.error.code)
    return _cut(f"{job.error.code}: {job.error.message}", 400), known.remedy if known else None


def _picture(job: Job) -> Picture | None:
    found = _result(job, Thumbnail)
    if found is None:
        return None
    return Picture(found.width, found.height, f"{found.name or 'the photo'}, made small")


def _facts(job: Job) -> list[str]:
    if not job.completed or job.task in ("echo", "sleep"):
        return []
    if found := _result(job, Thumbnail):
        pixels = f"{found.original_width} by {found.original_height} pixels"
        return [f"of {pixels}, {found.original_bytes:,} bytes; made {found.bytes:,} bytes"]
    if summary := _result(job, Summary):
        return _facts_of_table(summary)
    if checksums := _result(job, Checksums):
        return [f"SHA-256 {checksums.sha256}"]
    return [_cut(json.dumps(job.result, ensure_ascii=False))]


def _facts_of_table(summary: Summary) -> list[str]:
    shown = [
        f"{column.name}: {column.min:g} to {column.max:g}, {column.mean:.4g} on average"
        for column in summary.columns
        if isinstance(column, NumberColumn) and column.distinct > 1
    ]
    return [f"{summary.rows:,} rows, {len(summary.columns)} columns", *shown[:MOST_COLUMNS]]


def _result(job: Job, model: type[M]) -> M | None:
    """The result as this model, if it is one."""
    if not job.completed or not isinstance(job.result, dict):
        return None
    try:
        return model.model_validate(job.result)
    except ValidationError:
        return None


def _cut(text: str, longest: int = LONGEST) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"
