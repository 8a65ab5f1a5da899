"""The messages between a device and the gateway: one class each, told apart by ``type``.

Payloads and results travel as JSON text inside a string and are never re-serialised. What a field
does not need to say is left out. ``docs/protocol.md`` is the conversation in prose;
:mod:`jobferry_shared.versions` has its history, and a test holds this module to it.
"""

from datetime import UTC, datetime
from typing import Annotated, Literal, TypeAlias, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from jobferry_shared.errors import RemoteProtocolError
from jobferry_shared.ids import PATTERN
from jobferry_shared.job import DEFAULT_TASK, MAX_ATTEMPTS
from jobferry_shared.limits import Limits
from jobferry_shared.states import Status
from jobferry_shared.traces import TRACEPARENT

__all__ = [
    "Applied",
    "Cancel",
    "Change",
    "Changes",
    "DownMessage",
    "Error",
    "ErrorDetail",
    "Heartbeat",
    "Hello",
    "JobSpec",
    "Operation",
    "Push",
    "Pushed",
    "Rejection",
    "Renew",
    "Reset",
    "StoredJob",
    "Submit",
    "UpMessage",
    "Waiting",
    "Welcome",
    "decode_down",
    "decode_up",
    "encode",
    "first_complaint",
    "protocol_of",
]

M = TypeVar("M")

SmallInt = Annotated[int, Field(ge=-32768, le=32767)]
Count = Annotated[int, Field(ge=0, le=2**31 - 1)]
#: A time that UTC has too: 0001-01-01T00:00+01:00 is before its calendar begins.
Time = Annotated[
    AwareDatetime,
    Field(ge=datetime.min.replace(tzinfo=UTC), le=datetime.max.replace(tzinfo=UTC)),
]
Delay = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_PLAIN = r"^[^\x00-\x1f\x7f]*$"
Name = Annotated[str, Field(min_length=1, max_length=255, pattern=_PLAIN)]
JobId = Annotated[str, Field(pattern=PATTERN)]
Traceparent = Annotated[str, Field(pattern=TRACEPARENT)]
Uuid = Annotated[str, Field(pattern=r"^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$")]
#: Opaque to the device; whatever the gateway writes in it, it is plain ASCII.
Cursor = Annotated[str, Field(max_length=65536, pattern=r"^[!-~]*$")]


class Message(BaseModel):
    """Base of all: unknown fields are an error, so that a typo can't be silently dropped.

    Strict: a number in a string or a ``true`` for a 1 is an error too.
    """

    model_config = ConfigDict(extra="forbid", strict=True)


class StoredJob(Message):
    """What a job's submitter said about it, as it is in the ledger, whoever wrote it there.

    ``payload`` is JSON text.
    """

    id: str
    timestamp: Time
    payload: str
    task: str = DEFAULT_TASK
    queue_name: str | None = None
    priority: int = 0
    run_at: Time | None = None
    max_attempts: int = MAX_ATTEMPTS
    job_key: str | None = None
    flags: list[str | None] | None = None
    database_id: str | None = None


class JobSpec(StoredJob):
    """The same as a device may say it."""

    id: JobId
    task: Name = DEFAULT_TASK
    queue_name: Name | None = None
    priority: SmallInt = 0
    max_attempts: Annotated[int, Field(ge=1, le=32767)] = MAX_ATTEMPTS
    job_key: Name | None = None
    flags: Annotated[list[Name], Field(max_length=64)] | None = None  # type: ignore[assignment]
    database_id: Uuid | None = None


class Submit(Message):
    """Insert this job; already cancelled if it was cancelled before it was sent.

    ``traceparent`` names the span of the submit, as W3C Trace Context writes it.
    """

    op: Literal["submit"] = "submit"
    job: JobSpec
    cancelled: bool = False
    traceparent: Traceparent | None = None


class Cancel(Message):
    """Cancel the owner's job of this id, unless it has finished."""

    op: Literal["cancel"] = "cancel"
    id: JobId


Operation: TypeAlias = Annotated[Submit | Cancel, Field(discriminator="op")]


class Hello(Message):
    """First of all: who is there, and how far it has read."""

    type: Literal["hello"] = "hello"
    protocol: int
    client_id: Uuid
    cursor: Cursor | None = None
    token: Annotated[str, Field(max_length=16384)] | None = None
    client_version: Annotated[str, Field(max_length=64, pattern=_PLAIN)] | None = None
    pending: Count = 0
    oldest_pending_at: Time | None = None


class Push(Message):
    """A batch of operations, numbered 1, 2, 3 … within the session."""

    type: Literal["push"] = "push"
    seq: Annotated[int, Field(ge=1)]
    ops: Annotated[list[Operation], Field(min_length=1)]


class Applied(Message):
    """The changes up to this cursor are durable on the device; send more."""

    type: Literal["applied"] = "applied"
    cursor: Cursor


class Renew(Message):
    """A fresh token for the same subject, before the old one expires."""

    type: Literal["renew"] = "renew"
    token: Annotated[str, Field(max_length=16384)]


class Heartbeat(Message):
    """Still there. Up it says what is unsent; down it answers."""

    type: Literal["heartbeat"] = "heartbeat"
    pending: Count = 0
    oldest_pending_at: Time | None = None


class Welcome(Message):
    """You are in: whose data this is, which database, what is allowed."""

    type: Literal["welcome"] = "welcome"
    protocol: int
    owner: str
    epoch: str
    server_time: Time
    limits: Limits


class Rejection(Message):
    """An operation that was not done, and why. ``seq`` is the batch's."""

    seq: int
    id: str
    code: str
    message: str


class Pushed(Message):
    """Every batch up to ``through`` is committed in Postgres, but for the rejected."""

    type: Literal["pushed"] = "pushed"
    through: int
    received_at: Time
    rejected: list[Rejection] = []


class Waiting(Message):
    """What was pushed is not done yet, and why; ``retry_after``: seconds until some of it may be.

    Nothing is lost and nothing is to be said again.
    """

    type: Literal["waiting"] = "waiting"
    code: str
    message: str
    retry_after: Delay


class ErrorDetail(Message):
    """The public half of an error."""

    code: str
    message: str


class Change(Message):
    """The latest state of one job. ``spec`` comes once, to devices that do not have it, and again
    when it was written anew.
    """

    id: str
    status: Status
    progress: float = 0
    attempts: int = 0
    received_at: Time
    run_at: Time
    started_at: Time | None = None
    finished_at: Time | None = None
    result: str | None = None
    error: ErrorDetail | None = None
    spec: StoredJob | None = None
    client_id: str | None = None


class Changes(Message):
    """One page. The device stores rows and cursor in one transaction, then says ``applied``.

    ``gone`` are ids of jobs that are no longer in the ledger.
    """

    type: Literal["changes"] = "changes"
    rows: list[Change]
    gone: list[str] | None = None
    cursor: str
    complete: bool


class Reset(Message):
    """Your cursor is another database's, or too old: read everything again, keep your outbox.

    ``restored``: this database was put back to an earlier state; what it lacks is lost, not gone.
    """

    type: Literal["reset"] = "reset"
    restored: bool = False


class Error(Message):
    """The session ends; ``retry_after`` is in seconds."""

    type: Literal["error"] = "error"
    code: str
    message: str
    retry_after: Delay | None = None


UpMessage: TypeAlias = Hello | Push | Applied | Renew | Heartbeat
DownMessage: TypeAlias = Welcome | Pushed | Waiting | Changes | Reset | Heartbeat | Error

#: What is complained of may be a token; a traceback must not repeat it.
_DISCREET = ConfigDict(hide_input_in_errors=True)

UP: TypeAdapter[UpMessage] = TypeAdapter(
    Annotated[UpMessage, Field(discriminator="type")], config=_DISCREET
)
DOWN: TypeAdapter[DownMessage] = TypeAdapter(
    Annotated[DownMessage, Field(discriminator="type")], config=_DISCREET
)


def encode(message: Message) -> str:
    """The message as the text of one websocket frame."""
    return message.model_dump_json(exclude_none=True)


def decode_up(text: str | bytes) -> UpMessage:
    """A device's message, or :class:`RemoteProtocolError`."""
    return _decode(UP, text)


def decode_down(text: str | bytes) -> DownMessage:
    """A gateway's message, or :class:`RemoteProtocolError`."""
    return _decode(DOWN, text)


class Greeting(BaseModel):
    """What a hello and a welcome of every version, past and to come, have in common."""

    model_config = ConfigDict(strict=True)

    type: Literal["hello", "welcome"]
    protocol: int


def protocol_of(text: str | bytes) -> int | None:
    """The version spoken by a hello or welcome, though nothing else of it may be understood."""
    try:
        return Greeting.model_validate_json(text).protocol
    except ValidationError:
        return None


def _decode(adapter: TypeAdapter[M], text: str | bytes) -> M:
    try:
        return adapter.validate_json(text)
    except ValidationError as error:
        raise RemoteProtocolError(f"not a message: {first_complaint(error)}") from error


def first_complaint(error: ValidationError) -> str:
    """The first thing pydantic found, as ``field.path: what is wrong``, without the value.

    What somebody else chose (the name of a field, a type) is in it, so it is cut.
    """
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(str(part)[:80] for part in first["loc"])
    return (f"{where}: {first['msg']}" if where else first["msg"])[:400]
