"""View-as: somebody of the staff looks at a workspace as its people see it, for half an hour.

Invariant: a view changes nothing: it opens what is read under its workspace and nothing else, and
its opening stands in the audit with who and why. Nobody can act as somebody else: there is no such
token. The surprising choice: each use is counted on the view, not in the audit, which would
otherwise be a log of clicks.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final
from uuid import UUID

from mutoscope.app.audit import audit_rows, why
from mutoscope.app.staff import new_secret
from mutoscope.domain.credits import Refusal
from mutoscope.domain.planner import Submission
from mutoscope.domain.staff import Actor, StaffAction, require
from mutoscope.domain.staff_token import VIEW_PREFIX, is_whole, token_digest, token_of
from mutoscope.storage import staff, workspaces
from mutoscope.storage.session import SideRow

if TYPE_CHECKING:
    from mutoscope.app.studio import Studio
    from mutoscope.storage.staff import View

VIEW_LASTS: Final = timedelta(minutes=30)
READING: Final = frozenset({"GET", "HEAD"})


class BadViewToken(Refusal):
    """A token of a view that is over, or never was."""

    code = "bad_view_token"

    def __init__(self) -> None:
        super().__init__("this view is over: open another one from the desk")


class ViewIsReadOnly(Refusal):
    """Something that would change a workspace, asked for by who only looks at it."""

    code = "view_is_read_only"

    def __init__(self) -> None:
        super().__init__(
            "staff look at a workspace and change nothing in its people's name: use the desk"
        )


class OutsideView(Refusal):
    """Something beyond the workspace that a view is of."""

    code = "outside_view"

    def __init__(self, *, workspace_id: UUID) -> None:
        super().__init__(f"this view is of {workspace_id} alone: open one of what you want to see")
        self.workspace_id = workspace_id


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedView:
    """A view and its token, shown this once."""

    view_id: UUID
    workspace_id: UUID
    token: str = field(repr=False)
    expires_at: datetime


async def open_view(studio: Studio, actor: Actor, *, workspace_id: UUID, reason: str) -> OpenedView:
    """Open a view of a workspace for who acts.

    :raises UnknownWorkspace: when there is none.
    :raises NotAllowed: when none of the actor's roles may look.
    :raises BadReason: when the reason is none.
    """
    require(actor, StaffAction.VIEW_AS)
    async with studio.reading() as connection:
        await workspaces.get(connection, workspace_id=workspace_id)  # refuses an unknown one
    at, view_id = studio.clock.now(), studio.ids.new()
    token = token_of(prefix=VIEW_PREFIX, secret=new_secret(studio))
    expires_at = at + VIEW_LASTS
    row = (
        token_digest(token=token), view_id, actor.staff_id, workspace_id, at, expires_at, 0, None,
    )  # fmt: skip
    lines = audit_rows(
        actor=actor, action=StaffAction.VIEW_AS, workspace_id=workspace_id,
        reason=why(studio, reason),
        data={"view_id": str(view_id)}, at=at,
    )  # fmt: skip
    await studio.journal.submit(Submission(()), side_rows=(SideRow(staff.write_views, row), *lines))
    return OpenedView(
        view_id=view_id, workspace_id=workspace_id, token=token, expires_at=expires_at
    )


async def look(studio: Studio, *, token: str, method: str, path: str) -> View:
    """Count a use of a view, when it is one that changes nothing under its workspace.

    :raises ViewIsReadOnly: when the method could change something.
    :raises BadViewToken: when the view is over, or never was.
    :raises OutsideView: when the path leads elsewhere.
    """
    if method not in READING:
        raise ViewIsReadOnly
    if not is_whole(token=token, prefix=VIEW_PREFIX):
        raise BadViewToken
    async with studio.reading() as connection, connection.transaction():
        view = await staff.use_view(
            connection, token_digest=token_digest(token=token), at=studio.clock.now()
        )
        if view is None:
            raise BadViewToken
        inside = f"/v1/workspaces/{view.workspace_id}"
        if path != inside and not path.startswith(f"{inside}/"):
            raise OutsideView(workspace_id=view.workspace_id)
    return view
