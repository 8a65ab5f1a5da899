"""A process that has gone on to another job is nobody's to stop for the sake of the one before."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest

from jobferry_server import Job
from jobferry_server.processor.processes import HandlerProcesses, ProcessCall
from jobferry_server.processor.threads import HandlerThreads
from jobferry_shared import strict_json
from support.heavy import step
from support.processes import eventually


def job_in(folder: Path) -> Job:
    folder.mkdir()
    return Job(UUID(int=1), "default", strict_json.dump(str(folder)), 1, None)


def let_go_on(folder: Path) -> None:
    for number in ("1", "2"):
        (folder / number).touch()


@pytest.mark.parametrize("stop", [ProcessCall.interrupt, ProcessCall.give_up])
def test_who_is_stopped_too_late_stops_nobody_else(
    tmp_path: Path, stop: Callable[[ProcessCall], object]
) -> None:
    threads = HandlerThreads()
    processes = HandlerProcesses(threads)

    async def on_a_busy_loop() -> object:
        """It notices only at the end that the first job has ended."""
        first, second = job_in(tmp_path / "first"), job_in(tmp_path / "second")
        let_go_on(tmp_path / "first")
        before = processes.call(step, first, (first,))
        eventually(lambda: first.reported == 0.5)
        eventually(lambda: not processes._idle.empty())
        call = processes.call(step, second, (second,))
        eventually(lambda: second.reported == 0.25)
        stop(before)
        let_go_on(tmp_path / "second")
        return await call.value()

    try:
        assert asyncio.run(on_a_busy_loop()) is None
    finally:
        processes.close()
        threads.close()
