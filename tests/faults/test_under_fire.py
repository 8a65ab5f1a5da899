"""Four processors under fire: killed, stopped past their lease, cut off; Postgres goes down once.

Every job ends. What handlers write through ``job.connection`` happens exactly once, what they do
elsewhere at least once; a named queue never runs two jobs at a time; whoever was taken for dead and
comes back changes nothing. JOBFERRY_TEST_JOBS says how many jobs.
"""

import os
import random
import signal
from collections import Counter
from pathlib import Path

import psycopg
import pytest

from support.cluster import Cluster
from support.facts import Ledger
from support.processes import eventually
from support.stack import Running, Stack

JOBS = int(os.environ.get("JOBFERRY_TEST_JOBS", "20000"))
#: One job in so many is of a named queue.
NAMED_EVERY = 20
PROCESSORS = 4
ENOUGH_SECONDS = 60 + JOBS / 100

FILL = """
select count(*) from jobferry.add_jobs(array(
  select row(
    case when n %% %(every)s = 0 then 'alone' else 'booking' end,
    json_build_object('n', n, 'queue', 'q' || n %% 3),
    case when n %% %(every)s = 0 then 'q' || n %% 3 end,
    null, 1000, null, null, null)::jobferry.job_spec
  from generate_series(1, %(jobs)s) n))
"""
LISTENERS = """
select count(pg_terminate_backend(pid)) from pg_stat_activity
where application_name = 'jobferry_processor listening'
"""

OVERLAPS = """
select a.queue from turns a join turns b
  on a.queue = b.queue and a.ctid <> b.ctid and a.began < b.ended and b.began < a.ended
"""


def done(ledger: Ledger) -> int:
    """How many jobs have ended."""
    return ledger.count("finished_at is not null")


def stop_past_the_lease(victim: Running, ledger: Ledger) -> None:
    """It sleeps until somebody has given its jobs away; then it wakes and says what it has to say."""
    victim.signal(signal.SIGSTOP)
    try:
        registered = f"id like '%:{victim.pid}:%'"
        eventually(lambda: ledger.count(registered, "jobferry.processors") == 0)
    finally:
        victim.signal(signal.SIGCONT)


def test_under_fire(cluster: Cluster, tmp_path: Path, chance: random.Random) -> None:
    with (
        cluster.databases.database() as dsn,
        Stack(dsn, tmp_path) as stack,
    ):
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute("create table bookings (job uuid)")
            connection.execute(
                "create table turns (queue text, began timestamptz, ended timestamptz)"
            )
            connection.execute(FILL.encode(), {"every": NAMED_EVERY, "jobs": JOBS})
        ledger = Ledger(dsn)
        processors = [stack.processor() for _ in range(PROCESSORS)]
        what = ["kill", "kill", "stop", "listeners", "postgres"]
        chance.shuffle(what)
        for number, event in enumerate(what, 1):
            share = number * JOBS // (len(what) + 2)
            eventually(lambda share=share: done(ledger) >= share, ENOUGH_SECONDS)  # type: ignore[misc]
            print(f"{event} with {done(ledger)} of {JOBS} done")
            victim = chance.choice(processors)
            match event:
                case "kill":
                    victim.kill()
                    victim.start()
                case "stop":
                    stop_past_the_lease(victim, ledger)
                case "listeners":
                    ledger.ask(LISTENERS)
                case "postgres":
                    cluster.crash()
                    cluster.start()
        eventually(lambda: done(ledger) == JOBS, ENOUGH_SECONDS)
        check(ledger, stack)
        assert [processor.ended for processor in processors] == [None] * PROCESSORS


def check(ledger: Ledger, stack: Stack) -> None:
    """Exactly once inside, at least once outside, one at a time where that was asked for."""
    assert ledger.count("status <> 'completed'") == 0
    booked = Counter(str(row["job"]) for row in ledger.ask("select job from bookings"))
    assert set(booked.values()) == {1}
    assert booked.keys() == {str(row["id"]) for row in ledger.ask("select id from background_jobs")}
    assert {effect["job"] for effect in stack.effects()} == booked.keys()
    assert set(ledger.events("completed").values()) == {1}
    assert ledger.count(table="jobferry.queue") == 0
    assert ledger.ask(OVERLAPS) == []


pytestmark = pytest.mark.timeout(600)
