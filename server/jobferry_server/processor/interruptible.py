"""A function that another thread can interrupt while it runs."""

import ctypes
import threading
from collections.abc import Callable
from typing import Any

from jobferry_server.errors import JobCancelled

__all__ = ["Interruptible"]

_raise_in_thread = ctypes.pythonapi.PyThreadState_SetAsyncExc


class Interruptible:
    """Runs once, on whichever thread calls :meth:`run`."""

    def __init__(self, function: Callable[[], Any]) -> None:
        self._function = function
        self._lock = threading.Lock()
        self._thread_id: int | None = None

    def run(self) -> Any:
        """What the function returns; what it raises, or :class:`JobCancelled`."""
        self._thread_id = threading.get_ident()
        try:
            return self._function()
        finally:
            with self._lock:
                # From here on nobody interrupts; what was raised and not yet delivered is taken back.
                _raise_in_thread(ctypes.c_ulong(self._thread_id), None)
                self._thread_id = None

    def interrupt(self) -> None:
        """Raise :class:`JobCancelled` in the function at its next bytecode, if it runs."""
        with self._lock:
            if self._thread_id is not None:
                _raise_in_thread(ctypes.c_ulong(self._thread_id), ctypes.py_object(JobCancelled))
