"""What was credited of an invoice is not asked for: on no page, in no mail, by no charge."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from business_stage import documents, open_paying, pay, spendable, state, tick, to_pay
from mutoscope.app import sign_up
from mutoscope.app.credit_note import credit_invoice
from mutoscope.app.invoicing import CreditExceedsInvoice
from mutoscope.app.pay_links import checkout
from mutoscope.app.print_invoice import printed_request
from mutoscope.app.subscribe import start_plan
from mutoscope.documents.invoice_pdf import InvoicePdf
from mutoscope.domain.subscriptions import State
from mutoscope.storage.invoices import Invoice
from mutoscope.storage.payments import PaymentRequest
from payment_stage import GOOD, open_till
from studio_stage import Stage
from test_books import balances, written
from test_invoice_pdf import words

BEGIN = datetime(2025, 1, 1, tzinfo=UTC)
OVERDUE = datetime(2025, 2, 15, 9, tzinfo=UTC)
SUSPENDED = datetime(2025, 2, 27, 9, tzinfo=UTC)


@pytest.fixture
async def owed(stage: Stage) -> PaymentRequest:
    """A plan on account whose first month, 47.97 USD with 8.97 USD of tax, is not paid."""
    (request,) = await to_pay(stage, await open_paying(stage))
    assert (request.money().amount, request.tax()) == (4_797, 897)
    return request


async def credit(stage: Stage, owed: PaymentRequest, amount: int | None = None) -> Invoice:
    assert owed.invoice_id is not None
    return await credit_invoice(
        stage.studio, workspace_id=owed.workspace_id, invoice_id=owed.invoice_id,
        reason="a day lost", amount=amount,
    )  # fmt: skip


async def printed(stage: Stage, owed: PaymentRequest, fonts: Path) -> str:
    """Return the words of the request as it is printed now."""
    stage.studio = replace(stage.studio, printer=InvoicePdf(fonts=fonts))
    _, content = await printed_request(
        stage.studio, workspace_id=owed.workspace_id, request_id=owed.request_id
    )
    return words(content)


async def mails(stage: Stage) -> str:
    async with stage.studio.reading() as connection:
        rows = await connection.fetch("SELECT body FROM outbox ORDER BY created_at, message_id")
    return "\n".join(row["body"] for row in rows)


async def test_what_is_left_to_pay_is_paid_and_nothing_else(
    stage: Stage, owed: PaymentRequest
) -> None:
    for amount in (333, 667):
        await credit(stage, owed, amount)
    (left,) = await to_pay(stage, owed.workspace_id)

    whole = await pay(stage, owed, reference="whole", amount=4_797)
    rest = await pay(stage, owed, reference="rest")

    assert (left.money().amount, left.tax(), left.credited) == (3_797, 710, 1_000)
    assert (whole.outcome, whole.reason) == ("parked", "other_amount")
    assert rest.outcome == "applied"
    assert await to_pay(stage, owed.workspace_id) == ()


async def test_a_printed_request_asks_for_the_rest_and_names_its_invoice(
    stage: Stage, owed: PaymentRequest, tmp_path: Path
) -> None:
    note = await credit(stage, owed, 1_000)

    asked = await printed(stage, owed, tmp_path)

    assert "Invoiced 47.97 USD Credited since \N{MINUS SIGN}10.00 To pay 37.97 USD" in asked
    assert f"the invoice is {note.refers_to_number}." in asked
    assert "follows" not in asked


async def test_a_printed_request_that_is_paid_asks_for_nothing(
    stage: Stage, owed: PaymentRequest, tmp_path: Path
) -> None:
    await pay(stage, owed)

    told = await printed(stage, owed, tmp_path)

    assert "Paid on" in told
    assert ("To pay" in told, "How to pay" in told) == (False, False)


async def test_a_printed_request_tells_the_span_that_its_invoice_tells(
    stage: Stage, tmp_path: Path
) -> None:
    far = await sign_up.create(
        stage.studio, name="Aurora", zone="Pacific/Chatham", email="a@example.com"
    )
    await start_plan(stage.studio, workspace_id=far.workspace_id, plan="pro")
    (owed,) = await to_pay(stage, far.workspace_id)

    asked = await printed(stage, owed, tmp_path)

    assert "21 Jan 2025 \N{EN DASH} 21 Feb 2025" in asked


async def test_a_plan_whose_invoice_is_credited_whole_goes_on(
    stage: Stage, owed: PaymentRequest, database_url: str
) -> None:
    stage.clock.at = OVERDUE
    await tick(stage, database_url)
    stage.clock.at = SUSPENDED
    await tick(stage, database_url)
    before = await state(stage, owed.workspace_id)

    await credit(stage, owed)

    assert (before, await state(stage, owed.workspace_id)) == (State.SUSPENDED, State.ACTIVE)
    assert await spendable(stage, owed.workspace_id) == 1_500
    assert await to_pay(stage, owed.workspace_id) == ()
    with pytest.raises(CreditExceedsInvoice):
        await credit(stage, owed)
    assert [each.credited for each in await documents(stage, owed.workspace_id)] == [4_797, 0]


async def test_a_reminder_tells_the_rest_and_what_came_already(
    stage: Stage, owed: PaymentRequest, database_url: str
) -> None:
    await credit(stage, owed, 1_000)
    await pay(stage, owed, amount=4_000)
    stage.clock.at = OVERDUE

    await tick(stage, database_url)

    told = await mails(stage)
    assert "comes to 37.97 USD (after a credit of 10.00 USD) and is not paid." in told
    assert "40.00 USD came for it, does not fit, and waits for our staff." in told


async def test_a_payment_and_a_credit_note_at_one_moment_agree(
    stage: Stage, owed: PaymentRequest
) -> None:
    answers = await asyncio.gather(
        *(credit(stage, owed, 100) for _ in range(3)),
        *(pay(stage, owed, reference=f"t-{n}", amount=4_797 - 100 * n) for n in range(4)),
    )

    applied = [each for each in answers[3:] if each.outcome == "applied"]
    async with stage.studio.reading() as connection:
        row = await connection.fetchrow("SELECT state, credited FROM payment_requests")
    assert len(applied) <= 1
    assert (row["state"], row["credited"] <= 300) == ("paid" if applied else "open", True)


async def test_the_rest_is_asked_of_a_card_as_another_attempt(
    stage: Stage, owed: PaymentRequest
) -> None:
    async with open_till(stage.clock.now) as till:
        stage.studio = replace(stage.studio, gateways={"stripe": till.gateway})
        by_card = replace(owed, gateway="stripe")
        whole = await checkout(stage.studio, by_card)
        await credit(stage, owed, 1_000)
        (left,) = await to_pay(stage, owed.workspace_id)

        rest = await checkout(stage.studio, replace(left, gateway="stripe"))

        paid = await till.pay(GOOD, total=left.money())
    assert whole.reference != rest.reference
    assert paid.total.amount == 3_797


@pytest.mark.parametrize("amount", [1, 1_000, 4_796, None])
async def test_the_books_hold_what_was_paid(
    stage: Stage, owed: PaymentRequest, tmp_path: Path, amount: int | None
) -> None:
    await credit(stage, owed, amount)
    for request in await to_pay(stage, owed.workspace_id):
        await pay(stage, request)
    ends_at = datetime(2025, 4, 1, tzinfo=UTC)
    stage.clock.move(days=(ends_at - BEGIN).days + 1)  # what was paid for has been earned by then

    await written(stage, tmp_path / "books", first=BEGIN.date(), until=ends_at.date())

    found = balances(tmp_path / "books")
    paid = Decimal(4_797 - (amount or 4_797)).scaleb(-2)
    assert found.get(("Assets:Bank", "USD"), Decimal(0)) == paid
    assert found.get(("Assets:Receivables", "USD"), 0) == 0
    earned = found.get(("Income:Plans", "USD"), Decimal(0))
    assert earned + found.get(("Liabilities:Tax", "USD"), Decimal(0)) == -paid


async def test_what_was_paid_is_credited_without_asking_for_less(
    stage: Stage, owed: PaymentRequest
) -> None:
    await pay(stage, owed)

    note = await credit(stage, owed, 500)

    async with stage.studio.reading() as connection:
        row = await connection.fetchrow("SELECT state, credited FROM payment_requests")
    assert (note.taxed.total, tuple(row)) == (500, ("paid", 0))
