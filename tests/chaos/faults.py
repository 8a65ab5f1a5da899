"""The ways to do harm. Each begins, and what it returns heals it."""

import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import psycopg

from chaos import clock, disk, namespace
from chaos.plan import Planned
from chaos.scene import LEASE_SECONDS, App, Scene
from support.proxy import Proxy
from support.stack import Running

__all__ = ["KINDS", "STANDING", "Heal", "Missed", "Struck", "begin", "lacking"]

Heal = Callable[[], None]

#: When a processor that sleeps has lost its jobs, and another has begun them.
PAST_THE_LEASE = 1.3 * LEASE_SECONDS
AGAIN_SECONDS = 0.1

BACKENDS = {
    "backends": "application_name like 'jobferry%'",
    "listeners": "application_name like 'jobferry%listening'",
}
TERMINATE = (
    "select count(pg_terminate_backend(pid)) from pg_stat_activity"
    " where datname = current_database() and {where}"
)


class Missed(Exception):
    """This fault can't strike this moment: whom it would strike is struck already."""


@dataclass(frozen=True, slots=True)
class Struck:
    """A fault in force for so many ``seconds``; ``exactly``, or it may stay for the last word too."""

    seconds: float
    exactly: bool
    heal: Heal


Begin = Callable[["Scene", "Victims", Planned], Heal]


class Victims:
    """Who is struck; nobody is twice at once, or one would heal what another has done."""

    def __init__(self) -> None:
        self._busy: set[str] = set()

    def choose(self, names: list[str], pick: float) -> str:
        """One who is not struck; :class:`Missed` if there is none."""
        free = [name for name in names if name not in self._busy]
        if not free:
            raise Missed
        return free[int(pick * len(free))]

    @contextmanager
    def struck(self, name: str) -> Iterator[Callable[[Heal], Heal]]:
        """Within the block it is being struck; wrap what heals it in what is yielded."""
        self._busy.add(name)

        def until(heal: Heal) -> Heal:
            def healed() -> None:
                heal()
                self._busy.discard(name)

            return healed

        try:
            yield until
        except BaseException:
            self._busy.discard(name)
            raise


def _parts(scene: Scene, kind: str) -> dict[str, Running]:
    return {name: part for name, part in scene.parts.items() if name.startswith(kind)}


def _kill(kind: str) -> Begin:
    def begin(scene: Scene, victims: Victims, planned: Planned) -> Heal:
        parts = _parts(scene, kind)
        name = victims.choose(list(parts), planned.pick)
        with victims.struck(name) as until:
            parts[name].kill()
            return until(parts[name].start)

    return begin


def _stop(kind: str) -> Begin:
    def begin(scene: Scene, victims: Victims, planned: Planned) -> Heal:
        parts = _parts(scene, kind)
        name = victims.choose(list(parts), planned.pick)
        with victims.struck(name) as until:
            parts[name].signal(signal.SIGSTOP)
            return until(lambda: parts[name].signal(signal.SIGCONT))

    return begin


def _crash(scene: Scene, victims: Victims, planned: Planned) -> Heal:
    name = victims.choose(["postgres"], planned.pick)
    with victims.struck(name) as until:
        scene.cluster.crash()
        return until(scene.cluster.start)


def _terminate(which: str) -> Begin:
    statement = TERMINATE.format(where=BACKENDS[which])

    def begin(scene: Scene, victims: Victims, planned: Planned) -> Heal:
        name = victims.choose([which], planned.pick)
        ended = threading.Event()

        def again_and_again() -> None:
            while not ended.wait(AGAIN_SECONDS):
                # Postgres may be down meanwhile.
                with suppress(psycopg.Error):
                    scene.ledger.ask(statement)

        with victims.struck(name) as until:
            thread = threading.Thread(target=again_and_again)
            thread.start()

            def heal() -> None:
                ended.set()
                thread.join()

            return until(heal)

    return begin


Meddle = Callable[[Proxy], None]


def _meddle(where: str, how: Meddle) -> Begin:
    def begin(scene: Scene, victims: Victims, planned: Planned) -> Heal:
        proxies = scene.wires if where == "wire" else dict(_numbered(scene.balancers))
        name = victims.choose(list(proxies), planned.pick)
        with victims.struck(name) as until:
            how(proxies[name])
            return until(proxies[name].heal)

    return begin


def _numbered(balancers: list[Proxy]) -> Iterator[tuple[str, Proxy]]:
    return ((f"balancer {n}", proxy) for n, proxy in enumerate(balancers, 1))


def _on_device(which: Callable[[App], bool], do: Callable[[App], Heal]) -> Begin:
    def begin(scene: Scene, victims: Victims, planned: Planned) -> Heal:
        apps = {f"{app.name}'s": app for app in scene.apps if which(app)}
        name = victims.choose(list(apps), planned.pick)
        with victims.struck(name) as until:
            return until(do(apps[name]))

    return begin


def _full(app: App) -> Heal:
    folder = app.disk
    assert folder is not None
    disk.fill(folder)
    return lambda: disk.empty(folder)


def _protected(app: App) -> Heal:
    disk.protect(app.path)
    return lambda: disk.unprotect(app.path)


def _one_way(*, up: bool) -> Callable[[App], Heal]:
    def do(app: App) -> Heal:
        network = app.network
        assert network is not None
        network.drop(up=up)
        return lambda: network.mend(up=up)

    return do


def _has_disk(app: App) -> bool:
    return app.disk is not None


def _has_network(app: App) -> bool:
    return app.network is not None


KINDS: Mapping[str, Begin] = {
    "device killed": _kill("device"),
    "device stopped": _stop("device"),
    "gateway killed": _kill("gateway"),
    "gateway stopped": _stop("gateway"),
    "processor killed": _kill("processor"),
    "processor stopped": _stop("processor"),
    "postgres crashed": _crash,
    "backends ended": _terminate("backends"),
    "listeners ended": _terminate("listeners"),
    "line cut": _meddle("balancer", Proxy.cut),
    "line closed": _meddle("balancer", Proxy.close),
    "line delayed": _meddle("balancer", lambda proxy: proxy.delay(0.1)),
    "line sliced": _meddle("balancer", lambda proxy: proxy.slice(7)),
    "line trickling": _meddle("balancer", lambda proxy: proxy.trickle(4000)),
    "line stalled": _meddle("balancer", Proxy.stall),
    "reply dropped": _meddle("balancer", Proxy.lose_replies),
    "postgres line cut": _meddle("wire", Proxy.cut),
    "postgres line stalled": _meddle("wire", Proxy.freeze),
    "postgres line forgotten": _meddle("wire", Proxy.stall),
    "postgres reply dropped": _meddle("wire", Proxy.lose_replies),
    "disk full": _on_device(_has_disk, _full),
    "file read-only": _on_device(lambda app: not _has_disk(app), _protected),
    "way up lost": _on_device(_has_network, _one_way(up=True)),
    "way down lost": _on_device(_has_network, _one_way(up=False)),
}
#: What is wrong all the time, if it can be.
STANDING = "clock ten years off"

_LACKING: Mapping[str, Callable[[], str | None]] = {
    "disk full": disk.lacking_full,
    "file read-only": disk.lacking_read_only,
    "way up lost": namespace.lacking,
    "way down lost": namespace.lacking,
    STANDING: clock.lacking,
}


def lacking() -> dict[str, str]:
    """The kinds of fault that this machine does not permit, each with the reason."""
    return {kind: reason for kind, why in _LACKING.items() if (reason := why()) is not None}


def begin(scene: Scene, victims: Victims, planned: Planned) -> Struck:
    """Let it strike; :class:`Missed` if it can't this moment."""
    heal = KINDS[planned.kind](scene, victims, planned)
    if planned.kind == "processor stopped":
        # If it slept for longer, whoever has its jobs would be done with them.
        return Struck(PAST_THE_LEASE, exactly=True, heal=heal)
    return Struck(planned.hold, exactly=False, heal=heal)
