"""Money on the command line: it is written in one way, and told so, wherever it is typed."""

from uuid import UUID

import pytest

from command_line import run_here

ID = str(UUID(int=1))
TYPED = (
    ("desk", "confirm", "MU-1", "RF18", "--amount", "MONEY"),
    ("desk", "enter-payment", "nobody", "MONEY", "EUR", "RF18"),
    ("desk", "refund", ID, ID, "--amount", "MONEY"),
    ("desk", "dispute", "open", ID, ID, "RF18", "--amount", "MONEY"),
    ("desk", "terms", ID, "--price", "MONEY"),
    ("desk", "start", ID, "enterprise", "--price", "MONEY"),
    ("desk", "agree-pack", ID, "house", "video", "900", "MONEY"),
    ("desk", "agree-free-amount", ID, "video", "MONEY"),
    ("invoice", "credit", ID, "INV-2026-000001", "--amount", "MONEY"),
    ("subscription", "start", ID, "enterprise", "--price", "MONEY"),
)
NONE = ("47.97", "4797=USD", "1e3", "9" * 16)


def name_of(command: tuple[str, ...]) -> tuple[str, ...]:
    return command[: 3 if command[1] == "dispute" else 2]


@pytest.mark.parametrize("command", TYPED, ids=lambda command: " ".join(name_of(command)))
def test_money_is_refused_and_explained_alike_in_every_command(command: tuple[str, ...]) -> None:
    why = () if command[0] == "subscription" else ("--reason", "asked for")
    typed = [
        run_here(*(amount if each == "MONEY" else each for each in command), *why)
        for amount in NONE
    ]
    helped = " ".join(run_here(*name_of(command), "--help").output.split())

    assert [done.code for done in typed] == [2, 2, 2, 2]
    for amount, done in zip(NONE, typed, strict=True):
        assert f"'{amount}' is no amount of money: write minor units, " in done.errors
        assert done.errors.endswith("or more, such as 4797 for 47.97\n")
    assert "in minor units: 4797 for 47.97." in helped


@pytest.mark.parametrize(
    "command",
    [
        ("desk", "enter-payment", "nobody", "4797", "CODE", "RF18"),
        ("desk", "terms", ID, "--price", "9", "--currency", "CODE"),
        ("desk", "agree-pack", ID, "house", "video", "900", "9", "--currency", "CODE"),
        ("subscription", "start", ID, "enterprise", "--price", "9", "--currency", "CODE"),
    ],
    ids=lambda command: " ".join(name_of(command)),
)
def test_a_currency_may_be_written_small_and_has_to_be_one(command: tuple[str, ...]) -> None:
    why = () if command[0] == "subscription" else ("--reason", "asked for")
    small, none = (
        run_here(*(code if each == "CODE" else each for each in command), *why)
        for code in ("usd", "US$")
    )

    assert "is no currency" not in small.errors
    assert (none.code, "'US$' is no currency: give its code, such as EUR" in none.errors) == (
        2, True
    )  # fmt: skip
