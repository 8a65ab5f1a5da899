"""What is answered to a request that does not become a websocket."""

from email.utils import formatdate
from http import HTTPStatus

from websockets.datastructures import Headers
from websockets.http11 import Response

__all__ = ["plain"]


def plain(
    status: HTTPStatus, text: str, content_type: str = "text/plain; charset=utf-8", **more: str
) -> Response:
    """A page of text, after which the connection ends; ``more`` are headers."""
    body = text.encode()
    headers = Headers({"Content-Type": content_type, "Content-Length": str(len(body))})
    headers["Connection"] = "close"
    headers["Date"] = formatdate(usegmt=True)
    headers.update(more)
    return Response(status.value, status.phrase, headers, body)
