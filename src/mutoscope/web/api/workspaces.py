"""Workspaces: opening them, listing them, and starting their plans.

The surprising choice: the ids of what is made follow from the idempotency key, so that a repeat
finds what was made before, even when the first try was cut short.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Annotated, Final
from uuid import UUID, uuid5

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, JSONBody

from mutoscope.app import sign_up, subscribe
from mutoscope.app.agree import NotToBeAgreed
from mutoscope.app.studio import Studio
from mutoscope.app.subscribe import AlreadySubscribed, NotVerified
from mutoscope.app.terms import MONTHS, AllowanceNotAgreed, PriceNotAgreed
from mutoscope.app.terms import NAMESPACE as SUBSCRIPTION
from mutoscope.app.trial_end import TrialEnd, trial_ended
from mutoscope.domain.catalog import UnknownPlan
from mutoscope.domain.credits import AMOUNT_MAX, BadAmount, BadKey, checked_key
from mutoscope.domain.offers import Money
from mutoscope.domain.planner import KeyReused
from mutoscope.domain.team import BadName
from mutoscope.domain.wall_clock import UnknownZone
from mutoscope.storage import workspaces
from mutoscope.storage.cursor import BadCursor
from mutoscope.storage.place import FIRST, cursor_of, place_of
from mutoscope.storage.workspaces import UnknownWorkspace, Workspace
from mutoscope.web.api.cursors import After, Limit
from mutoscope.web.api.shape import REPLAYED, HouseHere, IdempotencyKey, Text
from mutoscope.web.errors import IdempotencyKeyMissing, documented

NAMESPACE: Final = "workspace"
IDS: Final = UUID("6f1d8f0c-51c5-4c53-9d34-1f3a0c3a6c2e")
"""The namespace in which keys become ids."""

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
Agreed = Annotated[int, msgspec.Meta(ge=1, le=AMOUNT_MAX)]


class NewWorkspace(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A workspace that the operator opens; in a demo the built-in engine serves each tool."""

    name: Name
    zone: Text = "UTC"
    email: Text | None = None
    is_demo: bool = False


class AgreedPrice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a charge costs, net, in minor units of a currency; a plan that is free says 0."""

    amount: Annotated[int, msgspec.Meta(ge=0, le=AMOUNT_MAX)]
    currency: Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$")]


class NewPlan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A plan to start.

    `agreed` has the monthly credits by kind, `price` that of a charge, where the plan leaves them
    open.
    """

    plan: Text
    is_annual: bool = False
    agreed: dict[str, Agreed] = {}
    price: AgreedPrice | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanStarted(Workspace):
    """A workspace whose plan was started, and what ended of its trial, with the ledger's lines."""

    trial_ended: tuple[TrialEnd, ...]


class WorkspaceItem(msgspec.Struct, frozen=True, kw_only=True):
    """A workspace in a list."""

    workspace_id: UUID
    name: str
    is_demo: bool
    created_at: datetime


class WorkspacePage(msgspec.Struct, frozen=True, kw_only=True):
    """Workspaces by age; `next` is the cursor of the page after, None on the last."""

    workspaces: tuple[WorkspaceItem, ...]
    next: str | None


class _KeyedIds:
    """Ids that follow from a key: the same key, the same ids."""

    def __init__(self, new_id: UUID) -> None:
        self._new_id = new_id

    def new(self) -> UUID:
        return self._new_id

    def code(self) -> str:
        return f"{self._new_id.int % 1_000_000:06}"


@post(
    "/workspaces", operation_id="openWorkspace", tags=["workspaces"],
    summary="Open a verified workspace, with its trial",
    responses=documented(
        sign_up.TrialTaken, sign_up.BadEmail, BadName, UnknownZone, BadKey, KeyReused,
        IdempotencyKeyMissing, "not_json", "body_too_large",
    ),
)  # fmt: skip
async def open_workspace(
    *, house: HouseHere, data: JSONBody[NewWorkspace], idempotency_key: IdempotencyKey
) -> Response[Workspace]:  # fmt: skip
    """Open a workspace; a repeat with the same key returns the same one."""
    workspace_id = uuid5(IDS, checked_key(idempotency_key))
    before = await sign_up.opened_before(house.studio, workspace_id)
    if before is not None:
        _check_same(before, data, idempotency_key)
        if before.trial_ends_at is not None:
            return _answer(before, is_replay=True)
    workspace = await sign_up.create(
        replace(house.studio, ids=_KeyedIds(workspace_id)),
        name=data.name, zone=data.zone, email=data.email, is_demo=data.is_demo,
    )  # fmt: skip
    _check_same(workspace, data, idempotency_key)  # another may have been opened meanwhile
    return _answer(workspace, is_replay=False)


@get(
    "/workspaces", operation_id="listWorkspaces", tags=["workspaces"],
    summary="All workspaces, the eldest first", responses=documented(BadCursor),
)  # fmt: skip
async def list_workspaces(
    *, house: HouseHere, limit: Limit = 50, after: After = None
) -> WorkspacePage:
    """Return a page of workspaces."""
    begin = place_of(after, begin=FIRST)
    async with house.studio.reading() as connection:
        rows = await workspaces.page(
            connection, after_at=begin.at, after_id=begin.item_id, limit=limit + 1
        )
    items = tuple(WorkspaceItem(**row) for row in rows[:limit])
    last = items[-1] if len(rows) > limit else None
    following = cursor_of(at=last.created_at, item_id=last.workspace_id) if last else None
    return WorkspacePage(workspaces=items, next=following)


@get(
    "/workspaces/{workspace_id:uuid}", operation_id="showWorkspace", tags=["workspaces"],
    summary="A workspace and its plan", responses=documented(UnknownWorkspace),
)  # fmt: skip
async def show_workspace(*, house: HouseHere, workspace_id: FromPath[UUID]) -> Workspace:
    """Return a workspace."""
    async with house.studio.reading() as connection:
        return await workspaces.get(connection, workspace_id=workspace_id)


@post(
    "/workspaces/{workspace_id:uuid}/plan", operation_id="startPlan", tags=["workspaces"],
    summary="Start a plan on account: the billing date is fixed, the first credits are granted",
    responses=documented(
        UnknownWorkspace, UnknownPlan, AlreadySubscribed, NotVerified, AllowanceNotAgreed,
        PriceNotAgreed, NotToBeAgreed, BadAmount, BadKey, KeyReused, IdempotencyKeyMissing,
        "not_json", "body_too_large",
    ),
)  # fmt: skip
async def start_plan(
    *, house: HouseHere, workspace_id: FromPath[UUID], data: JSONBody[NewPlan],
    idempotency_key: IdempotencyKey,
) -> Response[PlanStarted]:  # fmt: skip
    """Start a plan; a repeat with the same key returns the workspace as the first did."""
    subscription_id = uuid5(workspace_id, checked_key(idempotency_key))
    studio = replace(house.studio, ids=_KeyedIds(subscription_id))
    price = None
    if data.price is not None:
        price = Money(amount=data.price.amount, currency=data.price.currency)
    try:
        workspace = await subscribe.start_plan(
            studio, workspace_id=workspace_id, plan=data.plan, is_annual=data.is_annual,
            agreed=dict(data.agreed), price=price,
        )  # fmt: skip
    except AlreadySubscribed:
        before = await sign_up.opened_before(studio, workspace_id)
        if before is None or not _is_begun_by(before, subscription_id, data, idempotency_key):
            raise
        return Response(await _started(studio, before), headers=replay_headers(is_replay=True))
    return Response(await _started(studio, workspace))


def replay_headers(*, is_replay: bool) -> Mapping[str, str]:
    """Return the header that tells a replay."""
    return {REPLAYED: "true"} if is_replay else {}


def _answer(workspace: Workspace, *, is_replay: bool) -> Response[Workspace]:
    place = f"/v1/workspaces/{workspace.workspace_id}"
    headers = {**replay_headers(is_replay=is_replay), "Location": place}
    return Response(workspace, headers=headers)


async def _started(studio: Studio, workspace: Workspace) -> PlanStarted:
    assert workspace.subscription is not None, "its plan was started"
    ended = await trial_ended(studio, subscription=workspace.subscription)
    own = {each.name: getattr(workspace, each.name) for each in fields(workspace)}
    return PlanStarted(**own, trial_ended=ended)


def _check_same(before: Workspace, data: NewWorkspace, key: str) -> None:
    made = (before.name, before.zone, before.email, before.is_demo)
    email = None if data.email is None else data.email.strip()
    if made != (data.name.strip(), data.zone, email, data.is_demo):
        raise KeyReused(namespace=NAMESPACE, key=key)


def _is_begun_by(workspace: Workspace, subscription_id: UUID, data: NewPlan, key: str) -> bool:
    """Tell whether the plan was started by this key.

    :raises KeyReused: when it was, for another plan.
    """
    begun = workspace.subscription
    if begun is None or begun.subscription_id != subscription_id:
        return False
    if (begun.plan, begun.months_per_charge) != (data.plan, MONTHS[data.is_annual]):
        raise KeyReused(namespace=SUBSCRIPTION, key=key)
    return True
