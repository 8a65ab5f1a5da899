"""What every release wrote is opened and migrated by this one, with nothing lost."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.database import Database
from jobferry_client import JobClient, Status
from jobferry_client.doctor import file
from jobferry_server import Job, Processor
from jobferry_server.doctor import examine
from jobferry_server.migrate import check, migrate
from jobferry_shared import __version__
from jobferry_shared.findings import Level
from support.dumps import load
from support.facts import Ledger, differences, outbox
from support.processes import eventually
from support.services import Services, token

GOLDEN = Path(__file__).parents[1] / "golden"
SOON = 20

#: What make.py left: its jobs by what they are.
ON_THE_DEVICE = {
    "queued": Status.QUEUED,
    "keyed": Status.QUEUED,
    "cancelled": Status.CANCELLED,
    "completed": Status.COMPLETED,
    "pending": Status.PENDING,
}


def releases(ending: str) -> list[Path]:
    return sorted(GOLDEN.glob(f"*.{ending}"))


def names(path: Path) -> str:
    return path.name


@pytest.fixture(params=releases("db"), ids=names)
def till(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of a release's file."""
    return Path(shutil.copy(request.param, tmp_path / "till.db"))


@pytest.fixture(params=releases("sql"), ids=names)
def ledger_of_old(request: pytest.FixtureRequest, empty_dsn: str) -> Iterator[Database]:
    """A release's dump in a database, migrated."""
    load(request.param.read_text(encoding="utf-8"), empty_dsn)
    # If this says that a migration is another one: tests/golden/make.py says what to do.
    migrate(empty_dsn)
    with Database(empty_dsn) as found:
        yield found


def test_this_release_has_its_files() -> None:
    assert {f"{__version__}.db", f"{__version__}.sql"} <= {path.name for path in GOLDEN.iterdir()}


def test_a_device_s_file_is_opened_and_nothing_is_lost(till: Path) -> None:
    with JobClient(till) as client:
        jobs = {
            job.payload.get("is"): job for job in client.jobs(100) if isinstance(job.payload, dict)
        }
        assert {name: jobs[name].status for name in ON_THE_DEVICE} == ON_THE_DEVICE
        assert jobs["completed"].result == {"got": {"is": "completed"}}
        assert jobs["queued"].cancel_requested
        assert (jobs["queued"].queue_name, jobs["queued"].flags) == ("q", ("f",))
        assert jobs["keyed"].job_key == "key"
        (rejected,) = client.jobs(status=Status.REJECTED)
        assert rejected.error is not None
        assert rejected.error.code == "payload_too_large"
        (failed,) = client.jobs(status=Status.FAILED)
        assert failed.error is not None
        assert failed.error.message == "it was asked to"
    assert outbox(till) == 2
    assert [f for f in file.examine(till) if f.level is Level.ERROR] == []


def test_a_database_is_migrated_and_goes_on(ledger_of_old: Database) -> None:
    db = ledger_of_old
    check(db.dsn)
    db.assert_sound()
    assert [f for f in examine(db.dsn) if f.level is Level.ERROR and f.check != "processors"] == []
    assert (
        db.value("select count(*) from background_jobs where version > pg_current_xact_id()") == 0
    )
    statuses = db.column("select status from background_jobs order by status")
    assert statuses == ["cancelled", "completed", "failed", "queued", "queued"]
    assert db.value("select count(*) from background_job_events") > len(statuses)


def test_the_device_and_its_ledger_meet_again(till: Path, ledger_of_old: Database) -> None:
    """In another cluster than theirs: the file notices, and both come to say the same."""
    processor = Processor()

    @processor.task("t")
    def work(job: Job) -> dict[str, bool]:
        return {"done": True}

    dsn = ledger_of_old.dsn
    with Services(dsn) as services, services.gateway() as url, services.processor(processor):
        with JobClient(till, url, token()) as client:
            client.sync(SOON)
            eventually(lambda: len(client.jobs(status=Status.COMPLETED)) == 2)
            assert outbox(till) == 0
            (rejected,) = client.jobs(status=Status.REJECTED)
        assert differences(till, Ledger(dsn)) == [f"{rejected.id} is only here"]
        assert ledger_of_old.column("select status from background_jobs order by status") == [
            *("cancelled", "cancelled"),
            *("completed", "completed"),
            *("failed", "queued"),
        ]
