"""What an act of staff brings along: its audit line and card, and the note of who and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mutoscope.domain.requests import Note
    from mutoscope.storage.session import SideRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """Rows that commit with what is done, and the note that its ledger entries keep."""

    rows: tuple[SideRow, ...] = ()
    note: Note | None = None


NOBODYS: Final = Act()
"""What is done by nobody of the staff."""
