"""A crontab: schedules as lines of a text. Pure.

::

    # minute hour dom month dow task ?options {payload}
    0 4 * * MON-FRI report ?fill=1d&tz=Europe/Paris {"kind": "daily"}
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from jobferry_server.errors import InvalidSchedule
from jobferry_server.scheduler.schedule_info import parse
from jobferry_shared import strict_json
from jobferry_shared.errors import InvalidJSON

__all__ = ["Entry", "parse_crontab"]

LINE = re.compile(
    r"(?P<cron>\S+(?:\s+\S+){4})\s+(?P<task>[^\s?{]\S*)"
    r"(?:\s+\?(?P<options>\S*))?(?:\s+(?P<payload>\{.*\}))?"
)
OPTIONS = ("id", "fill", "tz", "max", "queue", "jobKey", "priority")


@dataclass(frozen=True, slots=True)
class Entry:
    """One line. ``name`` is its id, by which it is known the next time; without one, its task."""

    name: str
    task: str
    schedule_info: Mapping[str, str]
    payload: Mapping[str, Any]
    queue_name: str | None = None
    job_key: str | None = None
    max_attempts: int | None = None
    priority: int | None = None


def parse_crontab(text: str) -> list[Entry]:
    """The entries of a crontab; :class:`InvalidSchedule` names the line it could not read."""
    found: dict[str, Entry] = {}
    for number, line in _lines(text):
        try:
            entry = _entry(line)
            if entry.name in found:
                raise InvalidSchedule(f"{entry.name!r} is there already: give this one an ?id=")
        except InvalidSchedule as error:
            raise InvalidSchedule(f"line {number}: {error}") from error
        found[entry.name] = entry
    return list(found.values())


def _lines(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        if (line := line.strip()) and not line.startswith("#"):
            yield number, line


def _entry(line: str) -> Entry:
    if not (parts := LINE.fullmatch(line)):
        raise InvalidSchedule("not of the form 'minute hour dom month dow task ?options {payload}'")
    options = _options(parts["options"] or "")
    info = {"cron": " ".join(parts["cron"].split())}
    info |= {name: options[name] for name in ("tz", "fill") if name in options}
    parse(info)
    return Entry(
        name=options.get("id", parts["task"]),
        task=parts["task"],
        schedule_info=info,
        payload=_payload(parts["payload"] or "{}"),
        queue_name=options.get("queue"),
        job_key=options.get("jobKey"),
        max_attempts=_number(options, "max", least=1),
        priority=_number(options, "priority", least=-32768),
    )


def _options(text: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(text, strict_parsing=True, keep_blank_values=True) if text else []
    except ValueError as error:
        raise InvalidSchedule(f"the options ?{text} are not name=value&name=value") from error
    options = dict(pairs)
    if unknown := options.keys() - set(OPTIONS):
        raise InvalidSchedule(f"there is no option {sorted(unknown)[0]!r}, only {_listed(OPTIONS)}")
    if len(options) < len(pairs) or "" in options.values():
        raise InvalidSchedule("an option stands there twice, or without a value")
    return options


def _payload(text: str) -> dict[str, Any]:
    try:
        payload: dict[str, Any] = strict_json.parse(text)
    except InvalidJSON as error:
        raise InvalidSchedule(f"the payload is not JSON: {error}") from error
    return payload


def _number(options: Mapping[str, str], name: str, *, least: int) -> int | None:
    if (text := options.get(name)) is None:
        return None
    if not re.fullmatch(r"-?\d{1,5}", text) or not least <= int(text) <= 32767:
        raise InvalidSchedule(f"{name} is {text!r}, not a number from {least} to 32767")
    return int(text)


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names)
