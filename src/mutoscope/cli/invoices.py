"""`mutoscope invoice`: list, show, download and credit what was issued."""

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final
from uuid import UUID

import typer
from rich.markup import escape

from mutoscope.app.acts import act_of
from mutoscope.app.credit_note import credit_invoice
from mutoscope.app.invoice_page import percent
from mutoscope.app.print_invoice import printed_invoice, printed_request
from mutoscope.bootstrap import House
from mutoscope.cli.as_staff import As, PasswordFile, Who, in_house_as
from mutoscope.cli.files import written
from mutoscope.cli.opening import in_house, zone_of
from mutoscope.cli.options import Json, WorkspaceId, Yes, money_of, takes
from mutoscope.cli.plain import print_json
from mutoscope.cli.screen import console, table, tell, told
from mutoscope.domain.invoices import DocumentKind, number_in
from mutoscope.domain.money import amount_text, money_text
from mutoscope.domain.staff import Actor, StaffAction
from mutoscope.storage import invoices, workspaces
from mutoscope.storage.invoices import Invoice, InvoiceItem, UnknownInvoice

LISTED_MAX: Final = 500
END: Final = datetime(9000, 1, 1, tzinfo=UTC)

commands = typer.Typer()
invoice = typer.Typer(help="List, show, download and credit invoices.", no_args_is_help=True)
commands.add_typer(invoice, name="invoice")

Which = Annotated[
    str, typer.Argument(metavar="INVOICE", help="A number such as INV-2026-000001, or an id.")
]
Out = Annotated[
    Path | None, typer.Option(help="The file to write; without it, one named after the number.")
]


@commands.callback()
def studio() -> None:
    """Keep the invoices of the studio."""


@invoice.command(name="list")
def list_all(workspace: WorkspaceId, *, is_json: Json = False) -> None:
    """List the invoices and credit notes of a workspace, newest first."""

    async def read(house: House) -> tuple[tuple[InvoiceItem, ...], str]:
        async with house.studio.reading() as connection:
            owner = await workspaces.get(connection, workspace_id=workspace)
            found = await invoices.page(
                connection, workspace_id=workspace, before_at=END, before_id=UUID(int=2**128 - 1),
                limit=LISTED_MAX,
            )  # fmt: skip
        return found, owner.zone

    found, zone = in_house(read)
    if is_json:
        print_json(found)
        return
    shown = table(
        "!number", "kind", "?!of invoice", "issued", "?>net", "?>tax", ">total", "paid", "??!id"
    )  # fmt: skip
    for each in found:
        shown.add_row(
            each.number, each.kind.replace("_", " "), each.refers_to_number or "",
            told(each.issued_at, zone=zone),
            amount_text(each.net, each.currency), amount_text(each.tax, each.currency),
            money_text(each.total, each.currency), told(each.paid_at, zone=zone),
            str(each.invoice_id),
        )  # fmt: skip
    console().print(shown)


@invoice.command()
def show(workspace: WorkspaceId, which: Which, *, is_json: Json = False) -> None:
    """Show an invoice or credit note with its lines, and what was credited of it."""

    async def read(house: House) -> tuple[Invoice, str]:
        return await _found(house, workspace, which), await zone_of(house, workspace)

    found, zone = in_house(read)
    if is_json:
        print_json(found)
        return
    screen, currency = console(), found.taxed.currency
    for name, text in _facts(found, zone=zone):
        screen.print(f"{name:<10} {text}", markup=False)
    lines = table("what", "from", "to", f">{currency}")
    for line in found.lines:
        lines.add_row(
            escape(line.text), told(line.starts_at, zone=found.zone),
            told(line.ends_at, zone=found.zone), amount_text(line.amount, currency),
        )  # fmt: skip
    screen.print(lines)


@invoice.command()
def download(
    workspace: WorkspaceId, which: Which, *, out: Out = None, is_json: Json = False
) -> None:
    """Write an invoice or credit note as PDF; it is the same file each time."""

    async def printed(house: House) -> tuple[str, bytes]:
        found = await _found(house, workspace, which)
        return await printed_invoice(
            house.studio, workspace_id=workspace, invoice_id=found.invoice_id
        )

    _write(*in_house(printed), out=out, is_json=is_json)


@invoice.command()
def request(
    workspace: WorkspaceId,
    payment_request: Annotated[UUID, typer.Argument(metavar="REQUEST", help="Its id.")],
    *,
    out: Out = None,
    is_json: Json = False,
) -> None:
    """Write a payment request as PDF; it has no number, the invoice follows the money."""

    async def printed(house: House) -> tuple[str, bytes]:
        return await printed_request(
            house.studio, workspace_id=workspace, request_id=payment_request
        )

    _write(*in_house(printed), out=out, is_json=is_json)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credit:
    """Which invoice is credited, how much of it, why, and by whom."""

    workspace: WorkspaceId
    which: Which
    reason: Annotated[str, typer.Option(help="Why; it is printed on the credit note.")]
    acting: As = None
    password_file: PasswordFile = None
    amount: Annotated[
        int | None, typer.Option(**money_of("How much of it, tax and all; else all that is left"))
    ] = None
    yes: Yes = False
    is_json: Json = False


@invoice.command()
@takes(Credit)
def credit(asked: Credit) -> None:
    """Issue a credit note for an invoice, never above what is left of it; no money moves."""
    if sys.stdin.isatty() and not asked.yes:
        question = f"A credit note for {asked.which} is issued, and never changes. Go"
        typer.confirm(question, abort=True, err=True)

    async def credited(house: House, actor: Actor) -> Invoice:
        found = await _found(house, asked.workspace, asked.which)
        act = act_of(
            house.studio, actor, action=StaffAction.CREDIT_INVOICE, workspace_id=asked.workspace,
            reason=asked.reason,
        )  # fmt: skip
        return await credit_invoice(
            house.studio, workspace_id=asked.workspace, invoice_id=found.invoice_id,
            reason=asked.reason, act=act,
            amount=asked.amount,
        )  # fmt: skip

    who = Who(name=asked.acting, password_file=asked.password_file)
    found = in_house_as(who, credited)
    if asked.is_json:
        print_json(found)
        return
    console().print(
        f"{found.number} credits {money_text(found.taxed.total, found.taxed.currency)} of "
        f"{found.refers_to_number}"
    )


async def _found(house: House, workspace_id: UUID, which: str) -> Invoice:
    """Return a document of a workspace by its number or id."""
    number = number_in(which)
    async with house.studio.reading() as connection:
        if number is None:
            invoice_id = _id(which)
        else:
            owner, invoice_id = await invoices.whose(
                connection, series=number[0], year=number[1], number=number[2]
            )
            if owner != workspace_id:
                raise UnknownInvoice(invoice=which)
        return await invoices.get(connection, workspace_id=workspace_id, invoice_id=invoice_id)


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        remedy = f"{text!r} is no number or id: `mutoscope invoice list WORKSPACE` tells them"
        raise typer.BadParameter(remedy) from None


def _write(name: str, content: bytes, *, out: Path | None, is_json: bool) -> None:
    path = out or Path(f"{name}.pdf")
    written(path, content)
    if is_json:
        print_json({"name": name, "path": path.absolute(), "size_bytes": len(content)})
    else:
        tell(escape(f"{path} is written"))


def _facts(found: Invoice, *, zone: str) -> Iterable[tuple[str, str]]:
    taxed = found.taxed
    yield "number", found.number
    yield "buyer", ", ".join((taxed.buyer.legal_name, *taxed.buyer.address))
    if taxed.buyer.tax_id is not None:
        yield "tax id", taxed.buyer.tax_id
    known = (("issued", found.issued_at, zone), ("due", found.due_at, zone),
             ("paid", found.paid_at, zone), ("billing", found.billing_at, found.zone))  # fmt: skip
    yield from ((name, told(at, zone=where)) for name, at, where in known if at is not None)
    if found.refers_to_number is not None:
        yield "credits", f"{found.refers_to_number}: {found.reason}"
    yield "net", money_text(taxed.net, taxed.currency)
    rate = f"{percent(taxed.rate)}, " if taxed.rate else ""
    why = taxed.note or f"{rate}{taxed.treatment}"
    yield "tax", f"{money_text(taxed.tax, taxed.currency)} ({why})"
    yield "total", money_text(taxed.total, taxed.currency)
    if found.kind is DocumentKind.INVOICE and found.credited:
        yield "credited", money_text(found.credited, taxed.currency)
