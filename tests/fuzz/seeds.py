"""Octets to begin with: what is legal, nearly legal, and known to be odd."""

import json
from itertools import chain

from fuzz.conversation import DEVICE, HEARD, ID
from support.corpus import COLUMNS, ODD, PAYLOADS

__all__ = ["seeds"]

_CURSORS = ["", "/", "1:1:////", "7:12:8,11////", "1:9:/3:4:3/a/5/" + "0" * 36, "///g//"]
_CLAIMS = [
    '{"sub":"anna","aud":"jobferry","exp":9999999999}',
    '{"sub":["a"],"aud":{"x":1},"exp":1e999}',
    '{"sub":"\\u0000","aud":["jobferry"],"exp":[1],"nbf":{}}',
]
_SCHEDULES = [
    "*/5 4-8 * jan mon#2",
    '{"hour": [2], "tz": "Europe/Paris"}',
    '{"cron": "0 6 * * *", "every": "2d", "until": "2027-01-01"}',
    "0 6 * * * report ?id=x&fill=1d&max=3 {}\n# words\n* * * * * poll",
    "2h30m",
    "90d",
]


def seeds() -> list[bytes]:
    """All of them, for every target: what is a message to one is a text to another."""
    texts = [ID, DEVICE, *_CURSORS, *_CLAIMS, *_SCHEDULES, *(json.dumps(value) for value in ODD)]
    messages = (word(number) for word in HEARD for number in (1, 2))
    names = (str(column.value) for column in COLUMNS.values())
    encoded = (text.encode(errors="surrogatepass") for text in chain(texts, messages, names))
    return [*encoded, *(payload.octets for payload in PAYLOADS.values())]
