"""Usage: who used how many credits for what, in a billing period or any span, exact to the credit.

Every figure is a sum of ledger lines. What was released or refunded counts where the credits were
taken, whenever it came, as caps count it: `used` is the figure that a cap is compared with.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from mutoscope.domain.calendar import period, period_at
from mutoscope.domain.credits import Refusal, checked_instant
from mutoscope.storage import usage as stored
from mutoscope.storage import workspaces
from mutoscope.storage.caps import billing_of

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from mutoscope.app.studio import Studio
    from mutoscope.storage.database import Connection
    from mutoscope.storage.workspaces import Workspace

ERASED: Final = "erased"
"""What stands for the name of a member who was erased."""


class By(StrEnum):
    """By what use is told apart; days are those of the workspace's zone."""

    MEMBER = "member"
    PROJECT = "project"
    TOOL = "tool"
    DAY = "day"


class BadSpan(Refusal):
    """A span that ends before it begins, or that is named twice."""

    code = "bad_span"

    def __init__(self) -> None:
        super().__init__(
            "name a period by its index, or a span by two instants, the earlier one first"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageWish:
    """Which use is asked for: of a period by its index, of a span, or of the period that runs.

    A period is counted from 0 at the plan's anchor; without a plan, at the month of the opening.
    """

    by: By
    kind: str | None = None
    index: int | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageRow:
    """Credits of one kind that a member, project, tool or day has used.

    `subject` is None where the entries name none, `name` where nobody knows one. `held` was taken
    of lots, a charge included; `captured` was spent of them; `given_back` was released or refunded;
    `metered` was taken at no charge. `used` is `held` and `metered` less `given_back`.
    """

    subject: str | None
    name: str | None
    kind: str
    held: int
    captured: int
    given_back: int
    metered: int
    used: int
    jobs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """The use in the span [starts_at, ends_at); `index` is the period's, None of another span."""

    by: By
    index: int | None
    starts_at: datetime
    ends_at: datetime
    rows: tuple[UsageRow, ...]


async def usage(studio: Studio, *, workspace_id: UUID, wish: UsageWish) -> Usage:
    """Tell the use of a workspace's credits.

    :raises UnknownWorkspace: when there is no such workspace.
    :raises BadSpan: when the span has no beginning or end, or ends before it begins.
    :raises PeriodOutOfReach: when there is no such period.
    """
    async with studio.reading() as connection:
        workspace = await workspaces.get(connection, workspace_id=workspace_id)
        index, starts_at, ends_at = _span(workspace, wish, at=studio.clock.now())
        found = await stored.usage(
            connection, workspace_id=workspace_id, by=wish.by, zone=workspace.zone,
            kind=wish.kind, span=(starts_at, ends_at),
        )  # fmt: skip
        subjects = {each.subject for each in found if each.subject is not None}
        names = await _names(connection, workspace_id, wish.by, subjects)
    rows = tuple(
        UsageRow(name=None if each.subject is None else names.get(each.subject), **each._asdict())
        for each in found
    )
    return Usage(by=wish.by, index=index, starts_at=starts_at, ends_at=ends_at, rows=rows)


def _span(
    workspace: Workspace, wish: UsageWish, *, at: datetime
) -> tuple[int | None, datetime, datetime]:
    """Return the index of the period that is asked for, if one is, and where it begins and ends."""
    if wish.starts_at is not None or wish.ends_at is not None:
        if wish.starts_at is None or wish.ends_at is None or wish.index is not None:
            raise BadSpan
        starts_at = checked_instant(wish.starts_at, name="starts_at")
        ends_at = checked_instant(wish.ends_at, name="ends_at")
        if starts_at > ends_at:
            raise BadSpan
        return None, starts_at, ends_at
    anchor = billing_of(workspace).anchor(at=at)
    if wish.index is None:
        found = period_at(anchor=anchor, at=at)
    else:
        found = period(anchor=anchor, index=wish.index)
    return found.index, found.starts_at, found.ends_at


async def _names(
    connection: Connection, workspace_id: UUID, by: By, subjects: set[str]
) -> dict[str, str | None]:
    if by is By.MEMBER:
        known = await stored.names_of_members(connection, workspace_id=workspace_id, ids=subjects)
        return {subject: name or ERASED for subject, name in known.items()}
    if by is By.PROJECT:
        return await stored.names_of_projects(connection, workspace_id=workspace_id, ids=subjects)
    return {subject: subject for subject in subjects}
