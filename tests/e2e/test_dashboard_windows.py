"""More windows than a browser has connections to a host."""

import re
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from integration.database import Database, Spec
from support.dashboard import dashboard
from support.proxy import Proxy
from support.services import Services

#: A browser opens six connections to a host.
MANY = 8
WITHOUT_WORKERS = "delete window.SharedWorker"
BROKEN_WORKERS = """
    const whole = window.SharedWorker;
    window.SharedWorker = class extends whole { constructor() { super("/static/none.js"); } };
"""
MUTE_WORKERS = "window.SharedWorker = class { port = { postMessage() {} }; }"


def is_live(page: Page) -> None:
    """It keeps up."""
    expect(page.locator("#liveness-words")).to_have_text(re.compile("^live$"))


def test_all_windows_are_live_and_answer(db: Database, services: Services, chrome: Browser) -> None:
    with dashboard(services) as url, chrome.new_context(base_url=url) as context:
        pages = [context.new_page() for _ in range(MANY)]
        for page in pages:
            page.goto("/jobs")
            is_live(page)
        db.submit(Spec(task="seen"))
        for page in pages:
            expect(page.locator(".task")).to_have_text("seen")
        pages[0].close()
        pages[1].get_by_role("link", name="Devices").click()
        expect(pages[1]).to_have_url(f"{url}/devices")
        db.submit(Spec(task="seen"))
        for page in pages[2:]:
            expect(page.locator(".task")).to_have_count(2)


@pytest.mark.parametrize("fault", [WITHOUT_WORKERS, BROKEN_WORKERS])
def test_a_browser_without_shared_workers_keeps_up(
    fault: str, db: Database, services: Services, chrome: Browser
) -> None:
    with dashboard(services) as url, chrome.new_context(base_url=url) as context:
        context.add_init_script(fault)
        page = context.new_page()
        page.goto("/jobs")
        is_live(page)
        db.submit(Spec())
        expect(page.locator("tbody tr")).to_have_count(1)


def test_a_worker_that_says_nothing_is_not_waited_for(services: Services, chrome: Browser) -> None:
    with dashboard(services) as url, chrome.new_context(base_url=url) as context:
        context.add_init_script(MUTE_WORKERS)
        page = context.new_page()
        page.clock.install()
        page.goto("/jobs")
        expect(page.locator("#liveness-words")).to_have_text("connecting")
        page.clock.fast_forward(50_000)
        is_live(page)


def test_a_server_that_falls_silent_is_said(services: Services, chrome: Browser) -> None:
    with (
        dashboard(services) as url,
        Proxy(("127.0.0.1", urlsplit(url).port or 0)) as proxy,
        chrome.new_context(base_url=f"http://127.0.0.1:{proxy.port}") as context,
    ):
        # The clock of a page, unlike a worker's, can be put forward.
        context.add_init_script(WITHOUT_WORKERS)
        page = context.new_page()
        page.clock.install()
        page.goto("/jobs")
        is_live(page)
        proxy.freeze()
        page.clock.fast_forward(25_000)
        expect(page.locator("#liveness-words")).to_contain_text("not live")
        proxy.thaw()
        page.clock.fast_forward(25_000)
        is_live(page)
