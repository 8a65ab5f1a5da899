"""The sync engine and gateways that a real one is too well-behaved to play."""

import json
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from threading import Thread

import pytest
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

from jobferry_client import ClientError, ConnectionState, JobClient, NewJob, Status, Timing
from jobferry_shared.limits import Limits
from jobferry_shared.messages import Cancel, Operation, Push, Rejection, Submit
from jobferry_shared.session import GatewaySession
from support.processes import eventually

SOON = 20
LIMITS = Limits(batch=3, window=2)

Talk = Callable[["Visit"], None]
Door = Callable[[ServerConnection, Request], Response | None]


class Visit:
    """One connection, once its hello has come."""

    def __init__(self, socket: ServerConnection, number: int) -> None:
        self.number = number
        self.session = GatewaySession(LIMITS)
        self._socket = socket
        self._pushes: deque[Push] = deque()
        self._hear()

    def send(self, text: str) -> None:
        self._socket.send(text)

    def welcome(self) -> None:
        self.send(self.session.welcome("anna", "e", datetime.now(UTC)))
        self.page()

    def page(self) -> None:
        """Say that there is nothing to read, and hear that this was applied."""
        self.send(self.session.changes([], "c", complete=True))
        while not self.session.ready:
            self._hear()

    def push(self, timeout: float | None = None) -> list[Operation]:
        """The operations of the next push."""
        while not self._pushes:
            self._hear(timeout)
        return self._pushes.popleft().ops

    def _hear(self, timeout: float | None = None) -> None:
        message = self.session.receive(self._socket.recv(timeout))
        if isinstance(message, Push):
            self._pushes.append(message)

    def answer(self, through: int, *rejected: Rejection) -> None:
        self.send(self.session.pushed(through, datetime.now(UTC), rejected))

    def listen(self) -> None:
        """Say nothing more, until the device has enough."""
        for _ in self._socket:
            pass


class Odd:
    """A gateway that does what a test wants."""

    def __init__(self, talk: Talk, door: Door | None) -> None:
        self.times: list[float] = []
        self._talk = talk
        self._door = door
        self._server = serve(
            self._handle, "127.0.0.1", 0, process_request=self._process, compression=None
        )
        self.url = f"ws://127.0.0.1:{self._server.socket.getsockname()[1]}"
        self._thread = Thread(target=self._server.serve_forever)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()

    @property
    def visits(self) -> int:
        return len(self.times)

    def _process(self, socket: ServerConnection, request: Request) -> Response | None:
        self.times.append(time.monotonic())
        return self._door(socket, request) if self._door else None

    def _handle(self, socket: ServerConnection) -> None:
        with suppress(ConnectionClosed):
            self._talk(Visit(socket, self.visits))


@contextmanager
def odd(talk: Talk = Visit.listen, door: Door | None = None) -> Iterator[Odd]:
    found = Odd(talk, door)
    try:
        yield found
    finally:
        found.close()


@pytest.fixture
def path(device_file: Callable[[str], Path]) -> Path:
    """The device's file."""
    return device_file("till")


def is_shown(client: JobClient, state: ConnectionState, reason: str) -> bool:
    status = client.status()
    return status.state is state and reason in (status.reason or "")


def test_a_gateway_that_says_nothing_is_given_up_and_tried_again(path: Path) -> None:
    with odd() as gateway, JobClient(path, gateway.url, timing=Timing(silence=0.1)) as client:
        eventually(
            lambda: is_shown(client, ConnectionState.DISCONNECTED, "no answer in time"),
            SOON,
            every=0.001,
        )
        eventually(lambda: gateway.visits >= 3, SOON)


def test_a_gateway_that_falls_silent_is_given_up_though_it_once_spoke(path: Path) -> None:
    def talk(visit: Visit) -> None:
        visit.welcome()
        visit.listen()

    with odd(talk) as gateway, JobClient(path, gateway.url, timing=Timing(silence=0.2)) as client:
        client.sync(SOON)
        eventually(lambda: gateway.visits >= 2, SOON)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("hello?", "not a message"),
        ('{"type":"heartbeat"}', "heartbeat before welcome"),
        ('{"type":"welcome"}', "not a message: welcome.protocol: Field required"),
        ("[" * 10_000, "not a message"),
    ],
)
def test_a_gateway_that_breaks_the_rules_is_left_with_the_reason_and_tried_again(
    path: Path, text: str, reason: str
) -> None:
    def talk(visit: Visit) -> None:
        visit.send(text)
        visit.listen()

    with odd(talk) as gateway, JobClient(path, gateway.url) as client:
        eventually(lambda: is_shown(client, ConnectionState.DISCONNECTED, reason), SOON, 0.001)
        eventually(lambda: gateway.visits >= 2, SOON)


def test_a_gateway_of_another_version_is_tried_again_and_the_reason_is_shown(path: Path) -> None:
    def talk(visit: Visit) -> None:
        visit.send(visit.session.error("unsupported_protocol", "this gateway 7 to 9"))
        visit.listen()

    with odd(talk) as gateway, JobClient(path, gateway.url) as client:
        eventually(
            lambda: is_shown(client, ConnectionState.DISCONNECTED, "this gateway 7 to 9"), SOON
        )
        eventually(lambda: gateway.visits >= 2, SOON)


def test_an_error_that_says_when_to_come_back_is_obeyed(path: Path) -> None:
    def talk(visit: Visit) -> None:
        if visit.number < 3:
            visit.send(visit.session.error("limit_exceeded", "not so fast", retry_after=0.4))
        else:
            visit.welcome()
        visit.listen()

    with odd(talk) as gateway, JobClient(path, gateway.url) as client:
        eventually(
            lambda: is_shown(client, ConnectionState.DISCONNECTED, "limit_exceeded: not so fast"),
            SOON,
        )
        client.sync(SOON)
        first, second, third = gateway.times
    assert second - first >= 0.4
    assert third - second >= 0.4


def plain(status: HTTPStatus, body: str, **headers: str) -> Response:
    octets = body.encode()
    found = Headers({"Content-Length": str(len(octets)), **headers})
    return Response(status.value, status.phrase, found, octets)


@pytest.mark.parametrize("status", [HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE])
def test_a_door_that_says_when_to_come_back_is_obeyed(path: Path, status: HTTPStatus) -> None:
    def door(_: ServerConnection, __: Request) -> Response:
        return plain(status, "full", **{"Retry-After": "1"})

    with odd(door=door) as gateway, JobClient(path, gateway.url) as client:
        eventually(
            lambda: is_shown(client, ConnectionState.DISCONNECTED, f"HTTP {status.value}"), SOON
        )
        eventually(lambda: gateway.visits == 2, SOON)
    assert gateway.times[1] - gateway.times[0] >= 1


@pytest.mark.parametrize("header", ["soon", "-1", "\u00b2", ""])
def test_an_odd_retry_after_is_no_reason_to_stop(path: Path, header: str) -> None:
    def door(_: ServerConnection, __: Request) -> Response | None:
        return plain(HTTPStatus.BAD_GATEWAY, "", **{"Retry-After": header})

    with odd(door=door) as gateway, JobClient(path, gateway.url):
        eventually(lambda: gateway.visits >= 3, SOON)


def test_a_refused_token_shows_the_gateway_s_reason(path: Path) -> None:
    seen: list[str | None] = []

    def door(_: ServerConnection, request: Request) -> Response:
        seen.append(request.headers.get("Authorization"))
        return plain(HTTPStatus.UNAUTHORIZED, "this token is of yesterday\n")

    with (
        odd(door=door) as gateway,
        JobClient(path, gateway.url, "a.b.c") as client,
        pytest.raises(ClientError, match=r"wants a token: this token is of yesterday$"),
    ):
        client.sync(SOON)
    assert seen == ["Bearer a.b.c"]


def test_a_lock_that_can_not_be_taken_is_a_reason_and_is_tried_again(path: Path) -> None:
    lock = Path(f"{path}.jobferry-lock")
    lock.mkdir()

    def talk(visit: Visit) -> None:
        visit.welcome()
        visit.listen()

    with odd(talk) as gateway, JobClient(path, gateway.url) as client:
        eventually(lambda: is_shown(client, ConnectionState.DISCONNECTED, str(lock)), SOON)
        assert gateway.visits == 0
        lock.rmdir()
        client.sync(SOON)


def sent(ops: list[Operation]) -> list[str]:
    return [op.id if isinstance(op, Cancel) else op.job.id for op in ops]


def test_what_was_acknowledged_is_not_sent_again_and_what_was_not_is(path: Path) -> None:
    heard: list[list[str]] = []

    def talk(visit: Visit) -> None:
        visit.welcome()
        heard.append(sent(visit.push()))
        heard.append(sent(visit.push()))
        visit.answer(1)
        if visit.number == 2:
            visit.answer(2)
            visit.listen()

    with JobClient(path) as offline:
        ids = [str(job.id) for job in offline.submit_many([NewJob()] * 9)]
    with odd(talk) as gateway, JobClient(path, gateway.url) as client:
        client.sync(SOON)
    assert heard == [ids[0:3], ids[3:6], ids[3:6], ids[6:9]]


def test_no_more_pushes_than_the_window_are_under_way(path: Path) -> None:
    counts: list[int] = []

    def talk(visit: Visit) -> None:
        visit.welcome()
        visit.push()
        visit.push()
        with pytest.raises(TimeoutError):
            visit.push(timeout=0.3)
        for through in range(1, 5):
            visit.answer(through)
            if through <= 2:
                counts.append(len(visit.push()))
        visit.listen()

    with JobClient(path) as offline:
        offline.submit_many([NewJob()] * 11)
    with odd(talk) as gateway, JobClient(path, gateway.url) as client:
        client.sync(SOON)
    assert counts == [3, 2]


def test_answers_come_to_the_rows_they_are_about(path: Path) -> None:
    def talk(visit: Visit) -> None:
        visit.welcome()
        refused = [
            Rejection(seq=seq, id=op.job.id, code="database_refused", message=f"in push {seq}")
            for seq in (1, 2)
            for op in visit.push()
            if isinstance(op, Submit) and json.loads(op.job.payload) % 2
        ]
        visit.answer(2, *refused)
        visit.listen()

    with JobClient(path) as offline:
        offline.submit_many(NewJob(payload=n) for n in range(6))
    with odd(talk) as gateway, JobClient(path, gateway.url) as client:
        client.sync(SOON)
        found = {job.payload: job for job in client.jobs()}
    assert [found[n].status for n in range(6)] == [Status.QUEUED, Status.REJECTED] * 3
    reasons = [found[n].error.message for n in (1, 3, 5) if found[n].error]  # type: ignore[union-attr]
    assert reasons == ["in push 1", "in push 2", "in push 2"]


def test_a_reset_while_connected_means_not_in_step_until_it_was_read(path: Path) -> None:
    def talk(visit: Visit) -> None:
        visit.welcome()
        visit.push()
        visit.answer(1)
        visit.send(visit.session.reset())
        visit.push()
        visit.answer(2)
        visit.push()
        visit.page()
        visit.answer(3)
        visit.listen()

    with odd(talk) as gateway, JobClient(path, gateway.url) as client:
        client.sync(SOON)
        client.submit()
        eventually(lambda: client.status().pending == 0, SOON)
        client.submit()
        eventually(lambda: client.status().pending == 0, SOON)
        with pytest.raises(TimeoutError, match="not in step"):
            client.sync(0.1)
        client.submit()
        client.sync(SOON)
