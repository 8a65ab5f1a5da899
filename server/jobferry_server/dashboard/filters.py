"""Filters as addresses say them, so that a list can be passed on. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from starlette.exceptions import HTTPException

from jobferry_server.audit import Filter
from jobferry_shared.states import FINISHED, TRANSITIONS

__all__ = [
    "STATUSES",
    "UNFINISHED",
    "JobFilter",
    "event_filter",
    "number_in",
    "query_of",
    "time_in",
    "uuid_in",
    "word_in",
]

#: In the order of a job's life.
STATUSES = list(dict.fromkeys(str(status) for _, status in TRANSITIONS))
UNFINISHED = "unfinished"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFilter:
    """Which jobs; what is ``None`` does not matter. ``since`` and ``until`` are of ``received_at``."""

    status: str | None = None
    task: str | None = None
    owner: str | None = None
    device: UUID | None = None
    queue: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    text: str | None = None

    @classmethod
    def of(cls, query: Mapping[str, str]) -> "JobFilter":
        """From an address. 400 for what can't be read."""
        status = word_in(query, "status")
        if status not in (None, UNFINISHED, *STATUSES):
            raise HTTPException(400, f"There is no status {status!r}.")
        return cls(
            status=status,
            device=uuid_in(query, "device"),
            since=time_in(query, "since"),
            until=time_in(query, "until"),
            **{name: word_in(query, name) for name in ("task", "owner", "queue", "text")},
        )

    @property
    def walk(self) -> str:
        """Along which index the jobs are looked for."""
        if self.status in ("failed", "cancelled"):
            return "ended"
        if self.status is not None and self.status not in FINISHED:
            return "waiting"
        return "newest" if self.owner is None else "owner"

    @property
    def statuses(self) -> list[str] | None:
        """The statuses that match."""
        return None if self.status in (None, UNFINISHED) else [str(self.status)]

    @property
    def is_walk_alone(self) -> bool:
        """Does every job on the walk match?"""
        own = {"newest": ("since", "until"), "owner": ("owner",), "ended": ("status",)}
        own["waiting"] = ("status",) if self.status == UNFINISHED else ()
        return all(
            getattr(self, name) is None
            for name in JobFilter.__slots__
            if name not in own[self.walk]
        )


def event_filter(query: Mapping[str, str]) -> Filter:
    """Which events, from an address. 400 for what can't be read."""
    return Filter(
        device=uuid_in(query, "device"),
        job=uuid_in(query, "job"),
        since=time_in(query, "since"),
        until=time_in(query, "until"),
        owner=word_in(query, "owner"),
        task=word_in(query, "task"),
        status=word_in(query, "status"),
        event=word_in(query, "event"),
    )


def query_of(wanted: JobFilter | Filter) -> dict[str, str]:
    """A filter as an address says it."""
    values = {name: getattr(wanted, name) for name in type(wanted).__slots__}
    return {
        name: f"{value:%Y-%m-%dT%H:%M:%S}" if isinstance(value, datetime) else str(value)
        for name, value in values.items()
        if value is not None
    }


def word_in(query: Mapping[str, str], name: str) -> str | None:
    """A text; ``None`` if it is empty."""
    found = query.get(name, "").strip()
    if "\0" in found:
        raise HTTPException(400, f"{name}: Postgres keeps no text with a NUL.")
    return found or None


def uuid_in(query: Mapping[str, str], name: str) -> UUID | None:
    """An id."""
    text = word_in(query, name)
    try:
        return UUID(text) if text else None
    except ValueError as error:
        raise HTTPException(400, f"{name}: {text!r} is no UUID.") from error


def number_in(query: Mapping[str, str], name: str) -> int | None:
    """A number that an identity column could have given."""
    text = word_in(query, name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and int(text[:20]) < 2**63):
        raise HTTPException(400, f"{name}: {text!r} is no number.")
    return int(text)


def time_in(query: Mapping[str, str], name: str) -> datetime | None:
    """UTC, unless it says otherwise."""
    text = word_in(query, name)
    try:
        found = datetime.fromisoformat(text) if text else None
        return found.replace(tzinfo=UTC) if found and found.tzinfo is None else found
    except ValueError as error:
        raise HTTPException(
            400, f"{name}: {text!r} is no time, such as 2026-11-22T14:00."
        ) from error
