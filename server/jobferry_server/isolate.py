"""Find the poison: when a set can't be written, write its halves."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

__all__ = ["isolate"]

T = TypeVar("T")


async def isolate(
    items: Sequence[T],
    write: Callable[[Sequence[T]], Awaitable[None]],
    is_poison: Callable[[Exception], bool],
    reject: Callable[[T, Exception], None],
) -> None:
    """Write all items in as few sets as the poisonous ones among them allow.

    An item that can't be written even alone is rejected. An error that is not the items' fault is
    raised, with everything before it written.
    """
    try:
        await write(items)
    except Exception as error:
        if not is_poison(error):
            raise
        if len(items) == 1:
            reject(items[0], error)
            return
        middle = len(items) // 2
        await isolate(items[:middle], write, is_poison, reject)
        await isolate(items[middle:], write, is_poison, reject)
