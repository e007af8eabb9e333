"""Bills: what a workspace is asked to pay, and the rows that ask for it or tell that it is paid.

Invariant: what is asked for has one key for ever, so that a renewal, an upgrade or an order is
billed once however often it is tried. What is due on account is invoiced at once; what has to be
paid first gets a payment request, and its invoice when the money is here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from mutoscope.app import invoicing
from mutoscope.app.invoicing import Draft
from mutoscope.storage import payments
from mutoscope.storage.payments import PaymentRequest, Purpose
from mutoscope.storage.session import SideRow

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from mutoscope.app.studio import Studio
    from mutoscope.domain.invoices import InvoiceLine, Taxed
    from mutoscope.domain.subscriptions import Subscription

OPEN: Final = "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """What is to be paid, and for what: `key` names it once for ever in its workspace.

    `wish` is what is carried out when it is paid, as plain data.
    """

    workspace_id: UUID
    key: str
    purpose: Purpose
    subject_id: UUID
    gateway: str
    title: str
    lines: tuple[InvoiceLine, ...]
    currency: str
    wish: Mapping[str, Any] = field(default_factory=dict)


async def asked(studio: Studio, bill: Bill, *, at: datetime) -> PaymentRequest:
    """Return what a bill comes to for its workspace, to be paid within the seller's days.

    :raises NothingToInvoice: when its lines add up to less than nothing.
    """
    taxed = await invoicing.taxed(
        studio, workspace_id=bill.workspace_id, lines=bill.lines, currency=bill.currency
    )
    return request_of(studio, bill, taxed=taxed, at=at)


def request_of(studio: Studio, bill: Bill, *, taxed: Taxed, at: datetime) -> PaymentRequest:
    """Return a bill whose tax is known as a payment request."""
    return PaymentRequest(
        workspace_id=bill.workspace_id, request_id=studio.ids.new(), request_key=bill.key,
        purpose=bill.purpose, subject_id=bill.subject_id, gateway=bill.gateway, title=bill.title,
        wish=bill.wish, lines=bill.lines, taxed=taxed, state=OPEN, invoice_id=None,
        created_at=at, due_at=at + timedelta(days=studio.seller.payment_days),
    )  # fmt: skip


def rows_on_account(
    studio: Studio, request: PaymentRequest, *, subscription: Subscription, is_due_now: bool = False
) -> tuple[SideRow, ...]:
    """Return the rows that invoice a request at once and let the clock wait for its payment."""
    due_at = request.created_at if is_due_now else request.due_at
    billed = replace(
        request, invoice_id=studio.ids.new(), due_at=due_at,
        remind_at=due_at if request.taxed.total else None,
    )  # fmt: skip
    draft = replace(
        _draft(billed), due_at=due_at, is_by_card=studio.can_charge(request.gateway),
        billing_at=_billing_at(subscription), zone=subscription.zone,
    )  # fmt: skip
    return (SideRow(payments.add_requests, billed.row()), *invoicing.issued(studio, draft=draft))


def rows_to_pay_first(studio: Studio, request: PaymentRequest) -> tuple[SideRow, ...]:
    """Return the rows that ask for a payment, by a printed request where it is a transfer."""
    row = SideRow(payments.add_requests, request.row())
    if studio.can_charge(request.gateway):
        return (row,)
    return (
        row,
        *invoicing.requested(
            studio, workspace_id=request.workspace_id, request_id=request.request_id,
            taxed=request.taxed, due_at=request.due_at,
        ),
    )  # fmt: skip


def rows_paid(
    studio: Studio, request: PaymentRequest, *, at: datetime, subscription: Subscription | None,
    gateway: str,
) -> tuple[SideRow, ...]:  # fmt: skip
    """Return the rows that tell that a request is paid, with its invoice when it had none.

    `gateway` is that of the payment: staff may enter a transfer for what was to be paid by card.
    """
    invoice_id = request.invoice_id or studio.ids.new()
    row = SideRow(
        payments.pay_requests,
        (request.workspace_id, request.request_id, invoice_id, at, request.credited, request.lines),
    )
    if request.invoice_id is not None:
        return (row,)
    draft = replace(
        _draft(replace(request, invoice_id=invoice_id)), issued_at=at, paid_at=at,
        is_by_card=studio.can_charge(gateway),
        billing_at=None if subscription is None else _billing_at(subscription),
        zone="" if subscription is None else subscription.zone,
    )  # fmt: skip
    return (row, *invoicing.issued(studio, draft=draft))


async def billed(
    studio: Studio, *, workspace_id: UUID, request_key: str
) -> PaymentRequest | None:  # fmt: skip
    """Return what was billed under a key, if anything was."""
    async with studio.reading() as connection:
        return await payments.request_by_key(
            connection, workspace_id=workspace_id, request_key=request_key
        )


def _draft(request: PaymentRequest) -> Draft:
    assert request.invoice_id is not None
    return Draft(
        workspace_id=request.workspace_id, invoice_id=request.invoice_id, taxed=request.taxed,
        lines=request.lines, issued_at=request.created_at, request_id=request.request_id,
    )  # fmt: skip


def _billing_at(subscription: Subscription) -> datetime:
    """Return the billing date that stands on an invoice: the next one."""
    return subscription.start(index=subscription.charge_index)
