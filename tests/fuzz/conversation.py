"""A conversation out of octets: each pair is something that one side says, or is told to say."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

from jobferry_shared.errors import LocalProtocolError, RemoteProtocolError
from jobferry_shared.limits import Limits
from jobferry_shared.messages import (
    Applied,
    Cancel,
    Change,
    Changes,
    Error,
    Heartbeat,
    Hello,
    Push,
    Pushed,
    Rejection,
    Renew,
    Reset,
    Welcome,
    encode,
)
from jobferry_shared.session import ClientSession, GatewaySession, Phase
from jobferry_shared.states import Status

__all__ = ["converse"]

DEVICE = "0b8f0d0e-6a7c-4f0e-9d3b-2f1c6f0a9b1d"
ID = "019a0b1c-2d3e-7f00-8a1b-2c3d4e5f6071"
NOON = datetime(2026, 2, 3, 12, tzinfo=UTC)
LIMITS = Limits(batch=3, window=2)
CANCEL = Cancel(id=ID)
CHANGE = Change(id=ID, status=Status.RUNNING, received_at=NOON, run_at=NOON)

Word = Callable[[int], str]

#: What may arrive at either side, whoever would say it.
HEARD: list[Word] = [
    lambda n: encode(Hello(protocol=n, client_id=DEVICE)),
    lambda n: encode(Hello(protocol=1, client_id=DEVICE, cursor=str(n))),
    lambda n: encode(Push.model_construct(seq=n - 1, ops=[CANCEL] * (n % 5))),
    lambda n: encode(Push(seq=n % 4 + 1, ops=[CANCEL])),
    lambda n: encode(Applied(cursor=str(n % 4))),
    lambda _: encode(Renew(token="t")),
    lambda n: encode(Heartbeat(pending=n)),
    lambda n: encode(_welcome(n % 3)),
    lambda n: encode(Pushed(through=n % 5, received_at=NOON)),
    lambda n: encode(Pushed(through=n % 5, received_at=NOON, rejected=[_rejection(n // 5)])),
    lambda n: encode(Changes(rows=[CHANGE], cursor=str(n % 4), complete=bool(n % 2))),
    lambda _: encode(Reset()),
    lambda n: encode(Error(code="c", message="m", retry_after=float(n))),
    lambda n: encode(Heartbeat())[:n],
]


def _welcome(protocol: int) -> Welcome:
    return Welcome(protocol=protocol, owner="a", epoch="e", server_time=NOON, limits=LIMITS)


def _rejection(seq: int) -> Rejection:
    return Rejection(seq=seq, id=ID, code="c", message="m")


def _own_words(device: ClientSession, gateway: GatewaySession) -> list[Word]:
    """What either side is told to say; what arrives is another matter."""
    return [
        lambda n: device.hello(DEVICE, str(n)),
        lambda n: device.push([CANCEL] * (n % 5))[1],
        lambda _: device.applied(),
        lambda n: device.heartbeat(n, NOON),
        lambda _: device.renew("t"),
        lambda _: gateway.welcome("a", "e", NOON),
        lambda n: gateway.pushed(n % 5, NOON, []),
        lambda n: gateway.changes([CHANGE], str(n % 4), complete=bool(n % 2)),
        lambda _: gateway.reset(),
        lambda _: gateway.heartbeat(),
        lambda n: gateway.error("c", "m", float(n)),
    ]


def converse(octets: bytes) -> None:
    """Neither side raises anything but blame, of the right kind, and both stay what they can be."""
    device, gateway = ClientSession(), GatewaySession(LIMITS)
    own = _own_words(device, gateway)
    for what, number in zip(octets[::2], octets[1::2], strict=False):
        kind = what % (len(own) + 2 * len(HEARD))
        with suppress(RemoteProtocolError if kind >= len(own) else LocalProtocolError):
            if kind < len(own):
                own[kind](number)
            else:
                side = (device, gateway)[kind % 2]
                side.receive(HEARD[(kind - len(own)) // 2](number))
        _check(device, gateway)


def _check(device: ClientSession, gateway: GatewaySession) -> None:
    open_ = device.phase is Phase.OPEN
    assert 0 <= device.free <= (device.limits.window if open_ else 0)
    assert not gateway.ready or gateway.phase is Phase.OPEN
    assert open_ or device.phase is Phase.CLOSED or device.owner is None
