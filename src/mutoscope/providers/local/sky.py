"""The sky: its gradient, stars, the sun or moon, and clouds lit by it."""

import numpy as np

from mutoscope.providers.local.canvas import (
    Floats,
    blur,
    clouded,
    columns,
    cover,
    ellipse,
    glow,
    gradient,
    lay,
    mix,
    rows,
    shifted,
    shine,
    step,
    strokes,
)
from mutoscope.providers.local.chance import happens
from mutoscope.providers.local.scene import TimeOfDay, Weather
from mutoscope.providers.local.stage import Stage

_COVERAGE = {
    Weather.CLEAR: 0.42,
    Weather.CLOUDY: 0.62,
    Weather.RAIN: 0.72,
    Weather.SNOW: 0.66,
    Weather.FOG: 0.4,
}
_FAIR_DAY = 0.52  # a day without clouds is an empty picture
_STARS = 420
_LARGE_STAR = 0.0019  # stars of this thickness have a halo
_LOW_SUN_Y = 0.3  # below it the light comes from under the clouds


def paint_sky(*, stage: Stage) -> None:
    """Paint the whole sky, down to the bottom of the picture."""
    palette, horizon = stage.palette, stage.horizon
    stage.pixels[:] = gradient(
        stage.size,
        [(0, palette.zenith), (horizon * 0.45, palette.upper), (horizon * 0.8, palette.lower),
         (horizon, palette.horizon)],
    )  # fmt: skip
    _paint_stars(stage)
    _paint_sun(stage)
    _paint_clouds(stage)


def _paint_stars(stage: Stage) -> None:
    strength = stage.palette.stars
    if not strength:
        return
    dice = stage.dice("stars")
    drawn = dice.random((_STARS, 3))
    dots = [
        ([(x * stage.width, y * stage.horizon), (x * stage.width + 0.0008, y * stage.horizon)],
         0.001 + 0.0016 * size**8)
        for x, y, size in drawn
    ]  # fmt: skip
    fade = step(rows(stage.size), stage.horizon, stage.horizon * 0.5)
    light = strokes(stage.size, dots) * fade
    shine(stage.pixels, light, (0.85, 0.92, 1.0), strength)
    large = strokes(stage.size, [(points, 0.002) for points, width in dots if width > _LARGE_STAR])
    shine(stage.pixels, blur(large, 0.006) * fade, (0.7, 0.85, 1.0), 3 * strength)
    _paint_milky_way(stage, fade)


def _paint_milky_way(stage: Stage, fade: Floats) -> None:
    dice = stage.dice("milky way")
    slope = dice.uniform(0.5, 0.9) * (1 if happens(dice, 0.5) else -1)
    centre = stage.width * dice.uniform(0.35, 0.65)
    away = (columns(stage.size) - centre) * slope - (rows(stage.size) - 0.25)
    band = np.exp(-((away / 0.16) ** 2)).astype(np.float32)
    dust = clouded(dice, stage.size, 4, octaves=4)
    shine(stage.pixels, band * step(dust, 0.3, 0.8) * fade, (0.3, 0.36, 0.55),
          0.45 * stage.palette.stars)  # fmt: skip


def _paint_sun(stage: Stage) -> None:
    palette, power = stage.palette, stage.palette.sun_power
    wide = glow(stage.size, stage.sun, 0.42, power=1.8)
    shine(stage.pixels, wide, palette.glow, 0.3 * power + 0.05)
    shine(stage.pixels, glow(stage.size, stage.sun, 0.1, power=2.2), palette.glow, 0.5 * power)
    if stage.scene.time is TimeOfDay.DUSK:
        return
    radius = 0.045 if stage.scene.time is TimeOfDay.NIGHT else 0.04
    disc = cover(stage.size, [ellipse(stage.sun, radius, radius, corners=72)])
    face = mix(palette.glow, (1.0, 1.0, 0.98), 0.6)
    if stage.scene.time is TimeOfDay.NIGHT:
        marks = clouded(stage.dice("moon"), stage.size, 26, octaves=3)
        tone: Floats = 0.72 + 0.4 * step(marks, 0.25, 0.7)
        lay(
            stage.pixels,
            disc * min(power / 0.4, 1.0),
            tone[..., None] * np.asarray((0.95, 0.98, 1.02), dtype=np.float32),
        )
    else:
        lay(stage.pixels, disc * min(power, 1.0), (face[0] * 1.25, face[1] * 1.2, face[2] * 1.1))


def _paint_clouds(stage: Stage) -> None:
    palette = stage.palette
    noise = clouded(stage.dice("clouds"), stage.size, 2.6, octaves=6, stretch=3.2)
    is_fair = stage.scene.time is TimeOfDay.DAY and stage.scene.weather is Weather.CLEAR
    coverage = _FAIR_DAY if is_fair else _COVERAGE[stage.scene.weather]
    density = step(noise, 0.86 - coverage * 0.62, 1.02 - coverage * 0.5)
    reach = int(stage.size.height * 0.025) + 1
    base = 0.75 if stage.scene.time is TimeOfDay.DAY else 0.35
    is_low = stage.sun[1] > _LOW_SUN_Y
    lit = noise - shifted(noise, down=-reach if is_low else reach)
    near_sun = glow(stage.size, stage.sun, 0.5, power=1.6)
    bright = np.clip(0.5 - 2.4 * lit, 0, 1) * (base + (1 - base) * near_sun)
    shade = mix(palette.upper, palette.haze, 0.55)
    light = mix(palette.horizon, palette.glow, 0.55)
    body = np.asarray(shade, dtype=np.float32)[:, None, None] * np.float32(0.9)
    planes = body + (np.asarray(light, dtype=np.float32)[:, None, None] - body) * bright
    fade = step(rows(stage.size), stage.horizon * 1.02, stage.horizon * 0.75)
    lay(stage.pixels, density * fade * 0.85, planes.astype(np.float32).transpose(1, 2, 0))
