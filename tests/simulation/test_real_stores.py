"""The same on a real SQLite and a real Postgres, step by step as Hypothesis chooses."""

import asyncio
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, ClassVar, LiteralString
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from integration.database import Database, Held
from jobferry_client.errors import JobNotFound
from jobferry_server.gateway.cursor import Cursor
from simulation.hand_driven import UNSAID, Device
from simulation.mortal import MortalGateway
from support.facts import (
    Ledger,
    differences,
    flickers,
    keep_a_diary,
    local_rows,
    outbox,
    steps_back,
    unsent,
)
from support.postgres import TestServer
from support.processes import eventually
from support.services import Services

EXAMPLES = int(os.environ.get("JOBFERRY_EXAMPLES", "6"))
STEPS = 30

DEVICES = st.integers(0, 2)
ANY = st.integers(0, 99)
FAILURE = {"error": {"code": "no_luck", "message": "this time"}, "delay": "0 seconds"}
END_BACKENDS: LiteralString = (
    "select pg_terminate_backend(pid) from pg_stat_activity"
    " where datname = current_database() and application_name like 'jobferry_gateway%'"
)
OUTCOMES = st.sampled_from(["done", "failed", "moved", "released"])


class Worlds(RuleBasedStateMachine):
    """Three devices of two owners, two gateways, processors that die, and somebody slow.

    Whoever there is may be killed between any two steps: gateways with all their connections, engines
    and applications in the middle of a transaction, processors with what they hold. Of Postgres the
    backends are; that it recovers as a whole takes seconds, which ``tests/faults`` spend.
    """

    numbers = count()
    dsn: ClassVar[str]
    gateways: ClassVar[list[MortalGateway]]

    def __init__(self) -> None:
        super().__init__()
        number = next(self.numbers)
        #: Examples share a database; each has owners and a task of its own.
        self.task = f"task-{number}"
        self.owners = [f"anna-{number}", f"anna-{number}", f"bert-{number}"]
        self.stack = ExitStack()
        folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        runner = self.stack.enter_context(asyncio.Runner())
        self.db = self.stack.enter_context(Database(self.dsn))
        self.stranger = self.stack.enter_context(Database(self.dsn))
        self.strange: ExitStack | None = None
        self.devices = [
            Device(folder / f"{n}.db", owner, runner) for n, owner in enumerate(self.owners)
        ]
        for device in self.devices:
            keep_a_diary(device.path)
        self.submitted: list[tuple[Device, UUID]] = []
        self.names = count()
        self.held: list[tuple[str, Held]] = []
        self._new_processor()

    def _new_processor(self) -> None:
        self.processor = f"{self.task}-{next(self.names)}"
        self.db.register(self.processor, self.task)

    # -- applications

    @initialize()
    def have_something_to_do(self) -> None:
        """Few steps of few examples: they must not be spent on an empty ledger."""
        for which in range(3):
            self.submit(which, 2)
            self.talk(which, gateway=True)

    @rule(which=DEVICES, number=st.integers(1, 3))
    def submit(self, which: int, number: int) -> None:
        device = self.devices[which]
        for n in range(number):
            job = device.application.submit(self.task, {"n": n})
            self.submitted.append((device, job.id))

    @precondition(lambda self: self.submitted)
    @rule(which=ANY)
    def cancel(self, which: int) -> None:
        device, job = self.submitted[which % len(self.submitted)]
        # It may have been pruned.
        with suppress(JobNotFound):
            device.application.cancel(job)

    # -- the conversation

    @rule(which=DEVICES, gateway=st.booleans(), writing=st.booleans())
    def talk(self, which: int, gateway: bool, writing: bool = False) -> None:
        """Until nobody has anything to say this moment; the application may write meanwhile."""
        device = self._connected(which, gateway)
        device.push()
        if writing:
            self.submit(which, 1)
        while device.connected and device.hear():
            device.push()

    @rule(which=DEVICES, gateway=st.booleans())
    def push(self, which: int, gateway: bool) -> None:
        self._connected(which, gateway).push()

    @rule(which=DEVICES, gateway=st.booleans(), messages=st.integers(1, 6))
    def hear(self, which: int, gateway: bool, messages: int) -> None:
        device = self._connected(which, gateway)
        while messages and device.connected and device.hear():
            messages -= 1

    @rule(which=DEVICES, gateway=st.booleans())
    def push_and_lose_the_answer(self, which: int, gateway: bool) -> None:
        device = self._connected(which, gateway)
        device.push()
        device.cut()

    @rule(which=DEVICES, gateway=st.booleans())
    def push_and_be_away_for_long(self, which: int, gateway: bool) -> None:
        """Its jobs end and are pruned before it hears that they have arrived."""
        device = self._connected(which, gateway)
        self.submit(which, 1)
        job = self.submitted[-1][1]
        device.push()
        # It may not have been let in yet.
        with suppress(AssertionError):
            eventually(lambda: self.db.events(job), 2, 0.005)
        device.cut()
        self.work(3, "done")
        self.prune()

    @rule(which=DEVICES, gateway=st.booleans(), after=st.integers(0, 60))
    def hear_and_die(self, which: int, gateway: bool, after: int) -> None:
        self._connected(which, gateway).hear_and_die(after)

    @rule(which=DEVICES)
    def submit_and_die(self, which: int) -> None:
        self.devices[which].submit_and_die(self.task)

    @rule(which=DEVICES, gateway=st.booleans())
    def push_and_kill_the_gateway(self, which: int, gateway: bool) -> None:
        """It may have committed that, and have told nobody."""
        self._connected(which, gateway).push()
        self.gateways[gateway].kill()

    @rule(which=DEVICES, gateway=st.booleans())
    def push_and_end_the_backends(self, which: int, gateway: bool) -> None:
        """Of all gateways, in the middle of what they are at."""
        self._connected(which, gateway).push()
        self.db.do(END_BACKENDS)

    def _connected(self, which: int, gateway: bool) -> Device:
        device = self.devices[which]
        if not device.connected:
            device.connect(self.gateways[gateway].url)
            # Let in.
            device.hear()
        return device

    # -- processors

    @rule(most=st.integers(1, 3))
    def claim(self, most: int) -> None:
        rows = self.db.claim(self.processor, most, tasks=[self.task])
        self.held += [(self.processor, Held(row["id"], row["attempt"])) for row in rows]

    @rule(most=st.integers(1, 3), outcome=OUTCOMES)
    def work(self, most: int, outcome: str) -> None:
        begun = len(self.held)
        self.claim(most)
        for processor, held in self.held[begun:]:
            self._say(processor, held, outcome)

    @rule(which=ANY, outcome=OUTCOMES)
    def say(self, which: int, outcome: str) -> None:
        # No precondition: Hypothesis wants those to follow from its choices alone.
        if self.held:
            self._say(*self.held[which % len(self.held)], outcome)

    def _say(self, processor: str, held: Held, outcome: str) -> None:
        """D3: what a processor says of a job that it does not hold changes nothing; D5: else it is there."""
        before, queued = self._row(held.id), self.db.queue().get(held.id)
        self._flush(self.db, processor, held, outcome)
        now = self._row(held.id)
        if queued is None or (queued["locked_by"], queued["attempts"]) != (processor, held.attempt):
            assert now == before
        elif outcome == "done" and now and now["status"] == "completed":
            assert now["result"] == {"by": "a processor"}

    def _row(self, job: UUID) -> dict[str, Any] | None:
        """The ledger's, unless it was pruned."""
        found = self.db.rows("select * from background_jobs where id = %s", job)
        return found[0] if found else None

    @rule(which=ANY, outcome=OUTCOMES)
    def say_and_die(self, which: int, outcome: str) -> None:
        """Its backend is gone before the commit, and the processor with it: nobody gives anything back."""
        if not self.held:
            return
        processor, held = self.held[which % len(self.held)]
        with Database(self.dsn) as dying, suppress(psycopg.OperationalError), dying.together():
            self._flush(dying, processor, held, outcome, UNSAID)
            self.db.do("select pg_terminate_backend(%s, 10000)", dying.pid)
        said = self._row(held.id)
        assert said is None or said["result"] != {"by": UNSAID}
        self.held = [one for one in self.held if one[0] != processor]
        if processor == self.processor:
            self._new_processor()

    def _flush(
        self, db: Database, processor: str, held: Held, outcome: str, by: str = "a processor"
    ) -> None:
        match outcome:
            case "done":
                db.flush(processor, done=[(held, f'{{"by": "{by}"}}')])
            case "failed":
                db.flush(processor, failed=[(held, FAILURE)])
            case "moved":
                db.flush(processor, moved=[(held, 0.5)])
            case _:
                db.flush(processor, released=[held])

    @rule(outcome=st.none() | OUTCOMES)
    def lose_the_lease(self, outcome: str | None) -> None:
        """It is taken for dead; what it still holds in its hands it may yet speak of."""
        self.db.do("update jobferry.processors set last_seen = now() - interval '1 hour'")
        self.db.reap("1 minute")
        lost = self.held
        self._new_processor()
        for processor, held in lost if outcome else ():
            self._say(processor, held, outcome or "")

    # -- somebody who takes his time

    @precondition(lambda self: self.strange is None)
    @rule(which=ANY, new=st.booleans())
    def begin(self, which: int, new: bool) -> None:
        self.strange = ExitStack()
        self.strange.enter_context(self.stranger.together())
        if new or not self.submitted:
            self.stranger.insert(submitted_by=self.owners[which % 3], task=self.task)
        else:
            job = self.submitted[which % len(self.submitted)][1]
            self.stranger.do(
                "update background_jobs set progress = greatest(progress, 0.25) where id = %s", job
            )

    @precondition(lambda self: self.strange is not None)
    @rule()
    def commit(self) -> None:
        if self.strange is not None:
            self.strange.close()
            self.strange = None

    @precondition(lambda self: self.strange is not None)
    @rule()
    def end_the_stranger(self) -> None:
        """What he wrote never was."""
        self.db.do("select pg_terminate_backend(%s, 10000)", self.stranger.pid)
        with suppress(psycopg.OperationalError):
            self.commit()
        self.strange = None
        self.stranger = self.stack.enter_context(Database(self.dsn))

    @rule()
    def prune(self) -> None:
        """What has ended leaves the ledger, unless somebody is writing it."""
        self.db.do(
            "delete from background_jobs where id in (select id from background_jobs"
            " where task = %s and finished_at is not null for update skip locked)",
            self.task,
        )

    # -- what is always true

    @invariant()
    def no_submit_is_lost_or_doubled(self) -> None:
        """D1, D2: it is in the ledger once, or waits in the outbox."""
        for device, job in self.submitted:
            events = self.db.events(job)
            assert events.count("submitted") <= 1
            assert events or str(job) in unsent(device.path), f"{job} is lost"
        said = "select count(*) from background_jobs where task = %s and payload = %s::jsonb"
        assert self.db.value(said, self.task, json.dumps(UNSAID)) == 0

    @invariant()
    def a_device_shows_what_was_written_there(self) -> None:
        """Whoever was killed meanwhile: its jobs until they are pruned, its cancels until they have ended."""
        for device in self.devices:
            # Of what was pruned meanwhile a cancel is refused.
            found = [job for job in flickers(device.path) if not self._is_pruned(job)]
            assert found == []
            rows = local_rows(device.path)
            for author, job in self.submitted:
                if author is device and str(job) not in rows:
                    assert self._is_pruned(str(job)), f"{job} is not shown"

    def _is_pruned(self, job: str) -> bool:
        return "deleted" in self.db.events(UUID(job))

    @invariant()
    def nobody_sees_what_is_another_s_or_goes_back(self) -> None:
        """D4, D6."""
        for device in self.devices:
            assert steps_back(device.path) == []
            found = {row["submitted_by"] for row in local_rows(device.path).values()}
            assert found <= {None, device.owner}

    @invariant()
    def nothing_is_skipped(self) -> None:
        """D7: a device has what its cursor has seen."""
        for device in self.devices:
            rows = local_rows(device.path)
            for there in self._seen(device):
                here = rows.get(there["id"])
                assert here is not None, f"{there['id']} is skipped"
                own = there["fresh"] and here["client_id"] in (None, there["client_id"])
                if not own:
                    assert (here["status"], here["attempts"], here["progress"]) == (
                        there["status"],
                        there["attempts"],
                        there["progress"],
                    )

    def _seen(self, device: Device) -> list[dict[str, Any]]:
        cursor = Cursor.parse(device.cursor, self.db.value("select jobferry.epoch()"))
        if cursor is None or cursor.since is None:
            return []
        return self.db.rows(
            "select id::text, status, attempts, progress, client_id::text, version = created as fresh"
            " from background_jobs"
            " where submitted_by = %s and pg_visible_in_snapshot(version, %s::pg_snapshot)",
            device.owner,
            cursor.since,
        )

    # -- healing

    def teardown(self) -> None:
        """D7: when the faults end everybody gets in step."""
        try:
            self.commit()
            for device in self.devices:
                device.cut()
                with suppress(AssertionError):
                    eventually(partial(self._caught_up, device), 20, 0)
                found = self._differences(device)
                assert not found, f"{device.owner}: {found}"
            self.nobody_sees_what_is_another_s_or_goes_back()
        finally:
            for device in self.devices:
                device.close()
            self.stack.close()

    def _caught_up(self, device: Device) -> bool:
        self._connected(self.devices.index(device), gateway=True).push()
        device.hear()
        return bool(device.in_step and not self._differences(device))

    def _differences(self, device: Device) -> list[str]:
        if unsent := outbox(device.path):
            return [f"{unsent} operations are unsent"]
        found = differences(device.path, Ledger(self.dsn), device.owner)
        return [one for one in found if one not in self._refused(device)]

    def _refused(self, device: Device) -> set[str]:
        """A job that came once more after it was pruned: its device shows that it was refused."""
        pruned = {str(job) for job in self.db.column("select job_id from jobferry.tombstones")}
        rows = local_rows(device.path)
        return {f"{job} is only here" for job in pruned & rows.keys() if _is_refused(rows[job])}


def _is_refused(row: dict[str, Any]) -> bool:
    return bool(row["status"] == "rejected")


@pytest.fixture(scope="module", autouse=True)
def _on_this_server(server: TestServer) -> Iterator[None]:
    with server.database() as dsn, Services(dsn) as services, ExitStack() as stack:
        Worlds.dsn = dsn
        Worlds.gateways = [MortalGateway(services, dsn) for _ in range(2)]
        for gateway in Worlds.gateways:
            stack.callback(gateway.close)
        yield


TestWorlds = Worlds.TestCase
TestWorlds.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=STEPS,
    deadline=None,
    # Smaller examples would take a minute to find.
    phases=[Phase.reuse, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def test_a_device_that_sends_again_knows_when_its_job_was_received(tmp_path: Path) -> None:
    """Not when it was sent again, be it a day later."""
    with asyncio.Runner() as runner, Database(Worlds.dsn) as db:
        device = Device(tmp_path / "till.db", "anna-again", runner)
        device.connect(Worlds.gateways[0].url)
        eventually(lambda: device.hear() and device.in_step, every=0)
        device.cut()
        job = device.application.submit("nobody-s")
        for _ in range(2):
            device.connect(Worlds.gateways[0].url)
            eventually(device.hear, every=0)
            device.push()
            eventually(partial(db.rows, "select from background_jobs where id = %s", job.id))
            device.cut()
        # The answer comes first, with the time of the last submit; the change with the first's follows.
        eventually(partial(_says_what_the_ledger_says, device), every=0)
        device.close()


def _says_what_the_ledger_says(device: Device) -> bool:
    if not device.connected:
        device.connect(Worlds.gateways[0].url)
    device.hear()
    device.push()
    return outbox(device.path) == 0 and not differences(
        device.path, Ledger(Worlds.dsn), device.owner
    )
