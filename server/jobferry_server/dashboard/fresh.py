"""Figures that are the same for everybody are asked for once, however many browsers look."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

__all__ = ["Fresh"]

T = TypeVar("T")


class Fresh:
    """Keeps what was found for some seconds. Keys are few and of our own making."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._finding: dict[str, tuple[float, asyncio.Future[Any]]] = {}

    async def get(self, key: str, find: Callable[[], Awaitable[T]]) -> T:
        """What was found, if that is not too long ago; else what is found now.

        Whoever comes while it is looked for waits for the same answer, be it an error: where the database is
        slow, a queue of browsers must not ask it one after the other.
        """
        began, finding = self._finding.get(key, (float("-inf"), None))
        if finding is None or (finding.done() and self._is_stale(began, finding)):
            finding = asyncio.ensure_future(find())
            self._finding[key] = (time.monotonic(), finding)
        # Who goes away does not take it from the others.
        found: T = await asyncio.shield(finding)
        return found

    def _is_stale(self, began: float, finding: "asyncio.Future[Any]") -> bool:
        failed = finding.cancelled() or finding.exception() is not None
        return failed or time.monotonic() - began >= self._seconds
