"""Large pushes are read when they are wanted, and not before."""

import json
from contextlib import ExitStack

from integration.database import Database
from integration.test_gateway_fairness import answered, nobody_can_insert, submits
from integration.test_metrics import scrape
from integration.wire import Wire, device, job, submit
from jobferry_server.gateway.pushes import IN_FLIGHT
from jobferry_server.gateway.reception import LARGE
from support.processes import eventually
from support.services import Services

PUSH, GROUP, OWNERS = 500, 1000, 24
#: Operations that are being committed, that follow next, and a push more.
MOST = 2 * IN_FLIGHT * GROUP + PUSH


def talk(wire: Wire, times: int) -> None:
    """Each time the gateway goes through what it has to do."""
    for _ in range(times):
        wire.say("heartbeat")
        wire.expect("heartbeat")


def test_what_nobody_can_commit_yet_is_not_read(db: Database, services: Services) -> None:
    """Nor is it lost, nor does it hold up those who have little to say."""
    pushes = [
        [submit(job(payload=json.dumps("x" * 80))) for _ in range(PUSH)] for _ in range(OWNERS)
    ]
    octets = len(json.dumps(pushes[0]))
    assert octets > LARGE
    with services.gateway(group=GROUP) as url, ExitStack() as stack:

        def read() -> float:
            """So many operations, about."""
            return scrape(url)["jobferry_gateway_waiting_bytes"] / octets * PUSH

        small = stack.enter_context(device(url, "small"))
        wires = [stack.enter_context(device(url, f"owner {n}")) for n in range(OWNERS)]
        with nobody_can_insert(db):
            for wire, ops in zip(wires, pushes, strict=True):
                wire.push(*ops)
            eventually(lambda: read() > IN_FLIGHT * GROUP, every=0.01)
            small.push(*submits(1))
            talk(small, OWNERS)
            assert read() < 1.1 * MOST < OWNERS * PUSH
        answered([small, *wires])
    assert db.value("select count(*) from background_jobs") == OWNERS * PUSH + 1
