"""A network of a device's own, in which either direction can be dropped alone.

Nothing but a loopback interface: the device is 127.0.0.1, the way out 127.0.0.2. A proxy listens there on
a socket that was made within and is served from without.
"""

import os
import socket
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

__all__ = ["Namespace", "lacking", "namespace"]

DEVICE, WAY_OUT = "127.0.0.1", "127.0.0.2"
#: Rules are asked in order; ours must come before what makes an address one's own.
SET_UP = """
ip link set lo up
ip rule add pref 10 lookup local
ip rule del pref 0
"""
NEW_NETWORK = 0x40000000


class Namespace:
    """A network that lives as long as one process in it."""

    def __init__(self, keeper: int) -> None:
        self._path = f"/proc/{keeper}/ns/net"
        #: A command that runs another one in here.
        self.wrapper = ("nsenter", f"--net={self._path}")
        with ThreadPoolExecutor(1) as elsewhere:
            # A thread that has gone in stays in: it is not used for anything else.
            self.listener = elsewhere.submit(self._listen).result()

    def drop(self, *, up: bool) -> None:
        """Let nothing through in this direction any more."""
        self._rule("add", up)

    def mend(self, *, up: bool) -> None:
        """Let it through again."""
        self._rule("del", up)

    def _rule(self, verb: str, up: bool) -> None:
        source, target = (DEVICE, WAY_OUT) if up else (WAY_OUT, DEVICE)
        rule = ["pref", "5", "from", source, "to", target, "blackhole"]
        subprocess.run([*self.wrapper, "ip", "rule", verb, *rule], check=True)

    def _listen(self) -> socket.socket:
        with Path(self._path).open() as network:
            _enter(network.fileno())
        return socket.create_server((WAY_OUT, 0))


@contextmanager
def namespace() -> Iterator[Namespace]:
    """One, gone afterwards."""
    keeper = subprocess.Popen(
        ["unshare", "--net", "sh", "-ec", SET_UP + "echo ready; exec sleep infinity"],
        stdout=subprocess.PIPE,
    )
    with keeper:
        try:
            assert keeper.stdout is not None
            assert keeper.stdout.readline() == b"ready\n"
            found = Namespace(keeper.pid)
            with found.listener:
                yield found
        finally:
            keeper.kill()


def lacking() -> str | None:
    """Why there can't be one here, if there can't."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return "network namespaces are root's"
    try:
        with namespace():
            return None
    except (OSError, AssertionError):
        return "network namespaces are not permitted"


def _enter(descriptor: int) -> None:
    import ctypes

    library = ctypes.CDLL(None, use_errno=True)
    if library.setns(descriptor, NEW_NETWORK) != 0:
        raise OSError(ctypes.get_errno(), "setns")
