"""Pruning: what goes, what stays, what is written down first, and who may do it."""

import json
from pathlib import Path
from typing import Any, LiteralString
from uuid import UUID

import psycopg
import pytest
from psycopg.types.json import Json

from integration.database import Beside, Database, Ear, Spec, held_row
from jobferry_server.archive import Archive
from jobferry_server.errors import ConfigurationError
from support.aging import age, finished
from support.commands import jobferry
from support.processes import eventually

NOBODY = UUID(int=0)


def prune(db: Database, *options: str, older_than: str = "90d") -> dict[str, Any]:
    """The command's own account."""
    done = jobferry("prune", "--dsn", db.dsn, "--older-than", older_than, "--json", *options)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def jobs(db: Database) -> set[str]:
    return {str(job) for job in db.column("select id from background_jobs")}


def buried(db: Database) -> set[str]:
    return {str(job) for job in db.column("select job_id from jobferry.tombstones")}


def archived(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def summaries(db: Database) -> list[dict[str, Any]]:
    return db.rows("select * from background_job_events where event = 'pruned' order by id")


# -- what goes


def test_what_finished_long_ago_goes_with_its_events(db: Database) -> None:
    old = finished(db, 3)
    age(db)
    young = finished(db, 2)
    waiting = [str(db.insert(submitted_by="anna", run_at="2020-01-01T00:00:00Z"))]
    found = prune(db)
    assert (found["jobs"], found["events"], found["archive"]) == (3, 3, None)
    assert jobs(db) == {*young, *waiting}
    assert all(db.events(UUID(job)) == [] for job in old)
    assert all(db.events(UUID(job)) == ["submitted"] for job in young)
    assert buried(db) == set(old)
    db.assert_sound()


@pytest.mark.parametrize("status", ["completed", "failed", "cancelled"])
def test_every_way_to_finish_is_finished(db: Database, status: LiteralString) -> None:
    spec = Spec()
    db.submit(spec)
    db.register("p", "default")
    if status == "cancelled":
        db.cancel(spec.id)
    else:
        (held,) = db.take()
        failure = (held, {"final": True})
        db.flush(**({"done": [(held, "1")]} if status == "completed" else {"failed": [failure]}))
    age(db)
    assert prune(db)["jobs"] == 1
    assert jobs(db) == set()
    db.assert_sound()


def test_one_event_of_each_batch_stays_and_is_never_pruned(db: Database) -> None:
    finished(db, 5)
    age(db)
    prune(db, "--batch", "2")
    found = summaries(db)
    assert [(row["detail"]["jobs"], row["detail"]["events"]) for row in found] == [
        (2, 2),
        (2, 2),
        (1, 1),
    ]
    assert {(row["job_id"], row["owner"]) for row in found} == {(NOBODY, None)}
    assert {row["actor"] for row in found} == {db.value("select session_user")}
    assert prune(db, older_than="0s")["events"] == 0
    assert len(summaries(db)) == 3


def test_the_history_of_jobs_that_were_deleted_by_hand_goes_when_all_of_it_is_old(
    db: Database,
) -> None:
    def event(job: UUID, days: int) -> None:
        db.do(
            "insert into background_job_events (job_id, event, attempt, actor, at)"
            " values (%s, 'deleted', 0, 'x', now() - make_interval(days => %s))",
            job,
            days,
        )

    old, mixed = UUID(int=1), UUID(int=2)
    event(old, 100)
    event(old, 99)
    event(mixed, 100)
    event(mixed, 1)
    (there,) = finished(db, 1)
    event(UUID(there), 100)
    assert prune(db)["events"] == 2
    assert db.events(old) == []
    assert len(db.events(mixed)) == 2
    assert len(db.events(UUID(there))) == 2


def test_nothing_to_prune_leaves_no_trace(db: Database) -> None:
    finished(db, 2)
    assert prune(db)["jobs"] == 0
    assert summaries(db) == []


def test_a_dry_run_only_counts(db: Database) -> None:
    finished(db, 4)
    age(db)
    finished(db, 1)
    assert prune(db, "--dry-run") == {"prunable": 4}
    assert len(jobs(db)) == 5


def test_the_server_s_own_jobs_leave_no_tombstone(db: Database) -> None:
    finished(db, 2, owner=None)
    age(db)
    assert prune(db)["jobs"] == 2
    assert buried(db) == set()


def test_the_owners_devices_are_rung_for(db: Database, ear: Ear) -> None:
    finished(db, 2, owner="anna")
    finished(db, 1, owner="bert")
    finished(db, 1, owner=None)
    age(db)
    ear.heard()
    prune(db)
    assert sorted(ear.heard()) == [("jobferry_changes", "anna"), ("jobferry_changes", "bert")]


def test_a_row_that_somebody_holds_is_left_for_the_next_time(db: Database) -> None:
    held, *others = finished(db, 3)
    age(db)
    with held_row(db.dsn, UUID(held)):
        assert prune(db)["jobs"] == len(others)
    assert jobs(db) == {held}
    assert prune(db)["jobs"] == 1


def test_many_blocks_and_batches_are_gone_through_once(db: Database) -> None:
    db.do(
        "insert into background_jobs (id, payload, submitted_by, completed)"
        " select gen_random_uuid(), to_jsonb(repeat('x', 300)), 'anna', true"
        " from generate_series(1, 8000)"
    )
    age(db)
    db.do("update background_jobs set progress = 0 where false")
    kept = finished(db, 10)
    found = prune(db, "--batch", "700")
    assert found["jobs"] == 8000
    assert jobs(db) == set(kept)
    assert len(buried(db)) == 8000


def test_two_at_once_share_the_work(db: Database, tmp_path: Path) -> None:
    everything = set(finished(db, 600))
    age(db)
    path = tmp_path / "archive.jsonl"
    options = ("--batch", "20", "--archive", str(path))
    found = [Beside(lambda: prune(db, *options)) for _ in range(2)]
    assert sum(each.result(60)["jobs"] for each in found) == 600
    assert jobs(db) == set()
    assert sorted(line["id"] for line in archived(path)) == sorted(everything)


# -- the archive


def test_the_archive_has_jobs_and_events_whole(db: Database, tmp_path: Path) -> None:
    job = db.insert(
        submitted_by="anna", completed=True, payload=Json({"a": "ä\n\x1b"}), result=Json([1, 2])
    )
    before = db.row("select to_jsonb(b) as job from background_jobs b where id = %s", job)["job"]
    path = tmp_path / "archive.jsonl"
    assert prune(db, "--archive", str(path), older_than="0s")["archive"] == str(path)
    (line,) = archived(path)
    assert line["id"] == str(job)
    assert line["job"] == before
    assert [event["event"] for event in line["events"]] == ["submitted"]
    assert summaries(db)[0]["detail"]["archive"] == "archive.jsonl"
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_second_prune_appends(db: Database, tmp_path: Path) -> None:
    path = tmp_path / "archive.jsonl"
    first = finished(db, 2)
    prune(db, "--archive", str(path), older_than="0s")
    second = finished(db, 2)
    prune(db, "--archive", str(path), older_than="0s")
    assert {line["id"] for line in archived(path)} == {*first, *second}


def test_what_could_not_be_archived_stays(db: Database, tmp_path: Path) -> None:
    finished(db, 3)
    done = jobferry(
        "prune",
        "--dsn",
        db.dsn,
        "--older-than",
        "0s",
        "--archive",
        str(tmp_path / "no folder" / "a"),
    )
    assert done.returncode == 2
    assert "there is no folder" in done.stderr
    assert "Traceback" not in done.stderr
    assert len(jobs(db)) == 3
    assert summaries(db) == []


def test_a_line_that_a_killed_writer_left_unfinished_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "archive.jsonl"
    whole = '{"id": "1"}\n'
    path.write_text(whole + '{"id": "2", "jo' + "x" * 200_000)
    Archive(path).append(['{"id": "3"}'])
    assert path.read_text() == whole + '{"id": "3"}\n'


def test_a_batch_that_fails_half_way_leaves_the_archive_as_it_was(tmp_path: Path) -> None:
    def lines() -> Any:
        yield '{"id": "2"}'
        raise RuntimeError

    path = tmp_path / "archive.jsonl"
    archive = Archive(path)
    archive.append(['{"id": "1"}'])
    with pytest.raises(RuntimeError):
        archive.append(lines())
    assert path.read_text() == '{"id": "1"}\n'


def test_a_file_that_is_no_archive_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("dear anna")
    with pytest.raises(ConfigurationError, match="not an archive"):
        Archive(path).append(['{"id": "1"}'])
    assert path.read_text() == "dear anna"


# -- who may


def test_the_audit_log_s_past_has_one_door(db: Database) -> None:
    """Even a superuser's DELETE and UPDATE are refused."""
    job = UUID(finished(db, 1)[0])
    for statement in (
        "delete from background_job_events",
        "update background_job_events set detail = '{}'",
        "truncate background_job_events",
    ):
        with pytest.raises(psycopg.Error, match="append-only") as refused:
            db.connection.execute(statement.encode())
        assert refused.value.sqlstate == "JF002"
    with db.together():
        db.do("set local role jobferry_engine")
        # Of a job that is in the ledger nothing can be taken out.
        assert db.value("select jobferry.forget_history(%s, '{}')", [job]) == 0
    assert db.events(job) == ["submitted"]


@pytest.mark.parametrize(
    "role", ["jobferry_gateway", "jobferry_processor", "jobferry_auditor", "jobferry_admin"]
)
def test_nobody_walks_through_the_door_by_himself(db: Database, role: LiteralString) -> None:
    with Database(db.dsn, role) as somebody:
        for statement in (
            "select jobferry.forget_history('{}', '{}')",
            "select jobferry.blank_history('{}')",
            "delete from background_job_events",
            "delete from jobferry.tombstones",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                somebody.connection.execute(statement.encode())


@pytest.mark.parametrize("role", ["jobferry_gateway", "jobferry_processor", "jobferry_auditor"])
def test_pruning_and_erasing_are_the_administrators(db: Database, role: LiteralString) -> None:
    with Database(db.dsn, role) as somebody:
        for statement in (
            "select jobferry.prunable_jobs(now(), 0, 1, 1)",
            "select jobferry.prune_jobs('{}', now(), null)",
            "select jobferry.forget_tombstones(now(), 1)",
            "select jobferry.erase_batch('anna', now(), 1)",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                somebody.connection.execute(statement.encode())


def test_a_login_without_the_role_is_told_what_to_grant(db: Database) -> None:
    name = f"jobferry_test_stranger_{db.pid}"
    db.connection.execute(f"create role {name} login password 'x'".encode())
    db.connection.execute(f"grant usage on schema jobferry to {name}".encode())
    db.connection.execute(f"grant select on jobferry.migrations to {name}".encode())
    try:
        dsn = psycopg.conninfo.make_conninfo(db.dsn, user=name, password="x")
        done = jobferry("prune", "--dsn", dsn, "--older-than", "1d")
    finally:
        db.connection.execute(f"drop owned by {name}".encode())
        db.connection.execute(f"drop role {name}".encode())
    assert done.returncode == 1
    assert "GRANT jobferry_admin TO" in done.stderr


# -- forgetting tombstones


def forget(db: Database) -> int:
    return int(db.value("select jobferry.forget_tombstones(now() + interval '1 s', 100)"))


def test_old_tombstones_are_forgotten_and_it_is_remembered_up_to_where(db: Database) -> None:
    finished(db, 3)
    age(db)
    assert prune(db)["tombstones"] == 0
    newest = db.value("select max(version::text::bigint) from jobferry.tombstones")
    # Somebody else on this server may still have a snapshot that does not see them.
    eventually(lambda: prune(db, "--forget-after", "0s")["tombstones"] == 3)
    assert int(db.value("select forgotten from jobferry.retention")) == newest


def test_devices_that_are_not_heard_of_any_more_are_forgotten(db: Database) -> None:
    """Else a lost one had unsent work for ever, and one that comes under new names filled the table."""
    with Database(db.dsn, "jobferry_gateway") as gateway:
        gateway.do(
            "select jobferry.note_devices(array_agg(gen_random_uuid()), array_agg('anna'::text),"
            " array_agg('1'::text), array_agg(3), array_agg(now()), array_agg(gen_random_uuid()),"
            " array_agg(n <= 5), 45, array_agg(null::text), array_agg(null::text), array_agg(null::text))"
            " from generate_series(1, 6) n"
        )
    db.do(
        "update jobferry.devices set last_seen = now() - interval '1 day' where connection is not null"
    )
    assert prune(db, "--forget-after", "2d", "--batch", "2")["devices"] == 0
    assert prune(db, "--forget-after", "1h", "--batch", "2")["devices"] == 5
    assert db.value("select count(*) from jobferry.devices where connected_until > now()") == 1


def test_a_tombstone_that_some_snapshot_does_not_see_is_kept(db: Database, other: Database) -> None:
    """Otherwise a device that has just read anew could be sent to read anew again."""
    with other.together():
        other.do("select pg_current_xact_id()")
        finished(db, 1)
        age(db)
        prune(db)
        assert forget(db) == 0
    # Somebody else's database in the same cluster may have a snapshot open, too.
    eventually(lambda: forget(db) == 1)


# -- tombstones of what is deleted by hand


def test_a_job_deleted_by_hand_leaves_a_tombstone(db: Database, ear: Ear) -> None:
    job = db.insert(submitted_by="anna")
    ear.heard()
    db.do("delete from background_jobs where id = %s", job)
    assert buried(db) == {str(job)}
    assert ear.heard("jobferry_changes") == [("jobferry_changes", "anna")]
    db.insert(id=job, submitted_by="anna")
    db.do("delete from background_jobs where id = %s", job)
    assert buried(db) == {str(job)}


# -- submits that come once more


def test_a_submit_of_a_pruned_job_is_not_a_second_job(db: Database) -> None:
    spec = Spec(cancelled=True)
    assert db.submit(spec) == []
    age(db)
    prune(db)
    assert db.submit(spec) == [(1, "gone")]
    stranger = Spec(id=spec.id, owner="bert")
    fresh = Spec()
    assert db.submit(stranger, fresh, spec) == [(1, "id_taken"), (3, "gone")]
    assert jobs(db) == {str(fresh.id)}


def test_a_key_that_comes_once_more_takes_nothing_from_who_has_it_now(db: Database) -> None:
    old, heir = Spec(job_key="k", cancelled=True), Spec(job_key="k")
    db.submit(old)
    age(db)
    prune(db)
    db.submit(heir)
    again = Spec(id=old.id, job_key="k")
    assert db.submit(again) == [(1, "gone")]
    assert db.status(heir.id) == "queued"
    assert db.job(heir.id)["job_key"] == "k"


def test_a_terminal_gets_a_bar_and_a_pipe_one_line(db: Database) -> None:
    finished(db, 3)
    age(db)
    done = jobferry("prune", "--dsn", db.dsn, "--older-than", "90d")
    assert done.stdout == "pruned 3 jobs and 3 events; forgot 0 tombstones and 0 devices\n"
    assert done.stderr == ""
    bar = jobferry(
        "prune", "--dsn", db.dsn, "--older-than", "90d", FORCE_COLOR="1", TTY_INTERACTIVE="1"
    )
    assert "0 jobs" in bar.stderr
