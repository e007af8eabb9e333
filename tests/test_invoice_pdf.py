"""What is printed follows from what was kept: the same bytes each time, every figure on it."""

import io
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from pypdf import PdfReader

from invoice_stage import BUYER, JANUARY, PACK, PLAN, bill, draft, issue, issued, read
from mutoscope.app import invoicing
from mutoscope.app.call_backs import CallBacks
from mutoscope.app.invoice_page import invoice_page, percent
from mutoscope.app.invoicing import credit_draft, requested
from mutoscope.app.pay_links import open_pay_link, pay_link
from mutoscope.app.print_invoice import printed_invoice, printed_request
from mutoscope.documents.invoice_pdf import InvoicePdf
from mutoscope.documents.letters import FontMissing
from mutoscope.domain.invoices import InvoiceLine
from mutoscope.domain.planner import Submission
from mutoscope.domain.transfer_words import transfer_words
from mutoscope.payments.stripe import StripeGateway
from mutoscope.storage import payments
from mutoscope.storage.invoice_text import lines_text, taxed_text
from mutoscope.storage.invoices import Invoice, UnknownInvoice
from mutoscope.storage.payments import UnknownRequest
from payment_stage import account
from studio_stage import Stage, open_stage

REQUEST = UUID("12345678-90ab-cdef-1234-567890abcdef")
ASKED = """
    INSERT INTO payment_requests (workspace_id, request_id, request_key, purpose, subject_id,
        gateway, title, wish, lines, net, tax, total, currency, state, created_at, due_at, taxed)
    VALUES ($1, $2, 'pack-1', 'purchase', $2, $7, 'A pack', '{}', $3, 3900, 0, 3900, 'USD',
        'open', $4, $5, $6)
"""


@pytest.fixture
async def stage(database_url: str, tmp_path: Path) -> AsyncIterator[Stage]:
    async with open_stage(database_url, tmp_path) as stage:
        stage.studio = replace(stage.studio, printer=InvoicePdf(fonts=tmp_path / "none"))
        yield stage


async def printed(stage: Stage, found: Invoice) -> str:
    name, content = await printed_invoice(
        stage.studio, workspace_id=found.workspace_id, invoice_id=found.invoice_id
    )
    assert name == found.number
    return words(content)


def words(content: bytes) -> str:
    reader = PdfReader(io.BytesIO(content))
    return " ".join(" ".join(page.extract_text() for page in reader.pages).split())


async def test_an_invoice_has_seller_buyer_dates_lines_and_totals(stage: Stage) -> None:
    await bill(stage, replace(BUYER, country="IE", tax_id=None))

    text = await printed(stage, await issued(stage, PLAN, PACK))

    for told in (
        "Invoice", "INV-2025-000001", "Example Pictures Ltd", "Dublin D02 XY45, IE",
        "VAT number IE0000000AB", "Aurora Films GmbH", "10115 Berlin, IE", "Date of issue",
        "20 January 2025", "Billing date", "20 February 2025", "Plan Pro, monthly",
        "20 Jan 2025 \N{EN DASH} 20 Feb 2025", "1,500 video credits", "39.00", "78.00",
        "VAT 23 %", "17.94", "95.94 USD", "1 / 1", "this document is not valid",
    ):  # fmt: skip
        assert told in text, told


async def test_a_reverse_charge_has_both_tax_ids_and_its_note(stage: Stage) -> None:
    await bill(stage)
    own = stage.studio.seller
    stage.studio = replace(stage.studio, seller=replace(own, is_example=False))

    text = await printed(stage, await issued(stage))

    assert "VAT number DE136695976" in text
    assert "Reverse charge: the customer accounts for the VAT" in text
    assert "not valid" not in text


async def test_prorations_are_subtracted_in_a_currency_without_cents(stage: Stage) -> None:
    await bill(stage, replace(BUYER, country="JP", tax_id=None))
    back = InvoiceLine(code="proration", text="Unused part of Essential", amount=-1_140)

    text = await printed(stage, await issued(stage, replace(PLAN, amount=5_800), back,
                                             currency="JPY"))  # fmt: skip

    for told in ("5,800", "\N{MINUS SIGN}1,140", "4,660 JPY", "No VAT", "Outside the scope"):
        assert told in text, told


async def test_dates_are_by_the_clocks_of_the_billing_zone(stage: Stage) -> None:
    late = datetime(2025, 2, 19, 23, 30, tzinfo=UTC)
    made = replace(await draft(stage), billing_at=late, due_at=late)
    await issue(stage, made)

    text = await printed(stage, await read(stage, made))

    assert "Billing date 20 February 2025" in text
    assert "Due on 19 February 2025" in text
    assert "Reference INV-2025-000001" in text


async def test_an_invoice_by_card_is_printed_without_the_bank_and_an_older_one_as_it_was(
    stage: Stage,
) -> None:
    made = replace(await draft(stage), due_at=JANUARY, is_by_card=True)
    await issue(stage, made)
    found = await read(stage, made)
    older = {name: told for name, told in found.seller.items() if name != "is_by_card"}

    text = await printed(stage, found)

    assert "By card The amount is charged to your card: nothing has to be transferred." in text
    assert "IE29 AIBK" not in text
    assert dict(invoice_page(replace(found, seller=older)).payment)["Reference"] == found.number


async def test_the_same_document_is_the_same_bytes_whatever_came_since(stage: Stage) -> None:
    await bill(stage)
    found = await issued(stage)
    about = {"workspace_id": found.workspace_id, "invoice_id": found.invoice_id}
    before = await printed_invoice(stage.studio, **about)
    await issue(stage, await credit_draft(stage.studio, **about, reason="x"))
    own = stage.studio.seller
    stage.studio = replace(stage.studio, seller=replace(own, is_example=False, bank=()))
    stage.clock.move(days=400)

    after = await printed_invoice(stage.studio, **about)

    assert after == before


async def test_a_credit_note_names_its_invoice_and_the_reason(stage: Stage) -> None:
    found = await issued(stage)
    credit = await credit_draft(
        stage.studio, workspace_id=found.workspace_id, invoice_id=found.invoice_id,
        reason="started twice", amount=1_230,
    )  # fmt: skip
    await issue(stage, credit)

    text = await printed(stage, await read(stage, credit))

    for told in ("Credit note", "CN-2025-000001", "For invoice INV-2025-000001", "started twice",
                 "Part of INV-2025-000001", "Total credited 12.30 USD", "2.30"):  # fmt: skip
        assert told in text, told


async def test_many_lines_run_over_pages_with_their_heads_and_number(stage: Stage) -> None:
    lines = [replace(PACK, text=f"Pack {number}") for number in range(80)]
    found = await issued(stage, *lines)

    _, content = await printed_invoice(
        stage.studio, workspace_id=found.workspace_id, invoice_id=found.invoice_id
    )

    pages = [page.extract_text() for page in PdfReader(io.BytesIO(content)).pages]
    assert len(pages) > 1
    assert all("INV-2025-000001" in page and "Description" in page for page in pages[:-1])
    assert [
        f"Pack {number}" for number in range(80) if f"Pack {number}" not in words(content)
    ] == []


async def test_a_page_that_cannot_be_read_is_refused(stage: Stage) -> None:
    found = await issued(stage, replace(PACK, text="\U00020000"))

    with pytest.raises(FontMissing):
        await printed(stage, found)


async def ask(stage: Stage, *, taxed: str, gateway: str = "manual") -> None:
    async with stage.studio.reading() as connection:
        await connection.execute(
            ASKED, stage.workspace_id, REQUEST, lines_text([PACK]), JANUARY,
            JANUARY + timedelta(days=14), taxed, gateway,
        )  # fmt: skip


def links(content: bytes) -> list[str]:
    """Return where the links of a PDF lead."""
    pages = PdfReader(io.BytesIO(content)).pages
    return [note.get_object()["/A"]["/URI"] for page in pages for note in page.get("/Annots", ())]


async def test_a_payment_request_has_no_number_and_tells_where_to_pay(stage: Stage) -> None:
    await bill(stage)
    taxed = await invoicing.taxed(
        stage.studio, workspace_id=stage.workspace_id, lines=[PACK], currency="USD"
    )
    await ask(stage, taxed=taxed_text(taxed))
    await bill(stage, replace(BUYER, legal_name="Somebody Else"))

    name, content = await printed_request(
        stage.studio, workspace_id=stage.workspace_id, request_id=REQUEST
    )
    reference = transfer_words(request_id=REQUEST)

    assert name == f"payment-request-{reference.lower()}"
    for told in ("Payment request", "Not an invoice", "Aurora Films GmbH", "3 February 2025",
                 "To pay 39.00 USD", "IE29 AIBK", f"Reference {reference}"):  # fmt: skip
        assert told in words(content), told
    assert "INV-" not in words(content)


async def asked_by_card(stage: Stage, *, url: str) -> bytes:
    """Print a request that is paid over Stripe, by a studio with a public address or without."""
    await bill(stage)
    taxed = await invoicing.taxed(
        stage.studio, workspace_id=stage.workspace_id, lines=[PACK], currency="USD"
    )
    await ask(stage, taxed=taxed_text(taxed), gateway="stripe")
    stripe = StripeGateway(account=account("http://127.0.0.1:9"))
    stage.studio = replace(stage.studio, call_backs=CallBacks(url=url), gateways={"stripe": stripe})
    _, content = await printed_request(
        stage.studio, workspace_id=stage.workspace_id, request_id=REQUEST
    )
    return content


async def test_a_payment_request_by_card_tells_the_link_and_no_bank_account(stage: Stage) -> None:
    content = await asked_by_card(stage, url="https://studio.example")

    (link,) = links(content)
    assert link.startswith("https://studio.example/v1/pay/")
    assert (await open_pay_link(stage.studio, token=link.rpartition("/")[2])).request_id == REQUEST
    assert link in words(content).replace(" ", "")
    assert "IE29 AIBK" not in words(content)


async def test_a_studio_without_a_public_address_prints_where_the_card_page_is(
    stage: Stage,
) -> None:
    content = await asked_by_card(stage, url="")

    async with stage.studio.reading() as connection:
        asked = await payments.request(
            connection, workspace_id=stage.workspace_id, request_id=REQUEST
        )
    link = pay_link(stage.studio, asked, at=stage.studio.clock.now())
    told = f"By card at this studio's address {link}"
    assert told.replace(" ", "") in words(content).replace(" ", "")  # its line ends at a hyphen
    assert (await open_pay_link(stage.studio, token=link.rpartition("/")[2])).request_id == REQUEST


async def test_a_request_over_a_gateway_that_is_gone_is_paid_to_the_bank(stage: Stage) -> None:
    await bill(stage)
    taxed = await invoicing.taxed(
        stage.studio, workspace_id=stage.workspace_id, lines=[PACK], currency="USD"
    )
    await ask(stage, taxed=taxed_text(taxed), gateway="stripe")

    _, content = await printed_request(
        stage.studio, workspace_id=stage.workspace_id, request_id=REQUEST
    )

    assert "IE29 AIBK" in words(content)


async def test_a_payment_request_goes_out_with_its_own_transaction(stage: Stage) -> None:
    await bill(stage)
    taxed = await invoicing.taxed(
        stage.studio, workspace_id=stage.workspace_id, lines=[PACK], currency="USD"
    )

    rows = requested(
        stage.studio, workspace_id=stage.workspace_id, request_id=REQUEST, taxed=taxed,
        due_at=JANUARY + timedelta(days=14),
    )  # fmt: skip
    await stage.studio.journal.submit(Submission(()), side_rows=rows)

    async with stage.studio.reading() as connection:
        (message,) = await connection.fetch("SELECT * FROM outbox")
    assert (message["attached"], message["attached_id"]) == ("payment_request", REQUEST)
    assert "39.00 USD by 3 February 2025" in message["body"]
    assert (message["recipient"], message["state"]) == ("books@aurora.example", "queued")


async def test_what_is_not_there_is_not_printed(stage: Stage) -> None:
    with pytest.raises(UnknownInvoice):
        await printed_invoice(stage.studio, workspace_id=stage.workspace_id, invoice_id=UUID(int=1))

    with pytest.raises(UnknownRequest):
        await printed_request(stage.studio, workspace_id=stage.workspace_id, request_id=UUID(int=1))


@pytest.mark.parametrize(
    ("rate", "told"), [(2_300, "23 %"), (770, "7.7 %"), (2_125, "21.25 %"), (0, "0 %")]
)
def test_a_rate_is_told_as_people_write_it(rate: int, told: str) -> None:
    assert percent(rate) == told
