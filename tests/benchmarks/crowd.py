"""Many idle connections from one process. ``python -m benchmarks.crowd KIND URL``, KIND jobferry or bare.

A number on standard input opens so many more; ``{}`` says that they are open and, with Jobferry, have
applied their first page.
"""

import asyncio
import sys
from uuid import uuid4

from websockets.asyncio.client import ClientConnection, connect

from jobferry_shared.messages import Changes
from jobferry_shared.session import ClientSession
from support.services import token

AT_ONCE = 50


async def main(kind: str, url: str) -> None:
    """Open connections as told, keep them all."""
    opened: list[ClientConnection] = []
    while line := await asyncio.to_thread(sys.stdin.readline):
        wanted = len(opened) + int(line)
        while len(opened) < wanted:
            numbers = range(len(opened), min(wanted, len(opened) + AT_ONCE))
            opened += await asyncio.gather(*(_open(kind, url, number) for number in numbers))
        print("{}", flush=True)


async def _open(kind: str, url: str, number: int) -> ClientConnection:
    headers = {"Authorization": f"Bearer {token(f'owner {number}')}"} if kind == "jobferry" else {}
    socket = await connect(
        url,
        compression=None,
        additional_headers=headers,
        ping_interval=None,
        open_timeout=60,
    )
    if kind == "jobferry":
        await _greet(socket)
    return socket


async def _greet(socket: ClientConnection) -> None:
    session = ClientSession()
    await socket.send(session.hello(str(uuid4()), None))
    while True:
        message = session.receive(await socket.recv())
        if isinstance(message, Changes):
            await socket.send(session.applied())
            if message.complete:
                return


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
