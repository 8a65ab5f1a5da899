"""The reference of the SQL functions and of the columns, from the migrations and the schema's dump."""

import re
import sqlite3
import textwrap
from collections.abc import Iterable, Iterator
from contextlib import closing
from functools import cache
from pathlib import Path

from jobferry_sql import migrations

__all__ = ["columns", "functions", "table"]

FUNCTION = re.compile(
    r"((?:^--[^\n]*\n)*)^create (?:or replace )?function (jobferry\.\w+)\((.*?)\)\s*returns\s+(.*?)"
    r"\s+(?:language|as|stable|immutable|volatile|security|set)\b",
    re.DOTALL | re.MULTILINE,
)
COMMENT = re.compile(
    r"^comment on column (\w+\.\w+)\.\"?(\w+)\"? is '((?:[^']|'')*)';", re.MULTILINE
)
ON_FUNCTION = re.compile(r"^comment on function (jobferry\.\w+) is '((?:[^']|'')*)';", re.MULTILINE)
GRANT = re.compile(r"^grant execute on function (\S+) to jobferry_(\w+)$", re.MULTILINE)
#: The roles that programs of people's own have. A processor's is also our own processors'.
CALLERS = ("producer", "processor", "admin", "auditor", "viewer")
#: Where a function for processors is for anybody's.
FOR_WORKERS = ("workers", "hand_over", "delegate_reports")
LEDGER = "public.background_jobs"


@cache
def schema() -> str:
    """The schema as a database has it; ``tests/integration/test_migrate.py`` keeps it true."""
    path = Path(__file__).parents[1] / "tests" / "contract" / "schema.sql"
    return path.read_text(encoding="utf-8")


def functions() -> str:
    """Every SQL function that somebody's own program may call, by the file it is from."""
    parts = ((m.name, list(_functions_of(m.name))) for m in migrations("postgres"))
    return "\n\n".join(
        "\n\n".join([f"## {_title(file)}", *found]) for file, found in parts if found
    )


def columns() -> str:
    """What the columns mean that people read."""
    said = {
        (where, column): text.replace("''", "'")
        for migration in migrations("postgres")
        for where, column, text in COMMENT.findall(migration.sql)
    }
    parts = []
    for where in dict.fromkeys(where for where, _ in said):
        rows = ((f"`{c}`", *types, said[where, c]) for c, *types in _columns_of(where))
        kinds = ("Postgres", "SQLite") if where == LEDGER else ("Postgres",)
        parts.append(f"## {where}\n\n{table(('column', *kinds, 'what it says'), rows)}")
    return "\n\n".join(parts)


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A table of Markdown."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _functions_of(file: str) -> Iterator[str]:
    """What the functions say that were defined last in this file: signatures, callers, purpose."""
    for name in dict.fromkeys(match[2] for where, match in _newest().values() if where == file):
        callers = _callers().get(name, set())
        if {"producer", "admin"} & callers or (callers and file in FOR_WORKERS):
            alike = [match for where, match in _newest().values() if match[2] == name]
            said = [*(_sentence(match[1]) for match in alike), _commented().get(name, "")]
            roles = ", ".join(f"`jobferry_{role}`" for role in sorted(callers, key=CALLERS.index))
            code = "\n".join(map(_signature, alike))
            yield f"### {name}\n\n```text\n{code}\n```\n\n{' '.join(filter(None, said))}\n\nMay call it: {roles}."


@cache
def _newest() -> dict[tuple[str, str], tuple[str, re.Match[str]]]:
    """The function of each name and each list of types, where it is defined last."""
    return {
        (match[2], match[3].split(" default ")[0]): (migration.name, match)
        for migration in migrations("postgres")
        for match in FUNCTION.finditer(migration.sql)
    }


@cache
def _commented() -> dict[str, str]:
    return dict(found for m in migrations("postgres") for found in ON_FUNCTION.findall(m.sql))


@cache
def _callers() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name, role in GRANT.findall(schema()):
        if role in CALLERS:
            found.setdefault(name, set()).add(role)
    return found


def _signature(match: re.Match[str]) -> str:
    """``name(arguments) → type``, on lines that a page has room for."""
    name = match[2].removeprefix("jobferry.")
    arguments, returns = (" ".join(text.split()) for text in (match[3], match[4]))
    whole = re.sub(r"(?<!,) ", "\N{NO-BREAK SPACE}", f"({arguments}) → {returns}")
    lines = textwrap.wrap(whole, 84, break_long_words=False)
    return name + "\n    ".join(lines).replace("\N{NO-BREAK SPACE}", " ")


def _sentence(comment: str) -> str:
    return " ".join(line.removeprefix("--").strip() for line in comment.splitlines())


def _title(file: str) -> str:
    return file.replace("_", " ").capitalize().replace("job", "jobs")


def _columns_of(where: str) -> Iterator[tuple[str, ...]]:
    """Name and types of each column: in Postgres, and of the ledger in SQLite too."""
    _, _, rest = schema().partition(f"\ntable {where}\n")
    local = _local_types() if where == LEDGER else None
    for line in rest.partition("\n  constraint")[0].splitlines():
        name, _, kind = line.strip().partition(" ")
        words = f"`{kind.replace('timestamp with time zone', 'timestamptz')}`"
        yield (name, words) if local is None else (name, words, local.get(name, ""))


@cache
def _local_types() -> dict[str, str]:
    with closing(sqlite3.connect(":memory:")) as file:
        for migration in migrations("sqlite"):
            file.executescript(migration.sql)
        found = file.execute("pragma table_info(background_jobs)")
        return {row[1]: f"`{row[2]}`" for row in found}
