"""Space: a nebula, a planet with its air, and the dusty ground of a moon."""

import numpy as np

from mutoscope.providers.local.canvas import (
    Floats,
    blur,
    clouded,
    columns,
    cover,
    ellipse,
    glow,
    gradient,
    lay,
    mix,
    rough,
    rows,
    shine,
    step,
    strokes,
    under,
)
from mutoscope.providers.local.stage import Stage

_POINTS = 700
_LARGE_STAR = 0.0022  # stars of this thickness have a halo
_HUES = (
    ((0.25, 0.35, 0.85), (0.85, 0.3, 0.5), (0.16, 0.3, 0.5)),
    ((0.15, 0.6, 0.65), (0.9, 0.5, 0.25), (0.5, 0.27, 0.16)),
    ((0.5, 0.25, 0.7), (0.25, 0.55, 0.95), (0.2, 0.36, 0.34)),
)


def paint_space(*, stage: Stage) -> float:
    """Paint a planet over the horizon of a moon; the time of day leaves space dark."""
    dice = stage.dice("space")
    cold, warm, land = _HUES[int(dice.integers(len(_HUES)))]
    stage.pixels[:] = gradient(stage.size, [(0, (0.008, 0.01, 0.025)), (1, (0.02, 0.024, 0.05))])
    for name, tint, strength in (("cold", cold, 0.34), ("warm", warm, 0.24)):
        gas = clouded(stage.dice(name), stage.size, 1.6, octaves=6)
        where = clouded(stage.dice(f"{name} where"), stage.size, 1.1, octaves=2)
        shine(stage.pixels, step(gas, 0.4, 0.85) * step(where, 0.35, 0.75), tint, strength * 2)
    _paint_stars(stage)
    _paint_planet(stage, land=land, air=cold)
    return _paint_moon_ground(stage)


def _paint_stars(stage: Stage) -> None:
    drawn = stage.dice("stars").random((900, 3))
    dots = [
        ([(x * stage.width, y), (x * stage.width + 0.0008, y)], 0.0008 + 0.003 * s**12)
        for x, y, s in drawn
    ]
    shine(stage.pixels, strokes(stage.size, dots), (0.9, 0.94, 1.0), 0.9)
    bright = strokes(stage.size, [dot for dot in dots if dot[1] > _LARGE_STAR])
    shine(stage.pixels, blur(bright, 0.008), (0.7, 0.82, 1.0), 5)


def _paint_planet(
    stage: Stage, *, land: tuple[float, float, float], air: tuple[float, float, float]
) -> None:
    side = 1 if stage.sun[0] > stage.width / 2 else -1
    x, y, radius = stage.width * (0.5 - side * 0.14), 0.36, 0.3
    across, down = (columns(stage.size) - x) / radius, (rows(stage.size) - y) / radius
    far = across**2 + down**2
    disc = cover(stage.size, [ellipse((x, y), radius, radius, corners=180)])
    height = np.sqrt(np.clip(1 - far, 0, 1))
    lit = np.clip(0.82 * side * across - 0.42 * down + 0.22 * height, 0, 1).astype(np.float32)
    bands = clouded(stage.dice("bands"), stage.size, 5, octaves=5, stretch=3.5)
    tone = 0.35 + 0.9 * bands
    colours = (
        np.asarray(mix(land, (1.0, 0.9, 0.8), 0.35), dtype=np.float32)
        * (tone * lit)[..., None]
        * 1.5
    )
    lay(stage.pixels, disc, (colours + np.float32(0.012)).astype(np.float32))
    edge = np.exp(-(((np.sqrt(far) - 1) / 0.035) ** 2)).astype(np.float32)
    facing = np.clip(0.75 * side * across - 0.4 * down, 0, 1).astype(np.float32)
    shine(stage.pixels, edge * facing, mix(air, (0.8, 0.9, 1.0), 0.5), 0.9)
    shine(
        stage.pixels,
        np.exp(-np.clip(np.sqrt(far) - 1, 0, 9) / 0.12).astype(np.float32) * facing * (1 - disc),
        air,
        0.5,
    )
    star = (x + side * 1.02 * radius * 0.88, y - 0.48 * radius)
    shine(stage.pixels, glow(stage.size, star, 0.03), (1.0, 0.96, 0.9), 0.9)


def _paint_moon_ground(stage: Stage) -> float:
    for layer, (base, tall, shade) in enumerate(
        ((0.76, 0.06, 0.16), (0.84, 0.04, 0.1), (0.92, 0.03, 0.045))
    ):
        dice = stage.dice(f"moon {layer}")
        line = base - tall * rough(dice, _POINTS, cells=4, decay=0.42)
        mask = cover(stage.size, [under(line.astype(np.float32), width=stage.width)])
        dust = clouded(dice, stage.size, 10, octaves=4, stretch=3)
        tone: Floats = shade * (0.6 + 0.8 * dust)
        lay(stage.pixels, mask, tone[..., None] * np.asarray([0.85, 0.92, 1.1], dtype=np.float32))
        top = np.interp(np.linspace(0, 1, stage.size.width), np.linspace(0, 1, _POINTS), line)
        depth = rows(stage.size) - top[None, :].astype(np.float32)
        shine(stage.pixels, mask * step(depth, 0.02, 0.0), (0.7, 0.8, 1.0), 0.22 + shade)
    return 0.9
