"""`jobferry demo --web` in a browser: two devices of one owner, held by a person.

JOBFERRY_WRITE_PICTURES=1 pytest -k "kept_out or side_by_side" writes the pictures of the documents.
"""

import base64
import http.client
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from jobferry_client import JobClient
from jobferry_demo.data import photos
from support.browser import PATIENCE_MS, Watched, serious_faults
from support.demos import (
    demo_folders,
    processes_of,
    read_until,
    started_demo,
    temporary_folder,
)
from support.processes import eventually

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
WRITE = "JOBFERRY_WRITE_PICTURES"

#: For a machine that does other things too.

SIZES = {"desktop": (1280, 900), "phone": (390, 844)}

DROP = """
({name, content, size}) => {
  const octets = content === null
    ? new Uint8Array(size) : Uint8Array.from(atob(content), (c) => c.charCodeAt(0));
  const files = new DataTransfer();
  files.items.add(new File([octets], name));
  const drop = (type) => document.querySelector(".drop").dispatchEvent(
    new DragEvent(type, {bubbles: true, cancelable: true, dataTransfer: files}));
  ["dragenter", "dragover", "drop"].forEach(drop);
}
"""

PROGRESS = "card => Number(card.querySelector('[role=progressbar]').getAttribute('aria-valuenow'))"

pytestmark = pytest.mark.timeout(240)


@dataclass
class Playground:
    """A running `jobferry demo --web`."""

    process: "subprocess.Popen[str]"
    folder: Path
    tablet: str
    phone: str
    both: str
    dashboard: str

    @property
    def file(self) -> Path:
        """The tablet's."""
        (found,) = self.folder.glob("jobferry-demo-*/tablet.db")
        return found


@pytest.fixture(scope="module")
def playground() -> Iterator[Playground]:
    with temporary_folder() as folder, started_demo(folder, "--web") as process:
        said = read_until(process, "too large")
        urls = dict(re.findall(r"^ +(Tablet|Phone|Both|Dashboard) +(http\S+)$", said, re.MULTILINE))
        places = [urls[name] for name in ("Tablet", "Phone", "Both", "Dashboard")]
        yield Playground(process, folder, *places)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)


@pytest.fixture
def windows(chrome: Browser) -> Iterator[Watched]:
    context = chrome.new_context()
    context.set_default_timeout(PATIENCE_MS)
    watched = Watched(context)
    yield watched
    context.close()
    assert not watched.complaints


@pytest.fixture
def tablet(windows: Watched, playground: Playground) -> Page:
    return windows.open(playground.tablet)


@pytest.fixture
def phone(windows: Watched, playground: Playground) -> Page:
    return windows.open(playground.phone)


def drop(page: Page, name: str, content: bytes | None, size: int = 0) -> None:
    """Drop a file on the page; without content one of so many octets."""
    text = None if content is None else base64.b64encode(content).decode()
    page.evaluate(DROP, {"name": name, "content": text, "size": size})


def card(page: Page, words: str) -> Locator:
    """The newest job of whose title these words are a part."""
    return page.locator(".card", has=page.locator("h3", has_text=words)).first


def switch(page: Page, *, on: bool) -> None:
    page.get_by_role("switch", name="Network").click()
    expect(page.get_by_role("status")).to_have_text("Connected" if on else "Offline")


def ask(page: Page, button: str) -> None:
    page.get_by_role("button", name=button).click()


def is_shown(picture: Locator) -> bool:
    return bool(picture.evaluate("picture => picture.complete && picture.naturalWidth > 0"))


# -- the other side


def test_the_dashboard_beside_them_shows_both(
    tablet: Page, phone: Page, windows: Watched, playground: Playground
) -> None:
    for device in (tablet, phone):
        expect(device.get_by_role("status")).to_have_text("Connected")
    dashboard = windows.open(f"{playground.dashboard}/devices")
    expect(dashboard.get_by_role("row", name="ada")).to_have_count(2)


# -- a job crosses


def test_what_is_dropped_offline_waits_crosses_and_is_seen_on_both(
    tablet: Page, phone: Page
) -> None:
    photo = photos()[1]
    tablet.evaluate("window.unreloaded = true")
    phone.evaluate("window.unreloaded = true")
    expect(tablet.get_by_role("status")).to_have_text("Connected")
    switch(tablet, on=False)
    expect(tablet.locator(".reason")).to_have_text("switched off")
    drop(tablet, photo.name, photo.read_bytes())
    waiting = card(tablet, photo.name)
    expect(waiting.locator(".words")).to_have_text("waiting to send")
    expect(tablet.locator(".line b")).to_contain_text("1 waiting to send, the oldest for")
    expect(card(phone, photo.name)).to_have_count(0)
    switch(tablet, on=True)
    for page in (tablet, phone):
        expect(card(page, photo.name).locator(".words")).to_have_text("done")
        picture = card(page, photo.name).get_by_role("img")
        eventually(lambda picture=picture: is_shown(picture))  # type: ignore[misc]  # mypy infers no default
        assert page.evaluate("window.unreloaded")
    expect(tablet.locator(".line")).to_contain_text("everything is sent")
    expect(card(phone, photo.name).locator(".when")).to_contain_text("from another device")


def test_progress_moves_on_the_other_device_and_a_cancel_reaches_this_one(
    tablet: Page, phone: Page
) -> None:
    tablet.get_by_text("More to submit").click()
    tablet.get_by_label("Wait for").fill("60")
    ask(tablet, "Submit a wait")
    here, there = card(tablet, "of 60 seconds"), card(phone, "of 60 seconds")
    expect(there.locator(".words")).to_contain_text("running")
    begun = there.evaluate(PROGRESS)
    eventually(lambda: there.evaluate(PROGRESS) > begun)
    ask(phone, "Cancel Wait of 60 seconds")
    for shown in (here, there):
        expect(shown.locator(".words")).to_have_text("cancelled")
        expect(shown.get_by_role("button", name="Cancel")).to_be_disabled()


def test_a_table_is_summed_up(tablet: Page) -> None:
    drop(tablet, "towns.csv", b"town;people\nUlm;128928\nAachen;252769\n")
    done = card(tablet, "towns.csv")
    expect(done.locator(".words")).to_have_text("done")
    expect(done.locator(".facts li").first).to_have_text("2 rows, 2 columns")


def test_a_rejected_job_says_why_and_what_to_do(tablet: Page) -> None:
    ask(tablet, "One too large")
    rejected = card(tablet, "much too long")
    expect(rejected.locator(".words")).to_have_text("rejected")
    expect(rejected.locator(".why")).to_contain_text("payload_too_large:")
    expect(rejected.locator(".why")).to_contain_text("raise the gateway's limit")
    expect(rejected.get_by_role("button", name="Cancel")).to_be_disabled()
    expect(tablet.locator(".line")).to_contain_text("1 rejected")


# -- what makes no job


def test_what_is_no_photo_and_no_table_is_refused_with_a_reason(
    windows: Watched, tablet: Page
) -> None:
    before = tablet.locator(".card").count()
    drop(tablet, "letter.pdf", b"%PDF-1.7")
    expect(tablet.get_by_role("alert")).to_contain_text("“letter.pdf” is neither a photo")
    drop(tablet, "film.jpg", None, size=20_000_001)
    expect(tablet.get_by_role("alert")).to_contain_text("“film.jpg” is too large")
    assert tablet.locator(".card").count() == before
    # The browser itself reports an answer that is no success.
    (complaint,) = windows.complaints
    assert "422" in complaint
    windows.complaints.clear()


def test_what_another_program_wrote_is_shown_and_not_obeyed(
    tablet: Page, playground: Playground
) -> None:
    evil = "<img src=x onerror=alert(1)><script>alert(2)</script>"
    with JobClient(playground.file) as other:
        other.submit(evil, {"name": evil})
        other.submit("echo", {"note": f"'\"{evil}&amp;"})
        other.submit("thumbnail", {"name": evil, "photo": "bm8="})
    expect(card(tablet, f"'\"{evil}&amp;").locator(".words")).to_have_text("done")
    expect(card(tablet, f"Photo {evil}").locator(".words")).to_have_text("failed")
    expect(card(tablet, f"Job {evil}").locator(".words")).to_have_text("queued")
    assert tablet.locator("#jobs script, #jobs img[src=x]").count() == 0


# -- who may use it


def answer(
    url: str, method: str = "GET", path: str = "/", **headers: str
) -> http.client.HTTPResponse:
    """The answer to a request that says just that."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
    connection.putrequest(method, path, skip_host="Host" in headers)
    for name, value in ({"Content_Length": "0"} | headers).items():
        connection.putheader(name.replace("_", "-"), value)
    connection.endheaders()
    found = connection.getresponse()
    found.read()
    connection.close()
    return found


def test_only_the_page_itself_may_change_anything(playground: Playground) -> None:
    url = playground.phone
    assert answer(url).status == 200
    assert answer(url, Host="evil.example").status == 421
    assert answer(url, "POST", "/switch").status == 403
    assert answer(url, "POST", "/switch", Origin="http://evil.example").status == 403
    assert answer(url, "POST", "/switch", Origin=playground.tablet).status == 403
    assert answer(url, "POST", "/files", Origin=url, Content_Length="99999999").status == 413
    policy = answer(url).headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert f"frame-ancestors 'self' {playground.tablet}" in policy
    assert "unsafe" not in policy


# -- who can use it, and how it looks


def looks(page: Page, name: str) -> Iterator[None]:
    """The page in light and dark, at desktop and phone width; writes the pictures if asked to."""
    for scheme in ("light", "dark"):
        for size, (width, height) in SIZES.items():
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            page.set_viewport_size({"width": width, "height": height})
            yield
            if WRITE in os.environ:
                page.screenshot(path=PICTURES / f"{name}-{size}-{scheme}.png")


def test_nobody_is_kept_out(tablet: Page, playground: Playground) -> None:
    ask(tablet, "A photo of ours")
    expect(tablet.locator(".card.good .picture").first).to_be_visible()
    ask(tablet, "One that fails")
    expect(card(tablet, "on purpose").locator(".words")).to_contain_text("retry")
    switch(tablet, on=False)
    ask(tablet, "A table of ours")
    expect(card(tablet, "weather.csv").locator(".words")).to_have_text("waiting to send")
    for _ in looks(tablet, "device"):
        assert serious_faults(tablet) == []
        assert tablet.evaluate("document.body.scrollWidth <= innerWidth")
    switch(tablet, on=True)


def test_without_scripts_the_forms_work(chrome: Browser, playground: Playground) -> None:
    context = chrome.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(playground.phone)
    page.get_by_text("More to submit").click()
    page.get_by_placeholder("to be echoed").fill("by hand")
    page.get_by_role("button", name="Submit a note").click()
    expect(page).to_have_url(f"{playground.phone}/")
    expect(page.locator(".card").first).to_contain_text("by hand")
    context.close()


def test_both_devices_are_shown_side_by_side(windows: Watched, playground: Playground) -> None:
    page = windows.open(playground.both)
    page.set_viewport_size({"width": 1280, "height": 860})
    one, other = (
        page.frame_locator(f"iframe[title^='{title}']")
        for title in ("This device", "Another device")
    )
    expect(one.get_by_role("status")).to_have_text("Connected")
    other.get_by_role("switch").click()
    expect(other.get_by_role("status")).to_have_text("Offline")
    other.get_by_role("button", name="A photo of ours").click()
    waiting = other.locator(".card.unsent", has_text="Photo")
    expect(waiting).to_be_visible()
    assert serious_faults(page) == []
    if WRITE in os.environ:
        page.screenshot(path=PICTURES / "devices.png")
    other.get_by_role("switch").click()
    expect(waiting).to_have_count(0)
    expect(other.get_by_role("status")).to_have_text("Connected")


# -- and no longer


def test_ctrl_c_ends_it_and_leaves_nothing_behind(
    playground: Playground, windows: Watched, tablet: Page
) -> None:
    process = playground.process
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    assert "nothing is left behind" in output
    assert not processes_of(playground.folder)
    assert not demo_folders(playground.folder)
    expect(tablet.get_by_role("alert")).to_contain_text("has lost its device")
    # From here on nobody asks again.
    tablet.close()
    assert all("ERR_CONNECTION_REFUSED" in complaint for complaint in windows.complaints)
    windows.complaints.clear()
