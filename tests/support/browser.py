"""A real browser, of which a test is told whatever a page does that it should not."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Dialog,
    Page,
    Request,
    sync_playwright,
)

__all__ = [
    "DESKTOP",
    "PATIENCE_MS",
    "PHONE",
    "Scheme",
    "Watched",
    "browser",
    "chromium",
    "serious_faults",
    "watched",
]

Scheme = Literal["light", "dark"]

#: How long a page may take to show what a test waits for: a machine may be slow and full.
PATIENCE_MS = 30_000
DESKTOP = (1280, 800)
PHONE = (390, 844)


def chromium() -> str | None:
    """Where it is; ``None``: there is none."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


@contextmanager
def browser() -> Iterator[Browser]:
    """One browser; skips the test where there is none."""
    path = chromium()
    if path is None:
        pytest.skip("no chromium here")
    # As root it can't make a sandbox, and it is shown nothing but our own pages.
    flags = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=path, args=[*flags, "--disable-gpu"])
        try:
            yield found
        finally:
            found.close()


class Watched:
    """Windows that share a profile. ``complaints``: errors, questions that are none of the page's own,
    and requests to other hosts."""

    def __init__(self, context: BrowserContext) -> None:
        self.complaints: list[str] = []
        self.context = context
        context.on("console", self._hear)
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        context.on("dialog", self._answer)
        context.on("request", self._look)

    def open(self, url: str) -> Page:
        """A window."""
        page = self.context.new_page()
        page.goto(url)
        return page

    def _hear(self, said: ConsoleMessage) -> None:
        if said.type == "error":
            self.complaints.append(said.text)

    def _answer(self, dialog: Dialog) -> None:
        if dialog.type != "confirm":
            self.complaints.append(f"a dialog: {dialog.message}")
        dialog.accept()

    def _look(self, request: Request) -> None:
        if urlsplit(request.url).hostname not in ("127.0.0.1", None):
            self.complaints.append(f"a request to {request.url}")


@contextmanager
def watched(
    browser: Browser, url: str, size: tuple[int, int] = DESKTOP, scheme: Scheme = "light"
) -> Iterator[Page]:
    """A page; at the end nothing may have gone wrong in it, nor anything have been run or fetched elsewhere."""
    width, height = size
    context = browser.new_context(
        base_url=url, color_scheme=scheme, viewport={"width": width, "height": height}
    )
    context.set_default_timeout(PATIENCE_MS)
    watching = Watched(context)
    try:
        yield context.new_page()
    finally:
        context.close()
    assert not watching.complaints, watching.complaints


def serious_faults(page: Page) -> list[str]:
    """What axe finds that keeps people out, a line each."""
    found = Axe().run(page).response["violations"]
    return [
        f"{fault['id']}: {fault['help']}: {[node['html'] for node in fault['nodes']]}"
        for fault in found
        if fault["impact"] in ("serious", "critical")
    ]
