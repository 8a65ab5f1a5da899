"""LISTEN is a doorbell: when the wire to it is cut, the jobs still come, and it is mended."""

from pathlib import Path

import pytest

from jobferry_client import JobClient
from support.facts import Ledger
from support.processes import eventually
from support.services import token
from support.stack import Stack

LISTENERS = (
    "application_name in ('jobferry_gateway', 'jobferry_processor')"
    " and datname = current_database() and query ~* '^listen'"
)


def listeners(facts: Ledger) -> dict[str, int]:
    """The backends that listen: whose they are, and their process ids."""
    rows = facts.ask(f"select application_name, pid from pg_stat_activity where {LISTENERS}")
    return {row["application_name"]: row["pid"] for row in rows}


@pytest.mark.parametrize("whose", ["jobferry_gateway", "jobferry_processor", "both"])
def test_jobs_flow_while_a_listener_is_gone_and_it_comes_back(
    whose: str, stack: Stack, facts: Ledger, tmp_path: Path
) -> None:
    gateway = stack.gateway()
    stack.processor()
    eventually(lambda: len(listeners(facts)) == 2)
    with JobClient(tmp_path / "till.db", gateway.url, token()) as client:
        client.sync(10)
        for _ in range(2):
            before = listeners(facts)
            struck = [pid for name, pid in before.items() if whose in (name, "both")]
            for pid in struck:
                facts.ask("select pg_terminate_backend(%(pid)s)", pid=pid)
            assert client.wait(client.submit("quick").id, timeout=2.5).completed
            eventually(lambda: len(listeners(facts)) == 2, 5)
            now = listeners(facts)
            assert not set(struck) & set(now.values())
            assert client.wait(client.submit("quick").id, timeout=2.5).completed


def test_jobs_flow_though_every_connection_to_postgres_is_cut_again_and_again(
    stack: Stack, facts: Ledger, tmp_path: Path
) -> None:
    gateway = stack.gateway()
    stack.processor()
    with JobClient(tmp_path / "till.db", gateway.url, token()) as client:
        client.sync(10)
        jobs = []
        for _ in range(4):
            jobs += [client.submit("default") for _ in range(20)]
            facts.ask(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where application_name like 'jobferry%' and datname = current_database()"
            )
            assert client.wait(jobs[-1].id, timeout=6).completed
        assert all(client.wait(job.id, timeout=6).completed for job in jobs)
    assert facts.events("completed") == {str(job.id): 1 for job in jobs}
    assert facts.count(table="jobferry.queue") == 0
