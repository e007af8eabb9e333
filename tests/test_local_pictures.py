"""The built-in engine's pictures: what a prompt means, and what is painted from it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mutoscope.providers.local.adjustments import field_names, read_adjustments
from mutoscope.providers.local.camera import crop_of, view_at
from mutoscope.providers.local.canvas import Size
from mutoscope.providers.local.edits import read_instruction
from mutoscope.providers.local.grade import Grade, Tone, develop
from mutoscope.providers.local.markers import read_markers, without_markers
from mutoscope.providers.local.painting import paint
from mutoscope.providers.local.reading import people_in, read
from mutoscope.providers.local.recipe import Recipe, from_text, to_text
from mutoscope.providers.local.refusals import OrderRefused
from mutoscope.providers.local.scene import (
    Move,
    Person,
    Place,
    Prop,
    Scene,
    ShotSize,
    Side,
    TimeOfDay,
    Weather,
)
from mutoscope.providers.local.stills import picture_of, recipe_in, save_still

SMALL = Size(96, 54)
SCENE = Scene(
    seed=7,
    time=TimeOfDay.SUNSET,
    place=Place.SEA,
    shot=ShotSize.WIDE,
    weather=Weather.CLEAR,
    move=Move.PUSH_IN,
    light=Side.LEFT,
    people=(Person.WOMAN,),
)
RECIPE = Recipe(scene=SCENE)


def edited(instruction: str) -> Recipe:
    return read_instruction(instruction=instruction).of_recipe(RECIPE)


def red_in(pixels: np.ndarray) -> int:
    red, green, blue = pixels[20:].transpose(2, 0, 1)
    return int(((red > 2.2 * green) & (red > 1.6 * blue)).sum())


def test_a_prompt_says_what_the_picture_shows() -> None:
    prompt = "EXT. HARBOUR - NIGHT. Extreme wide shot, two women in the rain, slow push in."

    scene = read(prompt=prompt, seed=1)

    assert (scene.place, scene.time) == (Place.SEA, TimeOfDay.NIGHT)
    assert (scene.shot, scene.weather) == (ShotSize.EXTREME_WIDE, Weather.RAIN)
    assert (scene.people, scene.move) == ((Person.WOMAN,) * 2, Move.PUSH_IN)


@pytest.mark.parametrize(
    ("prompt", "place"),
    [
        ("a valley", Place.VALLEY),
        ("an alley", Place.STREET),
        ("alleys behind the theatre", Place.STREET),
        ("Barbara waits at sea", Place.SEA),
        ("INT. projection booth", Place.ROOM),
        ("a street in the city", Place.STREET),
    ],
)
def test_words_count_only_when_they_are_whole(prompt: str, place: Place) -> None:
    assert read(prompt=prompt, seed=1).place is place


def test_the_longer_of_two_phrases_that_begin_together_wins() -> None:
    assert read(prompt="extreme close-up", seed=1).shot is ShotSize.EXTREME_CLOSE_UP
    assert read(prompt="extreme close up", seed=1).shot is ShotSize.EXTREME_CLOSE_UP
    assert read(prompt="close-up", seed=1).shot is ShotSize.CLOSE_UP


@pytest.mark.parametrize(
    ("text", "people"),
    [
        ("an empty street", ()),
        ("nobody, not even a man", ()),
        ("A woman walks. The woman turns.", (Person.WOMAN,)),
        ("two old men and a girl", (Person.MAN, Person.MAN, Person.CHILD)),
        ("a couple", (Person.MAN, Person.WOMAN)),
        ("she opens the door", (Person.WOMAN,)),
        ("3 children", (Person.CHILD,) * 3),
        ("women", (Person.WOMAN,) * 2),
        ("a woman, another woman", (Person.WOMAN,) * 2),
        ("a crowd and a crowd", (Person.MAN, Person.WOMAN) * 4 + (Person.MAN,)),
    ],
)
def test_people_are_counted_as_a_reader_would(text: str, people: tuple[Person, ...]) -> None:
    assert people_in(text=text) == people


def test_a_close_up_always_has_a_person() -> None:
    assert read(prompt="close-up", seed=1).people == (Person.MAN,)
    assert read(prompt="a wide view", seed=1).people == ()


def test_the_same_prompt_and_seed_mean_the_same_scene_and_another_seed_another() -> None:
    scene = read(prompt="a quiet place", seed=3)

    assert read(prompt="a quiet place", seed=3) == scene
    assert read(prompt="a quiet place", seed=4).seed != scene.seed
    assert read(prompt="a quiet place.", seed=3).seed != scene.seed


def test_markers_are_read_and_never_drawn() -> None:
    prompt = "a beach [[partial:2]] at night [[slow:3]]"

    markers = read_markers(prompt=prompt)

    assert (markers.images_max, markers.slow_s, markers.fails) == (2, 3, False)
    assert without_markers(text=prompt) == "a beach at night"
    assert read(prompt=prompt, seed=1) == read(prompt="a beach at night", seed=1)


@pytest.mark.parametrize("place", Place)
@pytest.mark.parametrize("time", TimeOfDay)
def test_every_place_is_painted_at_every_time(place: Place, time: TimeOfDay) -> None:
    props = tuple(Prop) if time is TimeOfDay.DUSK else ()

    pixels = paint(scene=replace(SCENE, place=place, time=time, props=props), size=SMALL)

    assert pixels.shape == (54, 96, 3)
    assert np.isfinite(pixels).all()
    assert 0 <= pixels.min() < pixels.max() <= 1


@pytest.mark.parametrize("shot", ShotSize)
@pytest.mark.parametrize("light", Side)
def test_every_shot_size_is_painted_from_every_light(shot: ShotSize, light: Side) -> None:
    everybody = replace(SCENE, people=tuple(Person), shot=shot, light=light)
    nobody = replace(everybody, people=())

    with_people = paint(scene=everybody, size=SMALL)

    assert not np.array_equal(with_people, paint(scene=nobody, size=SMALL))


@pytest.mark.parametrize("weather", Weather)
@pytest.mark.parametrize("place", [Place.MOUNTAIN, Place.ROOM, Place.SPACE, Place.STREET])
def test_every_weather_is_painted(weather: Weather, place: Place) -> None:
    scene = replace(SCENE, place=place, weather=weather, props=(Prop.HAT,), people=(Person.MAN,))

    assert np.isfinite(paint(scene=scene, size=SMALL)).all()


@pytest.mark.parametrize("person", Person)
def test_a_close_up_shows_who_it_is(person: Person) -> None:
    scene = replace(SCENE, shot=ShotSize.CLOSE_UP, props=(Prop.HAT,), people=(person,))
    other = replace(scene, people=(Person.CHILD if person is not Person.CHILD else Person.WOMAN,))

    assert not np.array_equal(paint(scene=scene, size=SMALL), paint(scene=other, size=SMALL))


def test_only_the_first_of_two_women_wears_red() -> None:
    alone = paint(scene=replace(SCENE, shot=ShotSize.FULL), size=SMALL)
    friends = replace(SCENE, shot=ShotSize.FULL, people=(Person.WOMAN,) * 2)

    together = paint(scene=friends, size=SMALL)

    assert red_in(together) < 1.6 * red_in(alone)


def test_chance_puts_a_boat_on_some_seas() -> None:
    seas = [replace(SCENE, seed=seed, people=()) for seed in range(6)]

    with_boats = [replace(sea, props=(Prop.BOAT,)) for sea in seas]

    same = [
        np.array_equal(paint(scene=sea, size=SMALL), paint(scene=boat, size=SMALL))
        for sea, boat in zip(seas, with_boats, strict=True)
    ]
    assert 0 < sum(same) < 6


@pytest.mark.parametrize("size", [Size(54, 96), Size(64, 64), Size(126, 54)])
def test_a_picture_takes_any_shape(size: Size) -> None:
    assert picture_of(recipe=RECIPE, size=size).size == size


def test_a_still_carries_its_recipe(tmp_path: Path) -> None:
    path = tmp_path / "still.png"
    recipe = replace(RECIPE, grade=replace(RECIPE.grade, caption="“Où ?” — 東京"))

    save_still(picture=Image.new("RGB", SMALL), caption="", recipe=recipe, path=path)

    assert recipe_in(path=path) == recipe
    assert [left.name for left in tmp_path.iterdir()] == ["still.png"]


def test_a_text_that_is_no_recipe_is_none() -> None:
    assert from_text(text=to_text(recipe=RECIPE)) == RECIPE
    assert from_text(text="{}") is None
    assert from_text(text="a picture of a cat") is None


@pytest.mark.parametrize(
    ("instruction", "changed"),
    [
        ("make it night", replace(SCENE, time=TimeOfDay.NIGHT)),
        ("add rain", replace(SCENE, weather=Weather.RAIN)),
        ("remove the fog", SCENE),
        ("a close-up, please", replace(SCENE, shot=ShotSize.CLOSE_UP)),
        ("add a child", replace(SCENE, people=(Person.WOMAN, Person.CHILD))),
        ("remove the woman", replace(SCENE, people=())),
        ("remove a man", replace(SCENE, people=())),
        ("no people", replace(SCENE, people=())),
        ("put it in the forest", replace(SCENE, place=Place.FOREST)),
        ("backlit", replace(SCENE, light=Side.CENTRE)),
        ("pan left", replace(SCENE, move=Move.PAN_LEFT)),
        ("add an umbrella", replace(SCENE, props=(Prop.UMBRELLA,))),
        ("another version", replace(SCENE, seed=6)),
        ("dusk with snow", replace(SCENE, time=TimeOfDay.DUSK, weather=Weather.SNOW)),
    ],
)
def test_an_instruction_changes_the_scene(instruction: str, changed: Scene) -> None:
    assert edited(instruction).scene == changed


@pytest.mark.parametrize(
    ("instruction", "changed"),
    [
        ("darker", replace(RECIPE.grade, exposure=-0.6)),
        ("slightly brighter", replace(RECIPE.grade, exposure=0.3)),
        ("make it much warmer", replace(RECIPE.grade, temperature=1.0)),
        ("black-and-white", replace(RECIPE.grade, tone=Tone.MONOCHROME)),
        ("sepia and flip", replace(RECIPE.grade, tone=Tone.SEPIA, is_flipped=True)),
        ('caption "The end"', replace(RECIPE.grade, caption="The end")),
        ("no grain", replace(RECIPE.grade, grain=0.0)),
    ],
)
def test_an_instruction_changes_the_grade(instruction: str, changed: Grade) -> None:
    assert edited(instruction).grade == changed


def test_nobody_can_be_removed_from_an_empty_scene() -> None:
    empty = edited("no people")

    assert read_instruction(instruction="remove a man").of_recipe(empty).scene.people == ()


def test_a_caption_can_be_taken_away() -> None:
    titled = edited('title: "Night"')

    assert read_instruction(instruction="remove the caption").of_recipe(titled).grade.caption == ""


def test_nobody_is_left_out_of_a_close_up() -> None:
    empty = edited("no people")

    framed = read_instruction(instruction="closer").of_recipe(empty).scene

    assert framed.people == (Person.MAN,)


@pytest.mark.parametrize(
    ("instruction", "unknown"),
    [
        ("add a dragon", "dragon"),
        ("make it darker and remove the elephant", "elephant"),
        ("please", "please"),
        ("two men", "men"),
    ],
)
def test_what_is_not_understood_is_refused_with_what_is(instruction: str, unknown: str) -> None:
    with pytest.raises(OrderRefused) as refused:
        read_instruction(instruction=instruction)

    assert unknown in str(refused.value.value)
    assert "darker or brighter" in refused.value.allowed


def test_a_caption_too_long_to_read_is_refused() -> None:
    with pytest.raises(OrderRefused, match="up to 80 characters"):
        read_instruction(instruction=f'caption "{"a" * 81}"')


def test_adjustments_set_what_they_name() -> None:
    edit = read_adjustments(
        adjustments={
            "light": "right",
            "time_of_day": "dawn",
            "shot_size": "medium",
            "weather": "fog",
            "seed_nudge": 3,
            "flip": "horizontal",
            "exposure": -2,
            "grain": 1.0,
        }
    )

    after = edit.of_recipe(RECIPE)

    assert (after.scene.light, after.scene.time) == (Side.RIGHT, TimeOfDay.DAWN)
    assert (after.scene.shot, after.scene.weather) == (ShotSize.MEDIUM, Weather.FOG)
    assert (after.scene.seed, after.grade.is_flipped) == (10, True)
    assert (after.grade.exposure, after.grade.grain) == (-2.0, 1.0)


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("exposure", 2.01, "-2 to 2"),
        ("vignette", -0.1, "0 to 1"),
        ("contrast", "much", "-1 to 1"),
        ("saturation", float("nan"), "-1 to 1"),
        ("seed_nudge", 0.5, "a whole number"),
        ("seed_nudge", 1001, "-1000 to 1000"),
        ("light", "above", "left, centre, right"),
        ("flip", True, "none, horizontal"),
        ("time_of_day", 3, "dawn, day, sunset, dusk, night"),
        ("sharpness", 1, ", ".join(field_names())),
    ],
)
def test_an_adjustment_out_of_range_is_refused_by_name(
    name: str, value: str | float, allowed: str
) -> None:
    with pytest.raises(OrderRefused) as refused:
        read_adjustments(adjustments={name: value})

    assert refused.value.field in {name, "adjustment"}
    assert ", ".join(refused.value.allowed) == allowed


@pytest.mark.parametrize(
    ("grade", "is_so"),
    [
        (Grade(exposure=1), lambda before, after: after.mean() > before.mean()),
        (Grade(exposure=-1), lambda before, after: after.mean() < before.mean()),
        (Grade(contrast=1), lambda before, after: after.std() > before.std()),
        (Grade(temperature=1), lambda _, after: after[..., 0].mean() > after[..., 2].mean()),
        (Grade(saturation=-1), lambda _, after: np.ptp(after, axis=2).max() < 1e-5),
        (Grade(tone=Tone.MONOCHROME), lambda _, after: np.ptp(after, axis=2).max() < 1e-5),
        (Grade(tone=Tone.SEPIA), lambda _, after: (after[..., 0] >= after[..., 2]).all()),
        (Grade(vignette=1), lambda before, after: after[0, 0].sum() < before[0, 0].sum()),
        (Grade(grain=1), lambda before, after: not np.array_equal(before, after)),
        (Grade(is_flipped=True), lambda before, after: np.array_equal(before[:, ::-1], after)),
        (Grade(), np.array_equal),
    ],
)
def test_a_grade_does_what_it_says(grade: Grade, is_so) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001 - a predicate of two arrays
    pixels = np.random.default_rng(1).random((54, 96, 3), dtype=np.float32) * 0.8 + 0.1

    assert is_so(pixels, develop(pixels=pixels, grade=grade, seed=1))


@pytest.mark.parametrize("move", Move)
def test_a_camera_never_leaves_the_picture_and_never_jumps(move: Move) -> None:
    views = [view_at(move=move, share=i / 47, elapsed_s=i / 24, seed=5) for i in range(48)]

    crops = np.asarray([crop_of(view=view, width=192, height=108) for view in views])

    assert crops.min() >= 0
    assert (crops.max(axis=0) <= (192, 108, 192, 108)).all()
    assert np.abs(np.diff(crops, axis=0)).max() < 4
    assert np.allclose((crops[:, 2] - crops[:, 0]) / (crops[:, 3] - crops[:, 1]), 192 / 108)


def test_a_push_comes_nearer_and_a_pan_goes_its_way() -> None:
    def moved(move: Move) -> tuple[float, float]:
        start, end = (view_at(move=move, share=s, elapsed_s=s, seed=1) for s in (0.0, 1.0))
        return end.across - start.across, end.zoom - start.zoom

    assert moved(Move.PUSH_IN)[1] > 0 > moved(Move.PULL_OUT)[1]
    assert moved(Move.PAN_RIGHT)[0] > 0 > moved(Move.PAN_LEFT)[0]
    assert moved(Move.STATIC) == (0, 0)
