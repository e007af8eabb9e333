"""How a prompt becomes a scene.

Owns the choice of every field: what the prompt says wins, the rest is drawn from the SHA-256 of
prompt and seed. The surprising choice: a close-up always has a person, and a prompt that names
none has none otherwise.
"""

import re

from mutoscope.providers.local.chance import happens, seed_of, stream
from mutoscope.providers.local.markers import without_markers
from mutoscope.providers.local.scene import (
    INDOORS,
    NEAR_SHOTS,
    PEOPLE_MAX,
    Move,
    Person,
    Place,
    Scene,
    ShotSize,
    Side,
    TimeOfDay,
    Weather,
)
from mutoscope.providers.local.vocabulary import (
    ANYBODY,
    LIGHTS,
    MOVES,
    NOBODY,
    PERSONS,
    PLACES,
    PROPS,
    SHOTS,
    TIMES,
    WEATHERS,
    find,
    meant,
    pattern,
)

_COUNTS = {
    "a": 1, "an": 1, "one": 1, "lone": 1, "another": 1, "two": 2, "three": 3, "four": 4,
    "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "several": 4, "many": 7,
}  # fmt: skip
_GROUPS = {"couple": 2, "pair": 2, "crowd": 7}
_PLURALS = {"people": 3, "persons": 2, "men": 2, "women": 2, "children": 2}
_PRONOUNS = frozenset({"he", "him", "she", "her"})

_TIMES_DRAWN = (TimeOfDay.DAWN, TimeOfDay.DAY, TimeOfDay.SUNSET, TimeOfDay.DUSK, TimeOfDay.NIGHT)
_PLACES_DRAWN = (Place.CITY, Place.MOUNTAIN, Place.FOREST, Place.SEA, Place.FIELD, Place.STREET)
_MOVES_DRAWN = tuple(move for move in Move if move is not Move.STATIC)


def read(*, prompt: str, seed: int) -> Scene:
    """Understand a prompt; what it leaves open follows from the prompt and the seed."""
    text = without_markers(text=prompt)
    own_seed = seed_of(text=f"{text}|{seed}")
    dice = stream(seed=own_seed, name="reading")
    drawn_time = _TIMES_DRAWN[int(dice.integers(len(_TIMES_DRAWN)))]
    drawn_place = _PLACES_DRAWN[int(dice.integers(len(_PLACES_DRAWN)))]
    drawn_weather = Weather.CLOUDY if happens(dice, 0.25) else Weather.CLEAR
    drawn_light = (Side.LEFT, Side.RIGHT)[int(dice.integers(2))]
    drawn_move = _MOVES_DRAWN[int(dice.integers(len(_MOVES_DRAWN)))]
    place = meant(text=text, table=PLACES) or drawn_place
    shot = meant(text=text, table=SHOTS) or _usual_shot(place=place)
    return Scene(
        seed=own_seed,
        time=meant(text=text, table=TIMES) or drawn_time,
        place=place,
        shot=shot,
        weather=meant(text=text, table=WEATHERS) or drawn_weather,
        move=meant(text=text, table=MOVES) or drawn_move,
        light=meant(text=text, table=LIGHTS) or drawn_light,
        people=people_in(text=text) or ((Person.MAN,) if shot in NEAR_SHOTS else ()),
        props=tuple(prop for prop, words in PROPS.items() if find(text=text, listed=words)),
    )


def people_in(*, text: str) -> tuple[Person, ...]:
    """List the people a sentence names, counting each person once."""
    if find(text=text, listed=NOBODY):
        return ()
    named = {person: _counted(text, words) for person, words in PERSONS.items()}
    anybody = _counted(text, ANYBODY)
    people = [person for person, count in named.items() for _ in range(count)]
    people += [(Person.MAN, Person.WOMAN)[place % 2] for place in range(anybody)]
    return tuple(people[:PEOPLE_MAX]) or _spoken_of(text)


def _counted(text: str, words: str) -> int:
    count = 0
    for match in pattern(words).finditer(text):
        noun = match.group().lower()
        is_repeated = count > 0 and _word_before(text, match.start()) == "the"
        if noun not in _PRONOUNS and not is_repeated:
            count += _count(text, match.start(), noun)
    return count


def _spoken_of(text: str) -> tuple[Person, ...]:
    return tuple(person for person, words in PERSONS.items() if find(text=text, listed=words))


def _usual_shot(*, place: Place) -> ShotSize:
    return ShotSize.FULL if place in INDOORS else ShotSize.WIDE


def _word_before(text: str, begin: int) -> str:
    match = re.search(r"(\w+)\W+$", text[:begin])
    return match.group(1).lower() if match else ""


def _count(text: str, begin: int, noun: str) -> int:
    if noun in _GROUPS:
        return _GROUPS[noun]
    for word in reversed(re.findall(r"\w+", text[:begin].lower())[-2:]):
        if word in _COUNTS:
            return _COUNTS[word]
        if word.isdigit():
            return min(int(word), PEOPLE_MAX)
    return _PLURALS.get(noun, 2 if noun.endswith("s") else 1)
