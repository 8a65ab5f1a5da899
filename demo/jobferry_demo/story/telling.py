"""The story from beginning to end: which act follows which, and what is there while it lasts."""

import base64
from pathlib import Path

from jobferry_client import Job, JobClient
from jobferry_demo.story import acts, endings, opening
from jobferry_demo.story.board import Board
from jobferry_demo.story.errands import label
from jobferry_demo.story.guardian import Guardian
from jobferry_demo.story.interrupts import Interrupts
from jobferry_demo.story.ledger import Ledger
from jobferry_demo.story.servers import Servers
from jobferry_demo.story.stage import Stage

__all__ = ["tell"]

OWNER = "ada"


def tell(stage: Stage, folder: Path, interrupts: Interrupts, *, kept: bool) -> None:
    """Tell it, with everything in ``folder``; :class:`DemoFailed` if something did not come back."""
    stage.title("Jobferry: background jobs that cross from a device to a server, and back")
    path = folder / "device.db"
    with (
        Guardian(folder, temporary=not kept) as guardian,
        Servers(folder, interrupts, guardian) as servers,
    ):
        opening.start_the_server_side(stage, servers)
        opening.submit_offline(stage, path)
        with JobClient(path, servers.url, servers.token(OWNER)) as client:
            board = Board(stage, client, servers.check)
            with board.shown():
                scene = acts.Scene(stage, servers, client, board)
                acts.connect(scene)
                acts.cancel_one(scene)
                acts.kill_the_gateway(scene)
                jobs = acts.wait_for_all(scene)
            ledger, device = Ledger(servers.dsn), client.status().client_id
            endings.show_results(stage, jobs)
            endings.show_history(stage, jobs, ledger.events(device))
            endings.settle(stage, jobs, ledger, device)
    if kept:
        _keep(stage, folder, jobs)
    stage.next(
        "'jobferry demo --web' gives you two such devices to hold; 'jobferry up' runs the server side"
        " for jobs of your own."
    )


def _keep(stage: Stage, folder: Path, jobs: list[Job]) -> None:
    """Leave the thumbnails as files, and say where everything is."""
    pictures = folder / "thumbnails"
    pictures.mkdir()
    for job in jobs:
        if job.task == "thumbnail" and job.completed:
            (pictures / label(job)).write_bytes(base64.b64decode(job.result["thumbnail"]))
    stage.note(f"kept in {folder}: device.db, the thumbnails, the logs and Postgres's data")
    stage.note(f"look again: jobferry client ls {folder / 'device.db'}")
