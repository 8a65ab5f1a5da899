"""The tests' proxy leaves nothing behind, in whatever moment it ends."""

import gc
import socket
from contextlib import ExitStack

from support.proxy import Proxy

ROUNDS, CALLERS = 5, 30


def test_whoever_calls_while_it_ends_is_let_go() -> None:
    """A socket that is forgotten warns when it is collected, and a warning fails the test."""
    with socket.create_server(("127.0.0.1", 0), backlog=ROUNDS * CALLERS) as target:
        for _ in range(ROUNDS):
            with ExitStack() as callers, Proxy(target.getsockname()) as proxy:
                for _ in range(CALLERS):
                    caller = callers.enter_context(socket.socket())
                    caller.setblocking(False)
                    caller.connect_ex(("127.0.0.1", proxy.port))
        gc.collect()
