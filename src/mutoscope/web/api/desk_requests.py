"""What workspaces have to pay, for staff with a bank statement before them."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import get
from litestar.params import QueryParameter

from mutoscope.app.billing import OPEN
from mutoscope.app.named_request import UnknownWords, named_request
from mutoscope.domain.staff import NotAllowed, StaffAction, require
from mutoscope.domain.transfer_words import transfer_words
from mutoscope.storage import payments
from mutoscope.storage.cursor import BadCursor
from mutoscope.storage.payments import PaymentRequest, Purpose
from mutoscope.storage.place import LAST, cursor_of, place_of
from mutoscope.web.api.callers import ActorHere
from mutoscope.web.api.cursors import After, Limit
from mutoscope.web.api.shape import HouseHere
from mutoscope.web.errors import StaffNeeded, documented

Words = Annotated[
    str | None,
    QueryParameter(
        description="what stands on the statement: the request that it names, open or not",
        max_length=200,
    ),
]  # fmt: skip


class AskedShape(msgspec.Struct, frozen=True, kw_only=True):
    """A payment request as staff see it; `words` are those of the transfer, `due` is still to pay.

    Amounts are minor units.
    """

    workspace_id: UUID
    request_id: UUID
    words: str
    purpose: Purpose
    title: str
    gateway: str
    state: str
    due: int
    currency: str
    invoice_id: UUID | None
    created_at: datetime
    due_at: datetime


class AskedPage(msgspec.Struct, frozen=True, kw_only=True):
    """Open payment requests, newest first; `next` is the cursor of the page after."""

    requests: tuple[AskedShape, ...]
    next: str | None


@get(
    "/desk/payment-requests", operation_id="listOpenRequests", tags=["desk"],
    summary="What is open of all workspaces, newest first, or what the words of a statement name",
    responses=documented(StaffNeeded, NotAllowed, UnknownWords, BadCursor),
)  # fmt: skip
async def list_open_requests(
    *, house: HouseHere, actor: ActorHere, words: Words = None, limit: Limit = 50,
    after: After = None,
) -> AskedPage:  # fmt: skip
    """Return a page of open requests, or the one that is named."""
    require(actor, StaffAction.VIEW)
    if words is not None:
        named = await named_request(house.studio, words=words)
        return AskedPage(requests=(asked_shape(named),), next=None)
    begin = place_of(after, begin=LAST)
    async with house.studio.reading() as connection:
        found = await payments.open_requests_of_all(connection, limit=limit + 1, before=begin)
    items = found[:limit]
    last = items[-1] if len(found) > limit else None
    following = cursor_of(at=last.created_at, item_id=last.request_id) if last else None
    return AskedPage(requests=tuple(map(asked_shape, items)), next=following)


def asked_shape(request: PaymentRequest) -> AskedShape:
    """Return a payment request as staff see it."""
    own = ("workspace_id", "request_id", "purpose", "title", "gateway", "state", "invoice_id",
           "created_at", "due_at")  # fmt: skip
    asked = request.money()
    return AskedShape(
        **{name: getattr(request, name) for name in own},
        due=asked.amount if request.state == OPEN else 0, currency=asked.currency,
        words=transfer_words(request_id=request.request_id),
    )  # fmt: skip
