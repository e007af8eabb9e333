"""What a pack comes to is told in seconds of film, or in images."""

from dataclasses import replace

import pytest

from mutoscope.bootstrap import read_catalog
from mutoscope.domain.offers import Unit
from mutoscope.domain.pack_measure import measure

(VERSION,) = read_catalog(None).versions


@pytest.mark.parametrize(
    ("kind", "amount", "told"),
    [
        ("video", 1_500, "300 s (5 min) with Runway Gen-4 Turbo"),
        ("video", 700, "140 s with Runway Gen-4 Turbo"),
        ("video", 100, "20 s with Runway Gen-4 Turbo"),
        ("image", 1_200, "1,200 images with Image Generation"),
    ],
)
def test_credits_are_told_by_what_they_make(kind: str, amount: int, told: str) -> None:
    found = measure(version=VERSION, kind=kind, amount=amount)

    assert found is not None
    assert found.told() == told


def test_a_kind_that_nothing_is_priced_of_by_the_second_is_told_by_its_first_tool() -> None:
    clips = tuple(tool for tool in VERSION.tools if tool.unit is Unit.PER_VIDEO)

    found = measure(version=replace(VERSION, tools=clips), kind="video", amount=1_500)

    assert found is not None
    assert (found.tool, found.clips, found.told()) == ("veo3", 6, "48 s with Google Veo 3")


def test_a_kind_that_no_tool_takes_comes_to_nothing() -> None:
    assert measure(version=VERSION, kind="sound", amount=1_500) is None
