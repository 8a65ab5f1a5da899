"""What a device did and saw, as JSON lines that a kill leaves whole."""

import json
import os
from pathlib import Path
from typing import Any

__all__ = ["Entry", "History", "read"]

#: ``did`` says what, the other words depend on that.
Entry = dict[str, Any]


class History:
    """Appends, a system call a line: what is there was so."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def note(self, did: str, **words: object) -> None:
        """Write one line."""
        os.write(self._file, json.dumps({"did": did} | words).encode() + b"\n")


def read(path: Path) -> list[Entry]:
    """All lines, in order."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
