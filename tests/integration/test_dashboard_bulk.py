"""All jobs that match a filter: counted, confirmed, done in batches, each in the audit log."""

import html
import re
from collections.abc import Iterator

import pytest

from integration.database import Database, Spec
from jobferry_server import database
from jobferry_server.dashboard import bulk
from support.dashboard import Answer, ask, dashboard, send
from support.services import Services

HIDDEN = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)">')
JSON = '{"photo": "sea.jpg"}'


@pytest.fixture
def url(services: Services) -> Iterator[str]:
    """A dashboard that may change jobs, and knows for whom."""
    with dashboard(services, manage=True, trusted_header="X-Who") as found:
        yield found


def asked(url: str, verb: str, query: str = "") -> str:
    """The page that asks whether that is meant."""
    answer = ask(url, f"/jobs/all/{verb}{query}", x_who="carla")
    assert answer.status == 200
    return answer.text


def confirm(url: str, page: str, verb: str) -> Answer:
    """Say yes to it."""
    form = [(name, html.unescape(value)) for name, value in HIDDEN.findall(page)]
    return send(url, f"/jobs/all/{verb}", *form, x_who="carla")


def fail(db: Database, number: int) -> None:
    """So many jobs that have failed for good."""
    db.submit(*(Spec() for _ in range(number)))
    db.register("p", "default")
    error = {"code": "x", "message": "it broke"}
    db.flush("p", failed=[(held, {"error": error, "final": True}) for held in db.take()])


def test_what_was_counted_is_cancelled_and_nothing_that_came_later(db: Database, url: str) -> None:
    meant = [Spec(payload=JSON), Spec(payload=JSON, run_at="2999-01-01T00:00:00Z")]
    others = [Spec(owner="bert", payload=JSON), Spec(), Spec(task="other", payload=JSON)]
    db.submit(*meant, *others)
    page = asked(url, "cancel", "?owner=anna&task=default&text=SEA")
    assert "<strong>2</strong> of these have not ended" in page
    assert "Cancel 2 jobs" in page
    late = Spec(payload=JSON)
    db.submit(late)
    done = confirm(url, page, "cancel")
    assert done.location == "/jobs?did=cancel&changed=2&left=0&task=default&owner=anna&text=SEA"
    assert [db.status(one.id) for one in meant] == ["cancelled"] * 2
    assert {db.status(one.id) for one in (late, *others)} == {"queued"}
    actors = db.column("select distinct actor from background_job_events where event = 'cancelled'")
    assert actors == [f"{db.value('select session_user')} for carla"]


def test_very_many_are_done_in_batches_and_asked_for_again(
    db: Database, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "BATCH", 2)
    monkeypatch.setattr(bulk, "MOST", 3)
    fail(db, 5)
    db.submit(Spec())
    page = asked(url, "retry")
    assert "<strong>More than 3</strong> of these have failed" in page
    assert "Retry 3 jobs" in page
    done = confirm(url, page, "retry")
    assert done.location == "/jobs/all/retry?did=retry&changed=3&left=0"
    page = ask(url, done.location, x_who="carla").text
    assert "3 set to run again." in page
    assert "<strong>2</strong>" in page
    transactions = (
        "select count(distinct version::text) from background_jobs where revised is not null"
    )
    assert db.value(transactions) == 2
    assert confirm(url, page, "retry").location == "/jobs?did=retry&changed=2&left=0"
    assert "None of these can be retried" in asked(url, "retry")


def test_what_can_t_be_retried_or_is_due_already_is_not_counted(db: Database, url: str) -> None:
    fail(db, 2)
    db.do("select jobferry.erase_batch('anna', now(), 10)")
    due, later = Spec(), Spec()
    db.submit(due, later)
    again = {"error": {"code": "x", "message": "y"}, "final": False, "delay": "1 hour"}
    db.flush("p", failed=[(held, again) for held in db.take()])
    assert "<strong>2</strong>" in asked(url, "retry")
    db.do("select jobferry.reschedule_jobs(array[%s]::uuid[], run_at => now())", due.id)
    assert "<strong>1</strong>" in asked(url, "retry")


def test_an_error_on_the_way_says_what_was_done(
    db: Database, other: Database, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_force = database.in_force
    monkeypatch.setattr(
        database, "in_force", lambda role: in_force(role) | {"lock_timeout": "50ms"}
    )
    monkeypatch.setattr(bulk, "BATCH", 1)
    first, second = sorted((Spec(), Spec()), key=lambda one: one.id)
    db.submit(first, second)
    with dashboard(services, manage=True, trusted_header="X-Who") as url, other.together():
        other.do("select from background_jobs where id = %s for update", second.id)
        answer = confirm(url, asked(url, "cancel"), "cancel")
    assert (answer.status, "1 of 2 were cancelled, then Postgres" in answer.text) == (503, True)
    assert (db.status(first.id), db.status(second.id)) == ("cancelled", "queued")


def test_it_is_offered_where_there_is_something_to_do(db: Database, url: str) -> None:
    fail(db, 1)
    db.submit(Spec())
    offered = {
        status: re.findall(r'href="/jobs/all/(\w+)', ask(url, f"/jobs?status={status}", x_who="c").text)
        for status in ("", "queued", "failed", "completed")
    }  # fmt: skip
    assert offered == {
        "": ["cancel", "retry"], "queued": ["cancel"], "failed": ["retry"], "completed": []
    }  # fmt: skip


def test_nobody_else_s_page_and_no_reader_can(db: Database, services: Services, url: str) -> None:
    db.submit(Spec())
    page = asked(url, "cancel")
    form = HIDDEN.findall(page)
    evil = send(url, "/jobs/all/cancel", *form, Origin="http://evil.example", x_who="carla")
    assert evil.status == 403
    assert send(url, "/jobs/all/cancel", x_who="carla").status == 400
    assert ask(url, "/jobs/all/drop", x_who="carla").status == 404
    with dashboard(services) as reader:
        assert ask(reader, "/jobs/all/cancel").status == 403
        assert send(reader, "/jobs/all/cancel", *form).status == 403
        assert "/jobs/all/" not in ask(reader, "/jobs").text
    assert db.column("select status from background_jobs") == ["queued"]
