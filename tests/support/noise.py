"""What a stranger might say: random octets, frames, and messages that are almost right. Seeded."""

import json
import os
from collections.abc import Iterator
from copy import deepcopy
from random import Random
from typing import Any
from uuid import UUID

from jobferry_shared.versions import PROTOCOL
from support.corpus import ODD
from support.misuse import frame, request

__all__ = ["CONNECTIONS", "SEED", "Noise", "spoil"]

#: How many connections make noise, and which.
CONNECTIONS = int(os.environ.get("JOBFERRY_TEST_NOISE", "150"))
SEED = int(os.environ.get("JOBFERRY_TEST_SEED", "20261122"))
MOST_WORDS = 6


class Noise:
    """One connection's worth of it."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        #: How long it listens after each word, in seconds.
        self.patience = self._random.choice([0.0, 0.01, 0.05])
        self._pushes = 0
        self._ids: list[str] = []

    def connection(self, token: str) -> Iterator[bytes]:
        """What goes over the connection, piece by piece."""
        if self._random.random() < 0.15:
            yield self._octets()
            return
        yield request(Authorization=f"Bearer {token}")
        if self._random.random() < 0.8:
            yield frame(json.dumps(self._hello()).encode())
        for _ in range(self._random.randrange(1, MOST_WORDS)):
            yield self._sliced(self._word())

    def message(self) -> str:
        """A message that is right, or nearly."""
        message = self._random.choice([self._hello, self._push, self._other])()
        for _ in range(self._random.choice([0, 0, 0, 1, 2])):
            spoil(message, self._random)
        text = json.dumps(message)
        return text[: self._random.randrange(len(text))] if self._random.random() < 0.1 else text

    def _word(self) -> bytes:
        match self._random.choices(["octets", "frame", "message"], [1, 2, 6])[0]:
            case "octets":
                return self._octets()
            case "frame":
                return self._frame()
            case _:
                return frame(self.message().encode())

    def _octets(self) -> bytes:
        return self._random.randbytes(self._random.randrange(1, 2000))

    def _frame(self) -> bytes:
        return frame(
            self._random.choice([self._octets(), self.message().encode()]),
            self._random.randrange(16),
            fin=self._random.random() < 0.7,
            reserved=self._random.choice([0, 0, 0, 0x40, 0x20, 0x10]),
            masked=self._random.random() < 0.9,
        )

    def _sliced(self, octets: bytes) -> bytes:
        """Sometimes the end is missing, and what comes next is taken for it."""
        return octets if self._random.random() < 0.95 else octets[: -self._random.randrange(1, 9)]

    def _hello(self) -> dict[str, Any]:
        device = UUID(int=self._random.getrandbits(128), version=4)
        return {"type": "hello", "protocol": PROTOCOL, "client_id": str(device)}

    def _push(self) -> dict[str, Any]:
        self._pushes += 1
        ops = [self._operation() for _ in range(self._random.randrange(1, 5))]
        return {"type": "push", "seq": self._pushes, "ops": ops}

    def _operation(self) -> dict[str, Any]:
        if self._ids and self._random.random() < 0.4:
            return {"op": "cancel", "id": self._random.choice(self._ids)}
        self._ids.append(str(UUID(int=self._random.getrandbits(128), version=4)))
        job = {"id": self._ids[-1], "timestamp": "2026-01-01T00:00:00Z", "payload": "{}"}
        return {"op": "submit", "job": job}

    def _other(self) -> dict[str, Any]:
        return dict(
            self._random.choice(
                [
                    {"type": "heartbeat", "pending": 3},
                    {"type": "applied", "cursor": "x"},
                    {"type": "renew", "token": "x"},
                    {"type": "welcome"},
                ]
            )
        )


def spoil(message: Any, random: Random) -> None:
    """One thing in it is another, somewhere."""
    while isinstance(message, dict | list) and message:
        keys = list(message) if isinstance(message, dict) else range(len(message))
        key = random.choice(list(keys))
        if not isinstance(message[key], dict | list) or random.random() < 0.3:
            message[key] = deepcopy(random.choice(ODD))
            return
        message = message[key]
