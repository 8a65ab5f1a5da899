"""A websocket that knows whether it is alive: a slow message is not silence."""

import asyncio
import time

from websockets.asyncio.client import ClientConnection

__all__ = ["Line"]


class Line(ClientConnection):
    """One connection, watched by the octet."""

    _heard = 0.0

    def data_received(self, data: bytes) -> None:
        """Some octets have come."""
        self._heard = time.monotonic()
        super().data_received(data)

    async def until_silent(self, seconds: float) -> None:
        """``TimeoutError`` once not an octet has come for so long."""
        left = seconds
        while left > 0:
            await asyncio.sleep(left)
            left = self._heard + seconds - time.monotonic()
        raise TimeoutError
