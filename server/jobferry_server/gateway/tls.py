"""TLS of the gateway: what it shows, and what it wants to be shown."""

import ssl
from pathlib import Path

from jobferry_server.errors import ConfigurationError
from jobferry_server.logs import events
from jobferry_server.settings import GatewaySettings

__all__ = ["Certificate"]


class Certificate:
    """The gateway's certificate. A renewed one is taken from its files without a restart."""

    def __init__(self, certificate: Path, key: Path | None, client_ca: Path | None) -> None:
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._certificate = certificate
        self._key = key
        try:
            self._stamp = self._load()
            if client_ca is not None:
                self.context.load_verify_locations(client_ca)
                self.context.verify_mode = ssl.CERT_REQUIRED
        except (OSError, ValueError) as error:
            raise ConfigurationError(f"the TLS certificate can not be used: {error}") from error

    @classmethod
    def of(cls, settings: GatewaySettings) -> "Certificate | None":
        """What the settings say; ``None`` is plain ``ws://``."""
        if settings.tls_certificate is not None:
            return cls(settings.tls_certificate, settings.tls_key, settings.tls_client_ca)
        if settings.tls_key is not None or settings.tls_client_ca is not None:
            raise ConfigurationError(
                "TLS is half configured: there is no certificate",
                hint="Set JOBFERRY_TLS_CERTIFICATE.",
            )
        return None

    def refresh(self) -> None:
        """Take the files as they are now, if they have changed; with an error keep what we have."""
        try:
            if self._now() != self._stamp:
                self._stamp = self._load()
                events.CERTIFICATE_RENEWED()
        except (OSError, ValueError) as error:
            events.CERTIFICATE_UNUSABLE(error=error)

    def _load(self) -> list[int]:
        stamp = self._now()
        # A certificate whose key is not written yet would break the one in use: try it elsewhere.
        trial = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        trial.load_cert_chain(self._certificate, self._key, password=_no_password)
        self.context.load_cert_chain(self._certificate, self._key, password=_no_password)
        return stamp

    def _now(self) -> list[int]:
        paths = (self._certificate, self._key or self._certificate)
        return [path.stat().st_mtime_ns for path in paths]


def _no_password() -> str:
    """OpenSSL would ask on the terminal, for ever."""
    raise ValueError("the key is encrypted")
