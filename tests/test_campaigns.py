"""The campaigns: each is documented by its command, runs, and fails when a rule is broken."""

from datetime import datetime
from pathlib import Path

import pytest

from campaigns import CAMPAIGNS, COMMAND, listed, run
from mutoscope.domain import ledger, spending, wallet
from mutoscope.domain.findings import Broken
from mutoscope.domain.lots import Lot
from simulation import simulate

DOCUMENT = Path(__file__).parents[1] / "docs" / "correctness.md"
OPERATIONS = 3_000


def oldest_first(lot: Lot) -> int:
    return lot.lot


def is_dead_an_instant_late(lot: Lot, *, at: datetime) -> bool:
    return lot.expires_at is not None and lot.expires_at < at


def first_draw_first(**refund: object) -> object:
    return ledger.refunded(**refund)[::-1]


def test_the_planner_does_what_the_model_does_after_every_operation() -> None:
    outcomes = simulate(size=OPERATIONS, seed=2027)

    assert outcomes.total() >= OPERATIONS
    assert outcomes["done"] > OPERATIONS // 3


def test_the_simulation_asks_for_the_same_from_the_same_seed() -> None:
    assert simulate(size=500, seed=7) == simulate(size=500, seed=7)
    assert simulate(size=500, seed=7) != simulate(size=500, seed=8)


@pytest.mark.parametrize(
    ("place", "rule", "broken"),
    [
        (wallet, "spend_order", oldest_first),
        (Lot, "is_dead", is_dead_an_instant_late),
        (spending, "refunded", first_draw_first),
    ],
)
def test_a_broken_rule_is_found_within_a_few_operations(
    place: object, rule: str, broken: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place, rule, broken)

    with pytest.raises((AssertionError, Broken)):
        simulate(size=OPERATIONS, seed=2027)


@pytest.mark.parametrize("name", CAMPAIGNS)
def test_every_campaign_is_listed_and_published(name: str) -> None:
    assert f"{COMMAND} {name} --size {CAMPAIGNS[name].size} " in listed()
    assert f"{COMMAND} {name} " in DOCUMENT.read_text("utf-8")


@pytest.fixture
def short_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CAMPAIGNS, "simulation", CAMPAIGNS["simulation"]._replace(part=300))


@pytest.mark.usefixtures("short_parts")
def test_a_campaign_goes_on_in_parts_to_its_size() -> None:
    figures = run("simulation", size=800, seed=5, server="")

    assert figures.startswith("simulation: ")
    assert "; no difference; seeds 5 to " in figures


@pytest.mark.usefixtures("short_parts")
def test_what_a_campaign_finds_tells_how_to_see_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spending, "refunded", first_draw_first)

    with pytest.raises(AssertionError) as found:
        run("simulation", size=OPERATIONS, seed=2027, server="")

    assert f"again: {COMMAND} simulation --size 300 --seed 20" in found.value.__notes__[-1]
