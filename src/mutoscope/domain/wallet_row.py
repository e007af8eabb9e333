"""A wallet's row as it is stored: what it says of the wallet, of one lot and of one hold.

Most requests draw from one lot and hold one job at a time. Where the credits of that lot are, and
that this hold is open, stands in the wallet's row, which every request writes anyway; other lots
and holds have rows of their own (docs/decisions/0018, 0020).
"""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID


class Drawn(NamedTuple):
    """Where the credits of a lot that is drawn from are; nothing else of it has changed."""

    lot: int
    available: int
    held: int
    captured: int


class Placed(NamedTuple):
    """A hold that is open, and until when; its entry tells the rest."""

    hold: int
    deadline_at: datetime


class WalletRow(NamedTuple):
    """A wallet's own columns, in the table's order; those of the lot and of the hold are last."""

    workspace_id: UUID
    kind: str
    sequence: int
    head: bytes
    available: int
    held: int
    due_at: datetime
    posted_at: datetime
    wake_at: datetime | None
    version: int
    drawn_lot: int | None = None
    drawn_available: int | None = None
    drawn_held: int | None = None
    drawn_captured: int | None = None
    placed_hold: int | None = None
    placed_deadline_at: datetime | None = None
