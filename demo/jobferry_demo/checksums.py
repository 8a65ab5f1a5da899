"""Checksums of a large file, step by step.

A server must never open a path that a client names. So the payload holds a seed instead, the file
is written on the server from that (the same seed gives the same bytes, anywhere and always), read
back from the disk and hashed.
"""

import hashlib
import tempfile
from typing import IO

from pydantic import Field

from jobferry_demo.wire import Message, OnProgress, no_progress

STEP = 1_000_000
"""Bytes written or read between two reports of progress: one megabyte."""


class ChecksumIn(Message):
    """The payload of `checksum`."""

    megabytes: int = Field(ge=1, le=1024)
    """Size of the file, in millions of bytes. The server needs as much room for its while."""
    seed: int = Field(default=0, ge=0, lt=2**63)
    """Decides the file's content."""


class Checksums(Message):
    """The result of `checksum`: two digests, in hexadecimal."""

    megabytes: int
    seed: int
    sha256: str
    blake2b: str


def checksum(request: ChecksumIn, on_progress: OnProgress = no_progress) -> Checksums:
    """Write the file (the first half of the progress), read it back and hash it (the second).

    Raises OSError if the disk is full. However this ends, the file is gone afterwards.
    """
    # A file without a name: not even kill -9 can leave it behind.
    with tempfile.TemporaryFile(prefix="jobferry-demo-") as file:
        _write(file, request, lambda done: on_progress(done / 2))
        file.seek(0)
        return _hash(file, request, lambda done: on_progress(0.5 + done / 2))


def content(seed: int, step: int) -> bytes:
    """The megabyte number `step` (from 0) of the file that `seed` stands for."""
    return hashlib.shake_128(f"jobferry-demo:{seed}:{step}".encode()).digest(STEP)


def _write(file: IO[bytes], request: ChecksumIn, on_progress: OnProgress) -> None:
    for step in range(request.megabytes):
        file.write(content(request.seed, step))
        on_progress((step + 1) / request.megabytes)


def _hash(file: IO[bytes], request: ChecksumIn, on_progress: OnProgress) -> Checksums:
    sha256, blake2b = hashlib.sha256(), hashlib.blake2b()
    for step in range(request.megabytes):
        megabyte = file.read(STEP)
        sha256.update(megabyte)
        blake2b.update(megabyte)
        on_progress((step + 1) / request.megabytes)
    return Checksums(
        megabytes=request.megabytes,
        seed=request.seed,
        sha256=sha256.hexdigest(),
        blake2b=blake2b.hexdigest(),
    )
