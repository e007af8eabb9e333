"""What a workspace was asked to pay, how it is paid, and what came.

The surprising choice: a link to pay has the same words all day, so that a repeat of a request is
answered alike.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.params import FromPath

from mutoscope.app import pay_links
from mutoscope.app.billing import OPEN
from mutoscope.app.gateway import Checkout, GatewayAway, GatewayFailed
from mutoscope.app.pay_links import GatewayMissing, NothingToPay
from mutoscope.app.studio import Studio
from mutoscope.storage import parked, payments, workspaces
from mutoscope.storage.cursor import BadCursor
from mutoscope.storage.payments import Payment, PaymentRequest, Purpose, UnknownRequest
from mutoscope.storage.place import LAST, cursor_of, place_of
from mutoscope.storage.workspaces import UnknownWorkspace
from mutoscope.web.api.cursors import After, Limit
from mutoscope.web.api.shape import HouseHere
from mutoscope.web.errors import documented

REQUESTS: Final = "/workspaces/{workspace_id:uuid}/payment-requests"


class ParkedShape(msgspec.Struct, frozen=True, kw_only=True):
    """Money that came for a request and waits for staff."""

    payment_id: UUID
    amount: int
    currency: str
    reason: str
    received_at: datetime


class RequestShape(msgspec.Struct, frozen=True, kw_only=True):
    """Money that is asked for, in minor units; `pay_url` opens without a key while it is open.

    `due` is what is to be paid: the total less what was `credited` of its invoice, 0 once it is
    paid or cancelled. `parked` is money that came for it and waits for staff, as it does not fit.

    `subject_id` is the plan or the purchase that it pays for. `invoice_id` is its invoice's, once
    it has one.
    """

    workspace_id: UUID
    request_id: UUID
    purpose: Purpose
    subject_id: UUID
    gateway: str
    title: str
    net: int
    tax: int
    total: int
    credited: int
    due: int
    currency: str
    state: str
    invoice_id: UUID | None
    created_at: datetime
    due_at: datetime
    paid_at: datetime | None
    cancelled_at: datetime | None
    pay_url: str | None
    parked: tuple[ParkedShape, ...] = ()


class RequestPage(msgspec.Struct, frozen=True, kw_only=True):
    """Payment requests, newest first; `next` is the cursor of the page after, None on the last."""

    requests: tuple[RequestShape, ...]
    next: str | None


class PaymentPage(msgspec.Struct, frozen=True, kw_only=True):
    """Money that came, newest first; `next` is the cursor of the page after, None on the last."""

    payments: tuple[Payment, ...]
    next: str | None


@get(
    "/workspaces/{workspace_id:uuid}/payments", operation_id="listPayments", tags=["payments"],
    summary="What a workspace paid, newest first",
    responses=documented(UnknownWorkspace, BadCursor),
)  # fmt: skip
async def list_payments(
    *, house: HouseHere, workspace_id: FromPath[UUID], limit: Limit = 50, after: After = None
) -> PaymentPage:
    """Return a page of payments."""
    begin = place_of(after, begin=LAST)
    async with house.studio.reading() as connection:
        await workspaces.get(connection, workspace_id=workspace_id)
        found = await payments.page(
            connection, workspace_id=workspace_id, limit=limit + 1, before=begin
        )
    items = found[:limit]
    last = items[-1] if len(found) > limit else None
    following = cursor_of(at=last.received_at, item_id=last.payment_id) if last else None
    return PaymentPage(payments=items, next=following)


@get(
    REQUESTS, operation_id="listPaymentRequests", tags=["payments"],
    summary="What a workspace was asked to pay, newest first",
    responses=documented(UnknownWorkspace, BadCursor),
)  # fmt: skip
async def list_requests(
    *, house: HouseHere, workspace_id: FromPath[UUID], limit: Limit = 50, after: After = None
) -> RequestPage:
    """Return a page of payment requests, open or not."""
    studio, begin = house.studio, place_of(after, begin=LAST)
    async with studio.reading() as connection:
        await workspaces.get(connection, workspace_id=workspace_id)
        found = await payments.requests(
            connection, workspace_id=workspace_id, limit=limit + 1, before=begin
        )
        came = await parked.of_requests(
            connection, workspace_id=workspace_id, requests=[each.request_id for each in found]
        )
    items = found[:limit]
    last = items[-1] if len(found) > limit else None
    following = cursor_of(at=last.created_at, item_id=last.request_id) if last else None
    return RequestPage(
        requests=tuple(request_shape(studio, each, came) for each in items), next=following
    )


@get(
    REQUESTS + "/{request_id:uuid}", operation_id="showPaymentRequest", tags=["payments"],
    summary="A payment request, and whether it is paid", responses=documented(UnknownRequest),
)  # fmt: skip
async def show_request(
    *, house: HouseHere, workspace_id: FromPath[UUID], request_id: FromPath[UUID]
) -> RequestShape:
    """Return a payment request."""
    async with house.studio.reading() as connection:
        found = await payments.request(connection, workspace_id=workspace_id, request_id=request_id)
        came = await parked.of_requests(
            connection, workspace_id=workspace_id, requests=[request_id]
        )
    return request_shape(house.studio, found, came)


@post(
    REQUESTS + "/{request_id:uuid}/checkout", operation_id="checkOut", tags=["payments"],
    summary="Where and how a request is paid; a repeat of one day is the same", status_code=200,
    responses=documented(
        UnknownRequest, NothingToPay, GatewayMissing, GatewayFailed, GatewayAway
    ),
)  # fmt: skip
async def check_out(
    *, house: HouseHere, workspace_id: FromPath[UUID], request_id: FromPath[UUID]
) -> Checkout:
    """Prepare the payment at its gateway."""
    async with house.studio.reading() as connection:
        found = await payments.request(connection, workspace_id=workspace_id, request_id=request_id)
    return await pay_links.checkout(house.studio, found)


def request_shape(
    studio: Studio, request: PaymentRequest, came: Iterable[Payment] = ()
) -> RequestShape:
    """Return a payment request as it is told, with what came for it and is parked."""
    own = ("workspace_id", "request_id", "purpose", "subject_id", "gateway", "title", "state",
           "invoice_id", "created_at", "due_at", "paid_at", "cancelled_at")  # fmt: skip
    taxed = request.taxed
    today = studio.clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    is_open = request.state == OPEN
    return RequestShape(
        **{name: getattr(request, name) for name in own},
        net=taxed.net, tax=taxed.tax, total=taxed.total, currency=taxed.currency,
        credited=request.credited, due=request.money().amount if is_open else 0,
        parked=tuple(_parked(each) for each in came if each.request_id == request.request_id),
        pay_url=pay_links.pay_link(studio, request, at=today) if is_open else None,
    )  # fmt: skip


def _parked(payment: Payment) -> ParkedShape:
    return ParkedShape(
        payment_id=payment.payment_id, amount=payment.amount, currency=payment.currency,
        reason=payment.reason or "", received_at=payment.received_at,
    )  # fmt: skip


async def checkout_of(studio: Studio, request: PaymentRequest) -> Checkout | None:
    """Return how a request is paid; None when there is nothing to pay any more.

    :raises GatewayMissing: when its gateway is not set up.
    :raises GatewayAway: when the gateway does not answer just now.
    :raises GatewayFailed: when it refuses.
    """
    if request.state != OPEN:
        return None
    return await pay_links.checkout(studio, request)
