"""What a plan meters without limit, as the command line and the API tell it."""

from pathlib import Path

import pytest

from command_line import run_here

PLAN = "unlimited"


@pytest.fixture
def place(database_url: str, tmp_path: Path) -> dict[str, object]:
    return {"database_url": database_url, "data": tmp_path / "data"}


@pytest.fixture
def workspace(place: dict[str, object]) -> str:
    made = run_here("workspace", "create", "Ada", "--demo", "--zone", "Asia/Tokyo", **place)
    workspace_id = made.output.split()[1]
    assert run_here("workspace", "plan", workspace_id, PLAN, **place).code == 0
    return workspace_id


def cells(output: str, name: str) -> list[str]:
    """Return the words of the first line that begins with a name."""
    return next(line.split() for line in output.splitlines() if line.startswith(name))


@pytest.mark.parametrize("command", [("balance",), ("workspace", "show")])
def test_a_wallet_that_the_plan_has_unlimited_is_told_so(
    command: tuple[str, ...], workspace: str, place: dict[str, object]
) -> None:
    told = run_here(*command, workspace, **place).output

    assert cells(told, "image")[1] == PLAN
    assert cells(told, "video")[1] == "3,000"
    assert " JST" in told


def test_a_tool_that_is_metered_without_limit_buys_without_limit(
    workspace: str, place: dict[str, object]
) -> None:
    told = run_here("tools", workspace, **place).output
    asked = run_here("tools", workspace, "--available", "7", **place).output

    assert PLAN in cells(told, "image_generation")
    assert PLAN not in cells(told, "runway_gen4_turbo")
    assert cells(asked, "image_generation")[5:8] == ["-", "7", "images"]


def test_a_balance_of_the_past_does_not_know_what_was_unlimited(
    workspace: str, place: dict[str, object]
) -> None:
    before = run_here("balance", workspace, "--at", "2026-01-01", "--json", **place).json()
    now = run_here("balance", workspace, "--json", **place).json()

    assert [one["is_unlimited"] for one in before] == [False, False]
    assert {one["kind"]: one["is_unlimited"] for one in now} == {"image": True, "video": False}
