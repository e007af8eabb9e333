"""Faces: a head in profile for a close-up, one eye for an extreme close-up.

Owns the one drawing of a face. A profile reads as a person from its outline alone, so the
outline is drawn with care and the light does the rest: it runs along brow, nose and chin.
"""

import numpy as np

from mutoscope.providers.local.canvas import (
    Colour,
    Floats,
    Point,
    blur,
    clouded,
    cover,
    dim,
    ellipse,
    lay,
    mix,
    shine,
    smooth,
    step,
    strokes,
)
from mutoscope.providers.local.figures import facing_light, light_edges
from mutoscope.providers.local.scene import Person, Prop, Side
from mutoscope.providers.local.stage import Stage

_PROFILE: tuple[Point, ...] = (
    (-0.05, 0.0), (0.11, 0.012), (0.225, 0.065), (0.29, 0.15), (0.318, 0.24), (0.335, 0.315),
    (0.338, 0.355), (0.322, 0.4), (0.328, 0.44), (0.362, 0.51), (0.402, 0.58), (0.418, 0.612),
    (0.405, 0.642), (0.362, 0.655), (0.345, 0.668), (0.352, 0.7), (0.37, 0.722), (0.368, 0.738),
    (0.345, 0.752), (0.36, 0.772), (0.358, 0.795), (0.325, 0.822), (0.318, 0.845), (0.332, 0.885),
    (0.328, 0.93), (0.298, 0.972), (0.245, 0.992), (0.17, 0.985), (0.085, 0.975), (0.035, 1.005),
    (0.018, 1.08), (0.03, 1.2), (0.05, 1.3), (-0.3, 1.42), (-0.37, 1.2), (-0.355, 1.05),
    (-0.36, 0.9), (-0.405, 0.72), (-0.44, 0.52), (-0.42, 0.29), (-0.325, 0.11), (-0.2, 0.025),
)  # fmt: skip
_SHOULDERS: tuple[Point, ...] = (
    (0.1, 1.24), (0.2, 1.36), (0.42, 1.5), (0.6, 1.75), (0.7, 2.3), (-1.15, 2.3), (-1.08, 1.85),
    (-0.9, 1.58), (-0.62, 1.42), (-0.42, 1.3), (-0.36, 1.16), (-0.22, 1.23), (-0.06, 1.28),
)  # fmt: skip
_BROW: tuple[Point, ...] = (
    (0.33, 0.345), (0.29, 0.318), (0.22, 0.322), (0.16, 0.348), (0.22, 0.338), (0.29, 0.337),
    (0.325, 0.36),
)  # fmt: skip
_EYE_WHITE: tuple[Point, ...] = (
    (0.292, 0.425), (0.262, 0.41), (0.215, 0.432), (0.25, 0.448), (0.285, 0.445),
)  # fmt: skip
_LIP: tuple[Point, ...] = (
    (0.36, 0.755), (0.352, 0.793), (0.315, 0.8), (0.275, 0.775), (0.32, 0.757),
)  # fmt: skip
_THROAT: tuple[Point, ...] = (
    (0.2, 0.985), (0.06, 0.95), (-0.06, 0.85), (-0.1, 0.72), (-0.3, 1.0), (-0.25, 1.35),
    (0.04, 1.3), (0.03, 1.02),
)  # fmt: skip
_SHORT_HAIR: tuple[Point, ...] = (
    (-0.06, -0.035), (0.12, -0.03), (0.25, 0.045), (0.295, 0.13), (0.24, 0.165), (0.17, 0.2),
    (0.14, 0.29), (0.09, 0.35), (0.05, 0.44), (0.035, 0.55), (0.0, 0.56), (-0.01, 0.47),
    (-0.06, 0.455), (-0.11, 0.52), (-0.12, 0.64), (-0.16, 0.76), (-0.25, 0.87), (-0.35, 0.97),
    (-0.385, 0.86), (-0.43, 0.7), (-0.465, 0.5), (-0.445, 0.27), (-0.345, 0.08), (-0.21, -0.01),
)  # fmt: skip
_LONG_HAIR: tuple[Point, ...] = (
    (-0.06, -0.045), (0.12, -0.03), (0.25, 0.05), (0.295, 0.16), (0.22, 0.19), (0.15, 0.3),
    (0.095, 0.45), (0.05, 0.6), (0.04, 0.78), (-0.01, 0.96), (-0.05, 1.14), (-0.03, 1.32),
    (-0.12, 1.5), (-0.3, 1.56), (-0.48, 1.5), (-0.56, 1.3), (-0.54, 1.05), (-0.53, 0.8),
    (-0.52, 0.5), (-0.48, 0.26), (-0.37, 0.06), (-0.22, -0.025),
)  # fmt: skip
_HAT: tuple[tuple[Point, ...], ...] = (
    (
        (-0.45, 0.21),
        (-0.445, 0.1),
        (-0.4, -0.1),
        (-0.31, -0.17),
        (-0.13, -0.14),
        (0.06, -0.18),
        (0.19, -0.1),
        (0.27, 0.08),
        (0.3, 0.18),
        (0.1, 0.22),
        (-0.2, 0.25),
    ),
    (
        (-0.7, 0.2),
        (-0.55, 0.2),
        (-0.3, 0.235),
        (0.0, 0.215),
        (0.3, 0.17),
        (0.56, 0.2),
        (0.62, 0.235),
        (0.4, 0.245),
        (0.1, 0.275),
        (-0.25, 0.31),
        (-0.55, 0.27),
    ),
)


def paint_close_up(*, stage: Stage) -> None:
    """Paint the first person in profile, looking towards the light."""
    person = stage.scene.people[0]
    turn = -1 if stage.scene.light is Side.LEFT else 1
    tall = 0.62
    crown = (stage.width * (0.5 - 0.09 * turn), 0.15)
    place = _Placing(crown, tall, turn)
    skin = mix((0.3, 0.19, 0.15), stage.palette.near, 0.5 if stage.is_dark else 0.3)
    skin = mix(skin, stage.palette.haze, 0.06)
    head = cover(stage.size, [smooth(place.all(_PROFILE), fineness=6)])
    coat = cover(stage.size, [smooth(place.all(_SHOULDERS), fineness=6)])
    lay(stage.pixels, head, skin)
    _model_face(stage, head, skin, tall)
    _paint_features(stage, place, skin)
    cloth = mix(stage.palette.near, stage.palette.accent, 0.16)
    lay(stage.pixels, coat, cloth)
    light_edges(stage=stage, mask=coat, reach=0.035, base=cloth)
    _paint_collar(stage, place, cloth)
    _paint_hair(stage, place, person=person)


class _Placing:
    """Puts points of a drawing, in head heights, where the head stands."""

    __slots__ = ("crown", "tall", "turn")

    def __init__(self, crown: Point, tall: float, turn: int) -> None:
        self.crown, self.tall, self.turn = crown, tall, turn

    def at(self, x: float, y: float) -> Point:
        return self.crown[0] + x * self.tall * self.turn, self.crown[1] + y * self.tall

    def all(self, points: tuple[Point, ...]) -> list[Point]:
        return [self.at(x, y) for x, y in points]


def _model_face(stage: Stage, head: Floats, skin: Colour, tall: float) -> None:
    lit = mix((0.95, 0.68, 0.5), stage.palette.rim, 0.55)
    wide = blur(facing_light(stage=stage, mask=head, reach=0.3 * tall), 0.012) * head
    middle = facing_light(stage=stage, mask=head, reach=0.11 * tall)
    thin = facing_light(stage=stage, mask=head, reach=0.025 * tall)
    shine(stage.pixels, wide, mix(skin, lit, 0.6), 0.62)
    shine(stage.pixels, middle, lit, 0.36)
    shine(stage.pixels, thin, mix(lit, (1, 1, 1), 0.25), 0.4)


def _paint_features(stage: Stage, place: _Placing, skin: Colour) -> None:
    dark = dim(skin, 0.28)
    _paint_profile_eye(stage, place, skin)
    lid = place.all(((0.305, 0.425), (0.288, 0.408), (0.258, 0.4), (0.215, 0.425), (0.195, 0.437)))
    mouth = place.all(((0.355, 0.748), (0.32, 0.752), (0.27, 0.765), (0.255, 0.772)))
    nostril = place.all(((0.37, 0.645), (0.35, 0.636), (0.33, 0.648)))
    wing = place.all(((0.325, 0.6), (0.305, 0.63), (0.318, 0.66), (0.335, 0.662)))
    tall = place.tall
    lines = strokes(
        stage.size, [(lid, 0.011 * tall), (mouth, 0.008 * tall), (nostril, 0.01 * tall)]
    )
    brow = cover(stage.size, [smooth(place.all(_BROW))])
    lay(stage.pixels, np.maximum(blur(lines, 0.0012), brow) * 0.9, dark)
    lay(stage.pixels, blur(strokes(stage.size, [(wing, 0.012 * tall)]), 0.005) * 0.6, dark)
    lip = cover(stage.size, [smooth(place.all(_LIP))])
    lay(stage.pixels, blur(lip, 0.003) * 0.3, mix(skin, (0.6, 0.16, 0.14), 0.6))
    throat = cover(stage.size, [smooth(place.all(_THROAT))])
    lay(stage.pixels, blur(throat, 0.016) * 0.6, dark)


def _paint_profile_eye(stage: Stage, place: _Placing, skin: Colour) -> None:
    tall = place.tall
    socket = cover(stage.size, [ellipse(place.at(0.25, 0.415), 0.075 * tall, 0.05 * tall)])
    lay(stage.pixels, blur(socket, 0.022) * 0.7, dim(skin, 0.28))
    white = cover(stage.size, [smooth(place.all(_EYE_WHITE))])
    lay(stage.pixels, white * 0.75, mix(skin, (0.95, 0.9, 0.85), 0.5))
    iris = cover(stage.size, [ellipse(place.at(0.275, 0.43), 0.0125 * tall, 0.019 * tall)])
    lay(stage.pixels, iris, (0.03, 0.025, 0.03))
    gleam = cover(stage.size, [ellipse(place.at(0.281, 0.424), 0.005 * tall, 0.006 * tall)])
    shine(stage.pixels, gleam, (1, 1, 1), 0.9)


def _paint_collar(stage: Stage, place: _Placing, cloth: Colour) -> None:
    scarf = smooth(
        place.all(
            (
                (0.07, 1.13),
                (0.13, 1.22),
                (0.12, 1.32),
                (-0.05, 1.33),
                (-0.32, 1.28),
                (-0.42, 1.18),
                (-0.39, 1.07),
                (-0.2, 1.13),
            )
        )
    )
    collar = smooth(
        place.all(
            (
                (-0.47, 1.13),
                (-0.4, 1.09),
                (-0.22, 1.28),
                (0.02, 1.4),
                (0.16, 1.44),
                (0.22, 1.62),
                (0.06, 1.72),
                (-0.2, 1.55),
                (-0.46, 1.38),
            )
        )
    )
    for outline, tint in (
        (scarf, mix(stage.palette.accent, stage.palette.near, 0.4)),
        (collar, mix(cloth, stage.palette.near, 0.25)),
    ):
        mask = cover(stage.size, [outline])
        lay(stage.pixels, blur(mask, 0.012) * 0.5, dim(cloth, 0.3))
        lay(stage.pixels, mask, tint)
        light_edges(stage=stage, mask=mask, reach=0.018, base=tint)


def _paint_hair(stage: Stage, place: _Placing, *, person: Person) -> None:
    dice = stage.dice("hair")
    tint = mix(
        ((0.07, 0.05, 0.05), (0.2, 0.1, 0.05), (0.26, 0.17, 0.09))[int(dice.integers(3))],
        stage.palette.near,
        0.4,
    )
    outline = _LONG_HAIR if person is Person.WOMAN else _SHORT_HAIR
    hair = cover(stage.size, [smooth(place.all(outline), fineness=6)])
    ear_at = place.at(-0.055, 0.575)
    if person is not Person.WOMAN:
        ear = cover(stage.size, [ellipse(ear_at, 0.048 * place.tall, 0.085 * place.tall)])
        lay(
            stage.pixels,
            ear,
            mix(mix((0.5, 0.3, 0.23), stage.palette.near, 0.55), stage.palette.rim, 0.1),
        )
        inner = cover(
            stage.size, [ellipse(place.at(-0.06, 0.58), 0.022 * place.tall, 0.05 * place.tall)]
        )
        lay(stage.pixels, blur(inner, 0.004) * 0.8, dim(tint, 0.6))
    lay(stage.pixels, hair, tint)
    strands = clouded(
        dice, stage.size, 2.5, octaves=2, stretch=0.03 if person is Person.WOMAN else 0.06
    )
    shine(stage.pixels, hair * step(strands, 0.5, 0.9), mix(tint, stage.palette.rim, 0.5), 0.2)
    light_edges(stage=stage, mask=hair, reach=0.05 * place.tall, base=tint)
    if Prop.HAT in stage.scene.props and person is Person.MAN:
        hat = cover(stage.size, [smooth(place.all(part), fineness=6) for part in _HAT])
        felt = mix(stage.palette.near, (0.16, 0.12, 0.1), 0.4)
        lay(stage.pixels, hat, felt)
        light_edges(stage=stage, mask=hat, reach=0.05 * place.tall, base=felt)
