"""add_job and add_jobs: every way to call them, and what they leave behind."""

from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.types.json import Json, Jsonb

from integration.database import ANNA, Database, Ear, Row
from integration.test_ledger_parity import LATER, Traces, assert_same

TENANT = UUID("0197a000-0000-7000-8000-00000000000d")


# -- every way to call it

CALLS: dict[str, tuple[LiteralString, Any]] = {
    "the task alone": ("add_job('t')", {}),
    "by name alone": ("add_job(identifier := 't')", {}),
    "an untyped literal": ("add_job('t', '{\"n\": 1}')", {"n": 1}),
    "an untyped literal by name": ("add_job('t', payload := '{\"n\": 1}')", {"n": 1}),
    "a text": ("add_job('t', '{\"n\": 1}'::text)", {"n": 1}),
    "json": ("add_job('t', json_build_object('n', 1))", {"n": 1}),
    "json by name": ("add_job('t', payload := json_build_object('n', 1))", {"n": 1}),
    "jsonb": ("add_job('t', jsonb_build_object('n', 1))", {"n": 1}),
    "null": ("add_job('t', null)", {}),
    "null by name": ("add_job('t', payload := null)", {}),
    "null of a type": ("add_job('t', null::json)", {}),
    "JSON's null": ("add_job('t', 'null')", None),
    "a tenant": (
        "add_job('0197a000-0000-7000-8000-00000000000d'::uuid, 't', '{\"n\": 1}')",
        {"n": 1},
    ),
    "a tenant by name": (
        (
            "add_job(db_id := '0197a000-0000-7000-8000-00000000000d', identifier := 't',"
            " payload := json_build_object('n', 1))"
        ),
        {"n": 1},
    ),
    "all defaults by position": (
        "add_job('t', null, null, null, null, null, null, null, null, null, null)",
        {},
    ),
}


@pytest.mark.parametrize("how", CALLS)
def test_no_call_is_ambiguous(db: Database, how: str) -> None:
    call, payload = CALLS[how]
    row = db.row(f"select * from jobferry.{call}")
    assert (row["task"], row["payload"]) == ("t", payload)
    assert row["database_id"] == (TENANT if "tenant" in how else None)
    assert db.job(row["id"]) == row
    db.assert_sound()


@pytest.mark.parametrize("payload", [Json({"n": 1}), Jsonb({"n": 1}), '{"n": 1}'])
def test_a_driver_s_parameter_is_a_payload(db: Database, payload: object) -> None:
    assert db.row("select * from jobferry.add_job(%s, %s)", "t", payload)["payload"] == {"n": 1}


def test_what_is_not_given_has_its_default(db: Database) -> None:
    row = db.add("t")
    given = ("payload", "queue_name", "max_attempts", "job_key", "priority", "flags")
    assert [row[name] for name in given] == [{}, None, 25, None, 0, None]
    assert (row["submitted_by"], row["client_id"], row["attempts"]) == (None, None, 0)
    assert (row["status"], row["run_at"]) == ("queued", row["received_at"])


ALL: dict[str, Any] = {
    "payload": Json([1]),
    "queue_name": "q",
    "run_at": LATER,
    "max_attempts": 3,
    "job_key": "k",
    "priority": -4,
    "flags": ["a", "b"],
}


def test_what_is_given_is_kept(db: Database) -> None:
    row = db.add("t", **ALL, owner=ANNA, database_id=TENANT)
    assert {name: row[name] for name in ALL} == ALL | {"payload": [1]}
    assert (row["submitted_by"], row["database_id"], row["status"]) == (ANNA, TENANT, "scheduled")
    hot = ("queue_name", "run_at", "max_attempts", "priority", "flags")
    queued = db.queue()[row["id"]]
    assert {name: queued[name] for name in hot} == {name: row[name] for name in hot}
    by_position = db.row(
        "select * from jobferry.add_job(%s, %s, %s, %s, %s, %s, %s, %s, 'replace', 'bert', %s)",
        "t",
        *ALL.values(),
        TENANT,
    )
    assert {name: by_position[name] for name in ALL} == ALL | {"payload": [1]}
    tenant_first = db.row(
        "select * from jobferry.add_job(%s, 't', %s, 'k2', 'q', %s, 3, -4)",
        TENANT,
        Json([1]),
        LATER,
    )
    same = ("payload", "queue_name", "run_at", "max_attempts", "priority", "database_id", "task")
    assert [tenant_first[name] for name in same] == [row[name] for name in same]
    assert tenant_first["job_key"] == "k2"


def test_ids_are_of_version_7_and_jobs_of_one_transaction_run_in_order(db: Database) -> None:
    with db.together():
        ids = [db.add()["id"] for _ in range(20)]
        ids += [row["id"] for row in db.add_many(*({} for _ in range(50)))]
    assert ids == sorted(ids)
    assert {one.version for one in ids} == {7}
    assert {one.variant for one in ids} == {uuid4().variant}
    drift = [abs((one.int >> 80) / 1000 - datetime.now(UTC).timestamp()) for one in ids]
    assert max(drift) < 60
    db.register("p", "default")
    assert [row["id"] for row in db.claim()] == ids


# -- mistakes

TWICE: LiteralString = (
    "add_jobs(array[row('t',null,null,null,null,'k',null,null),"
    " row('t',null,null,null,null,'k',null,null)]::jobferry.job_spec[])"
)
WRONG: dict[str, tuple[LiteralString, str]] = {
    "add_job('')": ("JF021", "needs an identifier"),
    "add_job(null::text)": ("JF021", "needs an identifier"),
    "add_job('t', max_attempts := 0)": ("JF022", "less than 1"),
    "add_job('t', job_key := '')": ("JF023", "is empty"),
    "add_job('t', job_key_mode := 'replaces')": ("JF020", "no job_key_mode 'replaces'"),
    "add_job('t', job_key := 'k', job_key_mode := '')": ("JF020", "no job_key_mode"),
    "add_job('t', '{')": ("22P02", "json"),
    "add_job('t', '\"\\u0000\"')": ("22P05", "Unicode"),
    "add_job('t', priority := 40000)": ("22003", "out of range"),
    TWICE: ("JF024", "the same job_key"),
    "add_jobs(array[null]::jobferry.job_spec[])": ("JF021", "needs an identifier"),
}


@pytest.mark.parametrize("call", WRONG)
def test_a_mistake_is_named_and_nothing_stays(db: Database, call: LiteralString) -> None:
    code, words = WRONG[call]
    with pytest.raises(psycopg.Error, match=words) as no:
        db.rows(f"select * from jobferry.{call}")
    assert no.value.sqlstate == code
    assert code[:2] != "JF" or no.value.diag.message_hint
    assert db.value("select count(*) from background_jobs") == 0


# -- what they leave behind

SPECS: list[Row] = [
    {},
    {"payload": {"n": 1.0, "b": [True, None]}, "max_attempts": 2, "priority": 7},
    {"identifier": "thumbnail", "queue_name": "q", "job_key": "k", "flags": ["a", "b c"]},
    {"run_at": LATER.isoformat()},
    {"payload": "x" * 9000},
]


def plainly(db: Database, spec: Row) -> UUID:
    columns = {"task": spec.get("identifier", "default")} | spec
    columns.pop("identifier", None)
    columns["payload"] = Json(spec.get("payload", {}))
    return db.insert(submitted_by=ANNA, **columns)


def by_add_job(db: Database, spec: Row) -> UUID:
    named = {"payload": Json(spec.get("payload", {})), "owner": ANNA}
    row = db.add(**spec | named)
    assert isinstance(row["id"], UUID)
    return row["id"]


def test_they_leave_what_a_plain_insert_leaves(db: Database, ear: Ear) -> None:
    traces: list[Traces] = []
    for way in (
        lambda: [plainly(db, spec) for spec in SPECS],
        lambda: [by_add_job(db, spec) for spec in SPECS],
        lambda: sorted(row["id"] for row in db.add_many(*SPECS, owner=ANNA)),
    ):
        with db.together():
            ids = way()
        if len(traces) == 2:
            # Keyed jobs come last.
            ids = [*ids[:2], ids[-1], *ids[2:-1]]
        traces.append(Traces(db, ear, ids))
        db.do("update background_jobs set cancelled = true")
        ear.heard()
    assert_same(traces[0], traces[1])
    assert_same(traces[0], traces[2])
    assert traces[0].notices["jobferry_queue", ""] == 1
    db.assert_sound()


def test_the_actor_is_who_called(db: Database) -> None:
    job = db.add()["id"]
    actor = db.value("select actor from background_job_events where job_id = %s", job)
    assert actor == db.value("select session_user")


def test_a_call_that_is_rolled_back_leaves_nothing(db: Database, ear: Ear) -> None:
    kept = db.add(job_key="k", payload=Json({"n": 1}))
    ear.heard()
    with db.connection.transaction(force_rollback=True):
        db.add()
        db.add_many({}, {"job_key": "new"})
        assert db.add(job_key="k", payload=Json({"n": 2}))["id"] == kept["id"]
    assert db.rows("select * from background_jobs") == [kept]
    assert db.events(kept["id"]) == ["submitted"]
    assert ear.heard() == []
    db.assert_sound()


# -- many at once


def test_no_specs_no_jobs(db: Database, ear: Ear) -> None:
    assert db.rows("select * from jobferry.add_jobs('{}')") == []
    assert db.rows("select * from jobferry.add_jobs(null)") == []
    assert ear.heard() == []


def test_many_keep_their_order_and_each_its_own(db: Database) -> None:
    rows = db.add_many(*({"payload": n, "priority": n % 5} for n in range(1000)))
    assert [row["payload"] for row in rows] == list(range(1000))
    assert all(row["priority"] == row["payload"] % 5 for row in rows)
    assert len(db.queue()) == 1000
    db.assert_sound()


def test_keyed_ones_replace_and_the_others_are_added(db: Database) -> None:
    one = db.add(job_key="one", payload=Json({"n": 1}), run_at=LATER)
    two = db.add(job_key="two", owner="bert")
    specs: list[Row] = [
        {"payload": {"n": 2}},
        {"job_key": "one", "payload": {"n": 3}},
        {"job_key": "two", "payload": {"n": 4}},
    ]
    by_n = {row["payload"]["n"]: row for row in db.add_many(*specs)}
    assert by_n[3]["id"] == one["id"]
    assert by_n[3]["status"] == "queued"
    assert by_n[4]["id"] not in (one["id"], two["id"])
    assert db.value("select count(*) from background_jobs") == 4
    (kept,) = db.add_many({"job_key": "one", "run_at": None}, preserve=True)
    assert kept["run_at"] == by_n[3]["run_at"]
    db.assert_sound()


def test_a_thousand_keys_at_once(db: Database) -> None:
    specs: list[Row] = [{"job_key": f"k{n}", "payload": n} for n in range(1000)]
    first = {row["job_key"]: row["id"] for row in db.add_many(*specs)}
    again = {row["job_key"]: row["id"] for row in db.add_many(*reversed(specs))}
    assert first == again
    assert len(first) == 1000
    db.assert_sound()


# -- what others see


def test_a_job_added_for_an_owner_rings_for_its_devices(db: Database, ear: Ear) -> None:
    db.add(owner=ANNA)
    assert ("jobferry_changes", ANNA) in ear.heard()
    db.add()
    assert ear.heard("jobferry_changes") == []


def test_a_processor_that_sleeps_hears_of_a_new_job(db: Database, ear: Ear) -> None:
    row = db.add(payload=Json({"n": 1}), run_at=datetime.now(UTC) - timedelta(hours=1))
    assert [one["id"] for one in ear.rows()] == [str(row["id"])]
    db.add_many({}, {}, {"job_key": "k"})
    heard = [channel for channel, _ in ear.heard()]
    assert heard.count("jobferry_queue") == 1
    assert heard.count("process_background_job") == 3
