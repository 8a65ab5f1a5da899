"""Who is let in: the token in the request's header or in hello, and again when it is renewed."""

from http import HTTPStatus

from websockets.http11 import Request, Response

from jobferry_server.errors import KeysUnavailable, TokenRefused
from jobferry_server.gateway.answers import plain
from jobferry_server.gateway.line import Line
from jobferry_server.gateway.revocations import Revocations
from jobferry_server.tokens import Identity, Verifier
from jobferry_shared.messages import Hello

__all__ = ["Doorkeeper"]

SCHEME = "bearer"


class Doorkeeper:
    """Believes what the verifier does and nobody has revoked."""

    def __init__(self, verifier: Verifier, revocations: Revocations, message_bytes: int) -> None:
        self._verifier = verifier
        self._revocations = revocations
        self._message_bytes = message_bytes

    async def look(self, line: Line, request: Request) -> Response | None:
        """The refusal of a request whose header has a bad token; a hello may still bring one."""
        try:
            token = _bearer(request)
            if token is not None:
                # Still a stranger: a token holds no place before its hello.
                line.identity = await self.identify(token)
        except TokenRefused as error:
            return plain(HTTPStatus.UNAUTHORIZED, f"{error}\n")
        except KeysUnavailable as error:
            answer = plain(HTTPStatus.SERVICE_UNAVAILABLE, f"{error}\n")
            answer.headers["Retry-After"] = str(int(error.retry_after) + 1)
            return answer
        return None

    async def greet(self, line: Line, hello: Hello) -> Identity:
        """Whose device says hello."""
        identity = line.identity
        if identity is None:
            if not hello.token:
                raise TokenRefused("a token is wanted, in the Authorization header or in hello")
            identity = await self.identify(hello.token)
        self._revocations.check(identity)
        line.is_known(self._message_bytes)
        return identity

    async def identify(self, token: str) -> Identity:
        """Whose token this is; :class:`TokenRefused`, or :class:`KeysUnavailable` for now."""
        return self._revocations.check(await self._verifier.admit(token))


def _bearer(request: Request) -> str | None:
    """The token in the header; ``None`` without one, or with what is none of ours."""
    values = request.headers.get_all("Authorization")
    if len(values) > 1:
        raise TokenRefused("there is more than one Authorization header")
    scheme, _, token = values[0].partition(" ") if values else ("", "", "")
    return token.strip() or None if scheme.lower() == SCHEME else None
