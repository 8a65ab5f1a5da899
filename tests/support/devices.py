"""A device as a process, with a clock of its own: ``python -m support.devices FILE URL TOKEN SILENCE``.

``jobferry client sync`` with the timing chosen: after SILENCE seconds without an octet its line is
dead, and it speaks four times as often.
"""

import signal
import sys
import threading

from jobferry_client import JobClient
from jobferry_client.connection import Timing


def main(path: str, url: str, token: str, silence: str) -> None:
    """Keep the file in step until SIGTERM."""
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    timing = Timing(heartbeat=float(silence) / 4, silence=float(silence))
    with JobClient(path, url, token, timing=timing):
        ended.wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
