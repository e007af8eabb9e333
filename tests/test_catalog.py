"""The shipped catalog says what the product promises, and a bad one is refused in full."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mutoscope.domain.catalog import (
    Catalog,
    NoVersionInForce,
    UnknownPack,
    UnknownPlan,
    UnknownTool,
    UnknownVersion,
    Version,
)
from mutoscope.domain.catalog_text import CatalogRefused, parse_catalog
from mutoscope.domain.credits import NaiveInstant
from mutoscope.domain.offers import Basis, Entitlement, Money, Unit
from mutoscope.domain.toml_file import TEXT_MAX

SHIPPED = files("mutoscope").joinpath("catalog.toml").read_text("utf-8")
EVERYTHING = frozenset(Entitlement)


def shipped() -> Version:
    return parse_catalog(text=SHIPPED, source="catalog.toml").versions[0]


def refusal_of(text: str) -> CatalogRefused:
    with pytest.raises(CatalogRefused) as refusal:
        parse_catalog(text=text, source="mine.toml")
    return refusal.value


def changed(old: str, new: str) -> str:
    """Return the shipped text with one place changed."""
    assert old in SHIPPED
    return SHIPPED.replace(old, new, 1)


def later_version(key: str, effective_at: str) -> str:
    """Return the shipped block again, as another version."""
    block = SHIPPED[SHIPPED.index("\n[[versions]]") :]
    return block.replace('"2025-01"', f'"{key}"').replace("2025-01-01T00:00:00Z", effective_at)


@pytest.mark.parametrize(
    ("key", "image", "video", "entitlements"),
    [
        ("essential", (Basis.FIXED, 200), (Basis.FIXED, 700), EVERYTHING),
        ("pro", (Basis.FIXED, 700), (Basis.FIXED, 1_500), EVERYTHING),
        ("unlimited", (Basis.UNLIMITED, 0), (Basis.FIXED, 3_000), EVERYTHING),
        ("enterprise", (Basis.AGREED, 0), (Basis.AGREED, 0), EVERYTHING - {Entitlement.PURCHASES}),
    ],
)
def test_a_plan_gives_what_the_price_list_says(
    key: str,
    image: tuple[Basis, int],
    video: tuple[Basis, int],
    entitlements: frozenset[Entitlement],
) -> None:
    plan = shipped().plan(key=key)

    given_credits = {one.kind: (one.basis, one.credits) for one in plan.allowances}

    assert given_credits == {"image": image, "video": video}
    assert plan.entitlements == entitlements
    assert plan.agreed == EVERYTHING - entitlements
    assert plan.allowance(kind="audio") is None


def test_the_trial_gives_fifty_image_credits_for_fourteen_days_and_allows_nothing_else() -> None:
    trial = shipped().trial

    allowances = [(one.kind, one.basis, one.credits) for one in trial.allowances]

    assert allowances == [("image", Basis.FIXED, 50)]
    assert trial.days == 14
    assert trial.entitlements == frozenset()


def test_the_tools_cost_what_the_price_list_says() -> None:
    rates = {tool.key: (tool.kind, tool.unit, tool.credits) for tool in shipped().tools}

    assert rates == {
        "image_generation": ("image", Unit.PER_IMAGE, 1),
        "edit_open_assistant": ("image", Unit.PER_IMAGE, 1),
        "edit_fine_tune": ("image", Unit.PER_IMAGE, 1),
        "runway_gen4_turbo": ("video", Unit.PER_SECOND, 5),
        "veo3": ("video", Unit.PER_VIDEO, 250),
        "kling_pro": ("video", Unit.PER_VIDEO, 50),
        "kling_standard": ("video", Unit.PER_VIDEO, 25),
        "pixverse_v4": ("video", Unit.PER_VIDEO, 80),
        "wan_i2v": ("video", Unit.PER_VIDEO, 40),
    }


def test_extra_credits_cost_what_the_price_list_says() -> None:
    version = shipped()

    pack = version.pack(key="video_1500")

    assert (pack.kind, pack.credits) == ("video", 1_500)
    assert pack.price == Money(amount=3_900, currency="USD")
    assert version.purchase_credits_min == 700


def test_the_figures_that_stand_alone_are_the_promised_ones() -> None:
    rules = shipped().rules

    assert rules.alert_percents == (25, 10, 0)
    assert rules.alert_days == (7, 1)
    assert (rules.price_lock_minutes, rules.confirm_percent) == (15, 20)
    assert rules.submit_unknown_minutes == 60


def test_shipped_plan_prices_say_that_they_are_examples() -> None:
    prices = {plan.key: plan.price for plan in shipped().plans}

    assert prices.pop("enterprise") is None
    assert all(price is not None and price.is_example for price in prices.values())


def test_every_clip_starts_from_a_frame_and_lasts_five_to_ten_seconds() -> None:
    clips = [tool for tool in shipped().tools if tool.kind == "video"]

    durations_s = {seconds for clip in clips for seconds in clip.durations_s}

    assert all(clip.needs_source_frame for clip in clips)
    assert durations_s <= set(range(5, 11))


def two_versions() -> Catalog:
    text = SHIPPED + later_version("2026-03", "2026-03-01T01:00:00+01:00")
    return parse_catalog(text=text, source="mine.toml")


def test_a_version_is_in_force_from_its_own_instant_until_the_next() -> None:
    catalog = two_versions()
    change_at = datetime(2026, 3, 1, tzinfo=UTC)

    before = catalog.version_at(at=change_at - timedelta(microseconds=1))
    after = catalog.version_at(at=change_at)

    assert (before.key, after.key) == ("2025-01", "2026-03")


def test_a_kept_key_finds_its_version_again() -> None:
    assert two_versions().version(key="2026-03").key == "2026-03"


def test_nothing_is_for_sale_before_the_first_version() -> None:
    with pytest.raises(NoVersionInForce, match="2025-01-01"):
        two_versions().version_at(at=datetime(2024, 12, 31, 23, 59, tzinfo=UTC))


def test_a_naive_instant_finds_no_version() -> None:
    with pytest.raises(NaiveInstant):
        two_versions().version_at(at=datetime(2026, 1, 1))  # noqa: DTZ001 - the point of the test


@pytest.mark.parametrize(
    ("look_up", "refusal", "first_allowed"),
    [
        (lambda catalog: catalog.versions[0].tool(key="sora"), UnknownTool, "image_generation"),
        (lambda catalog: catalog.versions[0].plan(key="gold"), UnknownPlan, "essential"),
        (lambda catalog: catalog.versions[0].pack(key="x" * 999), UnknownPack, "video_1500"),
        (lambda catalog: catalog.version(key="2020"), UnknownVersion, "2025-01"),
    ],
)
def test_an_unknown_key_is_refused_with_the_known_ones(
    look_up: Callable[[Catalog], object],
    refusal: type[UnknownTool],
    first_allowed: str,
) -> None:
    with pytest.raises(refusal, match=first_allowed) as refused:
        look_up(two_versions())

    assert refused.value.allowed[0] == first_allowed
    assert len(str(refused.value)) < 400


BAD_CHANGES = [
    ("days = 14", "days = true", "trial.days", "true"),
    ("days = 14", "days = 14.0", "trial.days", "14.0"),
    ("days = 14", "", "trial.days", "missing"),
    ("days = 14", "days = 14\nday = 1", "trial.day", "1"),
    ("credits = 250", "credits = 0", "tools.veo3.credits", "0"),
    ("credits = 250", "credits = -5", "tools.veo3.credits", "-5"),
    ("credits = 250", "credits = 1000000001", "tools.veo3.credits", "1000000001"),
    ('kind = "video"', 'kind = "audio"', "tools.runway_gen4_turbo.kind", "'audio'"),
    ('"per_second"', '"per_frame"', "tools.runway_gen4_turbo.unit", "'per_frame'"),
    ('"9:16", "1:1"', '"9x16", "1:1"', "tools.image_generation.ratios", "['16:9', '9x16'"),
    ('["16:9", "9:16"]', '["16:9", "16:9"]', "tools.veo3.ratios", "['16:9', '16:9']"),
    ('["16:9", "9:16"]', "[]", "tools.veo3.ratios", "[]"),
    ("durations_s = [8]", "durations_s = [8.5]", "tools.veo3.durations_s", "[8.5]"),
    ("durations_s = [8]", "durations_s = [true]", "tools.veo3.durations_s", "[True]"),
    ("durations_s = [8]", "", "tools.veo3.durations_s", "missing"),
    ("images_max = 50", "images_max = 50\ndurations_s = [5]",
     "tools.image_generation.durations_s", "[5]"),
    ("resolutions_px = [1080]", "resolutions_px = [1081]", "tools.kling_pro.resolutions_px",
     "[1081]"),
    ("needs_source_frame = true", "needs_source_frame = 1",
     "tools.edit_open_assistant.needs_source_frame", "1"),
    ('name = "Pro"', 'name = ""', "plans.pro.name", "''"),
    ("image = 700,", "audio = 700,", "plans.pro.monthly_credits.audio", "700"),
    ('image = "unlimited"', 'image = "endless"', "plans.unlimited.monthly_credits.image",
     "'endless'"),
    ("{ image = 120 }", "{}", "fair_use_per_hour.image", "missing"),
    ('agreed = ["purchases"]', 'agreed = ["video"]', "plans.enterprise.agreed", "['video']"),
    ('agreed = ["purchases"]', 'agreed = ["pack"]', "plans.enterprise.agreed", "['pack']"),
    ("[versions.plans.pro]", '[versions.plans."Pro!"]', "plans.Pro!", "a table"),
    ("[versions.plans.pro]", "[[versions.plans.pro]]", "plans.pro", "[{"),
    ("credits = 1500", "credits = 699", "packs.video_1500.credits", "699"),
    ('video = "Video credits"', 'video = "Video credits"\nHD = "x"', "kinds.HD", "'x'"),
    ("price_minor = 3900", 'price_minor = "39 USD"', "packs.video_1500.price_minor", "'39 USD'"),
    ("effective_at = 2025-01-01T00:00:00Z", "effective_at = 2025-01-01T00:00:00", "effective_at",
     "2025-01-01T00:00:00"),
    ("effective_at = 2025-01-01T00:00:00Z", "effective_at = 2025-01-01", "effective_at",
     "2025-01-01"),
    ("effective_at = 2025-01-01T00:00:00Z", "effective_at = 0001-01-01T00:00:00+14:00",
     "effective_at", "0001-01-01T00:00:00+14:00"),
    ("confirm_percent = 20", "confirm_percent = 0x" + "f" * 5_000, "quotes.confirm_percent",
     "a number of thousands of digits"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "place", "value"), BAD_CHANGES)
def test_a_bad_value_is_refused_with_its_file_key_value_and_remedy(
    old: str, new: str, place: str, value: str
) -> None:
    refused = refusal_of(changed(old, new))

    assert refused.source == "mine.toml"
    assert refused.key == f"versions[2025-01].{place}"
    assert refused.value.startswith(value)
    assert refused.remedy
    assert str(refused).startswith(f"mine.toml: {refused.key} is ")


def test_every_problem_of_a_file_is_told_at_once() -> None:
    text = changed("days = 14", "days = 0").replace("credits = 250", "credits = 'x'")

    refused = refusal_of(text)

    keys = [problem.key for problem in refused.problems]
    assert keys == ["versions[2025-01].trial.days", "versions[2025-01].tools.veo3.credits"]
    assert str(refused).endswith("(and 1 more)")


def test_a_missing_table_is_told_once_and_not_for_each_of_its_keys() -> None:
    text = re.sub(r"\[versions\.holds\].*", "", SHIPPED, flags=re.DOTALL)

    refused = refusal_of(text)

    assert [problem.key for problem in refused.problems] == ["versions[2025-01].holds"]


def test_broken_kinds_are_told_once_and_not_for_every_tool() -> None:
    refused = refusal_of(changed("[versions.kinds]", "[versions.kind]"))

    keys = [problem.key for problem in refused.problems]
    assert keys == ["versions[2025-01].kinds", "versions[2025-01].kind"]


@pytest.mark.parametrize("effective_at", ["2025-01-01T00:00:00Z", "2024-12-31T00:00:00Z"])
def test_a_version_that_does_not_follow_the_one_before_is_refused(effective_at: str) -> None:
    refused = refusal_of(SHIPPED + later_version("2026-03", effective_at))

    assert refused.key == "versions[2026-03].effective_at"
    assert "after 2025-01" in refused.remedy


def test_two_versions_of_one_key_are_refused() -> None:
    refused = refusal_of(SHIPPED + later_version("2025-01", "2026-03-01T00:00:00Z"))

    assert refused.key == "versions[2025-01].key"


def test_two_tools_of_one_key_are_refused_with_the_line() -> None:
    refused = refusal_of(SHIPPED + "\n[versions.tools.veo3]\n")

    assert "veo3" in refused.value
    assert "line" in refused.value


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("", "versions"),
        ("versions = []", "versions"),
        ("versions = 1", "versions"),
        ("[versions]", "versions"),
        ("versions = [1]", "versions[1].kinds"),
        ("versions = ", "the file"),
        ("\ufeff", "the file"),
        ("x = " + "9" * 5_000, "the file"),
        ("x = " + "[" * 99_999, "the file"),
        ("#" * (TEXT_MAX + 1), "the file"),
        ("[[versions]]\n" * 65, "versions"),
    ],
)
def test_a_text_that_is_no_catalog_is_refused(text: str, key: str) -> None:
    refused = refusal_of(text)

    assert refused.key == key
    assert refused.remedy


def outcome(text: str) -> Catalog | CatalogRefused:
    try:
        return parse_catalog(text=text, source="mine.toml")
    except CatalogRefused as refused:
        return refused


@given(
    line=st.integers(0, SHIPPED.count("\n") - 1),
    value=st.sampled_from(
        ["", "1", "-1", "true", '""', '"x"', "[]", "[1]", "{}", "1979-05-27", "."]
    ),
)
def test_any_one_line_may_be_spoilt_and_the_catalog_is_read_or_refused(
    line: int, value: str
) -> None:
    lines = SHIPPED.splitlines()
    key, equals, _ = lines[line].partition("=")
    lines[line] = f"{key}{equals} {value}"

    found = outcome("\n".join(lines))

    assert found.problems if isinstance(found, CatalogRefused) else found.versions


def test_an_empty_shop_is_refused() -> None:
    text = re.sub(r"\[versions\.plans\..*?(?=# ---- Tools)", "[versions.plans]\n", SHIPPED,
                  flags=re.DOTALL)  # fmt: skip

    refused = refusal_of(text)

    assert refused.key == "versions[2025-01].plans"


def test_more_tables_than_anyone_needs_are_refused() -> None:
    block = SHIPPED[SHIPPED.index("[versions.packs.video_1500]") : SHIPPED.index("# ---- Figures")]
    many = "".join(block.replace("video_1500", f"video_{number}") for number in range(65))

    refused = refusal_of(SHIPPED.replace(block, many))

    assert refused.key == "versions[2025-01].packs"
