"""What tokens are signed with where nobody says: a secret that the data folder keeps."""

import os
import secrets
from pathlib import Path

from jobferry_server.errors import ConfigurationError

__all__ = ["folder_secret", "secret_in"]


def folder_secret(data: Path) -> str:
    """The token secret of a folder, made the first time; only its owner may read it."""
    path = data / "jwt-secret"
    data.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(32))
    return path.read_text()


def secret_in(data: Path) -> str:
    """The token secret of a folder that ``jobferry up`` has used."""
    if not (data / "jwt-secret").exists():
        raise ConfigurationError(
            f"there is no token secret in {data}",
            hint="Set JOBFERRY_JWT_SECRET, or name the folder of a 'jobferry up' with --data.",
        )
    return folder_secret(data)
