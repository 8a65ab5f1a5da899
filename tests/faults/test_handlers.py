"""What a handler does must not harm the others."""

from pathlib import Path

from jobferry_client import JobClient, Status
from support.facts import Ledger
from support.services import token
from support.stack import Stack

SOON = 20


def test_jobs_that_run_for_hours_leave_the_other_places_to_others(
    stack: Stack, facts: Ledger, tmp_path: Path
) -> None:
    gateway = stack.gateway()
    stack.processor(JOBFERRY_CONCURRENCY="4")
    with JobClient(tmp_path / "till.db", gateway.url, token()) as client:
        for number in range(1, 4):
            client.submit("awaiting")
            stack.reach(number)
        assert client.wait(client.submit("quick").id, timeout=SOON).completed


def test_a_handler_in_which_something_else_is_cancelled_has_failed_and_no_more(
    stack: Stack, facts: Ledger, tmp_path: Path
) -> None:
    """``asyncio.CancelledError`` out of a handler that nobody cancelled is an error like others."""
    gateway = stack.gateway()
    processor = stack.processor(JOBFERRY_CONCURRENCY="2")
    with JobClient(tmp_path / "till.db", gateway.url, token()) as client:
        broken = [client.submit("hatching", max_attempts=1) for _ in range(3)]
        for job in broken:
            assert client.wait(job.id, timeout=SOON).status is Status.FAILED
        assert client.wait(client.submit("quick").id, timeout=SOON).completed
    assert processor.ended is None
