"""TLS: a gateway that proves who it is, devices that look, and the reverse."""

import logging
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import trustme
from click.testing import CliRunner

from jobferry_client import ClientError, ConnectionState, JobClient, tls_context
from jobferry_client.cli import jobferry
from jobferry_server.errors import ConfigurationError
from jobferry_server.gateway import Gateway
from jobferry_server.settings import GatewaySettings
from jobferry_server.tokens import Verifier
from support.processes import eventually, part
from support.services import SECRET, Services, token

SOON = 20
DISCONNECTED = ConnectionState.DISCONNECTED


class Authority:
    """Signs certificates; everything it makes is a file."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        self._folder = folder
        self._ca = trustme.CA(organization_name=name)
        self.pem = folder / f"{name}.pem"
        self._ca.cert_pem.write_to_path(self.pem)

    def certificate(self, host: str = "127.0.0.1", name: str = "gateway", days: int = 1) -> Path:
        """A certificate, its key behind it in the same file."""
        expires = datetime.fromtimestamp(datetime.now(UTC).timestamp() + days * 86_400, UTC)
        found = self._ca.issue_cert(host, not_after=expires)
        path = self._folder / f"{name}.pem"
        found.private_key_and_cert_chain_pem.write_to_path(path)
        return path

    def parts(self, key: Path, certificate: Path, host: str = "127.0.0.1") -> tuple[Path, Path]:
        """The same in two files."""
        found = self._ca.issue_cert(host)
        found.private_key_pem.write_to_path(key)
        found.cert_chain_pems[0].write_to_path(certificate)
        return key, certificate


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Whom the devices trust."""
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Somebody else."""
    return Authority(tmp_path_factory.mktemp("other"), "other")


@pytest.fixture
def path(device_file: Callable[[str], Path]) -> Path:
    """The device's file."""
    return device_file("till")


def shows(client: JobClient, reason: str) -> None:
    """Wait until the client says that it is disconnected, and why."""

    def look() -> bool:
        status = client.status()
        tried = status.reason not in (None, "not connected yet")
        return tried and status.state is DISCONNECTED and reason in str(status.reason)

    eventually(look, SOON, 0.005)


def test_a_device_that_trusts_the_authority_syncs(
    services: Services, path: Path, ca: Authority
) -> None:
    with services.gateway(tls_certificate=ca.certificate()) as url:
        assert url.startswith("wss://")
        with JobClient(path, url, token(), tls=ca.pem) as client:
            client.submit()
            assert client.sync(SOON).pending == 0
        with JobClient(path, url, token(), tls=ssl.create_default_context(cafile=ca.pem)) as client:
            client.sync(SOON)


def test_a_device_speaks_to_nobody_it_can_not_trust(
    services: Services, path: Path, ca: Authority, other: Authority
) -> None:
    with services.gateway(tls_certificate=ca.certificate()) as url:
        for tls in (None, other.pem):
            with JobClient(path, url, token(), tls=tls) as client:
                shows(client, "certificate verify failed")


@pytest.mark.parametrize(
    ("host", "days", "reason"),
    [("example.org", 1, "IP address mismatch"), ("127.0.0.1", -1, "certificate has expired")],
)
def test_a_certificate_of_another_name_or_time_is_refused(
    services: Services, path: Path, ca: Authority, host: str, days: int, reason: str
) -> None:
    certificate = ca.certificate(host, days=days)
    with (
        services.gateway(tls_certificate=certificate) as url,
        JobClient(path, url, token(), tls=ca.pem) as client,
    ):
        shows(client, reason)


def test_plain_and_tls_do_not_speak_to_each_other(
    services: Services, path: Path, ca: Authority, device_file: Callable[[str], Path]
) -> None:
    with services.gateway(tls_certificate=ca.certificate()) as secure, services.gateway() as plain:
        with JobClient(path, secure.replace("wss:", "ws:"), token()) as client:
            shows(client, "did not receive a valid HTTP response")
        with JobClient(path, plain.replace("ws:", "wss:"), token(), tls=ca.pem) as client:
            shows(client, "the connection broke")
        # What is for wss:// does no harm to ws://.
        with JobClient(path, plain, token(), tls=ca.pem) as client:
            client.sync(SOON)


def test_a_gateway_may_want_to_see_a_certificate(
    services: Services, path: Path, ca: Authority, other: Authority
) -> None:
    settings: dict[str, Any] = {"tls_certificate": ca.certificate(), "tls_client_ca": ca.pem}
    ours = ca.certificate("till", "till")
    with services.gateway(**settings) as url:
        for certificate in (None, other.certificate("till", "till")):
            with JobClient(path, url, token(), tls=tls_context(ca.pem, certificate)) as client:
                shows(client, "")
                client.submit()
                assert client.status().last_synced_at is None
        with JobClient(path, url, token(), tls=tls_context(ca.pem, ours)) as client:
            client.sync(SOON)


def test_the_command_has_it_from_files(
    services: Services, path: Path, ca: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings: dict[str, Any] = {"tls_certificate": ca.certificate(), "tls_client_ca": ca.pem}
    monkeypatch.setenv("JOBFERRY_TOKEN", token())
    monkeypatch.setenv("JOBFERRY_CA", str(ca.pem))
    with services.gateway(**settings) as url:
        words = ["client", "sync", str(path), "--once", "--url", url, "--certificate"]
        ran = CliRunner().invoke(jobferry, [*words, str(ca.certificate("till", "till"))])
    assert (ran.exit_code, ran.stdout) == (0, "in step: 0 unsent, 0 rejected\n")


def test_a_renewed_certificate_is_taken_without_a_restart(
    services: Services, tmp_path: Path, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    authority = Authority(tmp_path)
    certificate = authority.certificate("example.org")
    with (
        services.gateway(tls_certificate=certificate, silence_seconds=0.3) as url,
        JobClient(path, url, token(), tls=authority.pem) as client,
    ):
        shows(client, "IP address mismatch")
        with caplog.at_level(logging.INFO):
            authority.certificate("127.0.0.1")
            eventually(lambda: "certificate was renewed" in caplog.text, SOON, 0.01)
        client.connect()
        client.sync(SOON)


def test_while_half_of_a_renewal_is_written_the_one_before_it_serves(
    services: Services, tmp_path: Path, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    authority = Authority(tmp_path)
    key, certificate = authority.parts(tmp_path / "key.pem", tmp_path / "certificate.pem")
    settings: dict[str, Any] = {"tls_certificate": certificate, "tls_key": key}
    with services.gateway(silence_seconds=0.3, **settings) as url:
        # A new certificate, and not yet its key.
        authority.parts(tmp_path / "other.pem", certificate)
        eventually(lambda: "can not be renewed" in caplog.text, SOON, 0.01)
        with JobClient(path, url, token(), tls=authority.pem) as client:
            client.sync(SOON)


def test_a_gateway_has_it_from_the_environment(
    dsn: str, tmp_path: Path, path: Path, ca: Authority
) -> None:
    environment = {"JOBFERRY_TLS_CERTIFICATE": str(ca.certificate()), "JOBFERRY_PORT": "0"}
    with part(tmp_path / "log", "gateway", "--dsn", dsn, **environment) as running:
        eventually(lambda: "listening on wss://" in running.log, SOON)
        url = running.log.partition("listening on ")[2].split()[0]
        with JobClient(path, url, token(), tls=ca.pem) as client:
            client.sync(SOON)


# -- what makes no sense


def test_a_certificate_that_is_none_is_a_configuration_error(tmp_path: Path, ca: Authority) -> None:
    (tmp_path / "empty.pem").touch()
    wrong: list[dict[str, Any]] = [
        {"tls_certificate": tmp_path / "nowhere.pem"},
        {"tls_certificate": tmp_path / "empty.pem"},
        {"tls_certificate": ca.pem},
        {"tls_certificate": ca.certificate(), "tls_client_ca": tmp_path / "empty.pem"},
        {"tls_client_ca": ca.pem},
        {"tls_key": ca.pem},
    ]
    for settings in wrong:
        with pytest.raises(ConfigurationError):
            Gateway("", Verifier(SECRET), GatewaySettings(**settings))


def test_files_that_are_none_are_the_device_s_mistake(tmp_path: Path, path: Path) -> None:
    (tmp_path / "empty.pem").touch()
    for file in ("empty.pem", "nowhere.pem"):
        with pytest.raises(ClientError) as no:
            JobClient(path, "wss://127.0.0.1", token(), tls=tmp_path / file)
        assert no.value.code == "configuration"
