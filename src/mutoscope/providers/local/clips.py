"""Clips: a camera moves over a still, and the frames become H.264 in an MP4.

Owns the encoding. The same still, move and seed give the same bytes: one thread, bit-exact
flags, a fixed preset, and no macroblock tree, whose look-ahead differs from run to run even on
one thread. The camera moves over the planes of the encoding itself: half the work of moving over
red, green and blue. The file is written beside its name and renamed, because an MP4 is whole only
when its index was moved to the front.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from PIL import Image

from mutoscope.providers.local.camera import View, crop_of, view_at
from mutoscope.providers.local.canvas import Size
from mutoscope.providers.local.label import overlay
from mutoscope.providers.local.scene import Move

Planes = npt.NDArray[np.uint8]

FRAMES_PER_SECOND = 24
OVERSAMPLE = 1.2  # a picture painted this much larger stays sharp when the camera is near

_ENCODING = {
    "preset": "superfast",
    "crf": "20",
    "threads": "1",
    "flags": "+bitexact",
    "x264-params": "mbtree=0",
}
_MUXING = {"movflags": "+faststart", "fflags": "+bitexact"}
_BLACK, _LEVELS, _COLOURLESS = 16, 219, 128  # the range that video leaves to light and colour


def film(
    *,
    picture: Image.Image,
    size: Size,
    move: Move,
    seed: int,
    duration_s: int,
    caption: str,
) -> Iterator[Planes]:
    """Show every frame of a clip as YUV 4:2:0, its marks fixed on top while the picture moves."""
    parts = _planes(picture)
    marks = _marks(size, caption)
    count = duration_s * FRAMES_PER_SECOND
    for index in range(count):
        view = view_at(
            move=move, share=index / (count - 1), elapsed_s=index / FRAMES_PER_SECOND, seed=seed
        )
        shown = [_shown(part, view, mark) for part, mark in zip(parts, marks, strict=True)]
        yield np.concatenate([plane.ravel() for plane in shown]).reshape(-1, size.width)


def _planes(picture: Image.Image) -> tuple[Image.Image, ...]:
    """Part a picture into its light and its two colours at half the size."""
    frame = av.VideoFrame.from_ndarray(np.asarray(picture), format="rgb24")
    whole = frame.reformat(format="yuv420p").to_ndarray().ravel()
    width, height = picture.size
    edges = (width * height, width * height * 5 // 4)
    light, blue, red = np.split(whole, edges)
    return (
        Image.fromarray(light.reshape(height, width)),
        Image.fromarray(blue.reshape(height // 2, width // 2)),
        Image.fromarray(red.reshape(height // 2, width // 2)),
    )


def _marks(size: Size, caption: str) -> tuple[tuple[Image.Image, Image.Image], ...]:
    """Return what is laid over each plane and where: the marks' light, and no colour."""
    marks = overlay(size=size, caption=caption)
    cover = marks.getchannel("A")
    light = marks.convert("L").point([_BLACK + level * _LEVELS // 255 for level in range(256)])
    colour = (Image.new("L", (size.width // 2, size.height // 2), _COLOURLESS), cover.reduce(2))
    return (light, cover), colour, colour


def _shown(plane: Image.Image, view: View, mark: tuple[Image.Image, Image.Image]) -> Planes:
    over, cover = mark
    area = crop_of(view=view, width=plane.width, height=plane.height)
    seen = plane.resize(over.size, Image.Resampling.BILINEAR, box=area)
    seen.paste(over, (0, 0), cover)
    return np.asarray(seen)


def save_clip(
    *, frames: Iterator[Planes], size: Size, path: Path, after_frame: Callable[[int], None]
) -> None:
    """Encode frames as MP4; `after_frame` hears how many are done, and may raise to stop."""
    partial = path.with_suffix(".part")
    with av.open(str(partial), "w", format="mp4", options=_MUXING) as container:
        stream = container.add_stream("libx264", rate=FRAMES_PER_SECOND, options=_ENCODING)
        stream.width, stream.height, stream.pix_fmt = size.width, size.height, "yuv420p"
        for done, planes in enumerate(frames, start=1):
            frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
            container.mux(stream.encode(frame))
            after_frame(done)
        container.mux(stream.encode(None))
    partial.replace(path)
