"""The plan comes from its seed alone, and the checker says no to each thing that must not be."""

import random
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

import pytest

from chaos.checker import Evidence, judge
from chaos.plan import plan

KINDS = ("one", "two", "three")

State = dict[str, Any]


def row(n: int, **columns: object) -> State:
    payload = {"device": "till", "n": n}
    return {
        "task": "default",
        "status": "completed",
        "submitted_by": "anna",
        "payload": payload,
        "result": {"got": payload, "attempt": 1},
        "attempts": 1,
        "error": None,
    } | columns


def event(job: str, name: str, attempt: int = 1, actor: str = "p") -> State:
    return {"job_id": job, "event": name, "attempt": attempt, "actor": actor}


def sound() -> State:
    """A device that submitted three jobs: one completed, one was cancelled, one had an effect."""
    jobs = {
        "a": row(1),
        "b": row(2, status="cancelled", result=None),
        "c": row(3, task="booking", result=None),
    }
    ends = {"a": "completed", "b": "cancelled", "c": "completed"}
    return {
        "owners": {"till": "anna", "tablet": "berta"},
        "histories": {
            "till": [
                {"did": "submitted", "jobs": ["a", "b", "c"]},
                {"did": "cancelled", "job": "b"},
                {
                    "did": "saw",
                    "job": "a",
                    "earlier": "pending",
                    "later": "queued",
                    "uncancelled": 0,
                    "slipped": 0,
                },
            ],
            "tablet": [],
        },
        "files": {"till": deepcopy(jobs), "tablet": {}},
        "ledger": jobs,
        "events": [
            event(job, name) for job, end in ends.items() for name in ("submitted", "started", end)
        ],
        "booked": ["c"],
        # A fourth may be there once more than it was submitted.
        "began": {("a", 1), ("c", 1), ("d", 1)},
    }


def saw(state: State, earlier: str, later: str, uncancelled: int = 0, slipped: int = 0) -> None:
    words = {"did": "saw", "job": "a", "earlier": earlier, "later": later}
    state["histories"]["till"].append(words | {"uncancelled": uncancelled, "slipped": slipped})


#: What is done to a sound state, under the name of what is wrong then.
WRONGS: Mapping[str, list[Callable[[State], object]]] = {
    "lost": [
        lambda state: state["ledger"].pop("a"),
        lambda state: state["files"]["till"].pop("a"),
        lambda state: state["ledger"]["a"].update(result=None),
        lambda state: state["ledger"]["a"].update(result={"got": {}, "attempt": 1}),
        lambda state: state["ledger"]["a"].update(status="failed"),
    ],
    "duplicated": [
        lambda state: state["ledger"].update(d=row(1)),
        lambda state: state["events"].insert(0, event("a", "submitted")),
        lambda state: state["booked"].append("c"),
        lambda state: state["booked"].clear(),
        lambda state: state["booked"].append("b"),
    ],
    "reordered status": [
        lambda state: saw(state, "completed", "running"),
        lambda state: saw(state, "queued", "pending"),
        lambda state: saw(state, "running", "running", slipped=1),
        lambda state: state["events"].append(event("b", "started")),
    ],
    "unfenced writes": [
        lambda state: state["events"][2].update(actor="another"),
        lambda state: state["ledger"]["a"].update(attempts=2),
        lambda state: state["began"].remove(("c", 1)),
    ],
    "foreign rows seen": [
        lambda state: state["files"]["tablet"].update(a=row(1)),
        lambda state: state["files"]["till"]["a"].update(submitted_by="berta"),
        lambda state: state["ledger"]["a"].update(submitted_by="berta"),
    ],
    "own writes not read": [
        lambda state: state["histories"]["till"].append(
            {"did": "unread", "job": "a", "found": "nothing"}
        ),
        lambda state: saw(state, "queued", "running", uncancelled=1),
    ],
}


def test_nothing_is_wrong_with_what_is_sound() -> None:
    verdict = judge(Evidence(**sound()))
    assert verdict.operations == 4
    assert not any(verdict.faults.values())


def test_progress_of_what_was_handed_back_begins_anew() -> None:
    state = sound()
    saw(state, "running", "running", slipped=1)
    state["events"].insert(2, event("a", "released"))
    assert not any(judge(Evidence(**state)).faults.values())


@pytest.mark.parametrize(
    ("name", "wrong"), [(name, wrong) for name, wrongs in WRONGS.items() for wrong in wrongs]
)
def test_each_wrong_is_found_and_called_by_its_name(
    name: str, wrong: Callable[[State], object]
) -> None:
    state = sound()
    wrong(state)
    assert [found for found, every in judge(Evidence(**state)).faults.items() if every] == [name]


def test_a_seed_makes_one_plan_with_every_kind_alike() -> None:
    one, again, other = (plan(random.Random(seed), KINDS, 6, 0.5) for seed in (1, 1, 2))
    assert one == again != other
    assert [one_fault.at for one_fault in one] == sorted(fault.at for fault in one)
    assert {kind: [fault.kind for fault in one].count(kind) for kind in KINDS} == dict.fromkeys(
        KINDS, 4
    )
