"""The command: what to measure, how often, and where to write it."""

import json
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TextIO

import click
from rich.console import Console

from benchmarks.bench import FULL, QUICK, Bench
from benchmarks.run import BY_NAME, MEASURES, Run
from jobferry_server.run import allow_many_files
from support.postgres import open_server

__all__ = ["main"]

REPETITIONS = 3
#: Columns where there is no terminal to ask.
WIDTH = 200


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("names", nargs=-1, metavar="[NAME]...", type=click.Choice(list(MEASURES)))
@click.option("--quick", is_flag=True, help="Small and once: does it work, about how fast?")
@click.option("--repeat", type=click.IntRange(1), help="Repetitions.  [default: 3; quick: 1]")
@click.option("--json", "lines", type=click.File("w"), help="Also write JSON lines here.")
def main(names: Sequence[str], quick: bool, repeat: int | None, lines: TextIO | None) -> None:
    """Measure speed and memory, each beside what the raw pieces do in the same run.

    NAME is one of backlog, processing, circle, latency, download, memory, idle (without a name all
    of these); queue, which compares with other queues for Postgres; claim and dashboard, beside millions of jobs;
    steady, ten minutes of work under somebody's old snapshot; or, of a gateway and many devices,
    ingest, fairness, connections, active, stalled and storm.

    Everything runs on this machine: SQLite in a temporary folder (TMPDIR says where), Postgres from
    JOBFERRY_TEST_DSN, a container or the embedded one, real processes between. For figures that
    mean something the machine must have nothing else to do; the report says if it had.

    Exit code 1 if something could not be measured. A bar that is missed is only reported.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    allow_many_files()
    console = Console(width=None if sys.stdout.isatty() else WIDTH)

    def write(said: Mapping[str, object]) -> None:
        if lines:
            print(json.dumps(said), file=lines, flush=True)

    with tempfile.TemporaryDirectory(prefix="jobferry-bench-") as folder, open_server() as server:
        run = Run(Bench(server, Path(folder), QUICK if quick else FULL, write), console)
        run.describe()
        for name in names or [name for name in MEASURES if name not in BY_NAME]:
            run.measure(name, repeat or (1 if quick else REPETITIONS))
    run.print()
    sys.exit(run.failed)
