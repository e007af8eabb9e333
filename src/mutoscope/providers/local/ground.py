"""What lies under the horizon: noise in perspective, water that reflects, and wet streets."""

import numpy as np

from mutoscope.providers.local.canvas import (
    Floats,
    Size,
    clouded,
    columns,
    lay,
    mix,
    rows,
    shine,
    step,
)
from mutoscope.providers.local.stage import Stage

_TEXTURE = Size(512, 512)


def receding(
    dice: np.random.Generator, size: Size, top: float, *, fineness: float = 1.0, stretch: float = 3
) -> Floats:
    """Return noise on a plane that recedes to a height; above it there is none."""
    texture = clouded(dice, _TEXTURE, 24, octaves=4)
    away = rows(size) - top
    depth = 1 / np.maximum(away + 0.02, 0.02)
    down = (depth * 90 * fineness).astype(np.int32) % _TEXTURE.height
    middle = size.aspect / 2
    across = np.floor((columns(size) - middle) * depth * 90 * fineness / stretch).astype(np.int32)
    noise: Floats = texture[down, (across + _TEXTURE.width // 2) % _TEXTURE.width]
    return noise * step(away, 0.0, 0.01)


def paint_water(*, stage: Stage, top: float, calm: float = 0.5) -> None:
    """Paint water below a height: what stands above it mirrored, waves, and the light's path."""
    waves = receding(stage.dice("waves"), stage.size, top, stretch=4)
    _mirror(stage, top, waves, reach=0.035 * (1.4 - calm))
    away = rows(stage.size) - top
    below = step(away, 0.0, 0.004)
    body = mix(stage.palette.upper, stage.palette.near, 0.5)
    lay(stage.pixels, below * (0.22 + 0.5 * step(away, 0.0, 0.45)) * np.ones_like(waves), body)
    crests = below * step(waves, 0.52, 0.8) * step(away, 0.5, 0.02)
    shine(stage.pixels, crests, stage.palette.horizon, 0.16)
    troughs = below * step(waves, 0.5, 0.25) * step(away, 0.0, 0.3)
    lay(stage.pixels, troughs * 0.35, mix(body, stage.palette.near, 0.6))
    _paint_light_path(stage, waves, top)


def _mirror(stage: Stage, top: float, waves: Floats, reach: float) -> None:
    size = stage.size
    first = min(int(top * size.height) + 1, size.height - 1)
    below = np.arange(first, size.height)
    sway = (
        (waves[below] - 0.5) * reach * size.height * (0.3 + (below - first)[:, None] / size.height)
    )
    mirrored = np.clip(2 * first - below[:, None] - 1 + sway * 4, 0, first - 1).astype(np.int32)
    shift = np.clip(np.arange(size.width)[None, :] + sway * 2, 0, size.width - 1).astype(np.int32)
    stage.pixels[below] = stage.pixels[mirrored, shift] * np.float32(0.8)


def _paint_light_path(stage: Stage, waves: Floats, top: float) -> None:
    power = stage.palette.sun_power
    if stage.sun[1] > top or not power:
        return
    away = np.maximum(rows(stage.size) - top, 0)
    spread = 0.035 + away * 0.34
    path = np.exp(-(((columns(stage.size) - stage.sun[0]) / spread) ** 2)).astype(np.float32)
    sparkle = step(waves, 0.47, 0.7) * step(away, 0.0, 0.008)
    shine(stage.pixels, path * sparkle * step(away, 0.62, 0.0), stage.palette.glow, 1.1 * power)


def paint_wet(*, stage: Stage, ground: Floats, top: float, strength: float) -> None:
    """Lay a smeared mirror image of the lights over a mask of ground below a height."""
    size = stage.size
    first = min(int(top * size.height) + 1, size.height - 1)
    below = np.arange(first, size.height)
    rough = receding(stage.dice("wet"), size, top, stretch=2)[below]
    mirrored = np.clip(2 * first - below, 0, first - 1)
    image = stage.pixels[mirrored]
    smear = 0.05
    kernel = max(int(smear * size.height), 2)
    sums = np.cumsum(np.pad(image, ((kernel, kernel), (0, 0), (0, 0)), mode="edge"), axis=0)
    smooth = (sums[2 * kernel :] - sums[: -2 * kernel]) / np.float32(2 * kernel)
    share = (strength * step(rough, 0.2, 0.7) * ground[below])[..., None]
    stage.pixels[below] += (smooth - stage.pixels[below]) * share


def paint_haze(*, stage: Stage, base: float, depth: float, strength: float) -> None:
    """Lay a band of haze that is thickest at a height and gone `depth` above and below it."""
    band = np.exp(-(((rows(stage.size) - base) / depth) ** 2)).astype(np.float32)
    drift = clouded(stage.dice(f"haze {base:.2f}"), stage.size, 2, octaves=3, stretch=4)
    tint = mix(stage.palette.haze, stage.palette.horizon, 0.35)
    lay(stage.pixels, band * (0.45 + 0.75 * drift) * strength, tint)
