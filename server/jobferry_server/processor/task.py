"""A task: a name, the handler behind it, and how to read its payload and write its result."""

import inspect
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, get_type_hints

from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_jsonable_python

from jobferry_server.errors import ConfigurationError, Delay
from jobferry_server.processor.job import Job
from jobferry_shared import strict_json
from jobferry_shared.messages import first_complaint

__all__ = ["InvalidPayload", "InvalidResult", "Task"]


class InvalidPayload(Exception):
    """The payload does not fit the handler's type."""


class InvalidResult(Exception):
    """The handler returned what can't be a result."""


@dataclass(frozen=True)
class Task:
    """What a processor knows how to do. Times are in seconds; ``max_running`` counts all processors."""

    name: str
    handler: Callable[..., Any]
    max_attempts: int | None = None
    timeout: float | None = None
    hard_timeout: float | None = None
    retry: Callable[[int], Delay] | None = None
    executor: str | None = None
    max_running: int | None = None

    def __post_init__(self) -> None:
        if self.executor not in (None, "async" if self.is_async else "thread", "process"):
            raise ConfigurationError(f"task {self.name!r} can't run on {self.executor!r}")
        if self.is_async and self.executor == "process":
            raise ConfigurationError(f"task {self.name!r} is a coroutine: no process for it")
        if self.max_running is not None and self.max_running < 0:
            raise ConfigurationError(
                f"task {self.name!r} can not have max_running={self.max_running}",
                hint="How many of its jobs may run at once, over all processors; 0 stops the task.",
            )
        if not 1 <= len(self._parameters) <= 2:
            raise ConfigurationError(
                f"the handler of task {self.name!r} takes {len(self._parameters)} arguments",
                hint="Write handler(job) or handler(job, payload).",
            )

    @cached_property
    def is_async(self) -> bool:
        """Is the handler a coroutine function?"""
        return inspect.iscoroutinefunction(self.handler)

    @cached_property
    def _parameters(self) -> list[str]:
        return list(inspect.signature(self.handler).parameters)

    @cached_property
    def _payload_type(self) -> TypeAdapter[Any] | None:
        hints = get_type_hints(self.handler)
        hint = hints.get(self._parameters[1], Any)
        return TypeAdapter(hint) if hint is not Any else None

    def arguments(self, job: Job) -> tuple[Any, ...]:
        """What to call the handler with; :class:`InvalidPayload` if the payload does not fit."""
        if len(self._parameters) == 1:
            return (job,)
        try:
            if self._payload_type is None:
                return (job, json.loads(job.payload_text))
            return (job, self._payload_type.validate_json(job.payload_text))
        except ValidationError as error:
            raise InvalidPayload(first_complaint(error)) from error
        except (ValueError, RecursionError) as error:
            # Postgres keeps numbers and depths that Python does not read.
            raise InvalidPayload(str(error)) from error

    def result_text(self, value: Any, most: int) -> str | None:
        """The JSON text of what the handler returned, at most so many octets."""
        if value is None:
            return None
        try:
            text = strict_json.dump(to_jsonable_python(value))
        except Exception as error:  # A value of the handler's own may raise anything.
            raise InvalidResult(str(error)) from error
        if (size := len(text.encode())) > most:
            raise InvalidResult(f"{size} octets, the limit is {most}")
        return text
