"""Whoever names a thousand tasks that nobody offers does not fill the log with them."""

import logging

import pytest

from integration.database import Database, Spec
from integration.test_processor_handlers import only
from support.processes import eventually
from support.services import Services

#: Tasks that nobody offers; the last has two jobs.
MANY = 200


def test_of_many_tasks_that_nobody_offers_those_with_most_jobs_are_named(
    db: Database, services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    names = [f"task {number}" for number in (*range(MANY), MANY - 1)]
    assert db.submit(*(Spec(task=name) for name in names)) == []
    with (
        caplog.at_level(logging.WARNING, "jobferry.processor"),
        services.processor(only(lambda _: 1)),
    ):
        eventually(lambda: "no processor offers" in caplog.text)
        eventually(lambda: f"task {MANY - 1}" in caplog.text)
        eventually(lambda: "other tasks" in caplog.text)
    told = [record.getMessage() for record in caplog.records]
    assert told[0] == f"2 jobs wait for task 'task {MANY - 1}', which no processor offers"
    assert told[-1] == "190 jobs wait for 190 other tasks that no processor offers"
    assert len(told) == 11
