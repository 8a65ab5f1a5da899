"""A transaction that stays open elsewhere makes nobody read again what he has read."""

from uuid import uuid4

import pytest

from integration.database import ANNA, Database, Spec

MANY = 2000
PAGE = (
    "select (job).id from jobferry.changes_page(%s, %s, %s::pg_snapshot, %s::pg_snapshot,"
    " %s::xid8, %s, null, 100, 1000000, false)"
)
FETCHED = (
    "select idx_tup_fetch from pg_stat_xact_user_tables where relid = 'background_jobs'::regclass"
)


@pytest.fixture
def rows_of_anna(db: Database, other: Database) -> str:
    """What she had read when all but one were written while that one was under way; its snapshot."""
    other.do("begin")
    late = Spec()
    other.submit(late)
    for _ in range(MANY // 500):
        db.submit(*(Spec() for _ in range(500)))
    # Far behind are transactions, not rows.
    db.do(
        "do $$ begin for n in 1..1100 loop perform pg_current_xact_id(); commit; end loop; end $$"
    )
    db.do("analyze background_jobs")
    since: str = db.value("select pg_current_snapshot()::text")
    return since


def fetched(db: Database, *values: object) -> tuple[int, int]:
    """How many rows a page has, and for how many Postgres had to look."""
    with db.together():
        before = db.value(FETCHED)
        rows = db.rows(PAGE, ANNA, uuid4(), *values)
        return len(rows), db.value(FETCHED) - before


def test_news_cost_what_is_new(db: Database, other: Database, rows_of_anna: str) -> None:
    db.submit(Spec(), Spec())
    now = db.value("select pg_current_snapshot()::text")
    rows, looked_at = fetched(db, rows_of_anna, now, None, None)
    assert rows == 2
    assert looked_at < MANY / 10
    other.do("commit")
    now = db.value("select pg_current_snapshot()::text")
    rows, looked_at = fetched(db, rows_of_anna, now, None, None)
    assert rows == 3
    assert looked_at < MANY / 10


def test_so_does_a_page_of_a_walk(db: Database, rows_of_anna: str) -> None:
    """On its way it looks for what has moved since it began."""
    last = db.row(
        "select version::text, id from background_jobs order by background_jobs.version desc, id desc limit 1"
    )
    db.submit(Spec())
    rows, looked_at = fetched(db, None, rows_of_anna, last["version"], last["id"])
    assert rows == 0
    assert looked_at < MANY / 10
