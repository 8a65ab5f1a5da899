"""What is answered to a request that does not become a websocket."""

from http import HTTPStatus

from websockets.datastructures import Headers
from websockets.http11 import Response

__all__ = ["plain"]


def plain(status: HTTPStatus, text: str) -> Response:
    """A page of text, after which the connection ends."""
    body = text.encode()
    headers = Headers(
        {"Content-Type": "text/plain; charset=utf-8", "Content-Length": str(len(body))}
    )
    headers["Connection"] = "close"
    return Response(status.value, status.phrase, headers, body)
