"""What tests of invoices share: lines, drafts, issuing them, and reading what was issued."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID, uuid4

from mutoscope.app import invoicing
from mutoscope.app.billing_details import set_details
from mutoscope.app.invoicing import Draft
from mutoscope.domain.invoices import InvoiceLine, Party
from mutoscope.domain.planner import Submission
from mutoscope.storage import invoices
from mutoscope.storage.invoices import Invoice
from studio_stage import Stage

JANUARY = datetime(2025, 1, 20, 12, tzinfo=UTC)
FEBRUARY = datetime(2025, 2, 20, 12, tzinfo=UTC)
PLAN = InvoiceLine(
    code="plan", text="Plan Pro, monthly", amount=3_900, starts_at=JANUARY, ends_at=FEBRUARY
)
PACK = InvoiceLine(code="pack", text="1,500 video credits", amount=3_900)
BUYER = Party(
    legal_name="Aurora Films GmbH", address=("Lichtstraße 1", "10115 Berlin"), country="DE",
    tax_id="DE136695976", email="books@aurora.example",
)  # fmt: skip


async def bill(stage: Stage, party: Party = BUYER, *, workspace_id: UUID | None = None) -> None:
    """Set who is billed."""
    await set_details(stage.studio, workspace_id=workspace_id or stage.workspace_id, party=party)


async def draft(
    stage: Stage, *lines: InvoiceLine, currency: str = "USD", workspace_id: UUID | None = None
) -> Draft:
    """Return a draft of an invoice."""
    whose = workspace_id or stage.workspace_id
    taxed = await invoicing.taxed(
        stage.studio, workspace_id=whose, lines=lines or (PLAN,), currency=currency
    )
    return Draft(
        workspace_id=whose, invoice_id=uuid4(), taxed=taxed, lines=lines or (PLAN,),
        issued_at=stage.clock.now(), zone="Europe/Berlin", billing_at=FEBRUARY,
    )  # fmt: skip


async def issue(stage: Stage, *drafts: Draft) -> None:
    """Issue documents in one transaction."""
    rows = [row for each in drafts for row in invoicing.issued(stage.studio, draft=each)]
    await stage.studio.journal.submit(Submission(()), side_rows=tuple(rows))


async def issued(stage: Stage, *lines: InvoiceLine, currency: str = "USD") -> Invoice:
    """Issue an invoice and return it."""
    made = await draft(stage, *lines, currency=currency)
    await issue(stage, made)
    return await read(stage, made)


async def read(stage: Stage, made: Draft) -> Invoice:
    """Return what was issued from a draft."""
    async with stage.studio.reading() as connection:
        return await invoices.get(
            connection, workspace_id=made.workspace_id, invoice_id=made.invoice_id
        )


async def numbers(stage: Stage) -> list[str]:
    """Return all numbers that were taken, in order."""
    async with stage.studio.reading() as connection:
        rows = await connection.fetch(
            "SELECT series, year, number FROM invoice_numbers ORDER BY series, year, number"
        )
    return [f"{series}-{year}-{number:06}" for series, year, number in rows]


def copies(made: Draft, count: int) -> Sequence[Draft]:
    """Return drafts of the same content under ids of their own."""
    return [replace(made, invoice_id=uuid4()) for _ in range(count)]
