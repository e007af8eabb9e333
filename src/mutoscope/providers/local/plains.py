"""Open plains: a field, a desert and a road."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from mutoscope.providers.local.canvas import (
    Colour,
    Floats,
    Point,
    blur,
    box,
    cover,
    ellipse,
    glow,
    gradient,
    lay,
    mix,
    rough,
    shifted,
    shine,
    step,
    strokes,
    under,
)
from mutoscope.providers.local.ground import paint_haze, receding
from mutoscope.providers.local.scene import Prop
from mutoscope.providers.local.slopes import paint_slope, range_line
from mutoscope.providers.local.stage import Stage

_POINTS = 700
_NEAREST_DASH = 0.9  # nearer dashes lie behind the camera


def paint_field(*, stage: Stage) -> float:
    """Paint rolling hills, one tree on the far third and tall grass in front."""
    green = mix((0.3, 0.42, 0.2), stage.palette.horizon, 0.22)
    green = mix(green, stage.palette.near, 0.72) if stage.is_dark else green
    for layer, (distance, base, tall) in enumerate(
        ((0.8, 0.6, 0.05), (0.58, 0.64, 0.05), (0.34, 0.7, 0.05), (0.14, 0.78, 0.04))
    ):
        line = base - tall * rough(stage.dice(f"hill {layer}"), _POINTS, cells=2, decay=0.28)
        mask = cover(stage.size, [under(line.astype(np.float32), width=stage.width)])
        near, light = (
            mix(stage.far(distance), green, 0.5 * (1 - distance)),
            mix(stage.palette.haze, green, 0.4),
        )
        lay(
            stage.pixels,
            mask,
            gradient(
                stage.size,
                [
                    (base - tall, mix(near, light, 0.45)),
                    (base + 0.14, near),
                    (1, mix(near, stage.palette.near, 0.5)),
                ],
            ),
        )
        _paint_hedges(stage, line, distance=distance, layer=layer)
        paint_haze(stage=stage, base=base + 0.04, depth=0.05, strength=0.5 * distance)
    _paint_lone_tree(stage)
    _paint_meadow(stage, green)
    return 0.88


def _paint_hedges(stage: Stage, line: Floats, *, distance: float, layer: int) -> None:
    if layer > 1:
        return
    dice = stage.dice(f"hedge {layer}")
    crowns = []
    scale = 1.35 - distance
    for _ in range(3):
        start, long = float(dice.uniform(0, 0.95)), float(dice.uniform(0.05, 0.2))
        for share in np.clip(start + long * np.sort(dice.random(46)), 0, 1):
            y = float(line[int(share * (_POINTS - 1))])
            wide = 0.0085 * scale * float(dice.uniform(0.5, 1.5))
            crowns.append(
                ellipse((float(share) * stage.width, y - wide * 0.4), wide, wide * 1.1, corners=12)
            )
    lay(stage.pixels, cover(stage.size, crowns), stage.far(distance * 0.8))


def _paint_lone_tree(stage: Stage) -> None:
    dice = stage.dice("tree")
    side = 1 if stage.sun[0] > stage.width / 2 else -1
    x, foot = stage.width * (0.5 - side * 0.05), 0.765
    limbs = [([(x, foot), (x + 0.003, 0.66), (x - 0.002, 0.6)], 0.015)]
    for _ in range(9):
        reach, rise = float(dice.uniform(-0.075, 0.075)), float(dice.uniform(0.08, 0.17))
        limbs.append(
            ([(x, 0.67), (x + reach * 0.45, 0.665 - rise * 0.5), (x + reach, 0.665 - rise)], 0.005)
        )
    turns, out = dice.uniform(0, 2 * np.pi, 520), np.sqrt(dice.random(520))
    edge = 1 + 0.22 * np.sin(turns * 3 + float(dice.uniform(0, 6))) + 0.1 * np.sin(turns * 7)
    spread = zip(
        np.cos(turns) * out * edge,
        np.sin(turns) * out * edge,
        dice.uniform(0.004, 0.0125, 520),
        strict=True,
    )
    leaves = [
        ellipse((x + float(a) * 0.105, 0.555 + float(b) * 0.078), float(r), float(r) * 0.8)
        for a, b, r in spread
    ]
    mask = np.maximum(strokes(stage.size, limbs), cover(stage.size, leaves))
    lay(stage.pixels, mask, stage.far(0.1))
    reach_px = max(stage.size.height // 100, 1)
    toward = np.clip(mask - shifted(mask, across=-side * reach_px, down=reach_px), 0, 1)
    shine(stage.pixels, toward, stage.palette.rim, 0.3)


def _paint_meadow(stage: Stage, green: Colour) -> None:
    dice = stage.dice("meadow")
    for foot, tall, distance, count in (
        (0.9, 0.05, 0.3, 900),
        (0.98, 0.09, 0.16, 800),
        (1.05, 0.16, 0.04, 620),
    ):
        blades = strokes(
            stage.size, grass(dice, width=stage.width, foot=foot, tall=tall, count=count)
        )
        lay(stage.pixels, blades * 0.9, mix(stage.far(distance), green, 0.18))
    tips = strokes(stage.size, grass(dice, width=stage.width, foot=1.0, tall=0.13, count=150))
    near_sun = glow(stage.size, (stage.sun[0], 0.9), 0.4)
    shine(stage.pixels, tips * near_sun, stage.palette.rim, 0.5)


def grass(
    dice: np.random.Generator, *, width: float, foot: float, tall: float, count: int
) -> Iterator[tuple[list[Point], float]]:
    """Return blades of grass as bent lines."""
    for x, lean, high in dice.random((count, 3)):
        left, top = float(x) * (width + 0.1) - 0.05, tall * (0.35 + 0.65 * float(high))
        bend = (float(lean) - 0.5) * 0.07
        yield (
            [(left, foot), (left + bend * 0.3, foot - top * 0.6), (left + bend, foot - top)],
            0.0026,
        )


def paint_desert(*, stage: Stage) -> float:
    """Paint dunes whose crests part a lit side from a shaded one, under a large sky."""
    palette = stage.palette
    sand = mix((0.88, 0.6, 0.36), palette.horizon, 0.4)
    sand = mix(sand, palette.haze, 0.6) if stage.is_dark else mix(sand, palette.haze, 0.15)
    for layer, (distance, base, tall) in enumerate(
        ((0.74, 0.625, 0.045), (0.5, 0.68, 0.075), (0.28, 0.76, 0.1), (0.08, 0.9, 0.12))
    ):
        _paint_dune(stage, layer=layer, distance=distance, base=base, tall=tall, sand=sand)
        paint_haze(stage=stage, base=base - 0.01, depth=0.04, strength=0.4 * distance)
    return 0.88


def _paint_dune(stage: Stage, *, layer: int, distance: float, base: float, tall: float,
                sand: Colour) -> None:  # fmt: skip
    dice = stage.dice(f"dune {layer}")
    xs = np.linspace(0, 1, _POINTS)
    peak = float(dice.uniform(0.2, 0.45)) + (0.35 if layer % 2 else 0.0)
    line = base - tall * (_dune(xs, peak, 0.3) + 0.6 * _dune(xs, (peak + 0.55) % 1.1, 0.22))
    mask = cover(stage.size, [under(line.astype(np.float32), width=stage.width)])
    lit = mix(sand, stage.palette.haze, distance * 0.75)
    dark = mix(mix(stage.palette.near, stage.palette.accent, 0.12), lit, 0.3 + 0.45 * distance)
    lay(stage.pixels, mask, gradient(stage.size, [
        (base - tall, lit), (base + 0.1, mix(lit, dark, 0.35)), (1.05, mix(lit, dark, 0.75)),
    ]))  # fmt: skip
    shade = _lee(stage, line.astype(np.float32), peak=peak, tall=tall)
    lay(stage.pixels, mask * shade * 0.9, dark)
    ripples = receding(dice, stage.size, base - tall - 0.06, fineness=0.7, stretch=12)
    shine(stage.pixels, mask * step(ripples, 0.5, 0.7) * (1 - shade), lit, 0.09 * (1 - distance))


def _dune(xs: Floats, peak: float, wide: float) -> Floats:
    away: Floats = np.abs(xs - peak) / wide
    bell: Floats = np.exp(-(away**1.5))
    return bell


def _lee(stage: Stage, line: Floats, *, peak: float, tall: float) -> Floats:
    """Return the shaded side of a dune: under its crest, away from the light."""
    side = 1 if stage.sun[0] > stage.width / 2 else -1
    ys = np.linspace(0, 1, 40)
    crest = peak * stage.width - side * (0.1 * np.sin(ys * 3.4) + 0.42 * ys**1.3)
    top = float(np.interp(peak, np.linspace(0, 1, len(line)), line))
    spine = list(zip(crest.tolist(), (top - 0.004 + ys * tall * 2.6).tolist(), strict=True))
    out = peak * stage.width - side * 4
    return blur(cover(stage.size, [[*spine, (out, spine[-1][1]), (out, top)]]), 0.0025)


def paint_road(*, stage: Stage) -> float:
    """Paint a road to the horizon between plains, with poles along it."""
    top = stage.horizon
    line = range_line(stage, "range road", base=top + 0.005, tall=0.13, cells=4)
    mask = cover(stage.size, [under(line, width=stage.width)])
    paint_slope(stage, mask, line, distance=0.72)
    plain = cover(stage.size, [box(-0.1, top, stage.width + 0.1, 1.1)])
    lay(
        stage.pixels,
        plain,
        gradient(
            stage.size,
            [
                (top, mix(stage.palette.haze, stage.palette.horizon, 0.3)),
                (top + 0.1, stage.far(0.45)),
                (1, stage.far(0.1)),
            ],
        ),
    )
    scrub = receding(stage.dice("scrub"), stage.size, top, stretch=2.4)
    lay(stage.pixels, plain * step(scrub, 0.48, 0.28) * 0.5, stage.palette.near)
    vanish = (stage.width * (0.45 if stage.sun[0] < stage.width / 2 else 0.55), top)
    _paint_tarmac(stage, vanish)
    paint_haze(stage=stage, base=top, depth=0.04, strength=0.6)
    _paint_poles(stage, vanish)
    if Prop.CAR in stage.scene.props:
        for dx in (-0.012, 0.012):
            shine(
                stage.pixels,
                glow(stage.size, (vanish[0] + 0.03 + dx, top + 0.045), 0.012),
                (1, 0.93, 0.75),
                1.3,
            )
    return 0.88


def _paint_tarmac(stage: Stage, vanish: Point) -> None:
    x, y = vanish
    road = [(x - 0.004, y), (x + 0.004, y), (x + 0.72, 1.05), (x - 0.5, 1.05)]
    mask = cover(stage.size, [road])
    lay(
        stage.pixels,
        mask,
        gradient(
            stage.size,
            [(y, stage.palette.horizon), (y + 0.12, stage.far(0.42)), (1, stage.far(0.12))],
        ),
    )
    dashes = []
    depth = 14.0
    while depth > _NEAREST_DASH:
        near = depth * 0.86
        a, b = 0.42 / depth, 0.42 / near
        dashes.append(
            [
                (x + a * 0.24 - a * 0.02, y + a),
                (x + a * 0.24 + a * 0.02, y + a),
                (x + b * 0.24 + b * 0.02, y + b),
                (x + b * 0.24 - b * 0.02, y + b),
            ]
        )
        depth *= 0.74
    lay(
        stage.pixels,
        cover(stage.size, dashes) * 0.8,
        mix(stage.palette.rim, stage.palette.haze, 0.3),
    )
    edges = [
        [(x - 0.003, y), (x - 0.47, 1.05), (x - 0.455, 1.05)],
        [(x + 0.003, y), (x + 0.68, 1.05), (x + 0.665, 1.05)],
    ]
    lay(
        stage.pixels,
        cover(stage.size, edges) * 0.6,
        mix(stage.palette.rim, stage.palette.haze, 0.3),
    )


def _paint_poles(stage: Stage, vanish: Point) -> None:
    x, y = vanish
    side = -1 if stage.sun[0] > stage.width / 2 else 1
    lines: list[tuple[list[Point], float]] = []
    tips: list[Point] = []
    for depth in (16, 11, 7.5, 5, 3.3, 2.1, 1.3):
        foot, top = (
            (x + side * 1.25 / depth, y + 0.36 / depth),
            (x + side * 1.25 / depth, y - 0.62 / depth),
        )
        arm = 0.1 / depth
        lines += [
            ([foot, top], 0.018 / depth),
            (
                [(top[0] - arm, top[1] + 0.05 / depth), (top[0] + arm, top[1] + 0.05 / depth)],
                0.012 / depth,
            ),
        ]
        tips.append((top[0], top[1] + 0.04 / depth))
    for first, last in pairwise(tips):
        sag = [
            (
                (first[0] + (last[0] - first[0]) * t),
                first[1]
                + (last[1] - first[1]) * t
                + 0.05 * abs(last[0] - first[0]) * 4 * t * (1 - t),
            )
            for t in np.linspace(0, 1, 9)
        ]
        lines.append((sag, 0.0016))
    lay(stage.pixels, strokes(stage.size, lines), stage.far(0.12))
