"""Who is there: tokens (JWT) that name a subject, the owner of all that it submits."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import jwt

from jobferry_server.errors import ConfigurationError, TokenRefused

__all__ = ["Identity", "Verifier", "issue"]

ALGORITHM = "HS256"
AUDIENCE = "jobferry"
MIN_SECRET_BYTES = 32
MAX_SUBJECT = 255


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose token it is, and until when."""

    owner: str
    expires_at: float


def issue(secret: str, subject: str, lifetime: timedelta) -> str:
    """A token for ``subject``."""
    _check_secret(secret)
    if not 0 < len(subject) <= MAX_SUBJECT:
        raise ConfigurationError(f"a subject has 1 to {MAX_SUBJECT} characters")
    claims = {"sub": subject, "aud": AUDIENCE, "exp": datetime.now(UTC) + lifetime}
    return jwt.encode(claims, secret, algorithm=ALGORITHM)


class Verifier:
    """Knows which tokens to believe. The algorithm is fixed: a token does not choose its own."""

    def __init__(self, secret: str) -> None:
        _check_secret(secret)
        self._secret = secret

    def verify(self, token: str) -> Identity:
        """Whose token this is; :class:`TokenRefused` with the reason if it is nobody's."""
        try:
            claims = jwt.decode(
                token,
                self._secret,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                options={"require": ["sub", "aud", "exp"]},
            )
        except jwt.InvalidTokenError as error:
            raise TokenRefused(f"the token was refused: {error}") from error
        owner = claims["sub"]
        if not 0 < len(owner) <= MAX_SUBJECT or not owner.isprintable():
            raise TokenRefused(f"a subject has 1 to {MAX_SUBJECT} printable characters")
        return Identity(owner, float(claims["exp"]))


def _check_secret(secret: str) -> None:
    if len(secret.encode()) < MIN_SECRET_BYTES:
        raise ConfigurationError(
            f"the token secret has fewer than {MIN_SECRET_BYTES} octets",
            hint="Set JOBFERRY_JWT_SECRET, for example to the output of: openssl rand -hex 32",
        )
