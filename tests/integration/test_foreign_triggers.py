"""Triggers of somebody else's on the ledger, as an adopted table may have them."""

from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest

from integration.database import Database
from integration.wire import device, job, submit
from jobferry_server.prune import prune
from support.services import Services

LEAVE_OUT: LiteralString = """
    create function leave_out() returns trigger language plpgsql as 'begin return null; end';
    create trigger leave_out before insert on background_jobs
    for each row when (NEW.task = 'unwanted') execute function leave_out()"""


def test_a_job_that_a_trigger_leaves_out_is_rejected_and_the_others_go(
    db: Database, services: Services
) -> None:
    db.do(LEAVE_OUT)
    jobs = [job(task="unwanted" if n == 3 else "default") for n in range(8)]
    with services.gateway() as url, device(url, "anna") as anna:
        anna.walk()
        answer = anna.deliver(*map(submit, jobs))
    assert answer == [(jobs[3]["id"], "database_refused")]
    kept = {str(id_) for id_ in db.column("select id from background_jobs")}
    assert kept == {one["id"] for one in jobs} - {jobs[3]["id"]}


@pytest.mark.parametrize("mode", ["replace", "preserve_run_at", "unsafe_dedupe"])
def test_a_job_with_a_key_that_a_trigger_leaves_out_is_refused(db: Database, mode: str) -> None:
    """It would be tried again for ever, as if somebody else had taken the key that moment."""
    db.do(LEAVE_OUT)
    db.do("set statement_timeout = '15s'")
    with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="left the job out"):
        db.do("select jobferry.add_job('unwanted', job_key := 'k', job_key_mode := %s)", mode)


def test_a_prune_ends_though_a_trigger_keeps_every_job(db: Database, tmp_path: Path) -> None:
    """It would write the same jobs to the archive until the disk is full."""
    for _ in range(4):
        finished = db.insert()
        db.cancel(finished)
    db.do("""
        create function keep() returns trigger language plpgsql as 'begin return null; end';
        create trigger keep before delete on background_jobs for each row execute function keep()""")
    archive = tmp_path / "archive"
    steps = prune(db.dsn, timedelta(), archive=archive, forget_after=timedelta(days=1), batch=2)
    *_, last = islice(steps, 100)
    assert (last.done, last.jobs) == (last.blocks, 0)
    assert len(archive.read_text().splitlines()) == 2
