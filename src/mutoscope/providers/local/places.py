"""Which painter paints which place."""

from collections.abc import Callable

from mutoscope.providers.local.cosmos import paint_space
from mutoscope.providers.local.interiors import (
    paint_bar,
    paint_room,
)
from mutoscope.providers.local.mountains import paint_mountain, paint_valley
from mutoscope.providers.local.plains import paint_desert, paint_field, paint_road
from mutoscope.providers.local.scene import Place
from mutoscope.providers.local.sky import paint_sky
from mutoscope.providers.local.skylines import paint_city, paint_rooftop
from mutoscope.providers.local.stage import Stage
from mutoscope.providers.local.streets import paint_street
from mutoscope.providers.local.travel import paint_corridor, paint_train
from mutoscope.providers.local.waters import paint_beach, paint_sea
from mutoscope.providers.local.woods import paint_forest

_PAINTERS: dict[Place, Callable[..., float]] = {
    Place.CITY: paint_city,
    Place.ROOFTOP: paint_rooftop,
    Place.STREET: paint_street,
    Place.FOREST: paint_forest,
    Place.MOUNTAIN: paint_mountain,
    Place.SEA: paint_sea,
    Place.BEACH: paint_beach,
    Place.DESERT: paint_desert,
    Place.FIELD: paint_field,
    Place.VALLEY: paint_valley,
    Place.ROAD: paint_road,
    Place.SPACE: paint_space,
    Place.ROOM: paint_room,
    Place.BAR: paint_bar,
    Place.TRAIN: paint_train,
    Place.CORRIDOR: paint_corridor,
}


def paint_place(*, stage: Stage) -> float:
    """Paint sky and place, and return the height where people stand in a wide shot."""
    paint_sky(stage=stage)
    return _PAINTERS[stage.scene.place](stage=stage)
