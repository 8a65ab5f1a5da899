"""Looking at the schedules and changing them, for people and their scripts."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, LiteralString
from uuid import UUID

import psycopg
from psycopg.rows import dict_row

from jobferry_server.errors import ScheduleRefused
from jobferry_server.scheduler.crontab import Entry
from jobferry_server.scheduler.schedule_info import parse
from jobferry_server.scheduler.timetable import entries_json
from jobferry_sql import query

__all__ = ["NewSchedule", "add", "listed", "load", "pause", "remove", "resume", "run"]

ADD: LiteralString = (
    "select id, name from jobferry.add_scheduled_job(%(database)s::uuid, %(task)s, %(payload)s::json,"
    " %(info)s::json, %(job_key)s, %(queue)s, %(max_attempts)s, %(priority)s, %(owner)s, %(name)s)"
)
#: A schedule goes by its number or by its name.
NUMBER: LiteralString = (
    "select id from jobferry.scheduled_jobs where %(id)s in (id::text, name)"
    " order by id::text = %(id)s desc limit 1"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSchedule:
    """What is to be scheduled. ``info`` is any of the forms of ``schedule_info``."""

    task: str
    info: Any
    payload: dict[str, Any] = field(default_factory=dict)
    name: str | None = None
    owner: str | None = None
    database: UUID | None = None
    queue: str | None = None
    job_key: str | None = None
    max_attempts: int | None = None
    priority: int | None = None


def listed(dsn: str) -> list[dict[str, Any]]:
    """All schedules, the next first."""
    with _acting(dsn, "jobferry_auditor") as connection:
        return connection.execute(query("schedules").encode()).fetchall()


def add(dsn: str, new: NewSchedule) -> int:
    """Its id. :class:`InvalidSchedule` if nobody would understand it."""
    parse(new.info)
    values = {name: getattr(new, name) for name in NewSchedule.__slots__}
    values |= {"info": json.dumps(new.info), "payload": json.dumps(new.payload)}
    with _acting(dsn, "jobferry_processor") as connection:
        return int(_one(connection, ADD, values)["id"])


def remove(dsn: str, schedule: str) -> int:
    """Remove one by number or name; its number. Its jobs stay."""
    with _acting(dsn, "jobferry_processor") as connection:
        number = _number(connection, schedule)
        connection.execute("select jobferry.remove_scheduled_job(%s)", (number,))
    return number


def run(dsn: str, schedule: str, job_expiry: timedelta) -> UUID:
    """Run one now; the new job. :class:`ScheduleRefused` while its last job is under way."""
    call: LiteralString = "select id from jobferry.run_scheduled_job(%(id)s, %(expiry)s)"
    with _acting(dsn, "jobferry_processor") as connection:
        values = {"id": _number(connection, schedule), "expiry": job_expiry}
        job: UUID = _one(connection, call, values)["id"]
    return job


def pause(dsn: str, schedule: str) -> bool:
    """Make no more jobs by this one; false if it is paused already."""
    return _switch(dsn, schedule, "select jobferry.pause_scheduled_job(%(id)s) as changed")


def resume(dsn: str, schedule: str) -> bool:
    """Go on with it from now on; false if it is not paused. What its pause has missed is not made up for."""
    return _switch(dsn, schedule, "select jobferry.resume_scheduled_job(%(id)s) as changed")


def load(dsn: str, crontab: str, entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """Make these the schedules of a crontab; what was done, by name."""
    with _acting(dsn, "jobferry_processor") as connection:
        return connection.execute(
            "select name, change from jobferry.load_crontab(%s, %s::json) order by name",
            (crontab, entries_json(entries)),
        ).fetchall()


@contextmanager
def _acting(dsn: str, role: str) -> "Iterator[psycopg.Connection[dict[str, Any]]]":
    """A connection in this role, whose refusals in our own words are errors of ours."""
    try:
        with psycopg.connect(dsn, options=f"-c role={role}", row_factory=dict_row) as connection:
            yield connection
    except psycopg.Error as error:
        if not (error.sqlstate or "").startswith(("JF", "23")):
            raise
        raise ScheduleRefused(
            error.diag.message_primary or str(error), hint=error.diag.message_hint
        ) from error


def _switch(dsn: str, schedule: str, call: LiteralString) -> bool:
    with _acting(dsn, "jobferry_admin") as connection:
        return bool(_one(connection, call, {"id": _number(connection, schedule)})["changed"])


def _number(connection: "psycopg.Connection[dict[str, Any]]", schedule: str) -> int:
    found = connection.execute(NUMBER, {"id": schedule}).fetchone()
    if found is None:
        raise ScheduleRefused(
            f"there is no schedule {schedule!r}", hint="'jobferry schedule ls' lists them."
        )
    return int(found["id"])


def _one(
    connection: "psycopg.Connection[dict[str, Any]]", call: LiteralString, values: dict[str, Any]
) -> dict[str, Any]:
    found = connection.execute(call, values).fetchone()
    assert found is not None
    return found
