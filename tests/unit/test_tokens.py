"""Which tokens are believed, with every kind of key, and which settings make no sense."""

import asyncio
import logging
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pydantic import SecretStr

from jobferry_server.errors import ConfigurationError, TokenRefused, UnknownKey
from jobferry_server.keys import PublicKey, PublishedKeys, SharedSecret, keys_of
from jobferry_server.settings import TokenSettings
from jobferry_server.tokens import Identity, Verifier, issue
from support.issuer import SigningKey, claims, publishing
from support.pages import ROOT
from support.processes import eventually
from support.services import SECRET

KEY = {algorithm: SigningKey("k", algorithm) for algorithm in ("RS256", "ES256", "EdDSA")}


def signed(**more: object) -> str:
    return jwt.encode(claims(**more), SECRET, "HS256")  # type: ignore[arg-type]


def test_what_is_issued_is_believed_and_says_who_when_and_which() -> None:
    token = issue(SECRET, "anna", timedelta(minutes=1), audience="tills", issuer="us")
    found = Verifier(SECRET, audience="tills", issuer="us").verify(token)
    assert found.owner == "anna"
    assert found.expires_at - found.issued_at == 60
    assert found.token_id
    assert found.token_id != Verifier(SECRET).verify(issue(SECRET, "a", timedelta(1))).token_id


@pytest.mark.parametrize("algorithm", list(KEY))
def test_a_public_key_verifies_what_its_private_half_has_signed(algorithm: str) -> None:
    verifier = Verifier(PublicKey(KEY[algorithm].pem))
    assert verifier.verify(KEY[algorithm].sign("anna")).owner == "anna"
    with pytest.raises(TokenRefused, match="ignature"):
        verifier.verify(SigningKey("k", algorithm).sign("anna"))


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512", "none"])
@pytest.mark.parametrize("kind", list(KEY))
def test_a_public_key_is_never_taken_for_a_secret(
    kind: str, algorithm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # PyJWT itself would not sign with it; an attacker's library does.
    monkeypatch.setattr(
        jwt.algorithms.HMACAlgorithm, "prepare_key", lambda _, key: jwt.utils.force_bytes(key)
    )
    forged = jwt.encode(claims(), KEY[kind].pem if algorithm != "none" else "", algorithm)
    for keys in (PublicKey(KEY[kind].pem), SharedSecret(SECRET)):
        with pytest.raises(TokenRefused):
            Verifier(keys).verify(forged)


@pytest.mark.parametrize("kind", list(KEY))
def test_a_secret_believes_no_key(kind: str) -> None:
    with pytest.raises(TokenRefused, match="algorithm"):
        Verifier(SECRET).verify(KEY[kind].sign())


def test_the_algorithm_is_the_setting_s_and_not_the_token_s() -> None:
    token = jwt.encode(claims(), SECRET * 2, "HS512")
    with pytest.raises(TokenRefused, match="algorithm"):
        Verifier(SharedSecret(SECRET * 2)).verify(token)
    assert Verifier(SharedSecret(SECRET * 2, ["HS512"])).verify(token).owner == "anna"


REFUSED: dict[str, dict[str, object]] = {
    "expired": {"seconds": -6},
    "of another audience": {"aud": "other"},
    "without an audience": {"aud": None},
    "of another issuer": {"iss": "them"},
    "without an issuer": {"iss": None},
    "without an end": {"exp": None},
    "not valid yet": {"nbf": 2**40},
    "issued in days to come": {"iat": 2**40},
    "without an owner": {"email": None},
    "with an owner that is no text": {"email": 7},
    "with an empty owner": {"email": ""},
    "with an owner that rings": {"email": "a\x07"},
    "without a tenant": {"org": None},
    "with a tenant that is no UUID": {"org": "acme"},
    "with an id that is no text": {"jti": 7},
    "with an end beyond numbers": {"exp": float("inf")},
}
GOOD: dict[str, object] = {
    "iss": "us",
    "email": "anna@example.org",
    "org": "AAAAAAAA-0000-4000-8000-000000000001",
}


def strict() -> Verifier:
    return Verifier(SECRET, issuer="us", leeway=5, owner_claim="email", tenant_claim="org")


@pytest.mark.parametrize("kind", list(REFUSED))
def test_a_token_is_refused_that_is(kind: str) -> None:
    with pytest.raises(TokenRefused):
        strict().verify(signed(**GOOD | REFUSED[kind]))


def test_owner_and_tenant_come_from_the_claims_that_were_chosen() -> None:
    found = strict().verify(signed(**GOOD, seconds=-3, jti="t", iat=5))
    assert (found.owner, found.tenant, found.token_id, found.issued_at) == (
        "anna@example.org",
        "aaaaaaaa-0000-4000-8000-000000000001",
        "t",
        5,
    )


def test_a_token_that_does_not_say_when_it_was_issued_is_as_old_as_can_be() -> None:
    assert Verifier(SECRET).verify(signed()).issued_at == 0


@pytest.mark.parametrize(
    "garbage", ["", ".", "..", "a.b.c", "é.é.é", "\x00", "e30.e30.", "x" * 9999]
)
def test_garbage_is_refused_and_nothing_else(garbage: str) -> None:
    for keys in (SharedSecret(SECRET), PublicKey(KEY["RS256"].pem)):
        with pytest.raises(TokenRefused):
            Verifier(keys).verify(garbage)


async def test_published_keys_are_taken_by_their_id() -> None:
    keys = [SigningKey(kind, kind) for kind in KEY]
    with publishing(*keys) as issuer:
        verifier = Verifier(PublishedKeys(issuer.url))
        for key in keys:
            assert (await verifier.admit(key.sign(key.kid))).owner == key.kid
        assert issuer.asked == 1
        # From now on without a question, and at once.
        assert verifier.verify(keys[0].sign()).owner == "anna"
        impostor = SigningKey("RS256", "RS256")
        with pytest.raises(TokenRefused, match="ignature"):
            verifier.verify(impostor.sign())
        nameless = jwt.encode(claims(), keys[0].private, "RS256")
        with pytest.raises(UnknownKey):
            verifier.verify(nameless)


async def test_a_key_that_is_published_while_others_are_fetched_is_asked_for() -> None:
    old, new = SigningKey("old"), SigningKey("new")
    with publishing(old) as issuer:
        verifier = Verifier(PublishedKeys(issuer.url, cooldown=0))
        issuer.answers.clear()
        signed_by = [asyncio.create_task(verifier.admit(key.sign())) for key in (old, old)]
        await asyncio.to_thread(eventually, lambda: issuer.asked == 1, every=0.005)
        issuer.publish(old, new)
        signed_by += [asyncio.create_task(verifier.admit(key.sign())) for key in (new, old, new)]
        await asyncio.sleep(0)
        issuer.answers.set()
        assert {(await admitted).owner for admitted in signed_by} == {"anna"}
        assert issuer.asked == 2


async def test_of_what_is_published_only_keys_for_signatures_of_ours_are_taken() -> None:
    good, secret = SigningKey("good"), {"kty": "oct", "k": "c2VjcmV0" * 8, "kid": "oct"}
    odd = [
        None,
        7,
        {},
        {"kty": "RSA", "kid": "broken", "n": "!"},
        {"kty": "nobody", "kid": "nobody"},
        SigningKey("enc").jwk | {"use": "enc"},
        secret,
    ]
    with publishing() as issuer:
        issuer.keys = [*odd, good.jwk]
        verifier = Verifier(PublishedKeys(issuer.url))
        assert (await verifier.admit(good.sign())).owner == "anna"
        for kid in ("broken", "nobody", "enc", "oct"):
            with pytest.raises(UnknownKey):
                verifier.keys.find(kid)
        # The only one there is needs no name.
        assert verifier.verify(jwt.encode(claims(), good.private, "ES256")).owner == "anna"


# -- settings


def small_rsa() -> bytes:
    return (
        rsa.generate_private_key(65537, 1024)
        .public_key()
        .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )


def odd_curve() -> bytes:
    return (
        ec.generate_private_key(ec.SECP256K1())
        .public_key()
        .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )


def old_dsa() -> bytes:
    return (
        dsa.generate_private_key(1024)
        .public_key()
        .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )


@pytest.mark.parametrize("pem", [lambda: b"", lambda: b"-----", small_rsa, odd_curve, old_dsa])
def test_a_key_that_is_none_of_ours_is_a_configuration_error(pem: Callable[[], bytes]) -> None:
    with pytest.raises(ConfigurationError):
        PublicKey(pem())


WRONG: dict[str, dict[str, Any]] = {
    "nothing": {},
    "two of them": {"jwt_secret": SECRET, "jwt_jwks_url": "https://example.org/"},
    "a short secret": {"jwt_secret": "x" * 31},
    "a key's algorithm for a secret": {"jwt_secret": SECRET, "jwt_algorithms": "HS256,RS256"},
    "a secret's for published keys": {
        "jwt_jwks_url": "https://example.org/",
        "jwt_algorithms": "HS256",
    },
    "none": {"jwt_secret": SECRET, "jwt_algorithms": "none"},
    "keys that anybody may change on the way": {"jwt_jwks_url": "http://example.org/"},
    "keys from this machine's files": {"jwt_jwks_url": "file:///etc/passwd"},
    "no file": {"jwt_public_key": "/nowhere.pem"},
}


@pytest.mark.parametrize("kind", list(WRONG))
def test_settings_that_make_no_sense(kind: str) -> None:
    with pytest.raises(ConfigurationError):
        keys_of(TokenSettings(**WRONG[kind]))


def test_a_public_key_comes_from_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(KEY["RS256"].pem)
    monkeypatch.setenv("JOBFERRY_JWT_PUBLIC_KEY", str(path))
    monkeypatch.setenv("JOBFERRY_JWT_ALGORITHMS", "RS256,PS256")
    verifier = Verifier.of(TokenSettings())
    assert isinstance(verifier.verify(KEY["RS256"].sign()), Identity)
    assert verifier.verify(jwt.encode(claims(), KEY["RS256"].private, "PS256")).owner == "anna"


def test_a_key_verifies_only_by_algorithms_of_its_kind() -> None:
    with pytest.raises(ConfigurationError, match="ES256"):
        PublicKey(KEY["RS256"].pem, ["ES256"])


def test_nothing_that_knows_the_secret_shows_it(caplog: pytest.LogCaptureFixture) -> None:
    settings = TokenSettings(jwt_secret=SecretStr(SECRET))
    with caplog.at_level(logging.DEBUG):
        verifier = Verifier.of(settings)
        shown = [settings, settings.model_dump(), verifier, verifier.keys, vars(settings)]
        for thing in shown:
            logging.getLogger("test").debug("%r %s", thing, thing)
    assert SECRET not in caplog.text


def test_the_secret_of_the_example_is_nobody_s() -> None:
    example = (ROOT / "docs" / "deploy" / "env" / "gateway.env").read_text(encoding="utf-8")
    (secret,) = re.findall(r"^JOBFERRY_JWT_SECRET=(.*)$", example, re.MULTILINE)
    with pytest.raises(ConfigurationError, match="which everybody knows"):
        SharedSecret(secret)
