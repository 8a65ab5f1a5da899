"""Gateways behind nginx with TLS, by the very file of docs/deploy."""

import re
import signal
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from integration.database import Database
from integration.test_metrics import scrape
from integration.test_tls import Authority
from jobferry_client import JobClient
from support.nginx import SITE, Nginx, complaints, nginx, program
from support.proxy import free_port
from support.services import token
from support.stack import Gateway, Stack

pytestmark = pytest.mark.skipif(program() is None, reason="there is no nginx on this machine")

SOON = 30


@pytest.fixture
def gateways(dsn: str, tmp_path: Path) -> Iterator[list[Gateway]]:
    """Two, as processes."""
    with Stack(dsn, tmp_path) as stack:
        settings = {"JOBFERRY_DRAIN_SECONDS": "0.5"}
        found = [Gateway(stack, dsn, free_port(), settings) for _ in range(2)]
        for gateway in found:
            gateway.ready()
        yield found


@pytest.fixture
def ca(tmp_path: Path) -> Authority:
    """Whom the devices trust."""
    return Authority(tmp_path)


@pytest.fixture
def front(gateways: list[Gateway], ca: Authority, tmp_path: Path) -> Iterator[Nginx]:
    """nginx before both."""
    folder = tmp_path / "nginx"
    folder.mkdir()
    with nginx(folder, ca.certificate(), [gateway.port for gateway in gateways]) as found:
        yield found


@pytest.fixture
def client(front: Nginx, ca: Authority, device_file: Callable[[str], Path]) -> Iterator[JobClient]:
    """A device in step, by way of nginx."""
    with JobClient(device_file("till"), front.url, token(), tls=ca.pem) as found:
        found.submit("t")
        found.sync(SOON)
        yield found


def jobs(db: Database) -> int:
    return int(db.value("select count(*) from background_jobs"))


def devices(gateway: Gateway) -> float:
    return scrape(gateway.url)["jobferry_gateway_connections"]


def status_of(front: Nginx, ca: Authority, path: str, **headers: str) -> int:
    """What a plain request is answered with."""
    request = urllib.request.Request(front.url.replace("wss", "https") + path, headers=headers)
    trust = ssl.create_default_context(cafile=str(ca.pem))
    try:
        with urllib.request.urlopen(request, timeout=SOON, context=trust) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as answer:
        answer.close()
        return answer.code


def test_when_a_gateway_is_killed_its_device_goes_to_the_other(
    client: JobClient, gateways: list[Gateway], db: Database
) -> None:
    first, second = sorted(gateways, key=devices, reverse=True)
    assert [devices(first), devices(second)] == [1, 0]
    first.part.kill()
    client.submit("t")
    client.sync(SOON)
    assert jobs(db) == 2
    assert devices(second) == 1


def test_a_rolling_restart_loses_nothing(
    client: JobClient, gateways: list[Gateway], db: Database
) -> None:
    for gateway in gateways:
        gateway.part.signal(signal.SIGTERM)
        client.submit("t")
        assert gateway.part.wait() == 0
        gateway.part.start()
        gateway.ready()
    client.sync(SOON)
    assert jobs(db) == 3


def test_nginx_is_reloaded_under_a_connection(
    client: JobClient,
    front: Nginx,
    ca: Authority,
    gateways: list[Gateway],
    device_file: Callable[[str], Path],
    db: Database,
) -> None:
    front.reload()
    client.submit("t")
    client.sync(SOON)
    # Somebody else comes to the new worker; the first is where it was.
    with JobClient(device_file("other"), front.url, token("bert"), tls=ca.pem) as other:
        other.submit("t")
        other.sync(SOON)
        assert sum(map(devices, gateways)) == 2
    assert jobs(db) == 3


def test_what_is_not_for_everybody_stays_inside(front: Nginx, ca: Authority) -> None:
    assert status_of(front, ca, "/healthz") == 200
    assert status_of(front, ca, "/metrics") == 404
    assert status_of(front, ca, "/", Authorization="Bearer " + "x" * 7_000) == 401


def test_the_dashboard_s_place_is_one_that_nginx_takes(tmp_path: Path) -> None:
    page = (SITE.parents[1] / "dashboard.md").read_text("utf-8")
    (location,) = re.findall(r"```nginx\n(.*?)```", page, re.DOTALL)
    assert complaints(tmp_path, f"server {{ listen 127.0.0.1:{free_port()}; {location} }}") == ""
