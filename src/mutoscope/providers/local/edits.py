"""Changes to a still told in plain words.

Owns the small grammar of instructions. What is understood is taken out of the sentence; when
any word of meaning is left over the whole instruction is refused, so that nothing that was
asked is silently forgotten. Changes of the scene paint it anew; changes of the grade do not.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from mutoscope.providers.local.grade import CAPTION_CHARACTERS_MAX, RANGES, Grade, Tone
from mutoscope.providers.local.reading import people_in
from mutoscope.providers.local.recipe import Recipe
from mutoscope.providers.local.refusals import OrderRefused
from mutoscope.providers.local.scene import NEAR_SHOTS, PEOPLE_MAX, Person, Scene, Weather
from mutoscope.providers.local.vocabulary import (
    ANYBODY,
    LIGHTS,
    MOVES,
    PERSONS,
    PLACES,
    PROPS,
    SHOTS,
    TIMES,
    WEATHERS,
    Meaning,
    first,
    meant,
    pattern,
    phrases,
)

SceneChange = Callable[[Scene], Scene]
GradeChange = Callable[[Grade], Grade]

GRADE_ABILITIES = (
    "darker or brighter", "warmer or cooler", "more or less contrast", "more or less saturated",
    "black and white", "sepia", "in colour", "more or less vignette", "more or less grain", "flip",
    'caption "text"', "remove the caption",
)  # fmt: skip
SCENE_ABILITIES = (
    "dawn, day, sunset, dusk or night", "rain, snow, fog, clouds or clear sky",
    "extreme wide, wide, full shot, medium, close-up or extreme close-up",
    "lit from the left or right, backlit", "in the forest (or another place)",
    "add a person (man, woman, child)", "remove a person", "add an umbrella", "push in",
    "another version",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """The changes that an instruction asks for, in order."""

    scene: tuple[SceneChange, ...] = ()
    grade: tuple[GradeChange, ...] = ()

    def of_recipe(self, recipe: Recipe) -> Recipe:
        """Apply the whole edit to a recipe."""
        scene = recipe.scene
        for change in self.scene:
            scene = change(scene)
        return Recipe(scene=scene, grade=self.of_grade(recipe.grade))

    def of_grade(self, grade: Grade) -> Grade:
        """Apply the changes of the grade alone."""
        for change in self.grade:
            grade = change(grade)
        return grade


_NUDGES: tuple[tuple[str, float, str], ...] = (
    ("contrast", 0.35, "more contrast, higher contrast, contrasty, punchier, harder light"),
    ("contrast", -0.35, "less contrast, lower contrast, flatter, softer light, softer"),
    (
        "saturation",
        0.4,
        "more saturated, more saturation, more colour, more color, vivid, vibrant, saturate",
    ),
    (
        "saturation",
        -0.4,
        "less saturated, less saturation, less colour, less color, desaturate, muted, more muted",
    ),
    ("vignette", -1.0, "no vignette, less vignette, remove the vignette"),
    ("vignette", 0.35, "more vignette, vignette, darker edges, darken the edges"),
    ("grain", -1.0, "no grain, less grain, remove the grain, cleaner"),
    ("grain", 0.3, "more grain, film grain, grain, grainy, grainier"),
    ("exposure", 0.6, "brighter, lighter, brighten, lighten, more light, more exposure"),
    ("exposure", -0.6, "darker, dimmer, darken, dim, less light, less exposure, moodier"),
    ("temperature", 0.5, "warmer, warm, warm up"),
    ("temperature", -0.5, "cooler, cool, colder, cold, cool down, bluer"),
)
_TONES: Mapping[Tone, str] = {
    Tone.MONOCHROME: "black and white, black white, monochrome, grayscale, greyscale, noir, b&w",
    Tone.SEPIA: "sepia, sepia tone, old photograph, vintage",
    Tone.COLOUR: "in colour, in color, full colour, full color, back to colour, back to color",
}
_FLIPS = "flip, mirror, flop, flipped, mirrored, flip horizontally, mirror horizontally"
_OTHERS = "another version, another take, variation, different take, again, new take, reroll"
_CAPTION = re.compile(
    r"""(?:caption|title|subtitle|text)\s*:?\s*["“”'](.{1,400}?)["“”']""", re.IGNORECASE
)
_NO_CAPTION = re.compile(
    r"\b(?:remove|no|without|delete)\s+(?:the\s+)?(?:caption|title|text)\b", re.IGNORECASE
)
_NO_WEATHER = re.compile(
    r"\b(?:remove|no|without|stop|less)\s+(?:the\s+|more\s+)?"
    r"(?:rain|snow|fog|mist|clouds?|storm|weather|haze)\b", re.IGNORECASE,
)  # fmt: skip
_ADD = re.compile(r"\b(?:add|insert|put|place|with)\b", re.IGNORECASE)
_REMOVE = re.compile(r"\b(?:remove|delete|without|no|erase|take away)\b", re.IGNORECASE)
_EVERYBODY = re.compile(
    r"\b(?:remove|delete|without|no|erase)\s+(?:all\s+|the\s+|all\s+the\s+)?"
    r"(?:people|persons|everyone|everybody|figures|crowd)\b", re.IGNORECASE,
)  # fmt: skip
_INTO_PLACE = r"\b(?:in|at|on|to|into|inside)\s+(?:an?\s+|the\s+)?"
_LITTLE = re.compile(r"\b(?:slightly|little|bit|touch|somewhat|subtly)\b", re.IGNORECASE)
_MUCH = re.compile(r"\b(?:much|lot|far|very|way|really|strongly)\b", re.IGNORECASE)
_FILLERS = frozenset(
    phrases(
        "a, about, add, also, an, and, another, apply, as, at, be, bit, bring, but, by, camera, "
        "can, change, could, effect, far, feel, few, for, frame, from, full, give, go, have, "
        "horizontally, i, image, in, insert, into, is, it, it's, its, let, like, little, look, "
        "looks, lot, make, me, mood, more, much, now, of, on, one, photo, picture, place, please, "
        "put, really, remove, scene, set, shot, should, show, sky, slightly, some, somewhat, "
        "strongly, subtly, that, the, then, there, this, three, time, to, too, touch, turn, two, "
        "up, us, use, version, very, want, way, we, weather, with, would, you"
    )
)
_SCENE_TABLES: tuple[tuple[str, Mapping[Any, str]], ...] = (
    ("shot", SHOTS),
    ("light", LIGHTS),
    ("time", TIMES),
    ("weather", WEATHERS),
    ("move", MOVES),
)


def read_instruction(*, instruction: str) -> Edit:
    """Understand an instruction.

    :raises OrderRefused: when any part of it is not understood, with what the engine can do.
    """
    sentence = _Sentence(instruction)
    scene: list[SceneChange] = []
    grade: list[GradeChange] = []
    _read_caption(sentence, grade)
    _read_people(sentence, scene)
    _read_grade(sentence, grade)
    _read_scene(sentence, scene)
    left = sentence.unknown_words()
    if left or not (scene or grade):
        raise OrderRefused(
            field="instruction",
            value=" ".join(left) or instruction,
            allowed=(*GRADE_ABILITIES, *SCENE_ABILITIES),
        )
    return Edit(scene=tuple(scene), grade=tuple(grade))


class _Sentence:
    """An instruction from which whatever is understood is taken out."""

    __slots__ = ("rest",)

    def __init__(self, text: str) -> None:
        self.rest = text

    def take(self, found: re.Pattern[str]) -> re.Match[str] | None:
        """Take the first match out, and return it."""
        match = found.search(self.rest)
        if match:
            self.rest = f"{self.rest[: match.start()]} {self.rest[match.end() :]}"
        return match

    def take_meaning(self, table: Mapping[Meaning, str]) -> Meaning | None:
        """Take the first phrase of a table out, and return what it means."""
        hit = first(text=self.rest, table=table)
        if hit is None:
            return None
        meaning, span = hit
        self.rest = f"{self.rest[: span.begin]} {self.rest[span.end :]}"
        return meaning

    def unknown_words(self) -> list[str]:
        """List the words left that carry meaning."""
        words = re.findall(r"[\w'&]+", self.rest.lower())
        return [word for word in words if word not in _FILLERS]


def _read_caption(sentence: _Sentence, grade: list[GradeChange]) -> None:
    if sentence.take(_NO_CAPTION):
        grade.append(lambda before: replace(before, caption=""))
    if match := sentence.take(_CAPTION):
        caption = " ".join(match.group(1).split())
        if len(caption) > CAPTION_CHARACTERS_MAX:
            raise OrderRefused(
                field="caption",
                value=caption,
                allowed=(f"up to {CAPTION_CHARACTERS_MAX} characters",),
            )
        grade.append(lambda before: replace(before, caption=caption))


def _read_people(sentence: _Sentence, scene: list[SceneChange]) -> None:
    if sentence.take(_EVERYBODY):
        scene.append(lambda before: replace(before, people=()))
    named = people_in(text=sentence.rest)
    if not named:
        return
    if _REMOVE.search(sentence.rest):
        scene.append(lambda before: replace(before, people=_without(before.people, named)))
        sentence.take(_REMOVE)
    elif _ADD.search(sentence.rest):
        scene.append(lambda before: replace(before, people=(*before.people, *named)[:PEOPLE_MAX]))
    else:
        return
    for words in (*PERSONS.values(), ANYBODY):
        while sentence.take(pattern(words)):
            pass


def _without(people: tuple[Person, ...], named: tuple[Person, ...]) -> tuple[Person, ...]:
    left = list(people)
    for person in named:
        if person in left:
            left.remove(person)
        elif left:
            left.pop()
    return tuple(left)


def _read_grade(sentence: _Sentence, grade: list[GradeChange]) -> None:
    for field, by, words in _NUDGES:
        if match := sentence.take(pattern(words)):
            before = sentence.rest[: match.start()]
            grade.append(_nudge(field, by * _amount(before)))
    if tone := sentence.take_meaning(_TONES):
        grade.append(lambda before: replace(before, tone=tone))
    if sentence.take(pattern(_FLIPS)):
        grade.append(lambda before: replace(before, is_flipped=not before.is_flipped))


def _amount(before: str) -> float:
    near = " ".join(before.split()[-3:])
    if _LITTLE.search(near):
        return 0.5
    return 2.0 if _MUCH.search(near) else 1.0


def _nudge(field: str, by: float) -> GradeChange:
    low, high = RANGES[field]

    def change(grade: Grade) -> Grade:
        changed = {field: min(max(getattr(grade, field) + by, low), high)}
        return replace(grade, **changed)

    return change


def _read_scene(sentence: _Sentence, scene: list[SceneChange]) -> None:
    if sentence.take(_NO_WEATHER):
        scene.append(lambda before: replace(before, weather=Weather.CLEAR))
    if sentence.take(pattern(_OTHERS)):
        scene.append(lambda before: replace(before, seed=before.seed ^ 1))
    for field, table in _SCENE_TABLES:
        meaning = sentence.take_meaning(table)
        if meaning is not None:
            scene.append(_set(field, meaning))
    if prop := sentence.take_meaning(PROPS):
        scene.append(lambda before: replace(before, props=(*before.props, prop)))
    _read_place(sentence, scene)


def _read_place(sentence: _Sentence, scene: list[SceneChange]) -> None:
    words = ", ".join(PLACES.values())
    match = sentence.take(re.compile(_INTO_PLACE + pattern(words).pattern, re.IGNORECASE))
    place = meant(text=match.group(), table=PLACES) if match else None
    if place is not None:
        scene.append(lambda before: replace(before, place=place))


def _set(field: str, meaning: object) -> SceneChange:
    def change(scene: Scene) -> Scene:
        changed: dict[str, Any] = {field: meaning}
        return _framed(replace(scene, **changed))

    return change


def _framed(scene: Scene) -> Scene:
    is_empty = scene.shot in NEAR_SHOTS and not scene.people
    return replace(scene, people=(Person.MAN,)) if is_empty else scene
