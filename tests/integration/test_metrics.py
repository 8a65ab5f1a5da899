"""What the metrics say is true, and is nobody's business who comes from elsewhere."""

import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from pydantic import SecretStr
from websockets.exceptions import InvalidStatus

from integration.database import Database, Spec
from integration.wire import device, job, submit, wired
from jobferry_server import Job, Processor, TaskError
from jobferry_server.metrics.definitions import CATALOGUE
from jobferry_server.metrics.figures import MOST_TASKS, OTHER, shortened
from support.processes import eventually
from support.proxy import free_port
from support.services import Services

Series = dict[str, float]


def scrape(url: str, **headers: str) -> Series:
    """Every series with its value."""
    request = urllib.request.Request(url.replace("ws:", "http:") + "/metrics", headers=headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        text = answer.read().decode()
    found = re.findall(r"^(\S+(?:\{.*\})?) (\S+)$", text, re.MULTILINE)
    return {name: float(value) for name, value in found}


def refused(url: str, **headers: str) -> int:
    with pytest.raises(urllib.error.HTTPError) as answer:
        scrape(url, **headers)
    answer.value.close()
    return answer.value.code


def grown(before: Series, after: Series, name: str) -> float:
    """Counters are the process's: other tests have counted, too."""
    return after[name] - before.get(name, 0)


@contextmanager
def silent_for(db: Database, seconds: int) -> Iterator[None]:
    """Somebody with a snapshot that old."""
    with Database(db.dsn) as other, other.together():
        other.do("set transaction isolation level repeatable read")
        other.value("select 1")
        eventually(
            lambda: db.value(
                "select now() - xact_start > make_interval(secs => %s)"
                " from pg_stat_activity where pid = %s",
                seconds,
                other.pid,
            )
        )
        yield


def test_the_database_s_figures(db: Database, services: Services) -> None:
    for task in ("t", "t", "u"):
        db.insert(task=task)
    db.do("update jobferry.queue set run_at = now() - interval '1 hour' where task = 'u'")
    db.register("p", "t")
    db.do(
        "insert into jobferry.devices (client_id, owner, pending, oldest_pending_at, first_seen)"
        " values (gen_random_uuid(), 'anna', 3, now() - interval '2 hours', now() - interval '1 day'),"
        # Its clock is years behind; we know it for a minute.
        " (gen_random_uuid(), 'bert', 2, '1999-01-01', now() - interval '1 minute'),"
        " (gen_random_uuid(), 'cora', 0, null, now())"
    )
    with silent_for(db, 1), services.gateway() as url:
        eventually(lambda: scrape(url)['jobferry_listening{part="gateway"}'])
        found = scrape(url)
    assert found['jobferry_queue_jobs{task="t"}'] == 2
    assert found['jobferry_queue_jobs{task="u"}'] == 1
    assert found["jobferry_queue_unserved_jobs"] == 1
    assert 3600 <= found["jobferry_queue_oldest_waiting_seconds"] < 3700
    assert found["jobferry_processors_alive"] == 1
    assert found["jobferry_devices_known"] == 3
    assert found["jobferry_devices_pending"] == 2
    assert found["jobferry_devices_unsent_operations"] == 5
    assert 7200 <= found["jobferry_devices_oldest_pending_seconds"] < 7300
    assert 0 <= found["jobferry_devices_silence_seconds"] < 60
    assert found["jobferry_database_oldest_transaction_seconds"] >= 1
    assert found["jobferry_database_oldest_snapshot_transactions"] >= 0
    assert found["jobferry_database_answers"] == 1
    assert found['jobferry_listening{part="gateway"}'] == 1


def test_who_runs_waits_no_more(db: Database) -> None:
    """The oldest waiting job is the first free one, of whatever priority."""
    db.do(
        "update jobferry.queue set run_at = now() - interval '3 hours' where job_id = %s",
        db.insert(),
    )
    db.register("p", "default")
    db.take()
    assert db.value("select jobferry.oldest_waiting()") is None
    late = db.insert(priority=7)
    db.do("update jobferry.queue set run_at = now() - interval '1 hour' where job_id = %s", late)
    db.insert(priority=-7)
    assert 3600 <= db.value("select jobferry.oldest_waiting()") < 3700


def test_a_long_queue_is_sampled(db: Database) -> None:
    db.do(
        "insert into jobferry.queue (job_id, task, priority, run_at, attempts, max_attempts)"
        " select gen_random_uuid(), 't' || n % 2, 0, now(), 0, 1 from generate_series(1, 40000) n"
    )
    db.do(
        "select pg_stat_force_next_flush()"
    ) if db.connection.info.server_version >= 150000 else None
    eventually(lambda: db.value("select pg_stat_get_live_tuples('jobferry.queue'::regclass)") > 0)
    exact = dict(
        tuple(row.values()) for row in db.rows("select * from jobferry.queue_depth(100000)")
    )
    assert exact == {"t0": 20000, "t1": 20000}
    # A fifth of the pages: about 130, so a guess is off by a tenth or so.
    guess = dict(tuple(row.values()) for row in db.rows("select * from jobferry.queue_depth(8000)"))
    assert 10000 < guess["t0"] < 30000


def test_tasks_beyond_the_fiftieth_share_a_series() -> None:
    queue = {f"t{n}": n for n in range(1, MOST_TASKS + 11)}
    found = shortened(queue)
    assert len(found) == MOST_TASKS + 1
    assert found[OTHER] == sum(range(1, 11))
    assert sum(found.values()) == sum(queue.values())


def test_what_a_gateway_counts(db: Database, services: Services) -> None:
    with services.gateway() as url:
        before = scrape(url)
        with device(url) as wire:
            wire.walk()
            theirs = db.submit(Spec(owner="bert")) or db.value("select id from background_jobs")
            taken = job(id=str(theirs))
            assert wire.deliver(submit(job()), submit(taken)) == [(taken["id"], "id_taken")]
            db.insert(submitted_by="anna")
            wire.row()
            after = scrape(url)
            assert after["jobferry_gateway_connections"] == 1
    assert grown(before, after, "jobferry_gateway_commit_seconds_count") == 1
    assert grown(before, after, "jobferry_gateway_commit_operations_sum") == 2
    assert grown(before, after, 'jobferry_gateway_rejected_total{code="id_taken"}') == 1
    assert grown(before, after, "jobferry_gateway_feed_rows_total") == 1
    assert grown(before, after, "jobferry_gateway_feed_lag_seconds_count") >= 2
    assert after["jobferry_gateway_strangers"] == 1  # who asks
    assert after["jobferry_gateway_waiting_bytes"] == 0
    assert after['jobferry_pool_free_connections{part="gateway"}'] > 0
    assert after["jobferry_gateway_last_commit_timestamp_seconds"] > 1e9
    assert after["jobferry_gateway_last_tick_timestamp_seconds"] > 1e9


def test_what_a_processor_counts(db: Database, services: Services) -> None:
    processor = Processor()

    @processor.task()
    def default(work: Job) -> None:
        if work.payload:
            raise TaskError("no")

    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with services.processor(processor, metrics_port=port):
        before = scrape(url)
        db.insert()
        db.insert(payload="1", max_attempts=1)
        eventually(lambda: not db.queue())
        names = [
            f'jobferry_processor_attempts_total{{outcome="{o}"}}' for o in ("completed", "failed")
        ]
        eventually(lambda: [grown(before, scrape(url), name) for name in names] == [1, 1])
        eventually(lambda: scrape(url)['jobferry_listening{part="processor"}'] == 1)
        after = scrape(url)
        assert grown(before, after, "jobferry_processor_claimed_jobs_sum") == 2
        assert grown(before, after, "jobferry_processor_flush_outcomes_sum") == 2
        for outcome in ("completed", "failed"):
            labels = f'{{outcome="{outcome}",task="default"}}'
            assert grown(before, after, f"jobferry_processor_attempt_seconds_count{labels}") == 1
        assert after["jobferry_processor_running"] == 0
        assert after["jobferry_processor_concurrency"] == 10
        assert after['jobferry_pool_free_connections{part="processor"}'] > 0
        assert after["jobferry_loop_lag_seconds_count"] >= 1
        assert after["jobferry_processors_alive"] == 1
    with pytest.raises(OSError, match="refused"):
        scrape(url)


def test_who_is_turned_away_and_who_is_sent_away(services: Services) -> None:
    with services.gateway(strangers=1) as url:
        before = scrape(url)
        with pytest.raises(InvalidStatus), wired(url, Authorization="Bearer nonsense"):
            pass
        with wired(url) as wire:
            wire.say("hello", protocol=1, client_id=str(wire.client_id))
            assert wire.hear_error() == "unauthenticated"
        with wired(url), wired(url):
            after = scrape(url)
    assert grown(before, after, 'jobferry_gateway_turned_away_total{status="401"}') == 1
    assert (
        grown(before, after, 'jobferry_gateway_ended_sessions_total{code="unauthenticated"}') == 1
    )
    assert grown(before, after, "jobferry_gateway_strangers_dropped_total") >= 1


def test_a_schedule_s_lag(db: Database, services: Services) -> None:
    processor, port = Processor(), free_port()
    processor.task("tick")(lambda _: None)
    url = f"http://127.0.0.1:{port}"
    with services.processor(processor, metrics_port=port):
        before = scrape(url)
        db.do(
            "insert into jobferry.scheduled_jobs (task_identifier, schedule_info)"
            """ values ('tick', '"* * * * * *"')"""
        )
        name = "jobferry_schedule_lag_seconds_count"
        eventually(lambda: grown(before, scrape(url), name))


def test_every_metric_of_the_catalogue_is_shown(db: Database, services: Services) -> None:
    with services.gateway() as url:
        shown = scrape(url)
    for found in CATALOGUE:
        name = found.name + ("_count" if found.kind == "histogram" else "")
        labelled = [series for series in shown if series.partition("{")[0] == name]
        assert labelled or found.labels, name


def test_only_this_machine_may_look_without_a_token(services: Services) -> None:
    with services.gateway() as url:
        assert scrape(url)
        assert refused(url, **{"X-Forwarded-For": "192.0.2.1"}) == 403


def test_with_a_token_only_who_has_it(services: Services) -> None:
    with services.gateway(metrics_token=SecretStr("a long secret")) as url:
        assert refused(url) == 403
        assert refused(url, Authorization="Bearer another") == 403
        assert scrape(url, Authorization="Bearer a long secret")


def test_a_database_that_does_not_answer_is_a_figure(db: Database, services: Services) -> None:
    with services.gateway() as url:
        db.do("revoke execute on function jobferry.figures from jobferry_gateway")
        assert scrape(url)["jobferry_database_answers"] == 0
