"""Letters to a workspace: the rows that put an e-mail into the outbox with what it is about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mutoscope.storage.outbox import MessageState, NewMessage, write_messages
from mutoscope.storage.session import SideRow

if TYPE_CHECKING:
    from mutoscope.app.studio import Studio
    from mutoscope.storage.workspaces import Workspace


def letter(studio: Studio, workspace: Workspace, subject: str, body: str) -> tuple[SideRow, ...]:
    """Return the row of an e-mail; to a workspace without an address it is kept undeliverable."""
    at = studio.clock.now()
    message = NewMessage(
        workspace_id=workspace.workspace_id, message_id=studio.ids.new(),
        recipient=workspace.email or "", subject=subject,
        body=f"Hello {workspace.name},\n\n{body}\n\n{studio.seller.party.legal_name}\n",
        created_at=at,
    )  # fmt: skip
    if workspace.email is None:
        message = message._replace(
            state=MessageState.UNDELIVERABLE, ended_at=at, failure="the workspace has no address"
        )
    return (SideRow(write_messages, tuple(message)),)
