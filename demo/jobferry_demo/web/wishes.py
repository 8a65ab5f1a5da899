"""What a person may ask for without a file, as jobs."""

import random
from collections.abc import Callable, Mapping

from pydantic import ValidationError

from jobferry_client import NewJob
from jobferry_demo.checksums import ChecksumIn
from jobferry_demo.data import photos, weather_table
from jobferry_demo.drills import FailIn, SleepIn
from jobferry_demo.web.errors import Unsuitable
from jobferry_demo.web.files import job_of_file
from jobferry_demo.wire import Message
from jobferry_shared.limits import Limits
from jobferry_shared.messages import first_complaint

__all__ = ["job_of_wish"]

Fields = Mapping[str, str]

LONGEST_NOTE = 2000
STEPS_A_SECOND = 5


def job_of_wish(fields: Fields) -> NewJob:
    """The job that a form asks for in its field ``wish``; :class:`Unsuitable` if it makes no sense."""
    wish = WISHES.get(fields.get("wish", ""))
    if wish is None:
        raise Unsuitable("The page did not say what is to be done.")
    try:
        return wish(fields)
    except ValidationError as error:
        raise Unsuitable(f"That can't be asked for: {first_complaint(error)}.") from error


def _photo(_: Fields) -> NewJob:
    photo = random.choice(photos())  # noqa: S311 - no secret
    return job_of_file(photo.name, photo.read_bytes())


def _table(_: Fields) -> NewJob:
    table = weather_table()
    return job_of_file(table.name, table.read_bytes())


def _checksum(fields: Fields) -> NewJob:
    seed = random.randrange(1_000_000)  # noqa: S311 - no secret
    return _job("checksum", ChecksumIn(megabytes=fields.get("amount", ""), seed=seed))


def _wait(fields: Fields) -> NewJob:
    wanted = SleepIn(seconds=fields.get("amount", ""))
    steps = max(1, min(1000, round(wanted.seconds * STEPS_A_SECOND)))
    return _job("sleep", wanted.model_copy(update={"steps": steps}))


def _note(fields: Fields) -> NewJob:
    note = fields.get("amount", "").strip()
    if not 0 < len(note) <= LONGEST_NOTE:
        raise Unsuitable(f"A note has 1 to {LONGEST_NOTE:,} characters.")
    return NewJob(task="echo", payload={"note": note})


def _failure(_: Fields) -> NewJob:
    return _job("fail", FailIn(message="It was asked to fail, and did."), max_attempts=2)


def _refusal(_: Fields) -> NewJob:
    """More than the server takes of anybody."""
    return NewJob(task="echo", payload={"note": "much too long " * (Limits().payload_bytes // 10)})


def _job(task: str, payload: Message, max_attempts: int = 25) -> NewJob:
    return NewJob(task=task, payload=payload.model_dump(mode="json"), max_attempts=max_attempts)


WISHES: dict[str, Callable[[Fields], NewJob]] = {
    "photo": _photo,
    "table": _table,
    "checksum": _checksum,
    "wait": _wait,
    "note": _note,
    "failure": _failure,
    "refusal": _refusal,
}
