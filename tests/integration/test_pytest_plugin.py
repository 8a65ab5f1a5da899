"""The fixtures for users' own tests, in a pytest of their own; and the example of the documents."""

import re
from pathlib import Path

import psycopg
import pytest

from jobferry_server.testing import postgres
from support.postgres import TestServer

DOCUMENT = Path(__file__).parents[2] / "docs" / "testing.md"

FAILING = """
import asyncio
from datetime import timedelta
import pytest
from jobferry_client import AsyncJobClient
from jobferry_server import Fail, Job, Processor, Retry
from jobferry_server.errors import JobFailed, JobsLeft

processor = Processor()

@processor.task("flaky")
def flaky(job: Job) -> int:
    if job.attempt < 3:
        raise ValueError("not yet")
    return job.attempt

@processor.task("broken", max_attempts=2)
async def broken(job: Job) -> None:
    raise ValueError("it is broken")

@processor.task("refused")
def refused(job: Job) -> None:
    raise Fail("too_big", "will not fit")

def test_retries_do_not_wait(jobferry_client, run_jobs):
    jobferry_client.submit("flaky")
    (done,) = run_jobs(processor)
    assert (done.status, done.result, done.attempts) == ("completed", 3, 3)

def test_what_a_handler_raised_is_raised(jobferry_client, run_jobs):
    jobferry_client.submit("broken")
    with pytest.raises(ExceptionGroup) as raised:
        run_jobs(processor)
    (failure,) = raised.value.exceptions
    assert isinstance(failure, JobFailed)
    assert str(failure.__cause__) == "it is broken"

def test_a_failure_may_be_meant(jobferry_client, run_jobs):
    jobferry_client.submit("refused")
    (failed,) = run_jobs(processor, check=False)
    assert (failed.status, failed.error.code) == ("failed", "too_big")

def test_a_job_of_nobody_is_an_error(jobferry_client, run_jobs):
    jobferry_client.submit("unheard of")
    with pytest.raises(JobsLeft, match="no handler for task 'unheard of'"):
        run_jobs(processor)

def test_what_does_not_end_is_an_error(jobferry_client, run_jobs):
    jobferry_client.submit("flaky")
    with pytest.raises(JobsLeft, match=r"not done after 0 s: .* \\(flaky, "):
        run_jobs(processor, timeout=0)

def test_what_is_for_later_stays(jobferry_client, run_jobs):
    jobferry_client.submit("flaky", run_at=timedelta(hours=1))
    assert run_jobs(processor) == []

def test_devices_of_two_owners(jobferry_clients, go_offline, run_jobs):
    till, phone = jobferry_clients("till", owner="anna"), jobferry_clients("phone", owner="bert")
    with go_offline(phone):
        till.submit("flaky")
        phone.submit("flaky")
        assert [job.submitted_by for job in run_jobs(processor)] == ["anna"]
    assert [job.submitted_by for job in run_jobs(processor)] == ["bert"]
    phone.close()
    assert run_jobs(processor) == []

def test_an_asyncio_client(jobferry_server, run_jobs, tmp_path):
    async def cross():
        url, token = jobferry_server.url, jobferry_server.token("anna")
        async with AsyncJobClient(tmp_path / "phone.db", url, token) as client:
            job = await client.submit("flaky")
            await client.sync(10)
            await asyncio.to_thread(run_jobs, processor)
            return (await client.wait(job.id, 10)).result
    assert asyncio.run(cross()) == 3

def test_this_one_fails(jobferry_client, run_jobs):
    jobferry_client.submit("broken")
    run_jobs(processor)
"""

LIGHT = """
import sys
import pytest

def test_nothing_is_imported():
    assert not {"asyncpg", "psycopg", "websockets", "sqlite_utils", "pydantic"} & set(sys.modules)

@pytest.fixture
def without_asyncpg(monkeypatch):
    monkeypatch.setitem(sys.modules, "asyncpg", None)

def test_it(without_asyncpg, request):
    request.getfixturevalue("jobferry_server")
"""


@pytest.fixture
def user(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A folder with somebody's tests, and nothing of ours around them."""
    monkeypatch.delenv("PYTHONPATH", raising=False)
    pytester.makeini(
        "[pytest]\nfilterwarnings = error\nasyncio_default_fixture_loop_scope = function\n"
    )
    return pytester


def test_the_example_of_the_document_runs_as_it_is(
    user: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Without a server of ours: it starts its own.
    monkeypatch.delenv("JOBFERRY_TEST_DSN", raising=False)
    (example,) = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text("utf-8"), re.DOTALL)
    assert len(example.splitlines()) < 30
    user.makepyfile(example)
    user.runpytest_subprocess().assert_outcomes(passed=2)


def test_errors_surface(
    user: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, server: TestServer
) -> None:
    monkeypatch.setenv("JOBFERRY_TEST_DSN", server.dsn)
    # Meant for somebody else's gateway and processor.
    monkeypatch.setenv("JOBFERRY_TLS_CERTIFICATE", "/none")
    monkeypatch.setenv("JOBFERRY_EXECUTOR", "process")
    user.makepyfile(FAILING)
    ran = user.runpytest_subprocess()
    ran.assert_outcomes(passed=8, failed=1)
    # The handler's own line is in the report.
    ran.stdout.fnmatch_lines(['*raise ValueError("it is broken")*', "*JobFailed: job *broken*"])


def test_who_does_not_use_the_fixtures_imports_nothing_and_what_is_missing_is_named(
    user: pytest.Pytester,
) -> None:
    user.makepyfile(LIGHT)
    ran = user.runpytest_subprocess("-p", "no:hypothesispytest")
    ran.assert_outcomes(passed=1, failed=1)
    ran.stdout.fnmatch_lines(["*needs asyncpg: pip install 'jobferry[[]server,embedded[]]'*"])


def test_a_server_on_which_nothing_can_be_made_is_left_as_it_was(
    monkeypatch: pytest.MonkeyPatch, server: TestServer
) -> None:
    def refuse(dsn: str) -> None:
        raise RuntimeError("no role can be made")

    monkeypatch.setattr(postgres, "migrate", refuse)
    monkeypatch.setattr("os.getpid", lambda: 0)  # names of this test's own
    with pytest.raises(RuntimeError):
        postgres.Databases(server.dsn)
    with psycopg.connect(server.dsn) as connection:
        left = "select datname from pg_database where datname like 'jobferry_test_0_%'"
        assert connection.execute(left).fetchall() == []


def test_the_fixtures_are_listed_with_what_they_are(user: pytest.Pytester) -> None:
    shown = user.runpytest_inprocess("--fixtures", "-q").stdout.str()
    for name in re.findall(r"^\| `(\w+)` \|", DOCUMENT.read_text("utf-8"), re.MULTILINE):
        assert re.search(rf"^{name}\b.* -- ", shown, re.MULTILINE), name
