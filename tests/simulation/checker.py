"""What must be true at every moment, whatever befalls: the guarantees D1 to D7, each step looked at.

The checker hears of every row that is committed anywhere. It keeps the history of each job in the
ledger, and for each device the place in that history which the device shows: a place that may only
move on.
"""

import json
from collections.abc import Sequence
from uuid import UUID

from jobferry_server.gateway.cursor import Cursor
from jobferry_shared.states import FINISHED, TRANSITIONS, Status
from simulation.file import File, LocalJob, Op
from simulation.ledger import EPOCH, Ledger, LedgerJob
from simulation.postgres import Snapshot

__all__ = ["Checker", "Violation"]

#: What a device shows of a job that is not only its own affair.
View = tuple[Status, float, int, str | None, str | None]


class Violation(Exception):
    """A guarantee does not hold."""


class Checker:
    """One run's memory of what was, and the judgement on what comes."""

    ledger: Ledger

    def __init__(self) -> None:
        #: The first of what was found wrong.
        self.violation: Violation | None = None
        self.files: dict[str, File] = {}
        #: Ids that a device must see refused: taken from somebody else, or with a poisonous payload.
        self.to_refuse: set[tuple[str, str]] = set()
        self._history: dict[str, list[tuple[int, View]]] = {}
        self._shown: dict[tuple[str, str], int] = {}
        self._holders: dict[str, tuple[str, int]] = {}
        self._results: dict[tuple[str, int], set[str]] = {}

    def expect(self, truth: bool, guarantee: str, otherwise: str) -> None:
        """Note the first thing that is wrong. It can't be raised here: somebody would catch it."""
        if not truth and self.violation is None:
            self.violation = Violation(f"{guarantee}: {otherwise}")

    # -- the ledger

    def inserted(self, job: LedgerJob) -> None:
        """D2: one row per submit, with what the device said, of its owner."""
        self.expect(job.id not in self._history, "D2", f"{job.id} is inserted a second time")
        self._history[job.id] = [(job.version, _view(job))]
        if job.client_id is not None:
            file = self.files[job.client_id]
            said = file.rows[job.id]
            self.expect(said.payload == job.payload, "D2", f"{job.id} says something else")
            self.expect(file.owner == job.owner, "D6", f"{job.id} of {file.owner} is {job.owner}'s")

    def claimed(self, job: LedgerJob, by: str) -> None:
        """D3: one holder at a time."""
        self.expect(job.id not in self._holders, "D3", f"{job.id} is held already, {by} claims it")
        self._holders[job.id] = (by, job.attempts)

    def freed(self, job: LedgerJob) -> None:
        """Nobody's."""
        self._holders.pop(job.id, None)

    def wrote(self, before: LedgerJob, job: LedgerJob, by: str, attempt: int | None) -> None:
        """D3: by its holder; D5: never after the end; and along the table of transitions."""
        end = before.finished_at
        self.expect(end is None, "D5", f"{by} writes {job.id} after its end: {before.status}")
        if before.status is not job.status:
            legal = (before.status, job.status) in TRANSITIONS
            self.expect(legal, "D4", f"{job.id} goes from {before.status} to {job.status}")
        if attempt is not None:
            holder = self._holders.get(job.id)
            self.expect(holder == (by, attempt), "D3", f"{by} writes {job.id}, held by {holder}")
        if attempt is not None and job.status is Status.COMPLETED:
            told = self._results.get((job.id, attempt), set())
            self.expect(job.result in told, "D5", f"{job.id} has the result {job.result}")
        if job.status in FINISHED:
            self.freed(job)
        self._history[job.id].append((job.version, _view(job)))

    def returned(self, id_: UUID, attempt: int, result: object) -> None:
        """A handler has ended well."""
        self._results.setdefault((str(id_), attempt), set()).add(json.dumps(result))

    # -- the devices

    def showed(self, file: File, id_: str, before: LocalJob | None) -> None:
        """D4: a device sees later states of its jobs, never earlier ones; D6: of its owner alone."""
        job = file.rows.get(id_)
        if job is None or job.status in (Status.PENDING, Status.REJECTED):
            return
        owner = self.ledger.owner_of(id_)
        if owner is None or owner != file.owner:
            self.expect(False, "D6", f"{file} shows {id_}, which is {owner}'s")
            return
        place = self._place(file, id_)
        views = [view for _, view in self._history[id_]]
        now = (job.status, job.progress, job.attempts, job.result, job.error)
        while place < len(views) and (place < 0 or views[place] != now):
            place += 1
        earlier = before and (before.status, before.progress, before.attempts)
        self.expect(place < len(views), "D4", f"{file} shows {id_} as {now[:3]} after {earlier}")
        self._shown[file.name, id_] = place

    def acknowledged(self, file: File, ops: Sequence[Op], refused: Sequence[str]) -> None:
        """D1: what leaves the outbox is in the ledger, or is visibly refused."""
        for op in ops:
            id_ = op["id"]
            known = self.ledger.rows.get(id_)
            if id_ in refused:
                due = (file.name, id_) in self.to_refuse or id_ in self.ledger.tombstones
                self.expect(due, "D1", f"{file} is refused {op['op']} of {id_} without a reason")
                continue
            done = self.ledger.owner_of(id_) == file.owner
            self.expect(done, "D1", f"{file} takes {op['op']} of {id_} for done")
            if op["op"] == "submit":
                self._shown[file.name, id_] = max(self._place(file, id_), 0)
            elif known is not None:
                heard = known.finished_at is not None or id_ in self.ledger.postponed
                self.expect(heard, "D1", f"{file} takes {id_} for cancelled")

    def read(self, file: File, before: str | None) -> None:
        """D7: the cursor moves on, and past nothing that the device does not have."""
        earlier, now = _since(before), _since(file.cursor)
        if now is None or now == earlier:
            return
        if earlier is not None:
            back = now.xmax < earlier.xmax or any(earlier.sees(xid) for xid in now.running)
            self.expect(not back, "D7", f"{file} read up to {earlier} and now up to {now}")
        for id_, job in self.ledger.rows.items():
            if job.owner == file.owner and not self._has(file, job, now):
                self.expect(False, "D7", f"{file} has read up to {now} and has skipped {id_}")
        for id_ in self._pruned(file):
            if now.sees(self.ledger.tombstones[id_].version):
                self.expect(False, "D7", f"{file} has read up to {now} and still has {id_}")

    def unheard_of(self, file: File, id_: str) -> None:
        """D7: what a device never had comes with its payload."""
        self.expect(False, "D7", f"{file} is told of {id_} without its payload")

    def _pruned(self, file: File) -> list[str]:
        """What it has of the pruned, though there is nothing unsent of it and nothing to be seen."""
        unsent = {op["id"] for op in file.outbox}
        found = (self.ledger.tombstones.keys() & file.rows.keys()) - unsent
        return [id_ for id_ in sorted(found) if file.rows[id_].status is not Status.REJECTED]

    def _has(self, file: File, job: LedgerJob, read: Snapshot) -> bool:
        if not read.sees(job.version):
            # It has changed since, and comes again.
            return True
        here = file.rows.get(job.id)
        if here is not None and here.status is Status.REJECTED:
            return True
        views = [view for _, view in self._history[job.id]]
        # Its own submit a device knows of before it is told.
        own = here is not None and job.client_id == file.client_id and len(views) == 1
        place = self._place(file, job.id)
        return own or (place >= 0 and views[place] == views[-1])

    def _place(self, file: File, id_: str) -> int:
        return self._shown.get((file.name, id_), -1)

    # -- in the end

    def differences(self) -> list[str]:
        """D1, D5, D7: why this is not the end yet; empty if all is said, done and known."""
        found = [
            f"{job.id} is {job.status}, held by {job.locked_by}"
            for job in self.ledger.rows.values()
            if job.finished_at is None
        ]
        for file in self.files.values():
            found += [f"{file} has not sent {op['op']} of {op['id']}" for op in file.outbox]
            found += self._differences(file)
        return found

    def _differences(self, file: File) -> list[str]:
        found = []
        for id_, job in self.ledger.rows.items():
            if job.owner == file.owner and id_ not in file.rows:
                found.append(f"{file} does not have {id_}")
        for id_, here in file.rows.items():
            there = self.ledger.rows.get(id_)
            if here.status is Status.REJECTED:
                if (file.name, id_) not in self.to_refuse and id_ not in self.ledger.tombstones:
                    found.append(f"{file}: {id_} was refused: {here.rejected}")
            elif there is None or there.owner != file.owner:
                found.append(f"{file}: {id_} is {here.status} and not in the ledger")
            elif _view(there) != (
                here.status,
                here.progress,
                here.attempts,
                here.result,
                here.error,
            ):
                found.append(f"{file} shows {id_} as {here.status}, it is {there.status}")
        return found


def _view(job: LedgerJob) -> View:
    code = json.loads(job.error)["code"] if job.error else None
    return job.status, job.progress, job.attempts, job.result, code


def _since(text: str | None) -> Snapshot | None:
    cursor = Cursor.parse(text, EPOCH)
    return Snapshot.parse(cursor.since) if cursor is not None and cursor.since else None
