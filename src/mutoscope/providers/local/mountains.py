"""Mountains: ranges that fade into the haze, and a valley with a river."""

import numpy as np

from mutoscope.providers.local.canvas import (
    box,
    cover,
    gradient,
    lay,
    mix,
    rough,
    shine,
    step,
    under,
)
from mutoscope.providers.local.ground import paint_haze, receding
from mutoscope.providers.local.slopes import paint_conifers, paint_ledge, paint_slope, range_line
from mutoscope.providers.local.stage import Stage

_POINTS = 700


def paint_mountain(*, stage: Stage) -> float:
    """Paint ranges that fade into the haze, a snowy peak among them, and a ledge in front."""
    for layer, (distance, base, tall, cells) in enumerate(
        ((0.82, 0.6, 0.3, 3), (0.6, 0.66, 0.36, 3), (0.38, 0.72, 0.2, 5), (0.2, 0.82, 0.15, 6))
    ):
        line = range_line(stage, f"range {layer}", base=base, tall=tall, cells=cells)
        mask = cover(stage.size, [under(line, width=stage.width)])
        paint_slope(stage, mask, line, distance=distance)
        paint_haze(stage=stage, base=base + 0.02, depth=0.1, strength=0.7 * distance + 0.2)
    paint_conifers(stage, base=0.9, tall=0.17, count=26, distance=0.08)
    return paint_ledge(stage, high=0.86)


def paint_valley(*, stage: Stage) -> float:
    """Paint mountains that open on a river which winds towards the light."""
    for layer, (distance, base, tall) in enumerate(((0.84, 0.6, 0.24), (0.66, 0.64, 0.3))):
        line = range_line(stage, f"range {layer}", base=base, tall=tall, cells=3)
        mask = cover(stage.size, [under(line, width=stage.width)])
        paint_slope(stage, mask, line, distance=distance)
        paint_haze(stage=stage, base=base, depth=0.08, strength=0.6)
    floor = cover(stage.size, [box(-0.1, 0.645, stage.width + 0.1, 1.1)])
    meadow = mix(
        mix((0.26, 0.36, 0.2), stage.palette.horizon, 0.2),
        stage.palette.near,
        0.6 if stage.is_dark else 0.25,
    )
    far, middle = mix(stage.palette.haze, meadow, 0.3), mix(stage.palette.haze, meadow, 0.75)
    lay(
        stage.pixels,
        floor,
        gradient(
            stage.size, [(0.645, far), (0.74, middle), (0.95, mix(meadow, stage.palette.near, 0.5))]
        ),
    )
    groves = receding(stage.dice("groves"), stage.size, 0.63, fineness=0.5, stretch=3)
    lay(stage.pixels, floor * step(groves, 0.5, 0.3) * 0.45, mix(meadow, stage.palette.near, 0.6))
    _paint_river(stage)
    for side, distance, high in ((-1, 0.5, 0.34), (1, 0.42, 0.3), (-1, 0.26, 0.16), (1, 0.2, 0.2)):
        _paint_flank(stage, side=side, distance=distance, high=high)
        paint_haze(stage=stage, base=0.9 - 0.25 * distance, depth=0.06, strength=0.3)
    paint_conifers(stage, base=0.93, tall=0.2, count=24, distance=0.03)
    return paint_ledge(stage, high=0.87)


def _paint_flank(stage: Stage, *, side: int, distance: float, high: float) -> None:
    xs = np.linspace(0, 1, _POINTS)
    away = np.clip((0.5 - xs) if side < 0 else (xs - 0.5), 0, 1) * 2
    bumps = 0.02 * rough(stage.dice(f"flank {side} {high}"), _POINTS, cells=7, decay=0.6)
    line = (1.0 - 0.3 * distance - high * away**1.4 * 1.9 - bumps * (0.2 + away)).astype(np.float32)
    mask = cover(stage.size, [under(line, width=stage.width)])
    paint_slope(stage, mask, line, distance=distance)


def _paint_river(stage: Stage) -> None:
    share = np.linspace(0, 1, 60)
    ys = 0.645 + 0.37 * share**1.7
    middle = (
        stage.width * 0.5 + 0.2 * np.sin(share * 7.5 + 0.6) * (0.25 + share) * stage.width * 0.5
    )
    half = 0.003 + 0.11 * share**2.4
    left = list(zip((middle - half).tolist(), ys.tolist(), strict=True))
    right = list(zip((middle + half).tolist(), ys.tolist(), strict=True))
    mask = cover(stage.size, [[*left, *reversed(right)]])
    sky = mix(stage.palette.horizon, stage.palette.glow, 0.3)
    lay(
        stage.pixels,
        mask,
        gradient(stage.size, [(0.64, sky), (0.8, stage.palette.lower), (1, stage.palette.upper)]),
    )
    waves = receding(stage.dice("river"), stage.size, 0.62, stretch=4)
    lay(stage.pixels, mask * step(waves, 0.5, 0.3) * 0.35, stage.palette.near)
    shine(stage.pixels, mask * step(waves, 0.55, 0.75), stage.palette.glow, 0.25)
