"""When a job was received is for the ledger to say, whoever writes its row."""

import pytest

from integration.database import Database
from integration.wire import device, job, submit
from support.services import Services


@pytest.mark.parametrize("moment", ["infinity", "20000-01-01", "2001-01-01"])
def test_one_row_s_odd_time_does_not_stop_the_feed_of_everybody(
    db: Database, services: Services, moment: str
) -> None:
    with services.gateway() as url, device(url) as anna, device(url, "bert") as bert:
        one, two = job(), job()
        assert (anna.deliver(submit(one)), bert.deliver(submit(two))) == ([], [])
        anna.walk()
        bert.walk()
        db.do("update background_jobs set received_at = %s, progress = 0.5", moment)
        assert [row["progress"] for row in anna.rows()] == [0.5]
        assert [row["progress"] for row in bert.rows()] == [0.5]
    recent = "select bool_and(received_at > now() - interval '1 hour') from background_jobs"
    assert db.value(recent)
