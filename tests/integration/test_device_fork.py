"""A child that inherits an open client is told so at once, and harms nothing."""

import subprocess
import sys
from pathlib import Path

from support.facts import outbox

FORK = """
import os, sys
from jobferry_client import ClientClosed, JobClient

with JobClient(sys.argv[1]) as client:
    if os.fork() == 0:
        try:
            client.submit()
        except ClientClosed as error:
            print(error, flush=True)
        with JobClient(sys.argv[1]) as mine:
            mine.submit()
        os._exit(0)
    os.wait()
    client.submit()
"""


def test_a_child_needs_a_client_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "till.db"
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORK, path],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("this client did not survive a fork\n", "")
    assert outbox(path) == 2
