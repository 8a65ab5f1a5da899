"""The catalogue of codes and the source say the same: none is missing, none is left over."""

import ast
import importlib.util
import re
import signal
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from pathlib import Path
from types import ModuleType

import click
import pytest

from jobferry_shared import codes
from jobferry_shared.codes import CLOSES, CODES, EXITS, STATUSES, Code
from jobferry_sql import COMPAT, compat, migrations
from support.misuse import CLOSED_BY_THE_LIBRARY, REFUSED_BY_THE_LIBRARY

ROOT = Path(__file__).parents[2]
PARTS = ("shared", "client", "server", "demo")
CATALOGUE = Path(codes.__file__)

SQL = "\n".join(
    [migration.sql for migration in migrations("postgres")]
    + [compat(name) for name in COMPAT]
    + [path.read_text(encoding="utf-8") for path in (ROOT / "sql").rglob("queries/*.sql")]
)
#: How SQL writes the code of an error.
IN_SQL = re.compile(r"'code', '(\w+)'|\"code\": \"(\w+)\"|\bcode text default '(\w+)'")

#: What is called with a code among its arguments, and where it stands.
CALLS = {"Fail": 0, "Failed": 0, "JobError": 0, "dismiss": 0, "reject": 1}
WORD = re.compile(r"[a-z]+(_[a-z]+)*")


def trees() -> Iterator[ast.Module]:
    for part in PARTS:
        for path in (ROOT / part).rglob("*.py"):
            if path != CATALOGUE:
                yield ast.parse(path.read_text(encoding="utf-8"))


NODES = [node for tree in trees() for node in ast.walk(tree)]


def text(node: ast.AST | None) -> str | None:
    """The word that an expression is, if it is one."""
    found = node.value if isinstance(node, ast.Constant) else None
    return found if isinstance(found, str) and WORD.fullmatch(found) else None


def name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def said_by(node: ast.AST) -> Iterator[str | None]:
    """The codes that a piece of Python answers with."""
    match node:
        case ast.Call():
            yield from (text(word.value) for word in node.keywords if word.arg == "code")
            place = CALLS.get(name(node.func), len(node.args))
            yield from (text(argument) for argument in node.args[place : place + 1])
        case ast.AnnAssign(target=ast.Name(id="default_code")):
            yield text(node.value)
        case ast.Assign(targets=[ast.Name(id="default_code")]):
            yield text(node.value)
        case ast.Assign(targets=[ast.Name(id="_REASONS")], value=ast.Dict(keys=keys)):
            yield from map(text, keys)


def said() -> set[str]:
    in_python = {code for node in NODES for code in said_by(node)}
    in_sql = {code for found in IN_SQL.findall(SQL) for code in found}
    return {code for code in in_python | in_sql if code}


def numbers(*names: str) -> set[int]:
    """The plain numbers that these are called with first."""
    return {
        found.value
        for node in NODES
        if isinstance(node, ast.Call) and name(node.func) in names and node.args
        for found in either(node.args[0])
        if isinstance(found, ast.Constant) and isinstance(found.value, int)
    }


def either(node: ast.expr) -> list[ast.expr]:
    """The values that an expression chooses from."""
    return [node.body, node.orelse] if isinstance(node, ast.IfExp) else [node]


def test_every_code_that_is_said_is_in_the_catalogue() -> None:
    found = said()
    assert len(found) > 20
    assert found - set(CODES) == set()


def test_every_code_of_the_catalogue_is_said() -> None:
    words = {text(node) for node in NODES if isinstance(node, ast.Constant)}
    assert [code for code in CODES if code not in words and f"'{code}'" not in SQL] == []


def test_every_way_to_close_a_websocket_is_in_the_catalogue_and_the_reverse() -> None:
    assert numbers("close") | CLOSED_BY_THE_LIBRARY == set(CLOSES)


def test_every_http_status_is_in_the_catalogue_and_the_reverse() -> None:
    ours = {
        HTTPStatus[node.attr].value
        for node in NODES
        if isinstance(node, ast.Attribute) and name(node.value) == "HTTPStatus"
    }
    assert ours | REFUSED_BY_THE_LIBRARY == set(STATUSES)


def test_every_exit_code_is_in_the_catalogue() -> None:
    signals = {128 + signal.SIGINT, 128 + signal.SIGTERM}
    wrong_usage = {click.UsageError.exit_code}
    assert numbers("exit", "_exit") | {0} | wrong_usage | signals == set(EXITS)


@pytest.mark.parametrize("catalogue", [CODES, CLOSES, STATUSES])
def test_every_code_has_its_cause_and_its_remedy(catalogue: Mapping[object, Code]) -> None:
    for code, found in catalogue.items():
        for words in (found.cause, found.remedy):
            assert re.fullmatch(r"\S.{5,140}\.", words), code


# -- SQL


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    """What makes the documents."""
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_error_that_sql_raises_has_a_code_and_a_hint(generate: ModuleType) -> None:
    raised = re.findall(r"\braise exception\b[^;]*;", SQL, re.IGNORECASE)
    assert len(raised) > 25
    for statement in raised:
        assert re.search(r"errcode = '(JF\d{3}|[a-z_]+)'", statement), statement
        assert "hint = '" in statement, statement
    ours = [statement for statement in raised if "'JF" in statement]
    assert len(ours) >= len(generate.raised())
    shown = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    for code in set(re.findall(r"'(JF\d{3})'", SQL)):
        assert f"| `{code}` |" in shown


def test_what_the_device_s_table_refuses_says_what_is_allowed(generate: ModuleType) -> None:
    text = "\n".join(migration.sql for migration in migrations("sqlite"))
    assert text.count("RAISE(ABORT") == len(generate.LOCAL.findall(text))
