"""The image of docs/deployment.md, built and run wherever an engine for containers answers."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from jobferry_client import JobClient
from support.proxy import free_port
from support.services import SECRET, token

DOCKER = Path(__file__).parents[2] / "docs" / "deploy" / "docker"
DOCKERFILE = DOCKER / "Dockerfile"
BASE = DOCKERFILE.read_text().partition("FROM ")[2].split()[0]
#: As in compose.yaml.
WALLS = [
    "--read-only",
    "--tmpfs",
    "/tmp",
    "--cap-drop",
    "ALL",
    "--security-opt",
    "no-new-privileges",
]


def run(*command: str | Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, capture_output=True, text=True, check=False)


def answers(program: str) -> bool:
    """Whether an engine stands behind the program."""
    return shutil.which(program) is not None and run(program, "info").returncode == 0


ENGINE = next(filter(answers, ("docker", "podman")), "")
pytestmark = [
    pytest.mark.skipif(not ENGINE, reason="no engine for containers answers"),
    pytest.mark.timeout(900),
]


def engine(*arguments: str | Path) -> str:
    """What the engine says; it must succeed."""
    done = run(ENGINE, *arguments)
    assert done.returncode == 0, f"{arguments}\n{done.stdout}{done.stderr}"
    return done.stdout.strip()


@pytest.fixture(scope="module")
def image() -> str:
    """Built of this checkout."""
    if run(ENGINE, "image", "inspect", BASE).returncode and run(ENGINE, "pull", BASE).returncode:
        pytest.skip(f"there is no {BASE} here, and nowhere to get it from")
    return engine("build", "--quiet", "--network", "host", "--file", DOCKERFILE, DOCKER.parents[2])


@contextmanager
def container(image: str, dsn: str, *arguments: str) -> Iterator[None]:
    """One that runs a command on the test's database; it is told to end afterwards, and ends well."""
    found = conninfo_to_dict(dsn)
    reach = ["--network", "host", "--env", f"JOBFERRY_DSN={dsn}"]
    host = str(found.get("host"))
    if host.startswith("/"):  # a socket is reached by its owner alone
        reach += ["--volume", f"{host}:{host}", "--user", str(Path(host).stat().st_uid)]
    tasks = ["--volume", f"{DOCKER / 'tasks.py'}:/app/tasks.py:ro"]
    secret = ["--env", f"JOBFERRY_JWT_SECRET={SECRET}"]
    name = engine("run", "--detach", *WALLS, *reach, *tasks, *secret, image, *arguments)
    try:
        yield
        engine("stop", "--time", "30", name)
        assert engine("inspect", "--format", "{{.State.ExitCode}}", name) == "0"
    finally:
        print(run(ENGINE, "logs", name))
        engine("rm", "--force", name)


def test_it_is_a_jobferry_that_is_not_root(image: str) -> None:
    assert "jobferry" in engine("run", "--rm", *WALLS, image, "--version")
    assert engine("run", "--rm", *WALLS, "--entrypoint", "id", image, "-u") == "10001"


def test_a_device_gets_its_result_by_containers(
    image: str, dsn: str, device_file: Callable[[str], Path]
) -> None:
    port = free_port()
    gateway = container(image, dsn, "gateway", "--host", "127.0.0.1", "--port", str(port))
    processor = container(image, dsn, "processor", "tasks:processor")
    with (
        gateway,
        processor,
        JobClient(device_file("till"), f"ws://127.0.0.1:{port}", token()) as client,
    ):
        job = client.submit("shout", {"text": "hello"})
        assert client.wait(job.id, timeout=60).result == {"text": "HELLO"}


def test_compose_reads_its_file() -> None:
    if run(ENGINE, "compose", "version").returncode:
        pytest.skip(f"{ENGINE} has no compose")
    secrets = ("POSTGRES_PASSWORD", "JOBFERRY_JWT_SECRET", "JOBFERRY_DASHBOARD_TOKEN")
    composed = subprocess.run(
        [ENGINE, "compose", "--file", DOCKER / "compose.yaml", "config", "--format", "json"],
        env=os.environ | dict.fromkeys(secrets, "s"),
        capture_output=True,
        text=True,
        check=True,
    )
    assert "gateway" in json.loads(composed.stdout)["services"]
