"""A wall with a window: what stands outside, the panes, and the light that falls in."""

import numpy as np

from mutoscope.providers.local.canvas import (
    Point,
    blur,
    box,
    clouded,
    cover,
    dim,
    gradient,
    lay,
    mix,
    rough,
    shine,
    strokes,
    under,
)
from mutoscope.providers.local.scene import Weather
from mutoscope.providers.local.stage import Stage

FLOOR = 0.8
_POINTS = 300


def wall_of(stage: Stage) -> tuple[float, float, float]:
    """Return the colour of a scene's walls."""
    warm = mix(stage.palette.near, (0.3, 0.19, 0.13), 0.45)
    return mix(warm, stage.palette.haze, 0.1 if stage.is_dark else 0.22)


def paint_walls(stage: Stage, opening: list[Point], *, floor: float) -> None:
    """Paint wall, boards and skirting around an opening."""
    whole = np.ones(stage.pixels.shape[:2], dtype=np.float32)
    hole = cover(stage.size, [opening])
    wall = wall_of(stage)
    paper = clouded(stage.dice("plaster"), stage.size, 9, octaves=4)
    lay(
        stage.pixels,
        whole - hole,
        gradient(stage.size, [(0, dim(wall, 0.5)), (0.5, wall), (floor, dim(wall, 0.8))]),
    )
    lay(stage.pixels, (1 - hole) * paper * 0.25, dim(wall, 0.6))
    boards = cover(stage.size, [box(-0.1, floor, stage.width + 0.1, 1.1)])
    wood = mix(wall, (0.2, 0.11, 0.07), 0.5)
    lay(
        stage.pixels, boards, gradient(stage.size, [(floor, dim(wood, 0.85)), (1, dim(wood, 0.45))])
    )
    middle = stage.width / 2
    seams = [
        ([(middle + x * 0.55, floor), (middle + x * 1.3, 1.05)], 0.002)
        for x in np.arange(-2.4, 2.4, 0.16)
    ]
    lay(stage.pixels, strokes(stage.size, seams) * 0.6, dim(wood, 0.3))
    skirting = cover(stage.size, [box(-0.1, floor - 0.03, stage.width + 0.1, floor)])
    lay(stage.pixels, skirting, dim(wall, 0.55))


def paint_outside(stage: Stage, *, base: float) -> None:
    """Paint the hills, rain and snow behind a window."""
    dice = stage.dice("outside")
    hills = base - 0.06 * rough(dice, _POINTS, cells=5)
    mask = cover(stage.size, [under(hills.astype(np.float32), width=stage.width)])
    lay(stage.pixels, mask, stage.far(0.6))
    nearer = base + 0.02 - 0.05 * rough(dice, _POINTS, cells=11, decay=0.7)
    lay(
        stage.pixels,
        cover(stage.size, [under(nearer.astype(np.float32), width=stage.width)]),
        stage.far(0.35),
    )
    if stage.scene.weather in {Weather.RAIN, Weather.SNOW}:
        drops = dice.random((300, 3))
        lean = 0.03 if stage.scene.weather is Weather.RAIN else 0.002
        lines = [
            ([(x * stage.width, y), (x * stage.width + 0.003, y + lean * s + 0.002)], 0.002)
            for x, y, s in drops
        ]
        shine(stage.pixels, strokes(stage.size, lines), (0.9, 0.95, 1.0), 0.4)


def paint_glazing(stage: Stage, opening: list[Point], *, columns: int, lines: int) -> None:
    """Paint the bars and sill of a window, and its glow on the wall."""
    (left, top), _, (right, bottom), _ = opening
    bars = [([(x, top), (x, bottom)], 0.009) for x in np.linspace(left, right, columns + 1)]
    bars += [([(left, y), (right, y)], 0.009) for y in np.linspace(top, bottom, lines + 1)]
    sill = [([(left - 0.03, bottom + 0.006), (right + 0.03, bottom + 0.006)], 0.022)]
    lay(stage.pixels, strokes(stage.size, [*bars, *sill]), dim(wall_of(stage), 0.35))
    light = cover(stage.size, [opening])
    tint = mix(stage.palette.horizon, stage.palette.glow, 0.4)
    shine(stage.pixels, blur(light, 0.05), tint, 0.1 + 0.12 * (1 - stage.palette.lamps))
    shine(stage.pixels, blur(light, 0.2), tint, 0.08)


def paint_window_light(stage: Stage, opening: list[Point], *, side: int) -> None:
    """Paint the light that a window throws on the floor and into the dust."""
    (left, _), _, (right, _), _ = opening
    tint = mix(stage.palette.glow, stage.palette.horizon, 0.4)
    power = 0.18 + 0.3 * stage.palette.sun_power
    panes = []
    for first in np.linspace(left, right, 7)[:-1]:
        last = first + (right - left) / 6 - 0.02
        slide = -side * 0.28
        panes.append(
            [
                (first + slide * 0.5, FLOOR + 0.03),
                (last + slide * 0.5, FLOOR + 0.03),
                (last + slide * 1.3, 0.975),
                (first + slide * 1.3, 0.975),
            ]
        )
    shine(stage.pixels, blur(cover(stage.size, panes), 0.006), tint, power)
    shaft = [(left, 0.2), (right, 0.2), (right - side * 0.4, 0.98), (left - side * 0.4, 0.98)]
    dust = clouded(stage.dice("dust"), stage.size, 3, octaves=4)
    shine(stage.pixels, blur(cover(stage.size, [shaft]), 0.03) * (0.5 + dust), tint, 0.16 * power)
