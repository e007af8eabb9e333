"""Fountain, read into scenes and shots."""

from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mutoscope.domain.fountain import parse_screenplay
from mutoscope.domain.screenplay import (
    TEXT_MAX,
    EmptyScreenplay,
    NotText,
    Scene,
    ScreenplayTooLong,
)
from mutoscope.domain.shots import PROMPT_MAX, shots

DEMO = files("mutoscope").joinpath("demo.fountain").read_text("utf-8")


def only_scene(text: str) -> Scene:
    (scene,) = parse_screenplay(text=text).scenes
    return scene


def prompts(text: str, prompt_max: int = PROMPT_MAX) -> list[str]:
    found = shots(screenplay=parse_screenplay(text=text), prompt_max=prompt_max)
    return [shot.prompt for shot in found]


def test_the_demo_has_five_scenes_and_six_shots() -> None:
    screenplay = parse_screenplay(text=DEMO)

    found = shots(screenplay=screenplay)

    assert screenplay.title == "The Last Train"
    assert [shot.number for shot in found] == [1, 2, 3, 4, 5, 6]
    assert [shot.scene for shot in found] == [1, 1, 2, 3, 4, 5]


def test_a_prompt_of_the_demo_names_place_time_weather_and_action() -> None:
    found = prompts(DEMO)

    assert found[0].startswith("Rooftop over the city, night, rain. Wide shot. A woman")
    assert found[2].startswith("Train, night, interior. Medium shot. She sits")
    assert found[4].startswith("Forest, morning, fog. Wide shot. Two people")


def test_what_is_not_seen_makes_no_shot() -> None:
    told = " ".join(prompts(DEMO))

    for unseen in ("MARA", "Four", "quietly", "CUT TO", "bell", "budget", "credits", "FADE"):
        assert unseen not in told


@pytest.mark.parametrize(
    ("heading", "place", "time_of_day", "details"),
    [
        ("EXT. BEACH - DAWN", "beach", "dawn", ()),
        ("INT. THE BAR - NIGHT", "the bar", "night", ("interior",)),
        ("int house", "house", "", ("interior",)),
        ("EXT. FIELD - LATE AFTERNOON - SNOW", "field", "late afternoon", ("snow",)),
        ("INT./EXT. CAR - DUSK", "car", "dusk", ()),
        ("I/E CAR - DAY", "car", "day", ()),
        ("EST. CITY", "city", "", ()),
        ("EXT. SEA-SIDE ROAD — SUNSET", "sea-side road", "sunset", ()),
        (".THE MOON", "the moon", "", ()),
        ("EXT. PIER - NIGHT #12A#", "pier", "night", ()),
        ("EXT. *PIER* - NIGHT", "pier", "night", ()),
    ],
)
def test_a_heading_says_where_and_when(
    heading: str, place: str, time_of_day: str, details: tuple[str, ...]
) -> None:
    scene = only_scene(f"{heading}\n\nWaves.")

    assert (scene.place, scene.time_of_day, scene.details) == (place, time_of_day, details)


@pytest.mark.parametrize("word", ["CONTINUOUS", "LATER", "MOMENTS LATER", "SAME"])
def test_a_scene_that_goes_on_keeps_the_time_of_day(word: str) -> None:
    text = f"EXT. ROOF - NIGHT\n\nRain.\n\nINT. STAIRS - {word}\n\nSteps."

    scene = parse_screenplay(text=text).scenes[1]

    assert scene.time_of_day == "night"


def test_a_scene_that_does_not_say_so_has_no_time_of_day() -> None:
    text = "EXT. ROOF - NIGHT\n\nRain.\n\nINT. STAIRS\n\nSteps."

    assert parse_screenplay(text=text).scenes[1].time_of_day == ""


@pytest.mark.parametrize(
    "unseen",
    [
        "MARA\nFour.",
        "MARA (O.S.)\n(quietly)\nFour.",
        "MARA ^\nFour.",
        "@McAvoy\nFour.",
        "CUT TO:",
        "SMASH CUT TO:",
        "FADE OUT.",
        "> Burn to white.",
        "> THE END <",
        "> PART <\n> TWO <",
        "# Act one",
        "= What happens here.",
        "===",
        "~ La la la",
        "[[a note]]",
        "/* cut\n\nEXT. NOWHERE\n\n*/",
    ],
)
def test_only_action_is_pictured(unseen: str) -> None:
    text = f"EXT. BEACH - DAWN\n\nWaves.\n\n{unseen}\n\nGulls."

    assert only_scene(text).action == ("Waves.", "Gulls.")


@pytest.mark.parametrize(
    ("written", "action"),
    [
        ("One line\nand another.", "One line and another."),
        ("!SCANNING THE SHORE\nHe waits.", "SCANNING THE SHORE He waits."),
        ("BOOM!", "BOOM!"),
        ("He is **very** _tired_ of snake_case.", "He is very tired of snake_case."),
        ("She waits [[for whom?]] alone.", "She waits alone."),
        ("A mark [[that nobody closed.", "A mark [[that nobody closed."),
        ("...and then nothing.", "...and then nothing."),
    ],
)
def test_action_is_read_as_one_plain_paragraph(written: str, action: str) -> None:
    assert only_scene(f"EXT. BEACH - DAWN\n\n{written}").action == (action,)


def test_a_heading_needs_no_empty_line_after_it() -> None:
    assert only_scene("EXT. BEACH - DAWN\nWaves.").action == ("Waves.",)


def test_line_ends_of_any_system_are_read_alike() -> None:
    text = "EXT. BEACH - DAWN\n\nWaves.\n\nGulls."

    read = {parse_screenplay(text="\ufeff" + text.replace("\n", end)) for end in ("\r\n", "\r")}

    assert read == {parse_screenplay(text=text)}


@pytest.mark.parametrize(
    ("page", "title"),
    [
        ("Title: The Coin\nAuthor: A. B.\n\n", "The Coin"),
        ("Title:\n    _**The Coin**_\n    and the Crank\nCredit: by\n\n", "The Coin and the Crank"),
        ("Author: A. B.\n\n", ""),
        ("FADE IN:\n\n", ""),
    ],
)
def test_the_title_is_read_from_a_title_page(page: str, title: str) -> None:
    assert parse_screenplay(text=f"{page}EXT. BEACH\n\nWaves.").title == title


def test_action_without_any_heading_is_a_scene_without_a_place() -> None:
    scene = only_scene("A coin drops.")

    assert (scene.heading, scene.place, scene.action) == ("", "", ("A coin drops.",))


def test_an_outdoor_scene_opens_wide_and_goes_on_nearer() -> None:
    found = prompts("EXT. BEACH - DAWN\n\nWaves.\n\nGulls.\n\nClose-up of an eye.")

    assert found == [
        "Beach, dawn. Wide shot. Waves.",
        "Beach, dawn. Medium shot. Gulls.",
        "Beach, dawn. Close-up of an eye.",
    ]


def test_a_prompt_is_cut_at_a_word() -> None:
    text = "Wide shot of the sea."

    found = [prompts(text, prompt_max=size)[0] for size in (4, 5, 8, 9, 21)]

    assert found == ["Wide", "Wide", "Wide", "Wide shot", "Wide shot of the sea."]


def test_a_word_longer_than_the_limit_is_cut_itself() -> None:
    assert prompts("Macro" + "o" * 500, prompt_max=10) == ["Wide shot."]
    assert prompts("Wide-" + "o" * 500, prompt_max=10) == ["Wide-ooooo"]


@pytest.mark.parametrize(
    "text",
    ["", " \n\t\n", "EXT. BEACH - DAWN", "Title: The Coin\n\n", "MARA\nFour.", "[[all of it]]"],
)
def test_a_screenplay_with_nothing_to_see_is_refused(text: str) -> None:
    with pytest.raises(EmptyScreenplay, match=r"EXT\. BEACH"):
        parse_screenplay(text=text)


@pytest.mark.parametrize("character", ["\0", "\x1b", "\x7f", "\ufffd"])
def test_what_is_no_text_is_refused_with_its_place(character: str) -> None:
    with pytest.raises(NotText, match="line 3, column 4") as refusal:
        parse_screenplay(text=f"EXT. BEACH\r\n\r\nWav{character}es.")

    assert refusal.value.character == character
    assert str(refusal.value).isprintable()


def test_a_screenplay_longer_than_any_film_is_refused() -> None:
    with pytest.raises(ScreenplayTooLong) as refusal:
        parse_screenplay(text="x" * (TEXT_MAX + 1))

    assert refusal.value.length == TEXT_MAX + 1


@given(st.text(st.sampled_from("AZaz .#=~@!>()[]/*_-\n:ÉXT") | st.characters(codec="utf-8")))
def test_any_text_is_read_or_refused_by_name(text: str) -> None:
    try:
        found = prompts(f"EXT. BEACH\n\nWaves.\n\n{text}")
    except NotText as refusal:
        found = [str(refusal)]

    assert all(0 < len(prompt) <= PROMPT_MAX for prompt in found)


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "piece", ["[[", "/*", "a\n\n", "#\n", "A(\nb\n\n", "INT. X\n\n", " \n", "_ *", "\x0c\n"]
)
def test_a_hostile_text_takes_no_longer_than_its_length(piece: str) -> None:
    text = "A beach.\n\n" + piece * ((TEXT_MAX - 10) // len(piece))

    assert parse_screenplay(text=text).scenes
