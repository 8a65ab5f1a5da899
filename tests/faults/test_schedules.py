"""Schedules while processors come, go and are killed: every slot makes one job, and no slot is left out."""

from datetime import datetime, timedelta

from support.facts import Ledger
from support.processes import eventually
from support.stack import Stack

EVERY_SECOND = """{"cron": "* * * * * *", "fill": "1h"}"""


def slots(facts: Ledger) -> list[datetime]:
    found = facts.ask(
        "select payload->'_cron'->>'ts' as slot from public.background_jobs order by 1"
    )
    return [datetime.fromisoformat(row["slot"]) for row in found]


def more_slots(facts: Ledger, number: int) -> None:
    before = facts.count()
    eventually(lambda: facts.count() >= before + number, 60, 0.02)


def plan(facts: Ledger, info: str = EVERY_SECOND) -> None:
    facts.ask(
        "insert into jobferry.scheduled_jobs (task_identifier, schedule_info)"
        " values ('quick', %(info)s)",
        info=info,
    )


def assert_one_job_for_each_slot(facts: Ledger) -> None:
    found = slots(facts)
    assert found == [found[0] + timedelta(seconds=n) for n in range(len(found))]


def test_three_processors_two_of_them_killed(stack: Stack, facts: Ledger) -> None:
    plan(facts)
    first = stack.processor()
    more_slots(facts, 2)
    second, third = stack.processor(), stack.processor()
    more_slots(facts, 3)
    # The one that has made the jobs so far, at any moment; then another.
    first.kill()
    more_slots(facts, 2)
    second.kill()
    more_slots(facts, 2)
    third.kill()
    # Nobody is left for a while; who comes next makes up for it.
    last = slots(facts)[-1]
    eventually(lambda: facts.one("select now()") > last + timedelta(seconds=3))
    stack.processor()
    more_slots(facts, 4)
    assert_one_job_for_each_slot(facts)
    number = facts.count()
    facts.reach(number, "completed")


def test_a_schedule_is_taken_up_while_processors_run(stack: Stack, facts: Ledger) -> None:
    idle = stack.processor(JOBFERRY_SCHEDULES="false")
    eventually(lambda: facts.count(table="jobferry.processors") == 1)
    plan(facts)
    facts.ask("insert into public.background_jobs (id, payload, task)"
              " values (gen_random_uuid(), '{}', 'quick')")  # fmt: skip
    facts.reach(1, "completed")
    # One that is not to schedule has run a job and left the schedule alone.
    assert facts.one("select planned_at is null from jobferry.scheduled_jobs")
    stack.processor()
    facts.reach(3, "payload ? '_cron' and completed")
    assert idle.ended is None
