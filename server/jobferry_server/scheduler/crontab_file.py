"""A crontab in a file. The file's name, without its folder, is the crontab's."""

from pathlib import Path

from jobferry_server.errors import ConfigurationError, InvalidSchedule
from jobferry_server.scheduler.crontab import Entry, parse_crontab

__all__ = ["read_crontab"]


def read_crontab(path: Path) -> list[Entry]:
    """The entries; :class:`InvalidSchedule` names file and line that nobody understands."""
    try:
        return parse_crontab(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"the crontab {path} can't be read: {error}") from error
    except InvalidSchedule as error:
        raise InvalidSchedule(f"{path}, {error}") from error
