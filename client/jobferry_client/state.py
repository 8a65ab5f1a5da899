"""Whether a device is connected, and why not."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from threading import Condition, Lock
from typing import TypeVar
from uuid import UUID

__all__ = ["ClientStatus", "ConnectionState", "Link", "Ring", "Switch"]

T = TypeVar("T")


class ConnectionState(StrEnum):
    """How the device stands with the gateway."""

    CONNECTING = "connecting"
    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    NEEDS_AUTH = "needs_auth"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Link:
    """The connection at one moment. ``reason`` says why it is not connected, or what it waits for."""

    state: ConnectionState
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class ClientStatus:
    """What :meth:`JobClient.status` tells."""

    state: ConnectionState
    reason: str | None
    #: Operations that the server has not acknowledged.
    pending: int
    #: Age of the oldest of them, in seconds.
    oldest_pending_age: float | None
    #: Connected, and yet something has waited longer than it should.
    stalled: bool
    rejected: int
    last_synced_at: datetime | None
    owner: str | None
    client_id: UUID


class Switch:
    """The connectivity switch, on to begin with; for any thread."""

    def __init__(self) -> None:
        self.on = True
        self._lock = Lock()

    def turn(self, on: bool) -> None:
        """Once this has returned it is in force: what :meth:`unless_off` still does is done."""
        with self._lock:
            self.on = on

    def unless_off(self, what: Callable[[], T]) -> T | None:
        """Do this quickly, or nothing."""
        with self._lock:
            return what() if self.on else None


class Ring:
    """Tells everybody in this process who waits that the file has changed."""

    def __init__(self) -> None:
        self._condition = Condition()
        self._count = 0

    @property
    def count(self) -> int:
        """How often it rang; compare it with a later value."""
        return self._count

    def ring(self) -> None:
        """Something changed."""
        with self._condition:
            self._count += 1
            self._condition.notify_all()

    def wait(self, seen: int, timeout: float) -> None:
        """Return when it rang since ``seen``, or after ``timeout`` seconds."""
        with self._condition:
            self._condition.wait_for(lambda: self._count != seen, timeout)
