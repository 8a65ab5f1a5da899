"""Who may look at the dashboard, from where, and who may change what."""

import pytest
from pydantic import SecretStr

from integration.database import Database, Spec
from support.commands import Run
from support.dashboard import ask, dashboard, send
from support.services import Services

TOKEN = "a token that nobody guesses"
SESSION = "jobferry_dashboard"


def cancel(db: Database, url: str, **headers: str) -> tuple[int, str]:
    """Try to cancel a job; the answer, and where the job is then."""
    spec = Spec()
    db.submit(spec)
    answer = send(url, "/jobs/cancel", ("id", str(spec.id)), **headers)
    return answer.status, db.status(spec.id)


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_it_does_not_open_to_other_machines_without_asking_who(any_command: Run, host: str) -> None:
    ran = any_command("dashboard", "--dsn", "postgresql:///none", "--host", host, "--port", "0")
    assert ran.code == 1
    assert "configuration" in ran.err
    assert "--token" in ran.err


def test_a_token_that_can_be_guessed_is_refused(any_command: Run) -> None:
    ran = any_command(
        "dashboard", "--dsn", "postgresql:///none", "--port", "0", "--token", "secret"
    )
    assert ran.code == 1
    assert "6 characters" in ran.err


def test_it_answers_to_this_machine_s_names_alone(services: Services) -> None:
    with dashboard(services) as url:
        port = url.rpartition(":")[2]
        for name in ("localhost", "127.0.0.1", "[::1]", "LOCALHOST"):
            assert ask(url, Host=f"{name}:{port}").status == 200
        for name in ("rebound.example", "127.0.0.1.rebound.example", "localhost.example", "["):
            assert ask(url, Host=f"{name}:{port}").status == 421


def test_a_change_comes_from_its_own_pages_alone(db: Database, services: Services) -> None:
    with dashboard(services, manage=True) as url:
        assert cancel(db, url) == (303, "cancelled")
        assert cancel(db, url, Origin="", sec_fetch_site="same-origin") == (303, "cancelled")
        for headers in (
            {"Origin": ""},
            {"Origin": "http://evil.example"},
            {"Origin": "null"},
            {"Origin": url.replace("127.0.0.1", "localhost")},
            {"sec_fetch_site": "cross-site"},
            {"sec_fetch_site": "same-site"},
            {"sec_fetch_site": "none"},
            {"Origin": "", "Authorization": "Basic eDp5"},
        ):
            assert cancel(db, url, **headers) == (403, "queued"), headers
        assert ask(url, "/jobs/cancel").status in (404, 405)


def test_without_manage_nothing_can_be_changed(db: Database, services: Services) -> None:
    with dashboard(services) as url:
        assert cancel(db, url) == (403, "queued")
        for path in ("/jobs/retry", "/pauses/task/pause", "/schedules/1/run"):
            assert send(url, path, ("name", "default")).status == 403
        for page in ("/jobs", "/queues"):
            assert 'method="post"' not in ask(url, page).text
        # Were the door left open, Postgres would refuse.
        roles = "select current_setting('role') from pg_stat_activity where application_name = %s"
        assert db.rows(roles, "jobferry_auditor")
        assert not db.rows(roles, "jobferry_admin")


def test_a_token_is_asked_for_once(db: Database, services: Services) -> None:
    with dashboard(services, token=SecretStr(TOKEN), manage=True) as url:
        sent = ask(url, "/jobs?status=failed", Accept="text/html")
        assert (sent.status, sent.location) == (303, "/login?next=%2Fjobs%3Fstatus%3Dfailed")
        assert ask(url, "/jobs").status == 401
        assert ask(url, "/changes").status == 401
        assert ask(url, "/static/dashboard.css").status == 200
        assert send(url, "/login", ("token", "another")).status == 403

        let_in = send(url, sent.location, ("token", TOKEN))
        assert (let_in.status, let_in.location) == (303, "/jobs?status=failed")
        cookie = let_in.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        session = cookie.partition(";")[0]
        assert ask(url, "/jobs", Cookie=session).status == 200
        assert cancel(db, url, Cookie=session) == (303, "cancelled")
        assert cancel(db, url, Cookie=session, Origin="http://evil.example") == (403, "queued")

        end, _, signature = session.removeprefix(f"{SESSION}=").partition(".")
        for forged in (
            f"{int(end) + 1}.{signature}",
            f"{end}.{'0' * 64}",
            f"1.{signature}",
            "",
            "x.y",
        ):
            assert ask(url, "/jobs", Cookie=f"{SESSION}={forged}").status == 401


def test_a_program_shows_the_token_itself(db: Database, services: Services) -> None:
    with dashboard(services, token=SecretStr(TOKEN), manage=True) as url:
        assert ask(url, "/jobs", Authorization=f"Bearer {TOKEN}").status == 200
        assert ask(url, "/jobs", Authorization=f"Bearer {TOKEN}x").status == 401
        assert cancel(db, url, Origin="", Authorization=f"Bearer {TOKEN}") == (303, "cancelled")


@pytest.mark.parametrize("there", ["//evil.example", "https://evil.example", "/\\evil.example"])
def test_logging_in_leads_nowhere_else(services: Services, there: str) -> None:
    with dashboard(services, token=SecretStr(TOKEN)) as url:
        assert send(url, f"/login?next={there}", ("token", TOKEN)).location == "/"


def test_a_proxy_says_who_asks_and_the_audit_log_keeps_it(db: Database, services: Services) -> None:
    with dashboard(services, trusted_header="X-Forwarded-User", manage=True) as url:
        assert ask(url).status == 401
        assert "anna" in ask(url, x_forwarded_user="anna").text
        assert cancel(db, url) == (401, "queued")
        assert cancel(db, url, x_forwarded_user="anna") == (303, "cancelled")
    actor = db.value("select actor from background_job_events where event = 'cancelled'")
    assert actor == f"{db.value('select session_user')} for anna"
