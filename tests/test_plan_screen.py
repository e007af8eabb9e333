"""A plan in a terminal: what it grants and costs next, and what is scheduled of it."""

from pathlib import Path
from typing import Any

import pytest

import mutoscope
from command_line import run_here


@pytest.fixture
def place(database_url: str, tmp_path: Path) -> dict[str, Any]:
    return {"database_url": database_url, "data": tmp_path}


@pytest.fixture
def workspace(place: dict[str, Any]) -> str:
    made = run_here("workspace", "create", "Ada", "--json", **place).json()
    return str(made["workspace"]["workspace_id"])


def test_a_trial_is_told_with_its_end(place: dict[str, Any], workspace: str) -> None:
    shown = run_here("subscription", "show", workspace, **place).output

    assert "trial, until " in shown


def test_a_plan_is_told_with_its_credits_and_what_it_costs_next(
    place: dict[str, Any], workspace: str
) -> None:
    terms = ("--credits", "image=9000", "--credits", "video=5000", "--price", "90000")

    started = run_here("subscription", "start", workspace, "enterprise", *terms, "--yes", **place)

    (charge,) = (line for line in started.output.splitlines() if line.startswith("next charge"))
    assert charge.endswith(", 1,107.00 USD, tax and all")
    assert "9,000 image and 5,000 video credits a month" in started.output


def test_what_is_scheduled_is_told_with_its_payment(place: dict[str, Any], workspace: str) -> None:
    run_here("subscription", "start", workspace, "pro", "--yes", **place)

    shown = run_here("subscription", "schedule", workspace, "--annual", **place).output

    (line,) = (line for line in shown.splitlines() if line.startswith("scheduled"))
    assert "pro, paid yearly, credits monthly, from " in line
    assert "479.70 USD, tax and all" in shown


def test_a_year_is_previewed_as_one(place: dict[str, Any], workspace: str) -> None:
    preview = ("subscription", "start", workspace, "pro", "--annual", "--preview")

    assert "pro: 390.00 USD net a year, 700 image" in run_here(*preview, **place).output


def test_the_plan_that_a_workspace_has_is_no_upgrade(place: dict[str, Any], workspace: str) -> None:
    run_here("subscription", "start", workspace, "pro", "--yes", **place)

    refused = run_here("subscription", "upgrade", workspace, "pro", "--preview", **place)

    assert refused.errors == ("not_an_upgrade: the workspace has pro already: name a larger plan\n")


def test_credits_that_come_with_a_payment_are_told_beside_the_balance(
    place: dict[str, Any], workspace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog = tmp_path / "catalog.toml"
    shipped = (Path(mutoscope.__file__).parent / "catalog.toml").read_text(encoding="utf-8")
    catalog.write_text(shipped.replace('"by_gateway"', '"when_paid"'), encoding="utf-8")
    monkeypatch.setenv("MUTOSCOPE_CATALOG", str(catalog))
    run_here("subscription", "start", workspace, "pro", "--yes", **place)

    now = run_here("balance", workspace, **place).output
    before = run_here("balance", workspace, "--at", "2026-01-01", **place).output
    run_here("subscription", "cancel", workspace, "--yes", **place)
    ended = run_here("balance", workspace, **place).output

    assert "700 image and 1,500 video credits come, once they are paid: they are not" in now
    assert [text for text in (before, ended) if "once they are paid" in text] == []
