"""Oban's Python package runs a delegated task by the page's example, in a Python of its own."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from integration.database import Database, Spec
from integration.engines import delegate, example, findings
from support.processes import eventually

WANTED = (3, 12)
PACKAGE = "oban==0.7.0"
IS_NEW_ENOUGH = f"import sys; sys.exit(sys.version_info < {WANTED})"

WORK = """
import asyncio, os
import oban_worker
from oban import Oban
from oban.schema import install
from psycopg_pool import AsyncConnectionPool

async def main():
    async with AsyncConnectionPool(os.environ["JOBFERRY_DSN"], min_size=1, max_size=4) as pool:
        oban_worker.pool = pool
        if os.environ.get("INSTALL"):
            return await install(pool)
        async with Oban(pool=pool, queues={"default": 2}):
            await asyncio.to_thread(input)

asyncio.run(main())
"""


def newer_python() -> str | None:
    """A Python that Oban runs on, if there is one on this machine."""
    versions = sorted(Path.home().glob(".pyenv/versions/3.*/bin/python"), reverse=True)
    named = (shutil.which(f"python3.{minor}") for minor in range(14, 11, -1))
    for found in (sys.executable, *named, *map(str, versions)):
        if (
            found
            and not subprocess.run([found, "-c", IS_NEW_ENOUGH], capture_output=True).returncode
        ):
            return found
    return None


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the page's worker and an environment with Oban."""
    newer = newer_python()
    if newer is None:
        pytest.skip("Oban's Python package wants Python 3.12")
    found = tmp_path_factory.mktemp("oban")
    (found / "oban_worker.py").write_text(example("oban_worker.py"), encoding="utf-8")
    (found / "work.py").write_text(WORK, encoding="utf-8")
    subprocess.run([newer, "-m", "venv", "--without-pip", found / "venv"], check=True)
    python = str(found / "venv" / "bin" / "python")
    pip = [sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check"]
    done = subprocess.run(
        [*pip, "install", "--quiet", "--retries=0", PACKAGE],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"{PACKAGE} could not be installed: {done.stderr.splitlines()[-1]}")
    return found


@pytest.fixture
def oban(db: Database, folder: Path) -> list[str]:
    """The database, with Oban's tables and task ``shout`` delegated; how to start its worker."""
    command = [str(folder / "venv" / "bin" / "python"), str(folder / "work.py")]
    environment = os.environ | {"JOBFERRY_DSN": db.dsn, "INSTALL": "1", "PYTHONPATH": str(folder)}
    subprocess.run(command, env=environment, check=True)
    delegate(db, "shout", "oban", foreign_task="oban_worker.Shout")
    return command


def test_oban_runs_it_and_the_result_comes_back(
    db: Database, oban: list[str], folder: Path
) -> None:
    done = Spec(task="shout", payload='{"text": "hello"}', priority=-3, max_attempts=4)
    cancelled = Spec(task="shout", run_at="tomorrow", priority=12)
    assert db.submit(done, cancelled) == []
    first, second = db.rows("select * from oban_jobs order by scheduled_at")
    assert (first["state"], first["priority"], first["max_attempts"]) == ("available", 0, 4)
    assert (second["state"], second["priority"]) == ("scheduled", 9)
    assert first["args"] == {"jobferry_job_id": str(done.id), "payload": {"text": "hello"}}
    db.cancel_batch(cancelled.id)
    assert db.value("select state from oban_jobs where id = %s", second["id"]) == "cancelled"

    environment = os.environ | {"JOBFERRY_DSN": db.dsn, "PYTHONPATH": str(folder)}
    with subprocess.Popen(oban, env=environment, stdin=subprocess.PIPE) as worker:
        try:
            eventually(lambda: db.status(done.id) == "completed")
        finally:
            worker.kill()
    assert db.job(done.id)["result"] == {"text": "HELLO"}
    assert db.events(done.id) == ["submitted", "handed_over", "started", "completed"]
    db.assert_sound()


def test_what_it_ended_without_a_word_is_found(db: Database, oban: list[str]) -> None:
    spec = Spec(task="shout", payload=json.dumps({"text": "hello"}))
    db.submit(spec)
    assert findings(db) == {}
    db.do("update oban_jobs set state = 'discarded'")
    assert findings(db) == {spec.id: "ended"}
