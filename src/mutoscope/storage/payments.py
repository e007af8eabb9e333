"""Payment requests and payments as rows, and the claims by which a payment counts once.

The writers that end in `_requests` and `_payments` commit together with the ledger's entries.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from mutoscope.domain.credits import Refusal
from mutoscope.domain.invoices import InvoiceLine, Taxed, tax_within
from mutoscope.domain.offers import Money
from mutoscope.storage.database import queries
from mutoscope.storage.invoice_text import lines_from, lines_text, taxed_from, taxed_text

if TYPE_CHECKING:
    from mutoscope.storage.database import Connection

_SQL: Final = queries("payments")
BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)
NOBODY: Final = UUID(int=0)
"""Whose a payment is while nobody knows what for."""

Place = tuple[datetime, UUID]
"""Where a page ended: the instant and id of its last item."""

NEWEST: Final[Place] = (datetime(9000, 1, 1, tzinfo=UTC), UUID(int=2**128 - 1))


class Purpose(StrEnum):
    """What a payment is asked for."""

    PLAN = "plan"
    RENEWAL = "renewal"
    UPGRADE = "upgrade"
    PURCHASE = "purchase"


class UnknownRequest(Refusal):
    """An id that names no payment request of the workspace."""

    code = "unknown_request"

    def __init__(self, *, request_id: UUID) -> None:
        super().__init__(
            f"there is no payment request {request_id} in this workspace: its purchases and "
            "invoices name them"
        )
        self.request_id = request_id


class UnknownPayment(Refusal):
    """An id or reference that names no payment."""

    code = "unknown_payment"

    def __init__(self, *, payment: str) -> None:
        super().__init__(f"there is no payment {payment}: `payments list` names them")
        self.payment = payment


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentRequest:
    """Money that is asked for, in minor units; `lines` are those of its invoice.

    `request_key` says what for, once for ever; `wish` is what is carried out when it is paid.
    `credited` was credited of its invoice while it was open.
    """

    workspace_id: UUID
    request_id: UUID
    request_key: str
    purpose: Purpose
    subject_id: UUID
    gateway: str
    title: str
    wish: Mapping[str, Any]
    lines: tuple[InvoiceLine, ...]
    taxed: Taxed
    state: str
    invoice_id: UUID | None
    created_at: datetime
    due_at: datetime
    paid_at: datetime | None = None
    cancelled_at: datetime | None = None
    reminders: int = 0
    remind_at: datetime | None = None
    credited: int = 0

    def money(self) -> Money:
        """Return what is to be paid, tax and all, less what was credited of its invoice."""
        return Money(amount=self.taxed.total - self.credited, currency=self.taxed.currency)

    def attempt(self, name: str) -> str:
        """Return the key of an attempt to pay it: another one once it comes to another amount."""
        return f"{self.request_id}/{name}" + (f"/{self.credited}" if self.credited else "")

    def tax(self) -> int:
        """Return how much of what is to be paid is tax."""
        taxed = self.taxed
        return taxed.tax - tax_within(
            part=self.credited, tax=taxed.tax, total=taxed.total, before=0
        )

    def row(self) -> tuple[Any, ...]:
        """Return its columns in the table's order."""
        taxed = self.taxed
        return (
            self.workspace_id, self.request_id, self.request_key, self.purpose, self.subject_id,
            self.gateway, self.title, json.dumps(dict(self.wish)), lines_text(self.lines),
            taxed.net, taxed.tax, taxed.total, taxed.currency, self.state, self.invoice_id,
            self.created_at, self.due_at, self.paid_at, self.cancelled_at, self.reminders,
            self.remind_at, taxed_text(taxed), self.credited,
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """Money that came; `reason` says why it waits for staff, or went back."""

    workspace_id: UUID
    payment_id: UUID
    gateway: str
    reference: str
    request_id: UUID | None
    amount: int
    currency: str
    state: str
    reason: str | None
    refunded: int
    received_at: datetime
    settled_at: datetime | None

    def row(self) -> tuple[Any, ...]:
        """Return its columns in the table's order."""
        return tuple(getattr(self, name) for name in self.__dataclass_fields__)


async def add_requests(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
    """Write new requests; one of a key that is there is not written again."""
    written: int = await _SQL.add_requests(connection, requests=rows)
    return written


async def pay_requests(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
    """Note (workspace id, request id, invoice id, instant, credited, lines): what is open is paid.

    An order's lines tell the term that begins with its payment, which nobody knew when it was made.
    """
    workspaces, requests, invoices, instants, credited, lines = zip(*rows, strict=True)
    written: int = await _SQL.pay_requests(
        connection, workspaces=workspaces, requests=requests, invoices=invoices,
        instants=instants, credited=credited, lines=[lines_text(each) for each in lines],
    )  # fmt: skip
    return written


async def credit_requests(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
    """Note (workspace id, request id, credited before, amount): so much less is to be paid."""
    workspaces, requests, credited, amounts = zip(*rows, strict=True)
    written: int = await _SQL.credit_requests(
        connection, workspaces=workspaces, requests=requests, credited=credited, amounts=amounts
    )
    return written


async def cancel_requests(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
    """Note (workspace id, request id, instant): what is open need not be paid any more."""
    workspaces, requests, instants = zip(*rows, strict=True)
    written: int = await _SQL.cancel_requests(
        connection, workspaces=workspaces, requests=requests, instants=instants
    )
    return written


async def remind_requests(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
    """Note (workspace id, request id, how many reminders, when the next is due)."""
    workspaces, requests, counts, instants = zip(*rows, strict=True)
    written: int = await _SQL.remind_requests(
        connection, workspaces=workspaces, requests=requests, counts=counts, instants=instants
    )
    return written


async def request(
    connection: Connection, *, workspace_id: UUID, request_id: UUID
) -> PaymentRequest:
    """Return a payment request.

    :raises UnknownRequest: when the workspace has none of that id.
    """
    row = await _SQL.request(connection, workspace_id=workspace_id, request_id=request_id)
    if row is None:
        raise UnknownRequest(request_id=request_id)
    return request_from(row["found"])


async def request_of_anybody(connection: Connection, *, request_id: UUID) -> PaymentRequest | None:
    """Return a payment request by its id alone, as a gateway names it."""
    row = await _SQL.request_of_anybody(connection, request_id=request_id)
    return None if row is None else request_from(row["found"])


async def requests_ending(connection: Connection, *, ending: str) -> tuple[PaymentRequest, ...]:
    """Return the payment requests whose ids end so, whosever they are, the newest first."""
    rows = _SQL.requests_ending(connection, ending=ending)
    return tuple([request_from(row["found"]) async for row in rows])


async def open_requests_of_all(
    connection: Connection, *, limit: int, before: Place = NEWEST
) -> tuple[PaymentRequest, ...]:
    """Return what all workspaces have to pay, the newest first, before what was reached."""
    rows = _SQL.open_requests_of_all(
        connection, limit=limit, before_at=before[0], before_id=before[1]
    )
    return tuple([request_from(row["found"]) async for row in rows])


async def request_by_key(
    connection: Connection, *, workspace_id: UUID, request_key: str
) -> PaymentRequest | None:
    """Return the payment request that was made for something, if one was."""
    row = await _SQL.request_by_key(connection, workspace_id=workspace_id, request_key=request_key)
    return None if row is None else request_from(row["found"])


async def open_requests(
    connection: Connection, *, workspace_id: UUID
) -> tuple[PaymentRequest, ...]:
    """Return what a workspace has to pay, the eldest first."""
    rows = _SQL.open_requests(connection, workspace_id=workspace_id)
    return tuple([request_from(row["found"]) async for row in rows])


async def requests(
    connection: Connection, *, workspace_id: UUID, limit: int, before: Place = NEWEST
) -> tuple[PaymentRequest, ...]:
    """Return what a workspace was asked to pay, the newest first, before what was reached."""
    rows = _SQL.list_requests(
        connection, workspace_id=workspace_id, limit=limit, before_at=before[0],
        before_id=before[1],
    )  # fmt: skip
    return tuple([request_from(row["found"]) async for row in rows])


async def to_remind(
    connection: Connection, *, at: datetime, reached: PaymentRequest | None, size: int
) -> tuple[PaymentRequest, ...]:
    """Return requests whose reminder has come due, after the one that was reached."""
    reached_at = BEGINNING if reached is None or reached.remind_at is None else reached.remind_at
    rows = _SQL.to_remind(
        connection, at=at, reached_at=reached_at, size=size,
        reached_id=NOBODY if reached is None else reached.request_id,
    )  # fmt: skip
    return tuple([request_from(row["found"]) async for row in rows])


async def orders_to_lapse(
    connection: Connection, *, at: datetime, before: datetime, size: int
) -> tuple[PaymentRequest, ...]:
    """Return orders that nobody has paid since before an instant, or until their billing date."""
    rows = _SQL.orders_to_lapse(connection, at=at, before=before, size=size)
    return tuple([request_from(row["found"]) async for row in rows])


async def claim(connection: Connection, payment: Payment) -> tuple[UUID, UUID]:
    """Claim a payment for ever; return the workspace and the payment that hold the claim."""
    row = await _SQL.claim_payment(
        connection, gateway=payment.gateway, reference=payment.reference,
        workspace_id=payment.workspace_id, payment_id=payment.payment_id,
        claimed_at=payment.received_at,
    )  # fmt: skip
    return row["workspace_id"], row["payment_id"]


async def claimed(
    connection: Connection, *, gateway: str, reference: str
) -> tuple[UUID, UUID] | None:
    """Return the workspace and the payment of a gateway's reference, if anybody claimed it."""
    row = await _SQL.payment_of_claim(connection, gateway=gateway, reference=reference)
    return None if row is None else (row["workspace_id"], row["payment_id"])


async def add_payments(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
    """Write money that came; a payment that is there is not written again."""
    written: int = await _SQL.add_payments(connection, payments=rows)
    return written


async def settle_payments(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
    """Note (workspace id, payment id, state, request id, instant, its owner) of parked payments.

    The owner is another workspace where a payment of nobody is given to it.
    """
    workspaces, payments, states, requests, instants, owners = zip(*rows, strict=True)
    written: int = await _SQL.settle_payments(
        connection, workspaces=workspaces, payments=payments, states=states, requests=requests,
        instants=instants, owners=owners,
    )  # fmt: skip
    return written


async def payment(connection: Connection, *, workspace_id: UUID, payment_id: UUID) -> Payment:
    """Return a payment.

    :raises UnknownPayment: when the workspace has none of that id.
    """
    row = await _SQL.payment(connection, workspace_id=workspace_id, payment_id=payment_id)
    if row is None:
        raise UnknownPayment(payment=str(payment_id))
    return Payment(**row["found"])


async def payment_of_anybody(connection: Connection, *, payment_id: UUID) -> Payment:
    """Return a payment by its id alone, whosever it is by now.

    :raises UnknownPayment: when there is none of that id.
    """
    row = await _SQL.payment_of_anybody(connection, payment_id=payment_id)
    if row is None:
        raise UnknownPayment(payment=str(payment_id))
    return Payment(**row["found"])


async def payment_of_request(
    connection: Connection, *, workspace_id: UUID, request_id: UUID
) -> Payment | None:
    """Return the payment that was used for a request, if it is paid."""
    row = await _SQL.payment_of_request(
        connection, workspace_id=workspace_id, request_id=request_id
    )
    return None if row is None else Payment(**row["found"])


async def page(
    connection: Connection, *, workspace_id: UUID, limit: int, before: Place = NEWEST
) -> tuple[Payment, ...]:
    """Return payments of a workspace, the newest first, before the one that was reached."""
    rows = _SQL.list_payments(
        connection, workspace_id=workspace_id, limit=limit, before_at=before[0],
        before_id=before[1],
    )  # fmt: skip
    return tuple([Payment(**row["found"]) async for row in rows])


async def keep_method(
    connection: Connection, *, workspace_id: UUID, gateway: str, customer: str,
    method: str | None, at: datetime,
) -> None:  # fmt: skip
    """Keep the means of payment that a workspace left with a gateway."""
    await _SQL.keep_method(
        connection, workspace_id=workspace_id, gateway=gateway, customer=customer, method=method,
        kept_at=at,
    )  # fmt: skip


async def method(
    connection: Connection, *, workspace_id: UUID, gateway: str
) -> tuple[str, str | None] | None:
    """Return the customer and the means of payment that a workspace has at a gateway."""
    row = await _SQL.method(connection, workspace_id=workspace_id, gateway=gateway)
    return None if row is None else (row["customer"], row["method"])


def request_from(row: Mapping[str, Any]) -> PaymentRequest:
    """Return the payment request of a row."""
    told = dict(row)
    for name in ("net", "tax", "total", "currency"):
        del told[name]
    return PaymentRequest(
        **told
        | {
            "purpose": Purpose(told["purpose"]), "wish": json.loads(told["wish"]),
            "lines": lines_from(told["lines"]), "taxed": taxed_from(told["taxed"]),
        }
    )  # fmt: skip
