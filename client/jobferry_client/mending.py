"""Put back what somebody took out of a file: its triggers, and what they would have noted."""

from contextlib import closing
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from jobferry_client.file import open_file, write

__all__ = ["broken", "mend", "schema_of"]

SCHEMA = "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL"
FORGOTTEN = (
    "INSERT INTO _jobferry_outbox (op, job_id) SELECT 'submit', id FROM background_jobs"
    " WHERE status = 'pending' AND id NOT IN (SELECT job_id FROM _jobferry_outbox)"
    ' ORDER BY "timestamp", id'
)

Schema = dict[tuple[str, str], str]


def schema_of(database: Any | Database) -> Schema:
    """Triggers and indexes by their text, tables by their name: they grow with migrations."""
    return {
        (row["type"], row["name"]): "" if row["type"] == "table" else row["sql"]
        for row in database.execute(SCHEMA).fetchall()
    }


def broken(found: Schema) -> Schema:
    """What a file should have and has not, or has otherwise."""
    with closing(open_file(":memory:")) as model:
        wanted = schema_of(model)
    return {one: sql for one, sql in wanted.items() if found.get(one) != sql}


def mend(path: Path) -> list[str]:
    """Make missing and altered triggers and indexes anew, and note what they missed; what was done."""
    with closing(open_file(path)) as database, write(database):
        wrong = broken(schema_of(database))
        for (kind, name), sql in wrong.items():
            if sql:
                database.execute(f"DROP {kind} IF EXISTS {name}")
                database.execute(sql)
        noted = database.execute(FORGOTTEN).rowcount
    done = [f"made {kind} {name} anew" for (kind, name), sql in wrong.items() if sql]
    return done + ([f"put {noted} jobs into the outbox"] if noted else [])
