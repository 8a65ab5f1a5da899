"""How a device's file is opened and written: what lasts, who waits, and whose file it is."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from threading import Thread

import pytest
from sqlite_utils import Database

from jobferry_client import JobClient, NotAJobFile
from jobferry_client.file import open_file, write
from jobferry_sql import migrations


@pytest.fixture
def path(device_file: Callable[[str], Path]) -> Path:
    """Where there is no file yet."""
    return device_file("till")


@pytest.fixture
def database(path: Path) -> Iterator[Database]:
    """A new file, opened our way."""
    with closing(open_file(path)) as found:
        yield found


def ask(path: Path, statement: str) -> list[tuple[object, ...]]:
    """What a plain connection finds."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(statement).fetchall()


def setting(database: Database, name: str) -> object:
    return database.execute(f"PRAGMA {name}").fetchone()[0]


# What lasts.


@pytest.mark.parametrize("keep_bytes", [False, True])
@pytest.mark.parametrize("time", ["first", "second"])
def test_our_connections_lose_nothing_at_a_power_cut(
    path: Path, keep_bytes: bool, time: str
) -> None:
    if time == "second":
        open_file(path).close()
    with closing(open_file(path, keep_bytes=keep_bytes)) as database:
        assert setting(database, "journal_mode") == "wal"
        assert setting(database, "synchronous") == 2
        assert setting(database, "recursive_triggers") == 0


def test_a_file_that_was_in_wal_stays_in_wal_for_everybody(path: Path) -> None:
    open_file(path).close()
    assert ask(path, "PRAGMA journal_mode") == [("wal",)]


def test_migrations_are_numbered_without_gaps_and_leave_their_checksum(database: Database) -> None:
    wanted = migrations("sqlite")
    assert [migration.version for migration in wanted] == list(range(1, len(wanted) + 1))
    found = database.execute("SELECT version, name, checksum FROM _jobferry_migrations").fetchall()
    assert [tuple(row) for row in found] == [(m.version, m.name, m.checksum) for m in wanted]


def test_a_device_keeps_the_id_it_was_given(path: Path) -> None:
    ids = []
    for _ in range(2):
        with JobClient(path) as client:
            ids.append(client.status().client_id)
    assert ids[0] == ids[1]
    assert ids[0].version == 4


# Who waits.


def test_a_write_is_all_or_nothing(database: Database, path: Path) -> None:
    def fail() -> None:
        with write(database):
            database.execute("INSERT INTO background_jobs (payload) VALUES (1)")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert not database.conn.in_transaction
    with write(database):
        database.execute("INSERT INTO background_jobs (payload) VALUES (2)")
        assert ask(path, "SELECT count(*) FROM background_jobs") == [(0,)]
    assert ask(path, "SELECT payload FROM background_jobs") == [("2",)]


def test_a_commit_that_fails_leaves_no_transaction_behind(database: Database) -> None:
    database.execute("CREATE TABLE parent (id INTEGER PRIMARY KEY)")
    database.execute(
        "CREATE TABLE child (parent INTEGER REFERENCES parent DEFERRABLE INITIALLY DEFERRED)"
    )
    database.execute("PRAGMA foreign_keys = ON")
    with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"), write(database):
        database.execute("INSERT INTO child VALUES (1)")
    assert not database.conn.in_transaction
    with write(database):
        database.execute("INSERT INTO parent VALUES (1)")


def test_a_write_has_the_lock_from_its_beginning(database: Database, path: Path) -> None:
    with (
        write(database),
        closing(sqlite3.connect(path, timeout=0)) as other,
        pytest.raises(sqlite3.OperationalError, match="locked"),
    ):
        other.execute("BEGIN IMMEDIATE")


def test_a_write_waits_for_another_s_and_does_not_fail(database: Database, path: Path) -> None:
    with closing(open_file(path)) as other:

        def insert() -> None:
            with write(other):
                other.execute("INSERT INTO background_jobs (payload) VALUES (2)")

        waiting = Thread(target=insert)
        with write(database):
            # Read first: a transaction that only then asks for the lock would be refused.
            database.execute("SELECT count(*) FROM background_jobs").fetchall()
            waiting.start()
            waiting.join(0.1)
            assert waiting.is_alive()
            database.execute("INSERT INTO background_jobs (payload) VALUES (1)")
        waiting.join(10)
    assert ask(path, "SELECT payload FROM background_jobs ORDER BY rowid") == [("1",), ("2",)]


def test_nobody_else_sees_the_triggers_silenced(database: Database, path: Path) -> None:
    inserted: list[bool] = []

    def insert() -> None:
        with closing(sqlite3.connect(path, timeout=10)) as foreign, foreign:
            foreign.execute("INSERT INTO background_jobs (payload) VALUES (2)")
            inserted.append(True)

    foreign = Thread(target=insert)
    with write(database):
        database.execute("UPDATE _jobferry_state SET syncing = 1")
        database.execute("INSERT INTO background_jobs (payload) VALUES (1)")
        assert ask(path, "SELECT syncing FROM _jobferry_state") == [(0,)]
        foreign.start()
        foreign.join(0.1)
        assert ask(path, "SELECT syncing FROM _jobferry_state") == [(0,)]
        assert not inserted
        database.execute("UPDATE _jobferry_state SET syncing = 0")
    foreign.join(10)
    assert inserted
    assert ask(
        path,
        "SELECT payload FROM _jobferry_outbox JOIN background_jobs ON background_jobs.id = job_id",
    ) == [("2",)]


# Whose file it is.


def test_an_application_s_own_file_gets_our_tables_beside_its_own(path: Path) -> None:
    with closing(sqlite3.connect(path)) as theirs, theirs:
        theirs.execute("CREATE TABLE sales (amount INTEGER)")
        theirs.execute("INSERT INTO sales VALUES (5)")
    with JobClient(path) as client:
        client.submit(payload=1)
    assert ask(path, "SELECT * FROM sales") == [(5,)]


def test_somebody_else_s_table_of_our_name_is_refused_and_nothing_is_changed(path: Path) -> None:
    with closing(sqlite3.connect(path)) as theirs, theirs:
        theirs.execute("CREATE TABLE background_jobs (whatever TEXT)")
    before = path.read_bytes()
    with pytest.raises(NotAJobFile, match="background_jobs that is not Jobferry's") as refusal:
        JobClient(path)
    assert refusal.value.hint == "Rename that table, or give Jobferry a file of its own."
    assert refusal.value.code == "schema_mismatch"
    assert path.read_bytes() == before
    assert ask(path, "PRAGMA journal_mode") == [("delete",)]


def test_a_file_of_a_newer_version_is_refused_and_nothing_is_changed(path: Path) -> None:
    known = len(migrations("sqlite"))
    with closing(open_file(path)) as database:
        database.execute("INSERT INTO _jobferry_migrations VALUES (?, 'x', 'y')", [known + 1])
    before = path.read_bytes()
    with pytest.raises(
        NotAJobFile, match=f"schema version {known + 1}, this Jobferry knows {known}"
    ) as refusal:
        JobClient(path)
    assert refusal.value.hint == "Install the newer Jobferry that wrote it."
    assert path.read_bytes() == before


@pytest.mark.parametrize("size", [20, 5000])
def test_a_file_that_is_not_sqlite_is_refused_and_nothing_is_changed(path: Path, size: int) -> None:
    content = b"Dear diary, " * size
    path.write_bytes(content)
    with pytest.raises(NotAJobFile, match="not a database") as refusal:
        JobClient(path)
    assert refusal.value.hint == "Give Jobferry a SQLite file, in a folder where it may write."
    assert path.read_bytes() == content


def test_a_path_where_no_file_can_be_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "nowhere" / "till.db", tmp_path):
        with pytest.raises(NotAJobFile, match="unable to open database file") as refusal:
            JobClient(path)
        assert refusal.value.hint


def test_a_refused_file_is_let_go(path: Path) -> None:
    path.write_bytes(b"Dear diary, " * 1000)
    with pytest.raises(NotAJobFile):
        JobClient(path)
    path.unlink()
    JobClient(path).close()


OPEN_ALL = """
import sys
from jobferry_client.file import open_file
print("ready", flush=True)
sys.stdin.readline()
for number in range(40):
    open_file(f"{sys.argv[1]}/{number}.db").close()
"""


def test_processes_that_open_a_new_file_at_once_all_succeed(tmp_path: Path) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", OPEN_ALL, str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    errors = [process.communicate(timeout=60)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], "\n".join(errors)
    for number in range(40):
        assert ask(tmp_path / f"{number}.db", "SELECT count(*) FROM _jobferry_state") == [(1,)]
