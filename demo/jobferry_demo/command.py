"""`jobferry demo`: the whole story, told in a terminal."""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from jobferry_demo.story.errors import DemoFailed
from jobferry_demo.story.hands import hand_over
from jobferry_demo.story.interrupts import Interrupted, Interrupts
from jobferry_demo.story.stage import Stage
from jobferry_demo.story.telling import tell

__all__ = ["demo"]


@click.command()
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep everything in this folder, a new one; otherwise nothing is kept.",
)
@click.option("--web", is_flag=True, help="Two devices to try it with in a browser, until Ctrl-C.")
def demo(data: Path | None, web: bool) -> None:
    """Watch the whole story on this machine, in half a minute.

    A device submits jobs offline, connects, cancels one, loses its gateway to kill -9 and gets every
    result. Everything is real: Postgres, gateway and processor are processes of their own, and are
    stopped however this ends. Exit code 0 says that all came back.

    With --web nothing is told: you drop photographs on two devices' pages, and cut their network.
    """
    stage = Stage.on_stdout()
    show = hand_over if web else tell
    with _exit_codes(stage), Interrupts() as interrupts, _folder(data) as folder:
        show(stage, folder, interrupts, kept=data is not None)


@contextmanager
def _exit_codes(stage: Stage) -> Iterator[None]:
    try:
        yield
    except Interrupted as interrupted:
        stage.note("interrupted; all that was started has been stopped")
        sys.exit(128 + interrupted.signal)
    except DemoFailed as failure:
        raise click.ClickException(f"the demo failed: {failure}") from failure


@contextmanager
def _folder(data: Path | None) -> Iterator[Path]:
    if data is None:
        # What was killed a moment ago may still be letting go of its files.
        with tempfile.TemporaryDirectory(prefix="jobferry-demo-", ignore_cleanup_errors=True) as f:
            yield Path(f).resolve()
        return
    data.mkdir(parents=True, exist_ok=True)
    if any(data.iterdir()):
        raise click.BadParameter(f"{data} is not empty: the demo wants a folder of its own")
    yield data.resolve()
