"""Inside places one passes through: a railway carriage and a corridor."""

import numpy as np

from mutoscope.providers.local.canvas import (
    Floats,
    Point,
    blur,
    box,
    clouded,
    cover,
    dim,
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
from mutoscope.providers.local.ground import paint_wet
from mutoscope.providers.local.stage import Stage
from mutoscope.providers.local.windows import (
    paint_glazing,
    paint_outside,
    paint_walls,
    paint_window_light,
    wall_of,
)

_POINTS = 300


def paint_train(*, stage: Stage) -> float:
    """Paint a railway compartment: a wide window on the passing country, seats, a table lamp."""
    opening = box(stage.width * 0.5 - 0.56, 0.14, stage.width * 0.5 + 0.56, 0.6)
    paint_outside(stage, base=0.5)
    _paint_blurred_trackside(stage)
    paint_walls(stage, opening, floor=0.9)
    paint_glazing(stage, opening, columns=2, lines=1)
    _paint_luggage_rack(stage)
    paint_window_light(stage, opening, side=1 if stage.sun[0] > stage.width / 2 else -1)
    for side in (-1, 1):
        _paint_seat(stage, side=side)
    _paint_table_lamp(stage)
    return 0.95


def _paint_blurred_trackside(stage: Stage) -> None:
    streaks = clouded(stage.dice("streaks"), stage.size, 14, octaves=3, stretch=40)
    below = step(rows(stage.size), 0.5, 0.58)
    lay(stage.pixels, below * 0.85 * np.ones_like(streaks), stage.far(0.2))
    shine(stage.pixels, below * step(streaks, 0.5, 0.8), stage.palette.horizon, 0.2)


def _paint_luggage_rack(stage: Stage) -> None:
    bars = [([(-0.1, y), (stage.width + 0.1, y)], 0.006) for y in (0.075, 0.09, 0.105)]
    bags = [
        box(x, 0.015, x + w, 0.072)
        for x, w in ((0.2, 0.2), (0.46, 0.13), (stage.width - 0.42, 0.22))
    ]
    lay(
        stage.pixels,
        np.maximum(strokes(stage.size, bars), cover(stage.size, bags)),
        dim(wall_of(stage), 0.3),
    )


def _paint_seat(stage: Stage, *, side: int) -> None:
    edge = stage.width / 2 + side * (stage.width / 2 - 0.02)
    cloth = mix(stage.palette.accent, stage.palette.near, 0.55)
    back = smooth(
        [
            (edge + side * 0.1, 0.36),
            (edge - side * 0.1, 0.33),
            (edge - side * 0.2, 0.4),
            (edge - side * 0.25, 0.76),
            (edge - side * 0.47, 0.78),
            (edge - side * 0.5, 0.86),
            (edge - side * 0.46, 1.05),
            (edge + side * 0.1, 1.05),
        ]
    )
    mask = cover(stage.size, [back])
    lay(stage.pixels, mask, gradient(stage.size, [(0.35, dim(cloth, 0.95)), (1, dim(cloth, 0.4))]))
    inner = np.clip(
        mask - shifted(blur(mask, 0.015), across=int(side * 0.02 * stage.size.height)), 0, 1
    )
    shine(stage.pixels, inner, stage.palette.rim, 0.2)
    linen = [
        (edge - side * 0.085, 0.335),
        (edge - side * 0.19, 0.4),
        (edge - side * 0.205, 0.5),
        (edge - side * 0.09, 0.47),
    ]
    lay(stage.pixels, cover(stage.size, [linen]) * 0.6, mix(stage.palette.haze, (1, 1, 1), 0.3))


def _paint_table_lamp(stage: Stage) -> None:
    x = stage.width / 2
    table = [(x - 0.16, 0.7), (x + 0.16, 0.7), (x + 0.2, 0.735), (x - 0.2, 0.735)]
    leg = box(x - 0.012, 0.73, x + 0.012, 1.05)
    lay(
        stage.pixels,
        cover(stage.size, [table, leg]),
        mix((0.24, 0.13, 0.08), stage.palette.near, 0.4),
    )
    lay(
        stage.pixels,
        strokes(
            stage.size,
            [([(x, 0.63), (x, 0.71)], 0.008), ([(x - 0.02, 0.712), (x + 0.02, 0.712)], 0.01)],
        ),
        stage.palette.near,
    )
    shade = [(x - 0.025, 0.565), (x + 0.025, 0.565), (x + 0.05, 0.635), (x - 0.05, 0.635)]
    power = 0.3 + 0.7 * stage.palette.lamps
    lay(
        stage.pixels,
        cover(stage.size, [shade]),
        dim(mix(stage.palette.lamp, (1, 0.95, 0.8), 0.3), 0.4 + 0.75 * power),
    )
    shine(stage.pixels, glow(stage.size, (x, 0.62), 0.09), stage.palette.lamp, 0.5 * power)
    pool = np.exp(-(((rows(stage.size) - 0.715) / 0.014) ** 2)).astype(np.float32) * glow(
        stage.size, (x, 0.715), 0.1, power=3
    )
    shine(stage.pixels, pool, stage.palette.lamp, 0.55 * power)


def paint_corridor(*, stage: Stage) -> float:
    """Paint a corridor in one-point perspective that ends in light."""
    x, y = stage.width * (0.54 if stage.sun[0] > stage.width / 2 else 0.46), 0.5
    wall = mix(wall_of(stage), stage.palette.upper, 0.3)
    whole = np.ones(stage.pixels.shape[:2], dtype=np.float32)
    lay(stage.pixels, whole, dim(wall, 0.8))
    depths = (1.0, 1.45, 2.1, 3.1, 4.6, 7.0, 10.5)
    ring = [_ring((x, y), depth) for depth in depths]
    for near, far, depth in zip(ring[:-1], ring[1:], depths, strict=False):
        _paint_bay(stage, near, far, share=0.25 + 0.75 * (1 - 1 / depth), wall=wall)
    end = ring[-1]
    tint = mix(stage.palette.glow, stage.palette.horizon, 0.3)
    tint = mix(tint, stage.palette.lamp, 0.35) if stage.is_dark else tint
    lay(stage.pixels, cover(stage.size, [end]), mix(tint, (1, 1, 1), 0.3))
    shine(stage.pixels, glow(stage.size, (x, y), 0.12), tint, 0.8)
    shine(stage.pixels, glow(stage.size, (x, y), 0.4), tint, 0.2)
    floor = cover(stage.size, [[end[3], end[2], ring[0][2], ring[0][3]]])
    paint_wet(stage=stage, ground=floor, top=end[2][1], strength=0.5)
    return 0.88


def _ring(vanish: Point, depth: float) -> list[Point]:
    x, y = vanish
    return [
        (x - 0.95 / depth, y - 0.62 / depth),
        (x + 0.95 / depth, y - 0.62 / depth),
        (x + 0.95 / depth, y + 0.6 / depth),
        (x - 0.95 / depth, y + 0.6 / depth),
    ]


def _between(near: Point, far: Point, share: float) -> Point:
    return near[0] + (far[0] - near[0]) * share, near[1] + (far[1] - near[1]) * share


def _paint_bay(stage: Stage, near: list[Point], far: list[Point], *, share: float,
               wall: tuple[float, float, float]) -> None:  # fmt: skip
    light = mix(stage.palette.glow, stage.palette.lamp, 0.3)
    for corners, tone in (((0, 1), 0.5), ((1, 2), 0.85), ((2, 3), 0.6), ((3, 0), 0.7)):
        first, last = corners
        face = [near[first], near[last], far[last], far[first]]
        lay(
            stage.pixels,
            cover(stage.size, [face]),
            mix(dim(wall, tone), light, 0.1 + 0.28 * share**2),
        )
    for low, high in ((3, 0), (2, 1)):
        door = [
            _between(near[low], far[low], 0.3),
            _between(near[low], far[low], 0.72),
            _between(
                _between(near[low], far[low], 0.72), _between(near[high], far[high], 0.72), 0.72
            ),
            _between(
                _between(near[low], far[low], 0.3), _between(near[high], far[high], 0.3), 0.72
            ),
        ]
        lay(
            stage.pixels,
            cover(stage.size, [door]),
            mix(dim(wall, 0.45), light, 0.06 + 0.12 * share),
        )
    lamp = [
        _between(_between(near[0], far[0], a), _between(near[1], far[1], a), b)
        for a, b in ((0.35, 0.4), (0.35, 0.6), (0.6, 0.6), (0.6, 0.4))
    ]
    glowing: Floats = cover(stage.size, [lamp])
    lay(stage.pixels, glowing, mix(light, (1, 1, 1), 0.5))
    shine(stage.pixels, blur(glowing, 0.03), light, 0.5)
    lay(
        stage.pixels,
        strokes(stage.size, [([*far, far[0]], 0.004 * (1.1 - share))]) * 0.7,
        dim(wall, 0.3),
    )
