"""Thumbnails in a terminal: each character cell shows two pixels, one above the other."""

import base64
import io
from collections.abc import Sequence

from PIL import Image
from rich.console import Console
from rich.table import Table
from rich.text import Text

from jobferry_client import Job

__all__ = ["gallery"]

GAP = 2
MARGIN = 3
WIDEST = 16
ENOUGH_COLOURS = ("truecolor", "256")


def gallery(console: Console, jobs: Sequence[Job]) -> Table | None:
    """The thumbnails in these results side by side; None where a terminal could not show them."""
    if not jobs or console.color_system not in ENOUGH_COLOURS or not console.is_terminal:
        return None
    width = min(WIDEST, (console.width - MARGIN) // len(jobs) - GAP)
    row = Table.grid(padding=(0, GAP, 0, 0))
    row.add_row(*(_picture(base64.b64decode(job.result["thumbnail"]), width) for job in jobs))
    return row


def _picture(jpeg: bytes, width: int) -> Text:
    image = Image.open(io.BytesIO(jpeg)).convert("RGB")
    height = 2 * max(1, round(width * image.height / image.width / 2))
    rgb = image.resize((width, height), Image.Resampling.LANCZOS).tobytes()
    picture = Text()
    for y in range(0, height, 2):
        for x in range(width):
            upper, lower = (_colour(rgb, row * width + x) for row in (y, y + 1))
            picture.append("▀", style=f"{upper} on {lower}")
        picture.append("\n" if y + 2 < height else "")
    return picture


def _colour(rgb: bytes, pixel: int) -> str:
    return "#" + rgb[3 * pixel : 3 * pixel + 3].hex()
