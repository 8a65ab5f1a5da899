"""A real browser, of which a test is told whatever a page does that it should not."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Dialog, Page, sync_playwright

__all__ = ["DESKTOP", "PHONE", "Scheme", "browser", "chromium", "watched"]

Scheme = Literal["light", "dark"]

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
    flags = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=path, args=flags)
        try:
            yield found
        finally:
            found.close()


@contextmanager
def watched(
    browser: Browser, url: str, size: tuple[int, int] = DESKTOP, scheme: Scheme = "light"
) -> Iterator[Page]:
    """A page; at the end nothing may have gone wrong in it, nor anything have been run or fetched elsewhere."""
    width, height = size
    context = browser.new_context(
        base_url=url, color_scheme=scheme, viewport={"width": width, "height": height}
    )
    page = context.new_page()
    wrong: list[str] = []
    host = urlsplit(url).netloc
    page.on("console", lambda said: _said(said, wrong))
    page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
    page.on("request", lambda asked: _fetched(asked.url, host, wrong))
    page.on("dialog", lambda dialog: _asked(dialog, wrong))
    try:
        yield page
    finally:
        context.close()
    assert not wrong, wrong


def _said(said: ConsoleMessage, wrong: list[str]) -> None:
    if said.type in ("error", "warning"):
        wrong.append(f"console: {said.text}")


def _fetched(url: str, host: str, wrong: list[str]) -> None:
    if urlsplit(url).netloc != host:
        wrong.append(f"fetched: {url}")


def _asked(dialog: Dialog, wrong: list[str]) -> None:
    """Only a question of the page's own is answered."""
    if dialog.type != "confirm":
        wrong.append(f"dialog: {dialog.message}")
    dialog.accept()
