"""Rooms: a room with a tall window, a bar, a railway carriage, a corridor.

Owns the light that comes in: each interior has one source (window or lamps), a shaft of it on
the floor, and darkness elsewhere. What stands outside a window is the scene's own sky.
"""

import numpy as np

from mutoscope.providers.local.canvas import (
    Point,
    blur,
    box,
    clouded,
    cover,
    dim,
    ellipse,
    glow,
    gradient,
    lay,
    mix,
    rows,
    shifted,
    shine,
    smooth,
    step,
    strokes,
)
from mutoscope.providers.local.chance import happens
from mutoscope.providers.local.stage import Stage
from mutoscope.providers.local.windows import (
    FLOOR,
    paint_glazing,
    paint_outside,
    paint_walls,
    paint_window_light,
    wall_of,
)

_POINTS = 300


def paint_room(*, stage: Stage) -> float:
    """Paint a room lit by a window and one lamp: curtains, an armchair, a picture, a table."""
    side = 1 if stage.sun[0] > stage.width / 2 else -1
    middle = stage.width * (0.5 + 0.05 * side)
    opening = box(middle - 0.46, 0.1, middle + 0.46, 0.66)
    paint_outside(stage, base=0.62)
    paint_walls(stage, opening, floor=FLOOR)
    paint_glazing(stage, opening, columns=6, lines=3)
    _paint_curtains(stage, opening)
    paint_window_light(stage, opening, side=side)
    _paint_lamp_and_chair(stage, x=stage.width * (0.5 + 0.41 * side), side=-side)
    return 0.9


def _paint_curtains(stage: Stage, opening: list[Point]) -> None:
    (left, top), _, (right, bottom), _ = opening
    cloth = mix(stage.palette.accent, wall_of(stage), 0.62)
    folds: list[tuple[list[Point], float]] = []
    shapes = []
    for edge, side in ((left, -1), (right, 1)):
        shapes.append(
            [
                (edge + side * 0.13, top - 0.05),
                (edge - side * 0.07, top - 0.05),
                (edge - side * 0.05, 0.45),
                (edge + side * 0.005, bottom + 0.12),
                (edge + side * 0.12, bottom + 0.12),
            ]
        )
        folds += [
            (
                [
                    (edge + side * (0.1 - d), top - 0.05),
                    (edge + side * (0.1 - d * 0.6), bottom + 0.12),
                ],
                0.006,
            )
            for d in np.arange(0.0, 0.15, 0.026)
        ]
    mask = cover(stage.size, shapes)
    lay(
        stage.pixels,
        mask,
        gradient(stage.size, [(top, dim(cloth, 0.55)), (bottom, dim(cloth, 0.9))]),
    )
    lay(stage.pixels, blur(strokes(stage.size, folds), 0.003) * mask * 0.7, dim(cloth, 0.35))
    rod = [([(left - 0.17, top - 0.055), (right + 0.17, top - 0.055)], 0.008)]
    lay(stage.pixels, strokes(stage.size, rod), stage.palette.near)


def _paint_lamp_and_chair(stage: Stage, *, x: float, side: int) -> None:
    power = 0.25 + 0.75 * stage.palette.lamps
    head = x - side * 0.1
    shine(stage.pixels, glow(stage.size, (head, 0.42), 0.2, power=2.2), stage.palette.lamp,
          0.42 * power)  # fmt: skip
    _paint_armchair(stage, x=x + side * 0.15, side=side, power=power)
    _paint_standard_lamp(stage, x=head, power=power)


def _paint_armchair(stage: Stage, *, x: float, side: int, power: float) -> None:
    back = smooth([(x - 0.115, 0.86), (x - 0.12, 0.6), (x - 0.085, 0.535), (x, 0.52),
                   (x + 0.085, 0.535), (x + 0.12, 0.6), (x + 0.115, 0.86)])  # fmt: skip
    arms = [
        smooth([(x + s * 0.175, 0.9), (x + s * 0.18, 0.74), (x + s * 0.15, 0.705),
                (x + s * 0.11, 0.73), (x + s * 0.105, 0.9)])
        for s in (-1, 1)
    ]  # fmt: skip
    legs = [box(x + shift, 0.9, x + shift + 0.02, 0.945) for shift in (-0.15, 0.13)]
    mask = cover(stage.size, [back, *arms, *legs, box(x - 0.165, 0.8, x + 0.165, 0.905)])
    cloth = mix(dim(wall_of(stage), 0.5), dim(stage.palette.accent, 0.5), 0.45)
    lay(stage.pixels, mask, cloth)
    folds = [([(x - 0.105, 0.795), (x + 0.105, 0.795)], 0.006)]
    folds += [([(x + s * 0.112, 0.74), (x + s * 0.11, 0.9)], 0.005) for s in (-1, 1)]
    lay(stage.pixels, blur(strokes(stage.size, folds), 0.002) * 0.8, stage.palette.near)
    reach = int(side * 0.012 * stage.size.height)
    edge = np.clip(mask - shifted(blur(mask, 0.012), across=reach, down=abs(reach)), 0, 1)
    shine(stage.pixels, edge, stage.palette.lamp, 0.35 * power)


def _paint_standard_lamp(stage: Stage, *, x: float, power: float) -> None:
    post = [([(x, 0.46), (x, 0.92)], 0.008), ([(x - 0.06, 0.922), (x + 0.06, 0.922)], 0.014)]
    lay(stage.pixels, strokes(stage.size, post), stage.palette.near)
    shade = [(x - 0.045, 0.35), (x + 0.045, 0.35), (x + 0.085, 0.47), (x - 0.085, 0.47)]
    lit = mix(stage.palette.lamp, (1, 0.96, 0.85), 0.35)
    top, bottom = dim(lit, 0.35 + 0.45 * power), dim(lit, 0.3 + 0.75 * power)
    lay(
        stage.pixels,
        cover(stage.size, [shade]),
        gradient(stage.size, [(0.35, top), (0.47, bottom)]),
    )
    cone = [(x - 0.085, 0.47), (x + 0.085, 0.47), (x + 0.3, 0.98), (x - 0.3, 0.98)]
    shine(stage.pixels, blur(cover(stage.size, [cone]), 0.04), stage.palette.lamp, 0.16 * power)


def paint_bar(*, stage: Stage) -> float:
    """Paint a bar: lit shelves of bottles, a counter, pendant lamps over it."""
    dice = stage.dice("bar")
    wall = mix(wall_of(stage), (0.16, 0.06, 0.05), 0.5)
    stage.pixels[:] = gradient(
        stage.size, [(0, dim(wall, 0.35)), (0.45, wall), (1, dim(wall, 0.3))]
    )
    for y in (0.27, 0.41, 0.55):
        _paint_shelf(stage, dice, y=y)
    counter, front = (
        box(-0.1, 0.665, stage.width + 0.1, 0.7),
        box(-0.1, 0.7, stage.width + 0.1, 1.1),
    )
    wood = mix((0.26, 0.13, 0.07), stage.palette.near, 0.35)
    lay(
        stage.pixels,
        cover(stage.size, [front]),
        gradient(stage.size, [(0.7, dim(wood, 0.75)), (1, dim(wood, 0.25))]),
    )
    lay(stage.pixels, cover(stage.size, [counter]), dim(wood, 1.5))
    seams = [([(x, 0.7), (x, 1.05)], 0.003) for x in np.arange(0.1, stage.width, 0.26)]
    lay(stage.pixels, strokes(stage.size, seams) * 0.7, dim(wood, 0.2))
    for share in (0.14, 0.38, 0.62, 0.86):
        _paint_pendant(stage, x=share * stage.width)
    _paint_stools(stage)
    return 0.95


def _paint_shelf(stage: Stage, dice: np.random.Generator, *, y: float) -> None:
    light = np.exp(-(((rows(stage.size) - (y - 0.05)) / 0.06) ** 2)).astype(np.float32) * np.ones(
        (1, stage.size.width), dtype=np.float32
    )
    patches = clouded(dice, stage.size, 1.5, octaves=2, stretch=2)
    shine(
        stage.pixels,
        light * (0.4 + 0.8 * patches),
        mix(stage.palette.lamp, (1, 0.5, 0.2), 0.4),
        0.3,
    )
    groups: dict[int, list[list[Point]]] = {0: [], 1: [], 2: [], 3: []}
    x = 0.03
    while x < stage.width:
        tall, wide = float(dice.uniform(0.06, 0.1)), float(dice.uniform(0.009, 0.014))
        groups[int(dice.integers(4))].append(
            smooth(
                [
                    (x - wide, y),
                    (x - wide, y - tall * 0.55),
                    (x - wide * 0.4, y - tall * 0.72),
                    (x - wide * 0.35, y - tall),
                    (x + wide * 0.35, y - tall),
                    (x + wide * 0.4, y - tall * 0.72),
                    (x + wide, y - tall * 0.55),
                    (x + wide, y),
                ],
                fineness=3,
            )
        )
        x += wide * 2 + float(dice.uniform(0.004, 0.03)) + (0.09 if happens(dice, 0.06) else 0)
    for place, tint in enumerate(
        ((0.62, 0.28, 0.06), (0.12, 0.26, 0.13), (0.42, 0.07, 0.06), (0.5, 0.42, 0.3))
    ):
        mask = cover(stage.size, groups[place])
        lay(stage.pixels, mask, dim(tint, 0.55))
        shine(stage.pixels, mask * light, mix(tint, stage.palette.lamp, 0.35), 0.5)
    lay(
        stage.pixels,
        cover(stage.size, [box(-0.1, y, stage.width + 0.1, y + 0.012)]),
        stage.palette.near,
    )


def _paint_pendant(stage: Stage, *, x: float) -> None:
    lay(stage.pixels, strokes(stage.size, [([(x, -0.02), (x, 0.16)], 0.003)]), stage.palette.near)
    shade = [(x - 0.012, 0.15), (x + 0.012, 0.15), (x + 0.055, 0.205), (x - 0.055, 0.205)]
    lay(
        stage.pixels, cover(stage.size, [shade]), mix(stage.palette.near, stage.palette.accent, 0.3)
    )
    bulb = (x, 0.208)
    lay(stage.pixels, cover(stage.size, [ellipse(bulb, 0.03, 0.009)]), (1.2, 1.05, 0.8))
    cone = [(x - 0.05, 0.205), (x + 0.05, 0.205), (x + 0.2, 0.68), (x - 0.2, 0.68)]
    fade = step(rows(stage.size), 0.7, 0.18)
    shine(stage.pixels, blur(cover(stage.size, [cone]), 0.02) * fade, stage.palette.lamp, 0.22)
    shine(stage.pixels, glow(stage.size, bulb, 0.06), stage.palette.lamp, 0.55)
    pool = np.exp(-(((rows(stage.size) - 0.682) / 0.012) ** 2)).astype(np.float32) * glow(
        stage.size, (x, 0.682), 0.11, power=3
    )
    shine(stage.pixels, pool, stage.palette.lamp, 0.65)


def _paint_stools(stage: Stage) -> None:
    parts = []
    for x in np.arange(0.16, stage.width, 0.34):
        parts += [
            ([(x - 0.05, 0.79), (x + 0.05, 0.79)], 0.026),
            ([(x - 0.03, 0.8), (x - 0.052, 1.02)], 0.009),
            ([(x + 0.03, 0.8), (x + 0.052, 1.02)], 0.009),
            ([(x - 0.042, 0.93), (x + 0.042, 0.93)], 0.006),
        ]
    mask = strokes(stage.size, parts)
    lay(stage.pixels, mask, dim(stage.palette.near, 0.9))
    top = np.clip(mask - np.roll(mask, max(stage.size.height // 200, 1), axis=0), 0, 1)
    shine(stage.pixels, top, stage.palette.lamp, 0.45)
