"""A new version comes: every gateway and every processor is restarted in turn, and the work goes on."""

import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event

from jobferry_client import JobClient, NewJob
from support.facts import Ledger, differences, keep_a_diary, local_count, steps_back
from support.processes import eventually
from support.proxy import Proxy
from support.services import token
from support.stack import Gateway, Running, Stack

GATEWAYS, PROCESSORS = 2, 3
TASKS = ("quick", "threaded", "default")
#: A batch so often from each device, in seconds.
PAUSE = 0.05
BATCH = 5


def write(client: JobClient, stopped: Event) -> int:
    """Submit until it is enough; how many."""
    number = 0
    while not stopped.wait(PAUSE):
        client.submit_many(
            NewJob(task=TASKS[n % 3], payload=n) for n in range(number, number + BATCH)
        )
        number += BATCH
    return number


@contextmanager
def writing(clients: list[JobClient]) -> Iterator[list[Future[int]]]:
    """Within the block all of them write."""
    stopped = Event()
    with ThreadPoolExecutor(len(clients)) as writers:
        try:
            yield [writers.submit(write, client, stopped) for client in clients]
        finally:
            stopped.set()


def restart(part: Running) -> None:
    """As a supervisor does: it is asked to end, and ends well."""
    part.signal(signal.SIGTERM)
    assert part.wait(15) == 0
    part.start()


def restart_all(gateways: list[Gateway], processors: list[Running], facts: Ledger) -> None:
    """One after the other; the next only once the last is there again."""
    for gateway in gateways:
        restart(gateway.part)
        gateway.ready()
    for processor in processors:
        restart(processor)
        there = f"id like '%:{processor.pid}:%'"
        eventually(lambda there=there: facts.count(there, "jobferry.processors"))  # type: ignore[misc]


def test_a_rolling_restart_of_everything_under_load_loses_and_repeats_nothing(
    stack: Stack, facts: Ledger, device_file: Callable[[str], Path]
) -> None:
    gateways = [stack.gateway(JOBFERRY_DRAIN_SECONDS="0.5") for _ in range(GATEWAYS)]
    processors = [stack.processor() for _ in range(PROCESSORS)]
    till, tablet = paths = [device_file("till"), device_file("tablet")]
    for path in paths:
        JobClient(path).close()
        keep_a_diary(path)
    with (
        Proxy(*(("127.0.0.1", gateway.port) for gateway in gateways)) as balancer,
        JobClient(till, balancer.url, token()) as one,
        JobClient(tablet, balancer.url, token()) as other,
    ):
        with writing([one, other]) as written:
            facts.reach(100, "completed")
            restart_all(gateways, processors, facts)
        jobs = sum(number.result() for number in written)
        for path in paths:
            eventually(lambda path=path: local_count(path) == jobs)  # type: ignore[misc]
        # Each gateway that ended sent whoever it had to the other.
        assert balancer.accepted > len(paths)
        eventually(lambda: not differences(till, facts) and not differences(tablet, facts))
    assert facts.count("completed and attempts = 1") == facts.count() == jobs
    for event in ("submitted", "completed"):
        assert set(facts.events(event).values()) == {1}
    assert len(stack.effects()) == jobs, "what was begun was finished, or was not begun"
    assert facts.count(table="jobferry.queue") == 0
    assert [steps_back(path) for path in paths] == [[], []]
