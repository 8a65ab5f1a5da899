"""The jobs that are measured, all of one owner and of a task that does nothing."""

import json
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from jobferry_shared.ids import new_id

__all__ = ["BATCH", "DEVICE", "OWNER", "PAYLOAD", "TASK", "Row", "payload", "rows"]

TASK = "noop"
OWNER = "anna"
#: The device that submitted what never was in a file.
DEVICE = uuid4()
#: Rows in one transaction of the raw pieces; a push of the product's has as many.
BATCH = 500


def payload(number: int) -> dict[str, object]:
    """About a hundred octets of JSON."""
    return {"number": number, "kind": "noop", "padding": "x" * 60}


PAYLOAD = json.dumps(payload(0))


@dataclass(frozen=True, slots=True)
class Row:
    """A job as Postgres gets it."""

    id: UUID
    timestamp: datetime
    payload: str


def rows(number: int) -> list[Row]:
    """Jobs that never were in a file."""
    now = datetime.now().astimezone()
    return [Row(new_id(), now, json.dumps(payload(n))) for n in range(number)]
