"""Running a service as a process: its event loop, its log, its end."""

import asyncio
import gc
import logging
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from jobferry_server.beside import left_behind
from jobferry_server.errors import Stopped
from jobferry_server.exporting import export_spans
from jobferry_server.logs import events, set_up_logging

__all__ = ["allow_many_files", "run_until_signalled"]

#: Objects more than were freed, before the youngest are gone through.
YOUNG = 5_000

Work = Callable[[asyncio.Event], Coroutine[Any, Any, None]]


def run_until_signalled(work: Work, log_format: str = "text") -> None:
    """Run ``work(stop)``, where ``stop`` is set by SIGINT or SIGTERM; the log is ``text`` or ``json``."""
    set_up_logging(log_format)
    export_spans()
    allow_many_files()
    _spare_the_collector()
    with asyncio.Runner(loop_factory=_fast_loop()) as runner:
        runner.run(_with_signals(work))
        if any(not task.done() for task in left_behind):
            events.LEFT_BEHIND()
            logging.shutdown()
            # The event loop's own end would wait for it.
            os._exit(0)


def _spare_the_collector() -> None:
    """Leave what was imported out of its rounds, which held everything up for thirty milliseconds each.

    And let what comes and goes be gone before it is looked through: that took a quarter of the time it
    takes to read a push.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG)


def allow_many_files() -> int:
    """As many open files as this process may allow itself, a socket being one; how many those are."""
    try:
        import resource
    except ImportError:  # Windows counts otherwise
        return sys.maxsize
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most


async def _with_signals(work: Work) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    with suppress(Stopped):
        await work(stop)


def _fast_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
