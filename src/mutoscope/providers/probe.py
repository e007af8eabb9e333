"""What a delivered file really is: told by decoding all of it, never by its name or header."""

from pathlib import Path
from typing import Final

import av
from PIL import Image, UnidentifiedImageError

from mutoscope.app.ports import Output

HEAD_BYTES: Final = 16
PIXELS_MAX: Final = 80_000_000
"""Pixels of a delivered still: 8K and a little more."""

_STILLS: Final = {"image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WEBP"}
_SUFFIXES: Final = {
    "image/png": ".png", "image/jpeg": ".jpg", "image/webp": ".webp", "video/mp4": ".mp4",
    "video/webm": ".webm",
}  # fmt: skip


class BrokenFile(Exception):
    """A delivered file that is not what was ordered, or not whole."""

    code = "output_unreadable"

    def __init__(self, *, reason: str) -> None:
        super().__init__(f"the delivered file is broken: {reason}")
        self.reason = reason


def sniff(head: bytes) -> str | None:
    """Return the media type that a file's first bytes tell, or None for any we do not take."""
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if head[4:8] == b"ftyp":
        return "video/mp4"
    return "video/webm" if head.startswith(b"\x1a\x45\xdf\xa3") else None


def suffix(media_type: str) -> str:
    """Return how the name of a file of a media type ends."""
    return _SUFFIXES[media_type]


def measured(*, path: Path, is_clip: bool) -> Output:
    """Measure a still or a clip by decoding all of it.

    :raises BrokenFile: when it is something else, or cannot be decoded to its end.
    """
    with path.open("rb") as file:
        media_type = sniff(file.read(HEAD_BYTES))
    if media_type is None:
        raise BrokenFile(reason="it is neither a picture nor a clip")
    if is_clip is (media_type in _STILLS):
        raise BrokenFile(reason=f"it is {media_type}, which was not ordered")
    try:
        return _clip(path, media_type) if is_clip else _still(path, media_type)
    except (
        OSError, SyntaxError, ValueError, UnidentifiedImageError, Image.DecompressionBombError,
        av.error.FFmpegError,
    ) as error:  # fmt: skip
        raise BrokenFile(reason="it cannot be decoded") from error


def _still(path: Path, media_type: str) -> Output:
    with Image.open(path, formats=(_STILLS[media_type],)) as image:
        if image.width * image.height > PIXELS_MAX:
            raise BrokenFile(reason=f"it has {image.width}x{image.height} pixels")
        image.load()
        return Output(path=path, media_type=media_type, width=image.width, height=image.height)


def _clip(path: Path, media_type: str) -> Output:
    frames, start_s, end_s = 0, None, 0.0
    with av.open(str(path)) as container:
        if not container.streams.video:
            raise BrokenFile(reason="it has no picture")
        stream = container.streams.video[0]
        told, rate = stream.frames, stream.average_rate
        for frame in container.decode(stream):
            frames += 1
            length_s = float(frame.duration * (frame.time_base or 0)) or float(1 / (rate or 24))
            time_s = frame.time or 0.0
            start_s = time_s if start_s is None else start_s
            end_s = max(end_s, time_s + length_s)
            width, height = frame.width, frame.height
    if start_s is None or frames < told:
        raise BrokenFile(reason=f"it breaks off after {frames} of {told} frames")
    return Output(
        path=path, media_type=media_type, width=width, height=height,
        duration_s=end_s - start_s, frames=frames,
    )  # fmt: skip
