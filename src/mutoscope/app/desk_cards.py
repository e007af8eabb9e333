"""Cards: what the thread of a workspace shows of an action of staff.

The desk does not know the chat: it hands each card to `Studio.post_card`, and commits the rows that
come back together with what the card tells.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from mutoscope.domain.audit import Value
from mutoscope.storage.session import SideRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """An action as a thread shows it; without a thread it belongs to the workspace's latest one.

    Its words tell instants by the clocks of `zone`, which is the workspace's.
    """

    workspace_id: UUID
    thread_id: UUID | None
    message_id: UUID
    author: UUID
    card: str
    data: Mapping[str, Value]
    at: datetime
    zone: str = "UTC"


PostCard = Callable[[Card], tuple[SideRow, ...]]


def no_card(_card: Card) -> tuple[SideRow, ...]:
    """Return nothing to write: a studio without a chat."""
    return ()
