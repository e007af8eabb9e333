"""The stage of one picture: its pixels, colours, light and chances, handed from part to part.

Owns the order from back to front: every part of a picture paints over what lies on the stage.
The pixels are the one thing here that changes; everything else is fixed when the stage is set.
"""

from dataclasses import dataclass

import numpy as np

from mutoscope.providers.local.canvas import Colour, Floats, Size, empty, mix, size_of
from mutoscope.providers.local.chance import stream
from mutoscope.providers.local.palette import Palette, palette_of
from mutoscope.providers.local.scene import Scene, Side, TimeOfDay

_LIGHT_X = {Side.LEFT: 0.3, Side.CENTRE: 0.5, Side.RIGHT: 0.7}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What each part of a picture needs in order to paint itself."""

    scene: Scene
    palette: Palette
    pixels: Floats
    sun: tuple[float, float]
    horizon: float

    @property
    def size(self) -> Size:
        """Tell the size in pixels."""
        return size_of(self.pixels)

    @property
    def width(self) -> float:
        """Tell the width in heights."""
        return self.size.aspect

    @property
    def is_dark(self) -> bool:
        """Tell whether lamps are the main light."""
        return self.scene.time in {TimeOfDay.NIGHT, TimeOfDay.DUSK}

    def dice(self, name: str) -> np.random.Generator:
        """Open the stream of chance of a part."""
        return stream(seed=self.scene.seed, name=name)

    def far(self, distance: float) -> Colour:
        """Return the colour of a silhouette; 0 is near and dark, 1 is lost in the haze."""
        return mix(self.palette.near, self.palette.haze, distance)


def set_stage(*, scene: Scene, size: Size, horizon: float) -> Stage:
    """Set an empty stage for a scene."""
    palette = palette_of(scene=scene)
    drift = float(stream(seed=scene.seed, name="sun").uniform(-0.05, 0.05))
    sun = ((_LIGHT_X[scene.light] + drift) * size.aspect, min(palette.sun_y, horizon - 0.02))
    return Stage(scene=scene, palette=palette, pixels=empty(size), sun=sun, horizon=horizon)
