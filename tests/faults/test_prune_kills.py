"""A prune that is killed loses nothing: each job is in the ledger, in the archive, or in both."""

import json
import random
from contextlib import suppress
from pathlib import Path

import pytest

from integration.database import Database
from jobferry_client import JobClient
from support.aging import age, finished
from support.facts import Ledger, local_rows
from support.processes import Part, eventually, jobferry
from support.stack import Stack

JOBS = 400
BATCH = 10


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The archive."""
    return tmp_path / "archive.jsonl"


def arguments(dsn: str, path: Path) -> list[str]:
    command = f"prune --older-than 90d --batch {BATCH} --dsn".split()
    return [*command, dsn, "--archive", str(path)]


def archived(path: Path) -> dict[str, int]:
    """How many events each whole line has, by job; a torn line may be the last."""
    lines = path.read_bytes().split(b"\n") if path.exists() else []
    found = {}
    for line in lines[:-1]:
        entry = json.loads(line)
        assert entry["job"]["id"] == entry["id"]
        found[entry["id"]] = len(entry["events"])
    return found


def end_well(db: Database, path: Path, everything: set[str]) -> None:
    """The next prune ends what the killed one began."""
    done = jobferry(*arguments(db.dsn, path))
    assert done.returncode == 0, done.stderr
    assert db.value("select count(*) from background_jobs") == 0
    assert archived(path) == dict.fromkeys(everything, 1)
    assert db.value("select count(*) from jobferry.tombstones") == len(everything)
    pruned = "select sum((detail->>'jobs')::int) from background_job_events where event = 'pruned'"
    assert db.value(pruned) == len(everything)
    assert db.value("select count(*) from background_job_events where event <> 'pruned'") == 0


def test_killed_between_archive_and_commit_it_is_in_both(
    dsn: str, path: Path, tmp_path: Path
) -> None:
    with Database(dsn) as db, Database(dsn) as holder:
        everything = set(finished(db, JOBS))
        age(db)
        with holder.together():
            # The batch can't be committed: its tombstones can't be written.
            holder.do("lock table jobferry.tombstones in share mode")
            pruning = Part(tmp_path / "log", *arguments(dsn, path))
            pruning.start()
            eventually(lambda: len(archived(path)) == BATCH, every=0.01)
            pruning.kill()
        assert {str(job) for job in db.column("select id from background_jobs")} == everything
        assert len(archived(path)) == BATCH
        end_well(db, path, everything)


def test_killed_anywhere_nothing_is_lost(
    dsn: str, path: Path, tmp_path: Path, chance: random.Random
) -> None:
    with Database(dsn) as db:
        everything = set(finished(db, JOBS))
        age(db)
        for _ in range(6):
            there = db.value("select count(*) from background_jobs")
            wanted = there - chance.randint(1, JOBS // 10)
            pruning = Part(tmp_path / "log", *arguments(dsn, path))
            pruning.start()
            eventually(
                lambda wanted=wanted: (  # type: ignore[misc]
                    db.value("select count(*) from background_jobs") <= wanted
                ),
                every=0.001,
            )
            pruning.kill()
            # What the killed one's backend was in the middle of ends before we look.
            eventually(
                lambda: (
                    not db.value(
                        "select count(*) from pg_stat_activity where application_name = 'jobferry_admin'"
                        " and datname = current_database()"
                    )
                )
            )
            left = {str(job) for job in db.column("select id from background_jobs")}
            assert left | archived(path).keys() == everything
            assert len(left & archived(path).keys()) <= BATCH
        end_well(db, path, everything)


def test_devices_and_two_gateways_get_through_a_killed_prune(
    dsn: str, path: Path, tmp_path: Path, stack: Stack, facts: Ledger
) -> None:
    files = [tmp_path / f"till-{number}.db" for number in range(3)]
    with Database(dsn) as db:
        finished(db, JOBS)
        urls = [stack.gateway().url for _ in range(2)]
        engines = [stack.engine(file, urls[n % 2]) for n, file in enumerate(files)]
        for file in files:
            eventually(lambda file=file: file.exists() and _count(file) == JOBS)  # type: ignore[misc]
        # One is away from here on, with something unsent.
        engines[2].kill()
        with JobClient(files[2]) as offline:
            unsent = str(offline.submit("quick").id)
        age(db)
        kept = set(finished(db, 5))
        pruning = Part(tmp_path / "log", *arguments(dsn, path))
        pruning.start()
        eventually(lambda: facts.count() < JOBS // 2, every=0.001)
        pruning.kill()
        assert jobferry(*arguments(dsn, path)).returncode == 0
        for file in files[:2]:
            eventually(lambda file=file: set(local_rows(file)) == kept)  # type: ignore[misc]
        engines[2].start()
        for file in files:
            eventually(lambda file=file: set(local_rows(file)) == {*kept, unsent})  # type: ignore[misc]
        assert set(facts.rows()) == {*kept, unsent}


def _count(file: Path) -> int:
    with suppress(Exception):
        return len(local_rows(file))
    return 0
