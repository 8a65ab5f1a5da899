"""Every statement on the page of the SQL API runs, and returns as many rows as the page says."""

import re
from pathlib import Path

import psycopg
import pytest

from conftest import Connection

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "sql-api.md").read_text(encoding="utf-8")
#: What has a page of its own.
OTHERS = "".join(
    (DOCS / f"{name}.md").read_text("utf-8")
    for name in ("retention", "security", "backup-and-restore", "schedules")
)
STATEMENT = re.compile(r"(.+?;)(?:  -- (\d+) jobs?)?(?:\n|$)", re.DOTALL)
STATEMENTS = [
    found
    for block in re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)
    for found in STATEMENT.findall(block)
]


def test_every_statement_runs(ledger: Connection) -> None:
    assert len(STATEMENTS) > 15
    for statement, jobs in STATEMENTS:
        found = ledger.execute(statement).fetchall()
        if jobs:
            assert len(found) == int(jobs), statement


@pytest.mark.parametrize("code", re.findall(r"`(JF0\d\d)`", PAGE))
def test_every_error_on_the_page_is_raised_somewhere(ledger: Connection, code: str) -> None:
    raised = "select count(*) from pg_proc where prosrc like '%%errcode = ''' || %s || '''%%'"
    assert ledger.execute(raised, (code,)).fetchall() == [(1,)]


def test_every_function_for_others_is_on_the_page(ledger: Connection) -> None:
    granted = ledger.execute(
        "select distinct p.proname from pg_proc p, aclexplode(p.proacl) x"
        " where p.pronamespace = 'jobferry'::regnamespace and x.grantee = 'jobferry_admin'::regrole"
    ).fetchall()
    assert len(granted) == 34
    for (name,) in granted:
        assert f"jobferry.{name}(" in PAGE + OTHERS


def test_who_may_call_is_as_the_page_says(ledger: Connection) -> None:
    ledger.execute("set role jobferry_producer")
    ledger.execute("select jobferry.add_job('t')")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        ledger.execute("select * from jobferry.cancel_jobs('{}')")
