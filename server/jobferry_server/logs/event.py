"""An event: something a service says, under a name that stays what it is."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from jobferry_shared.printable import reason_of

__all__ = ["CATALOGUE", "Event", "error", "info", "warning"]

#: All of them, in the order of ``events``.
CATALOGUE: "list[Event]" = []


@dataclass(frozen=True, slots=True)
class Event:
    """Call it to say it. ``words`` have the names of the fields in them; ``means`` is for the documents.

    The part of the name before the point names the logger, ``jobferry.…``.
    """

    name: str
    level: int
    words: str
    means: str
    _log: logging.Logger = field(repr=False, compare=False)

    def __call__(self, *, raised: BaseException | None = None, **fields: object) -> None:
        """It has happened; with the traceback of what was ``raised``."""
        said = ({name: _told(value) for name, value in fields.items()},) if fields else ()
        extra = {"event": self.name}
        self._log.log(self.level, self.words, *said, exc_info=raised, extra=extra, stacklevel=2)


def _told(value: object) -> object:
    return reason_of(value) if isinstance(value, BaseException) else value


def _of(level: int) -> Callable[[str, str, str], Event]:
    def make(name: str, words: str, means: str) -> Event:
        log = logging.getLogger(f"jobferry.{name.partition('.')[0]}")
        CATALOGUE.append(found := Event(name, level, words, means, log))
        return found

    return make


info, warning, error = (_of(level) for level in (logging.INFO, logging.WARNING, logging.ERROR))
