"""Ctrl-C, SIGTERM and a closed terminal, as an exception that arrives when it does no harm."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Self

__all__ = ["Interrupted", "Interrupts"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(KeyboardInterrupt):
    """Somebody wants the demo to end now."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.signal = number


class Interrupts:
    """Within the block each of the signals raises :class:`Interrupted` in the main thread."""

    def __init__(self) -> None:
        self._holding = False
        self._held: int | None = None

    def __enter__(self) -> Self:
        # What our parent made us deaf to (nohup, a shell's background job) stays unheard.
        wanted = [n for n in _SIGNALS if signal.getsignal(n) is not signal.SIG_IGN]
        self._before = {number: signal.signal(number, self._arrived) for number in wanted}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @contextmanager
    def held_back(self) -> Iterator[None]:
        """Let the block end first: it starts or stops what must not be forgotten halfway."""
        self._holding = True
        try:
            yield
        finally:
            self._holding = False
            if self._held is not None:
                number, self._held = self._held, None
                raise Interrupted(number)

    def _arrived(self, number: int, _: FrameType | None) -> None:
        if self._holding:
            self._held = number
        else:
            raise Interrupted(number)
