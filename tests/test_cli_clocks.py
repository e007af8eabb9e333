"""What is told of a workspace is told by its clocks, by whichever command."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from command_line import run_here
from mutoscope.bootstrap import SystemClock
from test_cli_desk import Shop


@pytest.fixture
def place(database_url: str, tmp_path: Path) -> dict[str, Any]:
    return {"database_url": database_url, "data": tmp_path}


@pytest.fixture
def workspace(place: dict[str, Any]) -> str:
    """A workspace in Tokyo with a plan that is to be paid."""
    made = run_here("workspace", "create", "Ada", "--zone", "Asia/Tokyo", "--json", **place).json()
    workspace = str(made["workspace"]["workspace_id"])
    run_here("subscription", "start", workspace, "pro", "--yes", **place)
    return workspace


def test_an_invitation_and_an_invoice_are_told_by_the_clocks_of_the_lists(
    place: dict[str, Any], workspace: str
) -> None:
    invited = run_here("member", "invite", workspace, "bo@example.com", **place).output
    invitation = invited.split()[1]
    (invoice,) = run_here("invoice", "list", workspace, "--json", **place).json()

    told = [
        invited,
        run_here("member", "resend", workspace, invitation, **place).output,
        run_here("member", "withdraw", workspace, invitation, **place).output,
        run_here("invoice", "show", workspace, invoice["number"], **place).output,
    ]

    assert [each.count(" JST") > 0 for each in told] == [True] * 4
    assert [each for each in told if "UTC" in each or "GMT" in each] == []


def signed(place: dict[str, Any], secret: Path) -> tuple[str, ...]:
    """Take the first of the staff in; return the options with which she acts."""
    secret.write_text("correct horse battery", encoding="utf-8")
    secret.chmod(0o600)
    who = ("eve", "--email", "eve@example.com", "--role", "admin", "--role", "finance")
    word = ("--new-password-file", str(secret))
    run_here("staff", "add", *who, "--reason", "the first", *word, **place)
    return ("--reason", "it came in", "--as", "eve", "--password-file", str(secret))


def confirm(place: dict[str, Any], workspace: str, secret: Path) -> None:
    """Let the first of the staff confirm the transfer that the workspace was asked for."""
    eve = signed(place, secret)
    (request,) = run_here("subscription", "show", workspace, "--json", **place).json()["requests"]
    done = run_here("desk", "confirm", request["request_id"], "bank-1", *eve, **place)
    assert done.code == 0, done


def test_a_payment_is_told_by_the_clock_of_its_workspace(
    place: dict[str, Any], workspace: str, tmp_path: Path
) -> None:
    confirm(place, workspace, tmp_path / "password")

    told = run_here("payments", "list", workspace, **place).output

    assert (" JST" in told, "UTC" in told, "bank-1" in told) == (True, False, True)


def test_a_plan_that_has_yet_to_begin_is_told_with_its_date(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as ahead:
        ahead.setattr(SystemClock, "now", lambda _: datetime(2099, 3, 5, 9, tzinfo=UTC))
        shop = Shop(database_url, tmp_path)
    assert shop.add("root", "admin").code == 0
    assert shop.run("staff", "sign-in", "root", "--password-file", shop.password).code == 0

    told = [
        shop.run(*each, shop.workspace) for each in (("subscription", "show"), ("desk", "facts"))
    ]

    for each in told:
        assert each.code == 0, each
        assert "begins on 05 Mar 2099 09:00 UTC" in " ".join(each.output.split())


def test_a_day_on_which_a_plan_began_is_one_of_its_workspace(place: dict[str, Any]) -> None:
    made = run_here("workspace", "create", "Ada", "--zone", "America/New_York", "--json", **place)
    workspace = made.json()["workspace"]["workspace_id"]
    first = f"{datetime.now(UTC) - timedelta(days=40):%Y-%m}-01"

    began = ("--began", first, "--yes")
    told = run_here("subscription", "start", workspace, "pro", *began, **place)

    assert "day 1 of each month, since the plan began on 01 " in told.output, told


def test_a_day_that_the_desk_is_told_is_one_of_the_workspace(
    place: dict[str, Any], workspace: str, tmp_path: Path
) -> None:
    eve = signed(place, tmp_path / "password")
    ends = f"{datetime.now(UTC) + timedelta(days=5):%Y-%m-%d}"
    given = run_here("desk", "goodwill", workspace, "video", "5", "--expires", ends, *eve, **place)
    made = run_here("workspace", "create", "Bo", "--zone", "America/New_York", "--json", **place)
    other = made.json()["workspace"]["workspace_id"]
    first = f"{datetime.now(UTC) - timedelta(days=40):%Y-%m}-01"

    started = run_here("desk", "start", other, "pro", "--began", first, *eve, **place)

    balances = run_here("balance", workspace, "--json", **place).json()
    lapses = {lot["source"]: lot["expires_at"] for one in balances for lot in one["lots"]}
    shown = run_here("subscription", "show", other, **place).output
    assert (given.code, started.code) == (0, 0), (given, started)
    assert datetime.fromisoformat(lapses["goodwill"]).astimezone(ZoneInfo("Asia/Tokyo")).hour == 0
    assert "day 1 of each month, since the plan began on 01 " in shown


def test_what_comes_to_a_workspace_is_told_by_its_clocks(
    place: dict[str, Any], workspace: str, tmp_path: Path
) -> None:
    eve = signed(place, tmp_path / "password")
    made = run_here("workspace", "create", "Bo", "--zone", "Asia/Tokyo", "--json", **place)
    large = made.json()["workspace"]["workspace_id"]
    terms = ("--credits", "image=1", "--credits", "video=1", "--price", "900", "--purchases")
    run_here("desk", "start", large, "enterprise", *terms, *eve, **place)
    next_year = f"{datetime.now(UTC).year + 1}-02-01"
    pack = ("house", "video", "9000", "14000", "--begins", next_year)
    run_here("desk", "agree-pack", large, *pack, *eve, **place)
    run_here("purchase", "promo", "SPRING", "--kind", "video", "--credits", "5", *eve, **place)

    redeemed = run_here("purchase", "redeem", workspace, "SPRING", **place)
    packs = run_here("purchase", "packs", large, **place)

    assert redeemed.errors.rstrip().endswith(" JST."), redeemed
    assert f"From 01 Feb {next_year[:4]} 00:00 JST: house" in packs.output, packs


def test_what_is_of_all_workspaces_is_told_in_utc(
    place: dict[str, Any], workspace: str, tmp_path: Path
) -> None:
    assert workspace
    eve = signed(place, tmp_path / "password")[2:]

    listed = run_here("desk", "confirm", *eve, **place)

    assert " UTC " in listed.output, listed


def test_a_card_of_the_desk_is_told_by_the_clocks_of_its_reader(
    place: dict[str, Any], workspace: str, tmp_path: Path
) -> None:
    eve = signed(place, tmp_path / "password")
    run_here("desk", "goodwill", workspace, "video", "5", *eve, **place)

    read = run_here("chat", "read", workspace, **place).output

    assert re.search(r"We have given you 5 video credits\. They lapse on .* JST\.", read), read
