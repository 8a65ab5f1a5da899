"""One strict JSON validator, the same on the device and on the server.

Parsers disagree about ``NaN``, ``1e999``, duplicate keys, ``\\u0000``, lone surrogates and deep
nesting; Postgres refuses some of them in the middle of a transaction. Here each is refused at the
door, with its reason. What passes is kept as the text it was: payloads travel unread.
"""

import json
import math
import re
from typing import Any, NoReturn

from jobferry_shared.errors import InvalidJSON

__all__ = ["MAX_DEPTH", "dump", "lenient", "parse"]

#: How deep arrays and objects may nest.
MAX_DEPTH = 64

#: Digits after the point that Postgres can keep of one number.
MAX_SCALE = 16383

_ESCAPE = re.compile(r"\\u")
_SURROGATE_OR_NUL = re.compile("[\0\ud800-\udfff]")


def parse(text: str, *, max_bytes: int | None = None) -> Any:
    """The value of a JSON text, or :class:`InvalidJSON` with the reason.

    ``max_bytes`` bounds the text's UTF-8 length, in octets.
    """
    _check_text(text, max_bytes)
    try:
        value = _decode(text)
    except ValueError as error:
        raise InvalidJSON(str(error)) from error
    except RecursionError as error:
        raise InvalidJSON(f"nested deeper than {MAX_DEPTH}") from error
    # A text without enough brackets can't be too deep, one without \u can't hide a surrogate.
    if text.count("[") + text.count("{") > MAX_DEPTH or _ESCAPE.search(text):
        _check_value(value, MAX_DEPTH)
    return value


def dump(value: Any) -> str:
    """JSON text of a Python value, compact; :class:`InvalidJSON` where it has none that we accept."""
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidJSON(str(error)) from error
    parse(text)
    return text


def lenient(text: str | bytes) -> Any:
    """What a JSON text from the ledger says, whoever wrote it there.

    Postgres keeps numbers and depths that Python does not read: of those the text itself.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text if isinstance(text, str) else text.decode(errors="replace")


def _check_text(text: str, max_bytes: int | None) -> None:
    try:
        size = len(text) if text.isascii() else len(text.encode())
    except UnicodeEncodeError as error:
        raise InvalidJSON(f"not valid UTF-8 at character {error.start}") from error
    if max_bytes is not None and size > max_bytes:
        raise InvalidJSON(f"{size} bytes, the limit is {max_bytes}", code="payload_too_large")


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise InvalidJSON(f"duplicate key {twice[:40]!r}")
    return value


def _finite(number: str) -> float:
    value = float(number)
    if math.isinf(value):
        raise InvalidJSON(f"{number[:40]} is more than a double can hold")
    if value == 0 and any(digit in "123456789" for digit in number.lower().partition("e")[0]):
        raise InvalidJSON(f"{number[:40]} is less than a double can hold")
    # What a double can hold has few decimals unless it is long, or a zero that hides them: 0e-99999.
    if (value == 0 or len(number) > MAX_SCALE) and abs(_scale(number)) > MAX_SCALE:
        raise InvalidJSON(f"{number[:40]} has more than {MAX_SCALE} decimals")
    return value


def _scale(number: str) -> int:
    mantissa, _, exponent = number.lower().partition("e")
    return len(mantissa.partition(".")[2]) - int(exponent or 0)


def _integer(number: str) -> int:
    if len(number) > 15:
        _finite(number)
    return int(number)


def _no_constant(name: str) -> NoReturn:
    raise InvalidJSON(f"{name} is not JSON")


_decode = json.JSONDecoder(
    object_pairs_hook=_no_duplicates,
    parse_float=_finite,
    parse_int=_integer,
    parse_constant=_no_constant,
).decode


def _check_value(value: Any, depth: int) -> None:
    if isinstance(value, str):
        _check_string(value)
    elif isinstance(value, dict | list):
        if depth == 0:
            raise InvalidJSON(f"nested deeper than {MAX_DEPTH}")
        for key in value if isinstance(value, dict) else ():
            _check_string(key)
        for item in value.values() if isinstance(value, dict) else value:
            _check_value(item, depth - 1)


def _check_string(text: str) -> None:
    if found := _SURROGATE_OR_NUL.search(text):
        raise InvalidJSON(f"\\u{ord(found.group()):04x} can't be stored")
