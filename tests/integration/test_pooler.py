"""Gateway and processor behind a PgBouncer in transaction mode."""

import asyncio
import re
import shlex
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from jobferry_client import JobClient, NewJob
from jobferry_server import Job, Processor
from jobferry_server.database import in_force, open_pool
from jobferry_server.doorbell import Doorbell
from jobferry_server.errors import ConfigurationError
from support.facts import Ledger, differences
from support.pgbouncer import PASSWORD, Pooler, installed, login, part_login, pooler
from support.processes import eventually, part
from support.services import Services, token

with_pgbouncer = pytest.mark.skipif(
    not installed(), reason="there is no PgBouncer here: apt-get install pgbouncer"
)

JOBS = 300
SOON = 20

processor = Processor()


@processor.task("quick")
async def quick(job: Job) -> Any:
    return job.payload


@processor.task("moving")
def moving(job: Job) -> Any:
    job.progress(0.5)
    return job.payload


@processor.task("booking on a thread")
def booking_on_a_thread(job: Job) -> Any:
    words = "insert into bookings (job, by) values (%s, current_user)"
    job.connection.execute(words, (job.id,))
    return job.payload


@processor.task("booking on the loop")
async def booking_on_the_loop(job: Job) -> Any:
    connection = await job.connection
    await connection.execute("insert into bookings (job, by) values ($1, current_user)", job.id)
    return job.payload


TASKS = ("quick", "moving", "booking on a thread", "booking on the loop")


@pytest.fixture
def logins(dsn: str) -> Iterator[dict[str, str]]:
    """A login of each part's own, which may write what its handlers write."""
    with part_login(dsn, "jobferry_gateway") as one, part_login(dsn, "jobferry_processor") as other:
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute("create table bookings (job uuid, by text)")
            connection.execute(f'grant insert on bookings to "{other}"'.encode())
        yield {"gateway": one, "processor": other}


@pytest.fixture
def between(dsn: str, logins: dict[str, str]) -> Iterator[Pooler]:
    with pooler(dsn, *logins.values()) as found:
        yield found


@with_pgbouncer
@pytest.mark.parametrize("listens", [True, False], ids=["LISTEN beside it", "polling"])
def test_jobs_cross_behind_a_pooler(
    listens: bool,
    dsn: str,
    logins: dict[str, str],
    between: Pooler,
    device_file: Callable[[str], Path],
) -> None:
    facts = Ledger(dsn)
    direct = {"listen_dsn": dsn} if listens else {"poll_seconds": 0.1}
    path = device_file("till")
    with ExitStack() as stack:
        services = {
            part: stack.enter_context(Services(between.dsn(user))) for part, user in logins.items()
        }
        url = stack.enter_context(services["gateway"].gateway(pooled=True, **direct))
        client = stack.enter_context(JobClient(path, url, token()))
        jobs = client.submit_many(NewJob(task=TASKS[n % 4], payload=n) for n in range(JOBS))
        client.sync(SOON)
        stack.enter_context(services["processor"].processor(processor, pooled=True, **direct))
        assert [client.wait(job.id, SOON).result for job in jobs] == list(range(JOBS))
        client.sync(SOON)
        assert differences(path, facts) == []
    assert facts.count("completed") == JOBS
    booked = facts.ask(
        "select by, count(*) as jobs, count(distinct job) as once from bookings group by by"
    )
    assert booked == [{"by": logins["processor"], "jobs": JOBS // 2, "once": JOBS // 2}]


@with_pgbouncer
async def test_a_service_that_was_not_told_of_the_pooler_says_what_to_set(
    logins: dict[str, str], between: Pooler
) -> None:
    with pytest.raises(ConfigurationError, match="takes no settings") as refusal:
        await open_pool(between.dsn(logins["gateway"]), "jobferry_gateway", size=1)
    assert "JOBFERRY_POOLED" in str(refusal.value.hint)


@with_pgbouncer
async def test_a_login_that_does_not_drop_to_its_role_is_refused_with_the_remedy(
    dsn: str,
) -> None:
    lacking = {"synchronous_commit": "on", "lock_timeout": "5s"}
    with (
        login(dsn, "jobferry_test_careless", "jobferry_gateway", **lacking) as careless,
        pooler(dsn, careless) as between,
    ):
        with pytest.raises(ConfigurationError, match="not in force") as refusal:
            await open_pool(between.dsn(careless), "jobferry_gateway", size=1, pooled=True)
        hint = str(refusal.value.hint)
        assert f"ALTER ROLE {careless} SET role = 'jobferry_gateway';" in hint
        assert "lock_timeout" not in hint
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute(hint.partition("Then")[0].encode())
        # The pooler's own connections were made before.
    with login(dsn, "jobferry_test_careful", "jobferry_gateway", **lacking) as careful:
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute(hint.partition("Then")[0].replace(careless, careful).encode())
        with pooler(dsn, careful) as between:
            pool = await open_pool(between.dsn(careful), "jobferry_gateway", size=1, pooled=True)
            pool.terminate()


@with_pgbouncer
async def test_listening_through_a_pooler_is_found_out(
    dsn: str,
    logins: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """One that ignores what it does not know, so that LISTEN itself succeeds."""
    monkeypatch.setattr("jobferry_server.doorbell.ANSWER_SECONDS", 0.5)
    role, user = "jobferry_gateway", logins["gateway"]
    ignored = "ignore_startup_parameters = " + ", ".join(in_force(role))
    with pooler(dsn, user, more=ignored) as between:
        pool = await open_pool(between.dsn(user), role, size=1, pooled=True)
        rung: list[str] = []
        bell = Doorbell(
            between.dsn(user), role, pool, {"jobferry_changes": rung.append}, rung.clear
        )
        listening = asyncio.ensure_future(bell.run())
        await asyncio.to_thread(eventually, lambda: "a pooler" in caplog.text, 5)
        assert not bell.listening
        listening.cancel()
        pool.terminate()


def test_no_lock_of_ours_is_a_session_s(dsn: str) -> None:
    """It would stay with a connection that is somebody else's by then."""
    found = Ledger(dsn).ask(
        "select p.oid::regprocedure::text as function from pg_proc p"
        " join pg_namespace n on n.oid = p.pronamespace where n.nspname in ('jobferry', 'public')"
        r" and p.prosrc ~ 'pg_(try_)?advisory_(lock|unlock)'"
    )
    assert found == []


@with_pgbouncer
def test_the_page_s_command_is_a_gateway_behind_a_pooler(
    between: Pooler, logins: dict[str, str], dsn: str, tmp_path: Path
) -> None:
    page = (Path(__file__).parents[2] / "docs" / "pooler.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"\$ jobferry (gateway .*?)```", page, re.DOTALL)
    user = logins["gateway"]
    direct = make_conninfo(dsn, user=user, password=PASSWORD)
    places = {"pgbouncer:6432/app": between.dsn(user), "postgres:5432/app": direct}
    words = [
        next((place for name, place in places.items() if name in word), word)
        for word in shlex.split(command.replace("\\\n", " "))
    ]
    with part(tmp_path / "log", *words, "--port", "0") as running:
        eventually(lambda: "listening on" in running.log)


def test_the_page_s_login_has_in_force_what_a_part_needs(dsn: str) -> None:
    page = (Path(__file__).parents[2] / "docs" / "pooler.md").read_text(encoding="utf-8")
    (statements,) = re.findall(r"```sql\n(.*?)```", page, re.DOTALL)
    with psycopg.connect(dsn) as connection:
        connection.execute(statements.encode())
        asked = "select setconfig from pg_db_role_setting where setrole = 'app_gateway'::regrole"
        row = connection.execute(asked).fetchone()
        connection.rollback()  # roles are the whole cluster's
    assert row is not None
    assert set(row[0]) == {
        f"{name}={value}" for name, value in in_force("jobferry_gateway").items()
    }
