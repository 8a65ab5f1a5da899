"""Tokens that are believed no more: in SQL, from the command line, and by gateways at once."""

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, LiteralString

import jwt
import psycopg
import pytest
from click.testing import CliRunner, Result
from websockets.exceptions import ConnectionClosed, InvalidStatus

from integration.database import Database
from integration.test_gateway_life import away, get
from integration.wire import Wire, device, job, submit, wired
from jobferry_client import ConnectionState, JobClient
from jobferry_client.cli import jobferry
from jobferry_server.errors import TokenRefused
from jobferry_server.tokens import Verifier, issue
from jobferry_shared.versions import PROTOCOL
from support.postgres import TestServer
from support.processes import eventually
from support.services import SECRET, Services, token

HOUR = timedelta(hours=1)


def id_of(bearer: str) -> str:
    found = Verifier(SECRET).verify(bearer).token_id
    assert found
    return found


def issued(owner: str = "anna", ago: timedelta = timedelta(0), **more: object) -> str:
    """A token of some time ago."""
    now = datetime.now(UTC)
    claims = {"sub": owner, "aud": "jobferry", "iat": now - ago, "exp": now + HOUR} | more
    return jwt.encode(claims, SECRET, "HS256")


def is_let_in(url: str, bearer: str) -> bool:
    try:
        with wired(url, Authorization=f"Bearer {bearer}") as wire:
            wire.say("hello", protocol=PROTOCOL, client_id=str(wire.client_id))
            answer = wire.hear()
    except InvalidStatus as no:
        refusal = no.response
        assert (refusal.status_code, refusal.body) == (401, b"the token was revoked\n")
        return False
    # Perhaps it was revoked between the request and hello.
    return bool(answer["type"] == "welcome")


def admin(db: Database) -> Database:
    return Database(db.dsn, "jobferry_admin")


def assert_ended(wire: Wire) -> None:
    error = wire.expect_error()
    assert (error["code"], error["message"]) == ("unauthenticated", "the token was revoked")


# -- gateways


def test_a_revoked_token_ends_its_connections_at_once_and_opens_none(
    db: Database, services: Services
) -> None:
    lost, kept = token("anna"), token("anna")
    with (
        services.gateway() as one,
        services.gateway() as two,
        wired(one, Authorization=f"Bearer {lost}") as here,
        wired(two) as there,
        wired(one, Authorization=f"Bearer {kept}") as other,
    ):
        here.hello()
        there.hello(token=lost)
        other.hello()
        with admin(db) as administrator:
            administrator.do("select jobferry.revoke_token(%s)", id_of(lost))
        assert_ended(here)
        assert_ended(there)
        for url in (one, two):
            assert not is_let_in(url, lost)
            assert is_let_in(url, kept)
            with wired(url) as wire:
                wire.say("hello", protocol=PROTOCOL, client_id=str(wire.client_id), token=lost)
                assert_ended(wire)
        other.say("renew", token=lost)
        assert_ended(other)


def test_of_a_revoked_owner_only_later_tokens_are_believed(
    db: Database, services: Services
) -> None:
    with services.gateway() as url, device(url, "anna") as wire, device(url, "bert") as bert:
        with admin(db) as administrator:
            administrator.do(
                "select jobferry.revoke_owner('anna', now() + interval '10 seconds', 'left us')"
            )
        assert_ended(wire)
        assert not is_let_in(url, issued("anna", timedelta(days=1)))
        assert not is_let_in(url, issued("anna", iat=0))
        assert not is_let_in(url, issued("anna"))
        # As if the minute were over.
        db.do("update jobferry.revocations set issued_before = now() - interval '10 seconds'")
        eventually(lambda: is_let_in(url, issued("anna")), every=0.01)
        assert not is_let_in(url, issued("anna", timedelta(seconds=20)))
        assert bert.deliver(submit(job())) == []


def test_nothing_is_taken_of_what_comes_after(db: Database, services: Services) -> None:
    """The device may send on until it has heard: none of it is written."""
    lost = token("anna")
    with services.gateway() as url, wired(url, Authorization=f"Bearer {lost}") as wire:
        wire.hello()
        with admin(db) as administrator:
            administrator.do("select jobferry.revoke_token(%s)", id_of(lost))
        eventually(lambda: not is_let_in(url, lost), every=0.005)
        with suppress(ConnectionClosed):
            wire.push(submit(job()))
        assert_ended(wire)
    assert db.value("select count(*) from background_jobs") == 0


def test_what_is_taken_back_is_believed_again(db: Database, services: Services) -> None:
    mine = token("anna")
    with services.gateway() as url, admin(db) as administrator:
        administrator.do("select jobferry.revoke_token(%s)", id_of(mine))
        eventually(lambda: not is_let_in(url, mine), every=0.01)
        assert administrator.value("select jobferry.unrevoke_token(%s)", id_of(mine)) is True
        assert administrator.value("select jobferry.unrevoke_token(%s)", id_of(mine)) is False
        eventually(lambda: is_let_in(url, mine), every=0.01)


def test_what_was_revoked_before_a_gateway_began_is_revoked(
    db: Database, services: Services
) -> None:
    mine = token("anna")
    db.do("select jobferry.revoke_token(%s)", id_of(mine))
    with services.gateway() as url:
        assert not is_let_in(url, mine)


def test_what_was_revoked_while_nobody_could_hear_it_is_found_afterwards(
    server: TestServer, db: Database, services: Services
) -> None:
    mine = token("anna")
    with services.gateway() as url, wired(url, Authorization=f"Bearer {mine}") as wire:
        wire.hello()
        # Whoever begins to listen looks, too.
        eventually(lambda: get(url, "/readyz")[0] == 200)
        listeners = (
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and query ilike 'listen%%'"
        )
        # In replica mode only what is ALWAYS rings: here nothing does.
        with db.together():
            db.do("alter table jobferry.revocations disable trigger ring_revocations_trigger")
            db.do("select jobferry.revoke_token(%s)", id_of(mine))
            db.do("alter table jobferry.revocations enable always trigger ring_revocations_trigger")
        assert is_let_in(url, mine)
        assert db.rows(listeners)
        assert_ended(wire)


def test_a_database_that_is_away_forgets_no_revocation(
    server: TestServer, db: Database, services: Services
) -> None:
    mine = token("anna")
    db.do("select jobferry.revoke_token(%s)", id_of(mine))
    with services.gateway() as url:
        with away(server, db.dsn):
            assert not is_let_in(url, mine)
        assert not is_let_in(url, mine)


def test_a_device_shows_that_it_was_revoked(
    db: Database, services: Services, tmp_path: Path
) -> None:
    with (
        services.gateway() as url,
        JobClient(tmp_path / "till.db", url, mine := token("anna")) as client,
    ):
        client.sync(20)
        db.do("select jobferry.revoke_token(%s)", id_of(mine))
        eventually(lambda: client.status().state is ConnectionState.NEEDS_AUTH, 20, 0.01)
        assert "the token was revoked" in (client.status().reason or "")
        job_id = client.submit().id
        assert client.status().pending == 1
    assert db.value("select count(*) from background_jobs where id = %s", job_id) == 0


# -- SQL


def listed(db: Database) -> list[dict[str, Any]]:
    return db.rows("select token_id, owner, reason from jobferry.revocations order by 1, 2")


def test_again_is_no_error_and_the_later_word_counts(db: Database) -> None:
    for reason in ("lost", "stolen"):
        db.do("select jobferry.revoke_token('t', null, %s)", reason)
        db.do("select jobferry.revoke_owner('anna', reason := %s)", reason)
    assert listed(db) == [
        {"token_id": "t", "owner": None, "reason": "stolen"},
        {"token_id": None, "owner": "anna", "reason": "stolen"},
    ]


def test_an_owner_s_revocation_never_becomes_weaker_by_another(db: Database) -> None:
    before = "select issued_before from jobferry.revocations"
    db.do("select jobferry.revoke_owner('anna')")
    first = db.value(before)
    db.do("select jobferry.revoke_owner('anna', now() - interval '1 year')")
    assert db.value(before) == first
    db.do("select jobferry.revoke_owner('anna', null)")
    assert db.value(before) > first


def test_what_has_expired_is_forgotten_when_the_next_is_revoked(db: Database) -> None:
    db.do("select jobferry.revoke_token('old', now() - interval '2 days')")
    db.do("select jobferry.revoke_token('ours', now() + interval '1 day')")
    db.do("select jobferry.revoke_token('for ever')")
    assert [row["token_id"] for row in listed(db)] == ["for ever", "ours"]


def test_nothing_can_not_be_revoked(db: Database) -> None:
    for function in ("revoke_token", "revoke_owner"):
        for nothing in (None, ""):
            with pytest.raises(psycopg.Error) as no:
                db.do(f"select jobferry.{function}(%s)", nothing)
            assert no.value.sqlstate == "JF070"


@pytest.mark.parametrize("role", ["jobferry_gateway", "jobferry_processor", "jobferry_auditor"])
def test_only_administrators_revoke(db: Database, role: LiteralString) -> None:
    db.do("select jobferry.revoke_token('t')")
    with Database(db.dsn, role) as part:
        for statement in (
            "select jobferry.revoke_token('u')",
            "select jobferry.unrevoke_token('t')",
            "select jobferry.revoke_owner('anna')",
            "select jobferry.unrevoke_owner('anna')",
            "delete from jobferry.revocations",
            "insert into jobferry.revocations (token_id) values ('v')",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                part.do(statement)
    assert len(listed(db)) == 1


def test_the_list_says_who_revoked(db: Database) -> None:
    with admin(db) as administrator:
        administrator.do("select jobferry.revoke_token('t')")
    assert db.value("select revoked_by = session_user from jobferry.revocations")


# -- the command


def say(*arguments: str, stdin: str = "") -> Result:
    return CliRunner().invoke(jobferry, ["token", *arguments], input=stdin)


def test_the_command_revokes_lists_and_takes_back(dsn: str) -> None:
    mine = issue(SECRET, "anna", HOUR)
    shown = json.loads(say("show", stdin=mine + "\n").stdout)
    assert shown["sub"] == "anna"
    at = ("--dsn", dsn)
    assert say("revoke", *at, "--stdin", "--reason", "lost\x1b", stdin=mine).exit_code == 0
    assert say("revoke", *at, "--owner", "bert", "--before", "2026-01-01").exit_code == 0
    listing = say("revoked", *at).stdout
    assert f"token {shown['jti']}" in listing
    assert "tokens of bert issued before 2026-01-01" in listing
    assert "\x1b" not in listing
    first, second = map(json.loads, say("revoked", *at, "--json").stdout.splitlines())
    assert (first["token_id"], first["reason"]) == (shown["jti"], "lost\x1b")
    assert datetime.fromisoformat(first["expires_at"]).timestamp() == shown["exp"]
    assert second["owner"] == "bert"
    assert say("restore", *at, "--id", shown["jti"]).exit_code == 0
    gone = say("restore", *at, "--id", shown["jti"])
    assert gone.exit_code == 1
    assert "not revoked" in gone.stderr


@pytest.mark.parametrize(
    "arguments", [(), ("--id", "a", "--owner", "b"), ("--stdin", "--owner", "b")]
)
def test_the_command_wants_to_know_which(dsn: str, arguments: tuple[str, ...]) -> None:
    assert say("revoke", "--dsn", dsn, *arguments).exit_code == 2


def test_what_is_no_token_is_refused_with_a_code(dsn: str) -> None:
    for command in (("show",), ("revoke", "--stdin", "--dsn", dsn)):
        no = say(*command, stdin="not one")
        assert isinstance(no.exception, TokenRefused)
        assert no.exception.code == "unauthenticated"


def test_a_token_is_still_made_without_a_word_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOBFERRY_JWT_SECRET", SECRET)
    made = say("--subject", "anna").stdout.strip()
    assert Verifier(SECRET).verify(made).owner == "anna"
    assert say().exit_code == 2
