"""Debian's Chromium, driven by Playwright; and what a good page never does in it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    sync_playwright,
)

__all__ = ["CHROMIUM", "Watched", "chromium", "serious_faults"]

CHROMIUM = Path("/usr/bin/chromium")


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser without a window; the test is skipped where there is none."""
    if not CHROMIUM.exists():
        pytest.skip(f"no browser at {CHROMIUM}")
    with sync_playwright() as playwright:
        # As root it can't make a sandbox, and it is shown nothing but our own pages.
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


class Watched:
    """Windows that share a profile. ``complaints`` are their errors, and requests to other hosts."""

    def __init__(self, context: BrowserContext) -> None:
        self.complaints: list[str] = []
        self.context = context
        context.on("console", self._hear)
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        context.on("dialog", lambda dialog: self.complaints.append(f"a dialog: {dialog.message}"))
        context.on("request", self._look)

    def open(self, url: str) -> Page:
        """A window."""
        page = self.context.new_page()
        page.goto(url)
        return page

    def _hear(self, said: ConsoleMessage) -> None:
        if said.type == "error":
            self.complaints.append(said.text)

    def _look(self, request: Request) -> None:
        if urlsplit(request.url).hostname not in ("127.0.0.1", None):
            self.complaints.append(f"a request to {request.url}")


def serious_faults(page: Page) -> list[str]:
    """What axe finds that keeps people out, a line each."""
    found = Axe().run(page).response["violations"]
    return [
        f"{fault['id']}: {fault['help']}: {[node['html'] for node in fault['nodes']]}"
        for fault in found
        if fault["impact"] in ("serious", "critical")
    ]
