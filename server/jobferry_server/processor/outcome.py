"""What came of an attempt, and which of them follows from what a handler raised."""

import json
from dataclasses import dataclass
from datetime import timedelta

from jobferry_server.errors import Fail, ItemsFailed, Retry, TaskError
from jobferry_server.processor.job import Job
from jobferry_server.processor.task import InvalidPayload, InvalidResult

__all__ = ["Completed", "Dropped", "Failed", "Outcome", "Released", "failed_with", "in_a_word"]


@dataclass(frozen=True, slots=True)
class Completed:
    """It returned; ``result`` is JSON text."""

    result: str | None


@dataclass(frozen=True, slots=True)
class Failed:
    """It raised. ``code`` and ``message`` are public, ``detail`` is for the audit log.

    ``delay`` is the time until the next attempt if not the usual one; ``items`` are the places of
    those that the next attempt gets of an array.
    """

    code: str
    message: str
    final: bool = False
    detail: str | None = None
    delay: timedelta | None = None
    items: tuple[int, ...] | None = None

    @property
    def places(self) -> str | None:
        """``items`` as an array literal of Postgres."""
        return None if self.items is None else "{" + ",".join(map(str, self.items)) + "}"

    @property
    def error(self) -> str:
        """What the device sees, as JSON text."""
        return json.dumps({"code": self.code, "message": self.message}, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Released:
    """It was not begun, stopped in time to be handed back, or asked for a ``pause``."""

    pause: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Dropped:
    """There is nothing to say: the job is not ours any more, or it was said already."""


Outcome = Completed | Failed | Released | Dropped

_WORDS = {Completed: "completed", Failed: "failed", Released: "released"}


def in_a_word(outcome: Outcome, job: Job) -> str:
    """``completed``, ``failed``, ``released`` or ``stopped``."""
    if isinstance(outcome, Dropped):
        # Without a reason to stop it was completed together with the handler's own transaction.
        return "stopped" if job.stop_reason else "completed"
    return _WORDS[type(outcome)]


def failed_with(error: BaseException, job: Job) -> Failed:
    """The failure that a handler's exception stands for."""
    match error:
        case InvalidPayload():
            return Failed("invalid_payload", _storable(error), final=True)
        case InvalidResult():
            return Failed("invalid_result", _storable(error), final=True)
        case Fail():
            return Failed(_storable(error.code), _storable(error), final=True)
        case Retry():
            return Failed(error.code, _storable(error), delay=error.in_)
        case ItemsFailed():
            return Failed(error.code, _storable(error), items=_places(job, error.items))
        case TaskError():
            return Failed(_storable(error.code), _storable(error))
    kind = type(error).__name__
    detail = json.dumps({"raised": _storable(f"{kind}: {error}")})
    return Failed("handler_error", f"the handler raised {kind}", detail=detail)


def _places(job: Job, items: list[int]) -> tuple[int, ...] | None:
    """These, if the payload has such items; otherwise ``None``, which is all of it."""
    number = len(job.payload) if isinstance(job.payload, list) else 0
    return tuple(items) if items and items[0] >= 0 and items[-1] < number else None


def _storable(text: object) -> str:
    """A text that Postgres takes: what a handler says may hold anything."""
    return str(text).encode(errors="replace").decode().replace("\0", "\ufffd")
