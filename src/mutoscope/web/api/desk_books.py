"""What payment gateways told, and both books beside each other, for staff.

The surprising choice: a comparison that mends nothing needs the same role as one that does, since
it asks the gateway for all that came over it.
"""

from datetime import datetime, timedelta
from typing import Annotated, Final

import msgspec
from litestar import get, post
from litestar.params import JSONBody, QueryParameter

from mutoscope.app.acts import act_of
from mutoscope.app.gateway import GatewayFailed, UnknownGateway
from mutoscope.app.payment_desk import handlers_of
from mutoscope.app.reconcile import Difference, reconcile
from mutoscope.domain.audit import BadReason
from mutoscope.domain.credits import checked_instant
from mutoscope.domain.staff import NotAllowed, StaffAction, require
from mutoscope.storage import payment_events
from mutoscope.storage.cursor import BadCursor
from mutoscope.storage.payment_events import StoredEvent
from mutoscope.storage.place import cursor_of, named_place_of
from mutoscope.web.api.callers import ActorHere
from mutoscope.web.api.cursors import After, Limit
from mutoscope.web.api.shape import HouseHere, Text
from mutoscope.web.errors import StaffNeeded, documented

COMPARED: Final = timedelta(days=35)
"""How far back books are compared unless an instant is given: a month and its renewals."""

IsWaiting = Annotated[bool, QueryParameter(description="those alone that wait")]


class EventPage(msgspec.Struct, frozen=True, kw_only=True):
    """Events, the newest first; `next` is the cursor of the page after, None on the last.

    One without an `outcome` waits until `retry_at`; `reason` is why.
    """

    events: tuple[StoredEvent, ...]
    next: str | None


class NewComparison(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose book is compared, from when on, and whether what was missed is counted.

    Without a gateway it is the one in use, without `since` 35 days back.
    """

    reason: Text
    gateway: Text | None = None
    since: datetime | None = None
    is_mending: bool = False


class ComparisonShape(msgspec.Struct, frozen=True, kw_only=True):
    """What a comparison found.

    `compared` payments are in both books, `handed_over` were missed here and are counted now,
    `refunds` were in doubt and were found, `foreign` are of nobody here.
    """

    gateway: str
    since: datetime
    is_equal: bool
    compared: int
    foreign: int
    handed_over: tuple[str, ...]
    refunds: tuple[str, ...]
    differences: tuple[Difference, ...]


@get(
    "/desk/payment-events", operation_id="listPaymentEvents", tags=["desk"],
    summary="What payment gateways told, the newest first, and what came of it",
    responses=documented(StaffNeeded, NotAllowed, BadCursor),
)  # fmt: skip
async def list_payment_events(
    *, house: HouseHere, actor: ActorHere, limit: Limit = 50, after: After = None,
    is_waiting: IsWaiting = False,
) -> EventPage:  # fmt: skip
    """Return a page of events."""
    require(actor, StaffAction.VIEW)
    async with house.studio.reading() as connection:
        found = await payment_events.latest(
            connection, limit=limit + 1, is_waiting=is_waiting, before=named_place_of(after)
        )
    last = found[limit - 1] if len(found) > limit else None
    following = cursor_of(at=last.received_at, item_id=last.event_id) if last else None
    return EventPage(events=found[:limit], next=following)


@post(
    "/desk/reconciliations", operation_id="reconcileBooks", tags=["desk"], status_code=200,
    summary="Compare a gateway's book with the studio's now, and count what was missed",
    responses=documented(
        StaffNeeded, NotAllowed, BadReason, UnknownGateway, GatewayFailed, "naive_instant",
        "instant_out_of_reach", "not_json", "body_too_large",
    ),
)  # fmt: skip
async def reconcile_books(
    *, house: HouseHere, actor: ActorHere, data: JSONBody[NewComparison]
) -> ComparisonShape:
    """Compare; whatever is counted has a line in the audit."""
    studio = house.studio
    act = act_of(studio, actor, action=StaffAction.RECONCILE, workspace_id=None, reason=data.reason)
    since = studio.clock.now() - COMPARED
    if data.since is not None:
        since = checked_instant(data.since, name="since")
    found = await reconcile(
        studio, gateway=data.gateway or studio.gateway, since=since,
        handlers=handlers_of(act) if data.is_mending else None,
    )  # fmt: skip
    own = ("gateway", "since", "is_equal", "compared", "foreign", "handed_over", "refunds",
           "differences")  # fmt: skip
    return ComparisonShape(**{name: getattr(found, name) for name in own})
