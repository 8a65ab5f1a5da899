"""The acts before the device connects."""

from pathlib import Path

from jobferry_client import JobClient
from jobferry_demo.story import errands
from jobferry_demo.story.ledger import Ledger
from jobferry_demo.story.servers import Servers
from jobferry_demo.story.sight import job_table, look
from jobferry_demo.story.stage import Stage

__all__ = ["start_the_server_side", "submit_offline"]


def start_the_server_side(stage: Stage, servers: Servers) -> None:
    """Postgres, gateway, processor."""
    stage.act(
        "The server side",
        "Postgres holds the [b]ledger[/b], a row for every job, and the [b]queue[/b] of those still"
        " to run. The [b]gateway[/b] is what devices talk to; a [b]processor[/b] runs an"
        " application's [b]tasks[/b].",
    )
    ledger = stage.step("Postgres starts", lambda: _start_postgres(servers))
    stage.step("the gateway starts", lambda: _start_gateway(servers))
    stage.step("the processor starts", lambda: _start_processor(servers, ledger))
    stage.pause(2)


def submit_offline(stage: Stage, path: Path) -> None:
    """The application and a program of somebody else put jobs into the device's file."""
    stage.act(
        "A device without a network",
        "A [b]job[/b] is a row in the [b]device[/b]'s own SQLite file. The same transaction notes it"
        " in the [b]outbox[/b]: what the server has not acknowledged yet.",
    )
    with JobClient(path) as client:
        jobs = client.submit_many(errands.errands())
        stage.tick(f"{len(jobs)} jobs submitted by the application, with no server in reach")
        errands.insert_by_a_foreign_program(path)
        stage.tick("1 more by another program, which knows SQL and nothing of Jobferry:")
        stage.code(errands.FOREIGN_SQL)
        sight = look(client)
    stage.blank()
    stage.show(job_table(sight.jobs))
    stage.blank()
    stage.note(f"{len(sight.jobs)} jobs in the file, {sight.status.pending} in the outbox")
    stage.pause(3)


def _start_postgres(servers: Servers) -> tuple[Ledger, str]:
    servers.start_postgres()
    migrations = servers.make_ledger()
    ledger = Ledger(servers.dsn)
    return ledger, f"Postgres {ledger.version()} with ledger and queue ({migrations} migrations)"


def _start_gateway(servers: Servers) -> tuple[None, str]:
    servers.start_gateway()
    return None, f"gateway at {servers.url}, pid {servers.gateway.pid}"


def _start_processor(servers: Servers, ledger: Ledger) -> tuple[None, str]:
    servers.start_processor()
    servers.processor.wait_until(lambda: bool(ledger.tasks()))
    return None, f"processor for {', '.join(ledger.tasks())}"
