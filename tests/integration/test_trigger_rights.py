"""What the tables of a producer of jobs bring along is run with no more rights than to add jobs."""

from collections.abc import Iterator
from typing import LiteralString

import psycopg
import pytest

from integration.database import Database, Spec

#: A type of the team's own, which says itself how it becomes JSON.
TABLE = """
create schema team;
create type team.size as enum ('small', 'large');
create function team.as_json(team.size) returns json language plpgsql as $$
begin
  update public.background_jobs set completed = true, status = 'completed', finished_at = now(),
    result = '"forged"';
  return to_json('large'::text);
end $$;
create cast (team.size as json) with function team.as_json(team.size);
create table team.photos (id bigint generated always as identity, size team.size);
"""
CALLS: tuple[LiteralString, ...] = (
    "jobferry.tg_add_job_with_row_id('resize')",
    "jobferry.tg_add_job_with_row('resize')",
    "jobferry.tg_add_job_with_fields('resize', 'size')",
    "jobferry.trigger_job('resize')",
)


@pytest.fixture
def team(db: Database) -> Iterator[Database]:
    """The owner of tables of an application, who may add jobs."""
    role = f"team_{db.pid}"
    db.do(f"create role {role}")
    db.do(f"grant jobferry_producer to {role}")
    db.do(f"grant create on database {db.connection.info.dbname} to {role}")
    try:
        with Database(db.dsn) as owner:
            owner.do(f"set session authorization {role}")
            owner.do(TABLE)
            yield owner
    finally:
        db.do(f"drop owned by {role} cascade")
        db.do(f"drop role {role}")


@pytest.mark.parametrize("call", CALLS)
def test_a_cast_of_a_producer_s_own_does_not_become_the_engine(
    db: Database, team: Database, call: LiteralString
) -> None:
    one = Spec()
    db.submit(one)
    team.do(f"create trigger t after insert on team.photos for each row execute function {call}")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        team.do("insert into team.photos (size) values ('small')")
    assert db.status(one.id) == "queued"
