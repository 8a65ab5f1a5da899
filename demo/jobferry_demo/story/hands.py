"""`jobferry demo --web`: the server side with its dashboard, and two devices of one owner to hold."""

import os
import sys
import time
import webbrowser
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from jobferry_demo.story import opening
from jobferry_demo.story.guardian import Guardian
from jobferry_demo.story.interrupts import Interrupted, Interrupts
from jobferry_demo.story.servers import HOST, Servers, free_port
from jobferry_demo.story.stage import Stage

__all__ = ["hand_over"]

OWNER = "ada"
#: Nobody is to be asked for a token while he plays.
TOKEN_LIFETIME = timedelta(days=30)
LOOK_SECONDS = 0.5
#: The devices' names, and how their pages look.
DEVICES = {"Tablet": "teal", "Phone": "violet"}

TO_TRY = (
    "Drop a photo on one device: its thumbnail appears on both.",
    "Switch a device's network off, drop another, and see it wait; switch it on again.",
    "Submit a checksum of 1,000 MB and cancel it on the other device.",
    "Submit one too large, and read why it was rejected.",
    "Look at it all from the other side, on the dashboard.",
)


@dataclass(frozen=True, slots=True)
class Place:
    """Something to open in a browser."""

    name: str
    url: str


def hand_over(stage: Stage, folder: Path, interrupts: Interrupts, *, kept: bool) -> None:
    """Run it, with everything in ``folder``, until interrupted; :class:`DemoFailed` if a part ends."""
    stage.title("Jobferry: two devices to hold")
    with (
        Guardian(folder, temporary=not kept) as guardian,
        Servers(folder, interrupts, guardian) as servers,
    ):
        opening.start_the_server_side(stage, servers)
        places = stage.step("the devices start", lambda: _start_devices(servers, folder))
        places.append(stage.step("the dashboard starts", lambda: _start_dashboard(servers)))
        _invite(stage, places)
        _until_interrupted(servers)
    stage.note("stopped; " + (f"kept in {folder}" if kept else "nothing is left behind"))


def _start_devices(servers: Servers, folder: Path) -> tuple[list[Place], str]:
    places = [Place(name, f"http://{HOST}:{free_port()}") for name in DEVICES]
    for place in places:
        _start_device(servers, folder, place, [other for other in places if other is not place])
    both = Place("Both", f"{places[0].url}/both")
    return [*places, both], f"two devices of {OWNER}, each with a file of its own"


def _start_dashboard(servers: Servers) -> tuple[Place, str]:
    place = Place("Dashboard", f"http://{HOST}:{free_port()}")
    part = servers.part(
        "dashboard",
        *("jobferry_client", "dashboard", "--port", place.url.rpartition(":")[2], "--manage"),
        *("--gateway", servers.url.replace("ws:", "http:") + "/metrics"),
        settings=servers.settings,
    )
    servers.start(part, place.url)
    return place, "what the people who run the server see"


def _start_device(servers: Servers, folder: Path, place: Place, others: list[Place]) -> None:
    name = place.name.lower()
    beside = [option for other in others for option in ("--beside", other.url)]
    part = servers.part(
        name,
        *("jobferry_demo.web", str(folder / f"{name}.db"), "--port", place.url.rpartition(":")[2]),
        *("--name", place.name, "--looks", DEVICES[place.name], *beside),
        settings={
            "JOBFERRY_URL": servers.url,
            "JOBFERRY_TOKEN": servers.token(OWNER, TOKEN_LIFETIME),
        },
    )
    servers.start(part, place.url)


def _invite(stage: Stage, places: list[Place]) -> None:
    stage.act("Yours to try", "All of it runs on this machine, until Ctrl-C.")
    for place in places:
        stage.code(f"{place.name:10}{place.url}")
    stage.blank()
    for words in TO_TRY:
        stage.note(words)
    if _somebody_looks():
        webbrowser.open(places[len(DEVICES)].url)


def _somebody_looks() -> bool:
    """Is there a person at a terminal, and a screen that a browser could open on?"""
    screen = sys.platform in ("darwin", "win32") or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")
    )
    return sys.stdout.isatty() and screen


def _until_interrupted(servers: Servers) -> None:
    """Ctrl-C is how this ends well."""
    try:
        while True:
            servers.check()
            time.sleep(LOOK_SECONDS)
    except Interrupted:
        pass
