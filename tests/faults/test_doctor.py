"""What the doctor says of a whole server that is set up to lose data, and of a replica."""

from collections.abc import Iterator

import psycopg
import pytest

from jobferry_server.doctor import examine, health
from jobferry_shared.findings import Finding, Level
from support.cluster import Cluster, own_cluster


@pytest.fixture(scope="module")
def careless() -> Iterator[Cluster]:
    """A server that does not keep what it promises."""
    with own_cluster(fsync="off", autovacuum="off", max_prepared_transactions="2") as found:
        yield found


def found_by(dsn: str) -> dict[str, Finding]:
    return {finding.check: finding for finding in examine(dsn)}


def test_settings_and_prepared_transactions(
    careless: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "OLD_MINUTES", 0)
    with careless.databases.database() as dsn:
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute("begin; select pg_current_xact_id(); prepare transaction 'it''s'")
            found = found_by(dsn)
            assert found["setting fsync"].level is Level.ERROR
            assert found["setting autovacuum"].level is Level.WARNING
            assert found["setting full_page_writes"].level is Level.OK
            assert found["prepared transactions"].level is Level.WARNING
            connection.execute(str(found["prepared transactions"].mend).encode())
        assert found_by(dsn)["prepared transactions"].level is Level.OK


def test_a_replica(careless: Cluster) -> None:
    with careless.databases.database() as dsn:
        assert found_by(dsn)["primary"].level is Level.OK
        with careless.as_replica():
            found = found_by(dsn)
        assert found["primary"].level is Level.ERROR
        assert found["triggers"].level is Level.OK
