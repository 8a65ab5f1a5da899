"""A device that does not read, or does not hear: what it costs is bounded, and nobody else pays."""

import json
import time
from contextlib import closing, suppress

from integration.database import Database, Spec
from integration.wire import device, job, submit
from support.processes import eventually
from support.services import Services
from support.sockets import DeafDevice

MEGA = 1024 * 1024


def test_who_does_not_read_is_not_listened_to_until_it_does(
    db: Database, services: Services
) -> None:
    payload = '"' + "x" * MEGA + '"'
    db.submit(*(Spec(payload=payload) for _ in range(12)))
    with (
        services.gateway(message_bytes=128 * MEGA, payload_bytes=2 * MEGA) as url,
        device(url, "bert") as other,
        closing(DeafDevice(url)) as deaf,
    ):
        deaf.hello()
        deaf.read_to('"changes"')
        for number in range(1, 5):
            deaf.say(json.dumps({"type": "heartbeat", "pending": number}))
        other.say("heartbeat", pending=9)
        eventually(lambda: _pending(db, "bert") == 9)
        # What it said while a page is under way is not read, all but the first words of it.
        assert _pending(db, "anna") != 4
        deaf.read(12 * MEGA)
        eventually(lambda: _pending(db, "anna") == 4)


def test_who_is_not_read_for_want_of_room_is_not_taken_for_silent(
    db: Database, services: Services
) -> None:
    with (
        services.gateway(waiting_bytes=8_000, silence_seconds=0.9) as url,
        device(url) as wire,
        device(url, "bert") as neighbour,
    ):
        with db.together():
            db.do("lock table background_jobs in share row exclusive mode")
            for _ in range(4):
                wire.push(*(submit(job()) for _ in range(10)))
            for _ in range(12):
                wire.expect("heartbeat")
                neighbour.say("heartbeat")
                neighbour.expect("heartbeat")
            neighbour.push(submit(job()))
        while wire.expect("pushed")["through"] < 4:
            pass
        assert neighbour.expect("pushed")["rejected"] == []


def test_who_was_sent_away_and_goes_on_talking_harms_nobody(
    db: Database, services: Services
) -> None:
    with (
        services.gateway(silence_seconds=0.9) as url,
        closing(DeafDevice(url)) as rude,
        device(url, "bert") as silent,
    ):
        rude.hello()
        rude.read_to('"changes"')
        rude.say("null")
        rude.read_to('"error"')
        with suppress(OSError):
            for _ in range(25):
                rude.say("{}")
                time.sleep(0.05)
        assert silent.closed(5) == 1001
        with device(url) as wire:
            assert wire.deliver(submit(job())) == []


def _pending(db: Database, owner: str) -> int | None:
    found = db.column("select pending from jobferry.devices where owner = %s", owner)
    return found[0] if found else None
