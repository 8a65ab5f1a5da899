"""A bare websocket server that sends back what it gets, or sends it to everybody. Prints its URL.

``python -m benchmarks.echo [PORT]``
"""

import asyncio
import json
import sys

import uvloop
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

__all__ = ["EVERYBODY"]


#: What everybody is to get begins with this.
EVERYBODY = "everybody "


async def main(port: int = 0) -> None:
    """Serve until ended."""
    async with serve(
        _echo, "127.0.0.1", port, compression=None, ping_interval=None, backlog=4096
    ) as server:
        port = server.sockets[0].getsockname()[1]
        print(json.dumps({"url": f"ws://127.0.0.1:{port}"}), flush=True)
        await asyncio.Event().wait()


async def _echo(socket: ServerConnection) -> None:
    try:
        async for message in socket:
            if isinstance(message, str) and message.startswith(EVERYBODY):
                for one in list(socket.server.connections):
                    await one.send(message)
            else:
                await socket.send(message)
    except ConnectionClosed:
        pass


if __name__ == "__main__":
    uvloop.run(main(*map(int, sys.argv[1:])))
