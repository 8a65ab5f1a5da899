"""The wire messages can not change their shape without a new version in the history."""

import json
from hashlib import sha256
from typing import Any

from jobferry_shared.messages import DOWN, UP
from jobferry_shared.versions import HISTORY, MINIMUM_PROTOCOL, PROTOCOL


def shape(schema: Any) -> Any:
    """A JSON schema without what only people read."""
    if isinstance(schema, list):
        return [shape(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    # A field may be called "title" too; then its schema is no text.
    return {
        key: shape(value)
        for key, value in schema.items()
        if not (key in ("title", "description") and isinstance(value, str))
    }


def schema_hash() -> str:
    """SHA-256 of all messages' schema, both ways, as hex."""
    schema = {"up": shape(UP.json_schema()), "down": shape(DOWN.json_schema())}
    return sha256(json.dumps(schema, sort_keys=True).encode()).hexdigest()


def test_the_messages_are_those_of_the_newest_version() -> None:
    found = schema_hash()
    assert found == HISTORY[-1].schema_hash, (
        "The shape of the wire messages (jobferry_shared/messages.py) is not that of protocol"
        f" version {PROTOCOL} any more. If that was not intended, undo it. Otherwise, in"
        " jobferry_shared/versions.py: as long as version"
        f" {PROTOCOL} is in no release, set its schema_hash to\n\n    {found!r}\n\n"
        f"else append Version({PROTOCOL + 1}, 'what changed', {found!r}) to HISTORY, and raise"
        " MINIMUM_PROTOCOL if the older messages are not understood any more. Then run"
        " 'make docs' and describe the change in docs/protocol.md."
    )


def test_versions_are_numbered_from_one_and_say_what_they_changed() -> None:
    assert [version.number for version in HISTORY] == list(range(1, len(HISTORY) + 1))
    assert all(version.changed for version in HISTORY)
    assert len({version.schema_hash for version in HISTORY}) == len(HISTORY)


def test_this_code_speaks_the_newest_version_and_understands_some() -> None:
    assert HISTORY[-1].number == PROTOCOL
    assert 1 <= MINIMUM_PROTOCOL <= PROTOCOL
