"""What can go wrong between a device and the ledger.

::

    JobferryError
    ├── InvalidJSON          a text that is not the JSON we accept            (code, at)
    ├── InvalidJob           a job that the ledger would not take             (code)
    ├── ProtocolError
    │   ├── LocalProtocolError    we misused the session: a bug of ours
    │   └── RemoteProtocolError   the peer broke the rules                    (code)
    └── SchemaMismatch       a file or database of another version than this code

Every error carries a ``code`` from :data:`CODES`, and a ``hint`` that says how to mend it.
"""

from typing import ClassVar

__all__ = [
    "CODES",
    "InvalidJSON",
    "InvalidJob",
    "JobferryError",
    "LocalProtocolError",
    "ProtocolError",
    "RemoteProtocolError",
    "SchemaMismatch",
]

#: Every public code, with its remedy. A device shows the code and the message; the docs print this.
CODES: dict[str, str] = {
    "content_differs": "This id is already used for another job of yours. Give the new job an id of its own.",
    "database_refused": "Postgres did not take the row. The message names the value it stumbled on.",
    "erased": "The owner's payloads and results were erased on request. Nothing can bring them back.",
    "gone": "The server had this job, and pruned or deleted it since. If it is to run again, submit a new one.",
    "handler_error": "The handler raised. The processor's log has the traceback.",
    "id_taken": "This id belongs to somebody else's job. Give the job another id.",
    "invalid_job": "A column holds what the ledger can not hold. The message names it.",
    "invalid_json": "Payload and result are JSON: UTF-8, no duplicate keys, no NaN, no NUL, numbers a double can hold.",
    "invalid_payload": "The payload does not fit the task's model. The message names the field.",
    "invalid_result": "The handler returned what is not JSON, or more than the limit. Mend the handler.",
    "limit_exceeded": "Wait for what is in flight to be answered, then go on.",
    "message_too_large": "Send fewer rows in one message, or raise the gateway's limit.",
    "not_found": "You have no job with this id.",
    "payload_too_large": "Keep large data elsewhere and put its address in the payload, or raise the gateway's limit.",
    "permanently_failed": "Somebody decided that this job has failed; the message says why. It can be rescheduled.",
    "process_died": "The handler's process was killed or crashed; the job is tried again while attempts are left.",
    "processor_lost": "The processor died while it ran this job; it is tried again while attempts are left.",
    "protocol_error": "Both sides must speak the protocol of docs/protocol.md.",
    "rate_limited": "The device says more than anybody needs to. It comes back by itself after the time it was told.",
    "schema_mismatch": "Run 'jobferry migrate', or install the version of Jobferry that the data was written by.",
    "shutting_down": "The gateway stops. Connect again; another one may answer.",
    "timed_out": "The handler took longer than the task's timeout.",
    "too_many_connections": "The device comes back by itself after the time it was told. Or raise the gateway's limit.",
    "too_many_jobs": "You have as many unfinished jobs as you may. Insert it again once some have finished.",
    "unauthenticated": "Get a new token: 'jobferry token --subject NAME'.",
    "unavailable": "The database does not answer. The connection is tried again by itself.",
    "unsupported_protocol": "Update the older side; the message names both versions.",
}


class JobferryError(Exception):
    """The base of all errors that Jobferry raises on purpose."""

    default_code: ClassVar[str] = "protocol_error"

    def __init__(self, message: str, *, code: str | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.code = code or self.default_code
        self.hint = hint if hint is not None else CODES.get(self.code)


class InvalidJSON(JobferryError):
    """A text that is not the JSON we accept."""

    default_code = "invalid_json"


class InvalidJob(JobferryError):
    """A job that the ledger would not take."""

    default_code = "invalid_job"


class ProtocolError(JobferryError):
    """Something is wrong with the conversation."""


class LocalProtocolError(ProtocolError):
    """We misused the session: a bug on this side."""


class RemoteProtocolError(ProtocolError):
    """The peer broke the rules of the conversation."""


class SchemaMismatch(JobferryError):
    """A file or a database has another schema version than this code was written for."""

    default_code = "schema_mismatch"
