"""The dashboard's pages over HTTP, on a real database."""

import base64
import json
import re
from collections.abc import Iterator
from uuid import uuid4

import pytest
from psycopg.types.json import Json

from integration.database import ANNA, Database, Spec
from jobferry_shared.ids import new_id
from support.dashboard import Answer, ask, dashboard, send
from support.services import Services

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(100)).decode()
JOB = re.compile(r'id="job-([0-9a-f-]{36})"')


@pytest.fixture
def url(services: Services) -> Iterator[str]:
    """A dashboard that may change jobs."""
    with dashboard(services, manage=True) as found:
        yield found


def listed(url: str, path: str) -> list[str]:
    """The jobs of all pages behind an address, as they come."""
    found: list[str] = []
    while path:
        page = ask(url, path).text
        found += JOB.findall(page)
        further = re.search(r'rel="next" class="button" href="([^"]+)"', page)
        path = further[1].replace("&amp;", "&") if further else ""
    return found


def submit(db: Database, number: int, **more: object) -> list[str]:
    """So many jobs, the oldest first."""
    specs = [Spec(**more) for _ in range(number)]  # type: ignore[arg-type] # the test's own words
    assert db.submit(*specs) == []
    return [str(spec.id) for spec in specs]


def fail(db: Database, most: int, message: str = "it broke") -> None:
    """Have some jobs fail for good."""
    db.register("p", "default")
    error = {"code": "handler_error", "message": message}
    db.flush("p", failed=[(held, {"error": error, "final": True}) for held in db.take(most=most)])


PAGES = ["/", "/?span=day", "/jobs", "/devices", "/queues", "/processors", "/audit", "/login"]


@pytest.mark.parametrize("path", [*PAGES, "/static/dashboard.js", "/nowhere", "/jobs?device=x"])
def test_every_answer_forbids_what_is_not_its_own(services: Services, path: str) -> None:
    with dashboard(services) as url:
        headers = ask(url, path).headers
    assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"


def test_every_page_answers_with_nothing_in_the_database(url: str) -> None:
    for path in PAGES[:-1]:
        answer = ask(url, path)
        assert (answer.status, "<h1>" in answer.text) == (200, True), path
        assert " style=" not in answer.text
        assert "<script>" not in answer.text


def test_pages_by_key_miss_nothing_and_show_nothing_twice(db: Database, url: str) -> None:
    jobs = submit(db, 120)
    others = submit(db, 3, owner="bert", task="other")
    assert listed(url, "/jobs") == [*reversed(others), *reversed(jobs)]
    assert listed(url, "/jobs?task=other") == [*reversed(others)]
    assert sorted(listed(url, f"/jobs?owner={ANNA}")) == sorted(jobs)
    assert sorted(listed(url, "/jobs?status=unfinished")) == sorted(jobs + others)
    assert sorted(listed(url, "/jobs?status=queued&task=default")) == sorted(jobs)
    fail(db, 70)
    failed = db.column("select id::text from background_jobs where status = 'failed'")
    assert sorted(listed(url, "/jobs?status=failed")) == sorted(failed)
    assert len(failed) == 70
    events = re.findall(r"<time datetime=\"([^\"]+)\"", ask(url, "/audit?event=failed").text)
    assert events == sorted(events, reverse=True)


def test_new_jobs_do_not_move_the_next_page(db: Database, url: str) -> None:
    jobs = submit(db, 60)
    first = ask(url, "/jobs").text
    submit(db, 30)
    further = re.search(r'rel="next" class="button" href="([^"]+)"', first)
    assert further
    page = ask(url, further[1].replace("&amp;", "&")).text
    assert JOB.findall(page) == [*reversed(jobs[:10])]


def test_filters_find_by_everything_a_job_is_known_by(db: Database, url: str) -> None:
    device = uuid4()
    submit(db, 5)
    (wanted,) = submit(db, 1, client_id=device, queue_name="q", payload='{"Name": "Øresund"}')
    for query in (f"device={device}", "queue=q", "text=%C3%98RESUND", "status=queued&queue=q"):
        assert listed(url, f"/jobs?{query}") == [wanted], query
    assert len(listed(url, "/jobs?since=2026-01-01T00:00")) == 6
    assert listed(url, "/jobs?until=2026-01-01T00:00") == []
    assert ask(url, f"/jobs?text={wanted}").location == f"/jobs/{wanted}"


def test_what_is_not_found_is_said_with_how_far_it_was_looked_for(db: Database, url: str) -> None:
    db.do("select count(*) from jobferry.add_jobs(array_fill("
          "row('t', '{}', null, null, null, null, null, null)::jobferry.job_spec, array[4100]))")  # fmt: skip
    page = ask(url, "/jobs?task=nowhere").text
    assert "the next 4,000 were looked through" in page
    assert "Look further" in page
    assert listed(url, "/jobs?task=nowhere") == []


@pytest.mark.parametrize(
    "query",
    [
        "device=x",
        "status=y",
        "since=z",
        "after=1&after=2",
        "after=%27",
        "status=failed&after=1",
        "task=%00",
    ],
)
def test_an_address_that_can_t_be_read_is_refused_in_words(url: str, query: str) -> None:
    if query == "after=1&after=2":  # a place has parts that do not matter here
        assert ask(url, f"/jobs?{query}").status == 200
        return
    answer = ask(url, f"/jobs?{query}")
    assert answer.status == 400
    assert 'class="notice bad"' in answer.text


def test_a_job_shows_what_it_was_and_how_it_went(db: Database, url: str) -> None:
    (job,) = submit(db, 1, payload='{"photo": "sea.jpg"}')
    fail(db, 1, "no such photo")
    page = ask(url, f"/jobs/{job}").text
    for word in (
        "sea.jpg",
        "no such photo",
        "handler_error",
        "processor p",
        "submitted",
        "started",
    ):
        assert word in page
    file = ask(url, f"/jobs/{job}/payload.json")
    assert json.loads(file.content) == {"photo": "sea.jpg"}
    assert file.headers["content-disposition"].startswith("attachment")
    assert ask(url, f"/jobs/{job}/result.json").status == 404
    assert ask(url, f"/jobs/{new_id()}").status == 404


def test_a_picture_is_shown_and_nothing_that_could_run(db: Database, url: str) -> None:
    svg = base64.b64encode(b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>" * 2)
    result = {
        "plain": PNG,
        "data": f"data:text/html;base64,{PNG}",
        "svg": f"data:image/svg+xml;base64,{svg.decode()}",
        "broken": PNG[:80] + "<script>" * 10,
    }
    (job,) = submit(db, 1)
    db.do("update background_jobs set result = %s, completed = true", Json(result))
    page = ask(url, f"/jobs/{job}").text
    assert page.count('<img src="/jobs/') == 3
    for number in (0, 1):
        picture = ask(url, f"/jobs/{job}/pictures/{number}")
        assert picture.headers["content-type"] == "image/png"
        assert picture.headers["content-security-policy"] == "default-src 'none'; sandbox"
        assert picture.headers["x-content-type-options"] == "nosniff"
        assert picture.content.startswith(b"\x89PNG")
    assert ask(url, f"/jobs/{job}/pictures/9").status == 404


def test_jobs_are_cancelled_and_retried_and_it_says_how_many(db: Database, url: str) -> None:
    one, two = submit(db, 2)
    fail(db, 1)
    failed = db.value("select id::text from background_jobs where status = 'failed'")
    waiting = two if failed == one else one

    def do(verb: str, *ids: str, back: str = "/jobs?owner=anna") -> Answer:
        return send(url, f"/jobs/{verb}", *(("id", job) for job in ids), ("back", back))

    done = do("retry", one, two)
    assert done.location == "/jobs?did=retry&changed=1&left=1&owner=anna"
    assert "1 set to run again. 1 were left as they are." in ask(url, done.location).text
    assert db.column("select status from background_jobs") == ["queued", "queued"]
    assert do("cancel", waiting).location.startswith("/jobs?did=cancel&changed=1&left=0")
    assert db.events(waiting)[-1:] == ["cancelled"]  # type: ignore[arg-type] # a text will do
    assert do("cancel", one, back="//evil.example").location.startswith("/jobs?did=")
    assert do("cancel", "x").status == 400
    assert do("cancel").status == 400
    assert do("drop", one).status == 404


def test_tasks_queues_and_schedules_are_paused_resumed_and_run(db: Database, url: str) -> None:
    submit(db, 1, queue_name="q")
    schedule = db.value("select id from jobferry.add_scheduled_job('t', '{}', '0 0 1 1 *')")
    for what, name in (("task", "default"), ("queue", "q"), ("schedule", str(schedule))):
        for verb, paused in (("pause", 1), ("resume", 0)):
            assert send(url, f"/pauses/{what}/{verb}", ("name", name)).location == "/queues"
            assert ask(url, "/queues").text.count("badge paused") == paused, (what, verb)
    ran = send(url, f"/schedules/{schedule}/run")
    assert "0 of 25" in ask(url, ran.location).text
    refused = send(url, f"/schedules/{schedule}/run")
    assert (refused.status, "is not finished" in refused.text) == (409, True)
    assert send(url, "/pauses/world/pause", ("name", "x")).status == 404
    assert send(url, "/pauses/schedule/pause", ("name", "x")).status == 400


def test_the_overview_counts_what_there_is(db: Database, url: str) -> None:
    submit(db, 3)
    fail(db, 1)
    submit(db, 1, task="nobody's")
    page = ask(url, "/").text
    tiles = dict(re.findall(r'class="tile (\w+)".*?class="figure">\s*([^<\s]+)', page, re.DOTALL))
    assert tiles == {
        **dict.fromkeys(("scheduled", "running", "retrying", "completed", "cancelled"), "0"),
        "queued": "3",
        "failed": "1",
    }
    assert "No processor offers" in page
    assert "Every event was counted." in page


def test_devices_come_with_what_they_have_not_sent(db: Database, url: str) -> None:
    for number in range(60):
        db.do(
            "insert into jobferry.devices (client_id, owner, client_version, pending, oldest_pending_at, first_seen)"
            " values (gen_random_uuid(), %s, '1.0', %s, now() - %s::interval, now() - interval '1 day')",
            *(f"owner {number}", number % 2 * 3, f"{number} minutes"),
        )
    page = ask(url, "/devices").text
    assert page.index("owner 59") < page.index("owner 57") < page.index("owner 1<")
    further = re.search(r'rel="next" class="button" href="([^"]+)"', page)
    assert further
    more = ask(url, further[1].replace("&amp;", "&")).text
    owners = re.compile(r'">(owner \d+)</a>')
    assert len({*owners.findall(page), *owners.findall(more)}) == 60
    assert len(owners.findall(ask(url, "/devices?unsent=1").text)) == 30
    assert owners.findall(ask(url, "/devices?owner=owner+7").text) == ["owner 7"]


def test_the_audit_log_comes_as_a_file(db: Database, url: str) -> None:
    submit(db, 2, owner="=cmd()")
    submit(db, 1)
    lines = ask(url, "/audit.jsonl").text.splitlines()
    assert [json.loads(line)["event"] for line in lines] == ["submitted"] * 3
    table = ask(url, "/audit.csv?owner=%3Dcmd()").text.splitlines()
    assert len(table) == 3
    assert ",'=cmd()," in table[1]
    assert ask(url, "/audit.xml").status == 404
