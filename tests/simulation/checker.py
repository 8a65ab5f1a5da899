"""What must be true at every moment, whatever befalls: the guarantees D1 to D7, each step looked at.

The checker hears of every row that is committed anywhere. It keeps the history of each job in the
ledger, and for each device the place in that history which the device shows: a place that may only
move on.

A restore begins another life of the ledger, with histories of its own. What a device is told may be
of the database that let it in, or of one that came in its place unnoticed; never of an earlier one.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from uuid import UUID

from jobferry_server.gateway.cursor import Cursor
from jobferry_shared.states import FINISHED, TRANSITIONS, Status
from simulation.file import File, LocalJob, Op
from simulation.ledger import Ledger, LedgerJob
from simulation.life import Life, shown, view
from simulation.postgres import Snapshot

__all__ = ["Checker", "Violation"]

#: A life's number, and a place in a job's history there.
Place = tuple[int, int]
NOWHERE = (0, -1)
NOT_YET = (Status.PENDING, Status.REJECTED)


class Violation(Exception):
    """A guarantee does not hold."""


class Checker:
    """One run's memory of what was, and the judgement on what comes."""

    def __init__(self) -> None:
        #: The first of what was found wrong.
        self.violation: Violation | None = None
        self.files: dict[str, File] = {}
        #: Ids that a device must see refused: taken from somebody else, or with a poisonous payload.
        self.to_refuse: set[tuple[str, str]] = set()
        self._lives: list[Life] = []
        self._shown: dict[tuple[str, str], Place] = {}
        #: Which life's database had let the device in when it was last told of the job.
        self._told: dict[tuple[str, str], int] = {}
        #: How far each held job has come in its attempt.
        self._reached: dict[str, float] = {}
        self._results: dict[tuple[str, int], set[str]] = {}
        #: The database that each device was in step with when it last wrote.
        self._in_step: dict[str, str | None] = {}
        #: By device and job what the application wrote.
        self._wrote: dict[tuple[str, str], str] = {}
        #: Jobs that no device has submitted.
        self._servers: set[str] = set()
        #: Jobs that have rightly left a file, and those that were rightly refused.
        self._left: set[tuple[str, str]] = set()
        self._refused: set[tuple[str, str]] = set()

    def expect(self, truth: bool, guarantee: str, otherwise: str) -> None:
        """Note the first thing that is wrong. It can't be raised here: somebody would catch it."""
        if not truth and self.violation is None:
            self.violation = Violation(f"{guarantee}: {otherwise}")

    # -- the ledger

    def watch(self, ledger: Ledger) -> None:
        """This is the ledger."""
        self._ledger = ledger
        self.restored()

    def restored(self) -> None:
        """What the ledger has now is all that it knows."""
        self._lives.append(Life.of(self._ledger))

    @property
    def _now(self) -> Life:
        return self._lives[-1]

    def inserted(self, job: LedgerJob) -> None:
        """D2: one row per submit, with what the device said, of its owner."""
        self.expect(job.id not in self._now.owners, "D2", f"{job.id} is inserted a second time")
        self._now.owners[job.id] = job.owner
        self._now.history[job.id] = [view(job)]
        if job.client_id is None:
            self._servers.add(job.id)
        else:
            file = self.files[job.client_id]
            said = file.rows[job.id]
            self.expect(said.payload == job.payload, "D2", f"{job.id} says something else")
            self.expect(file.owner == job.owner, "D6", f"{job.id} of {file.owner} is {job.owner}'s")

    def claimed(self, job: LedgerJob, by: str) -> None:
        """D3: one holder at a time."""
        holders = self._now.holders
        self.expect(job.id not in holders, "D3", f"{job.id} is held already, {by} claims it")
        holders[job.id] = (by, job.attempts)
        self._reached[job.id] = 0.0

    def freed(self, job: LedgerJob) -> None:
        """Nobody's."""
        self._now.holders.pop(job.id, None)

    def wrote(self, before: LedgerJob, job: LedgerJob, by: str, attempt: int | None) -> None:
        """D3: by its holder; D5: never after the end; and along the table of transitions."""
        end = before.finished_at
        self.expect(end is None, "D5", f"{by} writes {job.id} after its end: {before.status}")
        if before.status is not job.status:
            legal = (before.status, job.status) in TRANSITIONS
            self.expect(legal, "D4", f"{job.id} goes from {before.status} to {job.status}")
        if attempt is not None:
            holder = self._now.holders.get(job.id)
            self.expect(holder == (by, attempt), "D3", f"{by} writes {job.id}, held by {holder}")
            self._progressed(before, job)
        if attempt is not None and job.status is Status.COMPLETED:
            told = self._results.get((job.id, attempt), set())
            self.expect(job.result in told, "D5", f"{job.id} has the result {job.result}")
        if job.status in FINISHED:
            self.freed(job)
        self._now.history[job.id].append(view(job))

    def _progressed(self, before: LedgerJob, job: LedgerJob) -> None:
        """D4: within an attempt progress does not go back. What others wrote meanwhile does not count,
        and after a restore one attempt may be run twice at once.
        """
        if job.progress != before.progress:
            back = job.progress < self._reached.get(job.id, 0.0) and len(self._lives) == 1
            self.expect(not back, "D4", f"{job.id} falls back to {job.progress}")
            self._reached[job.id] = job.progress

    def returned(self, id_: UUID, attempt: int, result: object) -> None:
        """A handler has ended well."""
        self._results.setdefault((str(id_), attempt), set()).add(json.dumps(result))

    # -- the devices

    def submitted(self, file: File, job: LocalJob) -> None:
        """An application's INSERT has returned."""
        self._wrote[file.name, job.id] = job.payload

    def showed(self, file: File, id_: str) -> None:
        """D4: a device sees later states of its jobs, never earlier ones; D6: of its owner alone."""
        job = file.rows.get(id_)
        if job is None or job.status in NOT_YET:
            return
        if not any(life.owners.get(id_) == file.owner for _, life in self._told_of(file)):
            self.expect(False, "D6", f"{file} shows {id_}, which is {self._ledger.owner_of(id_)}'s")
            return
        place = self._find(file, job)
        self.expect(place is not None, "D4", f"{file} shows {id_} as {shown(job)[:3]}")
        if place is not None:
            self._shown[file.name, id_] = place
            self._told[file.name, id_] = self._met(file)

    def _find(self, file: File, job: LocalJob) -> Place | None:
        """The first place from where the device was that looks like this."""
        begun = self._place(file, job.id)
        for number, life in self._told_of(file):
            views = life.history.get(job.id, ())
            first = max(begun[1], 0) if number == begun[0] else 0
            for index in range(first, len(views)):
                if number >= begun[0] and views[index] == shown(job):
                    return number, index
        return None

    def _told_of(self, file: File) -> Iterator[tuple[int, Life]]:
        """The lives of which its connection may tell, each with its number."""
        for number, life in enumerate(self._lives):
            if number >= self._met(file):
                yield number, life

    def _met(self, file: File) -> int:
        epochs = [life.epoch for life in self._lives]
        return epochs.index(file.met) if file.met in epochs else 0

    def acknowledged(self, file: File, ops: Sequence[Op], refused: Sequence[str]) -> None:
        """D1: what leaves the outbox is in the ledger, or is visibly refused."""
        lives = list(self._told_of(file))
        for op in ops:
            id_ = op["id"]
            if id_ in refused:
                due = (file.name, id_) in self.to_refuse or self._may_refuse(file, op, lives)
                self.expect(due, "D1", f"{file} is refused {op['op']} of {id_} without a reason")
                self._refused.add((file.name, id_))
                continue
            known = [n for n, life in lives if life.owners.get(id_) == file.owner]
            self.expect(bool(known), "D1", f"{file} takes {op['op']} of {id_} for done")
            if op["op"] == "submit" and known:
                self._shown[file.name, id_] = max(self._place(file, id_), (known[0], 0))
            elif known:
                heard = any(life.heard_cancel(id_) for _, life in lives)
                self.expect(heard, "D1", f"{file} takes {id_} for cancelled")

    def _may_refuse(self, file: File, op: Op, lives: Sequence[tuple[int, Life]]) -> bool:
        """It was pruned; or a restore took away what is to be cancelled, and nobody has noticed yet."""
        pruned = any(op["id"] in life.tombstones for _, life in lives)
        # What is unfinished and a device's is sent again before it is cancelled.
        here = file.rows.get(op["id"])
        history = op["id"] in self._servers or (here is not None and here.status in FINISHED)
        lost = lives if history else lives[1:]
        unknown = any(op["id"] not in life.owners for _, life in lost)
        return pruned or (op["op"] == "cancel" and unknown)

    def read(self, file: File, before: str | None) -> None:
        """D7: the cursor moves on, and past nothing that the device does not have."""
        earlier, now = self._since(before), self._since(file.cursor)
        if now is None or now == earlier:
            return
        if earlier is not None:
            back = now.xmax < earlier.xmax or any(earlier.sees(xid) for xid in now.running)
            self.expect(not back, "D7", f"{file} read up to {earlier} and now up to {now}")
        for id_, job in self._ledger.rows.items():
            if job.owner == file.owner and now.sees(job.version) and not self._has(file, job):
                self.expect(False, "D7", f"{file} has read up to {now} and has skipped {id_}")
        for id_ in self._pruned(file):
            if now.sees(self._ledger.tombstones[id_].version):
                self.expect(False, "D7", f"{file} has read up to {now} and still has {id_}")

    def _since(self, text: str | None) -> Snapshot | None:
        """Up to where it has read of the ledger as it is; ``None`` if that can't be said."""
        cursor = Cursor.parse(text, self._now.epoch)
        return Snapshot.parse(cursor.since) if cursor is not None and cursor.since else None

    def unheard_of(self, file: File, id_: str) -> None:
        """D7: what a device never had comes with its payload, unless a restore brought it back unnoticed."""
        unnoticed = len(list(self._told_of(file))) > 1
        self.expect(unnoticed, "D7", f"{file} is told of {id_} without its payload")

    def _pruned(self, file: File) -> list[str]:
        """What it has of the pruned, though there is nothing unsent of it and nothing to be seen."""
        unsent = {op["id"] for op in file.outbox}
        found = (self._ledger.tombstones.keys() & file.rows.keys()) - unsent
        return [
            id_
            for id_ in sorted(found)
            if file.rows[id_].status is not Status.REJECTED
            and not self._is_history(file, file.rows[id_])
        ]

    def _is_history(self, file: File, here: LocalJob) -> bool:
        """It has ended, and the restored database did not show it: then it stays as it is."""
        told = self._told.get((file.name, here.id), 0)
        return here.status in FINISHED and told < len(self._lives) - 1

    def _has(self, file: File, job: LedgerJob) -> bool:
        here = file.rows.get(job.id)
        if here is None:
            return False
        # Its own submit a device knows of before it is told.
        own = job.client_id == file.client_id and job.version == job.created
        return here.status is Status.REJECTED or own or shown(here) == view(job)

    def _place(self, file: File, id_: str) -> Place:
        return self._shown.get((file.name, id_), NOWHERE)

    def committed(self, file: File, before: Mapping[str, LocalJob]) -> None:
        """What a person sees on the device, whatever the engine has to write there."""
        for id_, job in before.items():
            now = file.rows.get(id_)
            if now is None:
                self._leaves(file, job)
            elif now is not job:
                self._changes(file, job, now)
        self._in_step[file.name] = file.epoch

    def _leaves(self, file: File, job: LocalJob) -> None:
        """D1: nothing leaves a file but what was pruned, or what a server's restore took back; and what
        only the device has left of a time before, once it is made to read the same database anew.
        """
        lives = list(self._told_of(file))
        pruned = any(job.id in life.tombstones for _, life in lives)
        undone = job.id in self._servers and any(job.id not in life.owners for _, life in lives)
        history = self._is_history(file, job) and self._in_step.get(file.name) == file.epoch
        rightly = pruned or undone or history
        self.expect(rightly, "D1", f"{job.id} leaves {file}: {job.status}")
        self._left.add((file.name, job.id))

    def _changes(self, file: File, before: LocalJob, now: LocalJob) -> None:
        id_ = now.id
        said = self._wrote.get((file.name, id_), now.payload)
        self.expect(now.payload == said, "D1", f"{file} has another payload of {id_}")
        revived = before.status in FINISHED and now.status is Status.PENDING
        self.expect(not revived, "D4", f"{file} submits {id_} again, which was {before.status}")
        flickers = before.cancelled and not now.cancelled
        explained = now.status in (*FINISHED, Status.REJECTED) or before.status in FINISHED
        refused = (file.name, id_) in self._refused
        self.expect(
            not flickers or explained or refused, "D4", f"{file} forgets its cancel of {id_}"
        )

    # -- in the end

    def differences(self) -> list[str]:
        """D1, D5, D7: why this is not the end yet; empty if all is said, done and known."""
        found = [
            f"{job.id} is {job.status}, held by {job.locked_by}"
            for job in self._ledger.rows.values()
            if job.finished_at is None
        ]
        for file in self.files.values():
            found += [f"{file} has not sent {op['op']} of {op['id']}" for op in file.outbox]
            found += self._differences(file)
        return found + list(self._lost())

    def _lost(self) -> Iterator[str]:
        for name, id_ in self._wrote:
            here = any(file.name == name and id_ in file.rows for file in self.files.values())
            known = self._ledger.owner_of(id_) is not None
            if not (here or known or (name, id_) in self._left):
                yield f"{id_} of {name} is nowhere"

    def _differences(self, file: File) -> Iterator[str]:
        for id_, job in self._ledger.rows.items():
            if job.owner == file.owner and id_ not in file.rows:
                yield f"{file} does not have {id_}"
        for here in file.rows.values():
            if (found := self._difference(file, here)) is not None:
                yield f"{file}: {here.id} is {here.status} {found}"

    def _difference(self, file: File, here: LocalJob) -> str | None:
        there = self._ledger.rows.get(here.id)
        if here.status is Status.REJECTED:
            due = (file.name, here.id) in self.to_refuse | self._refused
            return None if due else f"for {here.rejected}"
        if there is None or there.owner != file.owner:
            return None if self._is_history(file, here) else "and not in the ledger"
        return None if view(there) == shown(here) else f"and {there.status} in the ledger"
