"""What waits for staff, as one list of each sort, the eldest first."""

from collections.abc import Iterator
from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec
from litestar import get

from mutoscope.app.desk_waiting import Waiting, WaitingPayment
from mutoscope.app.desk_waiting import waiting as waits
from mutoscope.app.refund_end import OWED
from mutoscope.domain.staff import NotAllowed, StaffAction, require
from mutoscope.storage.payments import NOBODY
from mutoscope.web.api.callers import ActorHere
from mutoscope.web.api.proposals import ProposalShape, proposal_shape
from mutoscope.web.api.shape import HouseHere
from mutoscope.web.errors import StaffNeeded, documented


class WaitingPurchase(msgspec.Struct, frozen=True, kw_only=True):
    """A purchase that is paid, whose credits are to be added; the price is net.

    Where the workspace `is_closed`, its money is to be sent back instead.
    """

    workspace_id: UUID
    purchase_id: UUID
    kind: str
    credits: int
    price: int
    currency: str
    paid_at: datetime | None
    is_closed: bool


class ParkedNote(msgspec.Struct, frozen=True, kw_only=True):
    """Why a payment is kept open, by whom of staff; the text may be erased."""

    by: str
    at: datetime
    text: str | None


class ParkedPayment(msgspec.Struct, frozen=True, kw_only=True):
    """Money that came and fits nothing; without a workspace nobody knows whose it is.

    While its payer's dispute is open, it pays nothing and does not go back. Of what a lost one has
    `taken` back, the rest can go back alone.
    """

    workspace_id: UUID | None
    payment_id: UUID
    request_id: UUID | None
    gateway: str
    reference: str
    amount: int
    currency: str
    reason: str
    received_at: datetime
    note: ParkedNote | None
    is_disputed: bool
    taken: int


class OpenRefund(msgspec.Struct, frozen=True, kw_only=True):
    """Money that is to go back, or went and came back (`owed`); `is_by_hand` when staff send it."""

    workspace_id: UUID | None
    refund_id: UUID
    purchase_id: UUID | None
    gateway: str
    amount: int
    currency: str
    state: Literal["asked", "owed"]
    is_by_hand: bool
    asked_at: datetime


class OpenDispute(msgspec.Struct, frozen=True, kw_only=True):
    """A payment that its payer disputes; `is_by_hand` when staff tell how the bank decides it.

    Any other is answered at its gateway.
    """

    workspace_id: UUID | None
    payment_id: UUID
    purchase_id: UUID | None
    gateway: str
    reference: str
    amount: int
    currency: str
    is_by_hand: bool
    opened_at: datetime


class CreditRequestShape(msgspec.Struct, frozen=True, kw_only=True):
    """A workspace that asks to be let buy credits, and the message in which it does."""

    workspace_id: UUID
    workspace: str
    thread_id: UUID
    ordinal: int
    asked_at: datetime


class WaitingShape(msgspec.Struct, frozen=True, kw_only=True):
    """What waits for staff; at most 200 of each sort, the eldest first."""

    purchases: tuple[WaitingPurchase, ...]
    payments: tuple[ParkedPayment, ...]
    refunds: tuple[OpenRefund, ...]
    proposals: tuple[ProposalShape, ...]
    disputes: tuple[OpenDispute, ...]
    credit_requests: tuple[CreditRequestShape, ...]


@get(
    "/desk/waiting", operation_id="listWaiting", tags=["desk"],
    summary="What waits for staff: credits asked for or to add, money, proposals, disputes",
    responses=documented(StaffNeeded, NotAllowed),
)  # fmt: skip
async def list_waiting(*, house: HouseHere, actor: ActorHere) -> WaitingShape:
    """List it."""
    require(actor, StaffAction.VIEW)
    found = await waits(house.studio)
    return WaitingShape(
        purchases=tuple(_purchases(found)), payments=tuple(map(parked_shape, found.payments)),
        refunds=tuple(_refunds(found)), proposals=tuple(map(proposal_shape, found.proposals)),
        disputes=tuple(_disputes(found)), credit_requests=tuple(_credit_requests(found)),
    )  # fmt: skip


def parked_shape(found: WaitingPayment) -> ParkedPayment:
    """Return a parked payment as staff see it."""
    each, note = found.payment, found.note
    return ParkedPayment(
        workspace_id=_owner(each.workspace_id),
        note=None if note is None else ParkedNote(by=note.by, at=note.at, text=note.text),
        payment_id=each.payment_id, request_id=each.request_id, gateway=each.gateway,
        reference=each.reference, amount=each.amount, currency=each.currency,
        reason=each.reason or "", received_at=each.received_at, is_disputed=found.is_disputed,
        taken=found.taken,
    )  # fmt: skip


def _purchases(found: Waiting) -> Iterator[WaitingPurchase]:
    for each, is_closed in ((row.purchase, row.is_closed) for row in found.purchases):
        yield WaitingPurchase(
            workspace_id=each.workspace_id, purchase_id=each.purchase_id, kind=each.kind,
            credits=each.credits, price=each.price.amount, currency=each.price.currency,
            paid_at=each.paid_at, is_closed=is_closed,
        )  # fmt: skip


def _refunds(found: Waiting) -> Iterator[OpenRefund]:
    for each in found.refunds:
        asked = each.refund
        yield OpenRefund(
            workspace_id=_owner(asked.workspace_id), refund_id=asked.refund_id,
            purchase_id=asked.purchase_id, gateway=each.gateway, amount=asked.amount,
            currency=asked.currency, is_by_hand=each.is_by_hand, asked_at=asked.asked_at,
            state="owed" if asked.state == OWED else "asked",
        )  # fmt: skip


def _disputes(found: Waiting) -> Iterator[OpenDispute]:
    for each, is_by_hand in ((each.dispute, each.is_by_hand) for each in found.disputes):
        yield OpenDispute(
            workspace_id=_owner(each.workspace_id), payment_id=each.payment_id,
            purchase_id=each.purchase_id, gateway=each.gateway, reference=each.reference,
            amount=each.amount, currency=each.currency, is_by_hand=is_by_hand,
            opened_at=each.opened_at,
        )  # fmt: skip


def _credit_requests(found: Waiting) -> Iterator[CreditRequestShape]:
    for each in found.credit_requests:
        yield CreditRequestShape(
            workspace_id=each.workspace_id, workspace=each.workspace, thread_id=each.thread_id,
            ordinal=each.ordinal, asked_at=each.asked_at,
        )  # fmt: skip


def _owner(workspace_id: UUID) -> UUID | None:
    return None if workspace_id == NOBODY else workspace_id
