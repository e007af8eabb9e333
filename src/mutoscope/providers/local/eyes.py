"""One eye that fills the frame, for an extreme close-up."""

import numpy as np

from mutoscope.providers.local.canvas import (
    Colour,
    Floats,
    Point,
    blur,
    clouded,
    columns,
    cover,
    dim,
    ellipse,
    glow,
    gradient,
    lay,
    mix,
    rows,
    shine,
    smooth,
    step,
    strokes,
)
from mutoscope.providers.local.scene import Side
from mutoscope.providers.local.stage import Stage


def paint_eye(*, stage: Stage) -> None:
    """Paint one eye that fills the frame, lit from one side."""
    skin = mix((0.55, 0.36, 0.27), stage.palette.haze, 0.2)
    skin = mix(skin, stage.palette.near, 0.45) if stage.is_dark else skin
    side = -1 if stage.scene.light is Side.LEFT else 1
    centre = (stage.width * (0.5 - 0.06 * side), 0.54)
    _paint_skin(stage, centre, skin, side=side)
    opening = _lids(centre, side=side)
    ball = cover(stage.size, [opening])
    lay(
        stage.pixels,
        ball,
        gradient(
            stage.size,
            [
                (0.38, dim(skin, 0.5)),
                (0.58, mix(skin, (0.92, 0.9, 0.88), 0.75)),
                (0.68, dim(skin, 0.9)),
            ],
        ),
    )
    _paint_iris(stage, centre, ball)
    shadow = blur(np.clip(ball - np.roll(ball, int(0.05 * stage.size.height), axis=0), 0, 1), 0.014)
    lay(stage.pixels, shadow * ball * 0.75, dim(skin, 0.12))
    _paint_lashes(stage, opening, skin, side=side)


def _lids(centre: Point, *, side: int) -> list[Point]:
    x, y = centre
    shape = ((-0.46, 0.045), (-0.36, -0.045), (-0.2, -0.135), (-0.02, -0.172), (0.17, -0.145),
             (0.34, -0.055), (0.46, 0.05), (0.505, 0.1), (0.4, 0.092), (0.24, 0.135), (0.04, 0.155),
             (-0.16, 0.14), (-0.33, 0.095))  # fmt: skip
    return smooth([(x + dx * side, y + dy) for dx, dy in shape])


def _paint_skin(stage: Stage, centre: Point, skin: Colour, *, side: int) -> None:
    size = stage.size
    light = glow(size, (centre[0] + side * 0.75, 0.4), 0.75, power=2.4)
    pores = clouded(stage.dice("pores"), size, 60, octaves=3)
    soft = clouded(stage.dice("skin"), size, 3, octaves=3)
    tone = (0.12 + 1.45 * light) * (0.88 + 0.14 * soft + 0.12 * (pores - 0.5))
    warm = np.asarray(mix(skin, stage.palette.rim, 0.25), dtype=np.float32)
    stage.pixels[:] = warm * tone[..., None].astype(np.float32)
    x, y = centre
    fold = [
        (x + dx * side, y + dy)
        for dx, dy in (
            (-0.47, -0.02),
            (-0.3, -0.16),
            (-0.04, -0.245),
            (0.22, -0.215),
            (0.44, -0.09),
            (0.54, 0.02),
        )
    ]
    lay(
        stage.pixels,
        blur(strokes(size, [(smooth(fold)[: 5 * 8], 0.018)]), 0.008) * 0.75,
        dim(skin, 0.16),
    )
    hollow = blur(cover(size, [ellipse((x - 0.5 * side, y - 0.12), 0.2, 0.24)]), 0.09)
    lay(stage.pixels, hollow * 0.65, dim(skin, 0.14))
    bag = blur(
        strokes(
            size,
            [
                (
                    [
                        (x + dx * side, y + dy)
                        for dx, dy in ((-0.42, 0.15), (-0.2, 0.235), (0.1, 0.255), (0.36, 0.19))
                    ],
                    0.03,
                )
            ],
        ),
        0.022,
    )
    lay(stage.pixels, bag * 0.4, dim(skin, 0.2))
    _paint_brow(stage, centre, side=side)


def _paint_brow(stage: Stage, centre: Point, *, side: int) -> None:
    dice = stage.dice("brow")
    hairs: list[tuple[list[Point], float]] = []
    for _ in range(900):
        share = float(dice.random())
        x = -0.52 + 1.12 * share
        arch = -0.4 - 0.09 * np.sin(np.pi * min(share * 1.15, 1)) + 0.06 * share**2
        y = arch + float(dice.normal(0, 0.02)) * (1.1 - 0.7 * share)
        long = 0.055 * (0.6 + float(dice.random()))
        turn = 1.1 - 1.0 * share + float(dice.normal(0, 0.12))
        root = (centre[0] + x * side, centre[1] + y)
        tip = (root[0] + long * float(np.cos(turn)) * side, root[1] - long * float(np.sin(turn)))
        hairs.append(([root, tip], 0.0022))
    shape = strokes(stage.size, hairs)
    tint = mix(stage.palette.near, (0.1, 0.06, 0.04), 0.6)
    lay(stage.pixels, blur(shape, 0.014) * 0.55, tint)
    lay(stage.pixels, blur(shape, 0.0008) * 0.8, tint)


def _paint_iris(stage: Stage, centre: Point, ball: Floats) -> None:
    dice = stage.dice("iris")
    x, y, radius = centre[0], centre[1] - 0.012, 0.152
    across, down = (columns(stage.size) - x) / radius, (rows(stage.size) - y) / radius
    far = np.sqrt(across**2 + down**2)
    turn = np.arctan2(down, across)
    fibres = sum(
        np.sin(turn * n + float(dice.uniform(0, 6))) * float(dice.uniform(0.3, 1))
        for n in (13, 21, 34, 47, 61)
    )
    hue = ((0.24, 0.42, 0.55), (0.42, 0.28, 0.12), (0.27, 0.42, 0.25))[int(dice.integers(3))]
    tone = (0.55 + 0.12 * fibres) * step(far, 1.05, 0.75) * (0.6 + 0.9 * step(down, -0.6, 0.8))
    colours = (
        np.asarray(hue, dtype=np.float32)
        * np.clip(tone, 0.02, 2)[..., None].astype(np.float32)
        * 1.5
    )
    mask = step(far, 1.02, 0.97) * ball
    lay(stage.pixels, mask, colours.astype(np.float32))
    lay(stage.pixels, step(far, 0.44, 0.4) * ball, (0.008, 0.008, 0.012))
    side = -1 if stage.scene.light is Side.LEFT else 1
    gleam = (x + side * 0.05, y - 0.055)
    window = [
        [
            (gleam[0] - 0.024, gleam[1] - 0.03),
            (gleam[0] + 0.024, gleam[1] - 0.034),
            (gleam[0] + 0.024, gleam[1] + 0.026),
            (gleam[0] - 0.024, gleam[1] + 0.024),
        ]
    ]
    light = cover(stage.size, window)
    bars = strokes(
        stage.size, [([(gleam[0], gleam[1] - 0.04), (gleam[0], gleam[1] + 0.03)], 0.005)]
    )
    shine(
        stage.pixels,
        blur(np.clip(light - bars, 0, 1), 0.002) * ball,
        mix(stage.palette.glow, (1, 1, 1), 0.5),
        1.0,
    )
    shine(
        stage.pixels,
        glow(stage.size, (x - side * 0.06, y + 0.07), 0.03) * mask,
        stage.palette.horizon,
        0.25,
    )


def _paint_lashes(stage: Stage, opening: list[Point], skin: Colour, *, side: int) -> None:
    upper = opening[: 7 * 8]
    rim = strokes(stage.size, [(upper, 0.02)])
    lower = strokes(stage.size, [(opening[7 * 8 :], 0.007)])
    lay(stage.pixels, blur(rim, 0.003), dim(stage.palette.near, 0.5))
    lay(stage.pixels, blur(lower, 0.003) * 0.8, mix(dim(skin, 0.35), (0.5, 0.2, 0.18), 0.2))
    dice = stage.dice("lashes")
    hairs: list[tuple[list[Point], float]] = []
    for place in range(3, len(upper)):
        x, y = upper[place]
        share = place / len(upper)
        clump = float(np.sin(place * 1.9)) * 0.18
        long = (0.04 + 0.085 * share) * float(dice.uniform(0.7, 1.2))
        lean = (share - 0.4) * 1.8 + clump
        bend = (x + side * long * lean * 0.3, y - long * 0.3)
        tip = (x + side * long * lean, y - long * (0.95 + 0.1 * clump))
        hairs += [([(x, y), bend], 0.0052), ([bend, tip], 0.0026)]
    lay(stage.pixels, strokes(stage.size, hairs) * 0.95, dim(stage.palette.near, 0.4))
