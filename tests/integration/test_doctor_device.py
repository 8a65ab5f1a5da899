"""What the doctor says of a device: each check seen well, and seen with something really broken."""

import json
import os
import shutil
import sqlite3
import stat
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import jwt
import pytest
from pydantic import SecretStr

from jobferry_client import JobClient
from jobferry_client.doctor import file, gateway, library, place
from jobferry_client.mending import mend
from jobferry_server.tokens import issue
from jobferry_shared.findings import Finding, Level
from support.processes import eventually, jobferry
from support.proxy import Proxy, free_port, postgres_behind, postgres_target
from support.services import SECRET, Services, token

SOON = 20
ANSWERS = ["gateway", "clock", "listening", "let in"]


def level(findings: Iterator[Finding] | list[Finding], check: str) -> Level:
    """The worst of a check's findings. Whatever is not well says how to mend it."""
    found = [finding for finding in findings if finding.check == check]
    assert found, check
    assert all(finding.mend for finding in found if finding.level is not Level.OK)
    return max((finding.level for finding in found), key=list(Level).index)


@pytest.fixture
def path(device_file: Callable[[str], Path]) -> Path:
    """A sound file."""
    found = device_file("till")
    JobClient(found).close()
    return found


def alter(path: Path, *statements: str) -> None:
    """What another program does to the file."""
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


# -- the library


def test_one_library_is_well_and_two_are_not() -> None:
    with pytest.MonkeyPatch.context() as patch:
        # Other tests have it, in this process.
        patch.delitem(sys.modules, "apsw", raising=False)
        assert level(library.examine(), "sqlite library") is Level.OK
        patch.setitem(sys.modules, "pysqlite3._sqlite3", sys)
        assert level(library.examine(), "sqlite library") is Level.ERROR


@pytest.mark.parametrize(
    ("version", "bad"),
    [
        ((3, 6, 23), False),
        ((3, 7, 0), True),
        ((3, 40, 1), True),
        ((3, 44, 5), True),
        ((3, 44, 6), False),
        ((3, 45, 0), True),
        ((3, 50, 6), True),
        ((3, 50, 7), False),
        ((3, 51, 2), True),
        ((3, 51, 3), False),
        ((3, 52, 0), False),
    ],
)
def test_which_versions_have_the_wal_reset_bug(version: tuple[int, ...], bad: bool) -> None:
    assert library.has_wal_reset_bug(version) is bad


def test_the_version_of_this_process_is_judged() -> None:
    bad = library.has_wal_reset_bug(tuple(sqlite3.sqlite_version_info))
    assert level(library.examine(), "sqlite version") is (Level.WARNING if bad else Level.OK)


# -- where it lies


def test_a_local_disk_is_well_and_memory_is_fleeting(path: Path, tmp_path: Path) -> None:
    found = list(place.examine(path))
    assert level(found, "permissions") is Level.OK
    assert level(found, "file system") is not Level.ERROR
    memory = Path("/dev/shm")
    if memory.exists() and place.type_of(memory, place.MOUNTS.read_text()) == "tmpfs":
        copy = memory / f"jobferry-{os.getpid()}.db"
        shutil.copy(path, copy)
        try:
            assert level(place.examine(copy), "file system") is Level.WARNING
        finally:
            copy.unlink()


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "ceph"])
def test_a_network_file_system_is_an_error(
    kind: str, path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(
        "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
        f"90 22 0:40 / {str(path.parent).replace(' ', chr(92) + '040')} rw shared:1 - {kind} host:/x rw\n"
    )
    monkeypatch.setattr(place, "MOUNTS", mounts)
    assert level(place.examine(path), "file system") is Level.ERROR


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everything")
def test_a_file_that_may_not_be_written(path: Path) -> None:
    path.chmod(stat.S_IRUSR)
    assert level(place.examine(path), "permissions") is Level.ERROR


# -- the file


def test_a_new_file_is_well_but_for_its_first_sync(path: Path) -> None:
    findings = list(file.examine(path))
    assert [f.check for f in findings if f.level is not Level.OK] == ["last sync"]


def test_no_file_is_made_by_looking_for_it(tmp_path: Path) -> None:
    assert level(file.examine(tmp_path / "none.db"), "file") is Level.ERROR
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("Dear Sir, " * 500)
    assert level(file.examine(path), "file") is Level.ERROR


def test_another_program_s_database(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    alter(path, "CREATE TABLE background_jobs (id)")
    assert level(file.examine(path), "schema") is Level.ERROR


def test_a_page_that_is_corrupt(path: Path) -> None:
    with JobClient(path) as client:
        for number in range(200):
            client.submit("t", "x" * 200 + str(number))
    alter(path, "PRAGMA wal_checkpoint(TRUNCATE)")
    data = bytearray(path.read_bytes())
    middle = len(data) // 4096 // 2 * 4096
    data[middle : middle + 400] = b"\xff" * 400
    path.write_bytes(data)
    findings = list(file.examine(path))
    assert any(finding.level is Level.ERROR for finding in findings)
    assert {finding.check for finding in findings} <= {"integrity", "file"}


def test_a_trigger_that_was_dropped_is_found_and_put_back(path: Path) -> None:
    alter(path, "DROP TRIGGER background_jobs_submit")
    alter(path, "INSERT INTO background_jobs (payload) VALUES ('1')")
    findings = list(file.examine(path))
    assert level(findings, "triggers") is Level.ERROR
    assert level(findings, "outbox") is Level.ERROR
    (hint,) = {f.mend for f in findings if f.check == "triggers"}
    assert hint is not None
    done = jobferry(*hint.split()[1:])
    assert done.returncode == 0, done.stderr
    findings = list(file.examine(path))
    assert level(findings, "triggers") is Level.OK
    assert level(findings, "outbox") is Level.OK
    with JobClient(path) as client:
        assert client.status().pending == 1
    assert mend(path) == []


def test_a_trigger_that_was_altered_is_found(path: Path) -> None:
    alter(
        path,
        "DROP TRIGGER background_jobs_cancel",
        "CREATE TRIGGER background_jobs_cancel AFTER UPDATE ON background_jobs BEGIN SELECT 1; END",
    )
    assert level(file.examine(path), "triggers") is Level.ERROR
    assert len(mend(path)) == 1
    assert level(file.examine(path), "triggers") is Level.OK


def test_a_trigger_of_somebody_s_own_is_nobody_s_business(path: Path) -> None:
    alter(path, "CREATE TRIGGER own AFTER INSERT ON background_jobs BEGIN SELECT 1; END")
    assert level(file.examine(path), "triggers") is Level.OK


def test_an_older_newer_or_foreign_schema(path: Path) -> None:
    alter(path, "INSERT INTO _jobferry_migrations VALUES (99, 'later', 'x')")
    assert level(file.examine(path), "schema") is Level.ERROR
    alter(path, "DELETE FROM _jobferry_migrations WHERE version >= 3")
    assert level(file.examine(path), "schema") is Level.WARNING
    alter(path, "UPDATE _jobferry_migrations SET checksum = 'another'")
    assert level(file.examine(path), "schema") is Level.ERROR


def test_a_journal_that_is_no_wal(path: Path) -> None:
    alter(path, "PRAGMA journal_mode = DELETE")
    assert level(file.examine(path), "journal") is Level.WARNING


def test_what_waits_for_long(path: Path) -> None:
    with JobClient(path) as client:
        client.submit()
    assert level(file.examine(path), "unsent") is Level.OK
    alter(path, "UPDATE _jobferry_outbox SET at = '2020-01-01T00:00:00Z'")
    assert level(file.examine(path), "unsent") is Level.WARNING


def test_whether_an_engine_is_at_work(path: Path) -> None:
    def says() -> str:
        return next(f.says for f in file.examine(path) if f.check == "unsent")

    with JobClient(path) as client:
        client.submit()
    assert "no engine is at work" in says()
    nobody = f"ws://127.0.0.1:{free_port()}"
    with JobClient(path, nobody, "t") as client:
        eventually(lambda: "an engine is at work" in says(), every=0.02)


def test_rejected_jobs_and_the_last_sync(path: Path, services: Services) -> None:
    with services.gateway(payload_bytes=1000) as url, JobClient(path, url, token()) as client:
        client.sync(SOON)
        assert level(file.examine(path), "rejected") is Level.OK
        assert level(file.examine(path), "last sync") is Level.OK
        client.submit("t", "x" * 2000)
        client.sync(SOON)
        assert level(file.examine(path), "rejected") is Level.WARNING


# -- the gateway


def readiness(url: str) -> Level:
    return level(gateway.examine(url, None), "gateway")


def test_a_gateway_that_is_well(services: Services) -> None:
    with services.gateway() as url:
        eventually(lambda: readiness(url) is Level.OK)
        findings = list(gateway.examine(url, token()))
    assert {finding.level for finding in findings if finding.check in ANSWERS} == {Level.OK}
    # How quick it is on this machine is not asked here.
    assert [finding.check for finding in findings if "lag" not in finding.check] == ANSWERS


def test_a_gateway_that_shows_its_figures_to_whom_it_knows(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    def seen(url: str) -> set[str]:
        return {finding.check for finding in gateway.examine(url, None)}

    with services.gateway(metrics_token=SecretStr("of the operator's")) as url:
        assert "listening" not in seen(url)
        monkeypatch.setenv("JOBFERRY_METRICS_TOKEN", "of the operator's")
        assert "listening" in seen(url)


def test_no_gateway() -> None:
    nobody = f"ws://127.0.0.1:{free_port()}"
    assert level(gateway.examine(nobody, None), "gateway") is Level.ERROR
    assert level(gateway.examine("http://example.org", None), "gateway") is Level.ERROR


def test_a_gateway_that_does_not_answer(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway, "ANSWER_SECONDS", 0.3)
    with services.gateway() as url, Proxy(("127.0.0.1", int(url.rpartition(":")[2]))) as proxy:
        proxy.freeze()
        assert level(gateway.examine(proxy.url, None), "gateway") is Level.ERROR


def test_a_gateway_that_can_not_serve(dsn: str) -> None:
    with (
        Proxy(postgres_target(dsn)) as proxy,
        Services(postgres_behind(proxy, dsn)) as services,
        services.gateway() as url,
    ):
        eventually(lambda: readiness(url) is Level.OK)
        proxy.close()
        eventually(lambda: readiness(url) is Level.ERROR)
        proxy.open()


class Late(BaseHTTPRequestHandler):
    """A server whose clock is an hour behind."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def date_time_string(self, timestamp: float | None = None) -> str:  # noqa: ARG002
        return super().date_time_string(time.time() - 3600)

    def log_message(self, *args: object) -> None:
        """Nobody is to hear of it."""


def test_a_clock_that_is_off() -> None:
    with HTTPServer(("127.0.0.1", 0), Late) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        findings = list(gateway.examine(f"ws://127.0.0.1:{server.server_port}", None))
        server.shutdown()
        thread.join()
    assert level(findings, "clock") is Level.WARNING
    assert "ahead of" in next(f.says for f in findings if f.check == "clock")


def test_a_token_that_the_gateway_does_not_take(services: Services) -> None:
    foreign = issue("another secret of thirty-two octets!", "anna", timedelta(days=9))
    with services.gateway() as url:
        assert level(gateway.examine(url, foreign), "let in") is Level.ERROR


# -- the token


def claims(**more: object) -> str:
    return jwt.encode({"sub": "anna", "aud": "jobferry", "exp": 4e9} | more, SECRET, "HS256")


@pytest.mark.parametrize(
    ("bad", "check", "how"),
    [
        (None, "token", Level.WARNING),
        ("nonsense", "token", Level.ERROR),
        ("a.b.c", "token", Level.ERROR),
        (issue(SECRET, "anna", timedelta(hours=-3)), "token's end", Level.ERROR),
        (issue(SECRET, "anna", timedelta(hours=3)), "token's end", Level.WARNING),
        (jwt.encode({"sub": "anna", "aud": "jobferry"}, SECRET), "token's end", Level.ERROR),
        (claims(aud="other"), "token's audience", Level.WARNING),
        (claims(sub=""), "token's owner", Level.ERROR),
        (claims(sub="bert"), "token's owner", Level.ERROR),
    ],
)
def test_what_a_token_says_of_itself(bad: str | None, check: str, how: Level) -> None:
    assert level(gateway.examine_token(bad, "anna"), check) is how


def test_a_good_token() -> None:
    findings = list(gateway.examine_token(claims(), "anna"))
    assert {finding.level for finding in findings} == {Level.OK}
    assert len(findings) == 3


# -- the command


def test_the_command_s_words_and_exit_codes(path: Path, services: Services) -> None:
    with services.gateway() as url:
        eventually(lambda: readiness(url) is Level.OK)
        well = jobferry("doctor", str(path), "--url", url, "--token", token())
        assert well.returncode == 0, well.stdout
        assert "0 errors" in well.stdout
    ill = jobferry("doctor", str(path), "--url", url, "--token", "\x1b[31mx", "--json")
    assert ill.returncode == 1
    found = json.loads(ill.stdout)
    assert {"check", "level", "says", "mend"} == set(found[0])
    assert [one["check"] for one in found if one["level"] == "error"] == ["token", "gateway"]
    assert jobferry("doctor").returncode == 0


def test_control_characters_of_others_do_no_harm(path: Path) -> None:
    alter(path, "UPDATE _jobferry_state SET owner = 'a\x1b[2Jb', last_synced_at = 'now'")
    shown = jobferry("doctor", str(path))
    assert "\x1b[2J" not in shown.stdout
    assert "a\\x1b[2Jb" in shown.stdout
