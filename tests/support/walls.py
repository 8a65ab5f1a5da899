"""The tasks of a processor that is to be hardened: its handlers try what the kernel should refuse them.

The test puts this file where a unit looks for its tasks.
"""

import ctypes
import errno
import mmap
import os
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path

from jobferry_server import Job, Processor

processor = Processor()

_libc = ctypes.CDLL(None, use_errno=True)
_NEW_USERS = 0x10000000


def call(name: str, *arguments: object) -> None:
    """A function of the C library that says 0 if it went well."""
    if getattr(_libc, name)(*arguments):
        raise OSError(ctypes.get_errno(), name)


TRIED: dict[str, Callable[[], object]] = {
    "write a file for itself": tempfile.mkstemp,
    "change its own code": lambda: Path(__file__).write_text(""),
    "set up a service": lambda: Path("/etc/systemd/system/x.service").write_text(""),
    "read the gateway's secret": lambda: Path("/etc/jobferry/gateway.env").read_text(),
    "look into a home": lambda: list(Path("/root").iterdir()),
    "see who else runs": lambda: Path("/proc/1/status").read_text(),
    "become root": lambda: os.setuid(0),
    "mount": lambda: call("mount", b"none", b"/tmp", b"tmpfs", 0, None),
    "have a namespace": lambda: call("unshare", _NEW_USERS),
    "run what it has written": lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_WRITE | mmap.PROT_EXEC),
    "speak to the kernel's network": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW),
    "load a module": lambda: call("init_module", None, 0, b""),
}


def outcome(attempt: Callable[[], object]) -> str:
    """``done``, or the name of the error."""
    try:
        attempt()
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    return "done"


@processor.task("shout")
def shout(job: Job) -> object:
    """What everybody is shown first."""
    return str(job.payload).upper()


@processor.task("walls")
def walls(job: Job) -> dict[str, str]:
    """How each attempt ends, on a thread."""
    return {what: outcome(attempt) for what, attempt in TRIED.items()}


@processor.task("walls of a process", executor="process")
def walls_of_a_process(job: Job) -> dict[str, str]:
    """The same in a process of its own."""
    return walls(job)
