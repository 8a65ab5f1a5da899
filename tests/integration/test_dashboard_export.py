"""The audit log as a file, for somebody who takes his time."""

import psycopg
import pytest

from integration.database import Database
from jobferry_server.audit import FETCH, Filter, events
from support.processes import eventually


def test_who_stops_reading_keeps_no_snapshot_open(db: Database) -> None:
    db.do(
        "insert into background_job_events (job_id, event, attempt, actor)"
        " select gen_random_uuid(), 'submitted', 0, 'x' from generate_series(1, %s)",
        FETCH + 1,
    )
    reading = events(db.dsn, Filter(), seconds=1)
    next(reading)
    held = (
        "select from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
        " and backend_xmin is not null"
    )
    eventually(lambda: not db.rows(held))
    with pytest.raises(psycopg.Error):
        list(reading)
