"""Graphile Worker, where npm has it: through its SQL functions and its own runner on Node."""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.bench import BREATH_SECONDS, Bench
from benchmarks.process import Child
from benchmarks.queues.contender import BySQL
from support.node import Node, NodeMissing, node_environment

__all__ = ["graphile_worker"]

SCRIPT = Path(__file__).parent / "graphile.mjs"
ADD_ONE = "select from graphile_worker.add_job($1, $2::json)"
ADD_MANY = """
select count(*) from graphile_worker.add_jobs(array(
  select row($1, body::json, null, null, null, null, null, null)::graphile_worker.job_spec
  from unnest($2::text[]) body))
"""


class GraphileWorker(BySQL):
    """With a local queue of 500 and completions that are not delayed."""

    name = "Graphile Worker"
    table = "graphile_worker._private_jobs"
    add_one = ADD_ONE
    add_many = ADD_MANY
    unfinished = "select from graphile_worker._private_jobs"

    def __init__(self, node: Node) -> None:
        self._node = node

    @contextmanager
    def database(self, bench: Bench) -> Iterator[str]:
        """Installed by itself."""
        with bench.server.database(migrated=False) as dsn:
            environment = node_environment(dsn)
            with bench.command(*self._node.command(SCRIPT.name), "install", **environment) as done:
                done.line()
            yield dsn

    @contextmanager
    def worker(self, bench: Bench, dsn: str) -> Iterator[Child]:
        """Its runner."""
        command = (*self._node.command(SCRIPT.name), "work")
        with bench.command(*command, **node_environment(dsn)) as worker:
            worker.line()
            time.sleep(2 * BREATH_SECONDS)
            yield worker


def graphile_worker(bench: Bench) -> list[GraphileWorker]:
    """None of it where there is no Node."""
    node = Node(bench.folder / "node")
    if not (node.folder / "node_modules").exists():
        try:
            node.install()
        except NodeMissing:
            return []
        shutil.copy(SCRIPT, node.folder)
    return [GraphileWorker(node)]
