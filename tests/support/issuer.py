"""Somebody else who issues tokens, and publishes the keys to verify them with."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import get_default_algorithms

__all__ = ["Issuer", "SigningKey", "claims", "publishing"]

KINDS = {
    "RS256": lambda: rsa.generate_private_key(65537, 2048),
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
}


def claims(owner: str = "anna", seconds: float = 3600, **more: object) -> dict[str, object]:
    """What a good token says; ``None`` leaves a claim out."""
    found = {"sub": owner, "aud": "jobferry", "exp": int(time.time() + seconds)} | more
    return {name: value for name, value in found.items() if value is not None}


class SigningKey:
    """A key pair."""

    def __init__(self, kid: str = "one", algorithm: str = "ES256") -> None:
        self.kid = kid
        self.algorithm = algorithm
        self.private: Any = KINDS[algorithm]()

    @property
    def pem(self) -> bytes:
        """The public half."""
        pem: bytes = self.private.public_key().public_bytes(
            Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
        )
        return pem

    @property
    def jwk(self) -> dict[str, Any]:
        """The public half, as it is published."""
        algorithm: Any = get_default_algorithms()[self.algorithm]
        found: dict[str, Any] = json.loads(algorithm.to_jwk(self.private.public_key()))
        return found | {"kid": self.kid, "use": "sig", "alg": self.algorithm}

    def sign(self, owner: str = "anna", seconds: float = 3600, **more: object) -> str:
        """A token."""
        headers = {"kid": self.kid}
        return jwt.encode(claims(owner, seconds, **more), self.private, self.algorithm, headers)


@dataclass
class Issuer:
    """What is published, and how often it was asked for."""

    url: str = ""
    keys: list[Any] = field(default_factory=list)
    status: int = 200
    #: What to say in the place of the keys.
    body: str | None = None
    asked: int = 0
    #: Set: answers at once.
    answers: threading.Event = field(default_factory=threading.Event)

    def publish(self, *keys: SigningKey) -> None:
        """These and no others, from now on."""
        self.keys = [key.jwk for key in keys]


@contextmanager
def publishing(*keys: SigningKey) -> Iterator[Issuer]:
    """An issuer whose page of keys is really fetched."""
    issuer = Issuer()
    issuer.publish(*keys)
    issuer.answers.set()

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = (issuer.body or json.dumps({"keys": issuer.keys})).encode()
            issuer.asked += 1
            issuer.answers.wait(30)
            self.send_response(issuer.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    issuer.url = f"http://127.0.0.1:{server.server_address[1]}/jwks.json"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield issuer
    finally:
        issuer.answers.set()
        server.shutdown()
        server.server_close()
        thread.join()
