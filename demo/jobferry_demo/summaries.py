"""Summarise a CSV table: how many rows, and what each column holds. Standard library only."""

import csv
import gzip
import io
import math
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from jobferry_demo.wire import Base64Bytes, Message, OnProgress, no_progress

MAX_BYTES = 16 * 1024 * 1024
"""The largest table, unpacked: a megabyte of gzip can hold a thousand times as much."""

MAX_COLUMNS = 500
ROWS_PER_STEP = 500
"""Rows between two reports of progress: a few milliseconds of work."""

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_HUGE = 1e300
"""From here on a sum of many numbers may overflow; such a "number" is counted as text."""


def _is_gzip(packed: bytes) -> bytes:
    if not packed.startswith(b"\x1f\x8b"):
        raise ValueError("this is not gzip: it begins otherwise")
    return packed


class SummaryIn(Message):
    """The payload of `summary`: a table as text, or packed when it is large."""

    name: str | None = Field(default=None, max_length=200)
    """What the device calls it; is used for nothing."""
    csv: str | None = None
    """The table as text; its first row names the columns."""
    csv_gzip: Annotated[Base64Bytes, AfterValidator(_is_gzip)] | None = None
    """The same as UTF-8, packed with gzip; base64 in JSON. This way 2.3 MB fit into a payload of
    half a megabyte."""
    delimiter: str = Field(default=",", pattern='^[^"\r\n]$')
    missing: list[str] = Field(default=["", "NA"], max_length=20)
    """What stands for "no value" in the table."""
    top: int = Field(default=3, ge=1, le=50)
    """How many of the most common values to give for a column of text."""

    @model_validator(mode="after")
    def _one_table(self) -> Self:
        if (self.csv is None) == (self.csv_gzip is None):
            raise ValueError("give the table either as csv or as csv_gzip")
        return self


class Common(Message):
    """One of the most common values of a column, cut after 100 characters."""

    value: str
    count: int


class Column(Message):
    """What one column holds. `values` and `missing` add up to the rows."""

    name: str
    values: int
    missing: int
    distinct: int


class NumberColumn(Column):
    """A column in which every value is a number."""

    kind: Literal["number"] = "number"
    min: float
    max: float
    mean: float


class TextColumn(Column):
    """Any other column, an empty one too."""

    kind: Literal["text"] = "text"
    most_common: list[Common]


class Summary(Message):
    """The result of `summary`."""

    rows: int
    columns: list[NumberColumn | TextColumn]


def summarise(request: SummaryIn, on_progress: OnProgress = no_progress) -> Summary:
    """Read the whole table once, reporting every `ROWS_PER_STEP` rows. Empty lines are skipped.

    Raises ValueError for what is no table: damaged gzip, not UTF-8, no header, rows of unequal
    length, more than `MAX_COLUMNS` columns or `MAX_BYTES` bytes.
    """
    text = table_text(request)
    lines = io.StringIO(text, newline="")
    reader = csv.reader(lines, delimiter=request.delimiter, strict=True)
    try:
        names = _header(reader)
        rows, found = _tally(_watched(reader, lines, len(text), on_progress), len(names))
    except csv.Error as error:
        raise ValueError(f"line {reader.line_num} of the table is malformed: {error}") from error
    columns = [_column(name, values, request) for name, values in zip(names, found, strict=True)]
    on_progress(1.0)
    return Summary(rows=rows, columns=columns)


def table_text(request: SummaryIn) -> str:
    """The table's text, unpacked if need be, without a byte order mark. Raises ValueError."""
    if request.csv is not None:
        return request.csv.removeprefix("\ufeff")
    try:
        return _unpack(request.csv_gzip or b"").decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"the table is not UTF-8 text, at byte {error.start:,}") from error


def _unpack(packed: bytes) -> bytes:
    try:
        table = gzip.GzipFile(fileobj=io.BytesIO(packed)).read(MAX_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"the packed table is damaged: {error}") from error
    if len(table) > MAX_BYTES:
        raise ValueError(f"the table is too large: more than {MAX_BYTES:,} bytes unpacked")
    return table


def _header(reader: Iterator[list[str]]) -> list[str]:
    names = next(reader, [])
    if not names:
        raise ValueError("the table is empty: its first line must name the columns")
    if len(names) > MAX_COLUMNS:
        raise ValueError(f"the table has {len(names):,} columns, {MAX_COLUMNS} are allowed")
    return names


def _watched(
    reader: Iterator[list[str]], lines: io.StringIO, length: int, on_progress: OnProgress
) -> Iterator[list[str]]:
    """The rows, reporting how much of the text has been read."""
    for number, row in enumerate(reader, 1):
        if row:
            yield row
        if number % ROWS_PER_STEP == 0:
            on_progress(lines.tell() / length)


def _tally(rows: Iterable[list[str]], width: int) -> tuple[int, list[Counter[str]]]:
    """How many rows there are, and for each column how often each value occurs in it."""
    number, columns = 0, [Counter[str]() for _ in range(width)]
    for number, row in enumerate(rows, 1):
        if len(row) != width:
            raise ValueError(f"row {number:,} has {len(row)} fields, the header has {width}")
        for values, value in zip(columns, row, strict=True):
            values[value] += 1
    return number, columns


def _column(name: str, found: Counter[str], request: SummaryIn) -> NumberColumn | TextColumn:
    missing = sum(found.pop(mark, 0) for mark in request.missing)
    column = Column(name=name, values=found.total(), missing=missing, distinct=len(found))
    numbers = _numbers(found)
    return _number_column(column, numbers) if numbers else _text_column(column, found, request.top)


def _number_column(column: Column, numbers: list[tuple[float, int]]) -> NumberColumn:
    return NumberColumn(
        **dict(column),
        min=min(numbers)[0],
        max=max(numbers)[0],
        mean=math.fsum(number * count for number, count in numbers) / column.values,
    )


def _text_column(column: Column, found: Counter[str], top: int) -> TextColumn:
    common = [Common(value=value[:100], count=count) for value, count in found.most_common(top)]
    return TextColumn(**dict(column), most_common=common)


def _numbers(found: Counter[str]) -> list[tuple[float, int]]:
    """Each value as a number with its count; empty as soon as one of them is none."""
    numbers = []
    for value, count in found.items():
        number = _number(value)
        if number is None:
            return []
        numbers.append((number, count))
    return numbers


def _number(value: str) -> float | None:
    # float() alone would take "nan", "infinity" and "1_000" for numbers.
    if not _NUMBER.fullmatch(value.strip()):
        return None
    number = float(value)
    return number if abs(number) < _HUGE else None
