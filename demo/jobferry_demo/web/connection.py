"""The line that says how the device stands: connected or why not, and what is unsent."""

from dataclasses import dataclass
from datetime import datetime

from jobferry_client import ClientStatus, ConnectionState
from jobferry_shared.durations import in_words

__all__ = ["Standing", "standing"]

SOON = 10.0

HEADINGS = {
    ConnectionState.CONNECTING: "Connecting",
    ConnectionState.CONNECTED: "Connected",
    ConnectionState.DISCONNECTED: "Offline",
    ConnectionState.NEEDS_AUTH: "Needs a token",
    ConnectionState.CLOSED: "Closed",
}


@dataclass(frozen=True, slots=True)
class Standing:
    """How the device stands with its gateway, in words."""

    #: The state's own name, for the looks.
    state: str
    heading: str
    reason: str | None
    #: What is unsent, and for how long; empty when nothing is.
    unsent: str
    rejected: int
    synced_at: datetime | None
    owner: str | None
    #: Is the connectivity switch on?
    on: bool


def standing(status: ClientStatus, *, on: bool) -> Standing:
    """The status in words."""
    return Standing(
        state=status.state.value,
        heading=HEADINGS[status.state],
        reason=status.reason,
        unsent=_unsent(status),
        rejected=status.rejected,
        synced_at=status.last_synced_at and status.last_synced_at.astimezone(),
        owner=status.owner,
        on=on,
    )


def _unsent(status: ClientStatus) -> str:
    if not status.pending:
        return ""
    words = f"{status.pending} waiting to send"
    age = status.oldest_pending_age or 0
    # A tenth of a second more would be another view.
    return f"{words}, the oldest for {in_words(age) if age >= SOON else f'{age:.0f} s'}"
