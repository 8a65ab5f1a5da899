"""The work: is it done, by whom, and what stays lying."""

from collections.abc import Iterator, Mapping
from typing import Any

import psycopg
from psycopg.rows import DictRow

from jobferry_server.doctor.roles import act_as_reader
from jobferry_shared.findings import Finding, error, ok, warning

__all__ = ["examine"]

Connection = psycopg.Connection[DictRow]

OLD_SECONDS = 600.0
#: As jobferry.compact_queue decides; twice as many are more than it waits for.
MANY_DEAD = 200_000
RUN = "jobferry processor MODULE:OBJECT --dsn postgresql://…"


def examine(connection: Connection) -> Iterator[Finding]:
    """All of it, from the figures that the metrics show."""
    act_as_reader(connection)
    row = connection.execute(b"select jobferry.figures() as figures").fetchone()
    assert row is not None
    figures: Mapping[str, Any] = row["figures"]
    yield _processors(figures)
    yield from _unserved(figures)
    yield _oldest(figures)
    yield _compaction(figures)
    yield _devices(figures["devices"])


def _processors(figures: Mapping[str, Any]) -> Finding:
    alive, jobs = figures["processors"], sum(figures["queue"].values())
    if alive:
        return ok("processors", f"{alive} were seen within the last minute")
    if figures["queue"].keys() - set(figures["delegated"]):
        return error("processors", f"none is alive, and {jobs} jobs are unfinished", RUN)
    return warning("processors", "none is alive", RUN)


def _unserved(figures: Mapping[str, Any]) -> Iterator[Finding]:
    served = {*figures["offered"], *figures["delegated"]}
    unserved = {task: jobs for task, jobs in figures["queue"].items() if task not in served}
    for task, jobs in sorted(unserved.items(), key=lambda item: -item[1])[:10]:
        yield warning("tasks", f"{jobs} jobs are of task {task!r}, which no processor offers", RUN)
    if not unserved:
        yield ok("tasks", "every unfinished job has somebody who offers its task")


def _oldest(figures: Mapping[str, Any]) -> Finding:
    waited = figures["oldest_waiting"] or 0
    if waited > OLD_SECONDS:
        return warning(
            "waiting",
            f"a due job has waited for {waited / 60:.0f} minutes and nobody has taken it",
            "jobferry jobs ls --status queued --dsn postgresql://…",
        )
    unfinished = sum(figures["queue"].values())
    return ok("waiting", f"{unfinished} jobs are unfinished, and no due job waits for long")


def _compaction(figures: Mapping[str, Any]) -> Finding:
    dead = figures["dead"]
    if dead < MANY_DEAD or dead < 20 * sum(figures["queue"].values()):
        return ok("queue", f"{dead} dead rows")
    return warning(
        "queue",
        f"{dead} dead rows make claims slow: an old snapshot keeps vacuum away, and a reader our compaction",
        "end the old transactions, then: VACUUM jobferry.queue;",
    )


def _devices(devices: Mapping[str, Any]) -> Finding:
    stuck = devices["oldest_pending"] or 0
    if devices["pending"] and stuck > OLD_SECONDS:
        return warning(
            "devices",
            f"{devices['pending']} of {devices['known']} devices had something unsent when last heard,"
            f" the oldest for {stuck / 60:.0f} minutes",
            "jobferry devices --pending",
        )
    return ok(
        "devices", f"{devices['known']} are known, {devices['pending']} have something unsent"
    )
