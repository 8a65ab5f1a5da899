"""A role can't put types of its own under the functions that run with the engine's rights.

Where a ``search_path`` does not say otherwise Postgres looks for types in the session's temporary schema
first, and anybody may create in that: also a domain, whose values are checked by a function of theirs.
"""

from collections.abc import Iterator

import pytest
from psycopg.types.json import Json

from integration.database import DEVICE, Database, Spec

TRAP = """
create function pg_temp.trap() returns boolean language plpgsql as $$
begin
  if current_user <> session_user and current_user <> current_setting('tests.role') then
    raise exception 'what the caller made was run as %', current_user;
  end if;
  return true;
end $$;
create domain pg_temp.jsonb as pg_catalog.jsonb check (pg_temp.trap());
create domain pg_temp.text as pg_catalog.text check (pg_temp.trap());
create domain pg_temp.uuid as pg_catalog.uuid check (pg_temp.trap());
create domain pg_temp.timestamptz as pg_catalog.timestamptz check (pg_temp.trap());
"""


@pytest.fixture
def gateway(db: Database) -> Iterator[Database]:
    """A gateway that was taken over, and has laid traps."""
    with Database(db.dsn, "jobferry_gateway") as taken_over:
        taken_over.do("set tests.role = 'jobferry_gateway'")
        taken_over.do(TRAP)
        yield taken_over


def test_a_gateway_does_not_become_the_engine_by_types_of_its_own(
    db: Database, gateway: Database
) -> None:
    one = Spec(payload='{"n": 1}')
    assert gateway.submit(one) == []
    assert gateway.cancel_batch(one.id) == []
    assert db.status(one.id) == "cancelled"


def test_nor_where_a_trigger_has_met_its_types_before(db: Database, gateway: Database) -> None:
    """What plpgsql has read of a function once it keeps for the session, whoever is next to call it."""
    gateway.do(
        "insert into background_jobs (payload, submitted_by, client_id, id)"
        " values (%s, 'anna', %s, gen_random_uuid())",
        Json({}),
        DEVICE,
    )
    one = Spec()
    assert gateway.submit(one) == []
    assert db.status(one.id) == "queued"


def test_every_function_looks_for_types_in_the_temporary_schema_last(db: Database) -> None:
    found = db.column(
        "select distinct setting from pg_proc p, unnest(p.proconfig) setting"
        " where p.pronamespace = 'jobferry'::regnamespace and starts_with(setting, 'search_path=')"
    )
    assert found == ["search_path=pg_catalog, pg_temp"]
