"""Caps of members and projects, and the use of a workspace's credits."""

from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from litestar import Response, delete, get, put
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter, SkipValidation

from mutoscope.app import caps
from mutoscope.app.usage import BadSpan, By, UsageWish, usage
from mutoscope.documents.usage_table import usage_csv
from mutoscope.domain.calendar import INDEX_MAX, PeriodOutOfReach
from mutoscope.domain.caps import CapStanding, Subject, UnknownCap, UnknownKind
from mutoscope.domain.credits import (
    AMOUNT_MAX,
    BadKey,
    InstantOutOfReach,
    NaiveInstant,
    checked_code,
)
from mutoscope.domain.team import RoleCannot, UnknownMember
from mutoscope.storage.caps import Cap
from mutoscope.storage.storyboard import UnknownProject
from mutoscope.storage.workspaces import UnknownWorkspace
from mutoscope.web.api.shape import HouseHere, Instant, instant_of
from mutoscope.web.errors import documented

CAPS: Final = "/workspaces/{workspace_id:uuid}/caps"
CAP: Final = CAPS + "/{subject:str}/{subject_id:uuid}/{kind:str}"
USAGE: Final = "/workspaces/{workspace_id:uuid}/usage"
ASKING: Final = (
    UnknownWorkspace, BadSpan, PeriodOutOfReach, BadKey, NaiveInstant, InstantOutOfReach,
)  # fmt: skip
Credits = Annotated[int, msgspec.Meta(ge=0, le=AMOUNT_MAX)]
Index = Annotated[
    int | None, QueryParameter(ge=0, le=INDEX_MAX, description="a period, counted from 0")
]


class NewCap(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Credits that may be used in a billing period; `by` is the owner who sets them."""

    credits: Credits
    by: UUID | None = None


class CapShape(msgspec.Struct, frozen=True, kw_only=True):
    """A cap, and what is used of it in the billing period that runs."""

    subject: Subject
    subject_id: UUID
    kind: str
    cap: int
    used: int
    remaining: int
    period_starts_at: datetime
    period_ends_at: datetime


class CapList(msgspec.Struct, frozen=True, kw_only=True):
    """Every cap of a workspace."""

    caps: tuple[CapShape, ...]


class UsageRowShape(msgspec.Struct, frozen=True, kw_only=True):
    """Credits of one kind by what became of them; `used` is what caps count."""

    subject: str | None
    name: str | None
    kind: str
    held: int
    captured: int
    given_back: int
    metered: int
    used: int
    jobs: int


class UsageShape(msgspec.Struct, frozen=True, kw_only=True):
    """The use in a half-open span; `index` is the period's, None of another span."""

    by: By
    index: int | None
    starts_at: datetime
    ends_at: datetime
    rows: tuple[UsageRowShape, ...]


async def usage_wish(
    *, by: FromQuery[By] = By.MEMBER, kind: FromQuery[str | None] = None, index: Index = None,
    starts_at: Instant = None, ends_at: Instant = None,
) -> UsageWish:  # fmt: skip
    """Return which use is asked for."""
    return UsageWish(
        by=by, kind=None if kind is None else checked_code(kind, name="kind"), index=index,
        starts_at=None if starts_at is None else instant_of(starts_at, name="starts_at"),
        ends_at=None if ends_at is None else instant_of(ends_at, name="ends_at"),
    )  # fmt: skip


DEPENDENCIES: Final = {"wish": Provide(usage_wish)}


def cap_shape(found: CapStanding) -> CapShape:
    """Return a cap as it is told."""
    return CapShape(
        subject=found.subject, subject_id=found.subject_id, kind=found.kind, cap=found.cap,
        used=found.used, remaining=found.remaining, period_starts_at=found.period.starts_at,
        period_ends_at=found.period.ends_at,
    )  # fmt: skip


@get(
    CAPS, operation_id="listCaps", tags=["team"],
    summary="What members and projects may use in a billing period, and have used",
    responses=documented(UnknownWorkspace),
)  # fmt: skip
async def list_caps(*, house: HouseHere, workspace_id: FromPath[UUID]) -> CapList:
    """Return the caps."""
    found = await caps.list_caps(house.studio, workspace_id=workspace_id)
    return CapList(caps=tuple(map(cap_shape, found)))


@put(
    CAP, operation_id="setCap", tags=["team"],
    summary="Cap what a member or a project may use of a kind in a billing period",
    responses=documented(
        UnknownWorkspace, UnknownMember, UnknownProject, UnknownKind, RoleCannot, BadKey,
        "not_json", "body_too_large",
    ),
)  # fmt: skip
async def set_cap(
    *, house: HouseHere, workspace_id: FromPath[UUID], subject: FromPath[Subject],
    subject_id: FromPath[UUID], kind: FromPath[str], data: JSONBody[NewCap],
) -> CapShape:  # fmt: skip
    """Set a cap."""
    cap = Cap(subject, subject_id, checked_code(kind, name="kind"), data.credits)
    found = await caps.set_cap(house.studio, workspace_id=workspace_id, cap=cap, by=data.by)
    return cap_shape(found)


@delete(
    CAP, operation_id="removeCap", tags=["team"],
    summary="Let a member or a project use as much as the wallet has",
    responses=documented(UnknownCap, UnknownMember, RoleCannot, BadKey),
)  # fmt: skip
async def remove_cap(
    *, house: HouseHere, workspace_id: FromPath[UUID], subject: FromPath[Subject],
    subject_id: FromPath[UUID], kind: FromPath[str], by: FromQuery[UUID | None] = None,
) -> None:  # fmt: skip
    """Remove a cap."""
    cap = Cap(subject, subject_id, checked_code(kind, name="kind"), 0)
    await caps.remove_cap(house.studio, workspace_id=workspace_id, cap=cap, by=by)


@get(
    USAGE, operation_id="showUsage", tags=["team"], dependencies=DEPENDENCIES,
    summary="Who used how many credits for what: by member, project, tool or day",
    responses=documented(*ASKING),
)  # fmt: skip
async def show_usage(
    *, house: HouseHere, workspace_id: FromPath[UUID],
    wish: NamedDependency[SkipValidation[UsageWish]],
) -> UsageShape:  # fmt: skip
    """Return the use of a billing period or a span."""
    found = await usage(house.studio, workspace_id=workspace_id, wish=wish)
    return msgspec.convert(found, UsageShape, from_attributes=True)


@get(
    USAGE + ".csv", operation_id="exportUsage", tags=["team"], dependencies=DEPENDENCIES,
    media_type="text/csv", summary="The same as a table for spreadsheets",
    responses=documented(*ASKING),
)  # fmt: skip
async def export_usage(
    *, house: HouseHere, workspace_id: FromPath[UUID],
    wish: NamedDependency[SkipValidation[UsageWish]],
) -> Response[str]:  # fmt: skip
    """Return the use as CSV."""
    found = await usage(house.studio, workspace_id=workspace_id, wish=wish)
    headers: dict[str, Any] = {"Content-Disposition": f'attachment; filename="usage-{wish.by}.csv"'}
    return Response(usage_csv(found), media_type="text/csv; charset=utf-8", headers=headers)
