"""TLS of a device: whom it trusts, and what it shows."""

import ssl
from pathlib import Path

from jobferry_client.errors import ClientError

__all__ = ["tls_context"]


def tls_context(
    ca: str | Path | None = None, certificate: str | Path | None = None
) -> ssl.SSLContext:
    """For ``JobClient(tls=…)``.

    ``ca`` is a PEM file of the authorities to trust instead of the system's; ``certificate`` one of
    a certificate and its key, for a gateway that wants to see one.
    """
    try:
        context = ssl.create_default_context(cafile=ca)
        if certificate is not None:
            context.load_cert_chain(certificate, password=_no_password)
    except (OSError, ValueError) as error:
        raise ClientError(
            f"the TLS files can not be used: {error}", code="configuration"
        ) from error
    return context


def _no_password() -> str:
    """OpenSSL would ask on the terminal, for ever."""
    raise ValueError("the key is encrypted")
