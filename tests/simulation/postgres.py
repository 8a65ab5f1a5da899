"""Postgres as far as commits go: transactions that end in another order than they began.

A statement takes its time to arrive, to commit and to be answered, and each may be cut off: so whoever
asked does not know whether it was done, or will be. What a statement does to the rows is
:mod:`simulation.ledger`'s business, and happens at the commit, all at once. Its transaction id is
given when it begins.
"""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from random import Random
from typing import Any

import asyncpg

from jobferry_sql import query
from simulation.bugs import Bugs
from simulation.loop import Loop, process_now

__all__ = ["Listener", "Pool", "Postgres", "Snapshot"]

#: Seconds that a part of a statement takes, mostly.
QUICK = 0.01
FIRST_XID = 1000
#: How often a statement is held up on its way, and for how long.
LATE = 0.03
LATE_SECONDS = 1.5

#: Functions that hold the lease of the processor they are called for, and those that wait for it.
SHARING = frozenset({"claim", "flush"})
ALONE = frozenset({"release_unknown", "unregister_processor"})

#: Statements that are longer than a call.
QUERIES = {query(name): name for name in ("gateway_feed", "gateway_start")}

_OF_OURS = re.compile(r"\bjobferry\.(\w+)")

Ring = Callable[[object, int, str, object], None]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Which transactions are seen: those before ``xmax`` but for the ``running``."""

    xmax: int
    running: tuple[int, ...] = ()

    def sees(self, xid: int) -> bool:
        """Is this transaction's work visible?"""
        return xid < self.xmax and xid not in self.running

    def __str__(self) -> str:
        xmin = self.running[0] if self.running else self.xmax
        return f"{xmin}:{self.xmax}:{','.join(map(str, self.running))}"

    @classmethod
    def parse(cls, text: str) -> "Snapshot":
        """A ``pg_snapshot`` as text."""
        _, xmax, running = text.split(":")
        return cls(int(xmax), tuple(map(int, running.split(","))) if running else ())


@dataclass(eq=False, slots=True)
class Question:
    """A statement on its way."""

    statement: str
    arguments: tuple[Any, ...]
    answer: "asyncio.Future[Any]"
    xid: int = 0
    #: Will it not be done any more?
    dropped: bool = False

    @property
    def name(self) -> str:
        """The function it calls."""
        return _function(self.statement)


@dataclass
class Statements:
    """What the database knows: functions by name; ``writing`` ones are transactions.

    What nothing depends on is a ``trifle``, answered at once: it is asked often.
    """

    trifles: dict[str, Any] = field(default_factory=dict)
    reading: dict[str, Callable[..., Any]] = field(default_factory=dict)
    writing: dict[str, Callable[..., Any]] = field(default_factory=dict)


class Pool:
    """What ``open_pool`` gives: the connections of one process."""

    def __init__(self, postgres: "Postgres") -> None:
        self._postgres = postgres

    async def fetch(self, statement: str, *arguments: Any, **_: Any) -> Any:
        """As asyncpg's: rows, a row, a value or a status, as the statement's model gives it."""
        return await self._postgres.ask(statement, arguments)

    fetchrow = fetchval = execute = fetch

    def terminate(self) -> None:
        """All connections go; what Postgres has begun it ends."""


class Listener:
    """A connection with LISTEN."""

    def __init__(self, postgres: "Postgres") -> None:
        process = process_now()
        assert process is not None
        self.process = process
        #: Is the connection half open, so that nothing arrives and nobody is told?
        self.deaf = False
        self._postgres = postgres
        self._rings: dict[str, Ring] = {}
        self._on_end: Callable[..., None] | None = None
        self._ended = asyncio.Event()
        self._answer: asyncio.Future[Any] | None = None

    def add_termination_listener(self, on_end: Callable[..., None]) -> None:
        """As asyncpg's."""
        self._on_end = on_end

    async def add_listener(self, channel: str, ring: Ring) -> None:
        """LISTEN."""
        await asyncio.sleep(self._postgres.delay())
        self._rings[channel] = ring

    async def fetch(self, statement: str, *arguments: Any, **_: Any) -> Any:
        """As asyncpg's."""
        if self.deaf:
            await self._ended.wait()
            raise ConnectionResetError
        self._answer = self._postgres.ask(statement, arguments)
        return await self._answer

    def tell(self, channel: str, payload: str) -> None:
        """A notification."""
        if not self.deaf and channel in self._rings:
            loop, ring = self._postgres.loop, self._rings[channel]
            loop.call_later(
                self._postgres.delay(),
                ring,
                self,
                0,
                channel,
                payload,
                context=self.process.context,
            )

    def break_off(self) -> None:
        """The connection ends and says so."""
        self.terminate()
        if self._on_end is not None:
            self._postgres.loop.call_soon(self._on_end, context=self.process.context)

    def terminate(self) -> None:
        """As asyncpg's: what is under way on it is not heard of any more."""
        if self in self._postgres.listeners:
            self._postgres.listeners.remove(self)
        self._ended.set()
        if self._answer is not None:
            self._postgres.lose(self._answer)


class Postgres:
    """One server."""

    def __init__(
        self, loop: Loop, random: Random, bugs: Bugs, say: Callable[[object, str], None]
    ) -> None:
        self.loop = loop
        self.up = True
        self.knows = Statements()
        self.listeners: list[Listener] = []
        #: Whose turn it is: the transaction that commits this moment.
        self.xid = 0
        self._random = random
        self._bugs = bugs
        self._say = say
        self.cluster = 0
        #: The id of the next transaction, and how often ids were taken back.
        self.next_xid = FIRST_XID
        self.rewound = 0
        self._running: dict[int, Question | None] = {}
        self._newest = FIRST_XID - 1
        self._asked: dict[Question, None] = {}
        self._notices: dict[tuple[str, str], None] = {}

    # -- what the product is given in place of asyncpg's

    async def open_pool(self, *_: Any, **__: Any) -> Any:
        """``open_pool``."""
        await asyncio.sleep(self.delay())
        self._expect_up()
        return Pool(self)

    async def connect(self, *_: Any) -> Any:
        """``connect``, for the doorbell."""
        await asyncio.sleep(self.delay())
        self._expect_up()
        self.listeners.append(Listener(self))
        return self.listeners[-1]

    def ask(self, statement: str, arguments: tuple[Any, ...]) -> "asyncio.Future[Any]":
        """Send a statement."""
        self._expect_up()
        question = Question(statement, arguments, self.loop.create_future())
        if question.name in self.knows.trifles:
            question.answer.set_result(self.knows.trifles[question.name])
            return question.answer
        self._asked[question] = None
        if self._random.random() < LATE:
            self.loop.after(self._random.expovariate(1 / LATE_SECONDS), self._begin, question)
        else:
            self._begin(question)
        return question.answer

    # -- transactions

    def snapshot(self) -> Snapshot:
        """What is visible now."""
        running = tuple(sorted(xid for xid in self._running if xid <= self._newest))
        return Snapshot(self._newest + 1, () if self._bugs.cursor_by_sequence else running)

    def begin(self) -> int:
        """A new transaction."""
        xid, self.next_xid = self.next_xid, self.next_xid + 1
        self._running[xid] = None
        return xid

    def commit(self, xid: int, work: Callable[[], Any]) -> Any:
        """Do the work of a transaction and end it; if the work fails, it is rolled back."""
        self.xid = xid
        try:
            return work()
        except BaseException:
            self._notices.clear()
            raise
        finally:
            self.rollback(xid)
            self._ring()

    def rollback(self, xid: int) -> None:
        """It is over."""
        self._running.pop(xid, None)
        self._newest = max(self._newest, xid)

    def runs(self, xid: int) -> bool:
        """Is it still open?"""
        return xid in self._running

    def lease_is_held(self, processor: str) -> bool:
        """Is it in the middle of a claim or a flush?"""
        return any(
            question.name in SHARING and question.arguments[0] == processor
            for question in self._running.values()
            if question is not None
        )

    def notify(self, channel: str, payload: str = "") -> None:
        """``pg_notify``: once a transaction, however often it is said."""
        self._notices[channel, payload] = None

    def delay(self) -> float:
        """How long something takes here: mostly a moment."""
        seconds = self._random.expovariate(1 / QUICK)
        return seconds if self._random.random() < 0.95 else seconds * 50

    # -- faults

    def crash(self) -> None:
        """It is gone at once; what was not committed never was."""
        self.up = False
        self._say("postgres", "crashes")
        for xid in list(self._running):
            self.rollback(xid)
        for listener in list(self.listeners):
            listener.break_off()
        for question in list(self._asked):
            question.dropped = True
            self._lose(question)

    def rewind(self, cluster: int, xid: int) -> None:
        """Be another cluster, or an earlier state of it, whose next transaction has this id."""
        self._running.clear()
        self.next_xid, self._newest = xid, xid - 1
        self.cluster = cluster
        self.rewound += 1

    def terminate_backends(self) -> None:
        """The statements under way are lost to those who asked; some are done none the less."""
        for question in list(self._asked):
            if self._random.random() < 0.5:
                question.dropped = True
                self._end(question)
            self._lose(question)

    def lose(self, answer: "asyncio.Future[Any]") -> None:
        """Whoever waits for this answer will not get it; what was asked may be done none the less."""
        for question in list(self._asked):
            if question.answer is answer:
                self._lose(question)

    # -- one statement

    def _begin(self, question: Question) -> None:
        if question.dropped:
            return
        if (read := self.knows.reading.get(question.name)) is not None:
            self._answer(question, read(*question.arguments))
        elif question.name in self.knows.writing:
            question.xid = self.begin()
            self._running[question.xid] = question
            self.loop.after(self.delay(), self._commit, question)
        else:
            raise AssertionError(f"the simulation's ledger does not know {question.name!r}")

    def _commit(self, question: Question) -> None:
        # The id may be another transaction's by now.
        if self._running.get(question.xid) is not question:
            return
        if question.name in ALONE and self.lease_is_held(question.arguments[0]):
            self.loop.after(QUICK, self._commit, question)
            return
        write = self.knows.writing[question.name]
        try:
            value = self.commit(question.xid, lambda: write(*question.arguments))
        except asyncpg.PostgresError as error:
            value = error
        self._answer(question, value)

    def _end(self, question: Question) -> None:
        if question.xid:
            self.rollback(question.xid)

    def _answer(self, question: Question, value: Any) -> None:
        self.loop.after(self.delay(), self._arrive, question, value)

    def _arrive(self, question: Question, value: Any) -> None:
        if question.answer.done():
            return
        del self._asked[question]
        if isinstance(value, Exception):
            question.answer.set_exception(value)
        else:
            question.answer.set_result(value)

    def _lose(self, question: Question) -> None:
        self._asked.pop(question, None)
        if not question.answer.done():
            question.answer.set_exception(asyncpg.ConnectionDoesNotExistError("it broke"))

    def _ring(self) -> None:
        for channel, payload in self._notices:
            for listener in self.listeners:
                listener.tell(channel, payload)
        self._notices.clear()

    def _expect_up(self) -> None:
        if not self.up and not self.loop.over:
            raise ConnectionRefusedError("Postgres is away")


@cache
def _function(statement: str) -> str:
    """What a statement of the product calls, or what else it is about."""
    if statement in QUERIES:
        return QUERIES[statement]
    text = _without_comments(statement)
    found = re.search(r"\b(?:jobferry\.|(?=pg_[ln]))(\w+)\(", text) or _OF_OURS.search(text)
    return found[1] if found else statement


def _without_comments(statement: str) -> str:
    return re.sub("--.*", "", statement)
