"""Values that parsers disagree on, and what each door of Jobferry answers to them.

The doors: the device's file (any program that writes SQLite), the client API, the websocket, the
command line; and on the server Postgres itself, by the SQL functions or a plain INSERT. The first
four answer by our own check, Postgres by its own.
"""

import json
import math
from dataclasses import dataclass
from uuid import UUID

__all__ = [
    "ACCEPTED",
    "ARRIVES",
    "AT_ONCE",
    "COLUMNS",
    "LIMIT",
    "NEVER_SAID",
    "ODD",
    "PAYLOADS",
    "REFUSED",
    "ROWS",
    "UNSAYABLE",
    "Column",
    "Payload",
]

#: It is taken, and comes to the ledger and to every device of its owner as it was.
ARRIVES = "arrives"
#: SQLite refuses the statement; nothing is stored.
AT_ONCE = "at once"
#: The driver can't say it.
NEVER_SAID = "never said"

#: JSON texts that our check refuses, with `invalid_json`.
REFUSED = {
    "nothing": "",
    "only whitespace": " \n\t\r ",
    "a half": '{"a":',
    "two values": "1 2",
    "a comma too much": "[1,]",
    "single quotes": "{'a':1}",
    "a comment": "[1] // one",
    "a byte order mark": "\ufeff1",
    "a no-break space between tokens": "[1,\u00a02]",
    "a vertical tab between tokens": "[1,\v2]",
    "a leading zero": "01",
    "a plus sign": "+1",
    "a bare point": ".5",
    "a point without decimals": "5.",
    "digits that are not ASCII": "\u0661",
    "Python's spelling": "True",
    "NaN": "NaN",
    "NaN inside": '{"a":[NaN]}',
    "Infinity": "Infinity",
    "minus Infinity": "-Infinity",
    "more than a double": "1e999",
    "less than minus a double": "-1e999",
    "an integer beyond a double": "1" * 400,
    "an integer of 5,000 digits": "9" * 5000,
    "nearer to nothing than a double": "1e-999",
    "nearer to nothing, written out": "0." + "0" * 400 + "1",
    "a zero with an exponent Postgres can't count": "0e99999999999",
    "a zero with too many decimals": "0e-99999",
    "more decimals than Postgres can keep": "0." + "1" * 17000,
    "an exponent of 5,000 digits": "0e" + "9" * 5000,
    "a duplicate key": '{"a":1,"a":2}',
    "a duplicate key in disguise": '{"a":1,"\\u0061":2}',
    "a duplicate key deep inside": '[[{"a":{"b":1,"b":1}}]]',
    "an escaped NUL": '"\\u0000"',
    "an escaped NUL in a key": '{"a\\u0000":1}',
    "a raw NUL": '"\0"',
    "a raw NUL behind the value": "1\0",
    "a raw control character": '"\x1f"',
    "a raw line feed in a string": '"\n"',
    "an escaped high surrogate": '"\\ud83d"',
    "an escaped low surrogate": '"\\ude00"',
    "surrogates in the wrong order": '"\\ude00\\ud83d"',
    "a lone surrogate as a key": '{"\\ud83d":1}',
    "a raw lone surrogate": '"\ud83d"',
    "bad UTF-8 as Python carries it": b'"\xff"'.decode(errors="surrogateescape"),
    "an unknown escape": '"\\x41"',
    "a short escape": '"\\u00"',
}

#: JSON texts that it takes.
ACCEPTED = {
    "null": "null",
    "a string": '"a"',
    "an empty key": '{"":0}',
    "whitespace around": " \t\r\n[ 1 , 2 ]\n",
    "a large double": "1.7976931348623157e308",
    "a tiny double": "5e-324",
    "a zero with an exponent": "0e0",
    "minus zero": "-0.0",
    "a zero with some decimals": "0.000",
    "capital E": "1E2",
    "many decimals": "0." + "1" * 16000,
    "an escaped backslash before u0000": '"\\\\u0000"',
    "an escaped pair of surrogates": '"\\ud83d\\ude00"',
    "a raw emoji": '"😀"',
    "the last code point before the surrogates": '"\\ud7ff"',
    "the first after them": '"\\ue000"',
    "DEL": '"\x7f"',
    "a line separator": '"\u2028"',
    "brackets in strings": json.dumps("[{" * 200),
    "many arrays, not deep": json.dumps([[[]]] * 200),
}

#: Python values that no JSON text of ours says.
UNSAYABLE: dict[str, object] = {
    "NaN": math.nan,
    "Infinity": math.inf,
    "NUL": "\0",
    "a lone surrogate": "\ud800",
    "a lone surrogate as a key": {"\ud800": 1},
    "keys that become equal": {1: "a", "1": "b"},
    "an integer beyond a double": 10**400,
    "an integer of 5,000 digits": 10**5000,
    "octets": b"octets",
    "a set": {1, 2},
    "an object": object(),
    "a tuple as a key": {(1, 2): 3},
}

#: The largest payload, in octets, where a test sets a limit.
LIMIT = 20_000


@dataclass(frozen=True, slots=True)
class Payload:
    """A JSON text, or none; what our doors answer, and what Postgres does."""

    text: str
    ours: str = ARRIVES
    postgres: str = ARRIVES

    @property
    def octets(self) -> bytes:
        """The text as a program that does not care about encodings writes it."""
        try:
            return self.text.encode(errors="surrogateescape")
        except UnicodeEncodeError:
            return self.text.encode(errors="surrogatepass")


#: What Postgres takes of what we do not: it keeps numbers exactly, and the last of two equal keys.
_TAKEN_BY_POSTGRES = {
    "more than a double",
    "less than minus a double",
    "an integer beyond a double",
    "an integer of 5,000 digits",
    "nearer to nothing than a double",
    "nearer to nothing, written out",
    "a duplicate key",
    "a duplicate key in disguise",
    "a duplicate key deep inside",
}
_STATES = {
    "an escaped NUL": "22P05",
    "an escaped NUL in a key": "22P05",
    "a zero with an exponent Postgres can't count": "22003",
    "a zero with too many decimals": "22003",
    "more decimals than Postgres can keep": "22003",
    "an exponent of 5,000 digits": "22003",
    "a raw NUL": NEVER_SAID,
    "a raw NUL behind the value": NEVER_SAID,
    "a raw lone surrogate": NEVER_SAID,
    "bad UTF-8 as Python carries it": NEVER_SAID,
}


def _refused(name: str, text: str) -> Payload:
    state = ARRIVES if name in _TAKEN_BY_POSTGRES else _STATES.get(name, "22P02")
    return Payload(text, "invalid_json", state)


def _nested(depth: int) -> str:
    return "[" * depth + "]" * depth


def _sized(octets: int) -> str:
    return json.dumps("x" * (octets - 2))


PAYLOADS: dict[str, Payload] = {
    **{name: _refused(name, text) for name, text in REFUSED.items()},
    "as deep as the limit": Payload(_nested(64)),
    "deeper than the limit": Payload(_nested(65), "invalid_json"),
    "500 deep": Payload(_nested(500), "invalid_json"),
    "9,000 deep": Payload(_nested(9_000), "invalid_json"),
    "one octet below the limit": Payload(_sized(LIMIT - 1)),
    "as large as the limit": Payload(_sized(LIMIT)),
    "one octet above the limit": Payload(_sized(LIMIT + 1), "payload_too_large"),
    "30 digits": Payload("123456789012345678901234567890"),
    **{name: Payload(text) for name, text in ACCEPTED.items()},
}


@dataclass(frozen=True, slots=True)
class Column:
    """A value of one column of a job; what the device's file, the websocket and Postgres answer."""

    name: str
    value: object
    file: str
    wire: str
    postgres: str


_ID = "009eeacc-d268-4e80-b3e9-557f339a9eb7"
_V1 = "8bdced74-e647-11f1-8da3-02fc00000001"

COLUMNS: dict[str, Column] = {
    "an upper-case id": Column("id", _ID.upper(), AT_ONCE, "protocol_error", ARRIVES),
    "an id in braces": Column("id", "{" + _ID[:-1] + "8}", AT_ONCE, "protocol_error", ARRIVES),
    "an id without dashes": Column(
        "id", UUID(_ID[:-1] + "9").hex, AT_ONCE, "protocol_error", ARRIVES
    ),
    "a nil id": Column("id", str(UUID(int=0)), AT_ONCE, "protocol_error", ARRIVES),
    "an id of version 1": Column("id", _V1, AT_ONCE, "protocol_error", ARRIVES),
    "an id with a line feed": Column("id", _ID + "\n", AT_ONCE, "protocol_error", "22P02"),
    "an empty id": Column("id", "", AT_ONCE, "protocol_error", "22P02"),
    "a number for an id": Column("id", 1, AT_ONCE, "protocol_error", "42804"),
    "no id": Column("id", None, AT_ONCE, "protocol_error", "23502"),
    "ten years ago": Column("timestamp", "2016-11-22T12:00:00Z", ARRIVES, ARRIVES, ARRIVES),
    "in ten years": Column("timestamp", "2036-11-22T12:00:00Z", ARRIVES, ARRIVES, ARRIVES),
    "to run ten years ago": Column("run_at", "2016-11-22T12:00:00Z", ARRIVES, ARRIVES, ARRIVES),
    "to run in ten years": Column("run_at", "2036-11-22T12:00:00Z", ARRIVES, ARRIVES, ARRIVES),
    "another zone": Column("timestamp", "2026-11-22T12:00:00+05:30", ARRIVES, ARRIVES, ARRIVES),
    "no zone": Column("timestamp", "2026-11-22 12:00:00", ARRIVES, "protocol_error", ARRIVES),
    "the first moment": Column(
        "timestamp", "0001-01-01T00:00:00Z", "database_refused", "database_refused", "23514"
    ),
    "the last moment": Column(
        "run_at", "9999-12-31T23:59:59.999999Z", "database_refused", "database_refused", "23514"
    ),
    "before the first moment": Column(
        "run_at", "0001-01-01T00:00:00+14:00", "invalid_job", "protocol_error", "23514"
    ),
    "never": Column("run_at", "infinity", "invalid_job", "protocol_error", "23514"),
    "always": Column("timestamp", "-infinity", "invalid_job", "protocol_error", "23514"),
    "before Christ": Column("timestamp", "0044-03-15 BC", "invalid_job", "protocol_error", "23514"),
    "after all": Column("timestamp", "294276-12-31", "invalid_job", "protocol_error", "23514"),
    "milliseconds": Column("timestamp", "1763812800000", "invalid_job", ARRIVES, "22008"),
    "words for a time": Column("timestamp", "at dusk", "invalid_job", "protocol_error", "22007"),
    "no time": Column("timestamp", None, AT_ONCE, "protocol_error", "23502"),
    "an escape sequence": Column("task", "\x1b[2J", "invalid_job", "protocol_error", ARRIVES),
    "two lines": Column("queue_name", "a\nb", "invalid_job", "protocol_error", ARRIVES),
    "a NUL": Column("job_key", "a\0b", "invalid_job", "protocol_error", NEVER_SAID),
    "DEL": Column("task", "\x7f", "invalid_job", "protocol_error", ARRIVES),
    "right to left": Column("task", "\u202egnp.exe", ARRIVES, ARRIVES, ARRIVES),
    "no name": Column("task", "", "invalid_job", "protocol_error", ARRIVES),
    "a name of 255 characters": Column("task", "\u4e16" * 255, ARRIVES, ARRIVES, ARRIVES),
    "a name of 256 characters": Column("task", "t" * 256, "invalid_job", "protocol_error", ARRIVES),
    "the lowest priority": Column("priority", 32767, ARRIVES, ARRIVES, ARRIVES),
    "below the lowest": Column("priority", 32768, "invalid_job", "protocol_error", "22003"),
    "a priority beyond all": Column("priority", 2**62, "invalid_job", "protocol_error", "22003"),
    "a priority in words": Column("priority", "high", AT_ONCE, "protocol_error", "22P02"),
    "no attempt": Column("max_attempts", 0, "invalid_job", "protocol_error", "23514"),
    "minus one attempt": Column("max_attempts", -1, "invalid_job", "protocol_error", "23514"),
    "a tenant that is none": Column(
        "database_id", "acme", "invalid_job", "protocol_error", "22P02"
    ),
}

#: Rows of the ledger that no device could have sent, and what Postgres answers.
ROWS: dict[str, tuple[dict[str, object], str]] = {
    "begun before time": ({"started_at": "-infinity"}, "23514"),
    "begun when no calendar is left": ({"started_at": "294276-12-31"}, "23514"),
    "a table of flags": ({"flags": "{{a,b},{c,d}}"}, "23514"),
    "a flag that is null": ({"flags": "{a,NULL}"}, ARRIVES),
    "no flags": ({"flags": "{}"}, ARRIVES),
    "the last attempt of all": ({"attempts": 32767}, ARRIVES),
    "minus one attempt": ({"attempts": -1}, "23514"),
    "an error beyond numbers": ({"error": "1e5000"}, ARRIVES),
    "an error that is a list": ({"error": "[1]"}, ARRIVES),
    "an error without words": ({"error": '{"code": null, "message": {"a": 1e5000}}'}, ARRIVES),
    "an error that is deep": ({"error": _nested(3000)}, ARRIVES),
    "a result beyond numbers": ({"result": "1e5000"}, ARRIVES),
    "a long error": ({"error": json.dumps({"code": "c" * 9999, "message": "m" * 99_999})}, ARRIVES),
    "progress that is no number": ({"progress": "NaN"}, "23514"),
    "progress beyond the end": ({"progress": 1.5}, "23514"),
    "a task of nine megabytes": ({"task": "t" * 9_000_000}, ARRIVES),
    "a payload of two megabytes": ({"payload": _sized(2_000_000)}, ARRIVES),
    "completed and cancelled": ({"completed": True, "cancelled": True}, "23514"),
    "an owner without a name": ({"submitted_by": ""}, ARRIVES),
}

#: What may stand where something else should, in a message.
ODD: list[object] = [
    *(None, True, False, -1, 0, 1, 2**31, 2**63, 10**40, 0.5, 1e308, math.nan, math.inf),
    *("", "\0", "\ud800", "x" * 300, "NaN", "infinity", "\x1b[2J", _ID, _V1, _ID.upper()),
    *([], {}, [[]], [None], {"": ""}),
]
