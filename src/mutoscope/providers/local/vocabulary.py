"""The words that the engine understands, and how they are found in a sentence.

Owns the tables from meaning to phrases. A phrase matches whole words only, so that a valley is
no alley; of several phrases of one table the first in the sentence wins, and of two that begin
together the longer. A hyphen and a space are the same.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple, TypeVar

from mutoscope.providers.local.scene import (
    Move,
    Person,
    Place,
    Prop,
    ShotSize,
    Side,
    TimeOfDay,
    Weather,
)

Meaning = TypeVar("Meaning")

TIMES: Mapping[TimeOfDay, str] = {
    TimeOfDay.DAWN: "dawn, daybreak, sunrise, first light, early morning, morning",
    TimeOfDay.DAY: "day, daytime, daylight, noon, midday, afternoon, sunny, sunlit, bright sun",
    TimeOfDay.SUNSET: "sunset, golden hour, magic hour, setting sun, late afternoon, low sun",
    TimeOfDay.DUSK: "dusk, twilight, evening, blue hour, nightfall, gloaming",
    TimeOfDay.NIGHT: "night, nighttime, night time, midnight, moonlight, moonlit, moon, "
    "starry, starlight, after dark",
}

PLACES: Mapping[Place, str] = {
    Place.CITY: "city, skyline, downtown, metropolis, town, skyscraper, cityscape, bridge, "
    "riverside, quay",
    Place.ROOFTOP: "rooftop, roof, roof top, terrace, balcony, parapet",
    Place.STREET: "street, alley, alleyway, avenue, lane, sidewalk, pavement, back street, "
    "boulevard, market, cobblestone, city street, crossroad, theatre, theater, cinema",
    Place.FOREST: "forest, wood, woodland, jungle, grove, tree, pine, park, orchard",
    Place.MOUNTAIN: "mountain, peak, summit, ridge, cliff, alp, glacier, volcano, snowfield",
    Place.SEA: "sea, ocean, harbour, harbor, port, pier, dock, jetty, lighthouse, boat, ship, "
    "sailboat, lake, wave, at sea",
    Place.BEACH: "beach, shore, coast, seaside, island, lagoon, sand bar, shoreline",
    Place.DESERT: "desert, dune, sahara, wasteland, canyon, mesa, sand dune",
    Place.FIELD: "field, meadow, farm, plain, prairie, steppe, grass, grassland, hill, garden, "
    "farmhouse, wheat, countryside, village",
    Place.VALLEY: "valley, river, gorge, fjord, canyon river, ravine, stream",
    Place.ROAD: "road, highway, motorway, track, path, trail, crossing, railway, railroad",
    Place.SPACE: "space, planet, galaxy, spaceship, starship, spacecraft, nebula, orbit, mars, "
    "asteroid, outer space, alien world",
    Place.ROOM: "room, bedroom, living room, kitchen, office, apartment, flat, house, hotel, "
    "studio, attic, library, study, classroom, interior, int, window, desk, workshop, "
    "projection booth, cabin, hall",
    Place.BAR: "bar, pub, tavern, cafe, diner, restaurant, saloon, nightclub, club, coffee shop",
    Place.TRAIN: "train, carriage, compartment, railway carriage, subway, tram, metro, bus",
    Place.CORRIDOR: "corridor, hallway, hospital, tunnel, stairwell, passage, prison, station, "
    "train station, basement, warehouse, museum, church, cathedral, underpass",
}

SHOTS: Mapping[ShotSize, str] = {
    ShotSize.EXTREME_WIDE: "extreme wide, extreme wide shot, extreme long shot, establishing, "
    "establishing shot, aerial, aerial shot, panorama, vista, ews",
    ShotSize.WIDE: "wide, wide shot, wide angle, long shot, wider",
    ShotSize.FULL: "full shot, full body, full length, full figure, medium wide, "
    "medium long shot, from head to toe",
    ShotSize.MEDIUM: "medium, medium shot, mid shot, waist up, cowboy shot, two shot, "
    "medium close up, over the shoulder",
    ShotSize.CLOSE_UP: "close up, closeup, close shot, close on, close, portrait, closer, "
    "tight on, face of",
    ShotSize.EXTREME_CLOSE_UP: "extreme close up, extreme closeup, ecu, macro, big close up, "
    "detail of the eye",
}

WEATHERS: Mapping[Weather, str] = {
    Weather.CLEAR: "clear, clear sky, clear weather, cloudless, blue sky",
    Weather.CLOUDY: "cloudy, overcast, cloud, grey sky, gray sky",
    Weather.RAIN: "rain, raining, rainy, rainfall, rainstorm, storm, stormy, drizzle, downpour, "
    "thunderstorm, rain soaked, wet",
    Weather.SNOW: "snow, snowing, snowy, snowfall, blizzard, snowstorm, winter, sleet",
    Weather.FOG: "fog, foggy, mist, misty, haze, hazy, smoke, smoky",
}

MOVES: Mapping[Move, str] = {
    Move.PUSH_IN: "push in, pushes in, dolly in, zoom in, zooms in, move in, moves in, "
    "slow push, creep in, closing in, track in",
    Move.PULL_OUT: "pull out, pulls out, pull back, pulls back, dolly out, zoom out, zooms out, "
    "moves out, move out, track out",
    Move.PAN_LEFT: "pan left, pans left, pan to the left, track left, tracks left, truck left",
    Move.PAN_RIGHT: "pan right, pans right, pan to the right, track right, tracks right, "
    "truck right, pan",
    Move.TILT_UP: "tilt up, tilts up, crane up, cranes up, pedestal up, rises up",
    Move.TILT_DOWN: "tilt down, tilts down, crane down, cranes down, pedestal down",
    Move.ORBIT: "orbit around, orbits, orbiting, arc shot, circle around, circles, revolve",
    Move.HANDHELD: "handheld, hand held, shaky, documentary style",
    Move.STATIC: "static, static shot, locked off, tripod, still camera, no camera move",
}

LIGHTS: Mapping[Side, str] = {
    Side.LEFT: "lit from the left, light from the left, left light",
    Side.RIGHT: "lit from the right, light from the right, right light",
    Side.CENTRE: "backlit, back light, backlight, lit from behind, light from behind",
}

PROPS: Mapping[Prop, str] = {
    Prop.BOAT: "boat, sailboat, ship, ferry, yacht, rowing boat",
    Prop.LIGHTHOUSE: "lighthouse",
    Prop.CAR: "car, taxi, cab, truck, van, driver",
    Prop.UMBRELLA: "umbrella",
    Prop.HAT: "hat, fedora, detective, cowboy, trilby, inspector",
}

PERSONS: Mapping[Person, str] = {
    Person.MAN: "man, men, guy, detective, inspector, captain, sailor, keeper, soldier, king, "
    "father, husband, brother, cowboy, waiter, fisherman, boxer, grandfather, old man, he, him",
    Person.WOMAN: "woman, women, lady, ladies, queen, mother, wife, sister, singer, actress, "
    "waitress, nurse, bride, heroine, grandmother, she, her",
    Person.CHILD: "child, children, kid, boy, girl, son, daughter, baby, toddler",
}

ANYBODY = (
    "figure, person, persons, people, someone, traveller, traveler, stranger, silhouette, friend, "
    "astronaut, hiker, worker, passenger, pianist, projectionist, conductor, photographer, writer, "
    "doctor, dancer, character, lover, pair, couple, crowd"
)
NOBODY = "no people, no one, nobody, empty, deserted, without people, no person, no figures"


class Found(NamedTuple):
    """A phrase in a sentence: its span."""

    begin: int
    end: int


def phrases(listed: str) -> tuple[str, ...]:
    """Split a table's cell into its phrases."""
    return tuple(phrase.strip() for phrase in listed.split(","))


@cache
def pattern(listed: str) -> re.Pattern[str]:
    """Compile a cell of phrases: whole words, longest first, plain plurals included."""
    ordered = sorted(phrases(listed), key=len, reverse=True)
    words = "|".join(r"[\s-]+".join(map(re.escape, re.split(r"[\s-]+", one))) for one in ordered)
    return re.compile(rf"\b(?:{words})(?:s|es)?\b", re.IGNORECASE)


def find(*, text: str, listed: str) -> Found | None:
    """Find the first phrase of a cell in a sentence."""
    match = pattern(listed).search(text)
    return Found(match.start(), match.end()) if match else None


def first(*, text: str, table: Mapping[Meaning, str]) -> tuple[Meaning, Found] | None:
    """Find the meaning whose phrase comes first in a sentence, the longer on a tie."""
    hits = ((meaning, find(text=text, listed=listed)) for meaning, listed in table.items())
    found = [(meaning, at) for meaning, at in hits if at is not None]
    return min(found, key=lambda hit: (hit[1].begin, -hit[1].end), default=None)


def meant(*, text: str, table: Mapping[Meaning, str]) -> Meaning | None:
    """Return the meaning that a sentence names first in a table, or None."""
    hit = first(text=text, table=table)
    return hit[0] if hit else None
