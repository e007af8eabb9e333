"""What is for sale, the rules of the desk and the settings, as the command line tells them."""

from pathlib import Path

import pytest

from command_line import Done, run_here
from mutoscope.settings import SETTINGS

SHIPPED = Path(__file__).parents[1] / "src/mutoscope/catalog.toml"
RULES = """
[versions.desk]
four_eyes_above = 1000
goodwill_per_month = { video = 2000 }
"""


def shown(catalog: Path, data: Path, patch: pytest.MonkeyPatch) -> Done:
    patch.setenv("MUTOSCOPE_CATALOG", str(catalog))
    return run_here("catalog", "show", data=data)


def test_the_catalog_tells_the_rules_of_the_desk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text(SHIPPED.read_text(encoding="utf-8") + RULES, encoding="utf-8")

    done = shown(mine, tmp_path, monkeypatch)

    assert "At the desk, more than 1,000 credits at once take two people." in done.output
    assert "Goodwill in a month of UTC, in credits: any image, 2,000 video." in done.output


def test_a_desk_without_rules_is_told_as_such(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = shown(SHIPPED, tmp_path, monkeypatch)

    assert "One person acts alone at the desk, whatever it moves." in done.output
    assert "Goodwill in a month of UTC, in credits: any." in done.output


def test_packs_are_told_with_what_1000_credits_cost(database_url: str, tmp_path: Path) -> None:
    done = run_here("purchase", "packs", database_url=database_url, data=tmp_path)

    titles, _, *rows = done.output.splitlines()
    assert "per 1,000 credits" in titles
    assert [row.count("26.00 USD") for row in rows if row.strip()] == [1, 1]
    assert rows[0].rstrip().endswith("300 s (5 min) with Runway Gen-4 Turbo")
    assert "700 or more" in done.output


def test_settings_are_told_as_they_are_in_force(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MUTOSCOPE_API_KEY", "opensesame")
    url = "postgresql://ada:opensesame@db/house"

    text = run_here("settings", database_url=url, data=tmp_path).output
    told = run_here("settings", "--json", database_url=url, data=tmp_path).json()

    lines = {line.split()[0]: line.split()[1:3] for line in text.splitlines() if line.strip()}
    assert lines["MUTOSCOPE_API_KEY"] == ["***", "environment"]
    assert lines["DATABASE_URL"] == ["postgresql://***@db/house", "environment"]
    assert lines["MUTOSCOPE_PORT"] == ["8420", "default"]
    assert "opensesame" not in text + str(told)
    assert [each["name"] for each in told] == [each.name for each in SETTINGS]
