"""The colours of each time of day, and what weather does to them.

Owns every hue of the engine. Each time has one limited palette: a sky of four stops, the haze
that distance fades to, the darkest silhouette, the rim of light on people, and lamps. The
surprising choice: nothing is ever pure black or pure grey; shadows lean to the sky's hue.
"""

from dataclasses import dataclass, replace
from typing import Any

from mutoscope.providers.local.canvas import Colour, colour, mix
from mutoscope.providers.local.chance import stream
from mutoscope.providers.local.scene import INDOORS, Scene, TimeOfDay, Weather


@dataclass(frozen=True, slots=True, kw_only=True)
class Palette:
    """The colours of one picture."""

    zenith: Colour
    upper: Colour
    lower: Colour
    horizon: Colour
    glow: Colour
    haze: Colour
    near: Colour
    rim: Colour
    lamp: Colour
    accent: Colour
    stars: float
    sun_y: float  # of the sun or moon, in heights
    sun_power: float
    lamps: float  # how strongly lamps and windows shine


def _palette(sky: str, ground: str, people: str, *, stars: float, sun: tuple[float, float],
             lamps: float) -> Palette:  # fmt: skip
    zenith, upper, lower, horizon = map(colour, sky.split())
    glow, haze, near = map(colour, ground.split())
    rim, lamp, accent = map(colour, people.split())
    return Palette(
        zenith=zenith, upper=upper, lower=lower, horizon=horizon, glow=glow, haze=haze,
        near=near, rim=rim, lamp=lamp, accent=accent, stars=stars, sun_y=sun[0],
        sun_power=sun[1], lamps=lamps,
    )  # fmt: skip


_BY_TIME = {
    TimeOfDay.DAWN: _palette(
        "38466f 7d6d98 dd9c9f fbd5a6", "ffdfae cf9fa0 1b1a2c", "ffd3a4 ffc274 a8423f",
        stars=0.12, sun=(0.5, 0.6), lamps=0.45,
    ),
    TimeOfDay.DAY: _palette(
        "22609c 4d93c0 9cc6d4 f0e6cd", "ffeec6 a3bfc4 182c38", "fff0cf ffd796 c2452f",
        stars=0.0, sun=(0.2, 0.5), lamps=0.08,
    ),
    TimeOfDay.SUNSET: _palette(
        "32365f 8d4d6c e5754d ffc56b", "ffc872 c8694f 1f1420", "ffbd66 ffbf6d 8e2430",
        stars=0.03, sun=(0.5, 1.1), lamps=0.5,
    ),
    TimeOfDay.DUSK: _palette(
        "10183a 27346b 74517f de8569", "ff9d6f 54507f 0a0d1d", "ff9f78 ffb65c b03a40",
        stars=0.4, sun=(0.6, 0.4), lamps=0.95,
    ),
    TimeOfDay.NIGHT: _palette(
        "040814 091733 123050 24507a", "bcd8ff 17345a 03060f", "a9ccff ffb057 a8322f",
        stars=1.0, sun=(0.2, 0.5), lamps=1.0,
    ),
}  # fmt: skip

_VEILED = {
    Weather.CLEAR: 0.0,
    Weather.CLOUDY: 0.45,
    Weather.RAIN: 0.7,
    Weather.SNOW: 0.6,
    Weather.FOG: 0.65,
}
_SKY = ("zenith", "upper", "lower", "horizon", "haze")


def palette_of(*, scene: Scene) -> Palette:
    """Choose the colours of a scene; the seed shifts their warmth a little."""
    palette = _BY_TIME[scene.time]
    shift = float(stream(seed=scene.seed, name="palette").uniform(-0.05, 0.05))
    veil = _VEILED[scene.weather]
    veiled: dict[str, Any] = {
        name: _warmed(_veiled(getattr(palette, name), palette, veil), shift) for name in _SKY
    }
    outdoors = replace(
        palette,
        **veiled,
        near=_warmed(mix(palette.near, palette.haze, 0.1 * veil), shift / 2),
        stars=palette.stars * (1 - veil) ** 2,
        sun_power=palette.sun_power * (1 - veil),
        lamps=min(palette.lamps + 0.3 * veil, 1.0),
    )
    return _lamp_lit(outdoors) if scene.place in INDOORS else outdoors


def _lamp_lit(palette: Palette) -> Palette:
    lamps = max(palette.lamps, 0.35)
    return replace(
        palette,
        near=mix(palette.near, (0.075, 0.045, 0.035), 0.3 + 0.5 * lamps),
        rim=mix(palette.rim, palette.lamp, 0.75 * lamps),
        lamps=lamps,
    )


def _veiled(source: Colour, palette: Palette, veil: float) -> Colour:
    cool = mix(palette.haze, palette.upper, 0.4)
    grey = sum(cool) / 3
    muted = mix(cool, (grey * 0.97, grey, grey * 1.04), 0.35)
    return mix(source, muted, veil * 0.8)


def _warmed(source: Colour, shift: float) -> Colour:
    return source[0] * (1 + shift), source[1], source[2] * (1 - shift)
