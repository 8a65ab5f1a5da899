"""What a crash takes back of the order of transactions.

A transaction that wrote nothing durable (a NOTIFY, a rollback) has an id, and after a crash the same
id is given to another: Postgres knows no better. A cursor is a snapshot, so it might already count that
id among what it has seen, and what the other transaction writes would never come.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from jobferry_client import JobClient
from support.cluster import Cluster, own_cluster
from support.services import token
from support.stack import Stack


@pytest.fixture
def lazy_cluster() -> Iterator[Cluster]:
    """Its log reaches the disk when somebody waits for it and hardly otherwise.

    By default that takes it up to 0.6 s; here there is time to look.
    """
    with own_cluster(wal_writer_delay="10s", autovacuum="off") as found:
        yield found


def next_id(connection: "psycopg.Connection[tuple[int]]") -> int:
    """The first transaction id that no snapshot of now counts as seen."""
    found = connection.execute("select pg_snapshot_xmax(pg_current_snapshot())::text::bigint")
    row = found.fetchone()
    assert row is not None
    return row[0]


def read_up_to(path: Path) -> int:
    """The first transaction id that the device's cursor does not count as seen."""
    with closing(sqlite3.connect(path)) as file:
        (cursor,) = file.execute("SELECT cursor FROM _jobferry_state").fetchone()
    return int(cursor.split("/")[1].split(":")[1])


def read_among_ids_that_are_on_no_disk(dsn: str, path: Path, url: str) -> tuple[int, int]:
    """Up to which id the device has read, and a later one; others are taken before and after."""
    with psycopg.connect(dsn) as holder, psycopg.connect(dsn, autocommit=True) as foreign:
        # The gateway notes who said hello, and that commit would bring all to the disk.
        holder.execute("lock table jobferry.devices in share mode")
        take_ids(foreign)
        with JobClient(path, url, token()) as client:
            client.sync(10)
        take_ids(foreign)
        return read_up_to(path), next_id(foreign)


def take_ids(connection: "psycopg.Connection[tuple[int]]") -> None:
    """As the doorbells' own probes do: an id each, and nothing that is waited for."""
    for _ in range(5):
        connection.execute("select pg_notify('somebody', '')")


def test_a_change_under_an_id_that_was_used_before_the_crash_reaches_the_device(
    lazy_cluster: Cluster, tmp_path: Path
) -> None:
    path = tmp_path / "till.db"
    with lazy_cluster.databases.database() as dsn, Stack(dsn, tmp_path) as stack:
        gateway = stack.gateway()
        with JobClient(path, gateway.url, token()) as client:
            job = client.submit("nobody's")
            client.sync(10)
        read, later = read_among_ids_that_are_on_no_disk(dsn, path, gateway.url)
        lazy_cluster.crash()
        lazy_cluster.start()
        with psycopg.connect(dsn, autocommit=True) as foreign:
            assert read <= next_id(foreign) < later, "it has forgotten ids, but none that was read"
            foreign.execute("update background_jobs set completed = true")
            while next_id(foreign) <= later:
                foreign.execute("select pg_current_xact_id()")
        gateway.ready()
        with JobClient(path, gateway.url, token()) as client:
            client.sync(10)
            assert client.get(job.id).completed
