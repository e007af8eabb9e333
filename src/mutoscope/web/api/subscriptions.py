"""Plans: how one stands, ordered, upgraded at once, changed on the billing date, ended.

The surprising choice: what is scheduled takes no key, since there is one thing scheduled at a time:
a repeat is refused, and says for when it stands.
"""

from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, JSONBody, QueryParameter

from mutoscope.app import change_plan, subscribe, suspend, trial_end, upgrade
from mutoscope.app.billing import billed
from mutoscope.app.change_plan import (
    AgreedWithSupport,
    AlreadyScheduled,
    NothingChanges,
    NothingScheduled,
)
from mutoscope.app.current_plan import PeriodBegan
from mutoscope.app.demo import DemoWorkspace
from mutoscope.app.gateway import Checkout, GatewayAway, GatewayFailed
from mutoscope.app.pay_links import GatewayMissing
from mutoscope.app.subscribe import AlreadySubscribed, NewPlan, NotVerified
from mutoscope.app.terms import AllowanceNotAgreed, PriceNotAgreed
from mutoscope.app.trial_end import StartPreview, trial_left
from mutoscope.app.upgrade import NotAnUpgrade
from mutoscope.domain.catalog import UnknownPlan
from mutoscope.domain.credits import BadKey, Refusal
from mutoscope.domain.offers import Money
from mutoscope.domain.planner import KeyReused
from mutoscope.domain.subscriptions import NotInThisState
from mutoscope.domain.wall_clock import UnknownZone
from mutoscope.storage import subscriptions, workspaces
from mutoscope.storage.session import SideRowRefused
from mutoscope.storage.subscriptions import Change
from mutoscope.storage.workspaces import UnknownWorkspace
from mutoscope.web.api.cursors import Limit
from mutoscope.web.api.payment_requests import RequestShape, checkout_of, request_shape
from mutoscope.web.api.shape import HouseHere, IdempotencyKey, Text
from mutoscope.web.api.subscription_shape import SubscriptionShape, subscription_shape
from mutoscope.web.api.workspaces import replay_headers
from mutoscope.web.errors import IdempotencyKeyMissing, Malformed, documented

PLAN: Final = "/workspaces/{workspace_id:uuid}/subscription"
BODY: Final = ("not_json", "body_too_large")
KEYED: Final = (BadKey, KeyReused, IdempotencyKeyMissing, *BODY)
CLOSING: Final = (BadKey, IdempotencyKeyMissing, *BODY)
CHECKOUT: Final = (GatewayMissing, GatewayFailed, GatewayAway)
UPGRADING: Final = (
    UnknownWorkspace, UnknownPlan, NotInThisState, NotAnUpgrade, PriceNotAgreed, AllowanceNotAgreed,
    SideRowRefused,
)  # fmt: skip
CHANGING: Final = (UnknownWorkspace, NotInThisState, PriceNotAgreed, PeriodBegan, SideRowRefused)

ByTheYear = Annotated[bool, QueryParameter(description="charged once a year")]
PlanKey = Annotated[str, QueryParameter(description="the plan's key", max_length=200)]


class NotConfirmed(Refusal):
    """A workspace that is to be closed, and was not named."""

    code = "not_confirmed"

    def __init__(self) -> None:
        super().__init__(
            "closing forfeits every credit for ever: repeat the workspace's name or id in "
            "`confirm` to close it"
        )


class PlanOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A plan that starts when its first payment is confirmed."""

    plan: Text
    is_annual: bool = False


class PlanOrdered(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be paid first, and how; `checkout` is None when it is paid, or need not be.

    `trial_ends` are the credits of the trial, by kind, that end when the plan starts.
    """

    request: RequestShape
    trial_ends: dict[str, int]
    checkout: Checkout | None


class LargerPlan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A larger plan, at once."""

    plan: Text


class UpgradePreview(msgspec.Struct, frozen=True, kw_only=True):
    """What an upgrade would cost and grant now; `price` is net, for the rest of the paid term.

    `share` is how much of the period is left; the credits lapse at `lapses_at`.
    """

    plan: str
    price: Money
    credits: dict[str, int]
    share: float
    lapses_at: datetime


class Upgraded(msgspec.Struct, frozen=True, kw_only=True):
    """A plan after an upgrade, or before it where it is paid first; and what is to be paid."""

    subscription: SubscriptionShape
    request: RequestShape | None


class ScheduledPlan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to begin on the billing date: at least one of a plan, its payment, and a zone."""

    plan: Text | None = None
    is_annual: bool | None = None
    zone: Text | None = None


class Closing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The name or the id of the workspace that is to be closed for ever."""

    confirm: Text


class ChangeList(msgspec.Struct, frozen=True, kw_only=True):
    """What happened to the plans of a workspace, newest first."""

    changes: tuple[Change, ...]


@get(
    PLAN, operation_id="showSubscription", tags=["plans"],
    summary="The plan as it stands: state, billing date and why, next charge, what is to be paid",
    responses=documented(UnknownWorkspace),
)  # fmt: skip
async def show_subscription(
    *, house: HouseHere, workspace_id: FromPath[UUID]
) -> SubscriptionShape:  # fmt: skip
    """Return the plan as it stands."""
    return await subscription_shape(house.studio, workspace_id=workspace_id)


@get(
    PLAN + "/changes", operation_id="listPlanChanges", tags=["plans"],
    summary="Every change of the plan, newest first", responses=documented(UnknownWorkspace),
)  # fmt: skip
async def list_changes(
    *, house: HouseHere, workspace_id: FromPath[UUID], limit: Limit = 50
) -> ChangeList:
    """Return the newest changes."""
    async with house.studio.reading() as connection:
        await workspaces.get(connection, workspace_id=workspace_id)
        found = await subscriptions.changes(connection, workspace_id=workspace_id, limit=limit)
    return ChangeList(changes=found)


@get(
    PLAN + "/start", operation_id="previewStart", tags=["plans"],
    summary="What a plan would cost and grant if it started now, and what would end of the trial",
    responses=documented(
        UnknownWorkspace, UnknownPlan, AlreadySubscribed, NotVerified, NotInThisState,
        AllowanceNotAgreed, PriceNotAgreed,
    ),
)  # fmt: skip
async def preview_start(
    *, house: HouseHere, workspace_id: FromPath[UUID], plan: PlanKey, is_annual: ByTheYear = False
) -> StartPreview:
    """Return what the start of a plan would cost, grant and end now."""
    new = NewPlan(plan=plan, is_annual=is_annual)
    return await trial_end.preview_start(house.studio, workspace_id=workspace_id, new=new)


@post(
    PLAN + "/order", operation_id="orderPlan", tags=["plans"],
    summary="Order a plan: it starts when its first payment is confirmed",
    responses=documented(
        UnknownWorkspace, DemoWorkspace, UnknownPlan, AlreadySubscribed, NotVerified,
        NotInThisState, AllowanceNotAgreed, PriceNotAgreed, *CHECKOUT, *KEYED,
    ),
)  # fmt: skip
async def order_plan(
    *, house: HouseHere, workspace_id: FromPath[UUID], data: JSONBody[PlanOrder],
    idempotency_key: IdempotencyKey,
) -> Response[PlanOrdered]:  # fmt: skip
    """Ask for a plan's first payment; a repeat returns the same request."""
    studio = house.studio
    request_key = subscribe.order_key(idempotency_key)
    before = await billed(studio, workspace_id=workspace_id, request_key=request_key)
    new = NewPlan(plan=data.plan, is_annual=data.is_annual, gateway=studio.gateway)
    made = await subscribe.order_plan(
        studio, workspace_id=workspace_id, new=new, key=idempotency_key
    )
    ordered = PlanOrdered(
        request=request_shape(studio, made), checkout=await checkout_of(studio, made),
        trial_ends=await trial_left(studio, workspace_id=workspace_id),
    )  # fmt: skip
    place = f"/v1/workspaces/{workspace_id}/payment-requests/{made.request_id}"
    headers = {**replay_headers(is_replay=before is not None), "Location": place}
    return Response(ordered, headers=headers)


@get(
    PLAN + "/upgrade", operation_id="previewUpgrade", tags=["plans"],
    summary="What an upgrade would cost and grant now", responses=documented(*UPGRADING),
)  # fmt: skip
async def preview_upgrade(
    *, house: HouseHere, workspace_id: FromPath[UUID], plan: PlanKey
) -> UpgradePreview:
    """Return what an upgrade would cost and grant now."""
    found = await upgrade.preview_upgrade(house.studio, workspace_id=workspace_id, plan=plan)
    return UpgradePreview(
        plan=found.plan, price=found.price, credits=dict(found.credits), share=float(found.share),
        lapses_at=found.lapses_at,
    )  # fmt: skip


@post(
    PLAN + "/upgrade", operation_id="upgradePlan", tags=["plans"],
    summary="Upgrade at once; where cards are charged, when it is paid",
    responses=documented(*UPGRADING, PeriodBegan, *KEYED),
)  # fmt: skip
async def upgrade_plan(
    *, house: HouseHere, workspace_id: FromPath[UUID], data: JSONBody[LargerPlan],
    idempotency_key: IdempotencyKey,
) -> Response[Upgraded]:  # fmt: skip
    """Change to a larger plan; a repeat returns the same answer."""
    studio = house.studio
    request_key = upgrade.upgrade_key(idempotency_key)
    before = await upgrade.made_before(studio, workspace_id=workspace_id, request_key=request_key)
    made = await upgrade.upgrade(
        studio, workspace_id=workspace_id, plan=data.plan, key=idempotency_key
    )
    upgraded = Upgraded(
        subscription=await subscription_shape(studio, workspace_id=workspace_id),
        request=None if made is None else request_shape(studio, made),
    )
    return Response(upgraded, headers=replay_headers(is_replay=before is not None))


@post(
    PLAN + "/schedule", operation_id="schedulePlan", tags=["plans"], status_code=200,
    summary="Let another plan, payment by the year, or a zone begin on the billing date",
    responses=documented(
        *CHANGING, AlreadyScheduled, NothingChanges, UnknownPlan, UnknownZone, AllowanceNotAgreed,
        *BODY
    ),
)  # fmt: skip
async def schedule_plan(
    *, house: HouseHere, workspace_id: FromPath[UUID], data: JSONBody[ScheduledPlan]
) -> SubscriptionShape:
    """Schedule a change.

    :raises Malformed: when nothing is named that is to begin.
    """
    if data.plan is None and data.is_annual is None and data.zone is None:
        remedy = "name what begins: `plan`, `is_annual` or `zone`"
        raise Malformed(errors=({"at": "/", "message": remedy},))
    await change_plan.schedule(
        house.studio, workspace_id=workspace_id, plan=data.plan, is_annual=data.is_annual,
        zone=data.zone,
    )  # fmt: skip
    return await subscription_shape(house.studio, workspace_id=workspace_id)


@post(
    PLAN + "/cancel", operation_id="cancelPlan", tags=["plans"], status_code=200,
    summary="Let the plan end when what is charged has run out; until then everything stays",
    responses=documented(*CHANGING, AlreadyScheduled),
)  # fmt: skip
async def cancel_plan(*, house: HouseHere, workspace_id: FromPath[UUID]) -> SubscriptionShape:
    """Schedule the plan's end."""
    await change_plan.cancel(house.studio, workspace_id=workspace_id)
    return await subscription_shape(house.studio, workspace_id=workspace_id)


@post(
    PLAN + "/undo", operation_id="undoPlanChange", tags=["plans"], status_code=200,
    summary="Take back what is scheduled; a cancelled plan goes on",
    responses=documented(*CHANGING, NothingScheduled, AgreedWithSupport),
)  # fmt: skip
async def undo_change(*, house: HouseHere, workspace_id: FromPath[UUID]) -> SubscriptionShape:
    """Take back what is scheduled."""
    await change_plan.undo(house.studio, workspace_id=workspace_id)
    return await subscription_shape(house.studio, workspace_id=workspace_id)


@post(
    "/workspaces/{workspace_id:uuid}/close", operation_id="closeWorkspace", tags=["workspaces"],
    summary="Close a workspace for ever: open jobs settle, every credit is forfeited",
    status_code=200,
    responses=documented(UnknownWorkspace, NotConfirmed, NotInThisState, SideRowRefused, *CLOSING),
)  # fmt: skip
async def close_workspace(
    *, house: HouseHere, workspace_id: FromPath[UUID], data: JSONBody[Closing],
    idempotency_key: IdempotencyKey,
) -> Response[SubscriptionShape]:  # fmt: skip
    """Close a workspace that the body names; a repeat with the same key answers as the first did.

    :raises NotConfirmed: when it names another.
    """
    studio = house.studio
    async with studio.reading() as connection:
        workspace = await workspaces.get(connection, workspace_id=workspace_id)
    if data.confirm.strip() not in {workspace.name.strip(), str(workspace_id)}:
        raise NotConfirmed
    is_replay = await suspend.close_once(studio, workspace_id=workspace_id, key=idempotency_key)
    shape = await subscription_shape(studio, workspace_id=workspace_id)
    return Response(shape, headers=replay_headers(is_replay=is_replay))
