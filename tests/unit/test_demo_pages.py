"""What the devices' pages make of files, forms and jobs, without a browser."""

import base64
import gzip
import io
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from PIL import Image
from starlette.types import Message, Receive, Scope, Send

from jobferry_client import ClientStatus, ConnectionState, Job, JobError, NewJob, Status
from jobferry_demo.data import photos
from jobferry_demo.summaries import SummaryIn, summarise
from jobferry_demo.thumbnails import ThumbnailIn, make_thumbnail
from jobferry_demo.web import guard
from jobferry_demo.web.cards import card, picture_of
from jobferry_demo.web.connection import standing
from jobferry_demo.web.errors import Unsuitable
from jobferry_demo.web.files import job_of_file
from jobferry_demo.web.wishes import job_of_wish
from jobferry_shared.limits import Limits
from jobferry_shared.strict_json import dump

DEVICE = uuid4()
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def job(**fields: Any) -> Job:
    """A job as a file might have it."""
    nothing = dict.fromkeys(
        ("payload", "result", "error", "queue_name", "job_key", "submitted_by", "client_id")
    )
    times = dict.fromkeys(("timestamp", "run_at", "received_at", "started_at", "finished_at"), NOW)
    usual = {
        "id": uuid4(),
        "task": "echo",
        "status": Status.QUEUED,
        "progress": 0.0,
        "cancel_requested": False,
        "attempts": 0,
        "max_attempts": 25,
        "priority": 0,
        "flags": (),
    }
    return Job(**{**nothing, **times, **usual, **fields})


# -- files


def noise(width: int, height: int) -> bytes:
    """A PNG that no compression makes smaller."""
    picture = Image.frombytes("RGB", (width, height), os.urandom(3 * width * height))
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def test_a_photo_of_any_size_fits_what_the_server_takes() -> None:
    small, large = photos()[0].read_bytes(), noise(1500, 1000)
    assert len(large) > 4_000_000
    sent = [job_of_file("a.png", content).payload for content in (small, large)]
    assert base64.b64decode(sent[0]["photo"]) == small
    assert all(len(dump(payload)) <= Limits().payload_bytes for payload in sent)
    found = make_thumbnail(ThumbnailIn.model_validate(sent[1]))
    assert (found.name, found.width, found.height) == ("a.png", 256, 171)


@pytest.mark.parametrize(("delimiter", "name"), [(",", "a.csv"), (";", "A.CSV"), ("\t", "a.tsv")])
def test_a_table_may_part_its_columns_in_any_usual_way(delimiter: str, name: str) -> None:
    table = f"x{delimiter}y\n1{delimiter}2\n"
    payload = job_of_file(name, table.encode()).payload
    assert gzip.decompress(base64.b64decode(payload["csv_gzip"])) == table.encode()
    assert len(summarise(SummaryIn.model_validate(payload)).columns) == 2


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", b"", "“a.csv” is empty"),
        ("a.pdf", b"%PDF", "neither a photo"),
        ("a\x1b[31m\x00.txt", b"text", "“a[31m.txt” is neither"),
        ("a.jpg", b"\xff\xd8\xff" + bytes(2_000_000), "“a.jpg” can't be read: this is no picture"),
        ("a.csv", os.urandom(2_000_000), "“a.csv” is too large: 2,000,000 bytes"),
        ("a.csv", bytes(17 * 2**20), "“a.csv” is too large: 17,825,792 bytes"),
    ],
    ids=["empty", "pdf", "name", "damaged", "packed", "unpacked"],
)
def test_a_file_that_makes_no_job_is_refused_with_a_reason(
    name: str, content: bytes, words: str
) -> None:
    with pytest.raises(Unsuitable) as refused:
        job_of_file(name, content)
    assert words in str(refused.value)


# -- forms


def test_a_form_asks_for_work() -> None:
    def ask(**fields: str) -> NewJob:
        return job_of_wish(fields)

    assert ask(wish="photo").task == "thumbnail"
    assert ask(wish="table").payload["name"] == "weather.csv"
    assert ask(wish="checksum", amount="7").payload["megabytes"] == 7
    assert ask(wish="wait", amount="2.5").payload == {"seconds": 2.5, "steps": 12}
    assert ask(wish="note", amount=" hello ").payload == {"note": "hello"}
    assert ask(wish="failure").max_attempts == 2
    assert len(dump(ask(wish="refusal").payload)) > Limits().payload_bytes


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "did not say"),
        ({"wish": "money"}, "did not say"),
        ({"wish": "checksum"}, "megabytes: "),
        ({"wish": "checksum", "amount": "5000"}, "less than or equal to 1024"),
        ({"wish": "wait", "amount": "nan"}, "seconds: "),
        ({"wish": "note", "amount": " "}, "1 to 2,000 characters"),
    ],
    ids=str,
)
def test_a_form_that_makes_no_sense_is_refused_with_a_reason(
    fields: Mapping[str, str], words: str
) -> None:
    with pytest.raises(Unsuitable) as refused:
        job_of_wish(fields)
    assert words in str(refused.value)


# -- who may ask


async def test_a_request_that_does_not_say_how_long_it_is_is_bounded_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(guard, "MOST_BODY", 10)
    answers: list[Message] = []
    read = 0

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal read
        while True:
            read += len((await receive())["body"])

    async def receive() -> Message:
        return {"type": "http.request", "body": b"1234", "more_body": True}

    async def send(message: Message) -> None:
        answers.append(message)

    headers = [(b"host", b"127.0.0.1:80"), (b"origin", b"http://127.0.0.1:80")]
    scope = {"type": "http", "method": "POST", "path": "/files", "headers": headers}
    await guard.Guard(app, 80, "")(scope, receive, send)
    assert (answers[0]["status"], read) == (413, 8)


# -- jobs


def test_a_job_that_ended_can_not_be_cancelled() -> None:
    for status in Status:
        shown = card(job(status=status), DEVICE)
        ended = status in ("completed", "failed", "cancelled", "rejected")
        assert shown.may_cancel is not ended, status
    assert not card(job(cancel_requested=True), DEVICE).may_cancel


def test_a_card_tells_whose_job_it_is_and_how_it_stands() -> None:
    running = card(job(status=Status.RUNNING, progress=0.42, client_id=uuid4()), DEVICE)
    assert (running.words, running.percent, running.here) == ("running 42 %", 42, False)
    assert card(job(client_id=DEVICE), DEVICE).here
    error = JobError("payload_too_large", "3 bytes, the limit is 2")
    rejected = card(job(status=Status.REJECTED, error=error), DEVICE)
    assert (rejected.words, rejected.tone) == ("rejected", "bad")
    assert rejected.reason == "payload_too_large: 3 bytes, the limit is 2"
    assert rejected.remedy
    own = card(job(status=Status.FAILED, error=JobError("my_code", "no")), DEVICE)
    assert (own.reason, own.remedy) == ("my_code: no", None)


def test_a_picture_is_shown_only_where_there_is_one() -> None:
    photo = photos()[0]
    small = make_thumbnail(ThumbnailIn(photo=photo.read_bytes()))
    result = small.model_dump(mode="json")
    done = job(task="thumbnail", status=Status.COMPLETED, result=result)
    shown = card(done, DEVICE)
    assert shown.picture is not None
    assert picture_of(done) == small.thumbnail
    script = base64.b64encode(b"<script>").decode()
    assert picture_of(job(status=Status.COMPLETED, result={**result, "thumbnail": script})) is None


@pytest.mark.parametrize(
    "odd", [None, 1, "text", [], {}, {"name": 5}, {"thumbnail": "…", "width": -1}, {"rows": "many"}]
)
@pytest.mark.parametrize("task", ["thumbnail", "summary", "checksum", "sleep", "echo", "x"])
def test_no_payload_and_no_result_is_too_odd_to_be_shown(task: str, odd: object) -> None:
    done = job(task=task, payload=odd, result=odd, status=Status.COMPLETED, timestamp=None)
    shown = card(done, DEVICE)
    assert shown.kind
    assert shown.picture is None
    assert picture_of(done) is None


def test_what_is_long_is_cut() -> None:
    shown = card(job(task="x" * 999, result="y" * 999, status=Status.COMPLETED), DEVICE)
    assert len(shown.title) == 80
    assert len(shown.facts[0]) == 160


# -- the connection


def test_the_status_line_says_it_in_words() -> None:
    def line(state: ConnectionState, reason: str | None = None, **more: Any) -> Any:
        usual = {"pending": 0, "oldest_pending_age": None, "stalled": False, "rejected": 0}
        known = {"last_synced_at": None, "owner": "ada", "client_id": DEVICE}
        status = ClientStatus(state=state, reason=reason, **{**usual, **known, **more})
        return standing(status, on=True)

    assert line(ConnectionState.CONNECTED).heading == "Connected"
    assert line(ConnectionState.CONNECTED).unsent == ""
    locked_out = line(ConnectionState.NEEDS_AUTH, "the token has expired")
    assert (locked_out.heading, locked_out.reason) == ("Needs a token", "the token has expired")
    waiting = line(ConnectionState.DISCONNECTED, pending=3, oldest_pending_age=400.0)
    assert waiting.unsent == "3 waiting to send, the oldest for 6 m 40 s"
