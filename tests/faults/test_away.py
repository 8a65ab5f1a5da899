"""A device that was away for a day."""

from pathlib import Path

import psycopg

from jobferry_client import JobClient, Status
from support.facts import Ledger, applied, differences, keep_a_diary
from support.services import token
from support.stack import Stack

UPDATES = 10_000
JOBS = 5

#: A processor's day: each update is a transaction of its own, as it would be.
A_DAY = f"""
do $$ declare ids uuid[] := array(select id from public.background_jobs order by id); begin
  for n in 1..{UPDATES} loop
    update public.background_jobs set progress = n / {UPDATES}::real where id = ids[1 + n % {JOBS}];
    commit;
  end loop;
end $$
"""


def test_ten_thousand_updates_while_it_was_away_come_as_one_each(
    stack: Stack, facts: Ledger, dsn: str, tmp_path: Path
) -> None:
    gateway = stack.gateway()
    path = tmp_path / "till.db"
    with JobClient(path, gateway.url, token()) as client:
        jobs = [client.submit("nobody's") for _ in range(JOBS)]
        client.sync(10)
    keep_a_diary(path)
    with psycopg.connect(dsn, autocommit=True) as processor:
        # So many fsyncs would be the disk's test.
        processor.execute("set synchronous_commit = off")
        processor.execute(A_DAY.encode())
    with JobClient(path, gateway.url, token()) as client:
        client.sync(10)
        assert {client.get(job.id).status for job in jobs} == {Status.RUNNING}
    assert applied(path) == sorted(str(job.id) for job in jobs)
    assert differences(path, facts) == []
