"""A database that can't hold all text is refused before anything is in it."""

from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest

from jobferry_server.errors import ConfigurationError
from jobferry_server.migrate import migrate
from support.postgres import TestServer


@pytest.fixture
def octets(server: TestServer) -> Iterator[str]:
    """A database as ``initdb`` makes them where no locale is set."""
    name = f"octets_{uuid4().hex}"
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute(
            f"create database {name} template template0"
            " encoding 'SQL_ASCII' lc_collate 'C' lc_ctype 'C'".encode()
        )
        yield server.dsn_of(name)
        connection.execute(f"drop database {name}".encode())


def test_a_database_of_octets_is_refused_with_the_remedy(octets: str) -> None:
    with pytest.raises(ConfigurationError, match="SQL_ASCII, not in UTF8") as refused:
        migrate(octets)
    assert "createdb --encoding UTF8" in str(refused.value.hint)
    with psycopg.connect(octets) as connection:
        assert connection.execute("select to_regnamespace('jobferry')").fetchone() == (None,)
