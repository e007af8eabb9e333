"""A street in perspective: houses, signs, lamps, wet ground."""

from itertools import pairwise

import numpy as np

from mutoscope.providers.local.canvas import (
    Colour,
    Point,
    blur,
    box,
    cover,
    dim,
    ellipse,
    glow,
    gradient,
    lay,
    mix,
    rows,
    shine,
    step,
    strokes,
)
from mutoscope.providers.local.chance import happens
from mutoscope.providers.local.ground import paint_wet, receding
from mutoscope.providers.local.lamps import light_lamp
from mutoscope.providers.local.scene import Prop, Weather
from mutoscope.providers.local.stage import Stage

_NEON: tuple[Colour, ...] = (
    (1.0, 0.22, 0.42), (0.2, 0.85, 1.0), (1.0, 0.62, 0.2), (0.6, 0.35, 1.0),
)  # fmt: skip
_HAZY_DEPTH = 1.2  # nearer houses stand before the haze
_LIT_SIGNS = 0.3  # lamps at which signs are switched on


def paint_street(*, stage: Stage) -> float:
    """Paint a street that runs to a bright end between houses, lamps and signs."""
    vanish = (stage.width * (0.43 if stage.sun[0] > stage.width / 2 else 0.57), 0.57)
    _paint_street_end(stage, vanish)
    _paint_ground(stage, vanish)
    depths = (9.0, 6.2, 4.4, 3.2, 2.35, 1.75, 1.3, 0.95)
    for far, near in pairwise(depths):
        for side in (-1, 1):
            _paint_house(stage, vanish, side=side, depths=(far, near))
        if near > _HAZY_DEPTH:
            _paint_street_haze(stage, vanish, strength=0.22)
    wetness = 0.75 if stage.scene.weather is Weather.RAIN else 0.35 if stage.is_dark else 0.06
    edges = [
        _seen(vanish, 0.82 * side, 0.46, depth)
        for side, depth in ((-1, 0.5), (-1, 9), (1, 9), (1, 0.5))
    ]
    paint_wet(
        stage=stage, ground=cover(stage.size, [edges]), top=vanish[1] + 0.02, strength=wetness
    )
    for depth in (4.2, 2.4, 1.35):
        side = -1 if stage.sun[0] > stage.width / 2 else 1
        x, y = _seen(vanish, 0.62 * side, 0.42, depth)
        _paint_street_lamp(stage, (x, y), tall=1.02 / depth, side=-side)
        _paint_light_pool(stage, (x - side * 0.12 / depth, y + 0.02 / depth), wide=0.3 / depth)
    if Prop.CAR in stage.scene.props:
        _paint_car(stage, vanish)
    return 0.86


def _seen(vanish: Point, across: float, down: float, depth: float) -> Point:
    return vanish[0] + across / depth, vanish[1] + down / depth


def _paint_street_end(stage: Stage, vanish: Point) -> None:
    light = glow(stage.size, (vanish[0], vanish[1] - 0.05), 0.3, power=2.2)
    tint = mix(stage.palette.horizon, stage.palette.glow, 0.4)
    if stage.is_dark:
        tint = mix(tint, stage.palette.lamp, 0.5)
    shine(stage.pixels, light, tint, 0.5)


def _paint_street_haze(stage: Stage, vanish: Point, *, strength: float) -> None:
    tint = mix(stage.palette.haze, stage.palette.horizon, 0.4)
    tint = mix(tint, stage.palette.lamp, 0.3) if stage.is_dark else tint
    lay(
        stage.pixels,
        glow(stage.size, (vanish[0], vanish[1] - 0.06), 0.26, power=3) * strength,
        tint,
    )


def _paint_ground(stage: Stage, vanish: Point) -> None:
    below = step(rows(stage.size), vanish[1], vanish[1] + 0.012)
    tint = gradient(
        stage.size,
        [
            (vanish[1], mix(stage.palette.haze, stage.palette.horizon, 0.3)),
            (vanish[1] + 0.12, stage.far(0.42)),
            (1, stage.far(0.06)),
        ],
    )
    stones = receding(stage.dice("stones"), stage.size, vanish[1], fineness=1.6, stretch=1.1)
    lay(stage.pixels, below * np.ones_like(stones), tint)
    lay(stage.pixels, below * step(stones, 0.5, 0.2) * 0.22, stage.palette.near)


def _paint_house(stage: Stage, vanish: Point, *, side: int, depths: tuple[float, float]) -> None:
    far, near = depths
    dice = stage.dice(f"house {side} {far}")
    wall = 0.82 * side
    tall = float(dice.uniform(0.75, 1.75))
    corners = [
        _seen(vanish, wall, y, z)
        for y, z in ((-tall, far), (-tall, near), (0.46, near), (0.46, far))
    ]
    outward = [
        corners[1],
        (side * 3 + vanish[0], corners[1][1]),
        (side * 3 + vanish[0], 1.2),
        corners[2],
    ]
    distance = min(far / 11, 0.85)
    tint = stage.far(distance * 0.9 + 0.03)
    lay(stage.pixels, cover(stage.size, [corners, outward]), tint)
    cornice = [
        _seen(vanish, wall * s, y, z)
        for y, z, s in (
            (-tall, far, 1),
            (-tall, near, 1),
            (-tall - 0.04, near, 0.96),
            (-tall - 0.04, far, 0.96),
        )
    ]
    lay(stage.pixels, cover(stage.size, [cornice]), mix(tint, stage.palette.near, 0.5))
    _paint_panes(stage, vanish, wall=wall, depths=depths, tall=tall)
    if happens(dice, 0.45) and stage.palette.lamps > _LIT_SIGNS:
        _paint_sign(stage, vanish, side=side, depth=(far + near) / 2)


def _paint_panes(stage: Stage, vanish: Point, *, wall: float, depths: tuple[float, float],
                 tall: float) -> None:  # fmt: skip
    far, near = depths
    dice = stage.dice(f"panes {wall} {far}")
    lit: list[list[Point]] = []
    dark: list[list[Point]] = []
    for y in np.arange(-tall + 0.08, 0.3, 0.17):
        for share in (0.1, 0.4, 0.7):
            first = 1 / (1 / far + (1 / near - 1 / far) * share)
            last = 1 / (1 / far + (1 / near - 1 / far) * (share + 0.16))
            pane = [
                _seen(vanish, wall, y, first),
                _seen(vanish, wall, y, last),
                _seen(vanish, wall, y + 0.105, last),
                _seen(vanish, wall, y + 0.105, first),
            ]
            (lit if happens(dice, 0.2) else dark).append(pane)
    lay(stage.pixels, cover(stage.size, dark) * 0.55, dim(stage.palette.near, 0.9))
    light = cover(stage.size, lit)
    power = stage.palette.lamps * (0.5 + 0.5 / far)
    lay(
        stage.pixels,
        light * min(0.25 + power, 1) * 0.8,
        mix(stage.palette.near, stage.palette.lamp, 0.2 + 0.7 * power),
    )
    shine(stage.pixels, blur(light, 0.02), stage.palette.lamp, 0.3 * power)


def _paint_sign(stage: Stage, vanish: Point, *, side: int, depth: float) -> None:
    dice = stage.dice(f"sign {side} {depth}")
    tint = _NEON[int(dice.integers(len(_NEON)))]
    wall, top = 0.82 * side, float(dice.uniform(-0.5, -0.15))
    outer, inner = _seen(vanish, wall, top, depth), _seen(vanish, wall - 0.16 * side, top, depth)
    low = outer[1] + float(dice.uniform(0.18, 0.36)) / depth
    left, right = sorted((outer[0], inner[0]))
    lay(stage.pixels, cover(stage.size, [box(left, outer[1], right, low)]), dim(tint, 0.22))
    inset = (right - left) * 0.14
    frame = [(left + inset, outer[1] + inset), (right - inset, outer[1] + inset),
             (right - inset, low - inset), (left + inset, low - inset),
             (left + inset, outer[1] + inset)]  # fmt: skip
    marks = [([(left + 2.2 * inset, y), (right - 2.2 * inset, y)], 0.012 / depth)
             for y in np.arange(outer[1] + 3 * inset, low - 2 * inset, 3.2 * inset)]  # fmt: skip
    light = strokes(stage.size, [(frame, 0.008 / depth), *marks])
    shine(stage.pixels, light, mix(tint, (1, 1, 1), 0.25), 0.95)
    shine(stage.pixels, blur(light, 0.035 / depth), tint, 1.5)


def _paint_street_lamp(stage: Stage, foot: Point, *, tall: float, side: int) -> None:
    x, y = foot
    reach, wide = 0.13 * tall * side, 0.013 * tall
    arm = [(x, y), (x, y - tall * 0.94), (x + reach * 0.3, y - tall), (x + reach, y - tall)]
    lay(stage.pixels, strokes(stage.size, [(arm, wide)]), stage.palette.near)
    light_lamp(stage=stage, at=(x + reach, y - tall + 0.012 * tall), radius=0.018 * tall)


def _paint_light_pool(stage: Stage, at: Point, *, wide: float) -> None:
    pool = blur(cover(stage.size, [ellipse(at, wide, wide * 0.24)]), wide * 0.16)
    shine(stage.pixels, pool, stage.palette.lamp, 0.24 * stage.palette.lamps)


def _paint_car(stage: Stage, vanish: Point) -> None:
    x, y = _seen(vanish, 0.3 if stage.sun[0] < stage.width / 2 else -0.3, 0.42, 1.9)
    wide, tall = 0.13, 0.13
    body = [
        (x - wide, y),
        (x - wide, y - tall * 0.5),
        (x - wide * 0.72, y - tall * 0.58),
        (x - wide * 0.55, y - tall),
        (x + wide * 0.55, y - tall),
        (x + wide * 0.72, y - tall * 0.58),
        (x + wide, y - tall * 0.5),
        (x + wide, y),
    ]
    wheels = [
        box(x - wide * 0.92, y - 0.02, x - wide * 0.62, y + 0.02),
        box(x + wide * 0.62, y - 0.02, x + wide * 0.92, y + 0.02),
    ]
    glass = [
        (x - wide * 0.6, y - tall * 0.6),
        (x - wide * 0.48, y - tall * 0.92),
        (x + wide * 0.48, y - tall * 0.92),
        (x + wide * 0.6, y - tall * 0.6),
    ]
    lay(stage.pixels, cover(stage.size, [body, *wheels]), stage.far(0.05))
    lay(stage.pixels, cover(stage.size, [glass]) * 0.5, stage.palette.haze)
    for lamp in (x - wide * 0.72, x + wide * 0.72):
        shine(
            stage.pixels, glow(stage.size, (lamp, y - tall * 0.36), 0.024), (1.0, 0.93, 0.75), 1.3
        )
