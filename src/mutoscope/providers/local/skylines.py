"""Cities from afar: a skyline over a river, and one behind a rooftop."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from mutoscope.providers.local.canvas import (
    Point,
    blur,
    box,
    cover,
    dim,
    ellipse,
    gradient,
    lay,
    mix,
    shine,
    strokes,
)
from mutoscope.providers.local.chance import happens
from mutoscope.providers.local.ground import paint_haze, paint_water
from mutoscope.providers.local.lamps import light_lamp
from mutoscope.providers.local.stage import Stage

_UNLIT = 0.05  # lamps weaker than this cannot be seen
_SPIRE_WIDTH_MAX = 0.07  # a wider house would look like a tent


class Building(NamedTuple):
    """A house front: its edges and its roof line."""

    left: float
    right: float
    top: float


def paint_city(*, stage: Stage) -> float:
    """Paint a skyline mirrored in a river, and the quay that people stand on."""
    base = stage.horizon + 0.03
    _paint_skyline(stage, base=base, tallest=0.44)
    paint_haze(stage=stage, base=base, depth=0.06, strength=0.5)
    paint_water(stage=stage, top=base, calm=1.1)
    quay = cover(stage.size, [box(-0.1, 0.9, stage.width + 0.1, 1.1)])
    lay(stage.pixels, quay, dim(stage.palette.near, 0.9))
    shine(stage.pixels, cover(stage.size, [box(-0.1, 0.9, stage.width + 0.1, 0.904)]),
          stage.palette.rim, 0.25)  # fmt: skip
    _paint_railing(stage, top=0.845, bottom=0.9)
    _paint_lamp(stage, foot=(stage.width * 0.08, 0.9), tall=0.42)
    return 0.925


def paint_rooftop(*, stage: Stage) -> float:
    """Paint the city from above, behind the parapet of a roof with a water tower."""
    _paint_skyline(stage, base=0.9, tallest=0.5)
    paint_haze(stage=stage, base=0.82, depth=0.16, strength=0.55)
    near = dim(stage.palette.near, 0.85)
    roof = box(-0.1, 0.875, stage.width + 0.1, 1.1)
    x = stage.width * (0.14 if stage.sun[0] > stage.width / 2 else 0.86)
    legs = [
        ([(x + dx, 0.62), (x + dx * 1.35, 0.88)], 0.008) for dx in (-0.075, -0.025, 0.025, 0.075)
    ]
    braces = [
        ([(x - 0.09, 0.86), (x + 0.085, 0.68)], 0.005),
        ([(x + 0.09, 0.86), (x - 0.085, 0.68)], 0.005),
    ]
    tank = [(x - 0.1, 0.42), (x + 0.1, 0.42), (x + 0.095, 0.63), (x - 0.095, 0.63)]
    cone = [(x - 0.115, 0.425), (x, 0.33), (x + 0.115, 0.425)]
    shape = np.maximum(cover(stage.size, [roof, tank, cone]), strokes(stage.size, [*legs, *braces]))
    lay(stage.pixels, shape, near)
    shine(stage.pixels, cover(stage.size, [box(-0.1, 0.872, stage.width + 0.1, 0.877)]),
          stage.palette.rim, 0.3)  # fmt: skip
    return 0.9


def _paint_skyline(stage: Stage, *, base: float, tallest: float) -> None:
    for layer, (distance, share, width) in enumerate(
        ((0.86, 1.0, 0.07), (0.62, 0.85, 0.09), (0.36, 0.62, 0.11), (0.14, 0.42, 0.14))
    ):
        dice = stage.dice(f"skyline {layer}")
        row = tuple(
            _row(dice, width=stage.width, base=base, tallest=tallest * share, breadth=width)
        )
        tint = stage.far(distance)
        body = cover(
            stage.size, [*(box(b.left, b.top, b.right, base + 0.2) for b in row), *_tops(dice, row)]
        )
        shade = gradient(
            stage.size,
            [
                (base - tallest * share, tint),
                (base, mix(tint, stage.palette.haze, 0.35 * distance + 0.1)),
            ],
        )
        lay(stage.pixels, body, shade)
        _light_windows(stage, dice, row, base=base, strength=1 - distance * 0.55)
        paint_haze(stage=stage, base=base, depth=0.09, strength=0.4 * distance)


def _row(dice: np.random.Generator, *, width: float, base: float, tallest: float,
         breadth: float) -> Iterator[Building]:  # fmt: skip
    peak = float(dice.uniform(0.25, 0.75)) * width
    x = -0.05
    while x < width + 0.05:
        wide = breadth * float(dice.uniform(0.55, 1.3))
        hill = float(np.exp(-(((x - peak) / (0.36 * width)) ** 2)))
        high = tallest * (0.3 + 0.7 * hill) * float(dice.uniform(0.45, 1.0))
        yield Building(x, x + wide, base - high)
        x += wide + (breadth * float(dice.uniform(0, 0.25)) if happens(dice, 0.4) else 0)


def _tops(dice: np.random.Generator, row: tuple[Building, ...]) -> Iterator[list[Point]]:
    for building in row:
        kind = (_antenna, _terraces, _spire, _machine_room, None, None)[int(dice.integers(6))]
        if kind:
            yield from kind(building)


def _antenna(building: Building) -> Iterator[list[Point]]:
    middle = (building.left + building.right) / 2
    yield box(middle - 0.0012, building.top - 0.07, middle + 0.0012, building.top)


def _terraces(building: Building) -> Iterator[list[Point]]:
    left, right, top = building
    wide = right - left
    yield box(left + wide * 0.2, top - 0.02, right - wide * 0.2, top)
    yield box(left + wide * 0.35, top - 0.038, right - wide * 0.35, top)


def _spire(building: Building) -> Iterator[list[Point]]:
    left, right, top = building
    wide, middle = right - left, (left + right) / 2
    if wide < _SPIRE_WIDTH_MAX:
        yield [(left, top), (middle, top - wide * 0.6), (right, top)]
        yield box(middle - 0.001, top - wide * 1.1, middle + 0.001, top)


def _machine_room(building: Building) -> Iterator[list[Point]]:
    left, right, top = building
    wide = right - left
    yield box(left + wide * 0.6, top - 0.016, left + wide * 0.85, top)


def _light_windows(stage: Stage, dice: np.random.Generator, row: tuple[Building, ...], *,
                   base: float, strength: float) -> None:  # fmt: skip
    warm: list[list[Point]] = []
    cool: list[list[Point]] = []
    for left, right, top in row:
        pitch = 0.0165
        lit = dice.uniform(0.12, 0.5) * (0.35 + 0.65 * stage.palette.lamps)
        for y in np.arange(top + 0.014, base - 0.012, pitch):
            for x in np.arange(left + 0.009, right - 0.008, pitch * 0.72):
                if happens(dice, lit):
                    pane = box(float(x), float(y), float(x) + 0.0052, float(y) + 0.0082)
                    (cool if happens(dice, 0.18) else warm).append(pane)
    power = stage.palette.lamps * strength
    if power < _UNLIT:
        return
    for panes, tint in ((warm, stage.palette.lamp), (cool, (0.75, 0.88, 1.0))):
        light = cover(stage.size, panes)
        shine(stage.pixels, light, tint, 0.85 * power)
    shine(stage.pixels, blur(cover(stage.size, warm), 0.012), stage.palette.lamp, 0.35 * power)


def _paint_railing(stage: Stage, *, top: float, bottom: float) -> None:
    posts = [([(x, top), (x, bottom)], 0.0028) for x in np.arange(0, stage.width, 0.03)]
    rails = [([(-0.1, top), (stage.width + 0.1, top)], 0.007),
             ([(-0.1, bottom - 0.012), (stage.width + 0.1, bottom - 0.012)], 0.004)]  # fmt: skip
    lay(stage.pixels, strokes(stage.size, [*posts, *rails]), dim(stage.palette.near, 0.9))


def _paint_lamp(stage: Stage, *, foot: Point, tall: float) -> None:
    x, y = foot
    top = y - tall
    post = [
        ([(x, y), (x, top)], 0.009),
        ([(x, y), (x, y - 0.06)], 0.018),
        ([(x - 0.022, top + 0.002), (x + 0.022, top + 0.002)], 0.006),
    ]
    cage = [(x - 0.016, top), (x + 0.016, top), (x + 0.011, top - 0.045), (x - 0.011, top - 0.045)]
    lay(
        stage.pixels,
        np.maximum(
            strokes(stage.size, post),
            cover(stage.size, [cage, ellipse((x, top - 0.05), 0.016, 0.012)]),
        ),
        stage.palette.near,
    )
    light_lamp(stage=stage, at=(x, top - 0.022), radius=0.011)
