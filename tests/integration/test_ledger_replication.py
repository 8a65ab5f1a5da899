"""Rows that logical replication applies: nobody's session, and no statement."""

from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest
from psycopg.types.json import Json

from integration.database import Database, Ear
from integration.test_ledger_recipe import INSERT
from support.cluster import Cluster, own_cluster
from support.processes import eventually


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with own_cluster(wal_level="logical") as found:
        yield found


def test_rows_that_arrive_by_logical_replication_are_covered(cluster: Cluster) -> None:
    with (
        cluster.databases.database() as dsn,
        cluster.databases.database(migrated=False) as elsewhere,
        Database(dsn) as db,
        Ear(dsn) as ear,
        Database(elsewhere) as publisher,
    ):
        publisher.do(
            "create table background_jobs (id uuid primary key not null, timestamp timestamptz not"
            " null, payload jsonb not null, completed boolean not null, cancelled boolean not null,"
            " progress real not null, result jsonb)"
        )
        publisher.do("create publication ferry for table background_jobs")
        publisher.do("select pg_create_logical_replication_slot('ferry', 'pgoutput')")
        # One cluster that subscribes to itself has to make the slot by itself.
        db.connection.execute(
            "create subscription ferry connection"
            f" '{psycopg.conninfo.make_conninfo(elsewhere)}' publication ferry"
            " with (create_slot = false, slot_name = ferry, copy_data = false)".encode()
        )
        try:
            job = uuid4()
            publisher.do(INSERT, job, Json({"n": 1}))
            eventually(lambda: set(db.queue()) == {job})
            assert db.events(job) == ["submitted"]
            eventually(lambda: any(row["id"] == str(job) for row in ear.rows()))
            publisher.do("update background_jobs set cancelled = true where id = %s", job)
            eventually(lambda: db.status(job) == "cancelled")
            assert db.queue() == {}
        finally:
            db.do("alter subscription ferry disable")
            db.do("alter subscription ferry set (slot_name = none)")
            db.do("drop subscription ferry")
            publisher.do("drop publication ferry")
            eventually(lambda: publisher.value("select not active from pg_replication_slots"))
            publisher.do("select pg_drop_replication_slot('ferry')")
