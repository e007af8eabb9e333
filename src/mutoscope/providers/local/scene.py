"""What a picture shows, as a value that a still carries with it.

Owns the scene and the words its fields may take. A scene and a size decide every pixel: two
equal scenes paint equal pictures, on this machine, for ever. The surprising choice: the scene
is kept inside each still, so that an edit changes the scene and paints it anew instead of
touching pixels.
"""

from dataclasses import dataclass
from enum import StrEnum


class TimeOfDay(StrEnum):
    """When the light falls."""

    DAWN = "dawn"
    DAY = "day"
    SUNSET = "sunset"
    DUSK = "dusk"
    NIGHT = "night"


class Place(StrEnum):
    """Where the camera stands."""

    CITY = "city"
    ROOFTOP = "rooftop"
    STREET = "street"
    FOREST = "forest"
    MOUNTAIN = "mountain"
    SEA = "sea"
    BEACH = "beach"
    DESERT = "desert"
    FIELD = "field"
    VALLEY = "valley"
    ROAD = "road"
    SPACE = "space"
    ROOM = "room"
    BAR = "bar"
    TRAIN = "train"
    CORRIDOR = "corridor"


class ShotSize(StrEnum):
    """How near the camera is to the people."""

    EXTREME_WIDE = "extreme_wide"
    WIDE = "wide"
    FULL = "full"
    MEDIUM = "medium"
    CLOSE_UP = "close_up"
    EXTREME_CLOSE_UP = "extreme_close_up"


class Weather(StrEnum):
    """What the air does."""

    CLEAR = "clear"
    CLOUDY = "cloudy"
    RAIN = "rain"
    SNOW = "snow"
    FOG = "fog"


class Move(StrEnum):
    """How the camera moves through a clip."""

    PUSH_IN = "push_in"
    PULL_OUT = "pull_out"
    PAN_LEFT = "pan_left"
    PAN_RIGHT = "pan_right"
    TILT_UP = "tilt_up"
    TILT_DOWN = "tilt_down"
    ORBIT = "orbit"
    HANDHELD = "handheld"
    STATIC = "static"


class Side(StrEnum):
    """Where the main light stands."""

    LEFT = "left"
    CENTRE = "centre"
    RIGHT = "right"


class Person(StrEnum):
    """Whom a silhouette stands for."""

    MAN = "man"
    WOMAN = "woman"
    CHILD = "child"


class Prop(StrEnum):
    """A thing the prompt names that the engine can draw."""

    BOAT = "boat"
    LIGHTHOUSE = "lighthouse"
    CAR = "car"
    UMBRELLA = "umbrella"
    HAT = "hat"


INDOORS = frozenset({Place.ROOM, Place.BAR, Place.TRAIN, Place.CORRIDOR})
NEAR_SHOTS = frozenset({ShotSize.CLOSE_UP, ShotSize.EXTREME_CLOSE_UP})
PEOPLE_MAX = 9  # more would not read as people at any shot size


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """All that decides a picture: what it shows, and the seed of everything left to chance."""

    seed: int
    time: TimeOfDay
    place: Place
    shot: ShotSize
    weather: Weather
    move: Move
    light: Side
    people: tuple[Person, ...] = ()
    props: tuple[Prop, ...] = ()
