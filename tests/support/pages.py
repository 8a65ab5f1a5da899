"""The documents' code blocks, as they are found on a page.

What a page can't say in its text it says in comments of HTML, which readers do not see:

``<!-- run by tests/contract/test_x.py -->``  that test runs the blocks of this page
``<!-- first: sql … -->``                     a block of SQL (console, sh, python) that nobody is shown
``<!-- sqlite: till.db -->``                  the SQL below is for this device's file, not for Postgres

A block whose first line is a comment with a file's name is that file.
"""

import re
from dataclasses import dataclass
from pathlib import Path

__all__ = ["ROOT", "RUNNABLE", "Block", "Page", "documents", "pages"]

ROOT = Path(__file__).parents[2]
#: Languages whose blocks do something.
RUNNABLE = frozenset({"python", "sql", "console", "sh"})
#: The site.
_BUILT = ROOT / "docs" / "_build"
_BLOCK = re.compile(
    r"^<!-- first: (?P<hidden>\w+)\n(?P<unseen>.*?)^-->$"
    r"|^(?:<!-- sqlite: (?P<device>\S+) -->\n)?^```(?P<language>\w+)\n(?P<text>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)
_COMMAND = re.compile(r"^\$ ((?:.*\\\n)*.*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)
_FILE = re.compile(r"(?:#|--|//) ([\w-]+\.\w+|crontab)\n")
_RUN_BY = re.compile(r"^<!-- run by (\S+) -->$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """One block: its language, its text, and the device's file that its SQL is for."""

    language: str
    text: str
    device: str | None

    @property
    def name(self) -> str:
        """Its first line."""
        return self.text.partition("\n")[0]

    @property
    def file(self) -> str | None:
        """The name of the file that it is."""
        found = _FILE.match(self.text)
        return found[1] if found else None

    @property
    def commands(self) -> list[tuple[str, str]]:
        """The commands of a console block, each with what the page says it prints."""
        return [(found[1], found[2]) for found in _COMMAND.finditer(self.text)]


@dataclass(frozen=True)
class Page:
    """A page: its blocks in order, and the test that runs them if it has one of its own."""

    path: Path
    text: str

    @property
    def name(self) -> str:
        """Where it is in the repository."""
        return str(self.path.relative_to(ROOT))

    @property
    def run_by(self) -> str | None:
        """The test that runs its blocks."""
        found = _RUN_BY.search(self.text)
        return found[1] if found else None

    @property
    def blocks(self) -> list[Block]:
        """Files, and what can be run."""
        found = (
            Block(m["hidden"] or m["language"], m["unseen"] or m["text"], m["device"])
            for m in _BLOCK.finditer(self.text)
        )
        return [block for block in found if block.file or block.language in RUNNABLE]


def documents() -> list[Path]:
    """Every page of the repository."""
    paths = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("**/*.md")]
    return sorted(path for path in paths if not path.is_relative_to(_BUILT))


def pages() -> list[Page]:
    """Those that have a block to run."""
    found = (Page(path, path.read_text("utf-8")) for path in documents())
    return [page for page in found if page.blocks]
