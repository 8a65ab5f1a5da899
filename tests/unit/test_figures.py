"""The database's figures as a scraper sees them."""

from jobferry_server.metrics import definitions as metrics
from jobferry_server.metrics.figures import show

FIGURES = {
    "offered": ["kept"],
    "delegated": [],
    "oldest_waiting": None,
    "dead": 0,
    "ledger": 0,
    "processors": 0,
    "snapshot": {"seconds": None, "transactions": None},
    "devices": {"known": 0, "pending": 0, "unsent": 0, "oldest_pending": None, "last_heard": None},
}


def shown() -> dict[str, float]:
    (found,) = metrics.QUEUE_JOBS.collect()
    return {sample.labels["task"]: sample.value for sample in found.samples}


def test_a_task_without_jobs_has_no_series_and_the_others_have_theirs() -> None:
    show(FIGURES | {"queue": {"kept": 2, "done": 1}})
    assert shown() == {"kept": 2, "done": 1}
    kept = metrics.QUEUE_JOBS.labels("kept")
    show(FIGURES | {"queue": {"kept": 3}})
    assert shown() == {"kept": 3}
    # The very same series: there was no moment without it.
    assert metrics.QUEUE_JOBS.labels("kept") is kept
    show(FIGURES | {"queue": {}})
    assert shown() == {}
