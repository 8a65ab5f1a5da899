"""A gateway whose tokens somebody else issues: keys that come, go, and can't be had."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from integration.wire import Wire, job, submit, wired
from jobferry_client import ConnectionState, JobClient
from jobferry_server.errors import UnknownKey
from jobferry_server.keys import PublishedKeys
from jobferry_server.tokens import Verifier
from jobferry_shared.versions import PROTOCOL
from support.issuer import Issuer, SigningKey, publishing
from support.processes import eventually, part
from support.proxy import free_port
from support.services import Services, token

OLD, NEW, UNKNOWN = SigningKey("old"), SigningKey("new"), SigningKey("unknown")
SOON = 20


@contextmanager
def gateway(services: Services, issuer: Issuer, **options: Any) -> Iterator[str]:
    """A gateway that believes this issuer, and has fetched its keys."""
    keys = PublishedKeys(issuer.url, **options)
    with services.gateway(Verifier(keys)) as url:
        eventually(lambda: has(keys, OLD.kid), every=0.005)
        yield url


def has(keys: PublishedKeys, kid: str) -> bool:
    with suppress(UnknownKey):
        return bool(keys.find(kid))
    return False


@contextmanager
def let_in(url: str, bearer: str) -> Iterator[Wire]:
    with wired(url, Authorization=f"Bearer {bearer}") as wire:
        wire.hello()
        yield wire


def refusal(url: str, bearer: str) -> tuple[int, str | None]:
    """The status of a handshake with this token, and when to come back."""
    with pytest.raises(InvalidStatus) as no, wired(url, Authorization=f"Bearer {bearer}"):
        pass
    response = no.value.response
    return response.status_code, response.headers.get("Retry-After")


def test_a_new_key_is_fetched_when_a_token_names_it(services: Services) -> None:
    with publishing(OLD) as issuer, gateway(services, issuer, cooldown=0) as url:
        with let_in(url, OLD.sign()):
            pass
        assert issuer.asked == 1
        issuer.publish(OLD, NEW)
        with let_in(url, NEW.sign()) as wire, let_in(url, OLD.sign()):
            assert wire.deliver(submit(job())) == []
        with wired(url) as wire:
            wire.hello(token=NEW.sign())
        assert issuer.asked == 2


def test_a_renewed_token_may_name_a_new_key(services: Services) -> None:
    with (
        publishing(OLD) as issuer,
        gateway(services, issuer, cooldown=0) as url,
        let_in(url, OLD.sign()) as wire,
    ):
        issuer.publish(NEW)
        wire.say("renew", token=NEW.sign())
        assert wire.deliver(submit(job())) == []


def test_a_key_that_is_published_no_more_is_believed_no_more(services: Services) -> None:
    with publishing(OLD) as issuer, gateway(services, issuer, lifetime=0.05, cooldown=0) as url:
        with let_in(url, OLD.sign()):
            pass
        issuer.publish()
        asked = issuer.asked
        eventually(lambda: issuer.asked > asked + 1, every=0.01)
        assert refusal(url, OLD.sign())[0] == 401


def test_strangers_do_not_decide_how_often_keys_are_fetched(services: Services) -> None:
    with publishing(OLD) as issuer, gateway(services, issuer, cooldown=30) as url:
        for _ in range(5):
            status, retry_after = refusal(url, UNKNOWN.sign())
            assert status == 503
            assert 1 <= int(retry_after or 0) <= 31
        with wired(url) as wire:
            wire.say(
                "hello", protocol=PROTOCOL, client_id=str(wire.client_id), token=UNKNOWN.sign()
            )
            error = wire.expect_error()
        assert error["code"] == "unavailable"
        assert 0 < error["retry_after"] <= 30
        # Who names a key that is known is let in meanwhile.
        with let_in(url, OLD.sign()):
            pass
        assert issuer.asked == 1


def test_a_key_that_nobody_publishes_is_refused_once_the_issuer_was_asked(
    services: Services,
) -> None:
    with publishing(OLD) as issuer, gateway(services, issuer, cooldown=0) as url:
        assert refusal(url, UNKNOWN.sign()) == (401, None)
        assert refusal(url, token("anna")) == (401, None)
        assert issuer.asked == 2


def test_keys_are_fetched_off_the_loop_and_once_for_all_who_wait(services: Services) -> None:
    with publishing(OLD) as issuer, gateway(services, issuer, cooldown=0.2) as url:
        with let_in(url, OLD.sign()) as wire:
            issuer.answers.clear()
            issuer.publish(OLD, NEW)
            time.sleep(0.2)  # The cooldown: it rings no bell.
            welcomed: list[str] = []
            waiting = [threading.Thread(target=enter, args=(url, welcomed)) for _ in range(5)]
            for thread in waiting:
                thread.start()
            eventually(lambda: issuer.asked == 2, every=0.005)
            # The others are served while the issuer takes its time.
            for _ in range(3):
                assert wire.deliver(submit(job())) == []
            assert welcomed == []
            issuer.answers.set()
            for thread in waiting:
                thread.join(10)
        assert welcomed == ["anna"] * 5
        assert issuer.asked == 2


def enter(url: str, welcomed: list[str]) -> None:
    with wired(url, Authorization=f"Bearer {NEW.sign()}") as wire:
        welcomed.append(wire.hello()["owner"])


def test_an_issuer_that_is_away_locks_nobody_out_and_nobody_in(
    services: Services, tmp_path: Path
) -> None:
    """Known keys go on; of the others it is not known that they are bad, so devices come again."""
    with publishing(OLD) as issuer, gateway(services, issuer, cooldown=0.1) as url:
        issuer.status = 500
        issuer.publish(NEW)
        with let_in(url, OLD.sign()):
            pass
        with JobClient(tmp_path / "till.db", url, NEW.sign()) as client:
            eventually(lambda: "HTTP 503" in (client.status().reason or ""), SOON, 0.005)
            assert client.status().state is not ConnectionState.NEEDS_AUTH
            issuer.status = 200
            client.sync(SOON)


@pytest.mark.parametrize("answer", ["[]", '{"keys": 7}', "<html>"])
def test_what_is_no_list_of_keys_changes_nothing(services: Services, answer: str) -> None:
    with publishing(OLD) as issuer, gateway(services, issuer, cooldown=0) as url:
        issuer.body = answer
        assert refusal(url, NEW.sign())[0] == 503
        with let_in(url, OLD.sign()):
            pass


def test_a_gateway_begins_though_the_issuer_is_away(dsn: str, tmp_path: Path) -> None:
    """As a process, all from the environment."""
    with publishing(OLD) as issuer:
        issuer.status = 500
        environment = {
            "JOBFERRY_JWT_JWKS_URL": issuer.url,
            "JOBFERRY_JWT_ISSUER": "them",
            "JOBFERRY_JWT_AUDIENCE": "tills",
            "JOBFERRY_PORT": str(free_port()),
        }
        log = tmp_path / "gateway.log"
        with part(log, "gateway", "--dsn", dsn, JOBFERRY_JWT_SECRET="", **environment) as running:
            eventually(lambda: "can not be fetched" in running.log, SOON)
            url = f"ws://127.0.0.1:{environment['JOBFERRY_PORT']}"
            good = OLD.sign(iss="them", aud="tills")
            eventually(lambda: "listening on" in running.log, SOON)
            assert refusal(url, good)[0] == 503
            assert issuer.asked == 1
