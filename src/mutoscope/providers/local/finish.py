"""The last steps of a picture: the air, the glow of lights, and the camera's own marks."""

import numpy as np
from PIL import Image, ImageFilter

from mutoscope.providers.local.canvas import (
    Floats,
    Size,
    blur,
    clouded,
    lay,
    mix,
    rows,
    shine,
    size_of,
    step,
    strokes,
)
from mutoscope.providers.local.chance import happens
from mutoscope.providers.local.scene import INDOORS, Place, Weather
from mutoscope.providers.local.stage import Stage


def paint_air(*, stage: Stage) -> None:
    """Paint what the weather puts between the camera and the scene."""
    scene = stage.scene
    if scene.place in INDOORS or scene.place is Place.SPACE:
        return
    if scene.weather is Weather.FOG:
        paint_mist(stage=stage, name="fog", top=0.15, strength=0.75)
    if scene.weather is Weather.RAIN:
        paint_mist(stage=stage, name="spray", top=0.45, strength=0.25)
        _paint_rain(stage)
    if scene.weather is Weather.SNOW:
        _paint_snow(stage)


def paint_mist(*, stage: Stage, name: str, top: float, strength: float) -> None:
    """Paint drifting mist below a height."""
    noise = clouded(stage.dice(name), stage.size, 1.6, octaves=4, stretch=3.5)
    depth = step(rows(stage.size), top, top + 0.4)
    tint = mix(stage.palette.haze, stage.palette.horizon, 0.3)
    lay(stage.pixels, depth * step(noise, 0.2, 0.75) * strength, tint)


def _paint_rain(stage: Stage) -> None:
    dice = stage.dice("rain")
    lean = float(dice.uniform(0.06, 0.2)) * (1 if happens(dice, 0.5) else -1)
    for count, length, width, strength in ((520, 0.05, 0.0011, 0.2), (130, 0.13, 0.0019, 0.22)):
        drops = dice.random((count, 3))
        lines = [
            ([(x * stage.width, y * 1.1 - 0.05),
              (x * stage.width + lean * length * reach, y * 1.1 - 0.05 + length * reach)], width)
            for x, y, reach in drops
        ]  # fmt: skip
        shine(stage.pixels, strokes(stage.size, lines), (0.8, 0.88, 1.0), strength)


def _paint_snow(stage: Stage) -> None:
    dice = stage.dice("snow")
    for count, width, soft, strength in (
        (520, 0.003, 0.0007, 0.75),
        (110, 0.007, 0.002, 0.8),
        (26, 0.017, 0.006, 0.6),
    ):
        flakes = dice.random((count, 3))
        dots = [
            ([(x * stage.width, y), (x * stage.width + 0.0016, y + 0.0008)], width * (0.5 + size))
            for x, y, size in flakes
        ]
        lay(stage.pixels, blur(strokes(stage.size, dots), soft) * strength, (0.95, 0.97, 1.0))


def bloom(*, pixels: Floats, strength: float) -> None:
    """Let bright light spill over what surrounds it."""
    size = size_of(pixels)
    small = Size(max(size.width // 4, 1), max(size.height // 4, 1))
    bright = np.clip((pixels - 0.62) * 1.2, 0, 1)
    sheet = Image.fromarray((bright * 255).astype(np.uint8)).resize(small, Image.Resampling.BOX)
    for radius, share in ((0.012, 0.6), (0.06, 0.55)):
        soft = sheet.filter(ImageFilter.GaussianBlur(radius * small.height))
        for channel, wide in enumerate(soft.resize(size, Image.Resampling.BILINEAR).split()):
            spilt = np.asarray(wide, dtype=np.float32)
            pixels[..., channel] += spilt * np.float32(share * strength / 255)


def roll_off(*, pixels: Floats) -> Floats:
    """Bend values above 0.8 softly towards 1, as film does."""
    over = np.maximum(pixels - 0.8, 0)
    rolled: Floats = np.minimum(pixels, 0.8) + 0.2 * (1 - np.exp(-over / 0.2))
    clipped: Floats = np.clip(rolled, 0, 1).astype(np.float32)
    return clipped
