"""Pausing tasks, named queues and schedules; and the person behind a login in the audit log."""

from integration.database import Database, Row, Spec

NO_JOB = "00000000-0000-0000-0000-000000000000"


def said(db: Database) -> list[Row]:
    """What the audit log has of no one job."""
    return db.rows(
        "select event, actor, detail from background_job_events where job_id = %s order by id",
        NO_JOB,
    )


def test_a_paused_task_gives_no_jobs_until_it_is_resumed(db: Database) -> None:
    db.submit(Spec(), Spec(task="other"))
    db.register("p", "default", "other")
    assert db.value("select jobferry.pause_task('default')") is True
    assert db.value("select jobferry.pause_task('default')") is False
    assert [row["task"] for row in db.claim(tasks=["default", "other"])] == ["other"]
    assert db.value("select jobferry.resume_task('default')") is True
    assert db.value("select jobferry.resume_task('default')") is False
    assert len(db.take()) == 1
    assert db.rows("select * from jobferry.task_limits") == []
    assert [row["event"] for row in said(db)] == ["paused", "resumed"]


def test_a_pause_outlives_the_limit_that_a_processor_brings(db: Database) -> None:
    db.submit(Spec(), Spec(), Spec())
    db.register("p", "default")
    db.do("select jobferry.pause_task('default')")
    db.do("select jobferry.limit_task('default', 2)")
    assert db.take() == []
    db.do("select jobferry.resume_task('default')")
    assert len(db.take()) == 2


def test_a_paused_named_queue_gives_no_jobs_and_the_others_do(db: Database) -> None:
    db.submit(Spec(queue_name="a"), Spec(queue_name="b"), Spec())
    db.register("p", "default")
    assert db.value("select jobferry.pause_queue('a')") is True
    assert db.value("select jobferry.pause_queue('a')") is False
    assert len(db.take()) == 2
    assert db.value("select jobferry.resume_queue('a')") is True
    assert db.value("select jobferry.resume_queue('a')") is False
    assert len(db.take()) == 1


def due(db: Database) -> list[int]:
    """The schedules that a scheduler must look at in an hour."""
    return db.column("select id from jobferry.due_schedules(now() + interval '1 hour', 10)")


def test_a_paused_schedule_is_never_due_and_begins_anew(db: Database) -> None:
    schedule = db.value("select id from jobferry.add_scheduled_job('t', '{}', '* * * * *')")
    assert due(db) == [schedule]
    assert db.value("select jobferry.pause_scheduled_job(%s)", schedule) is True
    assert db.value("select jobferry.pause_scheduled_job(%s)", schedule) is False
    assert due(db) == []
    db.do("update jobferry.scheduled_jobs set schedule_info = '\"0 * * * *\"'")
    assert due(db) == []
    assert db.value("select jobferry.resume_scheduled_job(%s)", schedule) is True
    assert db.value("select jobferry.resume_scheduled_job(%s)", schedule) is False
    assert due(db) == [schedule]


def test_a_scheduler_that_saw_it_before_its_pause_makes_no_job(db: Database) -> None:
    schedule = db.value("select id from jobferry.add_scheduled_job('t', '{}', '* * * * *')")
    (seen,) = db.rows("select * from jobferry.due_schedules(null, 10)")
    db.do("select jobferry.pause_scheduled_job(%s)", schedule)
    made = db.value(
        "select jobferry.advance_schedule(%s, %s, %s, %s, now(), array[now()], '{f}', now(), null, null)",
        *(schedule, seen["info"], seen["planned_at"], seen["next_run_at"]),
    )
    assert made is None
    assert db.rows("select * from background_jobs") == []


def test_the_audit_log_says_for_whom_a_login_asked(db: Database) -> None:
    spec = Spec()
    db.submit(spec)
    with db.together():
        db.do("select set_config('jobferry.actor', 'anna', true)")
        db.do("select jobferry.cancel_jobs(array[%s])", spec.id)
        db.do("select jobferry.pause_task('default')")
    db.do("select jobferry.resume_task('default')")
    login = db.value("select session_user")
    actors = db.column("select actor from background_job_events order by id")
    assert actors[1:] == [f"{login} for anna", f"{login} for anna", login]


def test_events_are_found_by_time(db: Database) -> None:
    db.submit(Spec(), Spec(), Spec())
    ids = db.column("select id from background_job_events order by id")
    for place, event in enumerate(ids):
        at = db.value("select at from background_job_events where id = %s", event)
        assert db.value("select jobferry.first_event(%s)", at) == ids[place]
    assert db.value("select jobferry.first_event('infinity')") == ids[-1] + 1
    assert db.value("select jobferry.first_event('-infinity')") == ids[0]
