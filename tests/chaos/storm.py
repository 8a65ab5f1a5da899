"""One run: the plan carried out, everything healed, and what came of it."""

import math
import random
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import psycopg

from chaos.checker import Evidence, Verdict, judge
from chaos.device import LONGEST_JOB
from chaos.faults import KINDS, STANDING, Missed, Struck, Victims, begin, lacking
from chaos.history import read
from chaos.plan import Planned, plan
from chaos.scene import Scene, Size
from support.cluster import Cluster
from support.facts import differences, local_rows, outbox

__all__ = ["Chaos", "Report", "run"]

#: The devices fall silent, and this much later all is healed: time enough for every job to end.
LAST_SECONDS = LONGEST_JOB + 0.5
LOOK_SECONDS = 0.1

EVENTS = "select job_id, event, attempt, actor from public.background_job_events order by id"


@dataclass(frozen=True, kw_only=True)
class Chaos:
    """What to run: ``seconds`` of bad weather from a seed, a fault of these kinds ``every`` so many.

    ``patience`` is how long everything that is healed may stand still before it has come to rest, in
    seconds; ``bug`` one of :mod:`chaos.bugs`.
    """

    seed: int
    seconds: float
    every: float = 0.4
    patience: float = 60.0
    size: Size = field(default_factory=Size)
    kinds: Sequence[str] = tuple(KINDS)
    bug: str | None = None


@dataclass(frozen=True, kw_only=True)
class Report:
    """What came of it; ``settled`` is from healing to rest in seconds, ``None`` if it never came."""

    seed: int
    verdict: Verdict
    injected: Counter[str]
    skipped: dict[str, str]
    settled: float | None
    unsettled: list[str]
    died: list[str]
    logs: list[str]

    @property
    def sound(self) -> bool:
        """Is nothing wrong?"""
        wrong = any(self.verdict.faults.values())
        return not (wrong or self.unsettled or self.died or self.settled is None)


def run(cluster: Cluster, folder: Path, chaos: Chaos) -> Report:
    """Do it, in a new database of the cluster."""
    lacks = lacking()
    kinds = [kind for kind in chaos.kinds if kind not in lacks]
    planned = plan(random.Random(chaos.seed), kinds, chaos.seconds, chaos.every)
    with (
        cluster.databases.database() as dsn,
        Scene(cluster, dsn, folder, chaos.size, chaos.seed, chaos.bug) as scene,
    ):
        storm = Storm(scene, planned)
        storm.rage(chaos.seconds)
        healed = time.monotonic()
        unsettled = _settle(scene, chaos.patience)
        rested = time.monotonic()
        died = [name for name, part in scene.parts.items() if part.ended is not None]
        # What has not come to rest must not change while it is judged.
        scene.freeze()
        return Report(
            seed=chaos.seed,
            settled=None if unsettled else rested - healed,
            unsettled=unsettled,
            injected=storm.injected + Counter(STANDING for app in scene.apps if app.clock),
            skipped={kind: why for kind, why in lacks.items() if kind in (*chaos.kinds, STANDING)},
            died=died,
            verdict=judge(_evidence(scene)),
            # Written when the block ends.
            logs=scene.logs,
        )


class Storm:
    """Lets faults strike and heals them in their time."""

    def __init__(self, scene: Scene, planned: Sequence[Planned]) -> None:
        self.injected: Counter[str] = Counter()
        self._scene = scene
        self._planned = list(planned)
        self._victims = Victims()
        self._struck: list[tuple[float, Struck]] = []

    def rage(self, seconds: float) -> None:
        """Until the time is up, and a little longer with silent devices; then heal everything.

        What is in force when they fall silent stays: the last word too is said in bad weather.
        """
        try:
            self._until(time.monotonic(), seconds)
            self._scene.hush.touch()
            self._planned = []
            self._struck = [(due if one.exactly else math.inf, one) for due, one in self._struck]
            self._until(time.monotonic(), LAST_SECONDS)
        finally:
            for _, struck in self._struck:
                struck.heal()

    def _until(self, began: float, seconds: float) -> None:
        end = began + seconds
        while (now := time.monotonic()) < end:
            self._heal_due(now)
            if self._planned and began + self._planned[0].at <= now:
                self._strike(self._planned.pop(0))
            else:
                coming = [began + one.at for one in self._planned[:1]]
                due = [due for due, _ in self._struck]
                time.sleep(max(0, min([end, *due, *coming]) - now))

    def _heal_due(self, now: float) -> None:
        for due, struck in [one for one in self._struck if one[0] <= now]:
            struck.heal()
            self._struck.remove((due, struck))

    def _strike(self, planned: Planned) -> None:
        with suppress(Missed, psycopg.OperationalError):
            struck = begin(self._scene, self._victims, planned)
            self._struck.append((time.monotonic() + struck.seconds, struck))
            self.injected[planned.kind] += 1


def _settle(scene: Scene, patience: float) -> list[str]:
    """Wait until everything has come to rest, as long as it gets on; what has not."""
    end = time.monotonic() + patience
    found = _restless(scene)
    while found and time.monotonic() < end:
        time.sleep(LOOK_SECONDS)
        before, found = found, _restless(scene)
        if found != before:
            end = time.monotonic() + patience
    return found


def _restless(scene: Scene) -> list[str]:
    """What is still to be done; the dearer looks only if the cheaper find nothing."""
    looks = (partial(_unsent, scene), partial(_undone, scene), partial(_different, scene))
    return next((found for look in looks if (found := look())), [])


def _unsent(scene: Scene) -> list[str]:
    return [f"{app.name} has {n} unsent" for app in scene.apps if (n := outbox(app.path))]


def _undone(scene: Scene) -> list[str]:
    unfinished = scene.ledger.count("finished_at is null")
    queued = scene.ledger.count(table="jobferry.queue")
    return [f"{unfinished} jobs unfinished, {queued} queued"] if unfinished or queued else []


def _different(scene: Scene) -> list[str]:
    return [
        f"{app.name}: {found}"
        for app in scene.apps
        for found in differences(app.path, scene.ledger, app.owner)
    ]


def _evidence(scene: Scene) -> Evidence:
    return Evidence(
        owners={app.name: app.owner for app in scene.apps},
        histories={app.name: read(app.history) for app in scene.apps},
        files={app.name: local_rows(app.path) for app in scene.apps},
        ledger=scene.ledger.rows(),
        events=scene.ledger.ask(EVENTS),
        began={(line["job"], line["attempt"]) for line in scene.stack.effects()},
        booked=[str(row["job"]) for row in scene.ledger.ask("select job from bookings")],
    )
