"""Lamps: a bulb, and its glow in the air."""

from mutoscope.providers.local.canvas import (
    Point,
    cover,
    ellipse,
    glow,
    lay,
    mix,
    shine,
)
from mutoscope.providers.local.stage import Stage


def light_lamp(*, stage: Stage, at: Point, radius: float) -> None:
    """Light a lamp: its bulb, and its glow in the air."""
    power = stage.palette.lamps
    lay(stage.pixels, cover(stage.size, [ellipse(at, radius, radius * 1.4)]),
        mix(stage.palette.lamp, (1, 1, 0.92), 0.3 + 0.4 * power))  # fmt: skip
    shine(
        stage.pixels,
        glow(stage.size, at, radius * 3.2, power=2.1),
        stage.palette.lamp,
        0.85 * power,
    )
