"""Every code that Jobferry answers with: what it means, and what to do about it.

Defined here and nowhere else; ``docs/errors.md`` is made of this, and a test holds the two sides
to one another: no code in the source that is not here, none here that nothing says. The SQLSTATEs
stand with their messages in the SQL, and the documents take them from there.
"""

from dataclasses import dataclass

__all__ = ["CLOSES", "CODES", "EXITS", "STATUSES", "Code"]


@dataclass(frozen=True, slots=True)
class Code:
    """What has happened, and how to mend it."""

    cause: str
    remedy: str


#: The code of an error, of a rejected row, and of the message with which a session ends.
CODES: dict[str, Code] = {
    "configuration": Code(
        "A setting is missing or makes no sense.", "The message names it; docs/settings.md has all."
    ),
    "content_differs": Code(
        "This id was used before for another job of the same owner.",
        "Give the new job an id of its own.",
    ),
    "database_failed": Code(
        "Postgres does not answer, or refuses what a command asked of it; the message is its own.",
        "'jobferry doctor --dsn ...' looks at the server, the roles and the schema.",
    ),
    "database_refused": Code(
        "Postgres did not take the row: a constraint, or a value that it has no room for.",
        "The message names what it stumbled on.",
    ),
    "erased": Code(
        "The owner's payloads and results were erased on request.", "Nothing can bring them back."
    ),
    "gone": Code(
        "The server had this job, and pruned or deleted it since.",
        "If it is to run again, submit a new one.",
    ),
    "handler_error": Code(
        "The handler raised, and said nothing that a device may read.",
        "The processor's log has the traceback.",
    ),
    "id_taken": Code("This id belongs to somebody else's job.", "Give the job another id."),
    "invalid_job": Code(
        "A column holds what the ledger can not hold, or a command names what is no job.",
        "The message names the column.",
    ),
    "invalid_json": Code(
        "A payload, a result or flags are not the JSON that both sides can keep.",
        "Payload and result are JSON: UTF-8, no duplicate keys, no NaN, no NUL, numbers a double can hold.",
    ),
    "invalid_payload": Code(
        "The payload does not fit the task's model; the job has failed for good.",
        "The message names the field.",
    ),
    "invalid_result": Code(
        "The handler returned what is not JSON, or more than the limit, or asked for a time that is none.",
        "Mend the handler.",
    ),
    "invalid_schedule": Code(
        "A schedule, or a line of a crontab, says what nobody understands.",
        "docs/schedules.md shows what a schedule may say.",
    ),
    "limit_exceeded": Code(
        "More operations in one push, or more pushes unanswered, than the welcome allowed.",
        "Wait for what is in flight to be answered, then go on.",
    ),
    "message_too_large": Code(
        "One operation alone is larger than a message may be.",
        "Make its texts shorter, or raise the gateway's limit.",
    ),
    "not_found": Code(
        "There is no such job: not in this file, or not of this owner.",
        "Look for the id with 'jobferry client ls'.",
    ),
    "payload_too_large": Code(
        "The payload is larger than the gateway takes.",
        "Keep large data elsewhere and put its address in the payload, or raise the gateway's limit.",
    ),
    "permanently_failed": Code(
        "Somebody decided that this job has failed; the message says why.",
        "It can be rescheduled: 'jobferry jobs reschedule'.",
    ),
    "process_died": Code(
        "The handler's process was killed or crashed.",
        "The job is tried again while attempts are left.",
    ),
    "processor_lost": Code(
        "The processor died while it ran this job.",
        "The job is tried again while attempts are left.",
    ),
    "protocol_error": Code(
        "One side said what the protocol does not know, or not at this moment.",
        "Both sides must speak the protocol of docs/protocol.md.",
    ),
    "rate_limited": Code(
        "An owner wants more operations a second than are allowed, or a device says more than anybody needs to.",
        "Nothing is lost: the operations are done a little later, the device comes back after the time it was told.",
    ),
    "schedule_refused": Code(
        "A schedule is not there, is there already, or must not run now.",
        "'jobferry schedule ls' lists what there is.",
    ),
    "schema_mismatch": Code(
        "A file or a database is of another schema version than this code.",
        "Run 'jobferry migrate', or install the version of Jobferry that the data was written by.",
    ),
    "snoozed": Code(
        "The handler of a delegated job put it off; that was no failure.", "It runs again later."
    ),
    "timed_out": Code(
        "The handler took longer than the task's timeout.",
        "The job is tried again while attempts are left.",
    ),
    "too_many_connections": Code(
        "There is no place for another device, of this owner or at all.",
        "The device comes back by itself after the time it was told; or raise the gateway's limit.",
    ),
    "too_many_jobs": Code(
        "The owner has as many unfinished jobs as one may have.",
        "Insert it again once some have finished, or raise the gateway's limit.",
    ),
    "unauthenticated": Code(
        "There is no token, or it is not believed, has expired, or is somebody else's.",
        "Get a new token: 'jobferry token --subject NAME'.",
    ),
    "unavailable": Code(
        "The database or the tokens' issuer does not answer, the database was replaced,"
        " or has a row that the gateway stumbles on.",
        "The connection is tried again by itself.",
    ),
    "unknown": Code(
        "Whoever failed the job, by hand or by a program of their own, gave no code.",
        "The message is all there is.",
    ),
    "unsupported_protocol": Code(
        "Device and gateway have no version of the protocol in common.",
        "Update the older side; the message names both versions.",
    ),
    "wrong_tenant": Code(
        "The job's database_id is not the token's tenant.",
        "Leave it out, or use a token of that tenant.",
    ),
}

#: With what the gateway closes a websocket.
CLOSES: dict[int, Code] = {
    1001: Code("The gateway has not heard of the device for too long.", "Say a heartbeat in time."),
    1002: Code("What came was no websocket frame.", "Speak RFC 6455, without extensions."),
    1007: Code("A text message was not UTF-8.", "Send JSON."),
    1008: Code(
        "The session has ended; a message of type error said why, unless no hello came in time.",
        "Do what its code says.",
    ),
    1009: Code("A message is above the limit.", "Keep to message_bytes of the welcome."),
    1012: Code("The gateway stops.", "Connect again; another one may answer."),
    1013: Code("The gateway has no place or patience now.", "Come again after retry_after."),
}

#: What the gateway's port answers to a plain HTTP request.
STATUSES: dict[int, Code] = {
    200: Code("/healthz: the process lives. /readyz: it can serve.", "Nothing is to be done."),
    400: Code("What came is no HTTP request, or no handshake.", "Speak RFC 6455."),
    401: Code("The token in the header is not believed.", "Get a new token."),
    403: Code(
        "The page's origin, or who asks for metrics, is not allowed.",
        "See origins and metrics_token.",
    ),
    405: Code("The method is not GET.", "A websocket begins with GET."),
    414: Code("The request's first line is too long.", "Connect to the gateway's URL as it is."),
    426: Code("A plain request for what only a websocket has.", "Connect with a websocket."),
    431: Code("The request's headers are too many or too long.", "Send fewer."),
    503: Code("/readyz: the database does not answer.", "Ask again; the gateway tries, too."),
    505: Code("This is not HTTP/1.1.", "Speak HTTP/1.1."),
}

#: With what a command ends.
EXITS: dict[int, str] = {
    0: "done",
    1: "failed (the message says why)",
    2: "wrong usage",
    130: "interrupted",
    143: "told to end",
}
