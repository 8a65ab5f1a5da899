"""What the services say: one catalogue, and every call gives the fields that it names."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from jobferry_server.logs import CATALOGUE, Event, events

SERVER = Path(events.__file__).parents[1]
FIELD = re.compile(r"%\((\w+)\)")
#: What every line has, whatever it says.
OURS = {"at", "level", "logger", "event", "message", "traceback", "traceparent", "raised"}

BY_CONSTANT = {name: found for name, found in vars(events).items() if isinstance(found, Event)}


def calls() -> Iterator[tuple[str, set[str | None]]]:
    """Every ``events.NAME(field=…)`` in the server's source."""
    for path in SERVER.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(
                    func=ast.Attribute(value=ast.Name(id="events"), attr=name),
                    args=[],
                    keywords=keywords,
                ):
                    yield name, {keyword.arg for keyword in keywords} - {"raised"}


def test_every_event_has_a_name_of_its_own() -> None:
    names = [found.name for found in CATALOGUE]
    assert names
    assert len(names) == len(set(names))
    assert all(re.fullmatch(r"[a-z]+\.[a-z_]+", name) for name in names)
    assert list(BY_CONSTANT.values()) == CATALOGUE


def test_every_event_says_what_it_means() -> None:
    assert [found.name for found in CATALOGUE if not found.means.endswith(".")] == []


def test_no_field_takes_the_place_of_what_every_line_has() -> None:
    assert {name for found in CATALOGUE for name in FIELD.findall(found.words)} & OURS == set()


def test_every_event_is_said_somewhere_with_its_fields() -> None:
    said = list(calls())
    assert {name for name, _ in said} == BY_CONSTANT.keys()
    wrong = [
        (name, fields)
        for name, fields in said
        if fields != set(FIELD.findall(BY_CONSTANT[name].words))
    ]
    assert wrong == []


def test_nobody_logs_by_another_way() -> None:
    others = [
        path.name
        for path in SERVER.rglob("*.py")
        if "getLogger" in path.read_text() and path.parent.name != "logs"
    ]
    assert others == []
