"""A device and a gateway that talks nonsense: it says why, and goes on with the next that does not."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from random import Random

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from fuzz.conversation import HEARD
from integration.database import Database
from jobferry_client import JobClient
from support.noise import CONNECTIONS, SEED, spoil
from support.processes import eventually
from support.services import Services, token

CONVERSATIONS = CONNECTIONS // 4


class Nonsense:
    """A gateway's side of some connections."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self.conversations = 0

    def __call__(self, socket: ServerConnection) -> None:
        """Say some words, right ones among them, and hang up."""
        with suppress(ConnectionClosed):
            socket.recv(5)
            for word in self._words():
                socket.send(word)
        self.conversations += 1

    def had(self, number: int) -> bool:
        """Were there so many?"""
        return self.conversations >= number

    def _words(self) -> Iterator[str | bytes]:
        if self._random.random() < 0.7:
            yield json.dumps(self._welcome())
        for _ in range(self._random.randrange(4)):
            yield self._word()

    def _welcome(self) -> dict[str, object]:
        message = {"type": "welcome", "protocol": 1, "owner": "anna", "epoch": "e"}
        return {**message, "server_time": "2026-02-03T12:00:00Z", "limits": {}}

    def _word(self) -> str | bytes:
        if self._random.random() < 0.2:
            return self._random.randbytes(self._random.randrange(100))
        text = self._random.choice(HEARD)(self._random.randrange(256))
        with suppress(ValueError):
            message = json.loads(text)
            spoil(message, self._random)
            return json.dumps(message)
        return text


@contextmanager
def talking(nonsense: Nonsense) -> Iterator[int]:
    """A server of nonsense; its port."""
    with serve(nonsense, "127.0.0.1", 0, compression=None) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.socket.getsockname()[1]
        finally:
            server.shutdown()
            thread.join()


def test_nonsense_from_a_gateway_harms_no_device(
    db: Database, services: Services, device_file: Callable[[str], Path]
) -> None:
    path = device_file("till")
    nonsense = Nonsense(SEED)
    with talking(nonsense) as port, JobClient(path, f"ws://127.0.0.1:{port}", token()) as client:
        mine = client.submit("t", {"n": 1})
        for wanted in range(1, CONVERSATIONS):
            eventually(partial(nonsense.had, wanted), 10, 0.002)
            client.connect()
        eventually(lambda: client.status().reason)
        assert client.get(mine.id).payload == {"n": 1}
    with services.gateway() as url, JobClient(path, url, token()) as client:
        client.sync(20)
        assert db.job(mine.id)["payload"] == {"n": 1}
        assert [job.id for job in client.jobs(100)] == [mine.id]
