"""Fine-tuning: which names and values are adjustments, and the words they are told in."""

import pytest

from mutoscope.domain.fine_tune import (
    CHOICES,
    RANGES,
    BadAdjustment,
    NoAdjustments,
    checked_adjustments,
    names,
    sentence_of,
)
from mutoscope.providers.local.adjustments import SCENE_CHOICES, field_names
from mutoscope.providers.local.grade import RANGES as ENGINE_RANGES

WHOLE = {"region_x": 0, "region_y": 0, "region_width": 1, "region_height": 1}


def test_adjustments_are_kept_by_name_with_numbers_as_floats() -> None:
    found = checked_adjustments({"light": "left", "exposure": 1, "add_object": " a  lamp "})

    assert found == {"add_object": "a lamp", "exposure": 1.0, "light": "left"}
    assert list(found) == sorted(found)


@pytest.mark.parametrize("name", sorted(RANGES.keys() - WHOLE.keys()))
def test_a_number_is_taken_up_to_its_ends(name: str) -> None:
    low, high = RANGES[name]

    assert checked_adjustments({name: low}) == {name: low}
    assert checked_adjustments({name: high}) == {name: high}
    for outside in (low - 0.01, high + 0.01, float("nan"), "1", True):
        with pytest.raises(BadAdjustment, match="a number from"):
            checked_adjustments({name: outside})


@pytest.mark.parametrize("name", CHOICES)
def test_a_choice_is_one_of_its_own(name: str) -> None:
    for value in CHOICES[name]:
        assert checked_adjustments({name: value}) == {name: value}
    for other in ("", "else", 1.0):
        with pytest.raises(BadAdjustment, match=CHOICES[name][0]):
            checked_adjustments({name: other})


@pytest.mark.parametrize("value", ["", "   ", "x" * 201, "a\0b", 3.0])
def test_words_are_words(value: str | float) -> None:
    with pytest.raises(BadAdjustment):
        checked_adjustments({"expression": value})


@pytest.mark.parametrize("adjustments", [{}, WHOLE])
def test_a_fine_tune_changes_something(adjustments: dict[str, str | float]) -> None:
    with pytest.raises(NoAdjustments, match="light"):
        checked_adjustments(adjustments)


def test_an_unknown_name_is_told_what_there_is() -> None:
    with pytest.raises(BadAdjustment, match="expression"):
        checked_adjustments({"mood": "sad"})


@pytest.mark.parametrize(
    "change",
    [{"region_width": 0.0}, {"region_x": 0.1}, {"region_y": 0.5, "region_height": 0.6}],
)
def test_a_region_lies_inside_the_picture(change: dict[str, str | float]) -> None:
    with pytest.raises(BadAdjustment, match="a rectangle inside"):
        checked_adjustments({"light": "left", **WHOLE, **change})


def test_a_nudge_of_the_seed_is_a_whole_number() -> None:
    with pytest.raises(BadAdjustment, match="a whole number"):
        checked_adjustments({"seed_nudge": 0.5})


def test_a_region_is_given_whole() -> None:
    with pytest.raises(BadAdjustment, match="given with"):
        checked_adjustments({"light": "left", "region_x": 0.5})


def test_adjustments_are_told_in_one_sentence() -> None:
    plain = sentence_of({"light": "left", "exposure": -0.2, "grain": 0.0})
    within = sentence_of({"remove_object": "the cup", **WHOLE, "region_x": 0.25})

    assert plain == (
        "Change only this and keep all else: darker, slightly; the main light comes from the left."
    )
    assert within.startswith("Only inside the rectangle 25 % from the left and 0 % from the top")
    assert within.endswith("change this and keep all else: remove the cup.")


def test_what_the_built_in_engine_takes_is_among_them() -> None:
    assert set(field_names()) <= set(names())
    assert {name: RANGES[name] for name in ENGINE_RANGES} == ENGINE_RANGES
    assert {name: CHOICES[name] for name in SCENE_CHOICES} == dict(SCENE_CHOICES)
