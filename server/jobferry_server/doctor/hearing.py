"""LISTEN by the very DSN that the parts get: a pooler in between makes it deaf, without an error."""

from collections.abc import Iterator
from uuid import uuid4

import psycopg

from jobferry_shared.findings import Finding, error, ok, warning

__all__ = ["examine"]

CONNECT_SECONDS = 5
ANSWER_SECONDS = 2.0
REMEDY = "--listen-dsn postgresql://… that leads to Postgres itself, here and for the parts"


def examine(dsn: str, pooled: bool, listen_dsn: str | None) -> Iterator[Finding]:
    """Say something as the parts do, and hear it where they do."""
    if pooled and listen_dsn is None:
        yield warning("listen", "no part listens: new work waits for the next look", REMEDY)
        return
    try:
        heard = _hears(listen_dsn or dsn, dsn)
    except psycopg.OperationalError as problem:
        where = "by --listen-dsn" if listen_dsn else "for it"
        yield error("listen", f"no connection {where}: {str(problem).splitlines()[0]}", REMEDY)
        return
    yield ok("listen", "what is said is heard") if heard else _deaf(listen_dsn)


def _deaf(listen_dsn: str | None) -> Finding:
    which = "--listen-dsn" if listen_dsn else "this DSN"
    why = "a pooler is in between" + (", or it is another database" if listen_dsn else "")
    says = f"LISTEN hears nothing by {which}, probably since {why}; all waits for the next look"
    return error("listen", says, REMEDY)


def _hears(listening: str, speaking: str) -> bool:
    channel = f"jobferry_doctor_{uuid4().hex}"
    with _connected(listening) as listener, _connected(speaking) as speaker:
        listener.execute(f"listen {channel}".encode())
        speaker.execute(f"notify {channel}".encode())
        return any(listener.notifies(timeout=ANSWER_SECONDS, stop_after=1))


def _connected(dsn: str) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(dsn, autocommit=True, connect_timeout=CONNECT_SECONDS)
