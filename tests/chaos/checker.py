"""What must be true after everything: decided on what was written down, whatever wrote it."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chaos.history import Entry
from jobferry_shared.states import FINISHED, Status, can_follow

__all__ = ["Evidence", "Verdict", "judge"]

Row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """All that is known: by device its owner, its history and its file; and what Postgres says."""

    owners: Mapping[str, str]
    histories: Mapping[str, Sequence[Entry]]
    files: Mapping[str, Mapping[str, Row]]
    ledger: Mapping[str, Row]
    #: The audit log in order.
    events: Sequence[Row]
    #: Ids of jobs, once for each effect of a handler through ``job.connection``.
    booked: Sequence[str]
    #: What the processors wrote down: jobs that a handler began, each with the attempt.
    began: Collection[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is wrong, by what was promised; all empty if nothing is."""

    operations: int
    lost: list[str] = field(default_factory=list)
    duplicated: list[str] = field(default_factory=list)
    reordered: list[str] = field(default_factory=list)
    unfenced: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)

    @property
    def faults(self) -> dict[str, list[str]]:
        """What is wrong under its name."""
        return {
            "lost": self.lost,
            "duplicated": self.duplicated,
            "reordered status": self.reordered,
            "unfenced writes": self.unfenced,
            "foreign rows seen": self.foreign,
            "own writes not read": self.unread,
        }


def judge(evidence: Evidence) -> Verdict:
    """Look at everything."""
    return Verdict(
        operations=sum(1 for _ in _operations(evidence)),
        lost=[*_lost_jobs(evidence), *_lost_ends(evidence)],
        duplicated=[*_duplicates(evidence), *_repeated_effects(evidence)],
        reordered=[*_steps_back(evidence), *_slips(evidence), *_after_the_end(evidence)],
        unfenced=[*_unfenced(evidence), *_unrun(evidence)],
        foreign=list(_foreign(evidence)),
        unread=list(_unread(evidence)),
    )


def _entries(evidence: Evidence, did: str) -> Iterator[tuple[str, Entry]]:
    for device, history in evidence.histories.items():
        for entry in history:
            if entry["did"] == did:
                yield device, entry


def _submitted(evidence: Evidence) -> Iterator[tuple[str, str]]:
    """Every job that a device was promised, with the device."""
    for device, entry in _entries(evidence, "submitted"):
        for job in entry["jobs"]:
            yield device, job


def _operations(evidence: Evidence) -> Iterator[str]:
    yield from (job for _, job in _submitted(evidence))
    yield from (entry["job"] for _, entry in _entries(evidence, "cancelled"))


def _lost_jobs(evidence: Evidence) -> Iterator[str]:
    """Promised, and not there, or not with what it said."""
    for device, job in _submitted(evidence):
        if job not in evidence.files[device]:
            yield f"{job} of {device} is not in its file"
        if job not in evidence.ledger:
            state = evidence.files[device].get(job, {}).get("status")
            yield f"{job} of {device} is not in the ledger, and {state} on the device"


def _lost_ends(evidence: Evidence) -> Iterator[str]:
    """A job that ended badly, or without its result."""
    for job, row in evidence.ledger.items():
        if row["status"] == "failed":
            yield f"{job} is {row['status']}: {row['error']}"
        elif row["status"] == "completed" and row["task"] != "booking" and not _answers(row):
            yield f"{job} has the result {row['result']!r}"


def _answers(row: Row) -> bool:
    result = row["result"]
    return isinstance(result, dict) and result.get("got") == row["payload"]


def _duplicates(evidence: Evidence) -> Iterator[str]:
    """One submit, more than one row; or one row, submitted or completed more than once."""
    said = Counter(
        (row["payload"]["device"], row["payload"]["n"]) for row in evidence.ledger.values()
    )
    yield from (f"submit {n} of {device}" for (device, n), times in said.items() if times > 1)
    happened = Counter((str(event["job_id"]), event["event"]) for event in evidence.events)
    for (job, event), times in happened.items():
        if times > 1 and event in ("submitted", "completed", "cancelled", "failed"):
            yield f"{job} was {event} {times} times"


def _repeated_effects(evidence: Evidence) -> Iterator[str]:
    """What a handler writes with its completion is there once if, and only if, it completed."""
    booked = Counter(evidence.booked)
    for job, row in evidence.ledger.items():
        wanted = int(row["task"] == "booking" and row["status"] == "completed")
        if booked[job] != wanted:
            yield f"{job} has {booked[job]} effects, not {wanted}"


def _steps_back(evidence: Evidence) -> Iterator[str]:
    for device, entry in _entries(evidence, "saw"):
        earlier, later = Status(entry["earlier"]), Status(entry["later"])
        if not can_follow(earlier, later):
            yield f"{device} saw {entry['job']} go from {earlier} to {later}"


def _slips(evidence: Evidence) -> Iterator[str]:
    """Progress went back within an attempt. One that was handed back is followed by another of the same
    number, which begins anew.
    """
    released = {str(event["job_id"]) for event in evidence.events if event["event"] == "released"}
    for device, entry in _entries(evidence, "saw"):
        if entry["slipped"] and entry["job"] not in released:
            yield f"{device} saw the progress of {entry['job']} go back"


def _after_the_end(evidence: Evidence) -> Iterator[str]:
    ended: dict[str, str] = {}
    for event in evidence.events:
        job = str(event["job_id"])
        if job in ended:
            yield f"{job} was {event['event']} after it was {ended[job]}"
        if event["event"] in FINISHED:
            ended[job] = event["event"]


def _unfenced(evidence: Evidence) -> Iterator[str]:
    """An attempt's end was written by somebody who did not hold it."""
    held: dict[tuple[str, int], str] = {}
    for event in evidence.events:
        attempt = str(event["job_id"]), event["attempt"]
        if event["event"] == "started":
            held[attempt] = event["actor"]
        elif event["event"] in ("completed", "failed", "retrying", "released"):
            # A job that is handed back counts its attempts anew.
            holder = held.get(attempt, event["actor"])
            if event["event"] != "released" and holder != event["actor"]:
                yield f"{attempt[0]} was {event['event']} by {event['actor']}, held by {holder}"
    for job, row in evidence.ledger.items():
        if row["status"] == "completed" and row["task"] == "default" and _answers(row):
            said = row["result"]["attempt"]
            if said != row["attempts"]:
                yield f"{job} has the result of attempt {said}, not {row['attempts']}"


def _unrun(evidence: Evidence) -> Iterator[str]:
    """Completed, and no handler was ever at work on that attempt."""
    for job, row in evidence.ledger.items():
        if row["status"] == "completed" and (job, row["attempts"]) not in evidence.began:
            yield f"{job} is completed in attempt {row['attempts']}, which no handler began"


def _foreign(evidence: Evidence) -> Iterator[str]:
    owners: dict[str, set[str]] = defaultdict(set)
    for device, job in _submitted(evidence):
        owners[job].add(evidence.owners[device])
    for device, rows in evidence.files.items():
        mine = evidence.owners[device]
        for job, row in rows.items():
            others = (owners[job] | {row["submitted_by"] or mine}) - {mine}
            if others:
                yield f"{device} of {mine} has {job} of {', '.join(sorted(others))}"
    for job, row in evidence.ledger.items():
        if owners[job] - {row["submitted_by"]}:
            yield f"{job} is {row['submitted_by']}'s in the ledger"


def _unread(evidence: Evidence) -> Iterator[str]:
    for device, entry in _entries(evidence, "unread"):
        yield f"{device} wrote {entry['job']} and read {entry['found']}"
    for device, entry in _entries(evidence, "saw"):
        if entry["uncancelled"]:
            yield f"{device} saw its cancel of {entry['job']} go away"
