"""Devices that never read. ``python -m benchmarks.deaf URL OWNER NUMBER``

Each says hello, and hello alone. Prints ``{}`` when all have. A line on standard input makes some of them
read what was sent to them so far, and is answered with how many octets that was for each.
"""

import json
import selectors
import sys

from support.sockets import DeafDevice

QUIET_SECONDS = 1.0
#: They read in small sips, so not all of them.
READERS = 20


def main() -> None:
    """Be deaf until told otherwise."""
    url, owner, number = sys.argv[1:]
    devices = [_open(url, owner) for _ in range(int(number))]
    print("{}", flush=True)
    if sys.stdin.readline():
        some = devices[:: max(1, len(devices) // READERS)]
        print(json.dumps({"octets": _read_all(some) / len(some)}), flush=True)


def _open(url: str, owner: str) -> DeafDevice:
    device = DeafDevice(url, owner)
    device.hello()
    return device


def _read_all(devices: list[DeafDevice]) -> int:
    octets = 0
    with selectors.DefaultSelector() as selector:
        for device in devices:
            selector.register(device.socket, selectors.EVENT_READ)
        while ready := selector.select(QUIET_SECONDS):
            for key, _ in ready:
                octets += len(key.fileobj.recv(1 << 20))  # type: ignore[union-attr]
    return octets


if __name__ == "__main__":
    main()
