"""Write the parts of the documents that the code knows better.

Each stands between ``<!-- generated: NAME -->`` and ``<!-- end -->``. A test runs this with
``--check``; ``make docs`` writes.
"""

import logging
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import click
from pydantic_settings import BaseSettings
from sql_reference import columns, functions, table

from jobferry_client.cli import jobferry
from jobferry_server.logs import CATALOGUE as EVENTS
from jobferry_server.metrics.definitions import CATALOGUE
from jobferry_server.settings import (
    DashboardSettings,
    GatewaySettings,
    ProcessorSettings,
    TokenSettings,
)
from jobferry_shared.codes import CLOSES, CODES, EXITS, STATUSES, Code
from jobferry_shared.states import TRANSITIONS, Status
from jobferry_shared.versions import HISTORY
from jobferry_sql import COMPAT, compat, migrations

DOCS = Path(__file__).parent
BLOCK = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
#: A field in the words of an event.
FIELD = re.compile(r"%\((\w+)\)")
#: Message, SQLSTATE and hint of an error that our SQL raises.
RAISED = re.compile(
    r"raise exception '((?:[^']|'')*)'[^;]*?errcode = '(JF\d{3})',\s*hint = '((?:[^']|'')*)'"
)
#: What the triggers of the device's table say.
LOCAL = re.compile(r"RAISE\(ABORT, 'jobferry: ([^']*)'\)")


def transitions() -> str:
    """The life of a job as a table."""
    rows = [
        (source or "(insert)", target, event)
        for (source, target), event in sorted(
            TRANSITIONS.items(), key=lambda item: _rank(item[0][0]) * 10 + _rank(item[0][1])
        )
    ]
    return table(("from", "to", "event in the audit log"), rows)


def codes() -> str:
    """Every public code."""
    return _codes("code", CODES)


def closes() -> str:
    """Every code with which a websocket is closed."""
    return _codes("close code", CLOSES)


def statuses() -> str:
    """Every status of the gateway's port."""
    return _codes("status", STATUSES)


def exits() -> str:
    """Every exit code of a command."""
    return table(("exit code", "means"), ((f"`{code}`", what) for code, what in EXITS.items()))


def local() -> str:
    """What the triggers of the device's table refuse."""
    text = "\n".join(migration.sql for migration in migrations("sqlite"))
    return "\n".join(f"- {words}" for words in dict.fromkeys(LOCAL.findall(text)))


def raised() -> list[tuple[str, str, str]]:
    """SQLSTATE, message and hint of every error that our SQL raises."""
    texts = [migration.sql for migration in migrations("postgres")] + list(map(compat, COMPAT))
    found = [
        (code, _words(message), _words(hint))
        for text in texts
        for message, code, hint in RAISED.findall(text)
    ]
    return sorted(set(found))


def sqlstates(*classes: str) -> str:
    """The errors that SQL raises, of these classes or all."""
    rows = [(f"`{code}`", *words) for code, *words in raised() if code.startswith(classes or "JF")]
    return table(("SQLSTATE", "message", "hint"), rows)


def settings() -> str:
    """Every setting with its variable and default."""
    return "\n\n".join(
        f"## {title}\n\n{_settings(model)}"
        for title, model in (
            ("Gateway", GatewaySettings),
            ("Gateway: tokens", TokenSettings),
            ("Processor", ProcessorSettings),
            ("Dashboard", DashboardSettings),
        )
    )


def versions() -> str:
    """The history of the protocol."""
    return table(("version", "what changed"), ((str(v.number), v.changed) for v in HISTORY))


def metrics() -> str:
    """Every metric of ours."""
    rows = (
        (f"`{found.name}`", found.kind, ", ".join(found.labels), found.says) for found in CATALOGUE
    )
    return table(("metric", "kind", "labels", "what it says"), rows)


def events() -> str:
    """Everything the services say."""
    rows = (
        (
            f"`{found.name}`",
            logging.getLevelName(found.level).lower(),
            ", ".join(f"`{name}`" for name in FIELD.findall(found.words)),
            found.means,
        )
        for found in EVENTS
    )
    return table(("event", "level", "fields", "what has happened"), rows)


def commands() -> str:
    """The help of every command."""
    return "\n\n".join(_help(jobferry, "jobferry"))


def _codes(head: str, found: Mapping[Any, Code]) -> str:
    rows = ((f"`{code}`", text.cause, text.remedy) for code, text in found.items())
    return table((head, "what has happened", "what to do"), rows)


def _words(text: str) -> str:
    """A message of SQL as people read it: values are ellipses."""
    return text.replace("''", "'").replace("%", "…")


def _rank(status: Status | None) -> int:
    return -1 if status is None else list(Status).index(status)


def _settings(model: type[BaseSettings]) -> str:
    rows = (
        (f"`JOBFERRY_{name.upper()}`", _default(field.default), field.description or "")
        for name, field in model.model_fields.items()
    )
    return table(("variable", "default", "what it does"), rows)


def _default(value: object) -> str:
    """As one would write it into the environment; nothing for what is unset."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"`{text}`" if value not in (None, ()) else ""


def _help(command: click.Command, name: str, parent: click.Context | None = None) -> Iterable[str]:
    settings: dict[str, Any] = {"terminal_width": 96, "max_content_width": 96}
    context = command.context_class(
        command, parent, name.rpartition(" ")[2], **{**command.context_settings, **settings}
    )
    yield f"## {name}\n\n```text\n{command.get_help(context)}\n```"
    if isinstance(command, click.Group):
        for child in command.list_commands(context):
            found = command.get_command(context, child)
            assert found is not None
            yield from _help(found, f"{name} {child}", context)


GENERATORS: dict[str, Callable[[], str]] = {
    "transitions": transitions,
    "codes": codes,
    "closes": closes,
    "statuses": statuses,
    "exits": exits,
    "local": local,
    "sqlstates": sqlstates,
    "sqlstates_of_add_job": partial(sqlstates, "JF02"),
    "sqlstates_of_workers": partial(sqlstates, "JF03", "JF04"),
    "sqlstates_of_schedules": partial(sqlstates, "JF05"),
    "settings": settings,
    "functions": functions,
    "columns": columns,
    "versions": versions,
    "metrics": metrics,
    "events": events,
    "commands": commands,
}


def generated(text: str) -> str:
    """A document with its blocks as the code has them now."""
    return BLOCK.sub(lambda m: f"{m[1]}{GENERATORS[m[2]]()}\n{m[3]}", text)


def stale() -> list[Path]:
    """The documents whose blocks are not what the code says."""
    return [path for path in sorted(DOCS.glob("**/*.md")) if generated(_read(path)) != _read(path)]


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def main() -> None:
    """Write, or with ``--check`` only say what is stale."""
    found = stale()
    for path in found:
        click.echo(f"{path.name} is stale" if "--check" in sys.argv else f"writing {path.name}")
        if "--check" not in sys.argv:
            path.write_text(generated(_read(path)), encoding="utf-8")
    sys.exit(bool(found) and "--check" in sys.argv)


if __name__ == "__main__":
    main()
