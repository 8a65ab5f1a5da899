"""Figures that are the same for everybody are asked for once, however many browsers look."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

__all__ = ["Fresh"]

T = TypeVar("T")


class Fresh:
    """Keeps what was found for some seconds. Keys are few and of our own making."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._found: dict[str, tuple[float, Any]] = {}
        self._finding: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def get(self, key: str, find: Callable[[], Awaitable[T]]) -> T:
        """What was found, if that is not too long ago; else what is found now."""
        async with self._finding[key]:
            at, found = self._found.get(key, (float("-inf"), None))
            if time.monotonic() - at >= self._seconds:
                found = await find()
                self._found[key] = (time.monotonic(), found)
            result: T = found
            return result
