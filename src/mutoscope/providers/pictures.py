"""The stills that travel to a provider, made alike whatever was uploaded.

A still is turned as its EXIF says, made RGB, cropped around its middle to the ordered shape, at
most `SIDE_MAX` pixels long, and carries no metadata. PNG where it fits, else JPEG.
"""

from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO
from math import log
from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw, ImageOps, UnidentifiedImageError

from mutoscope.app.ports import ErrorCode, Order
from mutoscope.domain.fine_tune import REGION
from mutoscope.providers.wire import refusal

SIDE_MAX: Final = 1_920
"""Pixels of the longer side that are sent; no provider looks at more."""

PIXELS_MAX: Final = 64_000_000
"""Pixels of a file that are decoded: all that a workspace may bring, far below a bomb."""

_QUALITIES: Final = (92, 80, 65)
_FORMATS: Final = ("PNG", "JPEG", "WEBP")


@dataclass(frozen=True, slots=True, kw_only=True)
class Still:
    """A picture as it travels."""

    content: bytes
    media_type: str
    width: int
    height: int

    @property
    def base64(self) -> str:
        """Return the bytes as text."""
        return b64encode(self.content).decode()

    @property
    def data_uri(self) -> str:
        """Return the picture as an address that holds it."""
        return f"data:{self.media_type};base64,{self.base64}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictures:
    """The stills of an order; the mask is white where an edit may change the source."""

    source: Still | None = None
    references: tuple[Still, ...] = ()
    mask: Still | None = None


def prepared(*, order: Order, bytes_max: int) -> Pictures:
    """Return an order's stills, ready to travel.

    :raises ProviderError: when one of them is no still (`bad_input`).
    """
    source, mask = (
        None if path is None else _still(_cropped(_opened(path), order), bytes_max)
        for path in (order.source_path, order.mask_path)
    )
    if mask is None and "region_x" in (order.adjustments or {}):
        mask = _still(_region(order), bytes_max)
    references = tuple(_still(_opened(path), bytes_max) for path in order.reference_paths)
    return Pictures(source=source, references=references, mask=mask)


def see_through(mask: Still) -> Still:
    """Return a mask whose white became transparent, as some providers want it."""
    with Image.open(BytesIO(mask.content)) as image:
        kept = ImageOps.invert(image.convert("L"))
    clear = Image.new("RGBA", kept.size, (0, 0, 0, 255))
    clear.putalpha(kept)
    return _encoded(clear, "PNG")


def nearest_ratio(*, order: Order, ratios: Iterable[str]) -> str:
    """Return the `width:height` that is closest to an order in shape, then in size."""

    def distance(ratio: str) -> tuple[float, int]:
        wide, high = (int(side) for side in ratio.split(":"))
        return round(abs(log(wide / high) - log(order.width / order.height)), 3), abs(
            wide - order.width
        )

    return min(ratios, key=distance)


def _opened(path: Path) -> Image.Image:
    try:
        with Image.open(path, formats=_FORMATS) as image:
            if image.width * image.height > PIXELS_MAX:
                size = f"{image.width}x{image.height}"
                raise refusal(ErrorCode.BAD_INPUT, f"The picture is too large: {size} pixels.")
            if getattr(image, "n_frames", 1) > 1:
                raise refusal(ErrorCode.BAD_INPUT, "The picture moves: choose a still.")
            turned = ImageOps.exif_transpose(image)
            return _opaque(turned)
    except (OSError, SyntaxError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        sentence = "The picture cannot be read: choose a PNG, JPEG or WebP."
        raise refusal(ErrorCode.BAD_INPUT, sentence) from error


def _opaque(image: Image.Image) -> Image.Image:
    """Return an image in RGB, on black where it was transparent."""
    if not image.has_transparency_data:
        return image.convert("RGB")
    layer = image.convert("RGBA")
    ground = Image.new("RGB", layer.size)
    ground.paste(layer, mask=layer.getchannel("A"))
    return ground


def _cropped(image: Image.Image, order: Order) -> Image.Image:
    shrink = min(1, SIDE_MAX / max(order.width, order.height))
    size = (round(order.width * shrink), round(order.height * shrink))
    return image if image.size == size else ImageOps.fit(image, size)


def _region(order: Order) -> Image.Image:
    """Draw the mask of a fine-tune's region, which is told by shares of the picture."""
    assert order.adjustments is not None
    left, top, wide, high = (float(order.adjustments[name]) for name in REGION)
    mask = Image.new("RGB", (order.width, order.height))
    corners = (
        (round(left * order.width), round(top * order.height)),
        (round((left + wide) * order.width) - 1, round((top + high) * order.height) - 1),
    )
    ImageDraw.Draw(mask).rectangle(corners, fill="white")
    return _cropped(mask, order)


def _still(image: Image.Image, bytes_max: int) -> Still:
    if max(image.size) > SIDE_MAX:
        image = ImageOps.contain(image, (SIDE_MAX, SIDE_MAX))
    still = _encoded(image, "PNG")
    for quality in _QUALITIES:
        if len(still.content) < bytes_max:
            return still
        still = _encoded(image, "JPEG", quality)
    return still


def _encoded(image: Image.Image, kind: str, quality: int = 0) -> Still:
    """Return an image as a file; a copy of its pixels alone, so that no metadata travels."""
    bare = Image.frombytes(image.mode, image.size, image.tobytes())
    buffer = BytesIO()
    bare.save(buffer, kind, **({"quality": quality} if quality else {}))
    media_type = f"image/{kind.lower()}"
    return Still(
        content=buffer.getvalue(), media_type=media_type, width=image.width, height=image.height
    )
