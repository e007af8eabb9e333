"""Balances: what each wallet of a workspace holds and why, at any instant."""

from hashlib import sha256
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from litestar import Response, get
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, HeaderParameter

from mutoscope.domain.balance import Balance, TooFarAhead
from mutoscope.domain.credits import InstantOutOfReach, NaiveInstant
from mutoscope.storage import balances, workspaces
from mutoscope.storage.workspaces import UnknownWorkspace
from mutoscope.web.api.shape import HouseHere, Instant, instant_of
from mutoscope.web.errors import documented

UNCHANGED: Final = 304

IfNoneMatch = Annotated[str | None, HeaderParameter(name="If-None-Match")]


class Balances(msgspec.Struct, frozen=True, kw_only=True):
    """The balances of a workspace, by kind; none before its first grant.

    Use of the kinds in `unlimited` is metered by the plan at no charge; of the past none is told.
    """

    workspace_id: UUID
    balances: tuple[Balance, ...]
    unlimited: tuple[str, ...]


@get(
    "/workspaces/{workspace_id:uuid}/balances", operation_id="showBalances", tags=["credits"],
    summary="What each wallet holds, lot by lot, at any instant",
    responses={
        **documented(UnknownWorkspace, TooFarAhead, NaiveInstant, InstantOutOfReach),
        UNCHANGED: ResponseSpec(None, description="nothing has changed"),
    },
)  # fmt: skip
async def show_balances(
    *, house: HouseHere, workspace_id: FromPath[UUID], at: Instant = None,
    if_none_match: IfNoneMatch = None,
) -> Response[Balances]:  # fmt: skip
    """Explain the balances; the ETag stays the same while nothing has changed."""
    studio = house.studio
    now = studio.clock.now()
    asked_at = now if at is None else instant_of(at, name="at")
    async with studio.reading() as connection:
        found = await balances.balances(connection, workspace_id=workspace_id, at=asked_at, now=now)
        owner = await workspaces.get(connection, workspace_id=workspace_id)
    unlimited = studio.unlimited_of(owner, at=asked_at, now=now)
    tag = _tag(found, unlimited)
    if if_none_match is not None and _is_among(tag, if_none_match):
        return Response[Any](None, status_code=UNCHANGED, headers={"ETag": tag})
    shown = Balances(workspace_id=workspace_id, balances=found, unlimited=unlimited)
    return Response(shown, headers={"ETag": tag})


def _tag(found: tuple[Balance, ...], unlimited: tuple[str, ...]) -> str:
    """Return a weak tag: answers that differ only by the instant of asking are the same."""
    fields = [name for name in Balance.__dataclass_fields__ if name != "at"]
    content = [[getattr(balance, name) for name in fields] for balance in found]
    return f'W/"{sha256(msgspec.json.encode((content, unlimited))).hexdigest()[:32]}"'


def _is_among(tag: str, header: str) -> bool:
    given = {each.strip().removeprefix("W/") for each in header.split(",")}
    return "*" in given or tag.removeprefix("W/") in given
