"""``jobferry client``: the device's jobs from the command line."""

import dataclasses
import json
import os
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from pathlib import Path
from ssl import SSLContext
from typing import Any, TypeVar, cast
from uuid import UUID

import click

from jobferry_client.client import JobClient
from jobferry_client.live import LOOK_SECONDS, changed_lines, in_words, show_live, wait_shown
from jobferry_client.mending import mend
from jobferry_client.output import console, job_json, job_lines, job_table
from jobferry_client.state import ClientStatus
from jobferry_client.tls import tls_context
from jobferry_shared import strict_json
from jobferry_shared.durations import parse_duration
from jobferry_shared.errors import InvalidJSON
from jobferry_shared.job import DEFAULT_TASK, MAX_ATTEMPTS, Job
from jobferry_shared.states import Status

__all__ = ["client"]

F = TypeVar("F", bound=Callable[..., Any])

#: What the ledger's columns hold.
SMALL = click.IntRange(-(2**15), 2**15 - 1)
ATTEMPTS = click.IntRange(1, 2**15 - 1)

file = click.argument("db", type=click.Path(dir_okay=False, path_type=Path), envvar="JOBFERRY_DB")
known = click.argument(
    "db", type=click.Path(exists=True, dir_okay=False, path_type=Path), envvar="JOBFERRY_DB"
)
url = click.option("--url", envvar="JOBFERRY_URL", show_envvar=True, help="The gateway, ws://…")
token = click.option("--token", envvar="JOBFERRY_TOKEN", show_envvar=True, help="Who you are.")
ca = click.option(
    "--ca",
    envvar="JOBFERRY_CA",
    show_envvar=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="For wss://: PEM file of the authorities to trust.  [default: the system's]",
)
certificate = click.option(
    "--certificate",
    envvar="JOBFERRY_CERTIFICATE",
    show_envvar=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="For wss://: PEM file of a certificate and its key, if the gateway wants one.",
)
as_json = click.option("--json", "as_json", is_flag=True, help="JSON lines, for programs.")


class OnJob(click.Command):
    """A command on one job, whose file may come from the environment though the id follows it."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """With one argument too few, the first is the file of the environment."""
        try:
            return super().parse_args(ctx, list(args))
        except click.MissingParameter:
            if "JOBFERRY_DB" not in os.environ:
                raise
            ctx.params.clear()
            return super().parse_args(ctx, [os.environ["JOBFERRY_DB"], *args])


def online(command: F) -> F:
    """The options of a command that may connect. It gets ``url``, ``token`` and ``tls``."""

    @wraps(command)
    def secured(*, ca: Path | None, certificate: Path | None, **options: Any) -> Any:
        tls = tls_context(ca, certificate) if ca or certificate else None
        return command(tls=tls, **options)

    return cast(F, url(token(ca(certificate(secured)))))


@click.group()
def client() -> None:
    """Work with the jobs in a device's file DB (or $JOBFERRY_DB), online or not.

    Any program that can write SQLite can do the same: INSERT INTO background_jobs (payload)
    submits, UPDATE … SET cancelled = 1 cancels.
    """


@client.command()
@file
@click.option("--mend", "wanted", is_flag=True, help="Put back triggers, and what they missed.")
@as_json
def init(db: Path, wanted: bool, as_json: bool) -> None:
    """Make the file, or migrate it."""
    mended = list(mend(db)) if wanted else []
    with JobClient(db) as opened:
        device = str(opened.status().client_id)
    if as_json:
        click.echo(json.dumps({"file": str(db), "client_id": device, "mended": mended}))
        return
    for done in mended:
        click.echo(f"{db}: {done}")
    click.echo(f"{db}: ready, device {device}")


@client.command()
@file
@click.option("--task", default=DEFAULT_TASK, show_default=True, help="Which handler.")
@click.option("--payload", default="null", help="JSON, @FILE with JSON, or - for standard input.")
@click.option("--priority", type=SMALL, default=0, show_default=True, help="Lower runs first.")
@click.option("--queue", "queue_name", help="Jobs of one queue run one at a time.")
@click.option("--max-attempts", type=ATTEMPTS, default=MAX_ATTEMPTS, show_default=True)
@click.option("--wait", is_flag=True, help="Connect, and wait for the result.")
@click.option("--timeout", type=float, help="Wait no longer than this many seconds.")
@as_json
@online
def submit(
    db: Path,
    task: str,
    payload: str,
    priority: int,
    queue_name: str | None,
    max_attempts: int,
    wait: bool,
    timeout: float | None,
    as_json: bool,
    url: str | None,
    token: str | None,
    tls: SSLContext | None,
) -> None:
    """Submit a job. It is durable in DB when the command returns; a gateway is not needed."""
    value = strict_json.parse(_read(payload))
    if wait and not url:
        raise click.UsageError("--wait needs a gateway: --url or JOBFERRY_URL")
    with JobClient(db, url if wait else None, token, tls=tls) as opened:
        job = opened.submit(
            task, value, priority=priority, queue_name=queue_name, max_attempts=max_attempts
        )
        if wait:
            job = wait_shown(opened, job, timeout, quiet=as_json)
        _print(job, as_json)
    if wait and job.status is not Status.COMPLETED:
        sys.exit(1)


@client.command()
@known
@click.option("--limit", type=click.IntRange(1), default=10, show_default=True)
@click.option("--status", type=click.Choice([status.value for status in Status]))
@click.option("--task")
@as_json
def ls(db: Path, limit: int, status: str | None, task: str | None, as_json: bool) -> None:
    """List the newest jobs."""
    with JobClient(db) as opened:
        _print_all(opened.jobs(limit, status, task), as_json)


@client.command(cls=OnJob)
@file
@click.argument("job_id", type=click.UUID)
@as_json
def show(db: Path, job_id: UUID, as_json: bool) -> None:
    """Show one job in full."""
    with JobClient(db) as opened:
        _print(opened.get(job_id), as_json)


@client.command()
@file
@click.option("--limit", type=click.IntRange(1), default=10, show_default=True)
@as_json
@online
def watch(
    db: Path, limit: int, as_json: bool, url: str | None, token: str | None, tls: SSLContext | None
) -> None:
    """Watch the newest jobs until interrupted.

    A table with bars in a terminal, elsewhere a line for each change; with --json one line per list.
    """
    with JobClient(db, url, token, tls=tls) as opened:
        lists = opened.watch(limit)
        if as_json:
            for jobs in lists:
                click.echo("[" + ", ".join(job_json(job) for job in jobs) + "]")
        elif (shown_on := console()).is_terminal:
            show_live(shown_on, opened, lists)
        else:
            for line in changed_lines(lists):
                click.echo(line)


@client.command(cls=OnJob)
@file
@click.argument("job_id", type=click.UUID)
@as_json
def cancel(db: Path, job_id: UUID, as_json: bool) -> None:
    """Cancel a job: unsent, waiting or running. It is told with the next sync."""
    with JobClient(db) as opened:
        _print(opened.cancel(job_id), as_json)


@client.command()
@file
@click.option("--once", is_flag=True, help="Return when both sides are in step.")
@click.option("--timeout", type=float, default=60.0, show_default=True, help="For --once.")
@click.option(
    "--keep",
    envvar="JOBFERRY_KEEP",
    show_envvar=True,
    help="Drop jobs from DB this long after they finished, such as 30d (s, m, h, d, w).",
)
@as_json
@online
def sync(
    db: Path,
    once: bool,
    timeout: float,
    keep: str | None,
    as_json: bool,
    url: str | None,
    token: str | None,
    tls: SSLContext | None,
) -> None:
    """Keep DB in step with the gateway, until interrupted or once.

    Says how it stands each time that changes; with --json one object a line.
    """
    if not url:
        raise click.UsageError("a gateway is wanted: --url or JOBFERRY_URL")
    with JobClient(db, url, token, keep=_keep(keep), tls=tls) as opened:
        if once:
            try:
                status = opened.sync(timeout)
            except TimeoutError as error:
                raise click.ClickException(str(error)) from error
            words = f"in step: {status.pending} unsent, {status.rejected} rejected"
            click.echo(_status_json(status) if as_json else words)
            return
        last = ""
        while True:
            if (now := in_words(status := opened.status())) != last:
                click.echo(_status_json(status) if as_json else now)
            last = now
            time.sleep(LOOK_SECONDS)


@client.command()
@known
@as_json
def status(db: Path, as_json: bool) -> None:
    """Show what is unsent, since when, and what was rejected."""
    with JobClient(db) as opened:
        found = opened.status()
    if as_json:
        click.echo(_status_json(found))
        return
    for name in (
        "client_id",
        "owner",
        "pending",
        "oldest_pending_age",
        "rejected",
        "last_synced_at",
    ):
        value = getattr(found, name)
        click.echo(f"{name:>20}  {'none' if value is None else value}")


def _status_json(status: ClientStatus) -> str:
    return json.dumps(dataclasses.asdict(status), default=str)


def _keep(text: str | None) -> timedelta | None:
    try:
        return parse_duration(text) if text else None
    except ValueError as error:
        raise click.UsageError(f"--keep: {error}") from error


def _read(payload: str) -> str:
    try:
        if payload == "-":
            return sys.stdin.buffer.read().decode()
        if payload.startswith("@"):
            return Path(payload[1:]).read_text(encoding="utf-8")
    except OSError as error:
        raise click.UsageError(f"--payload: {error}") from error
    except UnicodeDecodeError as error:
        raise InvalidJSON(f"not valid UTF-8 at octet {error.start}") from error
    return payload


def _print(job: Job, as_json: bool) -> None:
    click.echo(job_json(job) if as_json else job_lines(job))


def _print_all(jobs: list[Job], as_json: bool) -> None:
    if as_json:
        for job in jobs:
            click.echo(job_json(job))
    else:
        shown_on = console()
        shown_on.print(job_table(jobs, shown_on))
