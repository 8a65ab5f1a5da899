"""LISTEN by the very DSN that the parts get: a pooler in between makes it deaf, without an error."""

from collections.abc import Iterator
from uuid import uuid4

import psycopg
from psycopg.rows import DictRow

from jobferry_shared.findings import Finding, error, ok

__all__ = ["examine"]

Connection = psycopg.Connection[DictRow]

ANSWER_SECONDS = 2.0


def examine(_: Connection, dsn: str) -> Iterator[Finding]:
    """Say something on one connection and hear it on another."""
    channel = f"jobferry_doctor_{uuid4().hex}"
    with (
        psycopg.connect(dsn, autocommit=True) as listener,
        psycopg.connect(dsn, autocommit=True) as speaker,
    ):
        listener.execute(f"listen {channel}".encode())
        speaker.execute(f"notify {channel}".encode())
        heard = list(listener.notifies(timeout=ANSWER_SECONDS, stop_after=1))
    if heard:
        yield ok("listen", "what is said is heard")
    else:
        yield error(
            "listen",
            "LISTEN hears nothing by this DSN, probably since a pooler is in between; all waits for the next look",
            "give the parts a DSN that leads to Postgres itself (or a pooler in session mode)",
        )
