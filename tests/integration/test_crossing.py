"""A job crosses, the whole way: SQLite, websocket, Postgres, handler, and back."""

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

from pydantic import BaseModel

from jobferry_client import JobClient, Status
from jobferry_server import Job, Processor
from support.services import Services, token


class Photo(BaseModel):
    width: int


class Thumb(BaseModel):
    half: int


def tasks() -> Processor:
    processor = Processor()

    @processor.task()
    def default(job: Job) -> object:
        job.progress(0.5)
        return {"got": job.payload}

    @processor.task("half")
    async def half(job: Job, photo: Photo) -> Thumb:
        return Thumb(half=photo.width // 2)

    return processor


def test_a_job_submitted_offline_crosses_and_its_result_comes_back(
    services: Services, device_file: Callable[[str], Path]
) -> None:
    path = device_file("till")
    with JobClient(path) as offline:
        job = offline.submit("half", {"width": 640})
        assert job.status is Status.PENDING
        assert job.state == "waiting to send"
    with (
        services.gateway() as url,
        services.processor(tasks()),
        JobClient(path, url, token("anna")) as client,
    ):
        done = client.wait(job.id, timeout=10)
    assert done.result == {"half": 320}
    assert done.submitted_by == "anna"
    assert (done.attempts, done.progress) == (1, 1.0)


def test_plain_sql_of_another_program_is_a_submit(
    services: Services, device_file: Callable[[str], Path]
) -> None:
    path = device_file("till")
    with (
        services.gateway() as url,
        services.processor(tasks()),
        JobClient(path, url, token()) as client,
    ):
        client.sync(timeout=10)
        with sqlite3.connect(path) as foreign:
            foreign.execute("INSERT INTO background_jobs (payload) VALUES ('{\"n\": 1}')")
        foreign.close()
        found = client.wait(client.jobs(1)[0].id, timeout=10)
    assert found.task == "default"
    assert found.result == {"got": {"n": 1}}
    assert time.time() - found.timestamp.timestamp() < 10  # type: ignore[union-attr]
