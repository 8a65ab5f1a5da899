"""What tokens are verified with: a shared secret, a public key, or the keys that an issuer publishes.

Each comes with the algorithms it may be used with, so that a token does not choose its own: nobody's
public key is ever taken for a shared secret.
"""

import asyncio
import math
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from jobferry_server.errors import ConfigurationError, KeysUnavailable, UnknownKey
from jobferry_server.logs import events
from jobferry_server.settings import TokenSettings
from jobferry_shared.printable import reason_of

__all__ = ["Keys", "PublicKey", "PublishedKeys", "SharedSecret", "keys_of"]

MIN_SECRET_BYTES = 32
MIN_RSA_BITS = 2048

SYMMETRIC = ("HS256", "HS384", "HS512")
#: Nothing of them is to be found in :data:`SYMMETRIC`, on which all depends.
RSA = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
CURVES = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}
EDWARDS = ("EdDSA",)
ASYMMETRIC = (*RSA, *CURVES.values(), *EDWARDS)
PUBLISHED = ("RS256", "ES256", "EdDSA")

#: Keys of an issuer that does not answer any more are believed no longer than this.
STALE_SECONDS = 86_400.0
LOCAL = ("127.0.0.1", "::1", "localhost")


class Keys:
    """One key that does not change, whatever key a token names."""

    def __init__(self, key: Any, algorithms: Sequence[str]) -> None:
        self._key = key
        self.algorithms = tuple(algorithms)

    def find(self, kid: str | None) -> Any:  # noqa: ARG002 - there is but one
        """The key of that id; :class:`UnknownKey` if there is none."""
        return self._key

    async def look_for(self, kid: str | None) -> None:
        """Perhaps that key is new; :class:`KeysUnavailable` if nobody can be asked now."""

    async def run(self) -> None:
        """Follow the issuer's keys, for ever."""
        await asyncio.Event().wait()


class SharedSecret(Keys):
    """A secret of at least 32 octets, for HS256, HS384 or HS512."""

    def __init__(self, secret: str, algorithms: Sequence[str] = ()) -> None:
        if (fault := _fault_of(secret)) is not None:
            raise ConfigurationError(
                f"the token secret {fault}",
                hint="Set JOBFERRY_JWT_SECRET, for example to the output of: openssl rand -hex 32",
            )
        super().__init__(secret, _allowed(algorithms or SYMMETRIC[:1], SYMMETRIC, "a secret"))


def _fault_of(secret: str) -> str | None:
    if len(secret.encode()) < MIN_SECRET_BYTES:
        return f"has fewer than {MIN_SECRET_BYTES} octets"
    if secret.startswith("change-me"):
        return "is the one of the example, which everybody knows"
    return None


class PublicKey(Keys):
    """A public key as PEM, for the algorithms of its kind."""

    def __init__(self, pem: bytes, algorithms: Sequence[str] = ()) -> None:
        try:
            key = load_pem_public_key(pem)
        except (ValueError, UnsupportedAlgorithm) as error:
            raise ConfigurationError(f"this is no public key in PEM: {error}") from error
        suitable = _suitable(key)
        super().__init__(key, _allowed(algorithms or suitable[:1], suitable, "this public key"))


class PublishedKeys(Keys):
    """The keys behind a JWKS URL, fetched off the loop.

    All of them every ``lifetime`` seconds, and at once when a token names one that is not among
    them, though not within ``cooldown`` seconds of the last try: strangers choose what tokens name.
    """

    def __init__(
        self,
        url: str,
        algorithms: Sequence[str] = (),
        *,
        lifetime: float = 300.0,
        cooldown: float = 10.0,
        timeout: float = 5.0,
    ) -> None:
        _check_url(url)
        super().__init__(None, _allowed(algorithms or PUBLISHED, ASYMMETRIC, "published keys"))
        self._client = jwt.PyJWKClient(url, cache_jwk_set=False, timeout=timeout)
        self._lifetime = lifetime
        self._cooldown = cooldown
        self._timeout = timeout
        self._keys: Mapping[str | None, jwt.PyJWK] = {}
        self._tried = self._fetched = -math.inf
        self._fetching = asyncio.Lock()

    def find(self, kid: str | None) -> Any:
        """The key of that id; without an id the only one there is."""
        fresh = time.monotonic() - self._fetched < STALE_SECONDS
        if fresh and kid is None and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        if not fresh or kid not in self._keys:
            raise UnknownKey(kid)
        return self._keys[kid]

    async def look_for(self, kid: str | None) -> None:
        """Fetch the keys, unless others have just fetched that one.

        An answer that was under way already does not say that there is no such key by now.
        """
        asked = time.monotonic()
        async with self._fetching:
            if self._fetched < asked and not self._has(kid):
                await self._refresh()

    async def run(self) -> None:
        """Fetch the keys every now and then: one that is published no more is believed no more."""
        while True:
            with suppress(KeysUnavailable):
                async with self._fetching:
                    await self._refresh()
            await asyncio.sleep(self._lifetime)

    def _has(self, kid: str | None) -> bool:
        try:
            self.find(kid)
        except UnknownKey:
            return False
        return True

    async def _refresh(self) -> None:
        asked = time.monotonic()
        wait = self._tried + self._cooldown - asked
        if wait > 0:
            raise KeysUnavailable("the issuer's keys were fetched a moment ago", wait)
        self._tried = asked
        try:
            # Each read has a timeout of its own; together they might last for ever.
            async with asyncio.timeout(2 * self._timeout):
                self._keys = await asyncio.to_thread(self._fetch)
        except (jwt.PyJWTError, OSError, ValueError, TimeoutError) as error:
            events.KEYS_UNFETCHED(reason=reason_of(error))
            raise KeysUnavailable("the issuer's keys can not be fetched", self._cooldown) from error
        self._fetched = asked

    def _fetch(self) -> Mapping[str | None, jwt.PyJWK]:
        published = self._client.fetch_data()
        if not isinstance(published, dict) or not isinstance(published.get("keys"), list):
            raise ValueError("there is no list of keys")
        return {key.key_id: key for key in _usable(published["keys"], self.algorithms)}


def keys_of(settings: TokenSettings) -> Keys:
    """The keys that the settings name; :class:`ConfigurationError` unless it is one kind of them."""
    kinds = settings.jwt_secret, settings.jwt_public_key, settings.jwt_jwks_url
    if sum(kind is not None for kind in kinds) != 1:
        raise ConfigurationError(
            "tokens are verified with one of a secret, a public key and a JWKS URL",
            hint="Set one of JOBFERRY_JWT_SECRET, JOBFERRY_JWT_PUBLIC_KEY and JOBFERRY_JWT_JWKS_URL.",
        )
    algorithms = settings.jwt_algorithms
    if settings.jwt_secret is not None:
        return SharedSecret(settings.jwt_secret.get_secret_value(), algorithms)
    if settings.jwt_jwks_url is not None:
        return PublishedKeys(settings.jwt_jwks_url, algorithms, lifetime=settings.jwt_jwks_seconds)
    assert settings.jwt_public_key is not None
    try:
        return PublicKey(settings.jwt_public_key.read_bytes(), algorithms)
    except OSError as error:
        raise ConfigurationError(f"the public key can not be read: {error}") from error


def _allowed(wanted: Sequence[str], suitable: Sequence[str], what: str) -> Sequence[str]:
    if unsuitable := sorted(set(wanted) - set(suitable)):
        raise ConfigurationError(
            f"{what} can not verify {', '.join(unsuitable)}",
            hint=f"JOBFERRY_JWT_ALGORITHMS may name {', '.join(suitable)}.",
        )
    return wanted


def _suitable(key: object) -> Sequence[str]:
    match key:
        case RSAPublicKey() if key.key_size >= MIN_RSA_BITS:
            return RSA
        case EllipticCurvePublicKey() if key.curve.name in CURVES:
            return (CURVES[key.curve.name],)
        case Ed25519PublicKey():
            return EDWARDS
        case _:
            raise ConfigurationError(
                f"the public key is none of RSA with {MIN_RSA_BITS} bits, P-256, P-384, P-521, Ed25519"
            )


def _check_url(url: str) -> None:
    """Who can change the keys on their way can forge any token."""
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOCAL):
        raise ConfigurationError("keys are fetched from an https:// URL", hint=f"It is {url!r}.")


def _usable(published: Iterable[Any], algorithms: Sequence[str]) -> Iterable[jwt.PyJWK]:
    """Those that are for signatures of ours; one that nobody understands spoils no other."""
    for data in published:
        with suppress(jwt.PyJWTError, TypeError, ValueError, AttributeError):
            key = jwt.PyJWK(data)
            if key.public_key_use in (None, "sig") and key.algorithm_name in algorithms:
                yield key
