"""The documents as a site: it builds without a warning, asks no other host for anything, and can be read."""

import re
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import ModuleType

import pytest
from playwright.sync_api import Page

import jobferry_client
import jobferry_server
from support.browser import PHONE, browser, serious_faults, watched

ROOT = Path(__file__).parents[2]
#: One of each kind: a picture, code, wide tables.
PAGES = ("index", "tutorial", "delegates")
#: Whatever a browser fetches by itself; where a link leads is the reader's choice.
FETCHED = re.compile(
    r"""(?:\bsrc|<link[^>]*\bhref)=["']?(?:https?:)?//|url\(["']?(?:https?:)?//|@import"""
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html"]
    done = subprocess.run(
        [*command, "-d", folder / "doctrees", ROOT / "docs", folder / "html"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder / "html"


@pytest.fixture(scope="module")
def url(site: Path) -> Iterator[str]:
    """Where it is served."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - its word
            pass

    handler = partial(Quiet, directory=str(site))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()
        thread.join()


@pytest.fixture(params=["light", "dark"])
def page(request: pytest.FixtureRequest, url: str) -> Iterator[Page]:
    """A browser as wide as a phone; whatever is amiss fails the test."""
    with browser() as chrome, watched(chrome, url, PHONE, request.param) as page:
        yield page


def test_every_page_is_there(site: Path) -> None:
    written = {path.relative_to(ROOT / "docs").with_suffix("") for path in sources()}
    built = {path.relative_to(site).with_suffix("") for path in site.glob("**/*.html")}
    assert written <= built


def sources() -> list[Path]:
    found = (ROOT / "docs").glob("**/*.md")
    return [path for path in found if "_build" not in path.parts]


@pytest.mark.parametrize("package", [jobferry_client, jobferry_server])
def test_every_public_name_has_an_entry(site: Path, package: ModuleType) -> None:
    page = (site / "reference" / "python.html").read_text(encoding="utf-8")
    shown = set(re.findall(rf'id="{package.__name__}\.(\w+)"', page))
    assert shown == set(package.__all__)


def test_no_page_asks_another_host_for_anything(site: Path) -> None:
    kinds = (".html", ".css")
    for path in site.glob("**/*"):
        if path.suffix in kinds:
            assert FETCHED.search(path.read_text(encoding="utf-8")) is None, path


def test_a_phone_shows_it_and_nothing_is_amiss(url: str, page: Page) -> None:
    for name in PAGES:
        page.goto(f"{url}{name}.html")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, name
        assert serious_faults(page) == [], name
