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
    SecretStr,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from jobferry_shared.limits import Limits

__all__ = [
    "DashboardSettings",
    "GatewaySettings",
    "PostgresSettings",
    "ProcessorSettings",
    "TokenSettings",
    "with_options",
    "without_environment",
]

S = TypeVar("S", bound=BaseSettings)


def _split(value: object) -> object:
    """``a,b`` as an environment variable or an option says it; anything else as it is."""
    return tuple(filter(None, value.split(","))) if isinstance(value, str) else value


Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]

_CONFIG = SettingsConfigDict(
    env_prefix="JOBFERRY_", env_ignore_empty=True, frozen=True, extra="ignore"
)


class PostgresSettings(BaseSettings):
    """How a service reaches Postgres, beside its DSN."""

    model_config = _CONFIG

    pooled: bool = Field(
        False, description="Whether the DSN is a pooler's in transaction mode, such as PgBouncer's."
    )
    listen_dsn: str | None = Field(
        None,
        description="Postgres without a pooler between, for LISTEN. Without it a pooled service polls.",
    )
    statement_seconds: PositiveFloat = Field(
        20.0,
        description="How long Postgres may take to answer a statement; then it is tried over a new connection.",
    )
    poll_seconds: PositiveFloat = Field(
        1.0,
        description="How often to look without being called; a gateway does only where it can't LISTEN.",
    )

    @property
    def listens(self) -> bool:
        """Is there a connection on which LISTEN works?"""
        return self.listen_dsn is not None or not self.pooled


class GatewaySettings(PostgresSettings):
    """How a gateway listens and what it allows."""

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
    strangers: PositiveInt = Field(
        1000,
        description="Most connections that have not said hello with a valid token; the oldest makes way.",
    )
    origins: Words = Field(
        (),
        description="Origins whose browser pages may connect, parted by commas, as `https://example.org`.",
    )
    tls_certificate: Path | None = Field(
        None, description="PEM file of a certificate and its chain: `wss://` instead of `ws://`."
    )
    tls_key: Path | None = Field(
        None, description="PEM file of the certificate's key, if it is not in the same file."
    )
    tls_client_ca: Path | None = Field(
        None,
        description="PEM file of the authorities one of whose certificates a device must show.",
    )

    metrics_token: SecretStr | None = Field(
        None,
        description="What a scraper of /metrics sends as a bearer token. Without one only this machine may.",
    )

    @property
    def limits(self) -> Limits:
        """What a device is told in its welcome."""
        return Limits(message_bytes=self.message_bytes, payload_bytes=self.payload_bytes)


class TokenSettings(BaseSettings):
    """Which tokens a gateway believes. One of secret, public key and JWKS URL is wanted."""

    model_config = _CONFIG

    jwt_secret: SecretStr | None = Field(
        None, description="What tokens are signed with, if it is a secret; at least 32 octets."
    )
    jwt_public_key: Path | None = Field(
        None, description="PEM file of the public key that tokens are verified with."
    )
    jwt_jwks_url: str | None = Field(
        None, description="Where the issuer publishes its keys, as `https://…/jwks.json`."
    )
    jwt_jwks_seconds: PositiveFloat = Field(
        300.0, description="How often the published keys are fetched anew."
    )
    jwt_algorithms: Words = Field(
        (), description="Algorithms to accept, parted by commas; by default what suits the key."
    )
    jwt_audience: str = Field("jobferry", description="The audience (`aud`) of our tokens.")
    jwt_issuer: str | None = Field(
        None, description="The issuer (`iss`) whose tokens to accept; by default of any."
    )
    jwt_leeway_seconds: Annotated[float, Field(ge=0, le=60)] = Field(
        5.0, description="By how much the issuer's clock may differ from ours."
    )
    jwt_owner_claim: str = Field("sub", description="The claim that names the owner.")
    jwt_tenant_claim: str | None = Field(
        None, description="The claim that names the tenant, a UUID: the `database_id` of every job."
    )

    @property
    def has_keys(self) -> bool:
        """Was any said?"""
        return any((self.jwt_secret, self.jwt_public_key, self.jwt_jwks_url))


class ProcessorSettings(PostgresSettings):
    """How a processor takes and runs jobs."""

    concurrency: PositiveInt = Field(
        10, description="Jobs that run at once, on threads or the loop."
    )
    executor: Literal["thread", "process"] = Field(
        "thread", description="Where handlers run that are no coroutines and do not say so."
    )
    prefetch: PositiveInt = Field(500, description="Most jobs taken at once while they end fast.")
    flush_seconds: PositiveFloat = Field(0.1, description="Longest delay of a job's progress.")
    lease_seconds: PositiveFloat = Field(
        30.0, description="A processor not seen for this long loses its jobs."
    )
    grace_seconds: PositiveFloat = Field(
        10.0, description="How long running jobs may go on after SIGTERM."
    )
    result_bytes: PositiveInt = Field(
        Limits().payload_bytes, description="Largest result of a job, in octets."
    )
    metrics_port: Annotated[int, Field(ge=0, le=65535)] | None = Field(
        None, description="Port for /metrics; 0 takes a free one, none serves no metrics."
    )
    metrics_host: str = Field("127.0.0.1", description="Address to serve /metrics on.")
    schedules: bool = Field(True, description="Whether to run what is scheduled, beside jobs.")
    crontab: Path | None = Field(None, description="A file of schedules to load at the start.")
    forbidden_flags: Words = Field(
        (), description="Jobs that carry one of these flags, parted by commas, are left alone."
    )


class DashboardSettings(PostgresSettings):
    """Where the dashboard listens, who may look, and what they may do."""

    dashboard_host: str = Field("127.0.0.1", description="Address to listen on.")
    dashboard_port: Annotated[int, Field(ge=0, le=65535)] = Field(
        8378, description="Port; 0 takes a free one."
    )
    dashboard_manage: bool = Field(
        False, description="Whether jobs, queues and schedules may be changed, not only seen."
    )
    dashboard_token: SecretStr | None = Field(
        None, description="What whoever looks must know; at least 16 characters."
    )
    dashboard_trusted_header: str | None = Field(
        None,
        description="The header in which an authenticating proxy says who asks, as `X-Forwarded-User`.",
    )
    dashboard_hosts: Words = Field(
        (),
        description="Names by which it may be asked for, parted by commas. Without a token or a proxy only"
        " this machine's, else any.",
    )
    dashboard_gateway: str | None = Field(
        None, description="The URL of a gateway's /metrics, for the lag of its feed."
    )
    dashboard_browsers: PositiveInt = Field(
        64, description="Most browsers that are told of changes at a time."
    )
    dashboard_fresh_seconds: NonNegativeFloat = Field(
        1.0, description="How long the figures of the overview serve all browsers."
    )
    metrics_token: SecretStr | None = Field(
        None, description="What the gateway wants of who reads its /metrics."
    )


def with_options(settings: S, **options: object) -> S:
    """These settings, with the options that were given on the command line in their place."""
    return settings.model_copy(
        update={name: value for name, value in options.items() if value is not None}
    )


def without_environment(model: type[S], **values: object) -> S:
    """Settings by these values alone: what is in the environment may be meant for another service."""
    return model(**values, _env_prefix="JOBFERRY_UNREAD_")  # type: ignore[arg-type] # each value is checked
