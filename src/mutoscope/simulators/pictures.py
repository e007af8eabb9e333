"""Small real stills and clips, of the size and length that were ordered, labelled SIMULATOR."""

import tempfile
from fractions import Fraction
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Final

import av
import numpy as np
from PIL import Image, ImageDraw

LABEL: Final = "SIMULATOR"
RATE: Final = 24
AMBER: Final = (214, 168, 60)
KEPT: Final = 32
"""Pictures of different sizes and lengths that are kept: making a clip costs most of a second."""


@lru_cache(maxsize=KEPT)
def still(*, width: int, height: int, kind: str = "PNG") -> bytes:
    """Return a still as PNG or JPEG."""
    buffer = BytesIO()
    _drawn(width, height).save(buffer, kind)
    return buffer.getvalue()


@lru_cache(maxsize=KEPT)
def clip(*, width: int, height: int, duration_s: float) -> bytes:
    """Return a clip as MP4 at 24 frames a second, with a bar that shows the time."""
    frames = round(duration_s * RATE)
    ground = np.asarray(_drawn(width, height))
    with tempfile.NamedTemporaryFile(suffix=".mp4") as file:
        with av.open(file.name, "w", options={"movflags": "+faststart"}) as container:
            stream = container.add_stream("libx264", RATE, options={"preset": "ultrafast"})
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            stream.time_base = Fraction(1, RATE)
            for number in range(frames):
                picture = ground.copy()
                picture[-height // 20 :, : max(1, width * (number + 1) // frames)] = 255
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            container.mux(stream.encode())
        return Path(file.name).read_bytes()


def _drawn(width: int, height: int) -> Image.Image:
    image = Image.new("RGB", (width, height), (38, 42, 54))
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, width - 1, height - 1), outline=AMBER, width=max(2, height // 60))
    size = min(width / 7, height / 4)
    draw.text((width / 2, height / 2), LABEL, fill=AMBER, anchor="mm", font_size=size)
    return image
