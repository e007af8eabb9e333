"""The sea with its boats and lighthouse, and the beach."""

import numpy as np

from mutoscope.providers.local.canvas import (
    Floats,
    Point,
    blur,
    clouded,
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
from mutoscope.providers.local.ground import paint_haze, paint_water, receding
from mutoscope.providers.local.scene import Prop
from mutoscope.providers.local.stage import Stage

_POINTS = 700


def paint_sea(*, stage: Stage) -> float:
    """Paint open water with the light's path on it, seen from a wooden pier."""
    top = stage.horizon
    _paint_headland(stage, top=top)
    if Prop.LIGHTHOUSE in stage.scene.props:
        _paint_lighthouse(stage, top=top)
    paint_water(stage=stage, top=top)
    paint_haze(stage=stage, base=top, depth=0.03, strength=0.55)
    if Prop.BOAT in stage.scene.props or happens(stage.dice("boat"), 0.5):
        _paint_boat(stage, top=top)
    return _paint_pier(stage)


def _light_side(stage: Stage) -> int:
    return 1 if stage.sun[0] > stage.width / 2 else -1


def _paint_headland(stage: Stage, *, top: float) -> None:
    side = _light_side(stage)
    xs = np.linspace(0, 1, _POINTS)
    for layer, (distance, reach, tall) in enumerate(((0.8, 0.75, 0.07), (0.55, 0.42, 0.12))):
        away = np.clip((reach - (1 - xs if side < 0 else xs)) / reach, 0, 1)
        bumps = 0.3 * rough(stage.dice(f"headland {layer}"), _POINTS, cells=8)
        line = top + 0.004 - tall * away**0.7 * (0.8 + bumps)
        mask = cover(
            stage.size, [under(line.astype(np.float32), width=stage.width, floor=top + 0.005)]
        )
        tint = stage.far(distance)
        lay(
            stage.pixels,
            mask,
            gradient(stage.size, [(top - tall, tint), (top, mix(tint, stage.palette.haze, 0.5))]),
        )


def _paint_lighthouse(stage: Stage, *, top: float) -> None:
    x = stage.width * (0.22 if _light_side(stage) > 0 else 0.78)
    rock = under(
        (
            top
            + 0.01
            - 0.07
            * np.exp(-(((np.linspace(0, stage.width, _POINTS) - x) / 0.16) ** 2))
            * (1 + 0.25 * rough(stage.dice("rock"), _POINTS, cells=20))
        ).astype(np.float32),
        width=stage.width,
        floor=top + 0.012,
    )
    foot, tip = top - 0.05, top - 0.32
    tower = [(x - 0.03, foot), (x + 0.03, foot), (x + 0.019, tip), (x - 0.019, tip)]
    gallery = [(x - 0.028, tip), (x + 0.028, tip), (x + 0.028, tip + 0.01), (x - 0.028, tip + 0.01)]
    cap = [(x - 0.02, tip - 0.036), (x, tip - 0.066), (x + 0.02, tip - 0.036)]
    mask = cover(stage.size, [rock, tower, gallery, cap])
    lay(stage.pixels, mask, stage.far(0.3))
    stripe = [
        [
            (x - 0.03 + 0.011 * t, foot - 0.27 * t),
            (x + 0.03 - 0.011 * t, foot - 0.27 * t),
            (x + 0.03 - 0.011 * (t + 0.2), foot - 0.27 * (t + 0.2)),
            (x - 0.03 + 0.011 * (t + 0.2), foot - 0.27 * (t + 0.2)),
        ]
        for t in (0.15, 0.55)
    ]
    lay(
        stage.pixels,
        cover(stage.size, stripe) * 0.7,
        mix(stage.palette.accent, stage.palette.near, 0.35),
    )
    lay(
        stage.pixels,
        cover(
            stage.size,
            [
                [
                    (x - 0.015, tip - 0.036),
                    (x + 0.015, tip - 0.036),
                    (x + 0.015, tip),
                    (x - 0.015, tip),
                ]
            ],
        ),
        stage.palette.lamp,
    )
    _shine_beam(stage, (x, tip - 0.018))


def _shine_beam(stage: Stage, lamp: Point) -> None:
    power = 0.25 + 0.75 * stage.palette.lamps
    side = _light_side(stage)
    beams = [
        [lamp, (lamp[0] + side * 2.2, lamp[1] - 0.2), (lamp[0] + side * 2.2, lamp[1] + 0.02)],
        [lamp, (lamp[0] - side * 2.2, lamp[1] + 0.03), (lamp[0] - side * 2.2, lamp[1] + 0.16)],
    ]
    fade = np.exp(-np.abs(columns(stage.size) - lamp[0]) / 0.5).astype(np.float32)
    shine(
        stage.pixels, blur(cover(stage.size, beams), 0.006) * fade, stage.palette.lamp, 0.5 * power
    )
    shine(stage.pixels, glow(stage.size, lamp, 0.03), stage.palette.lamp, 1.4 * power)


def _paint_boat(stage: Stage, *, top: float) -> None:
    x = stage.sun[0] - _light_side(stage) * 0.17
    y, s = top + 0.05, 0.15
    hull = [
        (x - 0.55 * s, y - 0.14 * s),
        (x + 0.62 * s, y - 0.16 * s),
        (x + 0.42 * s, y + 0.06 * s),
        (x - 0.42 * s, y + 0.06 * s),
    ]
    sails = [
        [
            (x + 0.02 * s, y - 1.45 * s),
            (x + 0.05 * s, y - 0.26 * s),
            (x + 0.6 * s, y - 0.26 * s),
            (x + 0.32 * s, y - 0.8 * s),
        ],
        [
            (x - 0.03 * s, y - 1.3 * s),
            (x - 0.04 * s, y - 0.28 * s),
            (x - 0.5 * s, y - 0.24 * s),
            (x - 0.26 * s, y - 0.7 * s),
        ],
    ]
    mast = [
        (x - 0.012 * s, y - 1.5 * s),
        (x + 0.012 * s, y - 1.5 * s),
        (x + 0.012 * s, y),
        (x - 0.012 * s, y),
    ]
    fallen = [[(px, 2 * y + 0.12 * s - py * 1.0) for px, py in part] for part in (hull, *sails)]
    lay(stage.pixels, blur(cover(stage.size, fallen), 0.006) * 0.4, stage.palette.near)
    canvas = cover(stage.size, sails)
    lay(stage.pixels, canvas, mix(stage.palette.haze, stage.palette.rim, 0.4))
    shade = glow(stage.size, (x - 0.1, y - 0.1), 0.12)
    lay(stage.pixels, canvas * shade * 0.6, stage.far(0.3))
    lay(stage.pixels, cover(stage.size, [hull, mast]), stage.far(0.12))


def _paint_pier(stage: Stage) -> float:
    side = -_light_side(stage)
    near = stage.palette.near
    edge = stage.width * (0.64 if side > 0 else 0.36)
    deck_y = 0.885
    tip = edge - side * 0.26
    out = stage.width + 0.1 if side > 0 else -0.1
    deck = [(tip, deck_y), (out, deck_y), (out, 0.945), (tip - side * 0.03, 0.925)]
    posts = [
        ([(tip + side * d, deck_y - 0.045), (tip + side * d, 1.05)], 0.017)
        for d in np.arange(0.02, 1.4, 0.2)
    ]
    rope = [
        (
            [
                (tip + side * (d + t * 0.2), deck_y - 0.03 + 0.07 * t * (1 - t))
                for t in np.linspace(0, 1, 8)
            ],
            0.003,
        )
        for d in np.arange(0.02, 1.3, 0.2)
    ]
    mask = np.maximum(cover(stage.size, [deck]), strokes(stage.size, [*posts, *rope]))
    lay(stage.pixels, mask, near)
    planks = [
        ([(tip + side * d, deck_y + 0.003), (tip + side * (d * 1.02 - 0.015), 0.935)], 0.0016)
        for d in np.arange(0.03, 1.6, 0.045)
    ]
    lay(stage.pixels, strokes(stage.size, planks) * 0.5, stage.far(0.3))
    rim = cover(
        stage.size,
        [
            [
                (tip, deck_y - 0.001),
                (out, deck_y - 0.001),
                (out, deck_y + 0.003),
                (tip, deck_y + 0.003),
            ]
        ],
    )
    shine(stage.pixels, rim, stage.palette.rim, 0.35)
    return deck_y + 0.018


def paint_beach(*, stage: Stage) -> float:
    """Paint a bay: water above, foam along a curved line, wet sand that mirrors the sky."""
    top = stage.horizon - 0.04
    _paint_headland(stage, top=top)
    paint_water(stage=stage, top=top, calm=0.7)
    paint_haze(stage=stage, base=top, depth=0.03, strength=0.5)
    xs = np.linspace(0, 1, _POINTS)
    slope = (xs if _light_side(stage) > 0 else 1 - xs) * 0.1
    phase = float(stage.dice("shore").uniform(0, 6))
    swash = 0.016 * np.sin(xs * 9 + phase) + 0.006 * rough(stage.dice("foam"), _POINTS, cells=9)
    line = 0.73 + slope + swash
    _paint_breakers(stage, top=top, line=line)
    _paint_sand(stage, wet=line, dry=line + 0.085 - 0.4 * swash)
    shore = [(float(x) * stage.width, float(y)) for x, y in zip(xs[::6], line[::6], strict=True)]
    foam = blur(strokes(stage.size, [(shore, 0.008)]), 0.0015)
    lay(stage.pixels, foam * 0.85, mix(stage.palette.horizon, (1, 1, 1), 0.5))
    return 0.89


def _paint_sand(stage: Stage, *, wet: Floats, dry: Floats) -> None:
    size, palette = stage.size, stage.palette
    sand = mix((0.78, 0.62, 0.45), palette.horizon, 0.35)
    sand = mix(sand, palette.near, 0.6) if stage.is_dark else mix(sand, palette.haze, 0.25)
    mirror = mix(palette.lower, palette.horizon, 0.5)
    sheen = gradient(size, [(0.7, mix(mirror, sand, 0.3)), (0.95, mix(mirror, sand, 0.6))])
    lay(stage.pixels, cover(size, [under(wet, width=stage.width)]), sheen)
    mask = blur(cover(size, [under(dry, width=stage.width)]), 0.006)
    dune = gradient(size, [(0.75, sand), (1.0, mix(sand, palette.near, 0.45))])
    lay(stage.pixels, mask, dune)
    grains = receding(stage.dice("sand"), size, 0.6, stretch=2.5)
    lay(stage.pixels, mask * step(grains, 0.5, 0.3) * 0.3, mix(sand, palette.near, 0.6))


def _paint_breakers(stage: Stage, *, top: float, line: Floats) -> None:
    for layer, share in enumerate((0.35, 0.62, 0.84)):
        dice = stage.dice(f"breaker {layer}")
        xs = np.linspace(0, 1, _POINTS)
        crest = top + (line - top) * share + 0.006 * rough(dice, _POINTS, cells=6)
        wave = cover(
            stage.size,
            [under(crest.astype(np.float32), width=stage.width, floor=float(crest.max()))],
        )
        soft = step(rows(stage.size), float(crest.max()) + 0.02, float(crest.min()))
        lay(stage.pixels, wave * soft * 0.4, mix(stage.palette.upper, stage.palette.near, 0.4))
        broken = clouded(dice, stage.size, 9, octaves=3, stretch=3)
        points = [
            (float(x) * stage.width, float(y)) for x, y in zip(xs[::6], crest[::6], strict=True)
        ]
        foam = blur(strokes(stage.size, [(points, 0.004 + 0.006 * share)]), 0.001)
        lay(
            stage.pixels,
            foam * step(broken, 0.35, 0.6) * 0.9,
            mix(stage.palette.horizon, (1, 1, 1), 0.5),
        )
