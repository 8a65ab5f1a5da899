"""``python -m jobferry_demo.web FILE``: the page of the device whose file that is."""

from functools import partial
from pathlib import Path
from typing import Any

import click

from jobferry_demo.web.serving import Device, serve
from jobferry_server.run import run_until_signalled


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--url", envvar="JOBFERRY_URL", show_envvar=True, help="The gateway, ws://…")
@click.option("--token", envvar="JOBFERRY_TOKEN", show_envvar=True, help="Who you are.")
@click.option("--port", default=0, help="Port of the page, on loopback.  [default: a free one]")
@click.option("--name", default="This device", show_default=True, help="What the page calls it.")
@click.option("--looks", type=click.Choice(["teal", "violet"]), default="teal", show_default=True)
@click.option("--beside", multiple=True, help="Another device's page, http://127.0.0.1:PORT.")
def main(file: Path, port: int, **options: Any) -> None:
    """Serve the jobs in FILE as a page on this machine, until Ctrl-C or SIGTERM."""
    run_until_signalled(partial(serve, Device(path=file, **options), port))


if __name__ == "__main__":
    main(prog_name="python -m jobferry_demo.web")
