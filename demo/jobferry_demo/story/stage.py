"""What the story looks like: headings, sentences, ticks. On a terminal in colour, else plain."""

import sys
import time
from collections.abc import Callable
from io import TextIOWrapper
from typing import TypeVar

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

__all__ = ["INDENT", "Stage"]

T = TypeVar("T")

INDENT = 3
WIDTH = 100
"""Wider lines are hard to read, however wide the terminal."""


class Stage:
    """Prints the story. Sentences may use rich's markup; everything else is printed as it is."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._acts = 0
        self._began = time.monotonic()

    @classmethod
    def on_stdout(cls) -> "Stage":
        """The stage of a command."""
        if isinstance(sys.stdout, TextIOWrapper):
            # A terminal that has no ✓ shall not end the story.
            sys.stdout.reconfigure(errors="replace")
        console = Console(highlight=False)
        console.width = min(console.width, WIDTH)
        return cls(console)

    @property
    def moving(self) -> bool:
        """Is there somebody to watch things move, on a terminal that can?"""
        return self.console.is_interactive

    @property
    def elapsed(self) -> float:
        """Seconds since the story began."""
        return time.monotonic() - self._began

    def title(self, words: str) -> None:
        """The first line."""
        self.console.print(Text(words, style="bold"))

    def act(self, heading: str, sentences: str) -> None:
        """Begin the next act."""
        self._acts += 1
        line = Text(f"{self._acts}  {heading}", style="bold bright_blue")
        self.console.print("\n", line, "\n", sep="", end="")
        self.show(sentences)

    def step(self, doing: str, work: Callable[[], tuple[T, str]]) -> T:
        """Do a piece of work that takes a while; it returns its result and what to say of it."""
        began = time.monotonic()
        with self.console.status(Text(doing, style="dim"), spinner_style="bright_blue"):
            result, words = work()
        self.tick(words, time.monotonic() - began)
        return result

    def tick(self, words: str, seconds: float | None = None) -> None:
        """Something good has happened, after so many seconds."""
        self._mark("✓", "green", words, seconds)

    def trouble(self, words: str) -> None:
        """Something bad has happened, as the story wants it."""
        self._mark("✗", "red", words, None)

    def note(self, words: str) -> None:
        """Something is so."""
        self._mark("·", "bright_blue", words, None)

    def log(self, words: str) -> None:
        """A line with the time since the story began, for whoever reads it later."""
        self.console.print(Text(f"   {self.elapsed:6.1f} s  {words}"))

    def show(self, what: RenderableType, indent: int = INDENT) -> None:
        """A table or a picture."""
        self.console.print(Padding(what, (0, 0, 0, indent), expand=False))

    def code(self, lines: str) -> None:
        """What somebody typed."""
        self.show(Text(lines, style="cyan"), indent=INDENT + 4)

    def sum_up(self, words: str) -> None:
        """The last line but one."""
        self.console.print("\n", Text(words, style="bold green"), sep="")

    def next(self, words: str) -> None:
        """The last line."""
        self.console.print(Text(f"Next: {words}"))

    def blank(self) -> None:
        """An empty line."""
        self.console.print()

    def pause(self, seconds: float) -> None:
        """Leave time to read, if somebody does."""
        if self.moving:
            time.sleep(seconds)

    def _mark(self, mark: str, colour: str, words: str, seconds: float | None) -> None:
        text = Text(words)
        if seconds is not None:
            text.append(f"  {seconds:.1f} s", style="dim")
        line = Table.grid()  # so that a long sentence goes on under its own beginning
        line.add_row(Text(f"{mark} ", style=colour), text)
        self.show(line)
