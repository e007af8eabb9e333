"""Routes and orders in doubt, for staff: what is parked goes again, what nobody knows is told."""

from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.params import FromPath, JSONBody

from mutoscope.app import routing
from mutoscope.app.acts import act_of
from mutoscope.app.resolve import Finding, NotAtProvider, NotInDoubt, resolve
from mutoscope.app.routing import RouteNotParked, UnknownRoute
from mutoscope.app.studio import Studio
from mutoscope.domain.audit import BadReason
from mutoscope.domain.credits import AMOUNT_MAX
from mutoscope.domain.staff import NotAllowed, StaffAction, require
from mutoscope.storage import attempts, routes
from mutoscope.storage.attempts import Attempt
from mutoscope.storage.jobs import UnknownJob
from mutoscope.storage.routes import Alert
from mutoscope.web.api.callers import ActorHere
from mutoscope.web.api.cursors import LIMIT_MAX
from mutoscope.web.api.shape import HouseHere, Text, Why
from mutoscope.web.errors import StaffNeeded, documented

BODY: Final = ("not_json", "body_too_large")
Micros = Annotated[int, msgspec.Meta(ge=0, le=AMOUNT_MAX)]


class NewFinding(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the provider's own pages tell of an order in doubt, and how it was looked up.

    With `provider_job_id` it is at work or done there and is followed; without, it is closed, with
    what it cost in millionths of a dollar: 0 when it was never taken.
    """

    reason: Text
    provider_job_id: Text | None = None
    cost_micros: Micros = 0


class RouteShape(msgspec.Struct, frozen=True, kw_only=True):
    """A route, and its state: `open`, `resting`, or what is held against it."""

    route: str
    tool: str
    provider: str
    model: str
    state: str


class RouteList(msgspec.Struct, frozen=True, kw_only=True):
    """The routes in their order, and what staff were told of them that is not over."""

    routes: tuple[RouteShape, ...]
    alerts: tuple[Alert, ...]


class DoubtList(msgspec.Struct, frozen=True, kw_only=True):
    """Orders in doubt, at most 200, the longest waiting first."""

    orders: tuple[Attempt, ...]


class FollowedShape(msgspec.Struct, frozen=True, kw_only=True):
    """An order that was in doubt; one that `is_followed` is looked at from now on."""

    workspace_id: UUID
    job_id: UUID
    is_followed: bool
    at: datetime


@get(
    "/desk/routes", operation_id="listRoutes", tags=["desk"],
    summary="The routes to providers in order, with the state of each, and open alerts",
    responses=documented(StaffNeeded, NotAllowed),
)  # fmt: skip
async def list_routes(*, house: HouseHere, actor: ActorHere) -> RouteList:
    """List the routes."""
    require(actor, StaffAction.VIEW)
    return await _listed(house.studio)


@post(
    "/desk/routes/{route:str}/unpark", operation_id="unparkRoute", tags=["desk"], status_code=200,
    summary="Let orders over a parked route again, once its key, money or model is put right",
    responses=documented(StaffNeeded, NotAllowed, UnknownRoute, RouteNotParked, BadReason, *BODY),
)  # fmt: skip
async def unpark_route(
    *, house: HouseHere, actor: ActorHere, route: FromPath[str], data: JSONBody[Why]
) -> RouteList:
    """Unpark it, and list how the routes are now."""
    act = act_of(
        house.studio, actor, action=StaffAction.UNPARK_ROUTE, workspace_id=None, reason=data.reason
    )
    await routing.unpark(house.studio, route=route, act=act)
    return await _listed(house.studio)


@get(
    "/desk/orders-in-doubt", operation_id="listOrdersInDoubt", tags=["desk"],
    summary="Orders of which nobody knows what became of them, the longest waiting first",
    responses=documented(StaffNeeded, NotAllowed),
)  # fmt: skip
async def list_doubts(*, house: HouseHere, actor: ActorHere) -> DoubtList:
    """List them."""
    require(actor, StaffAction.VIEW)
    async with house.studio.reading() as connection:
        return DoubtList(orders=await attempts.unknown_attempts(connection, limit=LIMIT_MAX))


@post(
    "/desk/workspaces/{workspace_id:uuid}/jobs/{job_id:uuid}/finding", operation_id="resolveOrder",
    tags=["desk"], status_code=200,
    summary="Tell what became of an order in doubt: it is followed, or closed with what it cost",
    responses=documented(
        StaffNeeded, NotAllowed, UnknownJob, NotInDoubt, NotAtProvider, BadReason, *BODY
    ),
)  # fmt: skip
async def resolve_order(
    *, house: HouseHere, actor: ActorHere, workspace_id: FromPath[UUID], job_id: FromPath[UUID],
    data: JSONBody[NewFinding],
) -> FollowedShape:  # fmt: skip
    """Resolve it."""
    studio = house.studio
    act = act_of(
        studio, actor, action=StaffAction.RESOLVE_ORDER, workspace_id=workspace_id,
        reason=data.reason,
    )  # fmt: skip
    finding = Finding(
        staff=actor.name, provider_job_id=data.provider_job_id, cost_micros=data.cost_micros
    )
    await resolve(studio, workspace_id=workspace_id, job_id=job_id, finding=finding, act=act)
    return FollowedShape(
        workspace_id=workspace_id, job_id=job_id, at=studio.clock.now(),
        is_followed=data.provider_job_id is not None,
    )  # fmt: skip


async def _listed(studio: Studio) -> RouteList:
    at = studio.clock.now()
    async with studio.reading() as connection:
        known = await routes.health(connection)
        alerts = await routes.open_alerts(connection, limit=LIMIT_MAX)
    found = tuple(
        RouteShape(
            route=each.key, tool=each.tool, provider=each.provider, model=each.model,
            state=routing.state_of(studio, each, known.get(each.key), at=at),
        )
        for each in studio.routes.routes
    )  # fmt: skip
    return RouteList(routes=found, alerts=tuple(alerts))
