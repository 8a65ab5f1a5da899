"""An event loop on a thread of its own: what is asynchronous, beside a test that need not be."""

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, contextmanager
from typing import Any, Self, TypeVar

__all__ = ["Background"]

T = TypeVar("T")

#: How long anything that is asked of the loop may take, in seconds.
ANSWER_SECONDS = 60


class Background:
    """The loop runs within the ``with`` block."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="jobferry-background")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of a coroutine run on the loop; ``TimeoutError`` if there is none in time."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(ANSWER_SECONDS)

    @contextmanager
    def within(self, context: AbstractAsyncContextManager[T]) -> Iterator[T]:
        """An asynchronous context, entered and left on the loop."""
        stack = AsyncExitStack()
        found = self.run(stack.enter_async_context(context))
        try:
            yield found
        finally:
            self.run(stack.aclose())
