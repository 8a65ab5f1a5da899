"""The table of a job's life makes sense, and says what a device may show next."""

from itertools import product

import pytest

from jobferry_shared.states import FINISHED, LOCAL_TRANSITIONS, TRANSITIONS, Status, can_follow

ON_THE_DEVICE_ALONE = {Status.PENDING, Status.REJECTED}
IN_THE_LEDGER = set(Status) - ON_THE_DEVICE_ALONE


REVIVALS = {step for step, event in TRANSITIONS.items() if event == "revived"}


def test_nothing_follows_a_finished_job_but_the_revival_of_a_failed_one() -> None:
    assert {step for step in TRANSITIONS if step[0] in FINISHED} == REVIVALS
    assert {(Status.FAILED, Status.QUEUED), (Status.FAILED, Status.SCHEDULED)} == REVIVALS


def test_every_unfinished_job_can_end_in_each_way() -> None:
    for source, target in product(IN_THE_LEDGER - FINISHED, FINISHED):
        assert TRANSITIONS[source, target] == target.value


def test_the_ledger_knows_nothing_of_the_device_s_own_statuses() -> None:
    assert not {status for step in TRANSITIONS for status in step} & ON_THE_DEVICE_ALONE


def test_every_status_can_be_reached() -> None:
    assert {target for _, target in (*TRANSITIONS, *LOCAL_TRANSITIONS)} == set(Status)


def test_no_job_is_born_running_retrying_or_failed() -> None:
    born = {target for source, target in TRANSITIONS if source is None}
    assert born == {Status.SCHEDULED, Status.QUEUED, Status.COMPLETED, Status.CANCELLED}


@pytest.mark.parametrize(("source", "target"), [*TRANSITIONS, *LOCAL_TRANSITIONS])
def test_every_step_may_be_shown(source: Status | None, target: Status) -> None:
    """A revival begins another life."""
    assert source is None or can_follow(source, target) == ((source, target) not in REVIVALS)


@pytest.mark.parametrize("status", Status)
def test_a_status_may_be_shown_again(status: Status) -> None:
    assert can_follow(status, status)


def test_a_device_may_miss_steps() -> None:
    assert can_follow(Status.PENDING, Status.COMPLETED)
    assert can_follow(Status.QUEUED, Status.RETRYING)
    assert can_follow(Status.SCHEDULED, Status.FAILED)


@pytest.mark.parametrize("finished", sorted({*FINISHED, Status.REJECTED}))
def test_what_has_ended_is_never_shown_as_anything_else(finished: Status) -> None:
    assert [status for status in Status if can_follow(finished, status)] == [finished]


def test_nothing_goes_back_to_pending_or_is_rejected_once_the_ledger_has_it() -> None:
    for source, target in product(IN_THE_LEDGER, ON_THE_DEVICE_ALONE):
        assert not can_follow(source, target)
