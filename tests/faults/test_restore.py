"""Postgres restored from an older backup, or replaced: nothing that a device still has is lost.

Every kind of restore that an operator may choose, each with a real second state of the database.
"""

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from jobferry_client import JobClient, Status, Timing
from support.cluster import Cluster
from support.dumps import dump, load
from support.facts import Ledger, differences, local_rows
from support.postgres import TestServer
from support.processes import eventually
from support.services import Services, token

SOON = 20
QUICK = Timing(heartbeat=0.5, silence=10)


class Story:
    """A device that submits before and after the backup is taken."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.payloads = {"before", "after", "unsent"}

    def device(self, url: str) -> JobClient:
        return JobClient(self.path, url, token(), timing=QUICK)

    def before(self, url: str) -> None:
        """One job that the backup will have."""
        with self.device(url) as client:
            client.submit("t", {"n": "before"})
            client.sync(SOON)

    def after(self, url: str, dsn: str) -> None:
        """Two that it will not have, of which one has ended; one is not even sent."""
        with self.device(url) as client:
            ended = client.submit("t", {"n": "ended"})
            client.submit("t", {"n": "after"})
            client.sync(SOON)
            Ledger(dsn).ask(
                "update background_jobs set completed = true, result = '7' where id = %(id)s",
                id=ended.id,
            )
            assert client.wait(ended.id, SOON).result == 7
        with JobClient(self.path) as offline:
            offline.submit("t", {"n": "unsent"})

    def check(self, dsn: str) -> None:
        """All that is unfinished is there once, and nothing has run that had ended."""
        ledger = Ledger(dsn)
        assert sorted(row["payload"]["n"] for row in ledger.rows().values()) == sorted(
            self.payloads
        )
        (ended,) = (job for job, row in local_rows(self.path).items() if row["result"] == 7)
        assert differences(self.path, ledger) == [f"{ended} is only here"]
        assert local_rows(self.path)[ended]["status"] == Status.COMPLETED


@pytest.fixture
def story(device_file: Callable[[str], Path]) -> Story:
    return Story(device_file("till"))


def test_a_copy_taken_earlier_in_its_place(
    server: TestServer, dsn: str, services: Services, story: Story
) -> None:
    with services.gateway() as url:
        story.before(url)
    with server.database(copy=dsn) as copy:
        with services.gateway() as url:
            story.after(url, dsn)
        with Services(copy) as others, others.gateway() as url, story.device(url) as client:
            client.sync(SOON)
            story.check(copy)


def test_all_of_an_owner_s_devices_send_again_and_each_job_is_one(
    server: TestServer, dsn: str, services: Services, device_file: Callable[[str], Path]
) -> None:
    paths = [device_file(name) for name in ("till", "office")]
    with server.database(copy=dsn) as copy, services.gateway() as url:
        with JobClient(paths[0], url, token()) as till, JobClient(paths[1], url, token()) as office:
            jobs = [till.submit("t", {"n": 1}).id, office.submit("t", {"n": 2}).id]
            till.sync(SOON)
            office.sync(SOON)
            eventually(lambda: [len(one.jobs()) for one in (till, office)] == [2, 2])
        with Services(copy) as others, others.gateway() as url:
            # The author of the second never comes back.
            with JobClient(paths[0], url, token()) as till:
                till.sync(SOON)
            assert differences(paths[0], Ledger(copy)) == []
            assert set(Ledger(copy).rows()) == {str(job) for job in jobs}
            with JobClient(paths[1], url, token()) as office:
                office.sync(SOON)
            assert differences(paths[1], Ledger(copy)) == []
            assert len(Ledger(copy).events("submitted")) == 2
            assert set(Ledger(copy).events("submitted").values()) == {1}


def test_what_was_pruned_before_the_backup_is_not_sent_again(
    server: TestServer, dsn: str, services: Services, device_file: Callable[[str], Path]
) -> None:
    path = device_file("till")
    with services.gateway() as url, JobClient(path, url, token()) as client:
        job = client.submit("t", {})
        client.sync(SOON)
    ledger = Ledger(dsn)
    # While the device is away the job ends and is pruned: here by hand, which buries it too.
    ledger.ask("delete from public.background_jobs where id = %(id)s", id=job.id)
    with server.database(copy=dsn) as copy, Services(copy) as others, others.gateway() as url:
        with JobClient(path, url, token()) as client:
            client.sync(SOON)
            assert client.jobs() == []
        assert Ledger(copy).count() == 0


def test_a_dump_restored_into_the_same_database_under_a_connected_device(
    dsn: str, services: Services, story: Story
) -> None:
    with services.gateway(silence_seconds=3) as url:
        story.before(url)
        earlier = dump(dsn, "--clean", "--if-exists")
        story.after(url, dsn)
        with story.device(url) as client:
            client.sync(SOON)
            load(earlier, dsn)
            # Nobody says anything to anybody: the gateway finds out.
            eventually(lambda: Ledger(dsn).count() == len(story.payloads))
            client.sync(SOON)
            # What was sent between backup and restore is lost there, and not here.
            story.check(dsn)


def burn(dsn: str, transactions: int) -> None:
    """Use up transaction ids."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("set synchronous_commit = off")
        connection.execute(
            f"do $$ begin for n in 1 .. {transactions}"
            " loop perform pg_current_xact_id(); commit; end loop; end $$".encode()
        )


def next_id(dsn: str) -> int:
    return int(Ledger(dsn).one("select pg_snapshot_xmax(pg_current_snapshot())::text::bigint"))


@pytest.fixture
def older(server: TestServer, cluster: Cluster, dsn: str) -> str:
    """The test's database, in a cluster that has seen far more transactions than another."""
    ahead = next_id(cluster.databases.dsn) + 5000 - next_id(dsn)
    if ahead > 0:
        burn(dsn, ahead)
    return dsn


def test_a_dump_in_a_younger_cluster(
    older: str,
    cluster: Cluster,
    services: Services,
    story: Story,
    device_file: Callable[[str], Path],
) -> None:
    with services.gateway() as url:
        story.before(url)
        with psycopg.connect(older, autocommit=True) as connection:
            connection.execute("update jobferry.retention set forgotten = pg_current_xact_id()")
            connection.execute("insert into jobferry.tombstones values (gen_random_uuid(), 'anna')")
        earlier = dump(older)
        story.after(url, older)
    with cluster.databases.database(migrated=False) as young:
        load(earlier, young)
        assert Ledger(young).count("version > pg_snapshot_xmax(pg_current_snapshot())") == 1
        with Services(young) as others, others.gateway() as url:
            with story.device(url) as client:
                client.sync(SOON)
                story.check(young)
            # And a new device sees what was restored, and is told once.
            new = device_file("new")
            with JobClient(new, url, token()) as client:
                client.sync(SOON)
                assert differences(new, Ledger(young)) == []
                client.submit("t", {})
                client.sync(SOON)


SWEEP = 1 / 3


def wait_until_looked(dsn: str) -> None:
    """Return once a gateway with ``silence_seconds=3`` has gone on its round."""
    ledger = Ledger(dsn)
    now = ledger.one("select clock_timestamp()")
    at_work = (
        "select max(state_change) > %(now)s + make_interval(secs => %(sweep)s)"
        " from pg_stat_activity where application_name = 'jobferry_gateway'"
    )
    eventually(lambda: ledger.one(at_work, now=now, sweep=1.5 * SWEEP), every=0.02)


def test_the_disk_put_back_under_a_gateway(cluster: Cluster, tmp_path: Path, story: Story) -> None:
    """It leaves no trace in the database, but the gateway remembers how far that had come."""
    with (
        cluster.databases.database() as dsn,
        Services(dsn) as services,
        services.gateway(silence_seconds=3) as url,
    ):
        story.before(url)
        epoch = Ledger(dsn).one("select jobferry.epoch()")
        put_back = cluster.snapshot(tmp_path)
        # Hours of work, as far as the log can tell.
        Ledger(dsn).one("select pg_logical_emit_message(false, '', repeat('x', 5000000))::text")
        story.after(url, dsn)
        wait_until_looked(dsn)
        put_back()
        eventually(lambda: Ledger(dsn).one("select jobferry.epoch()") != epoch)
        with story.device(url) as client:
            client.sync(SOON)
            story.check(dsn)


def test_the_disk_put_back_while_no_gateway_ran(
    cluster: Cluster, tmp_path: Path, story: Story
) -> None:
    """Then the device's own cursor tells, as long as the database has not come so far again."""
    with cluster.databases.database() as dsn, Services(dsn) as services:
        with services.gateway() as url:
            story.before(url)
        put_back = cluster.snapshot(tmp_path)
        burn(dsn, 2000)
        with services.gateway() as url:
            story.after(url, dsn)
        epoch = Ledger(dsn).one("select jobferry.epoch()")
        put_back()
        assert Ledger(dsn).one("select jobferry.epoch()") == epoch
        with services.gateway() as url, story.device(url) as client:
            client.sync(SOON)
            story.check(dsn)


def test_vacuum_leaves_the_epoch_as_it_is(dsn: str) -> None:
    ledger = Ledger(dsn)
    before = ledger.one("select jobferry.epoch()")
    ledger.ask("vacuum full freeze jobferry.identity")
    assert ledger.one("select jobferry.epoch()") == before


def test_only_one_of_two_begins_a_new_epoch(dsn: str) -> None:
    ledger = Ledger(dsn)
    was = ledger.one("select jobferry.epoch()")
    assert ledger.one("select jobferry.begin_epoch(%(was)s)", was=was)
    now = ledger.one("select jobferry.epoch()")
    assert now != was
    assert not ledger.one("select jobferry.begin_epoch(%(was)s)", was=was)
    assert ledger.one("select jobferry.epoch()") == now
