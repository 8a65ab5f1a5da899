"""docs/handlers.md is true: its blocks are one program, and this is what it does."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from integration.database import Database
from integration.test_processor_handlers import finished, submitted
from jobferry_server import Processor
from support.processes import eventually
from support.services import Services

PAGE = Path(__file__).parents[2] / "docs" / "handlers.md"


@pytest.fixture
def db(dsn: str) -> Iterator[Database]:
    """The test's database."""
    with Database(dsn) as found:
        yield found


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Processor:
    """The page as a module that another process can import."""
    code = "\n".join(
        re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    )
    (tmp_path / "page.py").write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    import page  # type: ignore[import-not-found]

    found: Processor = page.processor
    return found


def test_the_page(
    db: Database, services: Services, program: Processor, capsys: pytest.CaptureFixture[str]
) -> None:
    db.do("create table bookings (amount int)")

    def submit(task: str, payload: Any) -> Any:
        return submitted(db, payload, task=task)

    with services.processor(program):
        assert finished(db, submit("thumbnail", "a/b"))["result"] == 3
        assert finished(db, submit("import", [1, 2, 3]))["result"] == 3
        finished(db, submit("book", 7))
        assert finished(db, submit("print", ["one"]))["status"] == "completed"
        nothing = finished(db, submit("print", []))
        busy, closed, jammed = (
            submit("print", pages) for pages in (["busy"], ["closed"], ["fine", "jammed"])
        )
        eventually(lambda: db.status(busy) == db.status(jammed) == "retrying")
        eventually(lambda: db.status(closed) == "scheduled")
    assert db.column("select amount from bookings") == [7]
    assert nothing["error"]["code"] == "nothing_to_print"
    rest = "select rest from jobferry.queue where job_id = %s"
    assert db.value(rest, jammed) == ["jammed"]
    assert "Fail('there are no pages')" in capsys.readouterr().out
