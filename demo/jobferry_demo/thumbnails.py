"""Make a thumbnail of a photograph a device sent. Pillow is imported only when one is made."""

import io
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, Field

from jobferry_demo.wire import Base64Bytes, Message, OnProgress, no_progress

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS = {"JPEG": b"\xff\xd8\xff", "PNG": b"\x89PNG\r\n\x1a\n"}
"""What is accepted, and how such a file begins."""

MAX_PIXELS = 40_000_000
"""A larger picture is refused unread: one of 100 kB can claim to unpack to gigabytes."""


def _begins_like_a_photo(photo: bytes) -> bytes:
    # Checked with the payload, so that what can never work fails at once and without retries.
    if not photo.startswith(tuple(FORMATS.values())):
        raise ValueError(f"this is no picture: it begins like none of {', '.join(FORMATS)}")
    return photo


MOST_SIDE = 2560
"""The longer side of a photograph that has to be made smaller to be sent, in pixels; less if need be."""


class ThumbnailIn(Message):
    """The payload of `thumbnail`: the photograph itself, not its name."""

    photo: Annotated[Base64Bytes, AfterValidator(_begins_like_a_photo)]
    """A JPEG or PNG file; base64 in JSON."""
    name: str | None = Field(default=None, max_length=200)
    """What the device calls it; comes back in the result, and is used for nothing else."""
    size: int = Field(default=128, ge=16, le=512)
    """The longer side of the thumbnail, in pixels. A smaller photograph is not enlarged."""


class Thumbnail(Message):
    """The result of `thumbnail`. Widths and heights in pixels, as a person sees the picture."""

    name: str | None
    thumbnail: Base64Bytes
    """A JPEG file; base64 in JSON."""
    width: int
    height: int
    bytes: int
    colour: str = Field(pattern="^#[0-9a-f]{6}$")
    """The colour most of the picture has, red-green-blue."""
    original_width: int
    original_height: int
    original_bytes: int


def make_thumbnail(request: ThumbnailIn, on_progress: OnProgress = no_progress) -> Thumbnail:
    """Shrink the photograph so that its longer side is `request.size` pixels.

    Raises ValueError for anything but a whole JPEG or PNG of at most `MAX_PIXELS`.
    """
    image, original = _shrink(_open(request.photo), request.size)
    on_progress(0.6)
    colour = dominant_colour(image)
    on_progress(0.8)
    jpeg = _to_jpeg(image)
    on_progress(1.0)
    return Thumbnail(
        name=request.name,
        thumbnail=jpeg,
        width=image.width,
        height=image.height,
        bytes=len(jpeg),
        colour=colour,
        original_width=original[0],
        original_height=original[1],
        original_bytes=len(request.photo),
    )


def fitting(photo: bytes, most_bytes: int) -> bytes:
    """The photograph as it is or, if it has more bytes than that, as a smaller JPEG that has not.

    Raises ValueError as :func:`make_thumbnail` does; a photograph that is small enough is not read.
    """
    side, fit = MOST_SIDE, photo
    while len(fit) > most_bytes:
        fit = _to_jpeg(_shrink(_open(photo), side)[0])
        side = side * 3 // 4
    return fit


def dominant_colour(image: "Image") -> str:
    """The most frequent of the eight colours that paint an RGB picture best, as `#rrggbb`."""
    from PIL import Image

    few = image.quantize(colors=8, method=Image.Quantize.MEDIANCUT)
    palette = few.getpalette() or []
    index = max(range(len(palette) // 3), key=few.histogram().__getitem__)
    return "#" + bytes(palette[3 * index : 3 * index + 3]).hex()


def _open(photo: bytes) -> "Image":
    """Read the header only: the pixels stay packed until the size is known to be sane."""
    from PIL import Image, UnidentifiedImageError

    try:
        image = Image.open(io.BytesIO(photo), formats=list(FORMATS))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ValueError(f"the picture is too large: {error}") from error
    except (UnidentifiedImageError, OSError, SyntaxError) as error:
        raise ValueError("this is no picture that can be read: its header is damaged") from error
    if image.width * image.height > MAX_PIXELS:
        raise ValueError(
            f"the picture is too large: {image.width} x {image.height} pixels,"
            f" {MAX_PIXELS:,} are allowed"
        )
    return image


def _shrink(image: "Image", size: int) -> tuple["Image", tuple[int, int]]:
    """The thumbnail as RGB, upright, and the original's width and height.

    Turned after shrinking: that way a JPEG is decoded at a fraction of its size.
    """
    from PIL import ImageOps

    width, height = image.size
    try:
        image.thumbnail((size, size))
        image.load()  # a picture that was small enough has not been read yet
    except (OSError, SyntaxError) as error:
        raise ValueError(f"the picture is damaged: {error}") from error
    turned = image.getexif().get(_ORIENTATION, 1) in _ON_ITS_SIDE
    ImageOps.exif_transpose(image, in_place=True)
    return _on_white(image), (height, width) if turned else (width, height)


_ORIENTATION = 0x0112  # the EXIF tag: how the camera was held
_ON_ITS_SIDE = {5, 6, 7, 8}


def _on_white(image: "Image") -> "Image":
    """The picture as RGB: JPEG has no transparency, and black would swallow a dark drawing."""
    from PIL import Image

    if "A" not in image.getbands() and "transparency" not in image.info:
        return image.convert("RGB")
    picture = image.convert("RGBA")
    paper = Image.new("RGB", image.size, "white")
    paper.paste(picture, mask=picture.getchannel("A"))
    return paper


def _to_jpeg(image: "Image") -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=85, optimize=True)
    return buffer.getvalue()
