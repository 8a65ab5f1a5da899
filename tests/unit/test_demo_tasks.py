"""The demo's work, on the demo's own data. The handlers in `jobferry_demo.tasks` are shells."""

import base64
import csv
import gzip
import hashlib
import io
import json
import struct
import tempfile
import zlib
from importlib.resources.abc import Traversable
from pathlib import Path

import pytest
from PIL import Image
from pydantic import ValidationError

from jobferry_demo import checksums, data, summaries, thumbnails
from jobferry_demo.checksums import ChecksumIn, checksum
from jobferry_demo.drills import FailIn, SleepIn, fail_until, sleep_in_steps
from jobferry_demo.summaries import NumberColumn, Summary, SummaryIn, TextColumn, summarise
from jobferry_demo.thumbnails import ThumbnailIn, dominant_colour, make_thumbnail

PAYLOAD_LIMIT = 1_048_576  # bytes of JSON, as the gateway's default has it


class CancelError(Exception):
    """Stands for what `job.progress` raises."""


class Watch:
    """Records progress, and cancels the work when it reaches `cancel_at`."""

    def __init__(self, cancel_at: float = 2.0) -> None:
        self.seen: list[float] = []
        self.cancel_at = cancel_at

    def __call__(self, done: float) -> None:
        self.seen.append(done)
        if done >= self.cancel_at:
            raise CancelError

    def assert_whole(self, reports: int) -> None:
        assert len(self.seen) >= reports
        assert self.seen == sorted(self.seen)
        assert self.seen[0] > 0.0
        assert self.seen[-1] == 1.0


def encoded(image: Image.Image, image_format: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


# The data that ships with the demo.


def test_the_photographs_are_small_and_the_table_is_whole() -> None:
    photos = data.photos()
    assert [photo.name for photo in photos] == sorted(photo.name for photo in photos)
    assert 4 <= len(photos) <= 6
    assert sum(len(photo.read_bytes()) for photo in photos) < 600_000
    table = data.weather_table().read_bytes()
    assert len(table) < 2_500_000
    assert table.count(b"\n") == 1 + 26_115


def test_every_file_says_where_it_comes_from() -> None:
    sources = (Path(data.__file__).parent / "data" / "SOURCES.md").read_text("utf-8")
    for file in [*data.photos(), data.weather_table()]:
        assert file.name in sources
    assert hashlib.sha256(data.weather_table().read_bytes()).hexdigest() in sources


# thumbnail


@pytest.mark.parametrize("photo", data.photos(), ids=lambda photo: photo.name)
def test_a_photograph_shrinks_to_a_thumbnail(photo: Traversable) -> None:
    watch = Watch()
    request = ThumbnailIn(photo=photo.read_bytes(), name=photo.name, size=96)
    result = make_thumbnail(request, watch)
    with Image.open(io.BytesIO(result.thumbnail)) as small:
        assert small.format == "JPEG"
        assert small.size == (result.width, result.height)
    assert max(result.width, result.height) == 96
    assert result.width / result.height == pytest.approx(
        result.original_width / result.original_height, rel=0.02
    )
    assert result.bytes == len(result.thumbnail) < result.original_bytes / 4
    assert result.name == photo.name
    watch.assert_whole(reports=3)


def test_a_photograph_travels_as_json() -> None:
    photo = data.photos()[0].read_bytes()
    sent = ThumbnailIn(photo=photo).model_dump_json()
    assert len(photo) < len(sent) < PAYLOAD_LIMIT
    assert json.loads(sent)["photo"] == base64.b64encode(photo).decode()
    assert ThumbnailIn.model_validate_json(sent).photo == photo
    assert ThumbnailIn.model_validate(json.loads(sent)).photo == photo
    result = make_thumbnail(ThumbnailIn(photo=photo))
    came_back = json.loads(result.model_dump_json())
    assert came_back == result.model_dump(mode="json")
    assert base64.b64decode(came_back["thumbnail"]).startswith(b"\xff\xd8\xff")


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_a_png_of_any_kind_is_accepted(mode: str) -> None:
    result = make_thumbnail(ThumbnailIn(photo=encoded(Image.new(mode, (300, 200)))))
    assert (result.width, result.height) == (128, 85)


def test_a_jpeg_for_printers_is_accepted() -> None:
    photo = encoded(Image.new("CMYK", (300, 200)), "JPEG")
    assert make_thumbnail(ThumbnailIn(photo=photo)).colour == "#ffffff"


def test_a_small_picture_is_not_enlarged() -> None:
    result = make_thumbnail(ThumbnailIn(photo=encoded(Image.new("RGB", (20, 10)))))
    assert (result.width, result.height) == (20, 10)


def test_a_picture_taken_sideways_comes_back_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned by a quarter
    photo = encoded(Image.new("RGB", (400, 200)), "JPEG", exif=exif)
    result = make_thumbnail(ThumbnailIn(photo=photo, size=100))
    assert (result.width, result.height) == (50, 100)
    assert (result.original_width, result.original_height) == (200, 400)


def test_what_is_transparent_becomes_white() -> None:
    clear = encoded(Image.new("RGBA", (64, 64), (0, 0, 0, 0)))
    assert make_thumbnail(ThumbnailIn(photo=clear)).colour == "#ffffff"


def test_the_dominant_colour_is_the_one_there_is_most_of() -> None:
    picture = Image.new("RGB", (100, 100), "#204080")
    picture.paste("#ff8000", (0, 0, 100, 40))
    assert dominant_colour(picture) == "#204080"


@pytest.mark.parametrize(
    ("photo", "said"),
    [
        ("", "this is no picture"),
        ("bm90IGEgcGljdHVyZQ==", "this is no picture"),
        (base64.b64encode(b"GIF89a" + bytes(20)).decode(), "none of JPEG, PNG"),
        ("not base64!", "not base64"),
        ("/9j/4A\u00e9", "not base64"),
        (None, "valid bytes"),
    ],
)
def test_what_is_no_picture_is_refused_with_the_payload(photo: str | None, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        ThumbnailIn.model_validate({"photo": photo})


def test_a_damaged_picture_is_refused() -> None:
    photo = data.photos()[0].read_bytes()
    with pytest.raises(ValueError, match=r"damaged: .*truncated"):
        make_thumbnail(ThumbnailIn(photo=photo[: len(photo) // 2]))
    with pytest.raises(ValueError, match="header is damaged"):
        make_thumbnail(ThumbnailIn(photo=photo[:20]))


def test_a_damaged_picture_that_need_not_shrink_is_refused_too() -> None:
    with Image.open(io.BytesIO(data.photos()[0].read_bytes())) as photo:
        picture = bytearray(encoded(photo.crop((200, 50, 264, 114))))
    picture[200:220] = bytes(20)
    with pytest.raises(ValueError, match="picture is damaged"):
        make_thumbnail(ThumbnailIn(photo=bytes(picture)))


def bomb(width: int, height: int) -> bytes:
    """A PNG whose header claims a size that its few bytes can't hold."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        checked = kind + body
        return struct.pack(">I", len(body)) + checked + struct.pack(">I", zlib.crc32(checked))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress(bytes(1000)))
    return thumbnails.FORMATS["PNG"] + header + body + chunk(b"IEND", b"")


@pytest.mark.parametrize("side", [7_000, 10_000, 60_000])
def test_a_decompression_bomb_is_refused_unread(side: int) -> None:
    with pytest.raises(ValueError, match="picture is too large"):
        make_thumbnail(ThumbnailIn(photo=bomb(side, side)))


# summary


def columns_of(table: Summary) -> dict[str, NumberColumn | TextColumn]:
    return {column.name: column for column in table.columns}


def test_the_weather_is_summarised_as_sent() -> None:
    packed = gzip.compress(data.weather_table().read_bytes())
    sent = SummaryIn(csv_gzip=packed).model_dump_json(exclude_none=True)
    assert len(sent) < PAYLOAD_LIMIT
    watch = Watch()
    result = summarise(SummaryIn.model_validate_json(sent), watch)
    watch.assert_whole(reports=50)

    assert result.rows == 26_115
    assert len(result.columns) == 15
    assert all(column.values + column.missing == 26_115 for column in result.columns)
    columns = columns_of(result)
    origin, temp, gust = columns["origin"], columns["temp"], columns["wind_gust"]
    assert isinstance(origin, TextColumn)
    assert [(common.value, common.count) for common in origin.most_common] == [
        ("JFK", 8706),
        ("LGA", 8706),
        ("EWR", 8703),
    ]
    assert isinstance(temp, NumberColumn)
    assert (temp.min, temp.max, temp.missing) == (10.94, 100.04, 1)
    assert temp.mean == pytest.approx(55.26, abs=0.01)
    assert isinstance(gust, NumberColumn)
    assert gust.missing > 20_000
    assert isinstance(columns["time_hour"], TextColumn)


def test_the_mean_is_the_one_a_plain_loop_finds() -> None:
    rows = csv.DictReader(io.StringIO(data.weather_table().read_text("utf-8")))
    humid = [float(row["humid"]) for row in rows if row["humid"] != "NA"]
    request = SummaryIn(csv=data.weather_table().read_text("utf-8"))
    column = columns_of(summarise(request))["humid"]
    assert isinstance(column, NumberColumn)
    assert column.values == len(humid)
    assert column.mean == pytest.approx(sum(humid) / len(humid))


def test_a_column_is_a_number_only_if_all_of_it_is() -> None:
    table = "a,b,c,d,e\n1,1,nan,,1_0\n-2.5,x,inf,NA,1e999\n 3e1 ,2,7,,4\n"
    result = summarise(SummaryIn(csv=table))
    assert [column.kind for column in result.columns] == ["number", "text", "text", "text", "text"]
    first, empty = result.columns[0], result.columns[3]
    assert isinstance(first, NumberColumn)
    assert (first.min, first.max, first.mean) == (-2.5, 30.0, 9.5)
    assert (empty.values, empty.missing, empty.distinct) == (0, 3, 0)


def test_quotes_other_delimiters_blank_lines_and_a_byte_order_mark_are_read() -> None:
    table = '\ufeffname;note\n"Ada";"a;b\nc"\n\n"Bo";"say ""hi"""\n'
    for request in (
        SummaryIn(csv=table, delimiter=";"),
        SummaryIn(csv_gzip=gzip.compress(table.encode()), delimiter=";"),
    ):
        result = summarise(request)
        assert result.rows == 2
        name, note = result.columns
        assert name.name == "name"
        assert isinstance(note, TextColumn)
        assert [common.value for common in note.most_common] == ["a;b\nc", 'say "hi"']


def test_long_values_are_cut_and_the_common_ones_limited() -> None:
    table = "v\n" + "x" * 5_000 + "\n" + "".join(f"v{i}\n" for i in range(10))
    (column,) = summarise(SummaryIn(csv=table, top=2)).columns
    assert isinstance(column, TextColumn)
    assert [len(common.value) for common in column.most_common] == [100, 2]


def test_a_table_without_rows_has_columns() -> None:
    result = summarise(SummaryIn(csv="a,b\n"))
    assert result.rows == 0
    assert [column.kind for column in result.columns] == ["text", "text"]


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        ({}, "either as csv or as csv_gzip"),
        ({"csv": "a", "csv_gzip": "H4sI"}, "either as csv or as csv_gzip"),
        ({"csv_gzip": "YWJj"}, "not gzip"),
        ({"csv": "a", "delimiter": "::"}, "delimiter"),
        ({"csv": "a", "top": 0}, "top"),
        ({"table": "a"}, "table"),
    ],
)
def test_a_nonsense_summary_is_refused_with_the_payload(
    payload: dict[str, object], said: str
) -> None:
    with pytest.raises(ValidationError, match=said):
        SummaryIn.model_validate(payload)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("", "the table is empty"),
        ("a,b\n1,2\n1,2,3\n", "row 2 has 3 fields, the header has 2"),
        ('a,b\n1,"2\n', "line 2 of the table is malformed"),
        ("a" + ",a" * summaries.MAX_COLUMNS, "501 columns"),
        ("a\n" + "x" * 200_000, "malformed: field larger"),
    ],
)
def test_what_is_no_table_is_refused(table: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        summarise(SummaryIn(csv=table))


def test_damaged_gzip_is_refused() -> None:
    packed = gzip.compress(data.weather_table().read_bytes())
    with pytest.raises(ValueError, match="packed table is damaged"):
        summarise(SummaryIn(csv_gzip=packed[:-100]))
    with pytest.raises(ValueError, match="packed table is damaged"):
        summarise(SummaryIn(csv_gzip=packed[:100] + bytes(50) + packed[150:]))
    with pytest.raises(ValueError, match="not UTF-8 text, at byte 2"):
        summarise(SummaryIn(csv_gzip=gzip.compress(b"a\n\xff\n")))


def test_a_gzip_bomb_is_refused() -> None:
    packed = gzip.compress(b"a\n" + bytes(summaries.MAX_BYTES))
    assert len(packed) < 100_000
    with pytest.raises(ValueError, match="table is too large"):
        summarise(SummaryIn(csv_gzip=packed))


def test_a_cancelled_summary_stops_on_the_way() -> None:
    watch = Watch(cancel_at=0.5)
    with pytest.raises(CancelError):
        summarise(SummaryIn(csv=data.weather_table().read_text("utf-8")), watch)
    assert watch.seen[-1] < 0.6


# checksum


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder in which temporary files are made."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_the_checksums_are_those_of_the_content(room: Path) -> None:
    watch = Watch()
    result = checksum(ChecksumIn(megabytes=3, seed=7), watch)
    whole = b"".join(checksums.content(7, step) for step in range(3))
    assert len(whole) == 3 * checksums.STEP
    assert result.sha256 == hashlib.sha256(whole).hexdigest()
    assert result.blake2b == hashlib.blake2b(whole).hexdigest()
    watch.assert_whole(reports=6)
    assert list(room.iterdir()) == []


def test_the_same_seed_gives_the_same_file_for_ever() -> None:
    result = checksum(ChecksumIn(megabytes=1, seed=1))
    assert result.sha256 == "3ecb00228873cd9d528a188a3563b021d1ed931bb32d761dfe20234f19113392"
    assert checksum(ChecksumIn(megabytes=1, seed=2)).sha256 != result.sha256


@pytest.mark.parametrize("cancel_at", [0.2, 0.8])
def test_a_cancelled_checksum_leaves_no_file(room: Path, cancel_at: float) -> None:
    watch = Watch(cancel_at)
    with pytest.raises(CancelError):
        checksum(ChecksumIn(megabytes=10), watch)
    assert watch.seen[-1] == pytest.approx(cancel_at)
    assert list(room.iterdir()) == []


@pytest.mark.parametrize(
    "payload",
    [{"megabytes": 0}, {"megabytes": 5_000}, {"megabytes": 1, "seed": -1}, {"path": "/etc/passwd"}],
)
def test_a_nonsense_checksum_is_refused_with_the_payload(payload: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ChecksumIn.model_validate(payload)


# sleep and fail


async def test_sleep_reports_every_step() -> None:
    watch = Watch()
    result = await sleep_in_steps(SleepIn(seconds=0.01, steps=4), watch)
    assert watch.seen == [0.25, 0.5, 0.75, 1.0]
    assert result.model_dump() == {"slept": 0.01}


async def test_a_cancelled_sleep_ends_at_the_next_step() -> None:
    watch = Watch(cancel_at=0.2)
    with pytest.raises(CancelError):
        await sleep_in_steps(SleepIn(seconds=0.02), watch)
    assert watch.seen == [0.1, 0.2]


@pytest.mark.parametrize("seconds", [-1, 1e9, float("nan"), float("inf"), "long"])
def test_a_nonsense_sleep_is_refused_with_the_payload(seconds: object) -> None:
    with pytest.raises(ValidationError):
        SleepIn.model_validate({"seconds": seconds})


def test_fail_fails_for_good() -> None:
    for attempt in (1, 2, 50):
        with pytest.raises(RuntimeError, match="told to fail"):
            fail_until(FailIn(), attempt)


def test_fail_succeeds_after_so_many_times() -> None:
    request = FailIn(message="not yet", times=2)
    for attempt in (1, 2):
        with pytest.raises(RuntimeError, match="not yet"):
            fail_until(request, attempt)
    assert fail_until(request, 3).attempts == 3
