"""What runs: devices behind balancers, gateways, processors, and Postgres behind a proxy for each kind."""

import json
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg

from chaos import bugs, clock, disk
from chaos import namespace as networks
from chaos.device import Config
from chaos.namespace import Namespace
from jobferry_client import JobClient
from jobferry_client.backoff import CAP_SECONDS
from support.cluster import Cluster
from support.facts import Ledger, keep_a_diary
from support.processes import eventually
from support.proxy import Proxy, free_port, postgres_behind, postgres_target
from support.services import token
from support.stack import Gateway, Running, Stack

__all__ = ["App", "Scene", "Size"]

#: Everybody's patience, in seconds, as short as a busy machine allows.
POSTGRES = {"JOBFERRY_STATEMENT_SECONDS": "1.5"}
GATEWAY = POSTGRES | {"JOBFERRY_SILENCE_SECONDS": "3", "JOBFERRY_DRAIN_SECONDS": "1"}
LEASE_SECONDS = 1.5
PROCESSOR = POSTGRES | {
    "JOBFERRY_LEASE_SECONDS": str(LEASE_SECONDS),
    "JOBFERRY_GRACE_SECONDS": "2",
}
BALANCERS = 2
#: By the number of the device, from 0; in seconds.
WRONG_CLOCKS = {2: clock.TEN_YEARS, 3: -clock.TEN_YEARS}


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much of everything.

    ``pause`` is between a device's operations, in seconds on average, and ``cap`` the longest between its
    tries to connect.
    """

    owners: int = 2
    devices_each: int = 2
    gateways: int = 2
    processors: int = 3
    pause: float = 0.25
    cap: float = CAP_SECONDS


class Application(Running):
    """A device with its application."""

    module = "chaos.device"


@dataclass(frozen=True, eq=False)
class App:
    """One device: who it is, and what is special about it."""

    name: str
    owner: str
    path: Path
    history: Path
    part: Application
    disk: Path | None = None
    network: Namespace | None = None
    clock: int = 0


class Scene:
    """All of it, started, for as long as the block lasts."""

    def __init__(
        self, cluster: Cluster, dsn: str, folder: Path, size: Size, seed: int, bug: str | None
    ) -> None:
        self.cluster = cluster
        self.dsn = dsn
        self.ledger = Ledger(dsn)
        self.size = size
        self.logs: list[str] = []
        self._folder = folder
        #: While it is there, devices only look on.
        self.hush = folder / "hush"
        self._bug = bug
        self._environment = {bugs.VARIABLE: bug} if bug in bugs.BUGS else {}
        self._seed = seed
        self._stack = ExitStack()
        self.apps: list[App] = []

    def __enter__(self) -> Self:
        with self._stack, psycopg.connect(self.dsn, autocommit=True) as connection:
            connection.execute("create table bookings (job uuid)")
            if self._bug == bugs.FENCELESS:
                bugs.drop_the_fence(self.dsn)
            self._start()
            self._stack = self._stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    @property
    def parts(self) -> dict[str, Running]:
        """Every process by its name."""
        gateways = {f"gateway {n}": gateway.part for n, gateway in enumerate(self.gateways, 1)}
        processors = {f"processor {n}": part for n, part in enumerate(self.processors, 1)}
        return gateways | processors | {app.name: app.part for app in self.apps}

    def freeze(self) -> None:
        """End every process."""
        for part in self.parts.values():
            part.kill()

    def _start(self) -> None:
        enter = self._stack.enter_context
        module = bugs.MODULE if self._environment else Running.module
        self.stack = enter(Stack(self.dsn, self._folder, module, tell=self.logs.append))
        target = postgres_target(self.dsn)
        #: Between each kind of part and Postgres.
        self.wires = {kind: enter(Proxy(target)) for kind in ("gateway", "processor")}
        self.gateways = [self._gateway() for _ in range(self.size.gateways)]
        self.processors = [self._processor() for _ in range(self.size.processors)]
        ports = [("127.0.0.1", gateway.port) for gateway in self.gateways]
        #: Between devices and gateways.
        self.balancers = [enter(Proxy(*ports)) for _ in range(BALANCERS)]
        for number in range(self.size.owners * self.size.devices_each):
            self.apps.append(self._app(number, ports))
        eventually(self._at_work)

    def _at_work(self) -> bool:
        """Has every device been heard of?"""
        devices = "select count(distinct client_id) from public.background_jobs"
        return bool(self.ledger.one(devices) == len(self.apps))

    def _gateway(self) -> Gateway:
        dsn = postgres_behind(self.wires["gateway"], self.dsn)
        return Gateway(self.stack, dsn, free_port(), GATEWAY | self._environment)

    def _processor(self) -> Running:
        dsn = postgres_behind(self.wires["processor"], self.dsn)
        return self.stack.processor(dsn=dsn, **PROCESSOR, **self._environment)

    def _app(self, number: int, gateways: Sequence[tuple[str, int]]) -> App:
        """The first has a small disk, the second a network of its own, others wrong clocks."""
        name = f"device {number + 1}"
        folder = self._folder / name
        folder.mkdir()
        own_disk = self._disk(folder) if number == 0 else None
        network, proxy = self._network(gateways) if number == 1 else (None, None)
        shift = 0 if clock.lacking() else WRONG_CLOCKS.get(number, 0)
        path = folder / "till.db"
        JobClient(path).close()
        keep_a_diary(path)
        config = self._config(number, path, (proxy or self.balancers[number % BALANCERS]).url)
        environment = clock.environment(self._folder, shift) if shift else {}
        part = Application(self._folder / f"{name}.log", json.dumps(asdict(config)), **environment)
        part.wrapper = network.wrapper if network else ()
        self.stack.begin(part, name)
        history = Path(config.history)
        return App(name, self._owner(number), path, history, part, own_disk, network, shift)

    def _owner(self, number: int) -> str:
        return f"owner {number // self.size.devices_each + 1}"

    def _config(self, number: int, path: Path, url: str) -> Config:
        name = f"device {number + 1}"
        return Config(
            name=name,
            path=str(path),
            history=str(self._folder / f"{name}.jsonl"),
            hush=str(self.hush),
            url=url,
            token=token(self._owner(number)),
            seed=self._seed + number,
            pause=self.size.pause,
            cap=self.size.cap,
        )

    def _disk(self, folder: Path) -> Path | None:
        if disk.lacking_full():
            return None
        return self._stack.enter_context(disk.small_disk(folder))

    def _network(
        self, gateways: Sequence[tuple[str, int]]
    ) -> tuple[Namespace | None, Proxy | None]:
        if networks.lacking():
            return None, None
        network = self._stack.enter_context(networks.namespace())
        return network, self._stack.enter_context(Proxy(*gateways, listener=network.listener))
