"""The forest: trunks that recede into light."""

from collections.abc import Iterator

import numpy as np

from mutoscope.providers.local.canvas import (
    Point,
    blur,
    columns,
    cover,
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
from mutoscope.providers.local.chance import happens
from mutoscope.providers.local.ground import paint_haze
from mutoscope.providers.local.plains import grass
from mutoscope.providers.local.slopes import fir
from mutoscope.providers.local.stage import Stage

_POINTS = 700
_CLEARING, _FAR_TRUNKS = 0.05, 0.6  # no nearer trunk stands before the light


def paint_forest(*, stage: Stage) -> float:
    """Paint trunks that recede into a bright mist, shafts of light and a dark forest floor."""
    clearing = (stage.sun[0], 0.42)
    mist = mix(stage.palette.haze, stage.palette.horizon, 0.5)
    lay(stage.pixels, np.full(stage.pixels.shape[:2], 0.5, dtype=np.float32), mist)
    shine(
        stage.pixels,
        glow(stage.size, clearing, 0.3),
        stage.palette.glow,
        0.35 + 0.2 * stage.palette.sun_power,
    )
    for layer, (distance, thick, count) in enumerate(
        ((0.88, 0.009, 60), (0.7, 0.016, 36), (0.46, 0.028, 19), (0.2, 0.055, 9))
    ):
        _paint_conifers_behind(stage, layer=layer, distance=distance)
        _paint_trunks(stage, name=f"trunks {layer}", distance=distance, thick=thick, count=count)
        _paint_floor(stage, top=0.66 + 0.05 * layer, distance=distance, name=f"floor {layer}")
        paint_haze(stage=stage, base=0.66 + 0.04 * layer, depth=0.12, strength=0.42 * distance)
    _paint_shafts(stage, clearing)
    _paint_undergrowth(stage)
    return 0.88


def _paint_conifers_behind(stage: Stage, *, layer: int, distance: float) -> None:
    if layer > 1:
        return
    dice = stage.dice(f"behind {layer}")
    trees = [
        part
        for x in dice.random(16)
        for part in fir(
            dice,
            foot=(float(x) * stage.width, 0.72 + 0.04 * layer),
            tall=float(dice.uniform(0.3, 0.62)),
        )
    ]
    lay(stage.pixels, cover(stage.size, trees), stage.far(min(distance + 0.06, 0.95)))


def _paint_trunks(stage: Stage, *, name: str, distance: float, thick: float, count: int) -> None:
    dice = stage.dice(name)
    trunks = []
    for place in range(count):
        x = (place + float(dice.uniform(0.1, 0.9))) / count * stage.width
        if abs(x - stage.sun[0]) < _CLEARING and distance < _FAR_TRUNKS:
            continue
        trunks += list(
            _tree(
                dice,
                x=x,
                thick=thick * float(dice.uniform(0.6, 1.25)),
                foot=0.78 + 0.18 * (1 - distance),
            )
        )
    tint = stage.far(distance)
    mask = cover(stage.size, trunks)
    lay(
        stage.pixels,
        mask,
        gradient(
            stage.size,
            [
                (0, tint),
                (0.5, mix(tint, stage.palette.haze, 0.12)),
                (0.9, mix(tint, stage.palette.haze, 0.3 * distance)),
            ],
        ),
    )
    away = (columns(stage.size) - stage.sun[0]) / (abs(stage.width) / 2)
    reach = max(int(thick * 0.22 * stage.size.height), 1)
    left, right = np.roll(mask, reach, axis=1), np.roll(mask, -reach, axis=1)
    edge = np.where(away > 0, np.clip(mask - left, 0, 1), np.clip(mask - right, 0, 1))
    shine(stage.pixels, edge.astype(np.float32), stage.palette.rim, 0.42 * (1 - distance))


def _tree(
    dice: np.random.Generator, *, x: float, thick: float, foot: float
) -> Iterator[list[Point]]:
    lean = float(dice.uniform(-0.03, 0.03))
    yield [
        (x + lean - thick * 0.32, -0.02),
        (x + lean + thick * 0.32, -0.02),
        (x + thick * 0.5, foot - 0.04),
        (x + thick * 0.85, foot + 0.02),
        (x - thick * 0.85, foot + 0.02),
        (x - thick * 0.5, foot - 0.04),
    ]
    for _ in range(int(dice.integers(2, 6))):
        y = float(dice.uniform(0.02, 0.5))
        side = 1 if happens(dice, 0.5) else -1
        long = thick * float(dice.uniform(2.5, 6))
        start = x + lean * (1 - y / foot)
        yield [
            (start, y),
            (start + side * long * 0.6, y - long * 0.3),
            (start + side * long, y - long * 0.65),
            (start + side * long * 0.55, y - long * 0.24),
            (start, y + thick * 0.35),
        ]


def _paint_floor(stage: Stage, *, top: float, distance: float, name: str) -> None:
    line = top + 0.02 * rough(stage.dice(name), _POINTS, cells=5)
    mask = cover(stage.size, [under(line.astype(np.float32), width=stage.width)])
    lay(stage.pixels, mask * 0.85, mix(stage.far(distance), stage.palette.near, 0.15))


def _paint_shafts(stage: Stage, source: Point) -> None:
    dice = stage.dice("shafts")
    shafts = []
    for place in range(9):
        x = source[0] + (place - 4) * 0.2 + float(dice.uniform(-0.05, 0.05))
        wide = float(dice.uniform(0.015, 0.06))
        top = source[0] + (x - source[0]) * 0.2
        shafts.append(
            [
                (top - wide * 0.3, -0.05),
                (top + wide * 0.3, -0.05),
                (x + wide, 0.95),
                (x - wide, 0.95),
            ]
        )
    light = blur(cover(stage.size, shafts), 0.012) * step(rows(stage.size), 0.95, 0.25)
    shine(stage.pixels, light, stage.palette.glow, 0.1 + 0.14 * stage.palette.sun_power)


def _paint_undergrowth(stage: Stage) -> None:
    dice = stage.dice("undergrowth")
    blades = list(grass(dice, width=stage.width, foot=1.04, tall=0.12, count=420))
    lay(stage.pixels, strokes(stage.size, blades), stage.far(0.0))
