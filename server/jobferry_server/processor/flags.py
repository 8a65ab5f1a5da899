"""Forbidden flags: the hook by which a processor leaves some jobs alone for a while."""

from collections.abc import Awaitable, Callable, Iterable
from inspect import isawaitable

__all__ = ["AskFlags", "ForbiddenFlags"]

#: Which flags are forbidden at this moment? Asked before each claim.
AskFlags = Callable[[], Iterable[str] | Awaitable[Iterable[str]]]


class ForbiddenFlags:
    """What the settings forbid, and what the application forbids now."""

    def __init__(self, always: Iterable[str], ask: AskFlags | None) -> None:
        self._always = list(always)
        self._ask = ask

    async def now(self) -> list[str]:
        """The flags that no job of the next claim may carry; raises what the application raises."""
        if self._ask is None:
            return self._always
        answer = self._ask()
        return [*self._always, *(await answer if isawaitable(answer) else answer)]
