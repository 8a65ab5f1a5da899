"""The tasks of this deployment: put yours in their place."""

from pydantic import BaseModel

from jobferry_server import Job, Processor

processor = Processor()


class Words(BaseModel):
    """What to shout."""

    text: str


@processor.task("shout")
def shout(job: Job, words: Words) -> Words:
    """The same, louder."""
    job.progress(0.5)
    return Words(text=words.text.upper())
