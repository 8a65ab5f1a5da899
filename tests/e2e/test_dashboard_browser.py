"""The dashboard in a real browser: live, handled, harmless, and usable by everybody."""

import base64
import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from psycopg.types.json import Json

from integration.database import Database, Spec
from integration.wire import wired
from jobferry_server import Job, Processor
from support.browser import DESKTOP, PHONE, Scheme, serious_faults, watched
from support.dashboard import dashboard
from support.processes import eventually
from support.services import Services, token

PAGES = ("/", "/jobs", "/devices", "/queues", "/processors", "/audit")
#: A pixel.
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)

#: Done once the server has said twice that something changed: by then a page would have followed.
TWO_WORDS = """new Promise((done) => {
    let words = 0;
    const stream = new EventSource("/changes");
    stream.addEventListener("changed", () => ++words === 2 && (stream.close(), done()));
})"""
#: Whether something of a list can only be seen by moving it sideways, or not at all.
OUT_OF_SIGHT = """() =>
    [...document.querySelectorAll(".scroll")].some((one) => one.scrollWidth > one.clientWidth)
    || [...document.querySelectorAll(".cards td")].some((one) => one.innerText.trim() && !one.checkVisibility())
"""
#: Each would open a dialog, call home or at least put an error on the console if it were taken for more than text.
CORPUS = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "' autofocus onfocus=alert(1) x='",
    "javascript:alert(1)",
    "</textarea></title></style><script src=//evil.example></script>",
    "{{ 7 * 7 }}{% raw %}",
    '<a hx-get="https://evil.example" hx-trigger="load">x</a>',
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "<b hx-on:htmx:load='alert(1)'>\u202egnp.exe</b>",
)


@pytest.fixture
def url(services: Services) -> Iterator[str]:
    """A dashboard that may change jobs."""
    with dashboard(services, manage=True) as found:
        yield found


def is_same_page(page: Page) -> bool:
    """Was it never loaded anew since it was marked?"""
    return bool(page.evaluate("window.marked === true"))


def mark(page: Page) -> None:
    """So that loading it anew would be seen."""
    page.evaluate("window.marked = true")


def test_a_job_is_seen_to_run_without_reload(
    db: Database, services: Services, url: str, chrome: Browser
) -> None:
    half, rest = threading.Event(), threading.Event()
    processor = Processor()

    @processor.task("default")
    def work(job: Job) -> str:
        job.progress(0.42)
        half.wait(30)
        job.progress(0.87)
        rest.wait(30)
        return "done"

    with watched(chrome, url) as page:
        page.goto("/jobs")
        expect(page.locator("#liveness-words")).to_have_text("live")
        expect(page.locator(".empty")).to_be_visible()
        mark(page)
        with services.processor(processor):
            spec = Spec()
            db.submit(spec)
            row = page.locator("tbody tr")
            expect(row).to_contain_text("running 42 %")
            half.set()
            expect(row).to_contain_text("running 87 %")
            assert 0.86 < float(row.locator("progress").get_attribute("value") or 0) < 0.88
            page.keyboard.press("p")
            expect(page.locator("#liveness-words")).to_have_text("paused")
            rest.set()
            db_sees(db, spec, "completed")
            page.evaluate(TWO_WORDS)
            expect(row).to_contain_text("running 87 %")
            page.get_by_role("button", name="Go on").click()
            expect(row).to_contain_text("done")
        assert is_same_page(page)


def db_sees(db: Database, spec: Spec, status: str) -> None:
    """Wait until the ledger says so."""
    eventually(lambda: db.status(spec.id) == status)


def test_jobs_are_chosen_and_cancelled_together(db: Database, url: str, chrome: Browser) -> None:
    specs = [Spec() for _ in range(4)]
    db.submit(*specs)
    with watched(chrome, url) as page:
        page.goto("/jobs")
        cancel = page.get_by_role("button", name="Cancel")
        expect(cancel).to_be_disabled()
        page.get_by_label("Choose all jobs of this page").check()
        page.locator('input[name="id"]').first.uncheck()
        expect(page.locator("#chosen")).to_have_text("3 chosen")
        expect(page.locator("#liveness-words")).to_have_text("held while you choose")
        cancel.click()
        expect(page.locator(".notice.good")).to_have_text("3 cancelled.")
        expect(page.locator(".badge.cancelled")).to_have_count(3)
        expect(page).to_have_url(f"{url}/jobs")
    assert sorted(db.status(spec.id) for spec in specs) == ["cancelled"] * 3 + ["queued"]


def test_a_failed_job_is_retried(db: Database, url: str, chrome: Browser) -> None:
    spec = Spec()
    db.submit(spec)
    fail_all(db, "the disk is full")
    with watched(chrome, url) as page:
        page.goto("/jobs?status=failed")
        page.keyboard.press("j")
        page.keyboard.press("Enter")
        expect(page.locator("h1")).to_contain_text(str(spec.id))
        expect(page.locator(".notice.bad")).to_contain_text("the disk is full")
        page.get_by_role("button", name="Retry").click()
        expect(page.locator(".notice.good")).to_have_text("1 set to run again.")
        expect(page.locator(".state .badge")).to_have_text("queued")
    assert db.events(spec.id)[-1] == "revived"


def fail_all(db: Database, message: str) -> None:
    """What waits fails for good."""
    db.register("p", "default")
    error = {"code": "x", "message": message}
    db.flush("p", failed=[(held, {"error": error, "final": True}) for held in db.take()])


def test_a_device_that_is_offline_shows_its_unsent_jobs(
    db: Database, services: Services, url: str, chrome: Browser
) -> None:
    with services.gateway() as gateway, watched(chrome, url) as page:
        with wired(gateway, Authorization=f"Bearer {token()}") as wire:
            wire.hello(pending=3, oldest_pending_at="2026-01-01T00:00:00Z", client_version="9.9")
            page.goto("/devices")
            row = page.locator("tbody tr")
            expect(row.locator(".unsent")).to_have_text("3")
            expect(row).to_contain_text("online")
        expect(row).to_contain_text("offline")
        db.do("update jobferry.devices set first_seen = first_seen - interval '1 hour'")
        expect(row).to_contain_text("1 h ago")
        expect(row).to_contain_text("9.9")
        page.goto("/")
        expect(page.get_by_role("link", name="3 on 1")).to_be_visible()


def fill_with(db: Database, evil: str) -> None:
    """Wherever somebody else's words are shown."""
    words = {
        "submitted_by": evil,
        "task": evil,
        "queue_name": evil,
        "job_key": evil,
        "flags": [evil],
    }
    payload = Json({evil: evil})
    done = db.insert(**words, payload=payload)
    db.do("update background_jobs set completed = true, result = %s where id = %s", payload, done)
    db.insert(**words | {"job_key": None}, payload=Json(evil))
    db.register(evil, evil)
    held = db.claim(evil, tasks=[evil])[0]
    error = Json({"code": evil, "message": evil})
    db.do(
        "update background_jobs set status = 'failed', error = %s where id = %s", error, held["id"]
    )
    db.insert(**words | {"job_key": None}, payload=payload)
    with db.together():
        db.do("select set_config('jobferry.actor', %s, true)", evil)
        db.do("select jobferry.pause_task(%s), jobferry.pause_queue(%s)", evil, evil)
    db.do(
        "select jobferry.add_scheduled_job(%s, schedule_info := '* * * * *', name := %s)",
        evil,
        evil,
    )
    db.do("update jobferry.scheduled_jobs set error = %s where name = %s", evil, evil)
    db.do(
        "insert into jobferry.devices (client_id, owner, client_version, pending, rejected_at, rejected_job,"
        " rejected_code, rejected_message) values (gen_random_uuid(), %s, %s, 3, now(), %s, %s, %s)",
        *(evil, evil, evil, evil, evil),
    )


def test_what_others_wrote_does_no_harm(db: Database, url: str, chrome: Browser) -> None:
    for evil in CORPUS:
        fill_with(db, evil)
    jobs = db.column("select id::text from background_jobs where status = 'failed'")
    with watched(chrome, url) as page:
        for path in (*PAGES, "/?span=day", *(f"/jobs/{job}" for job in jobs)):
            page.goto(path)
        for evil in CORPUS[:3]:
            page.goto("/jobs")
            page.get_by_label("task", exact=True).fill(evil)
            page.get_by_role("button", name="Filter").click()
            expect(page.get_by_label("task", exact=True)).to_have_value(evil)
            expect(page.locator("tbody tr")).to_have_count(3)
            assert evil in page.locator("tbody .task").first.inner_text()
            page.get_by_role("link", name="retry …").click()
            expect(page.locator("dd")).to_have_text(evil)
            expect(page.get_by_role("button", name="Retry 1 job")).to_be_visible()


def fill(db: Database) -> str:
    """A little of everything; a job with a picture."""
    db.submit(Spec(), Spec(task="other", queue_name="q"), Spec(run_at="2999-01-01T00:00:00Z"))
    fail_all(db, "it broke")
    with_picture = Spec()
    db.submit(with_picture, Spec(), Spec())
    picture = Json({"thumbnail": base64.b64encode(PNG).decode()})
    held = db.take(most=2)
    done = with_picture.id
    db.do("update background_jobs set completed = true, result = %s where id = %s", picture, done)
    db.flush("p", moved=[(one, 0.42) for one in held])
    db.do("select jobferry.pause_queue('q'), jobferry.pause_task('other')")
    db.do(
        "select jobferry.add_scheduled_job('t', schedule_info := '* * * * *', name := 'each minute')"
    )
    db.do(
        "insert into jobferry.devices (client_id, owner, client_version, pending, oldest_pending_at)"
        " values (gen_random_uuid(), 'anna', '1.0', 3, now()), (gen_random_uuid(), 'bert', null, 0, null)"
    )
    return str(done)


@pytest.mark.parametrize(("size", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")])
def test_axe_finds_no_fault(
    db: Database, url: str, chrome: Browser, size: tuple[int, int], scheme: Scheme
) -> None:
    job = fill(db)
    with watched(chrome, url, size, scheme) as page:
        for path in (*PAGES, f"/jobs/{job}"):
            page.goto(path)
            expect(page.locator("#liveness-words")).to_have_text("live")
            assert serious_faults(page) == [], path
            assert not page.evaluate(
                "document.documentElement.scrollWidth > document.documentElement.clientWidth"
            ), f"{path} is wider than the screen"
            assert not page.evaluate(OUT_OF_SIGHT), path
        for path in ("/jobs/all/cancel", "/jobs/all/retry?task=none"):
            page.goto(path)
            assert serious_faults(page) == [], path


def test_the_picture_is_seen(db: Database, url: str, chrome: Browser) -> None:
    job = fill(db)
    with watched(chrome, url) as page:
        page.goto(f"/jobs/{job}")
        picture = page.get_by_role("img", name="thumbnail of the result")
        expect(picture).to_be_visible()
        expect(picture).to_have_js_property("naturalWidth", 1)


def test_it_is_used_by_keyboard(db: Database, url: str, chrome: Browser) -> None:
    db.submit(Spec(), Spec())
    with watched(chrome, url) as page:
        page.goto("/jobs")
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("main")).to_be_focused()
        page.keyboard.press("/")
        expect(page.get_by_label("status")).to_be_focused()
        page.keyboard.press("Tab")
        page.keyboard.type("default/jkp")
        expect(page.get_by_label("task", exact=True)).to_have_value("default/jkp")


def test_a_server_that_is_gone_is_not_shown_as_live(services: Services, chrome: Browser) -> None:
    with dashboard(services) as url:
        context = chrome.new_context(base_url=url)
        page = context.new_page()
        page.goto("/")
        expect(page.locator("#liveness-words")).to_have_text("live")
    expect(page.locator("#liveness-words")).to_contain_text("not live")
    context.close()
