"""A gateway's own figures, where it shows them to us: is it in time, and does it hear its database?"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from jobferry_shared.findings import Finding, ok, warning

__all__ = ["judge"]

#: Of a hundred times, one may be later than this, in seconds.
LOOP_SECONDS = 0.25
PAGE_SECONDS = 1.0
#: Fewer tell nothing.
LEAST = 20
RELIEVE = "jobferry gateway --dsn postgresql://…  # one more, beside it"

_SAMPLE = re.compile(
    r'^(jobferry_\w+?)(?:\{(?:.*,)?(?:le|part)="([^"]*)".*\})? (\S+)$', re.MULTILINE
)


class Sample(NamedTuple):
    """A line of the page; ``label`` is a bucket's bound or a part's name."""

    name: str
    label: str
    value: float


def judge(page: str) -> Iterator[Finding]:
    """What the text of ``/metrics`` says; nothing of what is not in it."""
    samples = [Sample(name, label, float(value)) for name, label, value in _SAMPLE.findall(page)]
    yield from _listening(samples)
    yield from _in_time(samples, "loop lag", "jobferry_loop_lag_seconds", LOOP_SECONDS)
    yield from _in_time(samples, "feed lag", "jobferry_gateway_feed_lag_seconds", PAGE_SECONDS)


def _listening(samples: list[Sample]) -> Iterator[Finding]:
    for sample in samples:
        if sample.name == "jobferry_listening" and sample.label == "gateway":
            if sample.value:
                yield ok("listening", "the gateway hears the database")
            else:
                yield warning(
                    "listening",
                    "the gateway hears nothing of the database and only looks now and then",
                    "jobferry doctor --dsn postgresql://…",
                )


def _in_time(samples: list[Sample], check: str, name: str, most: float) -> Iterator[Finding]:
    """A histogram since the gateway began: ninety-nine of a hundred are within its bucket's bound."""
    buckets = [(s.label, s.value) for s in samples if s.name == f"{name}_bucket"]
    number = dict(buckets).get("+Inf", 0)
    if number < LEAST:
        return
    bound = next(label for label, within in buckets if within >= 0.99 * number)
    says = f"of a hundred, one is later than {bound} s, of {number:.0f} since it began"
    if bound != "+Inf" and float(bound) <= most:
        yield ok(check, says)
    else:
        yield warning(check, says, RELIEVE)
