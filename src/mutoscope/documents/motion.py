"""Stills that move a little, and clips in steps of a film: pictures of one size, one after another.

Invariant: exactly as many pictures come as were asked for, each of the film's size, with black
around what has another ratio. The lower right corner of a still stays in view: the mark of its
maker stands there. So a camera that goes to the right comes nearer to that corner, and one that
goes to the left comes from it.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import av
from PIL import Image

from mutoscope.domain.credits import Refusal

FILM_SIZE: Final = (1280, 720)
FRAMES_PER_SECOND: Final = 24
NEARER: Final = ((1.0, 1.08), (1.0, 1.18), (1.08, 1.0), (1.18, 1.0))
"""How much a still is enlarged at the beginning and the end of each move: in, right, out, left.

A move to a side goes along with the corner of the mark, so that the other side comes and goes.
"""

CORNER: Final = 0.025
"""What may be cut off below and on the right, of a still's height: less than a mark's margin."""

DETAIL: Final = 1.5
"""A still that is larger than this times what is shown of it only costs time."""


class ClipUnreadable(Refusal):
    """A clip of the board that does not decode."""

    code = "clip_unreadable"

    def __init__(self, *, number: int) -> None:
        super().__init__(f"the clip of frame {number} does not decode: animate the frame again")
        self.number = number


def moving(picture: Image.Image, *, number: int, count: int) -> Iterator[Image.Image]:
    """Show a still for some pictures: the camera goes in, right, out or left, by turns."""
    size = contained(picture.size)
    source = _sized(picture.convert("RGB"), size)
    for index in range(count):
        share = _eased(index / max(1, count - 1))
        area = _area(source.size, move=number % 4, share=share)
        shown = source.resize(size, Image.Resampling.BICUBIC, box=area)
        yield boxed(shown)


def playing(path: Path, *, number: int, count: int) -> Iterator[Image.Image]:
    """Show a clip for some pictures: its last one stays when it is shorter.

    :raises ClipUnreadable: when it does not decode.
    """
    try:
        with av.open(str(path)) as container:
            yield from _steps(container, count)
    except (av.error.FFmpegError, IndexError) as error:
        raise ClipUnreadable(number=number) from error


def contained(size: tuple[int, int]) -> tuple[int, int]:
    """Return how large a picture is inside the film."""
    width, height = size
    scale = min(FILM_SIZE[0] / width, FILM_SIZE[1] / height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def boxed(shown: Image.Image) -> Image.Image:
    """Return a picture in the middle of the film's black."""
    if shown.size == FILM_SIZE:
        return shown
    film = Image.new("RGB", FILM_SIZE)
    film.paste(shown, ((FILM_SIZE[0] - shown.width) // 2, (FILM_SIZE[1] - shown.height) // 2))
    return film


def _steps(container: av.container.InputContainer, count: int) -> Iterator[Image.Image]:
    """Return the picture that stands at each step of the film."""
    done, begin_s = 0, None
    last: av.VideoFrame | None = None
    for frame in container.decode(container.streams.video[0]):
        at_s = frame.time or 0.0
        begin_s = at_s if begin_s is None else begin_s
        due = min(count, round((at_s - begin_s) * FRAMES_PER_SECOND))
        if last is not None and due > done:
            shown = _fitted(last)
            for _ in range(due - done):
                yield shown
            done = due
        last = frame
        if done == count:
            return
    if last is None:
        raise IndexError
    shown = _fitted(last)
    for _ in range(count - done):
        yield shown


def _fitted(frame: av.VideoFrame) -> Image.Image:
    picture = Image.fromarray(frame.to_ndarray(format="rgb24"))
    return boxed(picture.resize(contained(picture.size), Image.Resampling.BICUBIC))


def _sized(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    if picture.width <= size[0] * DETAIL:
        return picture
    wanted = (round(size[0] * DETAIL), round(size[1] * DETAIL))
    return picture.resize(wanted, Image.Resampling.LANCZOS)


def _eased(share: float) -> float:
    """Begin and end a move gently."""
    return share * share * (3 - 2 * share)


def _area(
    size: tuple[int, int], *, move: int, share: float
) -> tuple[float, float, float, float]:  # fmt: skip
    """Return the part of a picture that is seen: in, right, out, left."""
    width, height = size
    begin, end = NEARER[move]
    zoom = begin + (end - begin) * share
    seen = (width / zoom, height / zoom)
    cut = height * CORNER
    along = {1: share, 3: 1 - share}.get(move, 0.5)
    left = width - seen[0] - min(width - seen[0], cut) * (1 - along)
    top = height - seen[1] - min(height - seen[1], cut) / 2
    return left, top, left + seen[0], top + seen[1]
