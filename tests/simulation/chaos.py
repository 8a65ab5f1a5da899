"""What happens in a run: applications at work, strangers with long transactions, and faults."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from jobferry_client.engine import Engine
from jobferry_shared.states import Status
from simulation import parts
from simulation.file import File, LocalJob
from simulation.ledger import NOON, POISON, LedgerJob
from simulation.loop import Process

if TYPE_CHECKING:
    from simulation.world import World

__all__ = ["Chaos"]

OWNERS = ("anna", "bert")
#: How many worlds are big.
BIG = 0.15
#: Within so many seconds without faults everybody knows who was revoked.
SOON = 20.0


class Part:
    """A process that comes back after it was killed."""

    def __init__(self, world: "World", name: str) -> None:
        self.world = world
        self.name = name
        self.lives = 0
        self.process: Process | None = None

    @property
    def alive(self) -> bool:
        """Is it there?"""
        return self.process is not None and self.process.alive

    def begin(self) -> None:
        """Start it, unless it runs."""
        if not self.alive:
            self.lives += 1
            self.process = Process(f"{self.name}.{self.lives}")
            self.world.say(self.process, "begins")
            self.launch(self.process)

    def end(self) -> None:
        """SIGTERM."""

    def launch(self, process: Process) -> None:
        """What runs in it."""
        raise NotImplementedError


class Service(Part):
    """A gateway or a processor."""

    def __init__(
        self,
        world: "World",
        name: str,
        main: Callable[[asyncio.Event], Coroutine[Any, Any, None]],
    ) -> None:
        super().__init__(world, name)
        self._main = main
        self._stop = asyncio.Event()

    def end(self) -> None:
        """SIGTERM."""
        if self.process is not None:
            self.world.say(self.process, "is told to end")
            self._stop.set()

    def launch(self, process: Process) -> None:
        """Serve."""
        self._stop = asyncio.Event()
        self.world.loop.spawn(process, self._live(process, self._stop))

    async def _live(self, process: Process, stop: asyncio.Event) -> None:
        await self._main(stop)
        self.world.say(process, "has ended")
        self.world.kill(process)
        if not self.world.stormy:
            # It was told so before the healing, and stopped just then.
            self.world.loop.after(0, self.begin)


class Device(Part):
    """A process with an engine on a file."""

    def __init__(self, world: "World", name: str, file: File) -> None:
        super().__init__(world, name)
        self.file = file
        self.engine: Engine | None = None

    def launch(self, process: Process) -> None:
        """Sync."""
        owner = self.file.name.partition("-")[0]
        self.engine = process.context.run(parts.engine, Path(self.file.name), owner)

    def notice(self) -> None:
        """The application is in this process, and has written."""
        if self.alive and self.engine is not None:
            self.engine.notice()

    def switch(self, on: bool) -> None:
        """The connectivity switch."""
        if self.alive and self.engine is not None and self.process is not None:
            self.process.context.run(self.engine.want, on)


class Chaos:
    """Chooses, from the seed, who there is and what befalls them."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.random = world.random
        #: Most worlds are small: what goes wrong mostly goes wrong in those, and they are quickly over.
        self.big = self.random.random() < BIG
        self.files: list[File] = []
        self.devices: list[Device] = []
        self.gateways = self._services("gateway", parts.gateway)
        self.processors = self._services("processor", parts.process)
        for number in range(self.random.randint(1, 4 if self.big else 2)):
            self._new_device(number)
        self._faults = self._choose_faults()
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def parts(self) -> list[Part]:
        """All processes."""
        return [*self.gateways, *self.processors, *self.devices]

    def start(self) -> None:
        """Begin all of it."""
        for part in self.parts:
            part.begin()
        self._tasks = [
            asyncio.ensure_future(work)
            for work in (
                *(self._use(file) for file in self.files),
                self._interfere(),
                self._break_things(),
            )
        ]

    async def heal(self) -> None:
        """No more faults; whoever was killed is started again, nobody else."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.world.network.unreachable.clear()
        self.world.postgres.up = True
        for owner in list(self.world.ledger.revoked):
            self._administer(self.world.ledger.unrevoke, owner)
        for part in self.parts:
            if part.process is not None and part.process.paused:
                self.world.loop.resume(part.process)
            part.begin()
            if isinstance(part, Device):
                part.switch(True)

    async def revoke_for_a_while(self) -> None:
        """D6: without faults it is soon in force, and nothing comes of what is submitted then."""
        file = self.random.choice(self.files)
        owner = file.name.partition("-")[0]
        self._administer(self.world.ledger.revoke, owner)
        await asyncio.sleep(SOON)
        id_ = self._id(7)
        file.submit(LocalJob(id_, "t", json.dumps(f"of {file.name}")), NOON)
        await asyncio.sleep(SOON)
        known = self.world.ledger.owner_of(id_) is not None
        self.world.checker.expect(not known, "D6", f"{id_} comes from {owner}, who was revoked")
        self._administer(self.world.ledger.unrevoke, owner)

    def _services(
        self, name: str, main: Callable[[asyncio.Event], Coroutine[Any, Any, None]]
    ) -> list[Service]:
        number = 1 + (self.big and self.random.random() < 0.7)
        return [Service(self.world, f"{name}-{n}", main) for n in range(number)]

    def _new_device(self, number: int) -> None:
        owner = OWNERS[self.random.random() < 0.3]
        file = self.world.new_file(f"{owner}-{number}", self._id(4))
        self.files.append(file)
        for engine in range(1 + (self.random.random() < 0.1)):
            self.devices.append(Device(self.world, f"{file.name}/engine-{engine}", file))

    def _id(self, version: int) -> str:
        number = self.random.getrandbits(128)
        number = number & ~(0xF << 76) | version << 76
        return str(UUID(int=number & ~(0x3 << 62) | 0x2 << 62))

    @property
    def storm(self) -> float:
        """For how long there are faults, in seconds."""
        return self.random.choice((2.0, 5.0) if self.big else (0.5, 1.0, 2.0))

    async def _pause(self, mean: float) -> None:
        await asyncio.sleep(self.random.expovariate(1 / mean))

    # -- applications

    async def _use(self, file: File) -> None:
        for _ in range(self.random.randint(1, 6 if self.big else 2)):
            await self._pause(0.5)
            for _ in range(self.random.choice((1, 1, 1, 2, 5))):
                self._submit(file)
            self._notice(file)
            if self.random.random() < 0.3:
                await self._pause(0.5)
                self._cancel(file)
                self._notice(file)

    def _notice(self, file: File) -> None:
        if self.random.random() < 0.5:
            for device in self.devices:
                if device.file is file:
                    device.notice()

    def _submit(self, file: File) -> None:
        luck = self.random.random()
        payload = POISON if luck < 0.03 else json.dumps(f"of {file.name}")
        id_ = self._stolen(file) if luck > 0.97 else self._id(7)
        key = "key" if self.random.random() < 0.1 else None
        if id_ in file.rows:
            return
        if payload == POISON:
            self.world.checker.to_refuse.add((file.name, id_))
        self.world.say(file, f"submits {id_} {payload}")
        file.submit(LocalJob(id_, "t", payload, job_key=key), NOON)

    def _stolen(self, file: File) -> str:
        """An id that another device has used."""
        others = [id_ for other in self.files if other is not file for id_ in other.rows]
        if not others:
            return self._id(7)
        id_ = self.random.choice(others)
        for one in self.files:
            self.world.checker.to_refuse.add((one.name, id_))
        return id_

    def _cancel(self, file: File) -> None:
        if file.rows:
            id_ = self.random.choice(list(file.rows))
            if file.rows[id_].status is Status.REJECTED:
                return
            self.world.say(file, f"cancels {id_}")
            file.cancel(id_, NOON)

    # -- others who may write the ledger

    async def _interfere(self) -> None:
        """Transactions that begin now and commit later, if they do."""
        for _ in range(self.random.randint(0, 6 if self.big else 2)):
            await self._pause(0.5)
            xid = self.world.postgres.begin()
            seconds = self.random.choice((0.0, 0.1, 1.0, 4.0))
            self.world.say("stranger", f"begins transaction {xid} for {seconds} s")
            self.world.loop.after(seconds, self._commit, xid, self.world.postgres.rewound)

    def _commit(self, xid: int, rewound: int) -> None:
        postgres = self.world.postgres
        if not postgres.runs(xid) or postgres.rewound != rewound:
            return
        if self.random.random() < 0.15:
            postgres.rollback(xid)
            return
        self.world.say("stranger", f"commits {xid}")
        postgres.commit(xid, self._write)

    def _write(self) -> None:
        ledger = self.world.ledger
        if not ledger.rows or self.random.random() < 0.5:
            owner = self.random.choice(self.files).name.partition("-")[0]
            ledger.insert_by_hand(
                LedgerJob(self._id(7), owner, None, "t", "1", 0, 0, ledger.now, ledger.now)
            )
            return
        id_ = self.random.choice(list(ledger.rows))
        match self.random.randrange(5):
            case 0:
                ledger.update_by_hand(id_, progress=0.875)
            case 1 | 2:
                self._prune()
            case 3:
                ledger.update_by_hand(id_, status=Status.COMPLETED, result='"by hand"')
            case _:
                ledger.update_by_hand(id_, status=Status.CANCELLED)

    def _prune(self) -> None:
        ledger = self.world.ledger
        for id_ in [job.id for job in ledger.rows.values() if job.finished_at is not None]:
            if self.random.random() < 0.7:
                ledger.prune(id_)
        waited_for = {op["id"] for file in self.files for op in file.outbox}
        # Only after a year: nobody waits for an answer so long.
        if self.random.random() < 0.6 and not waited_for & ledger.tombstones.keys():
            ledger.forget()

    # -- faults

    def _choose_faults(self) -> list[Callable[[], None]]:
        """Each run has some kinds of faults and not others."""
        every = [
            self._kill,
            self._kill,
            self._tell_to_end,
            self._stop_and_continue,
            self._stop_and_continue,
            self._cut,
            self._cut,
            self._go_mute,
            self._hide,
            self._lose_answers,
            self._deafen,
            self._break_bell,
            self._break_bell,
            self._crash_postgres,
            self._switch_off,
            self._lock_out,
        ]
        return self.random.sample(every, self.random.randint(1, len(every)))

    async def _break_things(self) -> None:
        mean = self.random.choice((0.2, 0.6, 2.0))
        while True:
            await self._pause(mean)
            self.random.choice(self._faults)()

    def _later(self, mean: float, what: Callable[..., object], *arguments: object) -> None:
        self.world.loop.after(self.random.expovariate(1 / mean), what, *arguments)

    def _one_alive(self) -> Part | None:
        found = [part for part in self.parts if part.alive]
        return self.random.choice(found) if found else None

    def _kill(self) -> None:
        if (part := self._one_alive()) is not None and part.process is not None:
            self.world.kill(part.process, silently=self.random.random() < 0.3)
            self._later(1.0, part.begin)

    def _tell_to_end(self) -> None:
        services = [part for part in (*self.gateways, *self.processors) if part.alive]
        if services:
            part = self.random.choice(services)
            part.end()
            self._later(3.0, part.begin)

    def _stop_and_continue(self) -> None:
        part = self._one_alive()
        if part is not None and part.process is not None and not part.process.paused:
            self.world.say(part.process, "is stopped")
            part.process.paused = True
            self._later(2 * parts.LEASE, self._go_on, part.process)

    def _go_on(self, process: Process) -> None:
        if process.paused and process.alive:
            self.world.say(process, "goes on")
            self.world.loop.resume(process)

    def _cut(self) -> None:
        if wires := self.world.network.open_wires():
            wire = self.random.choice(wires)
            self.world.say(wire.ends[0].process, "its connection is cut")
            self.world.network.cut(wire)

    def _go_mute(self) -> None:
        if wires := self.world.network.open_wires():
            wire = self.random.choice(wires)
            self.world.say(wire.ends[0].process, "its connection goes mute")
            self.world.network.go_mute(wire)

    def _hide(self) -> None:
        file = self.random.choice(self.files)
        self.world.network.unreachable.add(file.name)
        self._later(2.0, self.world.network.unreachable.discard, file.name)

    def _lose_answers(self) -> None:
        self.world.say("postgres", "loses its connections")
        self.world.postgres.terminate_backends()

    def _deafen(self) -> None:
        if self.world.postgres.listeners:
            listener = self.random.choice(self.world.postgres.listeners)
            self.world.say(listener.process, "hears nothing any more")
            listener.deaf = True

    def _break_bell(self) -> None:
        if self.world.postgres.listeners:
            listener = self.random.choice(self.world.postgres.listeners)
            self.world.say(listener.process, "its LISTEN breaks")
            listener.break_off()

    def _crash_postgres(self) -> None:
        if self.world.postgres.up:
            self.world.postgres.crash()
            self._later(1.0, self._bring_back)

    def _bring_back(self) -> None:
        self.world.postgres.up = True

    def _switch_off(self) -> None:
        device = self.random.choice(self.devices)
        device.switch(False)
        self._later(2.0, device.switch, True)

    def _lock_out(self) -> None:
        ledger, owner = self.world.ledger, self.random.choice(OWNERS)
        self._administer(ledger.revoke, owner)
        self._later(2.0, self._let_in, owner)

    def _let_in(self, owner: str) -> None:
        # Healing has let everybody in.
        if self.world.stormy:
            self._administer(self.world.ledger.unrevoke, owner)

    def _administer(self, what: Callable[[str], None], owner: str) -> None:
        postgres = self.world.postgres
        if postgres.up:
            self.world.say("administrator", f"{what.__name__}s {owner}")
            postgres.commit(postgres.begin(), lambda: what(owner))
