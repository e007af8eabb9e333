"""How a scene becomes a picture.

Owns the order of the parts: sky, place, people, air, light. A near shot paints the place first
and throws it out of focus behind the person.
"""

from mutoscope.providers.local.canvas import Floats, Size, defocus
from mutoscope.providers.local.eyes import paint_eye
from mutoscope.providers.local.figures import paint_people
from mutoscope.providers.local.finish import bloom, paint_air, roll_off
from mutoscope.providers.local.places import paint_place
from mutoscope.providers.local.portraits import paint_close_up
from mutoscope.providers.local.scene import Scene, ShotSize
from mutoscope.providers.local.stage import Stage, set_stage

_HORIZONS = {
    ShotSize.EXTREME_WIDE: 0.66,
    ShotSize.WIDE: 0.62,
    ShotSize.FULL: 0.58,
    ShotSize.MEDIUM: 0.6,
    ShotSize.CLOSE_UP: 0.64,
    ShotSize.EXTREME_CLOSE_UP: 0.64,
}
_DEFOCUS = {ShotSize.MEDIUM: 0.006, ShotSize.CLOSE_UP: 0.02, ShotSize.EXTREME_CLOSE_UP: 0.03}


def paint(*, scene: Scene, size: Size) -> Floats:
    """Paint a scene: pixels from 0 to 1, without grade or label."""
    stage = set_stage(scene=scene, size=size, horizon=_HORIZONS[scene.shot])
    ground = paint_place(stage=stage)
    if scene.people:
        _paint_people(stage, ground)
    paint_air(stage=stage)
    bloom(pixels=stage.pixels, strength=0.5)
    return roll_off(pixels=stage.pixels)


def _paint_people(stage: Stage, ground: float) -> None:
    shot = stage.scene.shot
    if shot in _DEFOCUS:
        stage.pixels[:] = defocus(stage.pixels, _DEFOCUS[shot])
    if shot is ShotSize.EXTREME_CLOSE_UP:
        paint_eye(stage=stage)
    elif shot is ShotSize.CLOSE_UP:
        paint_close_up(stage=stage)
    else:
        paint_people(stage=stage, ground=ground)
