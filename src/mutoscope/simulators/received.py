"""A picture that came to a simulated provider: what kind it is, and how large."""

from io import BytesIO
from typing import Final, NamedTuple

from PIL import Image, UnidentifiedImageError

_FORMATS: Final = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")


class Received(NamedTuple):
    """A picture's kind, such as `PNG`, and its sides in pixels."""

    kind: str
    width: int
    height: int

    @property
    def ratio(self) -> float:
        """Return how many times wider than high it is."""
        return self.width / self.height

    def sized(self, *, short_px: int) -> tuple[int, int]:
        """Return the width and height of a clip of this shape, both even, by its shorter side."""
        scale = short_px / min(self.width, self.height)
        return round(self.width * scale / 2) * 2, round(self.height * scale / 2) * 2


def received(content: bytes) -> Received | None:
    """Return what a picture is by its head, or None when it is none."""
    try:
        with Image.open(BytesIO(content), formats=_FORMATS) as image:
            return Received(kind=str(image.format), width=image.width, height=image.height)
    except (OSError, SyntaxError, UnidentifiedImageError, Image.DecompressionBombError):
        return None
