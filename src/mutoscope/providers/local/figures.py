"""People seen whole or from the waist up, as silhouettes with a rim of light.

Owns how a person is built and where a group stands. People look away from the camera, into the
picture: the oldest trick to make a viewer enter a landscape. The head is an eighth of a man's
height, a fifth of a child's; a group stands on a third of the picture, opposite the light.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

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
    rows,
    shifted,
    shine,
    smooth,
    step,
    strokes,
)
from mutoscope.providers.local.chance import happens
from mutoscope.providers.local.scene import INDOORS, Person, Prop, ShotSize, Side, Weather
from mutoscope.providers.local.stage import Stage

Polygon = Sequence[Point]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a person stands: the feet, the height and which way the body turns (1 or -1)."""

    person: Person
    feet: Point
    height: float
    turn: int
    is_walking: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Clothes:
    """The parts of a silhouette in units of its own height, from the crown (0) to the feet (1)."""

    body: tuple[Polygon, ...]
    hair: tuple[Polygon, ...]
    accent: tuple[Polygon, ...]


_SHARES = {Person.MAN: 1.0, Person.WOMAN: 0.94, Person.CHILD: 0.64}

_HEIGHTS = {
    ShotSize.EXTREME_WIDE: 0.085,
    ShotSize.WIDE: 0.23,
    ShotSize.FULL: 0.6,
    ShotSize.MEDIUM: 1.62,
    ShotSize.CLOSE_UP: 2.6,
    ShotSize.EXTREME_CLOSE_UP: 2.6,
}
_DETAILED = 0.4  # heights above which a coat shows its seams
_SEAMS: tuple[tuple[Point, ...], ...] = (
    ((0.0, 0.18), (0.001, 0.4), (-0.001, 0.66)),
    ((0.098, 0.225), (0.104, 0.33), (0.106, 0.45)),
    ((-0.098, 0.225), (-0.104, 0.33), (-0.106, 0.45)),
    ((-0.1, 0.395), (0.0, 0.402), (0.1, 0.395)),
    ((-0.055, 0.19), (0.0, 0.2), (0.055, 0.19)),
)
_GROUP_MAX = 3  # more people make a crowd, which stands closer
_SPREAD = 0.34  # of a height between two people of a group


def paint_people(*, stage: Stage, ground: float) -> None:
    """Paint the scene's people standing at a height of the picture."""
    group = stand(stage=stage, ground=ground)
    _paint_shadows(stage, group)
    leading = next((one for one in group if one.person is Person.WOMAN), None)
    dressed = [(one, _dressed(stage, one, is_leading=one is leading)) for one in group]
    hair = cover(stage.size, _placed(dressed, lambda clothes: clothes.hair))
    body = cover(stage.size, _placed(dressed, lambda clothes: clothes.body))
    accent = cover(stage.size, _placed(dressed, lambda clothes: clothes.accent))
    tall = group[0].height
    for mask, tint in (
        (body, mix(stage.palette.near, stage.palette.haze, 0.07)),
        (accent, mix(stage.palette.accent, stage.palette.near, 0.45 if stage.is_dark else 0.3)),
        (hair, mix(stage.palette.near, (0.16, 0.09, 0.06), 0.35)),
    ):
        lay(stage.pixels, mask, tint)
        light_edges(stage=stage, mask=mask, reach=min(0.035 * tall, 0.03), base=tint)
        if mask is hair:
            continue
        _paint_seams(stage, group, mask)
    _paint_strands(stage, hair)
    _paint_umbrellas(stage, group)


def stand(*, stage: Stage, ground: float) -> tuple[Standing, ...]:
    """Place the group: near a third of the width, opposite the light."""
    shot, dice = stage.scene.shot, stage.dice("people")
    height = _HEIGHTS[shot]
    feet = ground if shot in {ShotSize.EXTREME_WIDE, ShotSize.WIDE} else _feet(shot, height)
    people = stage.scene.people
    spread = _SPREAD * height * (0.82 if len(people) > _GROUP_MAX else 1)
    middle = (0.36 if stage.scene.light is Side.RIGHT else 0.64) * stage.width
    start = middle - spread * (len(people) - 1) / 2
    turn = 1 if stage.scene.light is Side.RIGHT else -1
    return tuple(
        Standing(
            person=person,
            feet=(
                start + spread * (place + float(dice.uniform(-0.12, 0.12))),
                feet + height * float(dice.uniform(-0.012, 0.012)),
            ),
            height=height * _SHARES[person] * float(dice.uniform(0.97, 1.03)),
            turn=turn if happens(dice, 0.8) else -turn,
            is_walking=bool(happens(dice, 0.55)),
        )
        for place, person in enumerate(people)
    )


def light_edges(*, stage: Stage, mask: Floats, reach: float, base: Colour) -> None:
    """Shine the main light on the side of a silhouette that faces it."""
    edge = facing_light(stage=stage, mask=mask, reach=reach * 0.35)
    soft = facing_light(stage=stage, mask=mask, reach=reach * 1.8)
    rim = mix(stage.palette.rim, base, 0.12)
    shine(stage.pixels, edge, rim, 0.62)
    shine(stage.pixels, soft, mix(base, stage.palette.rim, 0.45), 0.22)


def facing_light(*, stage: Stage, mask: Floats, reach: float) -> Floats:
    """Return the part of a mask that faces the light, as deep as `reach`."""
    side = {Side.LEFT: -1, Side.CENTRE: 0, Side.RIGHT: 1}[stage.scene.light]
    across = -round(side * reach * stage.size.height)
    down = max(round(reach * 0.55 * stage.size.height), 1)
    away = shifted(blur(mask, reach * 0.5), across=across, down=down)
    return np.clip(mask - away, 0, 1)


def _feet(shot: ShotSize, height: float) -> float:
    return 0.94 if shot is ShotSize.FULL else 0.17 + height


def _dressed(stage: Stage, one: Standing, *, is_leading: bool) -> Clothes:
    is_hatted = Prop.HAT in stage.scene.props and one.person is Person.MAN
    if one.person is Person.WOMAN:
        return _woman(is_walking=one.is_walking, is_leading=is_leading)
    if one.person is Person.CHILD:
        return _child()
    return _man(is_walking=one.is_walking, is_hatted=is_hatted)


def _placed(
    dressed: Iterable[tuple[Standing, Clothes]], part: Callable[[Clothes], tuple[Polygon, ...]]
) -> list[list[Point]]:
    return [
        [
            (
                one.feet[0] + x * one.height * one.turn,
                one.feet[1] - (1 - y) * one.height,
            )
            for x, y in polygon
        ]
        for one, clothes in dressed
        for polygon in part(clothes)
    ]


def _legs(*, top: float, half: float, is_walking: bool) -> tuple[Polygon, ...]:
    if is_walking:
        fore = [(-0.01, top), (half, top), (half + 0.015, 0.8), (0.115, 0.965), (0.165, 0.985),
                (0.165, 1.0), (0.08, 1.0), (0.045, 0.83)]  # fmt: skip
        hind = [(-half, top), (0.01, top), (0.0, 0.8), (-0.075, 0.93), (-0.06, 0.985),
                (-0.085, 0.995), (-0.135, 0.955), (-0.07, 0.8)]  # fmt: skip
        return fore, hind
    left = [(-half, top), (-0.004, top), (-0.014, 0.82), (-0.022, 0.965), (-0.018, 1.0),
            (-0.088, 1.0), (-0.084, 0.98), (-0.066, 0.96), (-half + 0.004, 0.8)]  # fmt: skip
    return left, [(-x, y) for x, y in left]


def _man(*, is_walking: bool, is_hatted: bool) -> Clothes:
    right = [
        (0.03, 0.118), (0.036, 0.142), (0.075, 0.158), (0.118, 0.182), (0.136, 0.235),
        (0.147, 0.33), (0.155, 0.43), (0.15, 0.485), (0.128, 0.5), (0.116, 0.475),
        (0.112, 0.44), (0.118, 0.55), (0.128, 0.665),
    ]  # fmt: skip
    coat = smooth([*right, (0.0, 0.675), *[(-x, y) for x, y in reversed(right)]], fineness=5)
    head = smooth([(0, 0.0), (0.034, 0.014), (0.045, 0.05), (0.043, 0.08), (0.03, 0.115),
                   (0.0, 0.13), (-0.03, 0.115), (-0.043, 0.08), (-0.045, 0.05),
                   (-0.034, 0.014)])  # fmt: skip
    collar = [(-0.052, 0.13), (0.052, 0.13), (0.062, 0.16), (-0.062, 0.16)]
    hair: tuple[Polygon, ...] = (
        smooth([(0, -0.004), (0.036, 0.01), (0.048, 0.045), (0.045, 0.075), (0.0, 0.098),
                (-0.045, 0.075), (-0.048, 0.045), (-0.036, 0.01)]),
    )  # fmt: skip
    if is_hatted:
        crown = smooth([(-0.048, 0.035), (-0.044, -0.012), (-0.02, -0.03), (0.0, -0.024),
                        (0.02, -0.03), (0.044, -0.012), (0.048, 0.035)])  # fmt: skip
        hair = (*hair, crown, ellipse((0.004, 0.036), 0.088, 0.0145))
    legs = _legs(top=0.64, half=0.085, is_walking=is_walking)
    return Clothes(body=(coat, head, *legs), hair=hair, accent=(collar,))


def _woman(*, is_walking: bool, is_leading: bool) -> Clothes:
    right = [
        (0.024, 0.125), (0.03, 0.148), (0.06, 0.163), (0.096, 0.186), (0.11, 0.24),
        (0.118, 0.33), (0.122, 0.42), (0.116, 0.47), (0.098, 0.475), (0.088, 0.43),
        (0.09, 0.5), (0.118, 0.62), (0.148, 0.76),
    ]  # fmt: skip
    dress = smooth([*right, (0.0, 0.775), *[(-x, y) for x, y in reversed(right)]], fineness=5)
    head = ellipse((0, 0.066), 0.042, 0.062)
    hair = smooth([(0, -0.006), (0.034, 0.004), (0.048, 0.036), (0.05, 0.075), (0.056, 0.115),
                   (0.052, 0.16), (0.038, 0.2), (0.014, 0.222), (-0.012, 0.218), (-0.038, 0.205),
                   (-0.054, 0.165), (-0.056, 0.12), (-0.05, 0.075), (-0.048, 0.036),
                   (-0.034, 0.004)])  # fmt: skip
    legs = _legs(top=0.72, half=0.06, is_walking=is_walking)
    if is_leading:
        return Clothes(body=(head, *legs), hair=(hair,), accent=(dress,))
    return Clothes(body=(dress, head, *legs), hair=(hair,), accent=())


def _child() -> Clothes:
    right = [
        (0.035, 0.185), (0.05, 0.21), (0.105, 0.24), (0.14, 0.31), (0.16, 0.44), (0.15, 0.5),
        (0.125, 0.49), (0.118, 0.44), (0.125, 0.6), (0.125, 0.66),
    ]  # fmt: skip
    coat = smooth([*right, (0.0, 0.67), *[(-x, y) for x, y in reversed(right)]], fineness=5)
    head = ellipse((0, 0.1), 0.076, 0.1)
    hair = smooth([(0, -0.01), (0.06, 0.01), (0.086, 0.07), (0.08, 0.13), (0.0, 0.165),
                   (-0.08, 0.13), (-0.086, 0.07), (-0.06, 0.01)])  # fmt: skip
    bag = smooth([(-0.07, 0.27), (0.07, 0.27), (0.082, 0.4), (0.07, 0.47), (-0.07, 0.47),
                  (-0.082, 0.4)])  # fmt: skip
    legs = _legs(top=0.62, half=0.1, is_walking=False)
    return Clothes(body=(coat, head, *legs), hair=(hair,), accent=(bag,))


def _paint_seams(stage: Stage, group: tuple[Standing, ...], mask: Floats) -> None:
    lines: list[tuple[list[Point], float]] = []
    for one in group:
        if one.height < _DETAILED:
            continue
        for seam in _SEAMS:
            placed = [
                (one.feet[0] + x * one.height, one.feet[1] - (1 - y) * one.height) for x, y in seam
            ]
            lines.append((placed, 0.0035 * one.height))
    folds = blur(strokes(stage.size, lines), 0.0016) * mask
    lay(stage.pixels, folds * 0.55, dim(stage.palette.near, 0.6))


def _paint_strands(stage: Stage, hair: Floats) -> None:
    if stage.scene.shot is not ShotSize.MEDIUM:
        return
    strands = clouded(stage.dice("strands"), stage.size, 3, octaves=2, stretch=0.035)
    shine(stage.pixels, hair * step(strands, 0.5, 0.85), stage.palette.rim, 0.1)


def _paint_shadows(stage: Stage, group: tuple[Standing, ...]) -> None:
    if stage.scene.shot is ShotSize.MEDIUM:
        return
    shades = [
        ellipse((one.feet[0], one.feet[1] + 0.005 * one.height), 0.2 * one.height,
                0.022 * one.height)
        for one in group
    ]  # fmt: skip
    soft = blur(cover(stage.size, shades), 0.02 * group[0].height)
    lay(stage.pixels, soft * 0.6, dim(stage.palette.near, 0.6))
    cast = [_cast_shadow(stage, one) for one in group]
    length = blur(cover(stage.size, cast), 0.008 * group[0].height)
    below = step(rows(stage.size), 1.15, max(one.feet[1] for one in group) - 0.02)
    power = min(stage.palette.sun_power, 0.8)
    lay(stage.pixels, length * below * 0.5 * power, dim(stage.palette.near, 0.7))


def _cast_shadow(stage: Stage, one: Standing) -> Polygon:
    lean = (one.feet[0] - stage.sun[0]) * 0.6
    tip = (one.feet[0] + lean * one.height * 2, one.feet[1] + 0.55 * one.height)
    half = 0.07 * one.height
    return [
        (one.feet[0] - half, one.feet[1]),
        (one.feet[0] + half, one.feet[1]),
        (tip[0] + half * 1.3, tip[1]),
        (tip[0] - half * 1.3, tip[1]),
    ]


def _paint_umbrellas(stage: Stage, group: tuple[Standing, ...]) -> None:
    is_wet = stage.scene.weather is Weather.RAIN and stage.scene.place not in INDOORS
    if not (is_wet or Prop.UMBRELLA in stage.scene.props):
        return
    first = group[0]
    if Prop.HAT in stage.scene.props and Prop.UMBRELLA not in stage.scene.props:
        return
    tall = first.height
    centre, top = first.feet[0] + 0.07 * tall * first.turn, first.feet[1] - 1.2 * tall
    dome = [
        (centre - 0.33 * tall * float(np.cos(t)), top + 0.2 * tall * (1 - float(np.sin(t))))
        for t in np.linspace(0, np.pi, 40)
    ]
    scallops = [
        (
            centre + 0.33 * tall * (1 - 2 * t),
            top + 0.2 * tall - 0.02 * tall * abs(float(np.sin(t * np.pi * 5))),
        )
        for t in np.linspace(0, 1, 40)
    ]
    pole = [(centre - 0.006 * tall, top - 0.03 * tall), (centre + 0.006 * tall, top - 0.03 * tall),
            (centre + 0.006 * tall, first.feet[1] - 0.55 * tall),
            (centre - 0.006 * tall, first.feet[1] - 0.55 * tall)]  # fmt: skip
    lay(stage.pixels, cover(stage.size, [pole]), stage.palette.near)
    canopy = cover(stage.size, [[*dome, *scallops]])
    tint = mix(stage.palette.accent, stage.palette.near, 0.2)
    lay(stage.pixels, canopy, tint)
    light_edges(stage=stage, mask=canopy, reach=0.04 * tall, base=tint)
