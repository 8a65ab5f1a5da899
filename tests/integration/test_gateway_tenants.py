"""Tokens that name a tenant: all that comes with them is that tenant's."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import jwt
import pytest

from integration.database import Database
from integration.wire import Wire, job, submit, wired
from jobferry_server.tokens import Verifier
from support.issuer import claims
from support.services import SECRET, Services

ACME, OTHERS = (f"aaaaaaaa-0000-4000-8000-00000000000{n}" for n in (1, 2))


@pytest.fixture
def url(services: Services) -> Iterator[str]:
    """A gateway that wants to know the tenant."""
    with services.gateway(Verifier(SECRET, tenant_claim="org")) as url:
        yield url


def token_of(tenant: str, owner: str = "anna") -> str:
    return jwt.encode(claims(owner, org=tenant), SECRET, "HS256")


@contextmanager
def device_of(url: str, tenant: str) -> Iterator[Wire]:
    with wired(url, Authorization=f"Bearer {token_of(tenant)}") as wire:
        wire.hello()
        yield wire


def test_a_job_belongs_to_the_token_s_tenant(db: Database, url: str) -> None:
    unsaid, said, odd = job(), job(database_id=ACME), job(database_id=OTHERS)
    with device_of(url, ACME) as wire:
        answer = wire.deliver(submit(unsaid), submit(odd), submit(said))
        assert answer == [(odd["id"], "wrong_tenant")]
        # Sent again, it is the same job.
        assert wire.deliver(submit(unsaid)) == []
    for spec in (unsaid, said):
        assert str(db.job(UUID(spec["id"]))["database_id"]) == ACME
    assert db.value("select count(*) from background_jobs") == 2


def test_a_renewed_token_must_be_of_the_same_tenant(url: str) -> None:
    with device_of(url, ACME) as wire:
        wire.say("renew", token=token_of(ACME.upper()))
        assert wire.deliver(submit(job())) == []
        wire.say("renew", token=token_of(OTHERS))
        assert wire.expect_error()["code"] == "unauthenticated"


def test_without_the_setting_a_device_says_its_own(db: Database, services: Services) -> None:
    spec = job(database_id=OTHERS)
    with services.gateway() as url, device_of(url, ACME) as wire:
        assert wire.deliver(submit(spec)) == []
    assert str(db.job(UUID(spec["id"]))["database_id"]) == OTHERS
