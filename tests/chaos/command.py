"""The command: how long, from which seed, and which faults."""

import random
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

import click
from rich.console import Console

from chaos.bugs import BUGS, FENCELESS
from chaos.faults import KINDS
from chaos.report import summary, troubles
from chaos.scene import Size
from chaos.storm import Chaos, run
from jobferry_client.backoff import CAP_SECONDS
from support.cluster import own_cluster

__all__ = ["main"]

#: Columns where there is no terminal to ask.
WIDTH = 120


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--minutes", type=click.FloatRange(min=0.05), default=1.0, show_default=True)
@click.option("--seed", type=int, help="To have a run again.  [default: by chance]")
@click.option("--every", default=0.4, show_default=True, help="Seconds from fault to fault.")
@click.option(
    "--owners", type=click.IntRange(2), default=3, show_default=True, help="Two devices each."
)
@click.option(
    "--cap", default=CAP_SECONDS, show_default=True, help="Longest pause between a device's tries."
)
@click.option(
    "--only",
    "kinds",
    multiple=True,
    type=click.Choice(list(KINDS)),
    help="Only this fault, or these.",
)
@click.option("--bug", type=click.Choice([*BUGS, FENCELESS]), help="With a bug that must be found.")
@click.option("--logs", type=click.File("w"), help="Also write what every part has logged here.")
def main(
    minutes: float,
    seed: int | None,
    every: float,
    owners: int,
    cap: float,
    kinds: Sequence[str],
    bug: str | None,
    logs: TextIO | None,
) -> None:
    """Let everything go wrong on real processes, heal it, and tell what came of it.

    Devices write and cancel jobs while processes are killed and stopped, Postgres goes down, lines break
    and disks fill. In the end nothing may be lost, doubled, out of order or somebody else's, and every
    device must equal the ledger without a restart of anything that was not killed.

    Postgres is the embedded one, in a temporary folder. What this machine does not permit is left out
    and said so: disks and networks of their own are root's. Exit code 1 if anything is wrong.
    """
    # Also then everything is to be healed and taken down.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    seed = random.SystemRandom().getrandbits(32) if seed is None else seed
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    chaos = Chaos(
        seed=seed,
        seconds=minutes * 60,
        every=every,
        size=Size(owners=owners, cap=cap),
        kinds=tuple(kinds or KINDS),
        bug=bug,
    )
    with (
        console.status(f"{minutes:g} minutes of chaos, seed {seed}"),
        tempfile.TemporaryDirectory(prefix="jobferry-chaos-") as folder,
        own_cluster() as cluster,
    ):
        report = run(cluster, Path(folder), chaos)
    if logs:
        logs.write("\n".join(report.logs))
    console.print(summary(report))
    for trouble in troubles(report):
        console.print(trouble, style="red", markup=False)
    sys.exit(not report.sound)
