"""Both sides of the conversation, wired to one another in memory."""

import json
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from jobferry_shared import session as session_module
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
    Operation,
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

DEVICE = "0b8f0d0e-6a7c-4f0e-9d3b-2f1c6f0a9b1d"
ID = "019a0b1c-2d3e-7f00-8a1b-2c3d4e5f6071"
NOON = datetime(2026, 2, 3, 12, tzinfo=UTC)
LIMITS = Limits(batch=3, window=2)
CANCEL = Cancel(id=ID)
CHANGE = Change(id=ID, status=Status.RUNNING, received_at=NOON, run_at=NOON)


class Pair:
    """A device and a gateway that hear one another at once."""

    def __init__(self) -> None:
        self.device = ClientSession()
        self.gateway = GatewaySession(LIMITS)

    def phases(self) -> tuple[Phase, Phase]:
        return self.device.phase, self.gateway.phase

    def may_send_page(self) -> bool:
        return self.gateway.ready

    def greet(self, cursor: str | None = None) -> Hello:
        message = self.gateway.receive(self.device.hello(DEVICE, cursor))
        assert isinstance(message, Hello)
        return message

    def let_in(self) -> Welcome:
        message = self.device.receive(self.gateway.welcome("anna", "epoch", NOON))
        assert isinstance(message, Welcome)
        return message

    def push(self, count: int = 1) -> int:
        seq, text = self.device.push([CANCEL] * count)
        message = self.gateway.receive(text)
        assert isinstance(message, Push)
        assert (message.seq, len(message.ops)) == (seq, count)
        return seq

    def answer(self, through: int, *rejected: Rejection) -> Pushed:
        message = self.device.receive(self.gateway.pushed(through, NOON, rejected))
        assert isinstance(message, Pushed)
        return message

    def page(self, cursor: str, *, complete: bool = True) -> Changes:
        message = self.device.receive(self.gateway.changes([CHANGE], cursor, complete=complete))
        assert isinstance(message, Changes)
        return message

    def apply(self) -> Applied:
        message = self.gateway.receive(self.device.applied())
        assert isinstance(message, Applied)
        return message


@pytest.fixture
def pair() -> Pair:
    """Before a word was said."""
    return Pair()


@pytest.fixture
def talking() -> Pair:
    """Once the device was let in."""
    pair = Pair()
    pair.greet()
    pair.let_in()
    return pair


def test_a_conversation_from_hello_to_the_last_page(pair: Pair) -> None:
    assert pair.greet("cursor-1").cursor == "cursor-1"
    assert pair.phases() == (Phase.GREETED, Phase.GREETED)
    assert pair.gateway.cursor == "cursor-1"
    welcome = pair.let_in()
    assert pair.phases() == (Phase.OPEN, Phase.OPEN)
    assert (welcome.owner, pair.device.owner, pair.device.limits) == ("anna", "anna", LIMITS)
    assert (pair.push(3), pair.push(1)) == (1, 2)
    rejection = Rejection(seq=2, id=ID, code="not_found", message="…")
    assert pair.answer(2, rejection).rejected == [rejection]
    assert pair.page("cursor-2", complete=False).rows == [CHANGE]
    assert pair.apply().cursor == "cursor-2"
    assert pair.gateway.cursor == "cursor-2"
    pair.page("cursor-3")
    pair.apply()
    assert isinstance(pair.gateway.receive(pair.device.heartbeat(4, NOON)), Heartbeat)
    assert isinstance(pair.device.receive(pair.gateway.heartbeat()), Heartbeat)
    assert isinstance(pair.gateway.receive(pair.device.renew("token")), Renew)
    error = pair.device.receive(pair.gateway.error("shutting_down", "…", 1.5))
    assert isinstance(error, Error)
    assert error.retry_after == 1.5
    assert pair.phases() == (Phase.CLOSED, Phase.CLOSED)


def test_a_device_may_push_only_as_much_as_the_window(talking: Pair) -> None:
    assert talking.device.free == 2
    talking.push()
    talking.push()
    assert talking.device.free == 0
    with pytest.raises(LocalProtocolError):
        talking.device.push([CANCEL])
    talking.answer(1)
    assert talking.device.free == 1
    assert talking.push() == 3


def test_one_answer_may_cover_several_pushes(talking: Pair) -> None:
    talking.push()
    talking.push()
    talking.answer(2)
    assert talking.device.free == LIMITS.window


def test_a_gateway_sends_one_page_and_waits(talking: Pair) -> None:
    assert talking.may_send_page()
    talking.page("c1")
    assert not talking.may_send_page()
    with pytest.raises(LocalProtocolError):
        talking.gateway.changes([], "c2", complete=True)
    with pytest.raises(LocalProtocolError):
        talking.gateway.reset()
    talking.apply()
    assert talking.may_send_page()


def test_a_reset_forgets_the_cursor_and_pages_go_on(pair: Pair) -> None:
    pair.greet("of-another-database")
    pair.let_in()
    assert isinstance(pair.device.receive(pair.gateway.reset()), Reset)
    assert pair.gateway.cursor is None
    pair.page("c1")
    pair.apply()


def test_neither_flow_control_opens_before_welcome_or_after_the_end(pair: Pair) -> None:
    def closed() -> bool:
        return pair.device.free == 0 and not pair.gateway.ready

    assert closed()
    pair.greet()
    assert closed()
    pair.let_in()
    assert not closed()
    pair.device.receive(pair.gateway.error("unavailable", "…"))
    assert closed()


# Illegal orders: who misuses its own side is told so, who hears nonsense blames the other.

DEVICE_WORDS: dict[str, Callable[[ClientSession], object]] = {
    "push": lambda device: device.push([CANCEL]),
    "applied": lambda device: device.applied(),
    "heartbeat": lambda device: device.heartbeat(0, None),
    "renew": lambda device: device.renew("token"),
}
GATEWAY_WORDS: dict[str, Callable[[GatewaySession], object]] = {
    "pushed": lambda gateway: gateway.pushed(1, NOON, []),
    "changes": lambda gateway: gateway.changes([], "c", complete=True),
    "reset": lambda gateway: gateway.reset(),
    "heartbeat": lambda gateway: gateway.heartbeat(),
}


@pytest.mark.parametrize("word", DEVICE_WORDS)
def test_a_device_says_nothing_but_hello_before_welcome(pair: Pair, word: str) -> None:
    with pytest.raises(LocalProtocolError):
        DEVICE_WORDS[word](pair.device)
    pair.greet()
    with pytest.raises(LocalProtocolError):
        DEVICE_WORDS[word](pair.device)


@pytest.mark.parametrize("word", DEVICE_WORDS)
def test_a_device_says_nothing_after_the_end(talking: Pair, word: str) -> None:
    talking.page("c")
    talking.device.receive(talking.gateway.error("unavailable", "…"))
    with pytest.raises(LocalProtocolError):
        DEVICE_WORDS[word](talking.device)


@pytest.mark.parametrize("word", GATEWAY_WORDS)
def test_a_gateway_says_nothing_but_error_before_welcome(pair: Pair, word: str) -> None:
    with pytest.raises(LocalProtocolError):
        GATEWAY_WORDS[word](pair.gateway)
    pair.greet()
    with pytest.raises(LocalProtocolError):
        GATEWAY_WORDS[word](pair.gateway)


def test_hello_is_said_once(pair: Pair) -> None:
    pair.greet()
    with pytest.raises(LocalProtocolError):
        pair.device.hello(DEVICE, None)


@pytest.mark.parametrize("when", ["before hello", "after welcome"])
def test_welcome_answers_a_hello(pair: Pair, when: str) -> None:
    if when == "after welcome":
        pair.greet()
        pair.let_in()
    with pytest.raises(LocalProtocolError):
        pair.gateway.welcome("anna", "epoch", NOON)


@pytest.mark.parametrize("through", [0, 2])
def test_a_gateway_answers_only_what_was_pushed(talking: Pair, through: int) -> None:
    talking.push()
    with pytest.raises(LocalProtocolError):
        talking.gateway.pushed(through, NOON, [])


def test_a_gateway_answers_a_push_once(talking: Pair) -> None:
    talking.push()
    talking.answer(1)
    with pytest.raises(LocalProtocolError):
        talking.gateway.pushed(1, NOON, [])


@pytest.mark.parametrize("count", [0, LIMITS.batch + 1])
def test_a_device_pushes_no_empty_and_no_oversized_batch(talking: Pair, count: int) -> None:
    with pytest.raises(LocalProtocolError):
        talking.device.push([CANCEL] * count)
    assert talking.push() == 1


def hello(protocol: int = 1) -> str:
    return encode(Hello(protocol=protocol, client_id=DEVICE))


def push(seq: int, count: int = 1) -> str:
    ops: list[Operation] = [CANCEL] * count
    return encode(Push(seq=seq, ops=ops))


@pytest.mark.parametrize(
    "text",
    [push(1), encode(Applied(cursor="c")), encode(Heartbeat()), encode(Renew(token="t"))],
    ids=["push", "applied", "heartbeat", "renew"],
)
@pytest.mark.parametrize("phase", [Phase.NEW, Phase.GREETED, Phase.CLOSED])
def test_a_gateway_hears_nothing_but_hello_outside_of_the_conversation(
    text: str, phase: Phase
) -> None:
    pair = Pair()
    if phase is not Phase.NEW:
        pair.greet()
    if phase is Phase.CLOSED:
        pair.let_in()
        pair.gateway.error("unavailable", "…")
    with pytest.raises(RemoteProtocolError, match="before welcome"):
        pair.gateway.receive(text)


@pytest.mark.parametrize(
    ("texts", "complaint"),
    [
        ([hello()], "hello was said before"),
        ([push(2)], "push 2 after push 0"),
        ([push(1), push(1)], "push 1 after push 1"),
        ([push(1), push(3)], "push 3 after push 1"),
        ([push(1), push(2), push(3)], "more than 2 pushes unanswered"),
        ([push(1, LIMITS.batch + 1)], "4 operations in one push, 3 are allowed"),
        ([encode(Applied(cursor="c"))], "applied what was not sent"),
        ([encode(Reset())], "not a message"),
    ],
)
def test_a_gateway_blames_the_device(talking: Pair, texts: list[str], complaint: str) -> None:
    *legal, illegal = texts
    for text in legal:
        talking.gateway.receive(text)
    with pytest.raises(RemoteProtocolError, match=complaint):
        talking.gateway.receive(illegal)


@pytest.mark.parametrize("text", [push(3), push(1, 4)], ids=["window", "batch"])
def test_going_beyond_a_limit_has_a_code_of_its_own(text: str) -> None:
    pair = Pair()
    pair.greet()
    pair.let_in()
    if text == push(3):
        pair.push()
        pair.push()
    with pytest.raises(RemoteProtocolError) as refusal:
        pair.gateway.receive(text)
    assert refusal.value.code == "limit_exceeded"


def test_a_gateway_takes_an_applied_for_the_page_it_sent_alone(talking: Pair) -> None:
    talking.page("c1")
    with pytest.raises(RemoteProtocolError, match="applied what was not sent"):
        talking.gateway.receive(encode(Applied(cursor="c2")))
    talking.apply()
    with pytest.raises(RemoteProtocolError, match="applied what was not sent"):
        talking.gateway.receive(encode(Applied(cursor="c1")))


def welcome(protocol: int = 1) -> str:
    return encode(
        Welcome(protocol=protocol, owner="anna", epoch="e", server_time=NOON, limits=LIMITS)
    )


def pushed(through: int, *rejected: int) -> str:
    refusals = [Rejection(seq=seq, id=ID, code="c", message="m") for seq in rejected]
    return encode(Pushed(through=through, received_at=NOON, rejected=refusals))


def changes(cursor: str = "c") -> str:
    return encode(Changes(rows=[], cursor=cursor, complete=True))


@pytest.mark.parametrize(
    "text",
    [pushed(1), changes(), encode(Reset()), encode(Heartbeat())],
    ids=["pushed", "changes", "reset", "heartbeat"],
)
@pytest.mark.parametrize("phase", [Phase.NEW, Phase.GREETED, Phase.CLOSED])
def test_a_device_hears_nothing_but_error_outside_of_the_conversation(
    text: str, phase: Phase
) -> None:
    pair = Pair()
    if phase is not Phase.NEW:
        pair.greet()
    if phase is Phase.CLOSED:
        pair.let_in()
        pair.device.receive(pair.gateway.error("unavailable", "…"))
    with pytest.raises(RemoteProtocolError, match="before welcome"):
        pair.device.receive(text)


@pytest.mark.parametrize(
    ("texts", "complaint"),
    [
        ([welcome()], "an unexpected welcome"),
        ([pushed(2)], "pushed through 2, sent 1"),
        ([pushed(0)], "pushed through 0, sent 1"),
        ([pushed(1), pushed(1)], "pushed through 1, sent 1"),
        ([pushed(1, 2)], "rejected in push 2, which is not answered"),
        ([pushed(1, 1, 0)], "rejected in push 0, which is not answered"),
        ([changes(), changes("d")], "changes before the last page was applied"),
        ([changes(), encode(Reset())], "reset before the last page was applied"),
        ([hello()], "not a message"),
    ],
)
def test_a_device_blames_the_gateway(talking: Pair, texts: list[str], complaint: str) -> None:
    talking.push()
    *legal, illegal = texts
    for text in legal:
        talking.device.receive(text)
    with pytest.raises(RemoteProtocolError, match=complaint):
        talking.device.receive(illegal)


def test_an_unexpected_welcome_is_refused_before_hello_too(pair: Pair) -> None:
    with pytest.raises(RemoteProtocolError, match="an unexpected welcome"):
        pair.device.receive(welcome())


def test_an_error_may_come_at_any_time(pair: Pair) -> None:
    assert isinstance(pair.device.receive(pair.gateway.error("unavailable", "…")), Error)


# Versions.


@pytest.fixture
def newer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Code that speaks versions 2 to 4."""
    monkeypatch.setattr(session_module, "PROTOCOL", 4)
    monkeypatch.setattr(session_module, "MINIMUM_PROTOCOL", 2)


@pytest.mark.usefixtures("newer")
@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_a_gateway_answers_an_older_device_in_the_device_s_version(protocol: int) -> None:
    gateway = GatewaySession(LIMITS)
    gateway.receive(hello(protocol))
    assert json.loads(gateway.welcome("anna", "e", NOON))["protocol"] == protocol


@pytest.mark.usefixtures("newer")
@pytest.mark.parametrize("protocol", [-1, 0, 1, 5])
def test_a_gateway_that_does_not_speak_the_device_s_version_says_both(protocol: int) -> None:
    gateway = GatewaySession(LIMITS)
    with pytest.raises(
        RemoteProtocolError, match=f"speaks protocol {protocol}, this gateway 2 to 4"
    ) as refusal:
        gateway.receive(hello(protocol))
    assert refusal.value.code == "unsupported_protocol"
    assert gateway.phase is Phase.NEW


@pytest.mark.usefixtures("newer")
@pytest.mark.parametrize("protocol", [1, 5])
def test_a_device_that_does_not_speak_the_gateway_s_version_says_both(protocol: int) -> None:
    device = ClientSession()
    device.hello(DEVICE, None)
    with pytest.raises(
        RemoteProtocolError, match=f"speaks protocol {protocol}, this client 2 to 4"
    ) as refusal:
        device.receive(welcome(protocol))
    assert refusal.value.code == "unsupported_protocol"


# Whatever happens.


class Conversation(RuleBasedStateMachine):
    """Each side says what it may, whenever it likes; the texts are under way for any time."""

    def __init__(self) -> None:
        super().__init__()
        self.device = ClientSession()
        self.gateway = GatewaySession(LIMITS)
        self.up: deque[str] = deque()
        self.down: deque[str] = deque()
        self.asked = 0
        self.cursors = 0
        self.unanswered: deque[int] = deque()
        self.to_apply = 0
        self.up.append(self.device.hello(DEVICE, "start"))

    @rule()
    @precondition(lambda self: self.up)
    def gateway_hears(self) -> None:
        match self.gateway.receive(self.up.popleft()):
            case Push(seq=seq):
                self.unanswered.append(seq)
            case Heartbeat():
                self.down.append(self.gateway.heartbeat())
            case _:
                pass

    @rule()
    @precondition(lambda self: self.down)
    def device_hears(self) -> None:
        if isinstance(self.device.receive(self.down.popleft()), Changes):
            self.to_apply += 1

    @rule()
    @precondition(lambda self: self.gateway.phase is Phase.GREETED)
    def let_in(self) -> None:
        self.down.append(self.gateway.welcome("anna", "e", NOON))

    @rule(count=st.integers(1, LIMITS.batch))
    @precondition(lambda self: self.device.free)
    def push(self, count: int) -> None:
        self.up.append(self.device.push([CANCEL] * count)[1])

    @rule(choice=st.integers(0, LIMITS.window - 1), refused=st.booleans())
    @precondition(lambda self: self.unanswered)
    def answer(self, choice: int, refused: bool) -> None:
        through = self.unanswered[min(choice, len(self.unanswered) - 1)]
        answered = [seq for seq in self.unanswered if seq <= through]
        self.unanswered = deque(seq for seq in self.unanswered if seq > through)
        rejected = [Rejection(seq=seq, id=ID, code="c", message="m") for seq in answered if refused]
        self.down.append(self.gateway.pushed(through, NOON, rejected))

    @rule(complete=st.booleans())
    @precondition(lambda self: self.gateway.ready)
    def send_page(self, complete: bool) -> None:
        self.cursors += 1
        self.down.append(self.gateway.changes([CHANGE], str(self.cursors), complete=complete))

    @rule()
    @precondition(lambda self: self.gateway.ready)
    def reset(self) -> None:
        self.down.append(self.gateway.reset())

    @rule()
    @precondition(lambda self: self.to_apply)
    def apply(self) -> None:
        self.to_apply -= 1
        self.up.append(self.device.applied())

    @rule()
    @precondition(lambda self: self.device.phase is Phase.OPEN)
    def beat(self) -> None:
        self.up.append(self.device.heartbeat(1, NOON))

    @rule()
    @precondition(lambda self: self.device.phase is Phase.OPEN)
    def renew(self) -> None:
        self.up.append(self.device.renew("token"))

    @invariant()
    def nothing_queues_up(self) -> None:
        pushes = sum('"push"' in text for text in self.up)
        assert pushes + len(self.unanswered) <= LIMITS.window
        assert sum('"changes"' in text for text in self.down) + self.to_apply <= 1
        assert 0 <= self.device.free <= LIMITS.window


TestConversation = Conversation.TestCase
TestConversation.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)

KEYS = st.sampled_from(
    [
        "type",
        "seq",
        "ops",
        "cursor",
        "rows",
        "through",
        "rejected",
        "protocol",
        "client_id",
        "limits",
    ]
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from([DEVICE, ID, "push", "hello", "welcome", "changes", "applied", "heartbeat"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=8,
)
LEGAL = st.sampled_from(
    [
        hello(),
        push(1),
        push(2, 3),
        encode(Applied(cursor="c")),
        encode(Renew(token="t")),
        welcome(),
        pushed(1),
        pushed(2, 2),
        changes(),
        encode(Reset()),
        encode(Heartbeat()),
        encode(Error(code="c", message="m")),
    ]
)
GARBAGE = st.text() | st.binary() | VALUES.map(json.dumps) | LEGAL


@given(texts=st.lists(GARBAGE | st.tuples(LEGAL, st.integers(0, 40)), max_size=6))
def test_whatever_text_comes_neither_side_raises_anything_but_blame(
    texts: list[str | bytes | tuple[str, int]],
) -> None:
    device, gateway = ClientSession(), GatewaySession(LIMITS)
    device.hello(DEVICE, None)
    for text in texts:
        if isinstance(text, tuple):
            text = text[0][: -text[1] or None]
        for side in (device, gateway):
            with suppress(RemoteProtocolError):
                side.receive(text)
