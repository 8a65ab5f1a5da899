"""The demo's own data: six photographs and a table, described in `data/SOURCES.md`."""

from importlib.resources import files
from importlib.resources.abc import Traversable

_FOLDER = files("jobferry_demo") / "data"


def photos() -> list[Traversable]:
    """The photographs (JPEG, 27 to 153 kB each), by name: `.name`, `.read_bytes()`."""
    return sorted((_FOLDER / "photos").iterdir(), key=lambda photo: photo.name)


def weather_table() -> Traversable:
    """Hourly weather of 2013 at New York's airports: CSV, UTF-8, 26,115 rows, 2.3 MB."""
    return _FOLDER / "weather.csv"
