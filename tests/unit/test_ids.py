"""Job ids: what is one, and that new ones are of version 7 and in time order."""

import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from uuid import NAMESPACE_DNS, UUID, uuid3, uuid4, uuid5

import pytest

from jobferry_shared import ids as ids_module
from jobferry_shared.errors import InvalidJob
from jobferry_shared.ids import job_id, new_id

V4 = "0b8f0d0e-6a7c-4f0e-9d3b-2f1c6f0a9b1d"
V7 = "019a0b1c-2d3e-7f00-8a1b-2c3d4e5f6071"


@pytest.mark.parametrize("text", [V4, V7])
def test_takes_versions_4_and_7_as_text_and_as_uuid(text: str) -> None:
    assert job_id(text) == text
    assert job_id(UUID(text)) == text


@pytest.mark.parametrize(
    "value",
    [
        UUID(int=0),
        UUID("8bdced74-e647-11f1-8da3-02fc00000001"),
        uuid3(NAMESPACE_DNS, "a"),
        uuid5(NAMESPACE_DNS, "a"),
        UUID("1ec9414c-232a-6b00-b3c8-9e6bdeced846"),
        UUID("320c3d4d-cc00-875b-8ec9-32d5f69181c0"),
        UUID(int=2**128 - 1),
        V4.upper(),
        V4.replace("-", ""),
        "{" + V4 + "}",
        "urn:uuid:" + V4,
        V4[:-1],
        V4 + "0",
        V4 + "\n",
        "\n" + V4,
        V4 + "\0",
        V4.replace("-9d3b", "-cd3b"),
        V4.replace("0", "\u0660"),
        "",
        "x" * 10_000,
    ],
    ids=lambda value: repr(value)[:60],
)
def test_takes_nothing_else(value: UUID | str) -> None:
    with pytest.raises(InvalidJob, match="not a lower-case UUID of version 4 or 7") as refusal:
        job_id(value)
    assert len(str(refusal.value)) < 150


def test_a_new_id_is_version_7_with_the_time_of_now_in_front() -> None:
    before = time.time_ns() // 1_000_000
    new = new_id()
    after = time.time_ns() // 1_000_000
    assert (new.version, new.variant) == (7, uuid4().variant)
    assert before <= new.int >> 80 <= after
    assert job_id(new) == str(new)


def test_new_ids_do_not_repeat_and_are_in_order() -> None:
    ids = [str(new_id()) for _ in range(100_000)]
    assert len(set(ids)) == 100_000
    assert ids == sorted(ids)


def test_a_clock_that_goes_back_does_not_take_the_ids_with_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = new_id()
    monkeypatch.setattr(ids_module, "time", SimpleNamespace(time_ns=lambda: 0))
    assert new_id() > before


def test_threads_get_different_ids() -> None:
    with ThreadPoolExecutor(8) as threads:
        ids = [job for jobs in threads.map(lambda _: some_ids(), range(8)) for job in jobs]
    assert len(set(ids)) == len(ids)
    # The random part alone would tell them apart; the time must already.
    assert len({job.int >> 64 for job in ids}) == len(ids)


def some_ids() -> list[UUID]:
    return [new_id() for _ in range(2000)]
