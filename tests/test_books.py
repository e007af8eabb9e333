"""The books as Beancount reads them: accepted by its own check, and equal to what we tell."""

import subprocess
import sys
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from beancount import loader
from beancount.core.data import Transaction

from finance_stage import DAY, Bill, Till, play
from mutoscope.app import finance
from mutoscope.app.books import ITEMS, BadDays, Days, books
from mutoscope.domain import actions as ask
from mutoscope.domain.beancount import (
    Leg,
    account_name,
    beancount_lines,
    currency_name,
    is_balanced,
)
from mutoscope.domain.lots import Terms
from mutoscope.domain.money import MINOR_DIGITS
from studio_stage import Stage

BEAN_CHECK = Path(sys.executable).with_name("bean-check")
Sums = dict[tuple[str, str], Decimal]


async def written(stage: Stage, path: Path, *, first: date, until: date, zone: str = "UTC") -> str:
    """Write the books of some days to a file, let Beancount check it, and return its text."""
    found = await books(stage.studio, days=Days(first, until, zone))
    text = "".join(beancount_lines(found))
    assert check(path, text) == (0, "", "")
    return text


def check(path: Path, text: str) -> tuple[int, str, str]:
    """Write a file and let Beancount's own program check it."""
    path.write_text(text, encoding="utf-8")
    checked = subprocess.run([BEAN_CHECK, path], capture_output=True, text=True, check=False)
    return checked.returncode, checked.stdout, checked.stderr


def balances(path: Path) -> Sums:
    """Return what every account holds, as Beancount itself loads it."""
    entries, errors, _ = loader.load_file(str(path))
    assert errors == []
    sums: Sums = defaultdict(Decimal)
    for entry in entries:
        if isinstance(entry, Transaction):
            for posting in entry.postings:
                sums[posting.account, posting.units.currency] += posting.units.number
    return {name: amount for name, amount in sums.items() if amount}


async def told(stage: Stage, at: datetime) -> Sums:
    """Return what we tell of the same accounts."""
    found = await finance.deferred(stage.studio, at=at - timedelta(microseconds=1))
    return {
        (ITEMS[row.item], row.currency): Decimal(-row.deferred).scaleb(
            -MINOR_DIGITS.get(row.currency, 2)
        )
        for row in found.rows
        if row.deferred
    }


def of_deferred(sums: Sums) -> Sums:
    return {name: amount for name, amount in sums.items() if name[0] in ITEMS.values()}


async def test_credits_are_told_with_their_thousands_apart(
    stage: Stage, till: Till, tmp_path: Path
) -> None:
    workspace_id = till.new_id()
    purchase_id, _ = await till.buy(workspace_id)
    await till.grant(workspace_id, purchase_id)

    text = await written(stage, tmp_path / "books", first=date(2025, 1, 1), until=date(2025, 2, 1))

    assert '"1,500 video credits were granted"' in text


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("first", [date(2025, 1, 1), date(2025, 3, 1), date(2025, 3, 17)])
async def test_random_books_are_accepted_and_hold_what_we_tell(
    stage: Stage, till: Till, tmp_path: Path, *, seed: int, first: date
) -> None:
    await play(till, seed=seed, steps=150)
    until = date(2025, 6, 9)

    await written(stage, tmp_path / "books.beancount", first=first, until=until)

    found = balances(tmp_path / "books.beancount")
    assert of_deferred(found) == await told(stage, datetime(2025, 6, 9, tzinfo=UTC))
    assert len(found) > 6


async def test_books_that_follow_one_another_come_to_the_same(
    stage: Stage, till: Till, tmp_path: Path
) -> None:
    await play(till, seed=7, steps=150)
    whole, part = tmp_path / "whole", tmp_path / "part"
    await written(stage, whole, first=date(2025, 1, 1), until=date(2025, 8, 1))

    await written(stage, part, first=date(2025, 4, 1), until=date(2025, 8, 1))

    kept = ("Assets", "Liabilities")
    assert {n: s for n, s in balances(part).items() if n[0].startswith(kept)} == {
        n: s for n, s in balances(whole).items() if n[0].startswith(kept)
    }


async def test_income_of_a_month_is_what_the_month_earned(
    stage: Stage, till: Till, tmp_path: Path
) -> None:
    await play(till, seed=8, steps=150)
    await written(stage, tmp_path / "april", first=date(2025, 4, 1), until=date(2025, 5, 1))

    month = await finance.month(stage.studio, year=2025, month=4, zone="UTC")

    found = balances(tmp_path / "april")
    for each in month.revenue:
        scale = -MINOR_DIGITS.get(each.currency, 2)
        for account, amount in (
            ("Income:Plans", each.plans), ("Income:Credits", each.credits),
            ("Income:Breakage", each.breakage),
        ):  # fmt: skip
            got = found.get((account, each.currency), Decimal(0))
            assert got == Decimal(-amount).scaleb(scale), (account, each.currency)
    costs = found["Expenses:Providers:Runway", "USD"]
    assert costs == Decimal(month.cost_micros).scaleb(-6)


async def test_the_same_facts_give_the_same_text(stage: Stage, till: Till, tmp_path: Path) -> None:
    await play(till, seed=9, steps=60)
    days = {"first": date(2025, 2, 1), "until": date(2025, 4, 1)}

    texts = [await written(stage, tmp_path / name, **days) for name in ("once", "again")]

    assert texts[0] == texts[1]
    assert 'option "operating_currency" "USD"' in texts[0]


async def test_a_purchase_is_told_from_its_payment_to_its_last_credit(
    stage: Stage, till: Till, tmp_path: Path
) -> None:
    workspace_id = till.new_id()
    purchase, payment = await till.buy(workspace_id, net=3_900, tax=741)
    await till.grant(workspace_id, purchase)
    await till.submit(workspace_id, "used", ask.Charge(500))
    await till.submit(workspace_id, "void", ask.Void(ask.Reference("api", f"lot-{purchase}")))
    await till.give_back(workspace_id, payment, amount=4_641 * 1_000 // 1_500)

    await written(stage, tmp_path / "books", first=date(2025, 1, 1), until=date(2025, 2, 1))

    assert balances(tmp_path / "books") == {
        ("Assets:Stripe", "USD"): Decimal("15.47"),
        ("Income:Credits", "USD"): Decimal("-13.00"),
        ("Liabilities:Tax", "USD"): Decimal("-2.47"),
    }


async def test_a_bank_that_takes_more_than_was_paid_takes_no_tax_with_it(
    stage: Stage, till: Till, tmp_path: Path
) -> None:
    workspace_id = till.new_id()
    purchase, payment = await till.buy(workspace_id, net=3_900, tax=741)
    await till.grant(workspace_id, purchase)
    await till.submit(workspace_id, "void", ask.Void(ask.Reference("api", f"lot-{purchase}")))
    await till.give_back(workspace_id, payment, amount=1_000)
    await till.lose_dispute(workspace_id, payment, amount=4_641)

    await written(stage, tmp_path / "books", first=date(2025, 1, 1), until=date(2025, 2, 1))

    assert balances(tmp_path / "books") == {
        ("Assets:Stripe", "USD"): Decimal("-10.00"),
        ("Liabilities:Refunds", "USD"): Decimal("10.00"),
    }


async def test_a_payment_that_was_parked_waits_unapplied(
    stage: Stage, till: Till, tmp_path: Path
) -> None:
    await till.ask_money(till.new_id(), Bill(net=2_900, span=31 * DAY))
    await till.run("UPDATE payments SET state = 'parked', reason = 'amount', settled_at = NULL")

    await written(stage, tmp_path / "books", first=date(2025, 1, 20), until=date(2025, 1, 21))

    found = balances(tmp_path / "books")
    assert found["Liabilities:Unapplied", "USD"] == Decimal("-29.00")
    assert found["Assets:Receivables", "USD"] == Decimal("29.00")


async def test_a_payment_that_was_returned_leaves_nothing(
    stage: Stage, till: Till, tmp_path: Path
) -> None:
    await till.ask_money(till.new_id(), Bill(net=2_900, currency="jpy"), purpose="purchase")
    await till.run("UPDATE payments SET state = 'returned', reason = 'closed'")
    await till.run("UPDATE payment_requests SET state = 'cancelled', cancelled_at = paid_at, "
                   "paid_at = NULL")  # fmt: skip

    await written(stage, tmp_path / "books", first=date(2025, 1, 20), until=date(2025, 1, 21))

    assert balances(tmp_path / "books") == {}


async def test_a_purchase_that_ended_is_owed_back(stage: Stage, till: Till, tmp_path: Path) -> None:
    purchase, _ = await till.buy(till.new_id(), net=3_900)
    await till.run(
        "UPDATE purchases SET state = 'refunded', ended_at = paid_at WHERE purchase_id = $1",
        purchase,
    )

    await written(stage, tmp_path / "books", first=date(2025, 1, 20), until=date(2025, 1, 21))

    assert balances(tmp_path / "books")["Liabilities:Refunds", "USD"] == Decimal("-39.00")


async def test_credits_that_were_paid_elsewhere_are_told_as_such(
    stage: Stage, till: Till, tmp_path: Path
) -> None:
    terms = Terms("pack", stage.clock.now(), None, "invoice-9", 5_000, "EUR")
    await till.submit(till.new_id(), "pack", ask.Grant(700, terms))

    await written(stage, tmp_path / "books", first=date(2025, 1, 1), until=date(2025, 2, 1))

    assert balances(tmp_path / "books") == {
        ("Assets:Elsewhere", "EUR"): Decimal("50.00"),
        ("Liabilities:Deferred:Credits", "EUR"): Decimal("-50.00"),
    }


async def test_the_date_is_that_of_the_zone(stage: Stage, till: Till, tmp_path: Path) -> None:
    stage.clock.at = datetime(2025, 1, 31, 23, 30, tzinfo=UTC)
    await till.ask_money(till.new_id(), Bill(net=3_100, span=31 * DAY))
    stage.clock.move(days=40)

    text = await written(
        stage, tmp_path / "books", first=date(2025, 2, 1), until=date(2025, 3, 1),
        zone="Europe/Berlin",
    )  # fmt: skip

    assert '2025-02-01 * "A \\"plan\\" \\\\ of 3100"' in text
    assert '2025-02-28 * "Earned: A \\"plan\\"' in text


async def test_an_empty_house_has_empty_books(stage: Stage, tmp_path: Path) -> None:
    text = await written(stage, tmp_path / "books", first=date(2025, 1, 1), until=date(2025, 2, 1))

    assert balances(tmp_path / "books") == {}
    assert text.startswith('option "title" "Mutoscope"\n')


async def test_books_of_no_day_are_refused(stage: Stage) -> None:
    with pytest.raises(BadDays, match="let the first day be earlier"):
        await books(stage.studio, days=Days(date(2025, 1, 1), date(2025, 1, 1), "UTC"))


@pytest.mark.parametrize(
    ("name", "spelt"), [("usd", "USD"), ("usd_old", "USD_OLD"), ("x_", "XX_X"), ("7", "X7X")]
)
def test_a_currency_is_spelt_as_beancount_reads_it(name: str, spelt: str) -> None:
    assert currency_name(name) == spelt


def test_an_account_has_no_character_that_beancount_refuses() -> None:
    assert account_name("Assets", "my bank: é", "-") == "Assets:My-bank:Unnamed"


def test_legs_are_balanced_whatever_their_digits() -> None:
    legs = [Leg("A:B", 1, "USD", 2), Leg("C:D", -10_000, "USD", 6)]

    assert is_balanced(legs)
    assert not is_balanced(legs[:1])
