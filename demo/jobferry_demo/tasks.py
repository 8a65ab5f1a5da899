"""The demo's processor: `jobferry processor jobferry_demo.tasks:processor`.

Each handler is a shell around a plain function that knows nothing of jobs. `job.progress` both
reports and raises once the job is cancelled, so handing it down is all that cancelling takes.
All of them may run twice for one job, and give the same result each time.
"""

from typing import Any

from jobferry_demo.checksums import ChecksumIn, Checksums, checksum
from jobferry_demo.drills import FailIn, Recovered, SleepIn, Slept, fail_until, sleep_in_steps
from jobferry_demo.summaries import Summary, SummaryIn, summarise
from jobferry_demo.thumbnails import Thumbnail, ThumbnailIn, make_thumbnail
from jobferry_server import Job, Processor

processor = Processor()


@processor.task("thumbnail", max_attempts=3, timeout=60)
def thumbnail(job: Job, payload: ThumbnailIn) -> Thumbnail:
    """A small JPEG of the photograph in the payload, and the colour it has most of."""
    return make_thumbnail(payload, job.progress)


@processor.task("summary", max_attempts=3, timeout=60)
def summary(job: Job, payload: SummaryIn) -> Summary:
    """What the columns of a CSV table hold."""
    return summarise(payload, job.progress)


@processor.task("checksum", max_attempts=3, timeout=600)
def checksums(job: Job, payload: ChecksumIn) -> Checksums:
    """SHA-256 and BLAKE2b of a large file."""
    return checksum(payload, job.progress)


@processor.task("echo")
async def echo(_job: Job, payload: Any) -> Any:
    """The payload, whatever it is."""
    return payload


@processor.task("sleep", timeout=3700)
async def sleep(job: Job, payload: SleepIn) -> Slept:
    """Nothing, slowly."""
    return await sleep_in_steps(payload, job.progress)


@processor.task("fail")
def fail(job: Job, payload: FailIn) -> Recovered:
    """An error; after `times` attempts a result."""
    return fail_until(payload, job.attempt)
