"""Routes are dated data: a bad file is refused by place and remedy, a good one answers by tool."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from mutoscope.bootstrap import CatalogUnreadable, read_catalog, read_routes
from mutoscope.domain.offers import Unit
from mutoscope.domain.routes import ListPrice
from mutoscope.domain.routes_text import RoutesRefused, parse_routes

BEGIN = datetime(2025, 1, 1, tzinfo=UTC)
ROUTE = """
[spend]
daily_micros_max = 5_000_000
[routes.kling_pro]
tool = "kling_pro"
provider = "kling"
model = "kling-v2-1"
effective_at = 2025-01-01T00:00:00Z
ends_at = 2026-01-01T00:00:00Z
cost = { unit = "per_second", micros = 98_000 }
jobs_max = 5
deadline_minutes = 30
parameters = { mode = "pro" }
"""


def test_every_tool_of_the_shipped_catalog_has_routes_that_its_adapters_know() -> None:
    tools = {tool.key for tool in read_catalog(None).versions[0].tools}

    assert {route.tool for route in read_routes(None).routes} == tools


def test_a_route_is_in_force_from_its_beginning_to_its_end() -> None:
    table = parse_routes(text=ROUTE, source="mine")
    end = datetime(2026, 1, 1, tzinfo=UTC)

    found = [
        [route.key for route in table.of(tool="kling_pro", providers=["kling"], at=at)]
        for at in (BEGIN, end)
    ]

    assert found == [["kling_pro"], []]
    assert table.of(tool="kling_pro", providers=["fal"], at=BEGIN) == ()
    assert table.route(key="kling_pro").parameters == {"mode": "pro"}  # type: ignore[union-attr]
    assert (table.daily_micros_max, table.route(key="gone")) == (5_000_000, None)


@pytest.mark.parametrize(
    ("unit", "micros"),
    [(Unit.PER_IMAGE, 30), (Unit.PER_SECOND, 60), (Unit.PER_VIDEO, 10)],
)
def test_a_list_price_counts_images_begun_seconds_or_whole_videos(unit: Unit, micros: int) -> None:
    assert ListPrice(unit=unit, micros=10).of(images=3, duration_s=5.2) == micros


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"per_second"', '"per_minute"', "routes.kling_pro.cost.unit is 'per_minute': choose"),
        ("98_000", "-1", "routes.kling_pro.cost.micros is -1: give a whole number"),
        ("2026-01-01", "2024-01-01", "routes.kling_pro.ends_at is 2024-01-01T00:00:00+00:00"),
        ("jobs_max = 5", "jobs = 5", "routes.kling_pro.jobs_max is missing: give a whole"),
        ('mode = "pro"', "mode = [1]", "routes.kling_pro.parameters.mode is [1]: give a text"),
        ("[spend]", "[[spend", "the file is not TOML"),
    ],
)
def test_a_bad_file_is_refused_by_the_place_and_the_remedy(old: str, new: str, told: str) -> None:
    with pytest.raises(RoutesRefused) as caught:
        parse_routes(text=ROUTE.replace(old, new), source="mine")

    assert str(caught.value).startswith(f"mine: {told}")


def test_a_provider_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    (tmp_path / "routes.toml").write_text(ROUTE.replace('"kling"', '"runaway"'))

    with pytest.raises(RoutesRefused, match="'runaway': choose one of runway, google"):
        read_routes(tmp_path / "routes.toml")
    with pytest.raises(CatalogUnreadable):
        read_routes(tmp_path / "nothing.toml")


def test_a_file_that_is_far_too_long_is_not_read() -> None:
    with pytest.raises(RoutesRefused, match="give at most"):
        parse_routes(text="#" * 1_000_001, source="mine")
