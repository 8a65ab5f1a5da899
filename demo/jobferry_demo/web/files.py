"""A file that was dropped on the page, as a job: photographs and tables."""

import base64
import gzip
from typing import Any

from jobferry_client import NewJob
from jobferry_demo.summaries import MAX_BYTES
from jobferry_demo.thumbnails import FORMATS, fitting
from jobferry_demo.web.errors import Unsuitable
from jobferry_shared.limits import Limits

__all__ = ["MOST_OCTETS", "job_of_file"]

#: The largest file that the page takes. What is sent is smaller: photographs are scaled down.
MOST_OCTETS = 20_000_000
#: What a payload has room for beside its other fields, once it is base64.
ROOM = (Limits().payload_bytes - 4096) * 3 // 4
LONGEST_NAME = 200
DELIMITERS = ",;\t|"


def job_of_file(name: str, content: bytes) -> NewJob:
    """The job for a file; :class:`Unsuitable` if there is none. Takes a while for a large photograph."""
    name = "".join(c for c in name if c.isprintable())[:LONGEST_NAME] or "unnamed"
    if not content:
        raise Unsuitable(f"“{name}” is empty.")
    if content.startswith(tuple(FORMATS.values())):
        return NewJob(task="thumbnail", payload=_photo(name, content))
    if name.lower().endswith((".csv", ".tsv")):
        return NewJob(task="summary", payload=_table(name, content))
    raise Unsuitable(
        f"“{name}” is neither a photo (JPEG or PNG) nor a table (a file that ends in .csv or .tsv)."
    )


def _photo(name: str, content: bytes) -> dict[str, Any]:
    try:
        return {"name": name, "photo": _text(fitting(content, ROOM)), "size": 256}
    except ValueError as error:
        raise Unsuitable(f"“{name}” can't be read: {error}.") from error


def _table(name: str, content: bytes) -> dict[str, Any]:
    packed = gzip.compress(content)
    if len(content) > MAX_BYTES or len(packed) > ROOM:
        raise Unsuitable(
            f"“{name}” is too large: {len(content):,} bytes, {len(packed):,} once packed."
            f" A table may have {MAX_BYTES:,}, and {ROOM:,} packed."
        )
    first_line = content[:10_000].partition(b"\n")[0].decode(errors="replace")
    delimiter = max(DELIMITERS, key=first_line.count)
    return {"name": name, "csv_gzip": _text(packed), "delimiter": delimiter}


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
