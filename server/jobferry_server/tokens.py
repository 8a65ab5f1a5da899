"""Who is there: tokens (JWT) that name a subject, the owner of all that it submits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self
from uuid import UUID, uuid4

import jwt

from jobferry_server.errors import ConfigurationError, TokenRefused, UnknownKey
from jobferry_server.keys import Keys, SharedSecret, keys_of
from jobferry_server.settings import TokenSettings

__all__ = ["AUDIENCE", "Identity", "Verifier", "issue"]

AUDIENCE = "jobferry"
SUBJECT = "sub"
MAX_SUBJECT = 255


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose token it is, and until when. Times are seconds since 1970."""

    owner: str
    expires_at: float
    #: A token that does not say so is as old as can be.
    issued_at: float = 0.0
    token_id: str | None = None
    tenant: str | None = None


def issue(
    secret: str,
    subject: str,
    lifetime: timedelta,
    *,
    audience: str = AUDIENCE,
    issuer: str | None = None,
) -> str:
    """A token for ``subject``."""
    keys = SharedSecret(secret)
    if not 0 < len(subject) <= MAX_SUBJECT:
        raise ConfigurationError(f"a subject has 1 to {MAX_SUBJECT} characters")
    now = datetime.now(UTC)
    claims = {
        "sub": subject,
        "aud": audience,
        "jti": uuid4().hex,
        "iat": now,
        "exp": now + lifetime,
    }
    if issuer is not None:
        claims["iss"] = issuer
    return jwt.encode(claims, keys.find(None), algorithm=keys.algorithms[0])


class Verifier:
    """Knows which tokens to believe. ``keys`` may be a shared secret's text.

    ``leeway`` is by how many seconds the issuer's clock may differ from ours.
    """

    def __init__(
        self,
        keys: Keys | str,
        *,
        audience: str = AUDIENCE,
        issuer: str | None = None,
        leeway: float = 0.0,
        owner_claim: str = SUBJECT,
        tenant_claim: str | None = None,
    ) -> None:
        self.keys = SharedSecret(keys) if isinstance(keys, str) else keys
        self._audience = audience
        self._issuer = issuer
        self._leeway = leeway
        self._owner_claim = owner_claim
        self._tenant_claim = tenant_claim
        required = ["aud", "exp", owner_claim, "iss" if issuer else None, tenant_claim]
        self._options: Any = {"require": [claim for claim in required if claim]}

    @classmethod
    def of(cls, settings: TokenSettings) -> Self:
        """What the settings say."""
        return cls(
            keys_of(settings),
            audience=settings.jwt_audience,
            issuer=settings.jwt_issuer,
            leeway=settings.jwt_leeway_seconds,
            owner_claim=settings.jwt_owner_claim,
            tenant_claim=settings.jwt_tenant_claim,
        )

    async def admit(self, token: str) -> Identity:
        """The same as :meth:`verify`, but a key that is not known yet is looked for.

        :class:`KeysUnavailable` if that can't be done now.
        """
        try:
            return self.verify(token)
        except UnknownKey as unknown:
            await self.keys.look_for(unknown.kid)
            return self.verify(token)

    def verify(self, token: str) -> Identity:
        """Whose token this is; :class:`TokenRefused` with the reason if it is nobody's."""
        try:
            key = self.keys.find(_key_id(token, self.keys.algorithms))
            claims = self._claims(token, key)
        except (jwt.PyJWTError, ArithmeticError) as error:
            raise TokenRefused(f"the token was refused: {error}") from error
        return Identity(
            _owner(claims[self._owner_claim]),
            float(claims["exp"]) + self._leeway,
            float(claims.get("iat", 0)),
            claims.get("jti"),
            _tenant(claims[self._tenant_claim]) if self._tenant_claim else None,
        )

    def _claims(self, token: str, key: Any) -> Mapping[str, Any]:
        claims: Mapping[str, Any] = jwt.decode(
            token,
            key,
            algorithms=self.keys.algorithms,
            audience=self._audience,
            issuer=self._issuer,
            leeway=self._leeway,
            options=self._options,
        )
        return claims


def _key_id(token: str, algorithms: Sequence[str]) -> str | None:
    """Which key it names. Looking for one may cost a request: not for what we would refuse anyway."""
    header = jwt.get_unverified_header(token)
    if header.get("alg") not in algorithms:
        raise TokenRefused("the token was refused: its algorithm is none of ours")
    kid = header.get("kid")
    return kid if isinstance(kid, str) else None


def _owner(value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= MAX_SUBJECT or not value.isprintable():
        raise TokenRefused(f"a subject has 1 to {MAX_SUBJECT} printable characters")
    return value


def _tenant(value: object) -> str:
    try:
        return str(UUID(str(value)))
    except ValueError as error:
        raise TokenRefused("the tenant is not a UUID") from error
