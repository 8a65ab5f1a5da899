"""The acts from the moment the device connects until all has come back."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from jobferry_client import ConnectionState, Job, JobClient
from jobferry_demo.story import errands
from jobferry_demo.story.board import Board
from jobferry_demo.story.errands import label
from jobferry_demo.story.ledger import Ledger
from jobferry_demo.story.servers import Servers
from jobferry_demo.story.sight import Sight, look
from jobferry_demo.story.stage import Stage

__all__ = ["Scene", "cancel_one", "connect", "kill_the_gateway", "wait_for_all"]

CANCEL_AT = 0.03
"""How far the unwanted job may get, of 1."""
READING_SECONDS = 1.0
BUSY_SECONDS = 2.0
"""The gateway dies as soon as several jobs run, or when so long they have not."""
OUTAGE_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Scene:
    """What an act works with once the device is switched on."""

    stage: Stage
    servers: Servers
    client: JobClient
    board: Board


def connect(scene: Scene) -> None:
    """The outbox goes up."""
    scene.stage.act(
        "It connects",
        "The device's token names its [b]owner[/b]. The outbox goes up, the processor takes the jobs"
        " from the queue, and progress comes back into the same rows.",
    )
    began = time.monotonic()
    sight = scene.board.until("the device is connected", lambda sight: sight.connected)
    scene.stage.tick(f"connected to {scene.servers.url}; the owner is {sight.status.owner}")
    sight = scene.board.until("the outbox is empty", _all_sent)
    scene.stage.tick(f"the ledger has all {len(sight.jobs)} jobs", time.monotonic() - began)


def cancel_one(scene: Scene) -> None:
    """A running job is cancelled, and its handler told."""
    began_well = _job_that(lambda job: job.progress >= CANCEL_AT)
    sight = scene.board.until("the unwanted job runs", began_well)
    job = _unwanted(sight)
    scene.stage.act(
        "One job is cancelled while it runs",
        "Setting cancelled = 1 in its row is all it takes, for any program. The handler is told at"
        " once.",
    )
    began = time.monotonic()
    scene.client.cancel(job.id)
    sight = scene.board.until("the job is cancelled", _job_that(lambda job: job.cancelled))
    scene.stage.tick(
        f"{job.task}, {label(job)}: cancelled at {_percent(_unwanted(sight).progress)}",
        time.monotonic() - began,
    )
    scene.board.watch(READING_SECONDS)
    scene.board.until("jobs run", _busy_or_after(BUSY_SECONDS))


def kill_the_gateway(scene: Scene) -> None:
    """The gateway dies in the middle and comes back; nobody else has to do anything."""
    stage, gateway = scene.stage, scene.servers.gateway
    pid, running, began = gateway.pid, look(scene.client).running, time.monotonic()
    gateway.kill()
    stage.act(
        "The gateway is killed",
        "The processor does not need it, and neither does the application: it goes on submitting.",
    )
    stage.trouble(f"kill -9 {pid}: the gateway is dead, while {_jobs(len(running))} running")
    sight = scene.board.until("the device has noticed", _disconnected)
    stage.trouble(f"device disconnected: {sight.status.reason}")
    scene.client.submit_many([errands.note()])
    stage.note("the application submits one more job; it waits in the outbox")
    scene.board.watch(OUTAGE_SECONDS)
    _compare(scene, running)
    scene.servers.start_gateway()
    stage.tick(f"the gateway is started again, on the same port: pid {gateway.pid}")
    scene.board.until("the device is connected again", lambda sight: sight.connected)
    stage.tick("device connected again, by itself, after", time.monotonic() - began)


def wait_for_all(scene: Scene) -> list[Job]:
    """Every result arrives in the local file."""
    scene.stage.act(
        "Everything comes back",
        "What the ledger learned meanwhile arrives in one step, and the outbox empties. Then it is"
        " only a matter of waiting for the work.",
    )
    sight = scene.board.until(
        "all jobs have ended", lambda sight: all(job.finished for job in sight.jobs)
    )
    scene.stage.tick(f"{len(sight.jobs)} jobs have ended, and the device's file says how")
    return sight.jobs


def _percent(fraction: float) -> str:
    return f"{fraction:.0%}".replace("%", " %")


def _jobs(count: int) -> str:
    return "1 job is" if count == 1 else f"{count} jobs are"


def _all_sent(sight: Sight) -> bool:
    return sight.status.pending == 0


def _busy_or_after(seconds: float) -> Callable[[Sight], bool]:
    end = time.monotonic() + seconds
    return lambda sight: len(sight.running) > 1 or time.monotonic() > end


def _disconnected(sight: Sight) -> bool:
    return sight.status.state is ConnectionState.DISCONNECTED


def _unwanted(sight: Sight) -> Job:
    return next(job for job in sight.jobs if errands.is_unwanted(job))


def _job_that(is_so: Callable[[Job], bool]) -> Callable[[Sight], bool]:
    return lambda sight: is_so(_unwanted(sight))


def _compare(scene: Scene, running: list[Job]) -> None:
    """How far the jobs got while the device could not see it."""
    entries = Ledger(scene.servers.dsn).entries(scene.client.status().client_id)
    for job in running:
        known, real = scene.client.get(job.id).progress, entries[job.id]
        progress = "done" if real.status == "completed" else _percent(real.progress)
        scene.stage.note(
            f"{job.task}, {label(job)}: {progress} in the ledger,"
            f" {_percent(known)} as far as the device knows"
        )
