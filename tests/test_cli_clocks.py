"""What is told of a workspace is told by its clocks, by whichever command."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

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


def confirm(place: dict[str, Any], workspace: str, secret: Path) -> None:
    """Let the first of the staff confirm the transfer that the workspace was asked for."""
    secret.write_text("correct horse battery", encoding="utf-8")
    secret.chmod(0o600)
    who = ("eve", "--email", "eve@example.com", "--role", "admin", "--role", "finance")
    word = ("--new-password-file", str(secret))
    run_here("staff", "add", *who, "--reason", "the first", *word, **place)
    (request,) = run_here("subscription", "show", workspace, "--json", **place).json()["requests"]
    eve = ("--reason", "it came in", "--as", "eve", "--password-file", str(secret))
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
