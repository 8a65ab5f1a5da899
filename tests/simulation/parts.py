"""The real gateway, processor and engine with other edges: no socket, no Postgres, no file, no clock.

What each module imported from the outside world is replaced by what the current run has in its
place. Everything else is the product as it is.
"""

import asyncio
import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol
from unittest.mock import patch

from filelock import Timeout

import jobferry_client.backoff
import jobferry_client.connection
import jobferry_client.engine
import jobferry_server.doorbell
import jobferry_server.gateway.device
import jobferry_server.gateway.feed
import jobferry_server.gateway.ingest
import jobferry_server.gateway.pushes
import jobferry_server.gateway.server
import jobferry_server.gateway.upkeep
import jobferry_server.processor.keeper
import jobferry_server.processor.service
from jobferry_client.connection import Timing
from jobferry_client.engine import Engine
from jobferry_client.state import Ring
from jobferry_server import Job, Processor
from jobferry_server.doorbell import Doorbell
from jobferry_server.errors import Fail, Retry, Stopped
from jobferry_server.gateway import Gateway
from jobferry_server.gateway.cursor import Cursor
from jobferry_server.gateway.device import Batch, Device
from jobferry_server.gateway.feed import Feed
from jobferry_server.gateway.ingest import GroupCommit, _answer
from jobferry_server.gateway.pushes import Lane
from jobferry_server.gateway.revocations import Revocations
from jobferry_server.gateway.starts import Starts
from jobferry_server.processor.attempt import Attempt
from jobferry_server.processor.workers import Workers
from jobferry_server.settings import GatewaySettings, ProcessorSettings
from jobferry_server.tokens import Identity, Verifier
from jobferry_shared.limits import Limits
from jobferry_shared.messages import Change
from simulation.bugs import Bugs
from simulation.file import Replica
from simulation.ledger import Ledger
from simulation.loop import Loop, Process, process_now
from simulation.network import Network, ServerLine
from simulation.postgres import Postgres
from simulation.real_file import RealReplica

__all__ = ["LEASE", "Edges", "engine", "enter", "gateway", "process", "replaced"]

LEASE = 3.0
#: Everything by twos and threes, so that there are pages, windows and groups with few jobs.
LIMITS = Limits(batch=2, window=2)
TIMING = Timing(watch=0.5, heartbeat=1.5, silence=3.5, connect=2.0, stalled=1e9, doubt=4.0)
FOREVER = 1e12
LATE_SECONDS = 1.0
NO_SECRET = "nothing is signed with this, nor looked at"


class Edges(Protocol):
    """What a run has in place of the outside world."""

    loop: Loop
    network: Network
    postgres: Postgres
    ledger: Ledger
    bugs: Bugs
    random: Any
    locks: dict[str, Process]

    def replica(self, path: Path) -> Replica | RealReplica:
        """The file of this name."""

    def name(self) -> str:
        """A name that no processor had before."""

    def returned(self, job: Job, result: object) -> None:
        """A handler has ended well."""


_edges: Edges


class SmallGateway(GatewaySettings):
    """Settings with small limits."""

    @property
    def limits(self) -> Limits:
        """What a device is told in its welcome."""
        return LIMITS


#: More operations of an owner than these wait in the lane of those who have much.
LITTLE = 3
GATEWAY = SmallGateway(
    silence_seconds=8.0,
    hello_seconds=2.0,
    drain_seconds=0.5,
    group=5,
    # As many as there are files at most: only the dead keep anybody out.
    owner_connections=4,
    owner_rate=10.0,
    owner_burst=4,
    # For an owner, a push or two.
    waiting_bytes=8 * 500,
)
PROCESSOR = ProcessorSettings(
    concurrency=2,
    prefetch=3,
    flush_seconds=0.5,
    poll_seconds=1.5,
    lease_seconds=LEASE,
    grace_seconds=1.0,
    schedules=False,
)

processor = Processor()


@processor.task("t")
async def work(job: Job) -> object:
    """Takes a while and ends one way or the other."""
    random = _edges.random
    for step in range(random.randrange(3)):
        await asyncio.sleep(random.expovariate(2))
        job.progress((step + 1) / 4)
    match random.random():
        case luck if luck < 0.1:
            raise Retry("again", in_=random.random())
        case luck if luck < 0.15:
            raise Fail("hopeless", "it was no use")
        case luck:
            _edges.returned(job, luck)
            return luck


async def gateway(stop: asyncio.Event) -> None:
    """A gateway's process."""
    with suppress(Stopped):
        async with Gateway("", Believer(NO_SECRET), GATEWAY).running(stop):
            await stop.wait()


async def process(stop: asyncio.Event) -> None:
    """A processor's process."""
    settings = PROCESSOR
    if _edges.bugs.skip_the_sweep:
        settings = settings.model_copy(update={"poll_seconds": FOREVER})
    with suppress(Stopped):
        await processor.service("", settings).run(stop)


def engine(path: Path, owner: str) -> Engine:
    """A device's engine, in the process that runs."""
    return Engine(path, "", owner, Ring(), TIMING)


class Believer(Verifier):
    """A token is the owner's name."""

    def verify(self, token: str) -> Identity:
        """Whatever one says."""
        return Identity(token, FOREVER)


class Clock(datetime):
    """What time it is in the run."""

    @classmethod
    def now(cls, *_: Any, **__: Any) -> datetime:  # type: ignore[override]
        """By the database's clock."""
        return _edges.ledger.now


class Thread:
    """In place of the engine's: its work goes to the loop of all."""

    def __init__(self, target: Callable[[], None], **_: object) -> None:
        self._engine: Engine = target.__self__  # type: ignore[attr-defined]

    def start(self) -> None:
        """Begin to live."""
        process = process_now()
        assert process is not None
        _edges.loop.spawn(process, self._engine._live())

    def join(self) -> None:
        """It ends when it ends."""


class FileLock:
    """A lock that a process holds until it lets go or is killed."""

    def __init__(self, path: str, **_: object) -> None:
        self._path = path

    def acquire(self, *, blocking: bool) -> None:
        """Have it or :class:`Timeout`."""
        process = process_now()
        assert process is not None
        assert not blocking
        holder = _edges.locks.setdefault(self._path, process)
        if holder is not process and holder.alive:
            raise Timeout(self._path)
        _edges.locks[self._path] = process

    def release(self) -> None:
        """Let go."""
        if _edges.locks.get(self._path) is process_now():
            del _edges.locks[self._path]


class NoTransactions:
    """No handler here asks for ``job.connection``."""

    on_thread = on_loop = None

    def __init__(self, *_: object, **__: object) -> None:
        pass

    async def __aenter__(self) -> "NoTransactions":
        return self

    async def __aexit__(self, *_: object) -> None:
        pass


class TimedWorkers(Workers):
    """An attempt's own clock was chosen when its class was made."""

    def attempt(self, row: Any, traceparent: str | None) -> Attempt:
        """As it is, by our clock."""
        found = super().attempt(row, traceparent)
        found.taken = _edges.loop.time()
        return found


class PerhapsHasty(GroupCommit):
    """The group commit; with the bug it answers first."""

    async def _commit_until_done(self, group: list[Batch], lane: Lane) -> None:
        if _edges.bugs.acknowledge_before_commit:
            _answer(group)
        await super()._commit_until_done(group, lane)


class PerhapsEager(Starts):
    """Where first walks end; with the bug nobody's pushes wait for that, and it takes its time."""

    async def wait(self, device: Device) -> None:
        """As it is, or not at all."""
        if not _edges.bugs.push_before_the_start:
            await super().wait(device)

    def _begin(self, device: Device, now: str, epoch: str) -> None:
        if _edges.bugs.start_in_any_database:
            epoch = device.cursor.epoch
        super()._begin(device, now, epoch)

    async def _ask(self) -> tuple[str, str]:
        if _edges.bugs.push_before_the_start:
            await asyncio.sleep(LATE_SECONDS)
        return await super()._ask()


class PerhapsBlithe(Feed):
    """The feed; with the bug walks from the start end wherever they are."""

    def _serve(self, device: Device, rows: list[Any], changes: list[Change], most: int) -> None:
        if _edges.bugs.start_in_any_database:
            rows[0]["epoch"] = device.cursor.epoch
        super()._serve(device, rows, changes, most)


class PerhapsTrusting(Revocations):
    """The list of what was revoked; with the bug nobody looks at it."""

    def check(self, identity: Identity) -> Identity:
        """As it is, or whoever it is."""
        return identity if _edges.bugs.forget_the_revoked else super().check(identity)


class PerhapsAgeless(Cursor):
    """Where a device is; with the bug in whatever database."""

    @classmethod
    def parse(cls, text: str | None, epoch: str) -> Cursor | None:
        """As it is, or as if it were of this one."""
        if text is not None and _edges.bugs.keep_the_cursor:
            text = "/".join((epoch, *text.split("/")[1:]))
        return Cursor.parse(text, epoch)


def _perhaps_blind(bug: str) -> type[Doorbell]:
    class PerhapsBlind(Doorbell):
        """The doorbell; with the bug it does not make anybody look when it listens anew."""

        async def run(self) -> None:
            if getattr(_edges.bugs, bug):
                self._on_connect = lambda: None
            await super().run()

    return PerhapsBlind


def _device_hash(device: Device) -> int:
    """The same in every run, so that sets of them have the same order in every run."""
    return int(device.client_id[:8] or "0", 16)


def enter(edges: Edges) -> None:
    """From now on these are the edges."""
    global _edges
    _edges = edges
    for module in (jobferry_client.backoff, jobferry_client.engine):
        vars(module)["random"] = edges.random


@contextmanager
def replaced() -> Iterator[None]:
    """The edges are replaced within the block; :func:`enter` says by whose."""
    client, server = jobferry_client.engine, jobferry_server.gateway.server
    service, keeper = jobferry_server.processor.service, jobferry_server.processor.keeper
    edges: list[tuple[Any, str, Any]] = [
        (time, "monotonic", lambda: _edges.loop.time()),
        (jobferry_client.connection, "datetime", Clock),
        (jobferry_server.gateway.device, "datetime", Clock),
        (jobferry_server.gateway.device, "Cursor", PerhapsAgeless),
        (asyncio, "new_event_loop", lambda: _edges.loop),
        (client, "Thread", Thread),
        (client, "FileLock", FileLock),
        (client, "Replica", lambda path: _edges.replica(path)),
        (client, "connect", lambda *a, **k: _edges.network.connect(*a, **k)),
        (jobferry_client.backoff, "random", None),
        (client, "random", None),
        (jobferry_server.doorbell, "PROBE_SECONDS", 3.0),
        (jobferry_server.doorbell, "ANSWER_SECONDS", 1.0),
        (jobferry_server.doorbell, "connect", lambda *a: _edges.postgres.connect(*a)),
        (server, "Line", ServerLine),
        (server, "serve", lambda *a, **k: _edges.network.serve(*a, **k)),
        (server, "open_pool", lambda *a, **k: _edges.postgres.open_pool(*a, **k)),
        (server, "GroupCommit", PerhapsHasty),
        (server, "Feed", PerhapsBlithe),
        (server, "Revocations", PerhapsTrusting),
        (server, "Doorbell", _perhaps_blind("skip_the_second_look")),
        (service, "open_pool", lambda *a, **k: _edges.postgres.open_pool(*a, **k)),
        (service, "Doorbell", _perhaps_blind("skip_the_sweep")),
        (service, "Transactions", NoTransactions),
        (service, "Workers", TimedWorkers),
        (service, "new_name", lambda: _edges.name()),
        (keeper, "new_name", lambda: _edges.name()),
        (jobferry_server.gateway.feed, "LEAST_ROWS", LIMITS.batch),
        (jobferry_server.gateway.feed, "Starts", PerhapsEager),
        (jobferry_server.gateway.pushes, "LITTLE", LITTLE),
        (jobferry_server.gateway.ingest, "LITTLE", LITTLE),
        # Who looks all the time by himself shows seldom what he does not hear.
        (jobferry_server.gateway.upkeep, "SWEEPS_PER_SILENCE", 3),
        (Device, "__hash__", _device_hash),
        (Attempt, "__hash__", lambda attempt: hash(attempt.fence)),
    ]
    patches = [patch.object(*one) for one in edges]
    for one in patches:
        one.start()
    # What was there before will stay: collecting what each run leaves should not look at it again.
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
        for one in reversed(patches):
            one.stop()
