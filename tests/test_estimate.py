"""Prices before the job, captures after it, and what a balance buys."""

from dataclasses import replace
from fractions import Fraction
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mutoscope.domain.catalog_text import parse_catalog
from mutoscope.domain.credits import BadAmount
from mutoscope.domain.estimate import (
    Affordable,
    BadDuration,
    BadImageCount,
    BadRatio,
    BadResolution,
    NotForSale,
    PurchaseTooSmall,
    Size,
    affordable,
    captured,
    picture_size,
    price,
    purchase_price,
)
from mutoscope.domain.offers import Money, Tool

SHIPPED = files("mutoscope").joinpath("catalog.toml").read_text("utf-8")
VERSION = parse_catalog(text=SHIPPED, source="catalog.toml").versions[0]
FRAMES_A_SECOND = 24


def tool(key: str) -> Tool:
    return VERSION.tool(key=key)


@pytest.mark.parametrize(
    ("key", "images", "duration_s", "expected"),
    [
        ("image_generation", 1, None, 1),
        ("image_generation", 50, None, 50),
        ("edit_fine_tune", 2, None, 2),
        ("runway_gen4_turbo", 1, 5, 25),
        ("runway_gen4_turbo", 1, 10, 50),
        ("veo3", 1, 8, 250),
        ("kling_pro", 1, 5, 50),
        ("kling_pro", 1, 10, 50),
        ("kling_standard", 1, 5, 25),
        ("pixverse_v4", 1, 5, 80),
        ("wan_i2v", 1, 5, 40),
    ],
)
def test_a_job_costs_what_the_price_list_says(
    key: str, images: int, duration_s: int | None, expected: int
) -> None:
    assert price(tool=tool(key), images=images, duration_s=duration_s) == expected


@pytest.mark.parametrize(
    ("frames", "credits_due"),
    [
        (0, 0),
        (6, 0),  # a quarter of a second, to the frame
        (7, 5),
        (24, 5),
        (30, 5),  # 1.25 s: the tolerance itself
        (31, 10),
        (120, 25),
        (126, 25),  # 5.25 s
        (127, 30),
    ],
)
def test_a_begun_second_counts_after_a_quarter_of_a_second(frames: int, credits_due: int) -> None:
    measured_s = Fraction(frames, FRAMES_A_SECOND)

    due = captured(tool=tool("runway_gen4_turbo"), held=50, measured_s=measured_s)

    assert due == credits_due


def test_a_clip_longer_than_asked_costs_no_more_than_was_held() -> None:
    due = captured(tool=tool("runway_gen4_turbo"), held=25, measured_s=Fraction(60))

    assert due == 25


def test_only_the_images_that_were_delivered_are_captured() -> None:
    assert captured(tool=tool("image_generation"), held=4, images_delivered=3) == 3


def test_a_price_per_video_is_captured_whole_however_short_the_clip_is() -> None:
    assert captured(tool=tool("veo3"), held=250, measured_s=Fraction(1)) == 250


@given(
    key=st.sampled_from([one.key for one in VERSION.tools]),
    held=st.integers(0, 10_000),
    images=st.integers(0, 10_000),
    measured_s=st.fractions(0, 10_000),
)
def test_never_more_is_captured_than_was_held(
    key: str, held: int, images: int, measured_s: Fraction
) -> None:
    due = captured(tool=tool(key), held=held, images_delivered=images, measured_s=measured_s)

    assert 0 <= due <= held


@given(st.integers(1, 60), st.integers(1, 1_000))
def test_a_clip_delivered_as_asked_captures_its_whole_price(seconds: int, rate: int) -> None:
    one = replace(tool("runway_gen4_turbo"), credits=rate, durations_s=(seconds,))
    held = price(tool=one, duration_s=seconds)

    due = captured(tool=one, held=held, measured_s=Fraction(seconds))

    assert due == held


@pytest.mark.parametrize("duration_s", [None, 0, -5, 6, 11, 10**9])
def test_a_duration_that_the_tool_does_not_take_is_refused(duration_s: int | None) -> None:
    with pytest.raises(BadDuration, match="5 or 10 s") as refusal:
        price(tool=tool("runway_gen4_turbo"), duration_s=duration_s)

    assert refusal.value.allowed == (5, 10)


def test_a_clip_without_a_duration_is_told_those_there_are() -> None:
    with pytest.raises(BadDuration, match="does not take a clip without a duration: ask for 8 s"):
        price(tool=tool("veo3"), duration_s=None)


def test_a_still_has_no_duration() -> None:
    with pytest.raises(BadDuration, match="leave the duration out"):
        price(tool=tool("image_generation"), duration_s=5)


@pytest.mark.parametrize(
    ("key", "images", "remedy"),
    [
        ("image_generation", 0, "1 to 50"),
        ("image_generation", -1, "1 to 50"),
        ("image_generation", 51, "1 to 50"),
        ("image_generation", True, "1 to 50"),
        ("veo3", 2, "ask for 1"),
    ],
)
def test_a_number_of_images_out_of_range_is_refused(key: str, images: int, remedy: str) -> None:
    with pytest.raises(BadImageCount, match=remedy):
        price(tool=tool(key), images=images, duration_s=None)


@pytest.mark.parametrize(
    ("key", "available", "expected"),
    [
        ("runway_gen4_turbo", 1_500, Affordable(images=0, clips=60, seconds=300)),
        ("runway_gen4_turbo", 24, Affordable(images=0, clips=0, seconds=0)),
        ("veo3", 1_500, Affordable(images=0, clips=6, seconds=48)),
        ("kling_pro", 320, Affordable(images=0, clips=6, seconds=60)),
        ("image_generation", 50, Affordable(images=50, clips=0, seconds=0)),
        ("image_generation", 0, Affordable(images=0, clips=0, seconds=0)),
    ],
)
def test_a_balance_buys_whole_jobs(key: str, available: int, expected: Affordable) -> None:
    assert affordable(tool=tool(key), available=available) == expected


@pytest.mark.parametrize(
    ("ratio", "expected"),
    [
        ("16:9", Size(width=1280, height=720)),
        ("9:16", Size(width=720, height=1280)),
        ("1:1", Size(width=720, height=720)),
        ("4:3", Size(width=960, height=720)),
        ("21:9", Size(width=1680, height=720)),
    ],
)
def test_a_picture_has_the_shorter_side_asked_for(ratio: str, expected: Size) -> None:
    assert picture_size(tool=tool("image_generation"), ratio=ratio, resolution_px=720) == expected


@given(st.integers(1, 99), st.integers(1, 99), st.integers(1, 2_160))
def test_both_sides_of_a_picture_are_even(across: int, down: int, half_side: int) -> None:
    ratio, side = f"{across}:{down}", 2 * half_side
    one = replace(tool("veo3"), ratios=(ratio,), resolutions_px=(side,))

    size = picture_size(tool=one, ratio=ratio, resolution_px=side)

    assert size.width % 2 == size.height % 2 == 0
    assert min(size.width, size.height) == side
    assert abs(max(across, down) * side - max(size.width, size.height) * min(across, down)) <= min(
        across, down
    )


def test_a_ratio_or_resolution_that_the_tool_does_not_take_is_refused() -> None:
    with pytest.raises(BadRatio, match="16:9 or 9:16"):
        picture_size(tool=tool("veo3"), ratio="1:1", resolution_px=720)
    with pytest.raises(BadResolution, match="choose 720"):
        picture_size(tool=tool("veo3"), ratio="16:9", resolution_px=2_160)


@pytest.mark.parametrize(("amount", "cents"), [(700, 1_820), (701, 1_823), (1_500, 3_900)])
def test_a_free_amount_is_priced_by_the_thousand_and_rounded_half_up(
    amount: int, cents: int
) -> None:
    total = purchase_price(version=VERSION, kind="video", amount=amount)

    assert total == Money(amount=cents, currency="USD")


def test_half_a_cent_is_rounded_up() -> None:
    offer = replace(VERSION.free_amounts[0], price_per_1000=Money(amount=1, currency="USD"))
    version = replace(VERSION, free_amounts=(offer,), purchase_credits_min=1)

    totals = [
        purchase_price(version=version, kind="video", amount=amount).amount
        for amount in (499, 500, 1_499, 1_500)
    ]

    assert totals == [0, 1, 1, 2]


def test_a_purchase_below_the_smallest_is_refused() -> None:
    with pytest.raises(PurchaseTooSmall, match="smallest purchase is 700"):
        purchase_price(version=VERSION, kind="video", amount=699)


def test_a_kind_that_is_not_for_sale_is_refused_with_those_that_are() -> None:
    with pytest.raises(NotForSale, match="video"):
        purchase_price(version=VERSION, kind="image", amount=700)


@pytest.mark.parametrize("amount", [0, -1, True, 10**15])
def test_an_amount_that_is_no_amount_is_refused(amount: int) -> None:
    with pytest.raises(BadAmount):
        purchase_price(version=VERSION, kind="video", amount=amount)
