"""The desk's actions: done at once, or proposed when it takes two people; and views.

One route does them all: what an action needs is data (`GET /v1/desk/actions` tells it), and each
has the same frame: a person, a reason, a key.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, JSONBody

from mutoscope.app import proposals, view_as
from mutoscope.app.desk import AlreadyDone, DeskOrder, Done, Proposed
from mutoscope.app.desk_registry import ACTIONS, UnknownDeskAction
from mutoscope.bootstrap import House
from mutoscope.domain.audit import BadReason
from mutoscope.domain.credits import BadKey
from mutoscope.domain.desk import FieldKind, SecondPersonNeeded, goodwill_offer
from mutoscope.domain.planner import KeyReused
from mutoscope.domain.staff import (
    MAY,
    Actor,
    NotAllowed,
    NotReauthenticated,
    Role,
    StaffAction,
    require,
)
from mutoscope.storage.chat import UnknownThread
from mutoscope.storage.payments import NOBODY
from mutoscope.storage.workspaces import UnknownWorkspace
from mutoscope.web.api.callers import ActorHere
from mutoscope.web.api.desk_refusals import ACTING, OF_NOBODY
from mutoscope.web.api.proposals import ProposalShape, proposal_shape
from mutoscope.web.api.shape import HouseHere, IdempotencyKey, Text, Why
from mutoscope.web.api.workspaces import replay_headers
from mutoscope.web.errors import IdempotencyKeyMissing, StaffNeeded, documented

BODY = ("not_json", "body_too_large")
Value = str | int | bool | None


class NewDecision(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an action is given: its fields, and why."""

    reason: Text
    data: Mapping[str, Value] = {}


class NewAction(NewDecision, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an action is given: its fields, why, and the thread that shows it."""

    thread_id: UUID | None = None


class OfferShape(msgspec.Struct, frozen=True, kw_only=True):
    """One more press that an action offers: send it with `key`, so that several give it once."""

    action: str
    data: dict[str, Any]
    key: str


class DoneShape(msgspec.Struct, frozen=True, kw_only=True):
    """What was done, as its line in the audit, or what was proposed.

    `offer` is the goodwill in the place of credits that lapsed as a job's were given back.
    """

    state: Literal["done", "proposed"]
    action: str
    sequence: int | None = None
    by: str | None = None
    at: datetime | None = None
    data: dict[str, Any] = {}
    offer: OfferShape | None = None
    proposal: ProposalShape | None = None


class FieldShape(msgspec.Struct, frozen=True, kw_only=True):
    """A field of an action."""

    name: str
    kind: FieldKind
    is_needed: bool
    choices: tuple[str, ...]


class ActionShape(msgspec.Struct, frozen=True, kw_only=True):
    """An action: what it is given, and the roles that may do it.

    `is_for_nobody` tells that it may be about no workspace, such as money of nobody.
    """

    action: str
    fields: tuple[FieldShape, ...]
    may: tuple[Role, ...]
    is_mine: bool
    is_for_nobody: bool


class ActionList(msgspec.Struct, frozen=True, kw_only=True):
    """The actions of the desk; more credits than `four_eyes_above` at once take two people."""

    actions: tuple[ActionShape, ...]
    four_eyes_above: int | None


class ViewShape(msgspec.Struct, frozen=True, kw_only=True):
    """A view: its token, shown this once, reads what is under the workspace until it expires."""

    view_id: UUID
    workspace_id: UUID
    token: str
    expires_at: datetime


@get(
    "/desk/actions", operation_id="listDeskActions", tags=["desk"],
    summary="What can be done at the desk, with which fields, and by whom",
    responses=documented(StaffNeeded, NotAllowed, "no_version_in_force"),
)  # fmt: skip
async def list_desk_actions(*, house: HouseHere, actor: ActorHere) -> ActionList:
    """List the actions."""
    require(actor, StaffAction.VIEW)
    rules = house.studio.catalog.version_at(at=house.studio.clock.now()).desk
    return ActionList(
        four_eyes_above=rules.four_eyes_above,
        actions=tuple(
            ActionShape(
                action=name,
                fields=tuple(
                    FieldShape(
                        name=field.name, kind=field.kind, is_needed=field.is_needed,
                        choices=field.choices,
                    )
                    for field in action.fields
                ),
                may=tuple(role for role in Role if action.code in MAY[role]),
                is_mine=any(action.code in MAY[role] for role in actor.roles),
                is_for_nobody=action.is_for_nobody,
            )
            for name, action in ACTIONS.items()
        ),
    )  # fmt: skip


@post(
    "/desk/workspaces/{workspace_id:uuid}/actions/{action:str}", operation_id="actAtDesk",
    tags=["desk"], summary="Do something at the desk, or propose it when it takes two people",
    responses=documented(
        StaffNeeded, NotAllowed, NotReauthenticated, SecondPersonNeeded, UnknownDeskAction,
        UnknownWorkspace, UnknownThread, AlreadyDone, BadReason, BadKey, KeyReused,
        IdempotencyKeyMissing, "no_version_in_force", *ACTING, *BODY,
    ),
)  # fmt: skip
async def act_at_desk(
    *, house: HouseHere, actor: ActorHere, workspace_id: FromPath[UUID], action: FromPath[str],
    data: JSONBody[NewAction], idempotency_key: IdempotencyKey,
) -> Response[DoneShape]:  # fmt: skip
    """Do it; a repeat with the same key answers what the first did."""
    order = DeskOrder(
        action=action, workspace_id=workspace_id, data=data.data, reason=data.reason,
        key=idempotency_key, thread_id=data.thread_id,
    )  # fmt: skip
    return await _acted(house, actor, order)


@post(
    "/desk/nobody/actions/{action:str}", operation_id="actForNobody", tags=["desk"],
    summary="Act for no workspace: money of nobody, promo codes",
    responses=documented(
        StaffNeeded, NotAllowed, NotReauthenticated, UnknownDeskAction, UnknownWorkspace,
        AlreadyDone, BadReason, BadKey, KeyReused, IdempotencyKeyMissing, "no_version_in_force",
        *OF_NOBODY, *BODY,
    ),
)  # fmt: skip
async def act_for_nobody(
    *, house: HouseHere, actor: ActorHere, action: FromPath[str], data: JSONBody[NewDecision],
    idempotency_key: IdempotencyKey,
) -> Response[DoneShape]:  # fmt: skip
    """Do it; `use_payment` of a workspace gives it to that workspace."""
    order = DeskOrder(
        action=action, workspace_id=NOBODY, data=data.data, reason=data.reason,
        key=idempotency_key,
    )  # fmt: skip
    return await _acted(house, actor, order)


@post(
    "/desk/workspaces/{workspace_id:uuid}/views", operation_id="openView", tags=["desk"],
    summary="Look at a workspace as its people see it, for half an hour",
    responses=documented(StaffNeeded, NotAllowed, UnknownWorkspace, BadReason, *BODY),
)  # fmt: skip
async def open_view(
    *, house: HouseHere, actor: ActorHere, workspace_id: FromPath[UUID], data: JSONBody[Why]
) -> ViewShape:
    """Open a view."""
    found = await view_as.open_view(
        house.studio, actor, workspace_id=workspace_id, reason=data.reason
    )
    return ViewShape(
        view_id=found.view_id, workspace_id=found.workspace_id, token=found.token,
        expires_at=found.expires_at,
    )  # fmt: skip


async def _acted(house: House, actor: Actor, order: DeskOrder) -> Response[DoneShape]:
    found = await proposals.act(house.studio, actor, order=order)
    headers = replay_headers(is_replay=found.is_replay)
    return Response(done_shape(found, action=order.action), headers=headers)


def done_shape(found: Done | Proposed, *, action: str) -> DoneShape:
    """Return what came of an order."""
    if isinstance(found, Proposed):
        shape = proposal_shape(found.proposal)
        return DoneShape(state="proposed", action=action, proposal=shape)
    line = found.line
    data = json.loads(line.data)
    offer = goodwill_offer(data)
    return DoneShape(
        state="done", action=action, sequence=line.sequence, by=found.by, at=line.at, data=data,
        offer=None if offer is None else OfferShape(
            action=offer.action, data=dict(offer.data), key=offer.key
        ),
    )  # fmt: skip
