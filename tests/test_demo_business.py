"""Two years of business are played from a seed; here a small town lives a few months of them."""

import csv
from pathlib import Path

import pytest

from command_line import run, run_here
from mutoscope.app.desk_registry import ACTIONS
from mutoscope.cli import demo_business
from mutoscope.cli.business_catalog import FIRST, LATER, LATER_AT, write_catalog
from mutoscope.cli.proof import FOUND
from mutoscope.domain.catalog import Fulfilment
from mutoscope.domain.catalog_text import parse_catalog
from mutoscope.domain.subscriptions import TRANSITIONS


def test_a_small_town_does_business_and_every_book_agrees(tmp_path: Path) -> None:
    size = ("--customers", "14", "--days", "50")

    ran = run("demo", "--business", *size, "--out", str(tmp_path / "demo"), "--json")

    assert ran.code == 0, ran.errors
    told = ran.json()
    assert told["is_clean"]
    assert told["are_books_equal"]
    assert told["bean_check"] is True
    assert told["payments"] > 0
    assert told["seen"]["spent"] > 0
    assert all(each["kept"] == each["last"] for each in told["series"])
    with (tmp_path / "demo" / "played.csv").open(encoding="utf-8", newline="") as source:
        written = {row["played"]: int(row["times"]) for row in csv.DictReader(source)}
    assert written == told["played"]
    moves = {f"{before} {event} {after}" for (before, event), after in TRANSITIONS.items()}
    assert moves <= written.keys()
    assert told["never_played"] == [], "it is smaller than what everything is played in"


def test_a_run_of_full_size_that_never_played_something_ends_with_an_error_that_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo_business, "CUSTOMERS", 2)
    monkeypatch.setattr(demo_business, "DAYS", 10)

    ran = run_here(
        "demo", "--business", "--customers", "2", "--days", "10", "--out", str(tmp_path / "demo")
    )

    assert ran.code == FOUND
    assert "NEVER PLAYED" in ran.output
    assert "suspended pay active" in ran.output.replace("\n", " ")


def test_every_button_of_the_desk_is_pressed_in_the_story() -> None:
    story = "".join(
        source.read_text(encoding="utf-8")
        for source in Path(demo_business.__file__).parent.glob("business_*.py")
    )

    assert [action for action in ACTIONS if f'"{action}"' not in story] == []


def test_the_later_catalog_differs_where_a_plan_would_notice(tmp_path: Path) -> None:
    path = write_catalog(tmp_path)

    first, later = parse_catalog(text=path.read_text(encoding="utf-8"), source="it").versions

    assert (first.key, later.key) == (FIRST, LATER)
    assert later.effective_at == LATER_AT
    assert first.plan(key="pro").allowances != later.plan(key="pro").allowances
    assert (first.fulfilment, later.fulfilment) == (Fulfilment.DESK, Fulfilment.AUTOMATIC)
    assert later.desk.needs_second(credits_moved=2_501)
    assert later.desk.budget(kind="video") == 400
