"""What a customer reads of an act of staff: words, no codes, and nothing of who acted."""

from pathlib import Path
from typing import Any

import pytest

from mutoscope.cli.proposals import proposed_told
from mutoscope.domain.desk_words import desk_words
from test_cli_desk import WHY, Shop

AT = "2026-12-26T11:18:00+00:00"
AGREED = (
    "For your plan we have agreed on: 50 image credits a month; 12,000 video credits a month; "
    "1,200.00 USD a charge, net; you may buy credits. It begins on 26 Dec 2026 11:18 UTC."
)
PROPOSED = (
    "Credits as a gesture of goodwill (2,400 video credits): this takes two of our staff, and "
    "waits for the second."
)
STAFF = {"proposed_by": "28718f08-9552-4763-9bc6-beeea624882e"}


@pytest.mark.parametrize(
    ("card", "data", "words"),
    [
        ("goodwill", {"kind": "video", "credits": 1_400, "lapses_at": AT, **STAFF},
         "We have given you 1,400 video credits. They lapse on 26 Dec 2026 11:18 UTC."),
        ("add_credits", {"kind": "video", "credits": 700, "purchase_id": "7e14"},
         "The 700 video credits that you have paid for are with you now."),
        ("adjust", {"kind": "image", "credits": 3, "direction": "down"},
         "We have corrected your balance: 3 image credits were taken away."),
        ("terms", {"allowances": "image=50,video=12000", "price": 120_000, "currency": "USD",
                   "can_purchase": True, "begins_at": AT},
         AGREED),
        ("propose", {"action": "goodwill", "kind": "video", "credits": 2_400},
         PROPOSED),
        ("refuse_proposal", {"action": "terms", "credits": 5_400, "allowances": "video=5400"},
         "The terms of your plan: our staff have decided against it."),
        ("withdraw_proposal", {"action": "change_zone"},
         "Something that you have asked for: our staff have taken this back."),
    ],
)  # fmt: skip
def test_a_card_of_the_desk_says_in_words_what_was_done(
    card: str, data: dict[str, Any], words: str
) -> None:
    assert desk_words(card, data, zone="UTC") == words


def test_a_card_of_other_things_has_no_words_of_its_own() -> None:
    assert desk_words("agree_pack", {"pack": "house_9000"}, zone="UTC") is None


def test_the_customer_reads_words_and_staff_read_what_was_proposed(
    database_url: str, tmp_path: Path
) -> None:
    shop = Shop(database_url, tmp_path)
    shop.add("root", "admin")
    shop.add("grace", "support", "finance", by="root")
    terms = ("--credits", "video=900", "--credits", "image=50", "--price", "90000")
    other = shop.run("workspace", "create", "Babbage", "--json").json()["workspace"]["workspace_id"]
    shop.act("desk", "start", other, "enterprise", *terms)

    shop.act("desk", "enable", shop.workspace)
    agreed = shop.act("desk", "terms", other, "--price", "120000", "--purchases").json()
    view = ("desk", "view-as", other, *WHY, "--as", "grace", "--password-file", shop.password)
    viewed = shop.run(*view)

    assert "You can buy credits for this" in shop.run("chat", "read", shop.workspace).output
    read = shop.run("chat", "read", other).output
    assert "1,200.00 USD a charge, net; you may buy credits" in " ".join(read.split())
    assert agreed["data"]["currency"] == "USD"
    assert (viewed.code, "UTC UTC" in viewed.errors) == (0, False)


def test_what_was_proposed_is_told_without_codes_of_the_language() -> None:
    told = proposed_told({"credits": 5_400, "allowances": "video=5400", "can_purchase": True})

    assert told == "credits 5,400, allowances video=5400, can purchase yes"


def test_money_that_was_proposed_is_told_in_its_currency_or_as_minor_units() -> None:
    known = proposed_told({"price": 120_000, "price_per_1000": 900, "currency": "USD"})
    unknown = proposed_told({"amount": 3_900})

    assert known == "price 1,200.00 USD, price per 1000 9.00 USD"
    assert unknown == "amount 3,900 minor units"
