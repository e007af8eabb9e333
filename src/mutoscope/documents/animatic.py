"""The animatic: a whole board as one film, clips where there are any and moving stills elsewhere.

Invariant: it has exactly the seconds of its frames, at 24 pictures a second, and is there whole or
not at all. It is silent. The surprising choice: a frame without any picture is a slate with its
words, since a film that left it out would have another length than the board.
"""

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import av
import numpy as np
import typst
from PIL import Image

from mutoscope.app.export_board import ExportBoard, ExportFrame, ExportOptions
from mutoscope.documents.letters import font_folders, replacements
from mutoscope.documents.motion import FILM_SIZE, FRAMES_PER_SECOND, moving, playing

TEMPLATE: Final = Path(__file__).with_name("titles.typ")
WORDS_MAX: Final = 140
"""Characters of a title: two lines."""

POINTS_PER_INCH: Final = 72
ENCODING: Final = {"preset": "veryfast", "crf": "20"}


class Animatic:
    """Writes boards as MP4."""

    suffix = ".mp4"
    media_type = "video/mp4"

    def __init__(self, *, fonts: Path) -> None:
        """Name the folder of the operator's own fonts; it need not be there."""
        self._fonts = fonts

    def write(
        self, *, board: ExportBoard, options: ExportOptions, path: Path,
        hear: Callable[[float], None],
    ) -> None:  # fmt: skip
        """Write a board to a file, telling how far it is after each picture.

        :raises FontMissing: when a title has letters that cannot be shown.
        :raises ClipUnreadable: when a clip does not decode.
        """
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            titles = self._titles(board, Path(folder), has_titles=options.has_titles)
            film = Path(folder) / "film.mp4"
            count = sum(frame.duration_s for frame in board.frames) * FRAMES_PER_SECOND
            with av.open(str(film), "w", options={"movflags": "+faststart"}) as container:
                stream = container.add_stream("libx264", FRAMES_PER_SECOND, options=ENCODING)
                stream.width, stream.height, stream.pix_fmt = *FILM_SIZE, "yuv420p"
                for done, picture in enumerate(_pictures(board, titles), start=1):
                    pixels = av.VideoFrame.from_ndarray(np.asarray(picture), format="rgb24")
                    container.mux(stream.encode(pixels))
                    hear(done / count)
                container.mux(stream.encode(None))
            film.replace(path)

    def _titles(
        self, board: ExportBoard, folder: Path, *, has_titles: bool
    ) -> dict[int, Image.Image]:
        """Return what is laid over the pictures of a frame, by its number."""
        cards = [
            {
                "number": frame.number, "is_slate": not (frame.still or frame.clip),
                "words": _words(frame),
            }
            for frame in board.frames
            if has_titles or not (frame.still or frame.clip)
        ]  # fmt: skip
        if not cards:
            return {}
        boxes = replacements((str(card["words"]) for card in cards), fonts=self._fonts)
        for card in cards:
            card["words"] = str(card["words"]).translate(boxes)
        shutil.copy(TEMPLATE, folder / TEMPLATE.name)
        (folder / "cards.json").write_text(json.dumps(cards), encoding="utf-8")
        typst.compile(
            folder / TEMPLATE.name, output=folder / "title-{p}.png", root=folder, format="png",
            ppi=POINTS_PER_INCH, font_paths=font_folders(self._fonts), timestamp=0,
        )  # fmt: skip
        return {
            int(str(card["number"])): _opened(folder / f"title-{page}.png")
            for page, card in enumerate(cards, start=1)
        }


def _pictures(board: ExportBoard, titles: dict[int, Image.Image]) -> Iterator[Image.Image]:
    for frame in board.frames:
        title = titles.get(frame.number)
        for picture in _shown(frame):
            yield picture if title is None else _titled(picture, title)


def _titled(picture: Image.Image, title: Image.Image) -> Image.Image:
    titled = picture.copy()  # a clip shows one picture again where it stands
    titled.paste(title, (0, 0), title)
    return titled


def _shown(frame: ExportFrame) -> Iterator[Image.Image]:
    count = frame.duration_s * FRAMES_PER_SECOND
    if frame.clip is not None:
        yield from playing(frame.clip, number=frame.number, count=count)
    elif frame.still is not None:
        with Image.open(frame.still) as still:
            yield from moving(still, number=frame.number, count=count)
    else:
        for _ in range(count):
            yield Image.new("RGB", FILM_SIZE)


def _opened(path: Path) -> Image.Image:
    with Image.open(path) as picture:
        return picture.convert("RGBA")


def _words(frame: ExportFrame) -> str:
    words = " ".join((frame.dialogue or frame.description).split())
    return words if len(words) <= WORDS_MAX else words[: WORDS_MAX - 1].rstrip() + "…"
