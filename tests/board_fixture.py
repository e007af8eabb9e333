"""A small storyboard with real pictures, and a clip, as exports are given it."""

from dataclasses import replace
from pathlib import Path

import av
import numpy as np
from PIL import Image

from mutoscope.app.export_board import ExportBoard, ExportFrame, ExportScene


def picture(path: Path, colour: str, size: tuple[int, int] = (640, 360)) -> Path:
    """Draw a picture of one colour with a white middle."""
    drawn = Image.new("RGB", size, colour)
    drawn.paste("white", (size[0] // 3, size[1] // 3, size[0] * 2 // 3, size[1] * 2 // 3))
    drawn.save(path)
    return path


def clip(path: Path, *, count: int, size: tuple[int, int] = (320, 180), rate: int = 24) -> Path:
    """Film pictures that grow brighter."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for index in range(count):
            pixels = np.full((size[1], size[0], 3), 255 * index // count, dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def frame(number: int, still: Path | None, **others: object) -> ExportFrame:
    made = ExportFrame(
        number=number, description=f"Shot {number}: the keeper climbs.", dialogue="", duration_s=1,
        tool="Kling Pro", cost={"image": 1, "video": 50}, still=still, clip=None, clip_s=None,
    )  # fmt: skip
    return replace(made, **others)


def board(folder: Path, *, frames: int = 3) -> ExportBoard:
    """Return a board of two scenes; all pictures are there, and no clip."""
    stills = [
        picture(folder / f"still-{number}.png", f"hsl({number * 67}, 70%, 45%)")
        for number in range(1, frames + 1)
    ]
    made = [frame(number, still) for number, still in enumerate(stills, start=1)]
    return ExportBoard(
        title="The Lighthouse",
        scenes=(
            ExportScene(heading="INT. TOWER - DUSK", frames=tuple(made[:2])),
            ExportScene(heading="EXT. CLIFF - NIGHT", frames=tuple(made[2:])),
        ),
    )  # fmt: skip


def changed(found: ExportBoard, number: int, **others: object) -> ExportBoard:
    """Return a board with one frame that is another."""
    return replace(
        found,
        scenes=tuple(
            replace(
                scene,
                frames=tuple(
                    replace(each, **others) if each.number == number else each
                    for each in scene.frames
                ),
            )
            for scene in found.scenes
        ),
    )
