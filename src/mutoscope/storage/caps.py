"""Caps, and the judgement of holds by them under the lock of their wallets.

`check_caps` is a writer of side rows: the holds that it judges are written and their wallets locked
when it counts, so that no number of requests at once gets past a cap together. It writes nothing;
what it counts it tells, or it refuses, and the holds are undone with it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from uuid import UUID

from mutoscope.domain.calendar import BillingAnchor
from mutoscope.domain.caps import Billing, CapExceeded, CapStanding, Subject
from mutoscope.storage.database import queries

if TYPE_CHECKING:
    from datetime import datetime

    from mutoscope.domain.journal import Attribution
    from mutoscope.storage.database import Connection
    from mutoscope.storage.workspaces import Workspace

_SQL: Final = queries("caps")


class Name(NamedTuple):
    """Whose use of a kind is meant."""

    workspace_id: UUID
    kind: str
    subject: str
    subject_id: UUID


class Cap(NamedTuple):
    """How many credits of a kind somebody may use in a billing period."""

    subject: Subject
    subject_id: UUID
    kind: str
    credits: int


class Attributed(NamedTuple):
    """What a named member may do, and whether the member or the project has a cap."""

    role: str | None
    is_capped: bool


async def attributed(
    connection: Connection, *, workspace_id: UUID, attribution: Attribution
) -> Attributed:
    """Return what is to be known of those to whom a use is put down."""
    row = await _SQL.attribution(
        connection, workspace_id=workspace_id, member_id=attribution.member_id,
        project_id=attribution.project_id,
    )  # fmt: skip
    return Attributed(row["role"], row["is_capped"])


async def put(connection: Connection, *, workspace_id: UUID, cap: Cap, at: datetime) -> None:
    """Set a cap, or another amount of it."""
    await _SQL.set_cap(connection, workspace_id=workspace_id, **cap._asdict(), at=at)


async def remove(connection: Connection, *, name: Name) -> bool:
    """Remove a cap; false when there was none."""
    return await _SQL.remove_cap(connection, **name._asdict()) is not None


async def standings(
    connection: Connection, *, workspace: Workspace, at: datetime,
    attribution: Attribution | None = None,
) -> tuple[CapStanding, ...]:  # fmt: skip
    """Return the caps of a workspace, or of a member and a project, with what is used of them."""
    workspace_id = workspace.workspace_id
    rows = _SQL.caps_of(
        connection, workspace_id=workspace_id, is_all=attribution is None,
        member_id=attribution and attribution.member_id,
        project_id=attribution and attribution.project_id,
    )  # fmt: skip
    caps = [Cap(Subject(row["subject"]), *tuple(row)[1:]) async for row in rows]
    period = billing_of(workspace).period(at=at)
    spans = [
        (workspace_id, cap.kind, cap.subject, cap.subject_id, period.starts_at, period.ends_at)
        for cap in caps
    ]
    used = await _used(connection, spans)
    return tuple(
        CapStanding(
            subject=cap.subject, subject_id=cap.subject_id, kind=cap.kind, cap=cap.credits,
            used=taken, period=period,
        )
        for cap, taken in zip(caps, used, strict=True)
    )  # fmt: skip


def billing_of(workspace: Workspace) -> Billing:
    """Return by what the billing periods of a workspace are counted."""
    plan = workspace.subscription
    return Billing(
        opened_at=workspace.created_at, zone=workspace.zone,
        plan=None if plan is None else plan.anchor(),
    )  # fmt: skip


async def check_caps(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
    """Judge holds that were just written: (workspace id, kind, member, project, amount) of each.

    :raises CapExceeded: when one of them is more than its member or project may use.
    """
    required: defaultdict[Name, int] = defaultdict(int)
    for workspace_id, kind, member_id, project_id, amount in rows:
        for subject, subject_id in ((Subject.MEMBER, member_id), (Subject.PROJECT, project_id)):
            if subject_id is not None:
                required[Name(workspace_id, kind, subject, subject_id)] += amount
    found = [row async for row in _SQL.caps_at_hold(connection, **_columns(required))]
    judged = [(Name(*tuple(row)[:4]), row["credits"], _billing(row), row) for row in found]
    periods = [billing.period(at=row["posted_at"]) for _, _, billing, row in judged]
    spans = [
        (*name, period.starts_at, period.ends_at)
        for (name, *_), period in zip(judged, periods, strict=True)
    ]
    used = await _used(connection, spans)
    for (name, cap, _, _), period, taken in zip(judged, periods, used, strict=True):
        if taken > cap:
            standing = CapStanding(
                subject=Subject(name.subject), subject_id=name.subject_id, kind=name.kind,
                cap=cap, used=taken - required[name], period=period,
            )  # fmt: skip
            raise CapExceeded(standing=standing, required=required[name])
    return len(rows)


async def _used(connection: Connection, spans: Sequence[tuple[Any, ...]]) -> list[int]:
    return list(await _SQL.used(connection, spans=spans)) if spans else []


def _columns(names: defaultdict[Name, int]) -> dict[str, list[Any]]:
    return {
        "workspaces": [name.workspace_id for name in names],
        "kinds": [name.kind for name in names],
        "subjects": [name.subject for name in names],
        "subject_ids": [name.subject_id for name in names],
    }


def _billing(row: Any) -> Billing:  # noqa: ANN401  # a row of asyncpg
    plan = None
    if row["anchor_at"] is not None:
        plan = BillingAnchor(
            at=row["anchor_at"], zone=row["billing_zone"], begins_at=row["begins_at"]
        )
    return Billing(opened_at=row["created_at"], zone=row["zone"], plan=plan)
