"""All SQL of Jobferry as files, and the few lines that read them.

``postgres/NNNN_*.sql`` and ``sqlite/NNNN_*.sql`` are numbered migrations, each immutable once
released; ``queries/*.sql`` are the longer statements that Python sends; ``compat/*.sql`` put other
queues' names over ours. Every file opens with its story.
"""

from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files

__all__ = ["COMPAT", "Migration", "compat", "migrations", "query"]

#: The queues whose names can be put over ours.
COMPAT = ("graphile_worker", "app_jobs")


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered step of a schema."""

    version: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the text, as hex: an applied migration must never change."""
        return sha256(self.sql.encode()).hexdigest()


@cache
def migrations(dialect: str) -> tuple[Migration, ...]:
    """The migrations of ``"postgres"`` or ``"sqlite"``, in order, numbered from 1 without gaps."""
    found = sorted(
        (entry for entry in (files(__name__) / dialect).iterdir() if entry.name.endswith(".sql")),
        key=lambda entry: entry.name,
    )
    return tuple(
        Migration(int(entry.name[:4]), entry.name[5:-4], entry.read_text(encoding="utf-8"))
        for entry in found
    )


@cache
def query(name: str) -> str:
    """The text of ``queries/<name>.sql``."""
    return (files(__name__) / "queries" / f"{name}.sql").read_text(encoding="utf-8")


@cache
def compat(name: str) -> str:
    """The text of ``compat/<name>.sql``, one of :data:`COMPAT`."""
    return (files(__name__) / "compat" / f"{name}.sql").read_text(encoding="utf-8")
