"""Settings of the services: keyword arguments with safe defaults, or the environment.

Every field is also an environment variable, ``JOBFERRY_`` and its name in capitals.
"""

from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import (
    BeforeValidator,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from jobferry_shared.limits import Limits

__all__ = ["GatewaySettings", "ProcessorSettings", "with_options"]

S = TypeVar("S", bound=BaseSettings)


def _split(value: object) -> object:
    """``a,b`` as an environment variable or an option says it; anything else as it is."""
    return tuple(filter(None, value.split(","))) if isinstance(value, str) else value


Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]

_CONFIG = SettingsConfigDict(env_prefix="JOBFERRY_", frozen=True, extra="ignore")


class GatewaySettings(BaseSettings):
    """How a gateway listens and what it allows."""

    model_config = _CONFIG

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: Annotated[int, Field(ge=0, le=65535)] = Field(
        8377, description="Port; 0 takes a free one."
    )
    message_bytes: PositiveInt = Field(
        Limits().message_bytes, description="Largest message, in octets."
    )
    payload_bytes: PositiveInt = Field(
        Limits().payload_bytes, description="Largest payload of a job, in octets."
    )
    group: PositiveInt = Field(1000, description="Most operations in one commit.")
    hello_seconds: PositiveFloat = Field(10.0, description="How long a new connection may be mute.")
    silence_seconds: PositiveFloat = Field(
        45.0, description="A device not heard of for this long is disconnected."
    )
    connections: NonNegativeInt = Field(
        20_000, description="Most devices connected to this gateway; 0: no limit."
    )
    owner_connections: NonNegativeInt = Field(
        1000, description="Most devices of one owner connected to this gateway; 0: no limit."
    )
    owner_jobs: NonNegativeInt = Field(
        0, description="Most unfinished jobs of one owner; 0: no limit."
    )
    owner_rate: NonNegativeFloat = Field(
        0.0, description="Most operations of one owner a second, on average; 0: no limit."
    )
    owner_burst: PositiveInt = Field(
        2000, description="How many of them may come at once before the rate counts."
    )
    chatter: PositiveFloat = Field(
        5.0, description="Most heartbeats and renewals of one device a second, on average."
    )
    waiting_bytes: PositiveInt = Field(
        256 * 1024 * 1024,
        description="Octets of pushes that may wait for their commit; an owner has an eighth.",
    )
    drain_seconds: PositiveFloat = Field(
        3.0, description="Over how long the devices are sent away at the end."
    )

    @property
    def limits(self) -> Limits:
        """What a device is told in its welcome."""
        return Limits(message_bytes=self.message_bytes, payload_bytes=self.payload_bytes)


class ProcessorSettings(BaseSettings):
    """How a processor takes and runs jobs."""

    model_config = _CONFIG

    concurrency: PositiveInt = Field(
        10, description="Jobs that run at once, on threads or the loop."
    )
    executor: Literal["thread", "process"] = Field(
        "thread", description="Where handlers run that are no coroutines and do not say so."
    )
    prefetch: PositiveInt = Field(500, description="Most jobs taken at once while they end fast.")
    flush_seconds: PositiveFloat = Field(0.1, description="Longest delay of a job's progress.")
    poll_seconds: PositiveFloat = Field(1.0, description="How often to look without being called.")
    lease_seconds: PositiveFloat = Field(
        30.0, description="A processor not seen for this long loses its jobs."
    )
    grace_seconds: PositiveFloat = Field(
        10.0, description="How long running jobs may go on after SIGTERM."
    )
    result_bytes: PositiveInt = Field(
        Limits().payload_bytes, description="Largest result of a job, in octets."
    )
    schedules: bool = Field(True, description="Whether to run what is scheduled, beside jobs.")
    crontab: Path | None = Field(None, description="A file of schedules to load at the start.")
    forbidden_flags: Words = Field(
        (), description="Jobs that carry one of these flags, parted by commas, are left alone."
    )


def with_options(settings: S, **options: object) -> S:
    """These settings, with the options that were given on the command line in their place."""
    return settings.model_copy(
        update={name: value for name, value in options.items() if value is not None}
    )
