"""As many named queues as a device cares to name."""

from integration.database import Database

#: More than Postgres has room for locks.
MANY = 30_000
FILL = """
with added as (
  insert into public.background_jobs (id, payload, queue_name)
  select gen_random_uuid(), '{}', 'name ' || n from generate_series(1, %s) n returning *
)
insert into jobferry.queue (job_id, task, queue_name, priority, run_at, attempts, max_attempts)
select id, task, queue_name, priority, run_at, attempts, max_attempts from added
"""


def test_more_names_than_postgres_has_room_for_locks_stop_nobody(db: Database) -> None:
    db.register("p", "default")
    db.do("set role jobferry_engine")
    db.do(FILL, MANY)
    db.do("reset role")
    urgent = db.insert(priority=-1)
    first, second = db.take(most=100), db.take(most=100)
    assert urgent in {held.id for held in first}
    assert len({held.id for held in first + second}) == 200
