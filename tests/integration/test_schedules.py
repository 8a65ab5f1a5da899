"""The schedules in the database: who may change them, how one moves on, and that every slot makes one job."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, LiteralString
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.types.json import Json

from integration.database import Beside, Database, Ear
from jobferry_server.database import Pool, open_pool
from jobferry_server.scheduler.service import Scheduler

NOON = datetime(2026, 3, 28, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


class FakeClock:
    """A clock that stands until it is set."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@asynccontextmanager
async def pool(db: Database) -> AsyncIterator[Pool]:
    found = await open_pool(db.dsn, "jobferry_processor", size=4)
    try:
        yield found
    finally:
        await found.close()


def schedule(db: Database, info: object = "0 * * * *", **columns: object) -> int:
    """A schedule by plain INSERT; its id."""
    given = {"task_identifier": "t", "schedule_info": Json(info)} | columns
    names = ", ".join(given)
    places = ", ".join(["%s"] * len(given))
    sql: Any = f"insert into jobferry.scheduled_jobs ({names}) values ({places}) returning id"
    return int(db.value(sql, *given.values()))


def row(db: Database, number: int) -> dict[str, Any]:
    return db.row("select * from jobferry.scheduled_jobs where id = %s", number)


def slots(db: Database, task: str = "t") -> list[str]:
    """The slots of a task's jobs in order, those that were made up for with a star."""
    found = db.column("select payload->'_cron' from background_jobs where task = %s", task)
    return sorted(one["ts"] + "*" * one["backfilled"] for one in found)


def look_at(db: Database, clock: FakeClock, *times: datetime) -> None:
    """One scheduler looks at these times."""

    async def look() -> None:
        async with pool(db) as connections:
            for clock.now in times:
                await Scheduler(connections, clock).look()

    asyncio.run(look())


def refused(state: str, call: Callable[[], object]) -> psycopg.Error:
    with pytest.raises(psycopg.Error) as no:
        call()
    assert no.value.sqlstate == state
    return no.value


def denied(role: Database, statement: LiteralString) -> None:
    """Not for want of a row or a value: for want of the right."""
    refused("42501", lambda: role.do(statement))


# -- from a slot to a job


def test_a_plain_insert_is_enough(db: Database, clock: FakeClock) -> None:
    number = schedule(db, {"hour": [2], "minute": [0]})
    look_at(db, clock, NOON)
    assert row(db, number)["next_run_at"] == NOON + 14 * HOUR
    look_at(db, clock, NOON + 13 * HOUR, NOON + 14 * HOUR)
    assert slots(db) == ["2026-03-29T02:00:00Z"]
    after = row(db, number)
    assert after["next_run_at"] == NOON + 38 * HOUR
    assert after["last_scheduled"] == NOON + 14 * HOUR
    assert db.job(after["last_scheduled_id"])["run_at"] == NOON + 14 * HOUR
    db.assert_sound()


def test_a_job_has_what_its_schedule_says(db: Database, clock: FakeClock, ear: Ear) -> None:
    tenant = uuid4()
    schedule(
        db,
        database_id=tenant,
        payload=Json({"a": [1, None], "_cron": "mine"}),
        job_key="k",
        queue_name="q",
        max_attempts=3,
        priority=-7,
        owner="anna",
    )
    look_at(db, clock, NOON)
    ear.heard()
    look_at(db, clock, NOON + HOUR)
    job = db.row("select * from background_jobs")
    assert job["payload"] == {
        "a": [1, None],
        "_cron": {"ts": "2026-03-28T13:00:00Z", "backfilled": False},
    }
    wanted = {
        "database_id": tenant,
        "job_key": "k",
        "queue_name": "q",
        "max_attempts": 3,
        "priority": -7,
        "submitted_by": "anna",
        "task": "t",
    }
    assert {name: job[name] for name in wanted} == wanted
    # The engine stands before the row triggers: what they would have written is there all the same.
    assert db.queue()[job["id"]]["queue_name"] == "q"
    assert db.events(job["id"]) == ["submitted"]
    heard = ear.heard()
    assert ("jobferry_queue", "") in heard
    assert ("jobferry_changes", "anna") in heard
    assert ("jobferry_queue", "schedules") not in heard
    db.assert_sound()


def test_what_was_missed_is_missed_unless_it_is_to_be_made_up_for(
    db: Database, clock: FakeClock
) -> None:
    without = schedule(db, task_identifier="without")
    with_fill = schedule(db, {"cron": "0 * * * *", "fill": "3h"}, task_identifier="with")
    look_at(db, clock, NOON, NOON + DAY + MINUTE / 2)
    assert slots(db, "without") == ["2026-03-29T12:00:00Z"]
    assert slots(db, "with") == [
        "2026-03-29T10:00:00Z*",
        "2026-03-29T11:00:00Z*",
        "2026-03-29T12:00:00Z",
    ]
    for number in (without, with_fill):
        assert row(db, number)["last_missed"] == NOON + HOUR
        assert row(db, number)["next_run_at"] == NOON + DAY + HOUR
    look_at(db, clock, NOON + DAY + 2 * HOUR)
    assert row(db, without)["last_missed"] == NOON + DAY + HOUR
    assert len(slots(db, "without")) == 2


def test_a_slot_of_the_last_minute_is_not_missed(db: Database, clock: FakeClock) -> None:
    schedule(db)
    look_at(db, clock, NOON, NOON + HOUR + MINUTE, NOON + 2 * HOUR + MINUTE + timedelta(seconds=1))
    assert slots(db) == ["2026-03-28T13:00:00Z"]


def test_a_long_outage_is_made_up_for_slot_by_slot(db: Database, clock: FakeClock) -> None:
    schedule(db, {"cron": "* * * * *", "fill": "1w"})
    look_at(db, clock, NOON, NOON + 250 * MINUTE)
    found = slots(db)
    assert len(found) == len(set(found)) == 250
    assert [one for one in found if not one.endswith("*")] == [
        "2026-03-28T16:09:00Z",
        "2026-03-28T16:10:00Z",
    ]


def test_a_new_schedule_makes_up_for_nothing(db: Database, clock: FakeClock) -> None:
    schedule(db, {"cron": "* * * * *", "fill": "1w"})
    look_at(db, clock, NOON)
    assert slots(db) == []


def test_a_schedule_that_has_ended_stays_and_comes_no_more(db: Database, clock: FakeClock) -> None:
    number = schedule(db, {"rule": "0 * * * *", "end": "2026-03-28T13:00Z"})
    look_at(db, clock, NOON, NOON + HOUR, NOON + 2 * HOUR, NOON + 30 * HOUR)
    assert slots(db) == ["2026-03-28T13:00:00Z"]
    assert row(db, number)["next_run_at"] is None
    assert row(db, number)["error"] is None


def test_another_rule_is_another_plan_and_another_payload_is_not(
    db: Database, clock: FakeClock
) -> None:
    number = schedule(db)
    look_at(db, clock, NOON)
    db.do("update jobferry.scheduled_jobs set payload = '{\"b\": 1}'")
    assert row(db, number)["next_run_at"] == NOON + HOUR
    db.do("update jobferry.scheduled_jobs set schedule_info = '\"30 * * * *\"'")
    assert row(db, number)["next_run_at"] is None
    look_at(db, clock, NOON)
    assert row(db, number)["next_run_at"] == NOON + HOUR / 2


def test_a_removed_schedule_leaves_its_jobs(db: Database, clock: FakeClock) -> None:
    number = schedule(db)
    look_at(db, clock, NOON, NOON + HOUR)
    assert db.value("select jobferry.remove_scheduled_job(%s)", number) is True
    assert db.value("select jobferry.remove_scheduled_job(%s)", number) is False
    look_at(db, clock, NOON + 2 * HOUR)
    assert slots(db) == ["2026-03-28T13:00:00Z"]


# -- clocks


def test_the_clocks_of_a_zone(db: Database, clock: FakeClock) -> None:
    """Each hour of a day on which an hour is skipped, and of one on which an hour comes twice."""
    schedule(db, {"cron": "30 2 * * *", "tz": "Europe/Paris"})
    look_at(db, clock, *(NOON + n * HOUR / 2 for n in range(96)))
    assert slots(db) == ["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]
    db.do("update jobferry.scheduled_jobs set planned_at = null")
    db.do("delete from background_jobs")
    autumn = datetime(2026, 10, 24, 12, tzinfo=UTC)
    look_at(db, clock, *(autumn + n * HOUR / 2 for n in range(96)))
    assert slots(db) == ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]


def test_a_clock_that_is_put_back_runs_nothing_twice(db: Database, clock: FakeClock) -> None:
    schedule(db)
    times = [NOON, *(NOON + n * HOUR for n in (1, 2, 3)), *(NOON + n * HOUR for n in range(6))]
    look_at(db, clock, *times)
    assert slots(db) == [f"2026-03-28T{hour}:00:00Z" for hour in (13, 14, 15, 16, 17)]


def test_nor_does_a_new_plan(db: Database, clock: FakeClock) -> None:
    schedule(db)
    look_at(db, clock, NOON, NOON + HOUR, NOON + 2 * HOUR)
    db.do("update jobferry.scheduled_jobs set schedule_info = '\"*/30 * * * *\"'")
    look_at(db, clock, *(NOON + n * HOUR / 2 for n in range(6)))
    assert slots(db) == [
        "2026-03-28T13:00:00Z",
        "2026-03-28T14:00:00Z",
        "2026-03-28T14:30:00Z",
    ]


def test_a_clock_that_is_put_forward_is_an_outage(db: Database, clock: FakeClock) -> None:
    schedule(db, {"cron": "0 * * * *", "fill": "2h"})
    look_at(db, clock, NOON, NOON + 2 * DAY + HOUR / 2, NOON + 2 * DAY + HOUR)
    assert slots(db) == [
        "2026-03-30T11:00:00Z*",
        "2026-03-30T12:00:00Z*",
        "2026-03-30T13:00:00Z",
    ]


def test_a_clock_that_was_years_ahead_for_a_while_stops_nothing(
    db: Database, clock: FakeClock
) -> None:
    schedule(db)
    look_at(db, clock, NOON, NOON + 1000 * DAY, NOON + HOUR, NOON + 2 * HOUR)
    assert "2026-03-28T14:00:00Z" in slots(db)


# -- trouble


def test_one_that_nobody_understands_says_so_and_stops_no_other(
    db: Database, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    bad = schedule(db, "every now and then")
    worse = schedule(db, {"hour": 2, "tz": "Mars"})
    good = schedule(db)
    look_at(db, clock, NOON, NOON + MINUTE, NOON + HOUR)
    assert "not a cron expression" in row(db, bad)["error"]
    assert "no time zone 'Mars'" in row(db, worse)["error"]
    assert row(db, good)["error"] is None
    assert slots(db) == ["2026-03-28T13:00:00Z"]
    said = [r.message for r in caplog.records if f"schedule {bad} does not run" in r.message]
    assert len(said) == 1
    # Mended by hand, it runs.
    db.do("update jobferry.scheduled_jobs set schedule_info = '\"0 * * * *\"' where id = %s", bad)
    assert row(db, bad)["error"] is None
    look_at(db, clock, NOON + HOUR, NOON + 2 * HOUR)
    assert len(slots(db)) == 3


def test_what_this_version_does_not_understand_another_may(db: Database, clock: FakeClock) -> None:
    number = schedule(db, "not yet")
    look_at(db, clock, NOON, NOON + HOUR / 2)
    assert row(db, number)["planned_at"] == NOON
    look_at(db, clock, NOON + HOUR + MINUTE)
    assert row(db, number)["planned_at"] == NOON + HOUR + MINUTE


def test_a_slot_whose_job_postgres_refuses_is_said_and_the_next_is_tried(
    db: Database, clock: FakeClock
) -> None:
    number = schedule(db, payload='{"a": "\\u0000"}')
    other = schedule(db, task_identifier="other")
    look_at(db, clock, NOON, NOON + HOUR)
    assert "Unicode" in row(db, number)["error"]
    assert row(db, number)["next_run_at"] == NOON + 2 * HOUR
    assert (slots(db), slots(db, "other")) == ([], ["2026-03-28T13:00:00Z"])
    db.do("update jobferry.scheduled_jobs set payload = '{}' where id = %s", number)
    look_at(db, clock, NOON + 2 * HOUR)
    assert row(db, number)["error"] is None
    assert slots(db) == ["2026-03-28T14:00:00Z"]
    assert row(db, other)["error"] is None


def test_one_that_somebody_holds_is_left_for_later_and_stops_no_other(
    db: Database, other: Database, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    held, free = schedule(db, task_identifier="held"), schedule(db, task_identifier="free")
    look_at(db, clock, NOON)
    with other.together():
        other.do("select from jobferry.scheduled_jobs where id = %s for update", held)
        look_at(db, clock, NOON + HOUR)
        assert (slots(db, "held"), len(slots(db, "free"))) == ([], 1)
        # It was passed over, not waited for in vain.
        assert [record.message for record in caplog.records] == []
    look_at(db, clock, NOON + HOUR)
    assert (len(slots(db, "held")), len(slots(db, "free"))) == (1, 1)
    assert row(db, free)["error"] is None


# -- any number of schedulers


def test_however_many_look_each_slot_makes_one_job(db: Database, clock: FakeClock) -> None:
    for _ in range(5):
        schedule(db, {"cron": "* * * * *", "fill": "1h"}, task_identifier=f"t{_}")

    async def look() -> None:
        async with pool(db) as one, pool(db) as two, pool(db) as three:
            schedulers = [Scheduler(each, clock) for each in (one, two, three)]
            for clock.now in (NOON + n * MINUTE for n in range(40)):
                found = await asyncio.gather(*(each.look() for each in schedulers))
                jobs = [job for several in found for job in several]
                assert len(jobs) == len(set(jobs))
            # What one left because another held it, the next look finds.
            await schedulers[0].look()

    asyncio.run(look())
    for number in range(5):
        assert slots(db, f"t{number}") == [f"2026-03-28T12:{n:02}:00Z" for n in range(1, 40)]
    db.assert_sound()


def test_nor_do_they_make_up_for_anything_twice(db: Database, clock: FakeClock) -> None:
    schedule(db, {"cron": "* * * * *", "fill": "1w"})
    look_at(db, clock, NOON)
    clock.now = NOON + 450 * MINUTE

    async def look() -> None:
        async with pool(db) as one, pool(db) as two:
            schedulers = [Scheduler(each, clock) for each in (one, two, one, two)]
            await asyncio.gather(*(each.look() for each in schedulers))
            await schedulers[0].look()

    asyncio.run(look())
    assert len(slots(db)) == len(set(slots(db))) == 450


def test_a_transaction_that_dies_leaves_the_slot_to_others(
    db: Database, other: Database, clock: FakeClock
) -> None:
    number = schedule(db)
    look_at(db, clock, NOON)
    before = row(db, number)
    other.do("begin")
    jobs = other.value(
        "select jobferry.advance_schedule(%s, %s, %s, %s, %s, %s::timestamptz[], '{false}', %s, null, null)",
        number,
        '"0 * * * *"',
        before["planned_at"],
        before["next_run_at"],
        NOON + HOUR,
        [NOON + HOUR],
        NOON + 2 * HOUR,
    )
    assert len(jobs) == 1
    db.do("select pg_terminate_backend(%s)", other.pid)
    with pytest.raises(psycopg.errors.AdminShutdown):
        other.do("commit")
    assert row(db, number) == before
    look_at(db, clock, NOON + HOUR)
    assert slots(db) == ["2026-03-28T13:00:00Z"]


def test_whoever_comes_second_changes_nothing(db: Database, clock: FakeClock) -> None:
    number = schedule(db)
    look_at(db, clock, NOON)
    seen = row(db, number)

    def advance(info: str = '"0 * * * *"') -> list[UUID] | None:
        found: list[UUID] | None = db.value(
            "select jobferry.advance_schedule(%s, %s, %s, %s, %s, %s::timestamptz[], '{false}', %s, null, null)",
            number,
            info,
            seen["planned_at"],
            seen["next_run_at"],
            NOON,
            [NOON + HOUR],
            NOON + 2 * HOUR,
        )
        return found

    assert advance('"5 * * * *"') is None
    assert len(advance() or []) == 1
    assert advance() is None
    assert len(slots(db)) == 1


# -- run now


def test_run_now_refuses_while_the_last_job_is_under_way(db: Database, clock: FakeClock) -> None:
    number = schedule(db, payload=Json({"a": 1}))
    job = db.row("select * from jobferry.run_scheduled_job(%s)", number)
    assert job["status"] == "queued"
    assert job["payload"]["a"] == 1
    assert set(job["payload"]["_cron"]) == {"ts", "backfilled"}
    error = refused("JF052", lambda: db.rows("select jobferry.run_scheduled_job(%s)", number))
    assert f"{job['id']}, is not finished: it is queued" in str(error)
    db.register("p", "t")
    db.claim(tasks=["t"])
    error = refused("JF052", lambda: db.rows("select jobferry.run_scheduled_job(%s)", number))
    assert "it is running" in str(error)
    # A last job that is older than the expiry is taken for lost.
    again = db.value("select id from jobferry.run_scheduled_job(%s, interval '0')", number)
    assert row(db, number)["last_scheduled_id"] == again != job["id"]
    db.cancel(again)
    assert db.value("select id from jobferry.run_scheduled_job(id := %s)", number) is not None
    db.assert_sound()


def test_run_now_of_what_is_not_there(db: Database) -> None:
    assert "no schedule 17" in str(
        refused("JF051", lambda: db.do("select jobferry.run_scheduled_job(17)"))
    )


def test_two_who_run_it_at_once_make_one_job(db: Database, other: Database) -> None:
    number = schedule(db)
    with other.together():
        other.do("select jobferry.run_scheduled_job(%s)", number)
        second = Beside(
            lambda: refused("JF052", lambda: db.do("select jobferry.run_scheduled_job(%s)", number))
        )
        other.wait_until_blocked(db.pid)
    second.result()
    assert db.value("select count(*) from background_jobs") == 1


# -- adding, and what is refused


def test_both_ways_to_add(db: Database) -> None:
    tenant = uuid4()
    first = db.row(
        "select * from jobferry.add_scheduled_job(db_id := %s, identifier := 'a', payload := '{\"x\": 1}',"
        " schedule_info := '{\"hour\": [2]}', job_key := 'k', queue_name := 'q', max_attempts := 4, priority := 5)",
        tenant,
    )
    second = db.row("select * from jobferry.add_scheduled_job('b', '{}', '\"@daily\"')")
    assert (first["database_id"], first["task_identifier"], first["max_attempts"]) == (
        tenant,
        "a",
        4,
    )
    assert (first["job_key"], first["queue_name"], first["priority"]) == ("k", "q", 5)
    assert (second["database_id"], second["payload"], second["max_attempts"]) == (None, {}, 25)
    assert first["next_run_at"] is second["next_run_at"] is None
    by_place = db.row(
        "select * from jobferry.add_scheduled_job(%s::uuid, 'c', '{}', '\"@daily\"')", tenant
    )
    assert (by_place["database_id"], by_place["schedule_info"]) == (tenant, "@daily")
    refused("JF050", lambda: db.do("select jobferry.add_scheduled_job(%s, 'c')", tenant))


@pytest.mark.parametrize(
    ("call", "wanted"),
    [
        ("jobferry.add_scheduled_job('t', schedule_info := '0 2 * * *')", "0 2 * * *"),
        ("jobferry.add_scheduled_job('t', schedule_info := '\"0 2 * * *\"')", "0 2 * * *"),
        ("jobferry.add_scheduled_job('t', '{}', '{\"hour\": 2}')", {"hour": 2}),
        ("jobferry.add_scheduled_job('t', '{}'::json, '{\"hour\": 2}'::json)", {"hour": 2}),
        ("jobferry.add_scheduled_job('t', payload := '{}'::json, schedule_info := '\"@daily\"')", "@daily"),
        ("jobferry.add_scheduled_job('t', schedule_info := json_build_object('hour', 2))", {"hour": 2}),
        (
            "jobferry.add_scheduled_job(gen_random_uuid(), identifier := 't', schedule_info := '{\"hour\": 2}')",
            {"hour": 2},
        ),
    ],
)  # fmt: skip
def test_no_call_fits_two_of_them(db: Database, call: LiteralString, wanted: object) -> None:
    assert db.row(f"select * from {call}")["schedule_info"] == wanted


REFUSED: list[tuple[str, dict[str, object]]] = [
    ("23502", {"schedule_info": None}),
    ("23514", {"schedule_info": Json(5)}),
    ("23514", {"payload": Json([1])}),
    ("23514", {"task_identifier": ""}),
    ("23514", {"max_attempts": 0}),
    ("23514", {"priority": 70000}),
    ("23514", {"job_key": ""}),
]


@pytest.mark.parametrize(("state", "columns"), REFUSED, ids=str)
def test_what_can_never_make_a_job_is_refused_at_once(
    db: Database, state: str, columns: dict[str, object]
) -> None:
    refused(state, lambda: schedule(db, **columns))


# -- crontabs


def entry(name: str, cron: str = "0 * * * *", **more: object) -> dict[str, object]:
    return {
        "name": name,
        "task_identifier": name,
        "schedule_info": {"cron": cron},
        "payload": {},
    } | more


def load(db: Database, crontab: str, *entries: dict[str, object]) -> list[tuple[str, str]]:
    found = db.rows("select * from jobferry.load_crontab(%s, %s)", crontab, json.dumps(entries))
    return sorted((one["change"], one["name"]) for one in found)


def test_a_crontab_is_what_its_file_says(db: Database, clock: FakeClock) -> None:
    by_hand = schedule(db, name="by_hand")
    assert load(db, "one", entry("a"), entry("b")) == [("added", "a"), ("added", "b")]
    assert load(db, "two", entry("c")) == [("added", "c")]
    look_at(db, clock, NOON)
    planned = db.rows("select name, next_run_at from jobferry.scheduled_jobs order by name")
    assert load(db, "one", entry("a"), entry("b")) == []
    assert db.rows("select name, next_run_at from jobferry.scheduled_jobs order by name") == planned
    changed = entry("a", max_attempts=2)
    assert load(db, "one", changed, entry("d")) == [
        ("added", "d"),
        ("changed", "a"),
        ("removed", "b"),
    ]
    rows = db.rows(
        "select name, max_attempts, next_run_at from jobferry.scheduled_jobs order by name"
    )
    assert [(one["name"], one["max_attempts"]) for one in rows] == [
        ("a", 2), ("by_hand", 25), ("c", 25), ("d", 25),
    ]  # fmt: skip
    assert rows[0]["next_run_at"] == NOON + HOUR
    assert load(db, "one", entry("a", "5 * * * *", max_attempts=2)) == [
        ("changed", "a"),
        ("removed", "d"),
    ]
    assert db.value("select next_run_at from jobferry.scheduled_jobs where name = 'a'") is None
    assert load(db, "one") == [("removed", "a")]
    assert row(db, by_hand)["name"] == "by_hand"


def test_a_crontab_takes_nobody_else_s_names(db: Database) -> None:
    schedule(db, name="mine")
    load(db, "one", entry("a"))
    for name in ("mine", "a"):
        error = refused("JF053", partial(load, db, "two", entry("new"), entry(name)))
        assert repr(name) in str(error)
    assert db.column("select name from jobferry.scheduled_jobs order by name") == ["a", "mine"]


# -- who may


PRODUCER_MAY: list[LiteralString] = [
    "insert into jobferry.scheduled_jobs (task_identifier, schedule_info) values ('x', '\"@daily\"') returning id",
    "select jobferry.add_scheduled_job('x', schedule_info := '\"@daily\"')",
    "select jobferry.run_scheduled_job(1)",
    "update jobferry.scheduled_jobs set schedule_info = '\"@hourly\"'",
    "select jobferry.remove_scheduled_job(1)",
    "delete from jobferry.scheduled_jobs",
]


def test_whoever_may_add_jobs_may_schedule_them(db: Database) -> None:
    with Database(db.dsn, "jobferry_producer") as producer:
        for statement in PRODUCER_MAY:
            producer.do(statement)
        for statement in (
            "update jobferry.scheduled_jobs set next_run_at = now()",
            "insert into jobferry.scheduled_jobs (task_identifier, schedule_info, error) values ('x', '{}', '')",
            "select * from jobferry.due_schedules(null, 1)",
            "select jobferry.advance_schedule(1, '', null, null, now(), '{}', '{}', null, null, null)",
            "select jobferry.load_crontab('x', '[]')",
        ):
            denied(producer, statement)


def test_the_others_keep_their_hands_off(db: Database) -> None:
    schedule(db)
    statements: list[LiteralString] = [
        *PRODUCER_MAY,
        "select * from jobferry.due_schedules(null, 1)",
        "select jobferry.add_slot(s, now(), false) from jobferry.scheduled_jobs s",
    ]
    roles: list[LiteralString] = ["jobferry_gateway", "jobferry_auditor"]
    for role in roles:
        with Database(db.dsn, role) as part:
            for statement in statements:
                denied(part, statement)
    with Database(db.dsn, "jobferry_processor") as processor:
        for statement in ("delete from jobferry.scheduled_jobs", PRODUCER_MAY[0]):
            denied(processor, statement)


def test_a_new_schedule_rings(db: Database, ear: Ear, clock: FakeClock) -> None:
    number = schedule(db)
    assert ear.heard() == [("jobferry_queue", "schedules")]
    look_at(db, clock, NOON)
    db.do("update jobferry.scheduled_jobs set priority = 1")
    assert ear.heard() == []
    db.do("set session_replication_role = replica")
    db.do("update jobferry.scheduled_jobs set schedule_info = '\"@daily\"' where id = %s", number)
    assert ear.heard() == [("jobferry_queue", "schedules")]
