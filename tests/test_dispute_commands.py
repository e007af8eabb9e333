"""A dispute of a parked payment from the command line: what waits, and what to type next."""

from pathlib import Path

import pytest

from test_cli_desk import Shop


@pytest.fixture
def shop(database_url: str, tmp_path: Path) -> Shop:
    shop = Shop(database_url, tmp_path)
    assert shop.add("root", "admin").code == 0
    assert shop.add("grace", "finance", by="root").code == 0
    assert shop.run("staff", "sign-in", "grace", "--password-file", shop.password).code == 0
    return shop


def told(shop: Shop, *arguments: str) -> str:
    """Return what a command prints, its spaces made one each."""
    return " ".join(shop.run(*arguments).output.split())


def test_a_parked_payment_tells_its_dispute_and_what_can_be_done(shop: Shop) -> None:
    came = shop.act("desk", "enter-payment", shop.workspace, "5000", "usd", "RF18").json()["data"]
    about = (shop.workspace, came["payment_id"])
    lists = (("desk", "waiting"), ("payments", "parked"), ("desk", "facts", shop.workspace))

    shop.act("desk", "dispute", "open", *about, "CB-1", "--amount", "1000")
    disputed = [told(shop, *each) for each in lists]
    shop.act("desk", "dispute", "lost", *about)
    lessened = [told(shop, *each) for each in lists]

    ids = " ".join(about)
    assert all(
        f"desk keep-payment {ids}, until its dispute is decided" in each for each in disputed
    )
    assert all("the bank took 10.00 USD back" in each for each in lessened)
    assert all(f"desk return-payment {ids}, or keep-payment" in each for each in lessened)
    assert "dispute open, " in disputed[-1]
    assert ": 10.00 USD over manual, CB-1" in lessened[-1]
    assert "dispute lost, " in lessened[-1]


def test_a_parked_payment_whose_dispute_is_lost_is_told_as_gone(shop: Shop) -> None:
    came = shop.act("desk", "enter-payment", shop.workspace, "5000", "usd", "RF18").json()["data"]
    about = (shop.workspace, came["payment_id"])
    shop.act("desk", "dispute", "open", *about, "CB-1")

    shop.act("desk", "dispute", "lost", *about)

    assert "returned (dispute lost)" in told(shop, "payments", "list", shop.workspace)
    assert "Nothing waits for you." in shop.run("desk", "waiting").errors
    assert "No payment waits for you." in shop.run("payments", "parked").errors
