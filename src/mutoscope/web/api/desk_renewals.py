"""Renewals for staff: what is due, and a run at once."""

import asyncio
from typing import Any
from uuid import UUID

import msgspec
from litestar import Request, get, post
from litestar.params import JSONBody

from mutoscope.app.acts import act_of
from mutoscope.app.renew_now import Due, Ran, due, renew_now
from mutoscope.domain.audit import BadReason
from mutoscope.domain.credits import Refusal
from mutoscope.domain.staff import NotAllowed, StaffAction, require
from mutoscope.web.api.callers import ActorHere
from mutoscope.web.api.shape import HouseHere, Why
from mutoscope.web.errors import StaffNeeded, documented


class RenewalUnderWay(Refusal):
    """One more run of renewals than this process does at a time."""

    code = "renewal_under_way"

    def __init__(self) -> None:
        super().__init__("renewals run just now: ask what is still due in a moment")


class DueShape(msgspec.Struct, frozen=True, kw_only=True):
    """What waits for the clock, and whether a run that staff asked for goes on in this process."""

    due: Due
    is_running: bool


class RunFailure(msgspec.Struct, frozen=True, kw_only=True):
    """Something that could not be renewed or charged; it stays due, and a worker tries it again."""

    workspace_id: UUID
    subscription_id: UUID | None
    kind: str | None
    reason: str


class RunShape(msgspec.Struct, frozen=True, kw_only=True):
    """What a run did; where it is not complete its time was over, and another goes on."""

    is_complete: bool
    wallets: int
    entries: int
    charges: int
    ends: int
    failures: tuple[RunFailure, ...]


@get(
    "/desk/renewals", operation_id="showRenewals", tags=["desk"],
    summary="What is due by the clock: wallets to renew, plans to charge and to end",
    responses=documented(StaffNeeded, NotAllowed),
)  # fmt: skip
async def show_renewals(
    *, house: HouseHere, actor: ActorHere, request: Request[Any, Any, Any]
) -> DueShape:
    """Return what is due."""
    require(actor, StaffAction.VIEW)
    running: asyncio.Lock = request.state.renewing
    return DueShape(due=await due(house.studio), is_running=running.locked())


@post(
    "/desk/renewals", operation_id="renewNow", tags=["desk"], status_code=200,
    summary="Post every grant and lapse and charge every plan that is due, for half a minute",
    responses=documented(
        StaffNeeded, NotAllowed, RenewalUnderWay, BadReason, "not_json", "body_too_large"
    ),
)  # fmt: skip
async def run_renewals(
    *, house: HouseHere, actor: ActorHere, request: Request[Any, Any, Any], data: JSONBody[Why]
) -> RunShape:
    """Run; whatever was done before stays as it is.

    :raises RenewalUnderWay: when somebody's run is not over.
    """
    act = act_of(
        house.studio, actor, action=StaffAction.RENEW, workspace_id=None, reason=data.reason
    )
    running: asyncio.Lock = request.state.renewing
    if running.locked():
        raise RenewalUnderWay
    async with running:
        return _shape(await renew_now(house.studio, url=house.database_url, act=act))


def _shape(ran: Ran) -> RunShape:
    wallets = (
        RunFailure(
            workspace_id=each.workspace_id, subscription_id=None, kind=each.kind,
            reason=each.reason,
        )
        for each in ran.renewal.failures
    )  # fmt: skip
    plans = (
        RunFailure(
            workspace_id=each.workspace_id, subscription_id=each.subscription_id, kind=None,
            reason=each.reason,
        )
        for each in ran.charged.failures
    )  # fmt: skip
    return RunShape(
        is_complete=ran.is_complete, wallets=ran.renewal.wallets, entries=ran.renewal.entries,
        charges=ran.charged.charges, ends=ran.charged.ends, failures=(*wallets, *plans),
    )  # fmt: skip
