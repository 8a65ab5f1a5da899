"""One run: some devices, gateways and processors, jobs, faults, and after the faults the healing.

Everything that happens follows from the seed. :func:`run` gives what was wrong, with the steps that
led there.
"""

import asyncio
import logging
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from jobferry_server import Job
from simulation import parts
from simulation.bugs import Bugs
from simulation.chaos import Chaos
from simulation.checker import Checker, Violation
from simulation.file import File, Replica
from simulation.ledger import Ledger
from simulation.loop import Killed, Loop, Process, process_now
from simulation.network import Network
from simulation.postgres import Postgres
from simulation.real_file import RealFile, RealReplica
from simulation.restores import Restores

__all__ = ["World", "run"]

#: How long everybody has to be in step once the faults have ended, in seconds.
HEALING = 120.0
LOOK = 0.5
REVOKED = "the token was revoked"
#: In how many runs somebody is locked out while there are no faults.
REVOKED_RUNS = 0.1
#: What the parts may log as an error: a lease that ran out, a handler that raised, who is locked out.
EXPECTED = (
    "the lease of",
    "job ",
    f"needs_auth: {REVOKED}",
    f"needs_auth: unauthenticated: {REVOKED}",
)
#: How much of its work a file's engine does between two chances to be killed in the middle of it.
DEADLY = 0.02

NONE = Bugs()

log = logging.getLogger("jobferry")


@dataclass
class World:
    """Everything there is in one run."""

    seed: int
    bugs: Bugs
    tracing: bool = False
    #: Where real files are made; ``None``: they are models.
    folder: Path | None = None
    trace: list[str] = field(default_factory=list)
    #: Do faults go on?
    stormy: bool = True
    locks: dict[str, Process] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = Random(self.seed)
        self.loop = Loop(self._noticed)
        self.network = Network(self.loop, self.random, self.say)
        self.postgres = Postgres(self.loop, self.random, self.bugs, self.say)
        self.checker = Checker()
        self.ledger = Ledger(self.postgres, self.random, self.bugs, self.checker)
        self.checker.watch(self.ledger)
        self.restores = Restores(self)
        self.files: dict[str, File] = {}
        self.replicas: list[RealReplica] = []
        self._names = 0

    def say(self, who: object, what: str) -> None:
        """A line of the trace."""
        if self.tracing:
            self.trace.append(f"{self.loop.now:9.3f}  {who}: {what}")

    def new_file(self, name: str, client_id: str) -> File:
        """A new device's."""
        if self.folder is not None:
            self.files[name] = RealFile(self.folder / f"{name}.db", client_id, self.checker)
        else:
            self.files[name] = File(name, client_id, self.checker)
        self.checker.files[client_id] = self.files[name]
        return self.files[name]

    # -- what the parts find at their edges

    def replica(self, path: Path) -> Replica | RealReplica:
        """The file of a device."""
        file = self.files[path.name]
        if isinstance(file, RealFile):
            self.replicas.append(RealReplica(file, self._perhaps_die))
            return self.replicas[-1]
        return Replica(file, self.bugs, self._perhaps_die)

    def name(self) -> str:
        """A name that no processor had before."""
        self._names += 1
        return f"{process_now()}:{self._names}"

    def returned(self, job: Job, result: object) -> None:
        """A handler has ended well."""
        self.say(process_now(), f"has run {job.id}, attempt {job.attempt}")
        self.checker.returned(job.id, job.attempt, result)

    # -- the run

    def run(self) -> Violation | None:
        """What was wrong, if anything was."""
        try:
            self.loop.run_until_complete(self._live())
        finally:
            self.loop.bury()
            self._close_files()
        return self.checker.violation

    def _close_files(self) -> None:
        """Those of killed processes, too: here they are all in one."""
        for replica in self.replicas:
            replica.close()
        for file in self.files.values():
            if isinstance(file, RealFile):
                file.close()

    async def _live(self) -> None:
        chaos = Chaos(self)
        chaos.start()
        self.restores.start()
        end = max(chaos.storm, self.restores.end)
        await self._while_sound(lambda: self.loop.now < end)
        self.stormy = False
        self.say("world", "heals")
        await chaos.heal()
        await self._get_in_step()
        if self.random.random() < REVOKED_RUNS and self.checker.violation is None:
            await chaos.revoke_for_a_while()
            await self._get_in_step()

    async def _get_in_step(self) -> None:
        end = self.loop.now + HEALING
        await self._while_sound(lambda: bool(self.checker.differences()) and self.loop.now < end)
        differences = self.checker.differences()
        self.checker.expect(not differences, "D7", f"not in step: {'; '.join(differences[:5])}")

    async def _while_sound(self, wanted: Callable[[], bool]) -> None:
        while wanted() and self.checker.violation is None:  # noqa: ASYNC110 - the clock is ours
            await asyncio.sleep(LOOK)

    def _perhaps_die(self) -> None:
        if self.stormy and self.random.random() < DEADLY:
            process = process_now()
            assert process is not None
            self.kill(process)
            raise Killed

    def kill(self, process: Process, *, silently: bool = False) -> None:
        """``kill -9``; or, silently, the plug of its machine."""
        self.say(process, "is killed")
        process.alive = False
        self.network.vanish(process, silently=silently)
        for listener in [one for one in self.postgres.listeners if one.process is process]:
            self.postgres.listeners.remove(listener)

    def _noticed(self, context: dict[str, Any]) -> None:
        """An error that nobody took: of the dead and of what has ended it is no news."""
        error = context.get("exception")
        if self.loop.over or "future" in context:
            return
        if not isinstance(error, Killed):
            self.errors.append(
                "".join(traceback.format_exception(error)) if error else str(context)
            )
            self.checker.expect(False, "fault", f"{context['message']}: {error!r}")


class Ears(logging.Handler):
    """Hears what the parts log: an error is a fault, the rest belongs to the trace."""

    def __init__(self, world: World) -> None:
        super().__init__(logging.DEBUG if world.tracing else logging.ERROR)
        self._world = world

    def emit(self, record: logging.LogRecord) -> None:
        """One record."""
        world, text = self._world, record.getMessage()
        world.say(process_now(), text)
        if record.levelno >= logging.ERROR and not world.loop.over:
            expected = text.startswith(EXPECTED)
            error = record.exc_info[1] if record.exc_info else None
            world.checker.expect(expected, "fault", f"{text}: {error!r}")


def run(
    seed: int, bugs: Bugs = NONE, *, tracing: bool = False, folder: Path | None = None
) -> World:
    """A run, within :func:`simulation.parts.replaced`; what was wrong is in its checker."""
    world = World(seed, bugs, tracing, folder)
    parts.enter(world)
    ears = Ears(world)
    log.addHandler(ears)
    log.setLevel(ears.level)
    log.propagate = False
    try:
        world.run()
    finally:
        log.removeHandler(ears)
        log.setLevel(logging.NOTSET)
        log.propagate = True
    return world
