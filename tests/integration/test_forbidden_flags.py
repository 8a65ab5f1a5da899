"""Flags that a processor leaves alone: by its settings, or by a function that it asks before each claim."""

import asyncio
from collections.abc import Callable
from uuid import UUID

import pytest

from integration.database import Database, Spec
from jobferry_server import Job, Processor
from jobferry_server.processor.flags import AskFlags
from jobferry_server.settings import ProcessorSettings
from support.processes import eventually
from support.services import Services


def submit(db: Database, *flags: str | None) -> list[UUID]:
    specs = [Spec(flags=flag) for flag in flags]
    db.submit(*specs)
    return [spec.id for spec in specs]


def processor(ask: AskFlags | None = None) -> Processor:
    found = Processor(forbidden_flags=ask)

    @found.task()
    async def default(job: Job) -> None:
        await asyncio.sleep(0)

    return found


def done(db: Database, *jobs: UUID) -> None:
    eventually(lambda: all(db.status(job) == "completed" for job in jobs), every=0.01)


def test_the_settings_forbid(db: Database, services: Services) -> None:
    free, other, forbidden = submit(db, None, "{day}", "{day,night}")
    with services.processor(processor(), forbidden_flags=("night", "x")):
        done(db, free, other)
        assert db.status(forbidden) == "queued"
    with services.processor(processor()):
        done(db, forbidden)


def test_the_environment_names_them_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ProcessorSettings().forbidden_flags == ()
    monkeypatch.setenv("JOBFERRY_FORBIDDEN_FLAGS", "mail:full,slow")
    assert ProcessorSettings().forbidden_flags == ("mail:full", "slow")
    monkeypatch.setenv("JOBFERRY_FORBIDDEN_FLAGS", "")
    assert ProcessorSettings().forbidden_flags == ()


@pytest.mark.parametrize("colour", ["sync", "async"])
def test_a_function_is_asked_at_each_claim(db: Database, services: Services, colour: str) -> None:
    forbidden = ["night"]

    async def ask_later() -> list[str]:
        await asyncio.sleep(0)
        return forbidden

    def ask() -> list[str]:
        return forbidden

    night, day = submit(db, "{night}", "{day}")
    with services.processor(processor(ask if colour == "sync" else ask_later), poll_seconds=0.05):
        done(db, day)
        assert db.status(night) == "queued"
        forbidden.clear()
        done(db, night)


def test_nothing_is_taken_while_the_function_fails(
    db: Database, services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    answers: list[Callable[[], list[str]]] = [lambda: [str(1 / 0)], lambda: ["night"]]

    def ask() -> list[str]:
        return (answers.pop(0) if len(answers) > 1 else answers[0])()

    day, night = submit(db, None, "{night}")
    with services.processor(processor(ask), poll_seconds=0.05):
        done(db, day)
    assert db.status(night) == "queued"
    assert "division by zero" in caplog.text
