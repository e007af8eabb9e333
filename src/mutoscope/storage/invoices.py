"""Invoices and credit notes: numbers without gaps, and documents that never change.

Owns the taking of numbers. Invariant: a number is taken in the transaction that writes its
document, under the lock of its series and year, so that a rollback gives it back and a commit is
seen by the next. The surprising choice: what an id has written before is not written again, takes
no number, and counts as written, so that a caller may repeat itself. A credit note names what was
credited before it; when that has moved on it is not written, and its submission is undone.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from uuid import UUID

from mutoscope.domain.credits import Refusal
from mutoscope.domain.invoices import (
    DocumentKind,
    InvoiceLine,
    Taxed,
    Treatment,
    number_text,
)
from mutoscope.storage.database import queries
from mutoscope.storage.invoice_text import lines_from, party_from
from mutoscope.storage.outbox import NewMessage, write_messages

if TYPE_CHECKING:
    from mutoscope.storage.database import Connection

NUMBER: Final = "{number}"
"""Stands in a message for the number that its document will take."""

_SQL: Final = queries("invoices")


class UnknownInvoice(Refusal):
    """An id or number that names no invoice or credit note of the workspace."""

    code = "unknown_invoice"

    def __init__(self, *, invoice: UUID | str) -> None:
        super().__init__(
            f"there is no invoice {invoice}: `invoice list` names those of a workspace"
        )
        self.invoice = str(invoice)


class NewInvoice(NamedTuple):
    """A document that is to take a number, and the message that goes out with it, if any.

    The fields up to `lines` are the columns of the type `new_invoice`.
    """

    workspace_id: UUID
    invoice_id: UUID
    kind: str
    series: str
    year: int
    number: int
    currency: str
    net: int
    tax: int
    total: int
    rate: int
    treatment: str
    note: str | None
    seller: str
    buyer: str
    zone: str
    issued_at: datetime
    due_at: datetime | None
    paid_at: datetime | None
    billing_at: datetime | None
    request_id: UUID | None
    refers_to: UUID | None
    reason: str | None
    lines: str
    credited_before: int
    message: NewMessage | None


COLUMNS: Final = NewInvoice._fields.index("credited_before")


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceItem:
    """A document in a list; a credit note tells the invoice that it credits.

    `paid_at` is when the money of an invoice came, also where it was issued before.
    """

    workspace_id: UUID
    invoice_id: UUID
    kind: DocumentKind
    number: str
    treatment: Treatment
    currency: str
    net: int
    tax: int
    total: int
    issued_at: datetime
    due_at: datetime | None
    paid_at: datetime | None
    refers_to: UUID | None
    refers_to_number: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """The numbers of a series and year: how many documents there are, and the last number."""

    series: str
    year: int
    kept: int
    first: int
    last: int
    next_number: int

    @property
    def is_gapless(self) -> bool:
        """Tell whether every number from 1 to the last is one document's."""
        return (self.first, self.last) == (1, self.kept) and self.next_number == self.last + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    """An invoice or credit note as it was issued, what was credited of it since, and its payment.

    `seller` is what the seller was then, as plain data: it is printed, and decides nothing more.
    Its `is_by_card` tells how the document is paid; those issued before that was kept have none.
    `paid_at` is when the money of an invoice came, also where it was issued before.
    """

    workspace_id: UUID
    invoice_id: UUID
    kind: DocumentKind
    number: str
    seller: Mapping[str, Any]
    taxed: Taxed
    lines: tuple[InvoiceLine, ...]
    zone: str
    issued_at: datetime
    due_at: datetime | None
    paid_at: datetime | None
    billing_at: datetime | None
    request_id: UUID | None
    refers_to: UUID | None
    refers_to_number: str | None
    reason: str | None
    credited: int


class _Held(NamedTuple):
    """What is known under the locks: next numbers, earlier documents, and credits of invoices."""

    next_numbers: dict[tuple[str, int], int]
    before: dict[tuple[UUID, UUID], tuple[Any, ...]]
    credits_left: dict[tuple[UUID, UUID], tuple[str, int, int]]


async def write_documents(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
    """Write new documents (`NewInvoice`) with numbers and messages; return how many are there."""
    drafts = [NewInvoice(*row) for row in rows]
    held = await _held(connection, drafts)
    fresh, known = _numbered(drafts, held)
    if fresh:
        await _SQL.move_series(connection, **_series(held.next_numbers.items()))
        columns = [draft[:COLUMNS] for draft in fresh]
        numbers = [number_text(series=d.series, year=d.year, number=d.number) for d in fresh]
        written = await _SQL.write_invoices(connection, invoices=columns, numbers=numbers)
        assert written == len(fresh), "numbers were taken for documents that were not written"
        messages = [draft.message for draft in fresh if draft.message is not None]
        if messages:
            await write_messages(connection, messages)
    return len(fresh) + known


async def get(connection: Connection, *, workspace_id: UUID, invoice_id: UUID) -> Invoice:
    """Return a document.

    :raises UnknownInvoice: when the workspace has none of that id.
    """
    row = await _SQL.invoice(connection, workspace_id=workspace_id, invoice_id=invoice_id)
    if row is None:
        raise UnknownInvoice(invoice=invoice_id)
    own = ("workspace_id", "invoice_id", "zone", "issued_at", "due_at", "paid_at", "billing_at",
           "request_id", "refers_to", "reason", "credited")  # fmt: skip
    return Invoice(
        **{name: row[name] for name in own},
        kind=DocumentKind(row["kind"]),
        number=_number(row),
        refers_to_number=_credited_number(row),
        seller=json.loads(row["seller"]),
        taxed=Taxed(
            buyer=party_from(json.loads(row["buyer"])), net=row["net"], tax=row["tax"],
            currency=row["currency"], rate=row["rate"], treatment=Treatment(row["treatment"]),
            note=row["note"],
        ),
        lines=lines_from(row["lines"]),
    )  # fmt: skip


async def page(
    connection: Connection, *, workspace_id: UUID, before_at: datetime, before_id: UUID, limit: int
) -> tuple[InvoiceItem, ...]:
    """Return documents of a workspace, newest first, before the one that is named."""
    rows = _SQL.list_invoices(
        connection, workspace_id=workspace_id, before_at=before_at, before_id=before_id, limit=limit
    )
    own = ("workspace_id", "invoice_id", "currency", "net", "tax", "total", "issued_at", "due_at",
           "paid_at", "refers_to")  # fmt: skip
    return tuple([
        InvoiceItem(
            **{name: row[name] for name in own}, kind=DocumentKind(row["kind"]),
            number=_number(row), treatment=Treatment(row["treatment"]),
            refers_to_number=_credited_number(row),
        )
        async for row in rows
    ])  # fmt: skip


async def series(connection: Connection) -> tuple[Series, ...]:
    """Return the numbers of every series, by year."""
    return tuple([Series(**row) async for row in _SQL.series(connection)])


async def whose(
    connection: Connection, *, series: str, year: int, number: int
) -> tuple[UUID, UUID]:
    """Return the workspace and id of a number.

    :raises UnknownInvoice: when the number was not taken.
    """
    row = await _SQL.invoice_numbered(connection, series=series, year=year, number=number)
    if row is None:
        raise UnknownInvoice(invoice=number_text(series=series, year=year, number=number))
    return row["workspace_id"], row["invoice_id"]


async def _held(connection: Connection, drafts: Sequence[NewInvoice]) -> _Held:
    """Lock what the drafts are about, in one order for all, and only then look at it."""
    wanted = _series(sorted({(draft.series, draft.year): 0 for draft in drafts}.items()))
    del wanted["next_numbers"]
    await _SQL.open_series(connection, **wanted)
    locked = _SQL.lock_series(connection, **wanted)
    next_numbers = {(row["series"], row["year"]): row["next_number"] async for row in locked}
    ids = {"workspaces": [draft.workspace_id for draft in drafts],
           "invoices": [draft.invoice_id for draft in drafts]}  # fmt: skip
    before = {
        (row["workspace_id"], row["invoice_id"]): (
            row["kind"], row["currency"], row["total"], row["refers_to"],
        )
        async for row in _SQL.written_before(connection, **ids)
    }  # fmt: skip
    return _Held(next_numbers, before, await _credits_left(connection, drafts))


async def _credits_left(
    connection: Connection, drafts: Sequence[NewInvoice]
) -> dict[tuple[UUID, UUID], tuple[str, int, int]]:
    """Return by invoice its currency, what was credited of it, and what it comes to."""
    about = {(draft.workspace_id, draft.refers_to) for draft in drafts if draft.refers_to}
    if not about:
        return {}
    ids = {"workspaces": [each[0] for each in about], "invoices": [each[1] for each in about]}
    rows = [row async for row in _SQL.lock_credited(connection, **ids)]
    credited = {
        (row["workspace_id"], row["refers_to"]): row["credited"]
        async for row in _SQL.credited(connection, **ids)
    }
    return {
        name: (row["currency"], credited.get(name, 0), row["total"])
        for row in rows
        for name in ((row["workspace_id"], row["invoice_id"]),)
    }


def _numbered(drafts: Sequence[NewInvoice], held: _Held) -> tuple[list[NewInvoice], int]:
    """Return what is to be written, with its numbers, and how many were written before."""
    fresh: list[NewInvoice] = []
    known = 0
    for draft in drafts:
        name = (draft.workspace_id, draft.invoice_id)
        content = (draft.kind, draft.currency, draft.total, draft.refers_to)
        if name in held.before:
            known += held.before[name] == content
            continue
        if draft.refers_to is not None and not _is_credited(draft, held):
            continue
        series = (draft.series, draft.year)
        number = held.next_numbers[series]
        held.next_numbers[series] = number + 1
        held.before[name] = content
        fresh.append(_with_number(draft, number))
    return fresh, known


def _is_credited(draft: NewInvoice, held: _Held) -> bool:
    """Tell whether a credit note fits what is left of its invoice, and take it."""
    assert draft.refers_to is not None
    name = (draft.workspace_id, draft.refers_to)
    currency, credited, total = held.credits_left.get(name, ("", 0, 0))
    is_fitting = (
        (currency, credited) == (draft.currency, draft.credited_before)
        and credited + draft.total <= total
    )  # fmt: skip
    if is_fitting:
        held.credits_left[name] = (currency, credited + draft.total, total)
    return is_fitting


def _with_number(draft: NewInvoice, number: int) -> NewInvoice:
    text = number_text(series=draft.series, year=draft.year, number=number)
    message = draft.message
    if message is not None:
        message = message._replace(
            subject=message.subject.replace(NUMBER, text, 1),
            body=message.body.replace(NUMBER, text, 1),
        )
    return draft._replace(number=number, message=message)


def _series(found: Iterable[tuple[tuple[str, int], int]]) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = defaultdict(list)
    for (series, year), next_number in found:
        columns["series"].append(series)
        columns["years"].append(year)
        columns["next_numbers"].append(next_number)
    return columns


def _number(row: Any, before: str = "") -> str:  # noqa: ANN401  # a row of asyncpg
    return number_text(
        series=row[f"{before}series"], year=row[f"{before}year"], number=row[f"{before}number"]
    )


def _credited_number(row: Any) -> str | None:  # noqa: ANN401  # a row of asyncpg
    """Return the number of the invoice that a credit note is of."""
    return None if row["refers_to"] is None else _number(row, "refers_to_")
