"""Every code block of every page is run, in the page's order, as somebody who reads it would.

CONTRIBUTING.md says how a page asks for what it needs.
"""

import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest

from support.pages import ROOT, RUNNABLE, Block, Page, documents, pages
from support.reader import Reader, missing
from support.services import Services

#: Blocks that nobody types here, by page and a command in them; and where the like is run.
EXCLUDED = {
    "README.md": {"make demo": "e2e/test_demo.py"},
    "CONTRIBUTING.md": {"make test": "the tests themselves"},
    "docs/tutorial.md": {"make setup": "whoever runs this has"},
    "docs/guarantees.md": {"pytest tests/simulation": "the tests themselves"},
    "docs/backup-and-restore.md": {
        "createdb": "a cluster without our roles: faults/test_restore.py"
    },
    "docs/demo-web.md": {"demo --web": "e2e/test_demo_web.py"},
    "docs/dashboard.md": {
        "--host 0.0.0.0": "tests listen on this machine only: test_dashboard_access.py"
    },
    "docs/terminal.md": {"jobferry top": "it needs a terminal: integration/test_top.py"},
    "docs/delegates.md": {
        "pgq run": "trips over its own --log-level with typer 0.29: test_delegates_python.py",
        "node graphile-worker.mjs": "test_delegates_node.py",
        "node pg-boss.mjs": "test_delegates_node.py",
        "--engine oban": "test_delegates_oban.py",
    },
}
#: What the tests of other pages run, so that one more block is not run by nobody; and files that are no
#: programs, which those tests read.
ELSEWHERE: dict[str, dict[str, int]] = {
    "docs/dashboard.md": {"nginx": 1},  # integration/test_nginx.py
    "docs/delegates.md": {"js": 3},  # integration/test_delegates_node.py
    "docs/deployment.md": {"console": 6, "sql": 1},
    "docs/handlers.md": {"python": 6},
    "docs/limits.md": {"sql": 1},
    "docs/metrics.md": {"yaml": 1},  # contract/test_grafana.py
    "docs/pooler.md": {"console": 1, "sql": 1},
    "docs/retention.md": {"console": 4, "python": 1},
    "docs/schedules.md": {"console": 2, "sql": 3, "crontab": 1, "json": 1},
    "docs/security.md": {"sql": 1},
    "docs/sql-api.md": {"sql": 6},
    "docs/sql-workers.md": {"console": 1, "python": 2, "sql": 8},
    "docs/testing.md": {"console": 1, "python": 1},  # the first only installs
}
WALKED = [page for page in pages() if page.run_by is None]


@pytest.fixture
def reader(services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Reader]:
    """Somebody with a database, a gateway and an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    with mock.patch.dict(os.environ), services.gateway() as url:
        found = Reader(tmp_path, services.dsn, url)
        try:
            yield found
            found.close()
        finally:
            found.kill()


@pytest.mark.parametrize("page", WALKED, ids=lambda page: page.name)
def test_every_block_runs(page: Page, reader: Reader) -> None:
    blocks = [block for block in page.blocks if not excluded(page, block)]
    if lacking := [name for block in blocks for name in missing(block)]:
        pytest.skip(f"this machine has no {' and no '.join(lacking)}")
    for block in blocks:
        reader.read(block)


def excluded(page: Page, block: Block) -> list[str]:
    return [
        words for words in EXCLUDED.get(page.name, ()) if words in block.text and not block.file
    ]


def test_no_block_stands_where_it_is_not_found() -> None:
    """One that is indented, or says no language, would be run by nobody."""
    looked_at = {"crontab", "js", "json", "nginx", "yaml"}  # by the tests of their pages
    for path in documents():
        fences = re.findall(r"^.*(?:```|~~~).*$", path.read_text("utf-8"), re.MULTILINE)
        for opening, closing in zip(fences[::2], fences[1::2], strict=True):
            assert closing == "```", path
            assert re.fullmatch(r"```(\{[\w-]+\}.*|\w+)", opening), (path, opening)
            language = opening[3:]
            assert language.startswith("{") or language in RUNNABLE | looked_at | {"text"}, path


def test_every_block_that_is_not_walked_is_one_that_a_test_knows() -> None:
    """If this fails for a block of yours: let the test of its page run it, then count it here."""
    found = {
        str(path.relative_to(ROOT)): Counter(re.findall(r"^```(\w+)$", text, re.MULTILINE))
        for path, text in ((path, path.read_text("utf-8")) for path in documents())
    }
    for page in WALKED:
        for language in RUNNABLE:
            del found[page.name][language]
    for languages in found.values():
        del languages["text"]
    assert {page: dict(count) for page, count in found.items() if count} == ELSEWHERE


def test_every_target_that_is_named_is_one() -> None:
    targets = re.findall(r"^([a-z0-9%-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for path in documents():
        for named in re.findall(r"(?:^\$ |`)make ([\w-]+)", path.read_text("utf-8"), re.MULTILINE):
            assert re.sub(r"(?<=-pg)\d+", "%", named) in targets, (path, named)


def test_what_is_excluded_is_there() -> None:
    there = {
        page.name: {w for block in page.blocks for w in excluded(page, block)} for page in WALKED
    }
    for name, words in EXCLUDED.items():
        assert there[name] == words.keys()


@pytest.mark.parametrize(
    "page", [page for page in pages() if page.run_by], ids=lambda page: page.name
)
def test_a_page_with_a_test_of_its_own_has_one(page: Page) -> None:
    assert page.run_by is not None
    source = (ROOT / page.run_by).read_text("utf-8")
    assert page.path.name in source
