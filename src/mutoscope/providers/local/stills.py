"""Stills as files: painted from a recipe, or read from what was uploaded.

Owns the PNG: written beside its name and renamed, so that a file that exists is whole.
"""

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError
from PIL.PngImagePlugin import PngInfo

from mutoscope.providers.local.canvas import Floats, Size
from mutoscope.providers.local.grade import Grade, develop
from mutoscope.providers.local.label import marked
from mutoscope.providers.local.painting import paint
from mutoscope.providers.local.recipe import CHUNK, Recipe, from_text, to_text
from mutoscope.providers.local.refusals import OrderRefused

PIXELS_MAX = 40_000_000  # of an uploaded still; larger ones would fill the memory

_COMPRESSION = 1  # of 9: grain does not compress, and trying harder took twice as long


def picture_of(*, recipe: Recipe, size: Size) -> Image.Image:
    """Paint and grade a recipe, without marks."""
    return _image(
        develop(
            pixels=paint(scene=recipe.scene, size=size),
            grade=recipe.grade,
            seed=recipe.scene.seed,
        )
    )


def graded(*, picture: Image.Image, grade: Grade, seed: int) -> Image.Image:
    """Grade a picture that has no recipe."""
    pixels: Floats = np.asarray(picture, dtype=np.float32) / 255
    return _image(develop(pixels=pixels, grade=grade, seed=seed))


def save_still(*, picture: Image.Image, caption: str, recipe: Recipe | None, path: Path) -> None:
    """Burn the marks into a picture and write it as PNG, its recipe inside."""
    notes = PngInfo()
    if recipe:
        notes.add_text(CHUNK, to_text(recipe=recipe))
    partial = path.with_suffix(".part")
    burnt = marked(picture=picture, caption=caption)
    burnt.save(partial, format="PNG", pnginfo=notes, compress_level=_COMPRESSION)
    partial.replace(path)


def recipe_in(*, path: Path) -> Recipe | None:
    """Read the recipe inside a still, or None when it has none.

    :raises OrderRefused: when the file is no picture, or too large a one.
    """
    with _opened(path) as image:
        text = getattr(image, "text", {}).get(CHUNK)
    return from_text(text=str(text)) if text else None


def fitted(*, path: Path, size: Size) -> Image.Image:
    """Read an uploaded still, upright, cropped to the shape of a size.

    :raises OrderRefused: when the file is no picture, or too large a one.
    """
    with _opened(path) as image:
        upright = ImageOps.exif_transpose(image).convert("RGB")
    return ImageOps.fit(upright, size, method=Image.Resampling.LANCZOS)


def _opened(path: Path) -> Image.Image:
    try:
        image = Image.open(path)
    except (OSError, UnidentifiedImageError) as error:
        raise OrderRefused(field="source", value=path.name, allowed=("a PNG or JPEG",)) from error
    if image.width * image.height > PIXELS_MAX:
        image.close()
        raise OrderRefused(
            field="source", value=f"{image.width}x{image.height}",
            allowed=(f"up to {PIXELS_MAX:,} pixels",),
        )  # fmt: skip
    return image


def _image(pixels: Floats) -> Image.Image:
    return Image.fromarray(np.rint(pixels * 255).astype(np.uint8))
