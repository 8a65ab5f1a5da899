"""The doctor hears as the parts do: by the DSN they have for LISTEN, or not at all."""

import pytest

from integration.database import Database
from jobferry_server.doctor import examine, hearing
from jobferry_shared.findings import Finding, Level
from support.commands import runner
from support.pgbouncer import installed, part_login, pooler
from support.postgres import TestServer
from support.proxy import free_port


def heard(dsn: str, *, pooled: bool = True, listen_dsn: str | None = None) -> Finding:
    found = examine(dsn, pooled=pooled, listen_dsn=listen_dsn)
    (finding,) = [finding for finding in found if finding.check == "listen"]
    return finding


@pytest.mark.skipif(not installed(), reason="there is no PgBouncer here")
def test_beside_a_pooler_postgres_itself_is_heard(db: Database) -> None:
    with (
        part_login(db.dsn, "jobferry_gateway") as user,
        pooler(db.dsn, user) as between,
    ):
        assert heard(between.dsn(user), listen_dsn=db.dsn).level is Level.OK


def test_where_nobody_listens_that_is_said(db: Database) -> None:
    found = heard(db.dsn)
    assert found.level is Level.WARNING
    assert "--listen-dsn" in str(found.mend)


def test_another_database_hears_nothing(
    db: Database, server: TestServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hearing, "ANSWER_SECONDS", 0.2)
    with server.database() as other:
        found = heard(db.dsn, listen_dsn=other)
    assert found.level is Level.ERROR
    assert "another database" in found.says


def test_nobody_there_to_listen_to(db: Database) -> None:
    found = heard(db.dsn, listen_dsn=f"postgresql://nobody@127.0.0.1:{free_port()}/none")
    assert (found.level, "\n" in found.says) == (Level.ERROR, False)


def test_the_command_takes_what_a_part_takes(
    db: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("JOBFERRY_POOLED", "true")
    monkeypatch.setenv("JOBFERRY_DSN", db.dsn)
    run = runner(capsys)
    assert "no part listens" in run("doctor").out
    assert "what is said is heard" in run("doctor", "--listen-dsn", db.dsn).out
