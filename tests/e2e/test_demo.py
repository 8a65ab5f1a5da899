"""`jobferry demo` as a person runs it, and every task that ships with it."""

import base64
import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jobferry_client import Job, JobClient, Status
from jobferry_demo.data import photos, weather_table
from jobferry_demo.story.errands import errands
from jobferry_demo.tasks import processor
from support.demos import (
    DEMO,
    demo_folders,
    processes_of,
    read_until,
    started_demo,
    temporary_folder,
)
from support.processes import eventually
from support.services import Services, token

DeviceFile = Callable[[str], Path]


@pytest.fixture
def folder() -> Iterator[Path]:
    with temporary_folder() as found:
        yield found


def one(pattern: str, text: str) -> tuple[str, ...]:
    found = re.search(pattern, text)
    assert found, f"the demo did not say {pattern!r}"
    return found.groups()


# The story.


@pytest.mark.timeout(400)
def test_the_demo_tells_its_story_to_the_end(folder: Path) -> None:
    with started_demo(folder) as demo:
        output, _ = demo.communicate(timeout=360)
    story = " ".join(output.split())
    assert demo.returncode == 0, output
    assert_it_happened_in_order(story)
    assert_another_gateway_came_back(story)
    assert_the_numbers_agree(story)
    assert "Next: 'jobferry demo --web'" in output
    assert not demo_folders(folder)
    assert not processes_of(folder)


def assert_it_happened_in_order(story: str) -> None:
    order = [
        "INSERT INTO background_jobs",
        "waiting to send",
        "connected to ws://127.0.0.1:",
        "sleep, 60 seconds: cancelled at",
        "kill -9",
        "device disconnected:",
        "the application submits one more job",
        "in the ledger,",
        "the gateway is started again",
        "device connected again",
        "jobs have ended",
        "astronaut.jpg 512 \N{MULTIPLICATION SIGN} 512",
        "26,115 rows",
        "SHA-256",
        "submitted 0.0 → started",
    ]
    places = [story.find(words) for words in order]
    assert -1 not in places, f"not told: {order[places.index(-1)]}"
    assert places == sorted(places)


def assert_another_gateway_came_back(story: str) -> None:
    (first,) = one(r"gateway at ws://\S+, pid (\d+)", story)
    (killed,) = one(r"kill -9 (\d+)", story)
    (second,) = one(r"started again, on the same port: pid (\d+)", story)
    assert first == killed != second


def assert_the_numbers_agree(story: str) -> None:
    account = one(
        r"(\d+) jobs submitted on the device, (\d+) in the ledger, (\d+) run in (\d+) attempts,"
        r" (\d+) returned to the file: (\d+) done, (\d+) cancelled; (\d+) lost, (\d+) done twice",
        story,
    )
    submitted, received, run, attempts, returned, done, cancelled, lost, twice = map(int, account)
    # One by the foreign program, one during the outage.
    assert submitted == len(errands()) + 2
    assert submitted == received == run == returned == done + cancelled
    assert attempts >= run
    assert (cancelled, lost, twice) == (1, 0, 0)
    assert events_in(story) == {
        "submitted": submitted,
        "started": attempts,
        "completed": done,
        "cancelled": 1,
    }


def events_in(story: str) -> dict[str, int]:
    """How many there were of each kind."""
    total, kinds = one(r"(\d+) events: (.*?) \d+ jobs submitted on", story)
    found = {kind: int(n) for n, kind in re.findall(r"(\d+) (\w+) \(by the", kinds)}
    assert sum(found.values()) == int(total)
    return found


# However it ends, nothing of it stays.


@pytest.mark.timeout(240)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_demo_leaves_nothing_behind(folder: Path, number: signal.Signals) -> None:
    with started_demo(folder) as demo:
        read_until(demo, "connected to ws://")
        assert len(processes_of(folder)) >= 3
        # To the whole group, as a terminal's Ctrl-C goes.
        os.killpg(demo.pid, number)
        output, _ = demo.communicate(timeout=60)
    eventually(lambda: not processes_of(folder) and not demo_folders(folder), seconds=60)
    assert "Traceback" not in output
    if number is not signal.SIGKILL:
        assert demo.returncode == 128 + number
        assert "all that was started has been stopped" in output


@pytest.mark.timeout(240)
def test_the_demo_says_why_it_failed(folder: Path) -> None:
    with started_demo(folder) as demo:
        read_until(demo, "connected to ws://")
        for process in processes_of(folder):
            if "jobferry_demo.tasks:processor" in process.cmdline():
                process.kill()
        output, _ = demo.communicate(timeout=120)
    assert demo.returncode == 1, output
    assert "the demo failed: the processor ended by itself" in output
    assert not processes_of(folder)
    assert not demo_folders(folder)


def test_the_demo_wants_a_folder_of_its_own(folder: Path) -> None:
    (folder / "letter.txt").write_text("dear Ada")
    found = subprocess.run(
        [*DEMO, "--data", str(folder)], capture_output=True, text=True, check=False
    )
    assert found.returncode == 2
    assert "is not empty" in found.stderr
    assert [path.name for path in folder.iterdir()] == ["letter.txt"]


# The tasks, through the ledger and a processor.


def run_job(services: Services, path: Path, task: str, payload: Any, max_attempts: int = 25) -> Job:
    with (
        services.gateway() as url,
        services.processor(processor),
        JobClient(path, url, token()) as client,
    ):
        job = client.submit(task, payload, max_attempts=max_attempts)
        return client.wait(job.id, timeout=60)


def test_thumbnail(services: Services, device_file: DeviceFile) -> None:
    photo = photos()[0]
    payload = {"name": photo.name, "photo": base64.b64encode(photo.read_bytes()).decode()}
    job = run_job(services, device_file("camera"), "thumbnail", payload)
    assert job.status is Status.COMPLETED, job.error
    assert (job.result["name"], job.result["original_bytes"]) == (
        photo.name,
        len(photo.read_bytes()),
    )
    assert base64.b64decode(job.result["thumbnail"]).startswith(b"\xff\xd8\xff")
    assert max(job.result["width"], job.result["height"]) == 128


def test_summary(services: Services, device_file: DeviceFile) -> None:
    table = "".join(weather_table().read_text().splitlines(keepends=True)[:1001])
    job = run_job(services, device_file("station"), "summary", {"csv": table})
    assert job.status is Status.COMPLETED, job.error
    assert job.result["rows"] == 1000
    assert "temp" in [column["name"] for column in job.result["columns"]]


def test_checksum(services: Services, device_file: DeviceFile) -> None:
    payload = {"megabytes": 3, "seed": 7}
    first = run_job(services, device_file("one"), "checksum", payload)
    again = run_job(services, device_file("two"), "checksum", payload)
    assert first.status is Status.COMPLETED, first.error
    assert re.fullmatch(r"[0-9a-f]{64}", first.result["sha256"])
    assert first.result == again.result


@pytest.mark.parametrize("payload", [None, 1.5, "text", [1, {"a": None}], {"hello": "wörld ☃"}])
def test_echo(services: Services, device_file: DeviceFile, payload: Any) -> None:
    job = run_job(services, device_file("wall"), "echo", payload)
    assert job.status is Status.COMPLETED, job.error
    assert job.result == payload


def test_sleep(services: Services, device_file: DeviceFile) -> None:
    job = run_job(services, device_file("bed"), "sleep", {"seconds": 0.2, "steps": 4})
    assert job.result == {"slept": 0.2}
    assert job.progress == 1.0


def test_fail(services: Services, device_file: DeviceFile) -> None:
    job = run_job(services, device_file("wreck"), "fail", {"message": "storm"}, max_attempts=1)
    assert job.status is Status.FAILED
    assert job.error is not None
    assert job.error.code == "handler_error"
    assert job.attempts == 1


def test_fail_and_then_succeed(services: Services, device_file: DeviceFile) -> None:
    job = run_job(services, device_file("phoenix"), "fail", {"times": 1})
    assert job.status is Status.COMPLETED, job.error
    assert job.result == {"attempts": 2}


@pytest.mark.parametrize(
    ("task", "payload"),
    [
        ("thumbnail", {"photo": "bm8gcGljdHVyZQ=="}),
        ("summary", {"csv": "a,b\n1,2\n", "csv_gzip": "H4sI"}),
        ("checksum", {"megabytes": 0}),
        ("sleep", {"seconds": -1}),
        ("fail", {"tims": 1}),
    ],
)
def test_a_payload_that_can_not_work_fails_at_once(
    services: Services, device_file: DeviceFile, task: str, payload: Any
) -> None:
    job = run_job(services, device_file("muddle"), task, payload)
    assert job.status is Status.FAILED
    assert job.error is not None
    assert job.error.code == "invalid_payload"
    assert job.attempts == 1
