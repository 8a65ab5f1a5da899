"""Devices that never read. ``python -m benchmarks.deaf URL OWNER NUMBER``

Each says hello, and hello alone. Prints ``{}`` when all have. A line on standard input makes them read
what was sent to them so far, and is answered with how many octets that was.
"""

import json
import selectors
import sys

from support.sockets import DeafDevice

QUIET_SECONDS = 1.0


def main() -> None:
    """Be deaf until told otherwise."""
    url, owner, number = sys.argv[1:]
    devices = [DeafDevice(url, owner) for _ in range(int(number))]
    for device in devices:
        device.hello()
    print("{}", flush=True)
    sys.stdin.readline()
    print(json.dumps({"octets": _read_all(devices)}), flush=True)


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
