"""What a file really holds, told by decoding it and never by its header."""

from pathlib import Path

import av
from PIL import Image, UnidentifiedImageError

from mutoscope.app.ports import Output

_CLIP = "video/mp4"
_STILL = "image/png"


class UnreadableOutput(Exception):
    """A file that should hold a still or a clip does not decode."""

    code = "output_unreadable"

    def __init__(self, *, path: Path) -> None:
        super().__init__(f"{path.name} does not decode as a PNG or an MP4")
        self.path = path


def probe(*, path: Path) -> Output:
    """Measure a PNG or MP4 by decoding all of it.

    :raises UnreadableOutput: when it does not decode.
    """
    try:
        return _clip(path) if path.suffix == ".mp4" else _still(path)
    except (OSError, SyntaxError, UnidentifiedImageError, av.error.FFmpegError) as error:
        raise UnreadableOutput(path=path) from error


def _still(path: Path) -> Output:
    with Image.open(path, formats=("PNG",)) as image:
        image.load()
        return Output(path=path, media_type=_STILL, width=image.width, height=image.height)


def _clip(path: Path) -> Output:
    frames, end_s = 0, 0.0
    width = height = 0
    with av.open(str(path)) as container:
        for stream in container.streams.video[:1]:
            for frame in container.decode(stream):
                frames += 1
                width, height = frame.width, frame.height
                end_s = max(end_s, (frame.time or 0.0) + _length_s(frame))
    if not frames:
        raise UnreadableOutput(path=path)
    return Output(
        path=path, media_type=_CLIP, width=width, height=height, duration_s=end_s, frames=frames
    )


def _length_s(frame: av.VideoFrame) -> float:
    return float(frame.duration * (frame.time_base or 0))
