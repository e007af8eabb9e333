"""The desk action that forgets the people of a closed workspace (rule 19).

Invariant: what is erased stands beside the ledger and the audit, whose entries hold ids, codes,
amounts and salted digests, so that both stay proved: "erased", not "broken". Invoices stay for the
legal term, and of a trial its keyed hash. The surprising choice: the reason of the erasure itself
is the one text that comes after it, so staff name nobody in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from mutoscope.domain.credits import Refusal
from mutoscope.domain.planner import Submission
from mutoscope.domain.staff import require_recent
from mutoscope.storage import erasure, workspaces
from mutoscope.storage.session import SideRow

if TYPE_CHECKING:
    from mutoscope.app.desk import Deed
    from mutoscope.app.studio import Studio


class WorkspaceOpen(Refusal):
    """An erasure of a workspace that is not closed."""

    code = "workspace_open"

    def __init__(self, *, workspace_id: UUID) -> None:
        super().__init__(
            f"the workspace {workspace_id} is not closed: close it first, for its people cannot "
            "be forgotten while they work in it"
        )
        self.workspace_id = workspace_id


async def erase_workspace(studio: Studio, deed: Deed) -> None:
    """Forget who a closed workspace belonged to, and all that they wrote, for ever.

    :raises UnknownWorkspace: when there is no such workspace.
    :raises NotReauthenticated: when the password was not given just now.
    :raises WorkspaceOpen: when it is not closed.
    """
    require_recent(deed.actor, at=deed.at)
    async with studio.reading() as connection:
        workspace = await workspaces.get(connection, workspace_id=deed.workspace_id)
    if workspace.closed_at is None:
        raise WorkspaceOpen(workspace_id=deed.workspace_id)
    erased = SideRow(erasure.erase_workspaces, (deed.workspace_id,))
    await studio.journal.submit(Submission(()), side_rows=(erased, *deed.rows(studio)))
