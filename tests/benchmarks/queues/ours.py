"""Jobferry, through its SQL functions and its processor."""

from contextlib import AbstractContextManager

import psycopg

from benchmarks.bench import Bench
from benchmarks.process import Child
from benchmarks.queues.contender import BySQL

__all__ = ["Ours"]

ADD_ONE = "select id from jobferry.add_job($1, $2::text)"
ADD_MANY = """
select count(*) from jobferry.add_jobs(array(
  select row($1, body::json, null, null, null, null, null, null)::jobferry.job_spec from unnest($2::text[]) body))
"""
TAKEN = """
select (result ->> 'at')::bigint - (payload ->> 'sent')::bigint from public.background_jobs where completed
"""


class Ours(BySQL):
    """What is measured."""

    name = "Jobferry"
    table = "jobferry.queue"
    add_one = ADD_ONE
    add_many = ADD_MANY
    unfinished = "select from jobferry.queue"

    def database(self, bench: Bench) -> AbstractContextManager[str]:
        """A migrated one."""
        return bench.database()

    def worker(self, bench: Bench, dsn: str) -> AbstractContextManager[Child]:
        """A processor with its usual settings."""
        return bench.processor(dsn)

    def taken(self, dsn: str, _worker: Child) -> list[int]:
        """As the results have it."""
        with psycopg.connect(dsn) as connection:
            return [taken for (taken,) in connection.execute(TAKEN)]
