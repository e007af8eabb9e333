"""Invoices take numbers without gaps, never change, and go out with the transaction."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import asyncpg
import pytest

from invoice_stage import BUYER, PACK, PLAN, bill, copies, draft, issue, issued, numbers, read
from mutoscope.app import invoicing
from mutoscope.app.credit_note import credit_invoice
from mutoscope.app.invoicing import CreditExceedsInvoice, Draft, NotAnInvoice, credit_draft
from mutoscope.domain import actions as ask
from mutoscope.domain.invoices import Treatment
from mutoscope.domain.lots import Terms
from mutoscope.domain.planner import Submission
from mutoscope.domain.requests import Request
from mutoscope.storage.invoices import Invoice, UnknownInvoice
from mutoscope.storage.journal import Journal
from mutoscope.storage.session import SideRow, SideRowRefused
from studio_fixture import open_workspace
from studio_stage import Stage


async def refuse(_: object, __: object) -> int:
    """Write nothing of what is wanted."""
    return 0


async def outbox(stage: Stage) -> list[asyncpg.Record]:
    async with stage.studio.reading() as connection:
        return await connection.fetch("SELECT * FROM outbox ORDER BY created_at, subject")


async def test_an_invoice_has_its_number_lines_parties_and_totals(stage: Stage) -> None:
    await bill(stage)

    found = await issued(stage, PLAN, PACK)

    assert found.number == "INV-2025-000001"
    assert found.lines == (PLAN, PACK)
    assert found.taxed.buyer == BUYER
    assert found.seller["legal_name"] == "Example Pictures Ltd"
    assert (found.taxed.net, found.taxed.tax, found.taxed.total) == (7_800, 0, 7_800)
    assert found.taxed.treatment is Treatment.REVERSE_CHARGE


async def test_credits_their_invoice_and_its_message_are_one_transaction(stage: Stage) -> None:
    await bill(stage)
    made = await draft(stage, PACK)
    grant = Request(stage.workspace_id, "video", "api", "pack-1",
                    ask.Grant(1_500, Terms("pack", stage.clock.now())))  # fmt: skip

    await stage.studio.journal.submit(
        Submission((grant,)), side_rows=invoicing.issued(stage.studio, draft=made)
    )

    (message,) = await outbox(stage)
    assert message["recipient"] == "books@aurora.example"
    assert message["subject"] == "Invoice INV-2025-000001 from Example Pictures Ltd"
    assert "39.00 USD" in message["body"]
    assert "20 February 2025" in message["body"]
    assert (message["attached"], message["attached_id"]) == ("document", made.invoice_id)


async def test_what_is_undone_gives_its_number_back(stage: Stage) -> None:
    made = await draft(stage)
    rows = (*invoicing.issued(stage.studio, draft=made), SideRow(refuse, (1,)))

    with pytest.raises(SideRowRefused):
        await stage.studio.journal.submit(Submission(()), side_rows=rows)

    assert await outbox(stage) == []
    assert (await issued(stage)).number == "INV-2025-000001"


async def test_many_at_once_leave_no_gap_and_no_double(stage: Stage, database_url: str) -> None:
    made = copies(await draft(stage), 32)
    other = Journal(url=database_url, now=stage.clock.now)
    await other.open()

    await asyncio.gather(*(
        journal.submit(Submission(()), side_rows=invoicing.issued(stage.studio, draft=each))
        for each, journal in zip(made, (stage.studio.journal, other) * 16, strict=True)
    ))  # fmt: skip

    await other.close()
    assert await numbers(stage) == [f"INV-2025-{number:06}" for number in range(1, 33)]


async def test_some_that_are_undone_among_many_leave_no_gap(stage: Stage) -> None:
    made = copies(await draft(stage), 32)
    spoilt = (SideRow(refuse, (1,)),)

    await asyncio.gather(*(
        stage.studio.journal.submit(
            Submission(()),
            side_rows=(*invoicing.issued(stage.studio, draft=each), *(spoilt * (place % 3 == 0))),
        )
        for place, each in enumerate(made)
    ), return_exceptions=True)  # fmt: skip

    assert await numbers(stage) == [f"INV-2025-{number:06}" for number in range(1, 22)]


async def test_a_chunk_takes_its_numbers_as_one_block(stage: Stage) -> None:
    other = await open_workspace(stage)
    made = [*copies(await draft(stage), 25), *copies(await draft(stage, workspace_id=other), 25)]

    await issue(stage, *made)

    assert [(await read(stage, each)).number for each in (made[0], made[49])] == [
        "INV-2025-000001", "INV-2025-000050",
    ]  # fmt: skip
    assert len(await numbers(stage)) == 50


async def test_the_same_id_again_writes_nothing_and_leaves_no_gap(stage: Stage) -> None:
    await bill(stage)
    made = await draft(stage)
    await issue(stage, made)

    await asyncio.gather(*(issue(stage, made, made) for _ in range(8)))

    assert (await issued(stage)).number == "INV-2025-000002"
    assert len(await outbox(stage)) == 2


async def test_the_same_id_for_something_else_is_refused(stage: Stage) -> None:
    made = await draft(stage)
    await issue(stage, made)
    other = await draft(stage, PLAN, PACK)

    with pytest.raises(SideRowRefused):
        await issue(stage, replace(other, invoice_id=made.invoice_id))

    assert await numbers(stage) == ["INV-2025-000001"]


async def test_numbers_begin_anew_with_the_sellers_own_year(stage: Stage) -> None:
    seller = replace(stage.studio.seller, zone="Pacific/Auckland")
    stage.studio = replace(stage.studio, seller=seller)
    stage.clock.at = datetime(2025, 12, 31, 10, 59, 59, tzinfo=UTC)
    await issued(stage)
    stage.clock.move(seconds=1)

    found = await issued(stage)

    assert found.number == "INV-2026-000001"
    assert await numbers(stage) == ["INV-2025-000001", "INV-2026-000001"]


@pytest.mark.parametrize("table", ["invoices", "invoice_lines", "invoice_numbers"])
@pytest.mark.parametrize(
    "statement", ["DELETE FROM {}", "UPDATE {} SET workspace_id = NULL", "TRUNCATE {} CASCADE"]
)
async def test_what_was_issued_never_changes(stage: Stage, table: str, statement: str) -> None:
    await issued(stage)

    async with stage.studio.reading() as connection:
        with pytest.raises(asyncpg.RestrictViolationError, match="never change"):
            await connection.execute(statement.format(table))

    assert await numbers(stage) == ["INV-2025-000001"]


async def test_a_workspace_without_details_is_billed_by_name_and_taxed_as_at_home(
    stage: Stage,
) -> None:
    found = await issued(stage)

    assert found.taxed.buyer.legal_name == "Aurora"
    assert (found.taxed.rate, found.taxed.tax, found.taxed.total) == (2_300, 897, 4_797)
    (message,) = await outbox(stage)
    assert (message["state"], message["recipient"]) == ("undeliverable", "")
    assert "has no address" in message["failure"]


async def test_a_credit_note_has_its_own_number_and_what_it_refers_to(stage: Stage) -> None:
    invoice = await issued(stage)

    credit = await credit_draft(
        stage.studio, workspace_id=stage.workspace_id, invoice_id=invoice.invoice_id,
        reason="the plan was started twice",
    )  # fmt: skip
    await issue(stage, credit)

    found = await read(stage, credit)
    assert (found.number, found.refers_to) == ("CN-2025-000001", invoice.invoice_id)
    assert (found.taxed.total, found.lines) == (4_797, (PLAN,))


async def test_a_credit_note_goes_to_where_documents_go_now(stage: Stage) -> None:
    await bill(stage, replace(BUYER, email=None))
    invoice = await issued(stage)
    await bill(stage, replace(BUYER, legal_name="Somebody Else", email="new@aurora.example"))

    credit = await credit_draft(
        stage.studio, workspace_id=stage.workspace_id, invoice_id=invoice.invoice_id, reason="x"
    )
    await issue(stage, credit)

    async with stage.studio.reading() as connection:
        rows = await connection.fetch("SELECT recipient, state FROM outbox ORDER BY subject")
    assert [tuple(row) for row in rows] == [("new@aurora.example", "queued"), ("", "undeliverable")]
    assert (await read(stage, credit)).taxed.buyer.legal_name == "Aurora Films GmbH"


async def test_parts_of_an_invoice_are_credited_up_to_all_of_it_and_no_further(
    stage: Stage,
) -> None:
    invoice = await issued(stage)
    facts = {"workspace_id": stage.workspace_id, "invoice_id": invoice.invoice_id, "reason": "x"}
    taxes = []
    for amount in (1_000, 2_000, 1_797):
        credit = await credit_draft(stage.studio, **facts, amount=amount)
        await issue(stage, credit)
        taxes.append(credit.taxed.tax)

    with pytest.raises(CreditExceedsInvoice, match=r"left of the invoice, 0\.00 USD"):
        await credit_draft(stage.studio, **facts)

    assert sum(taxes) == invoice.taxed.tax


@pytest.mark.parametrize("amount", [0, -1, 4_798])
async def test_more_than_an_invoice_or_nothing_is_not_credited(stage: Stage, amount: int) -> None:
    invoice = await issued(stage)

    with pytest.raises(CreditExceedsInvoice):
        await credit_draft(
            stage.studio, workspace_id=stage.workspace_id, invoice_id=invoice.invoice_id,
            reason="x", amount=amount,
        )  # fmt: skip

    assert await numbers(stage) == ["INV-2025-000001"]


async def test_of_credit_notes_at_once_one_is_written(stage: Stage) -> None:
    invoice = await issued(stage)
    facts = {"workspace_id": stage.workspace_id, "invoice_id": invoice.invoice_id, "reason": "x"}
    drafts = [await credit_draft(stage.studio, **facts) for _ in range(8)]

    outcomes = await asyncio.gather(
        *(issue(stage, credit) for credit in drafts), return_exceptions=True
    )

    assert sum(outcome is None for outcome in outcomes) == 1
    assert {type(outcome) for outcome in outcomes if outcome} == {SideRowRefused}
    assert await numbers(stage) == ["CN-2025-000001", "INV-2025-000001"]


async def test_a_credit_note_is_not_credited(stage: Stage) -> None:
    invoice = await issued(stage)
    facts = {"workspace_id": stage.workspace_id, "reason": "x"}
    credit = await credit_draft(stage.studio, **facts, invoice_id=invoice.invoice_id)
    await issue(stage, credit)

    with pytest.raises(NotAnInvoice, match="CN-2025-000001"):
        await credit_draft(stage.studio, **facts, invoice_id=credit.invoice_id)

    assert (await read(stage, credit)).credited == 0


async def test_invoices_of_others_are_not_there(stage: Stage) -> None:
    invoice = await issued(stage)
    other = await open_workspace(stage)

    with pytest.raises(UnknownInvoice):
        await credit_draft(
            stage.studio, workspace_id=other, invoice_id=invoice.invoice_id, reason="x"
        )


async def pairs_of(stage: Stage, count: int) -> list[tuple[Draft, ...]]:
    """Return drafts of an invoice and a credit note each, every other pair the other way round."""
    pairs = []
    for place in range(count):
        paid = await issued(stage)
        credit = await credit_draft(
            stage.studio, workspace_id=stage.workspace_id, invoice_id=paid.invoice_id, reason="x"
        )
        pairs.append((await draft(stage), credit)[:: 1 if place % 2 else -1])
    return pairs


async def test_documents_of_two_series_at_once_wait_for_one_another_in_one_order(
    stage: Stage, database_url: str
) -> None:
    pairs = await pairs_of(stage, 8)
    other = Journal(url=database_url, now=stage.clock.now)
    await other.open()

    await asyncio.gather(*(
        journal.submit(Submission(()), side_rows=tuple(
            row for each in pair for row in invoicing.issued(stage.studio, draft=each)
        ))
        for pair, journal in zip(pairs, (stage.studio.journal, other) * 4, strict=True)
    ))  # fmt: skip

    await other.close()
    found = await numbers(stage)
    assert found[7::8] == ["CN-2025-000008", "INV-2025-000008", "INV-2025-000016"]


async def test_buyers_of_many_workspaces_are_read_at_once(stage: Stage) -> None:
    other = await open_workspace(stage)
    await bill(stage)

    found = await invoicing.buyers(stage.studio, workspaces=[stage.workspace_id, other])

    assert found[stage.workspace_id] == BUYER
    assert found[other].legal_name == "Borealis"


async def test_of_credits_by_hand_at_once_the_later_ones_take_what_is_left(stage: Stage) -> None:
    invoice = await issued(stage)

    outcomes = await asyncio.gather(*(
        credit_invoice(
            stage.studio, workspace_id=stage.workspace_id, invoice_id=invoice.invoice_id,
            reason="a day without service", amount=2_000,
        )
        for _ in range(4)
    ), return_exceptions=True)  # fmt: skip

    made = [outcome for outcome in outcomes if isinstance(outcome, Invoice)]
    assert [credit.number for credit in made] != []
    assert {type(outcome) for outcome in outcomes} == {Invoice, CreditExceedsInvoice}
    assert sum(credit.taxed.total for credit in made) == 4_000
