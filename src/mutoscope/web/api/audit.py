"""The audit: what staff did, newest first, and whether anybody changed it since."""

import json
from datetime import UTC, datetime
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from litestar import get
from litestar.params import QueryParameter

from mutoscope.app.audit import verify_audit
from mutoscope.domain.audit import OPERATOR, operator_name
from mutoscope.domain.staff import NotAllowed, StaffAction, require
from mutoscope.storage import audit
from mutoscope.storage.audit import AuditFilters, Told
from mutoscope.storage.cursor import BadCursor
from mutoscope.storage.place import Place, cursor_of, place_of
from mutoscope.web.api.callers import ActorHere
from mutoscope.web.api.cursors import After, Limit
from mutoscope.web.api.shape import HouseHere
from mutoscope.web.errors import StaffNeeded, documented

SEQUENCE_MAX: Final = 2**63 - 1
NEWEST: Final = Place(datetime(9000, 1, 1, tzinfo=UTC), UUID(int=SEQUENCE_MAX))
OfWorkspace = Annotated[UUID | None, QueryParameter(description="what was done to a workspace")]
OfStaff = Annotated[UUID | None, QueryParameter(description="what somebody did")]


class AuditShape(msgspec.Struct, frozen=True, kw_only=True):
    """One action of staff; a reason is None when none was told, or when it was erased."""

    sequence: int
    staff_id: UUID
    name: str | None
    action: str
    workspace_id: UUID | None
    reason: str | None
    data: dict[str, Any]
    at: datetime
    hash: str


class AuditPage(msgspec.Struct, frozen=True, kw_only=True):
    """Lines, the newest first; `next` is the cursor of the page after, None on the last."""

    lines: tuple[AuditShape, ...]
    next: str | None


class AuditAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a verification found; note `sequence` and `head` elsewhere, to hold later ones to it."""

    is_clean: bool
    lines: int
    erased_reasons: int
    sequence: int
    head: str
    findings: tuple[str, ...]


@get(
    "/audit", operation_id="listAudit", tags=["staff"],
    summary="What staff did, who and why, the newest first",
    responses=documented(StaffNeeded, NotAllowed, BadCursor),
)  # fmt: skip
async def list_audit(
    *, house: HouseHere, actor: ActorHere, limit: Limit = 50, after: After = None,
    workspace_id: OfWorkspace = None, staff_id: OfStaff = None,
) -> AuditPage:  # fmt: skip
    """Return a page of the audit."""
    require(actor, StaffAction.AUDIT)
    before = place_of(after, begin=NEWEST).item_id.int
    filters = AuditFilters(workspace_id=workspace_id, staff_id=staff_id)
    async with house.studio.reading() as connection:
        found = await audit.page(
            connection, filters=filters, before=min(before, SEQUENCE_MAX), limit=limit + 1
        )
    lines = tuple(audit_shape(each) for each in found[:limit])
    following = None
    if len(found) > limit:
        following = cursor_of(at=lines[-1].at, item_id=UUID(int=lines[-1].sequence))
    return AuditPage(lines=lines, next=following)


@get(
    "/audit/verification", operation_id="verifyAudit", tags=["staff"],
    summary="Whether every line of the audit is as it was written",
    responses=documented(StaffNeeded, NotAllowed),
)  # fmt: skip
async def verify_lines(*, house: HouseHere, actor: ActorHere) -> AuditAnswer:
    """Compute every hash of the audit anew."""
    require(actor, StaffAction.AUDIT)
    async with (
        house.studio.reading() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        found = await verify_audit(connection)
    return AuditAnswer(
        is_clean=found.is_clean, lines=found.lines, erased_reasons=found.erased_reasons,
        sequence=found.sequence, head=found.head.hex(),
        findings=tuple(each.sentence() for each in found.findings),
    )  # fmt: skip


def audit_shape(told: Told) -> AuditShape:
    """Return a line as it is shown."""
    line = told.line
    name = operator_name(told.reason) if line.staff_id == OPERATOR else told.name
    return AuditShape(
        sequence=line.sequence, staff_id=line.staff_id, name=name, action=line.action,
        workspace_id=line.workspace_id, reason=None if told.reason is None else told.reason.text,
        data=json.loads(line.data), at=line.at, hash=line.hash.hex(),
    )  # fmt: skip
