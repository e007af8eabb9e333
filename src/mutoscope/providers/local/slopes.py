"""Slopes in relief: ranges with lit faces and snow, the ledge in front of them, conifers."""

import numpy as np

from mutoscope.providers.local.canvas import (
    Colour,
    Floats,
    Point,
    clouded,
    cover,
    gradient,
    lay,
    mix,
    rough,
    rows,
    shifted,
    shine,
    step,
    under,
)
from mutoscope.providers.local.scene import TimeOfDay, Weather
from mutoscope.providers.local.stage import Stage

_POINTS = 700
_GAP = 0.12  # of the width, kept free of conifers on each side of the people
_SNOWY = 0.5  # distance beyond which peaks are high enough for snow


def range_line(stage: Stage, name: str, *, base: float, tall: float, cells: int) -> Floats:
    """Return the jagged line of a range, highest around one peak."""
    dice = stage.dice(name)
    jagged = 1 - np.abs(rough(dice, _POINTS, cells=cells, decay=0.48))
    xs = np.linspace(0, 1, _POINTS)
    peak = float(dice.uniform(0.2, 0.8))
    lift = 0.35 + 0.65 * np.exp(-(((xs - peak) / 0.22) ** 2))
    return (base - tall * np.clip(jagged * lift, 0, 1.2)).astype(np.float32)


def paint_slope(stage: Stage, mask: Floats, line: Floats, *, distance: float) -> None:
    """Paint what lies under a line: faces turned to the light, and snow on far peaks."""
    size, palette = stage.size, stage.palette
    tint = stage.far(distance)
    lay(stage.pixels, mask, gradient(size, [(0.3, tint), (0.85, mix(tint, palette.haze, 0.5))]))
    facing, depth = _relief(stage, line, name=f"crags {distance}")
    fade = step(depth, 0.2, 0.02) * np.float32(0.25 + 0.75 * distance)
    lit = mix(palette.rim, palette.haze, 0.35)
    shine(stage.pixels, mask * facing * fade, lit, 0.1 + 0.14 * palette.sun_power)
    lay(stage.pixels, mask * (1 - facing) * fade * 0.4, mix(tint, palette.near, 0.4))
    if distance > _SNOWY:
        _paint_snow_cap(stage, mask, facing=facing, depth=depth, distance=distance)


def _relief(stage: Stage, line: Floats, *, name: str) -> tuple[Floats, Floats]:
    """Return which faces of a slope are lit, and how deep under its line each pixel is."""
    size = stage.size
    top = np.interp(np.linspace(0, 1, size.width), np.linspace(0, 1, len(line)), line)
    depth = (rows(size) - top[None, :]).astype(np.float32)
    folds = 1 - np.abs(2 * clouded(stage.dice(name), size, 3.2, octaves=5, stretch=0.75) - 1)
    reach = max(size.height // 90, 1)
    side = 1 if stage.sun[0] > stage.width / 2 else -1
    rise = shifted(folds, across=side * reach, down=-reach) - folds
    slope = np.gradient(np.convolve(np.pad(top, 6, mode="edge"), np.ones(13) / 13, mode="valid"))
    lean = side * slope[None, :] * size.height * np.exp(-np.clip(depth, 0, 1) / 0.08)
    return step((rise * 9 + lean * 0.5).astype(np.float32), -0.35, 0.55), depth


def _paint_snow_cap(stage: Stage, mask: Floats, *, facing: Floats, depth: Floats,
                    distance: float) -> None:  # fmt: skip
    ragged = clouded(stage.dice(f"snow line {distance}"), stage.size, 9, octaves=4)
    reach = 0.22 if stage.scene.weather is Weather.SNOW else 0.1
    high = step(rows(stage.size), 0.56, 0.4)
    cap = (
        mask * step((depth + (ragged - 0.5) * 0.16).astype(np.float32), reach, reach - 0.035) * high
    )
    white = mix((0.95, 0.96, 1.0), stage.palette.haze, 0.2 + 0.3 * distance)
    lay(stage.pixels, cap * facing * 0.85, _at_night(stage, mix(white, stage.palette.glow, 0.35)))
    lay(
        stage.pixels,
        cap * (1 - facing) * 0.6,
        _at_night(stage, mix(white, stage.far(distance), 0.55)),
    )


def _at_night(stage: Stage, tint: Colour) -> Colour:
    return mix(
        tint,
        stage.palette.haze,
        {TimeOfDay.NIGHT: 0.62, TimeOfDay.DUSK: 0.4}.get(stage.scene.time, 0.0),
    )


def paint_ledge(stage: Stage, *, high: float) -> float:
    """Paint the near ledge that people stand on, and return its height."""
    dice = stage.dice("ledge")
    xs = np.linspace(0, 1, _POINTS)
    stands = 0.64 if stage.sun[0] < stage.width / 2 else 0.36
    fall = 0.13 * np.clip(np.abs(xs - stands) * 2.4 - 0.28, 0, 1) ** 1.2
    line = (high + 0.035 + fall + 0.008 * rough(dice, _POINTS, cells=9)).astype(np.float32)
    mask = cover(stage.size, [under(line, width=stage.width)])
    lay(stage.pixels, mask, stage.far(0.02))
    stones = clouded(dice, stage.size, 14, octaves=3)
    shine(
        stage.pixels,
        mask * step(stones, 0.5, 0.8),
        mix(stage.palette.rim, stage.palette.haze, 0.5),
        0.07,
    )
    if stage.scene.weather is Weather.SNOW:
        lay(stage.pixels, mask * 0.5, mix(stage.palette.haze, (1, 1, 1), 0.4))
    return high + 0.045


def paint_conifers(stage: Stage, *, base: float, tall: float, count: int, distance: float) -> None:
    """Paint a row of conifers that leaves the place of the people free."""
    dice = stage.dice(f"conifers {base}")
    centres = np.sort(dice.random(count)) * stage.width
    gap = 0.64 if stage.sun[0] < stage.width / 2 else 0.36
    trees: list[list[Point]] = []
    for x in centres:
        away = abs(float(x) / stage.width - gap)
        if away > _GAP:
            trees += fir(
                dice,
                foot=(float(x), base + 0.05),
                tall=tall * float(dice.uniform(0.5, 1.15)) * (0.5 + away),
            )
    lay(stage.pixels, cover(stage.size, trees), stage.far(distance))


def fir(dice: np.random.Generator, *, foot: Point, tall: float) -> list[list[Point]]:
    """Return the ragged outline of a fir."""
    x, y = foot
    steps = 15
    left: list[Point] = []
    right: list[Point] = []
    for place in range(steps):
        share = place / (steps - 1)
        wide = tall * (0.015 + 0.19 * share**0.9)
        for line, sign in ((left, -1), (right, 1)):
            tip = wide * float(dice.uniform(0.75, 1.15))
            level = y - tall * (1 - 0.9 * share)
            line.append((x + sign * tip, level + tall * 0.022))
            line.append((x + sign * wide * 0.45, level + tall * 0.012))
    return [
        [(x, y - tall), *right, *reversed(left)],
        [
            (x - 0.012 * tall, y),
            (x + 0.012 * tall, y),
            (x + 0.012 * tall, y - 0.2 * tall),
            (x - 0.012 * tall, y - 0.2 * tall),
        ],
    ]
