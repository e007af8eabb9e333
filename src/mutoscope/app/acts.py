"""What an act of staff brings along: its audit line and card, and the note of who and why.

Invariant: the rows commit in the transaction of what is done. The surprising choice: they are made
when it is known what came of it, so that a line tells of a payment that was parked that it was.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from uuid import UUID

from mutoscope.app.audit import audit_rows, operator, why
from mutoscope.domain.planner import KeyReused, Submission
from mutoscope.domain.requests import checked
from mutoscope.domain.staff import Actor, StaffAction, require
from mutoscope.storage.session import SideRowRefused

if TYPE_CHECKING:
    from mutoscope.app.studio import Studio
    from mutoscope.domain.audit import Value
    from mutoscope.domain.planner import Answer
    from mutoscope.domain.requests import Note, Request
    from mutoscope.storage.database import Connection
    from mutoscope.storage.session import SideRow

Tell = Callable[..., "tuple[SideRow, ...]"]
"""Makes the rows of an act of what was decided while it was done: ids, codes and amounts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """Rows that commit with what is done, and the note that its ledger entries keep."""

    rows: tuple[SideRow, ...] = ()
    note: Note | None = None
    tell: Tell | None = None

    def telling(self, **told: Value) -> tuple[SideRow, ...]:
        """Return the rows that commit with what is done, of which this was decided."""
        return self.rows if self.tell is None else (*self.rows, *self.tell(**told))

    def noted(self, requests: tuple[Request, ...]) -> tuple[Request, ...]:
        """Return requests whose entries keep the note."""
        return tuple(request._replace(note=self.note) for request in requests)


NOBODYS: Final = Act()
"""What is done by nobody of the staff."""


def act_of(
    studio: Studio, actor: Actor, *, action: StaffAction, workspace_id: UUID | None, reason: str
) -> Act:
    """Return what an action of staff brings along that is a line in the audit alone.

    :raises NotAllowed: when none of the actor's roles may.
    :raises BadReason: when the reason is none.
    """
    require(actor, action)
    return _line_of(studio, actor, action=action, workspace_id=workspace_id, reason=reason)


def operators_act(
    studio: Studio, name: str, *, action: StaffAction, workspace_id: UUID | None, reason: str
) -> Act:
    """Return what an action of the operator on the machine brings along: a line of the audit.

    `name` is who that is, as `operator:USER@MACHINE`. It stands with the reason, whose text can be
    erased, for a line holds no names.
    """
    actor = operator(at=studio.clock.now())
    because = f"{name}: {reason}"
    return _line_of(studio, actor, action=action, workspace_id=workspace_id, reason=because)


async def write_rows(connection: Connection, rows: tuple[SideRow, ...]) -> None:
    """Write the rows of an act in the transaction of what it did, where no entry comes with it."""
    for each in rows:
        await each.writer(connection, [each.row])


def _line_of(
    studio: Studio, actor: Actor, *, action: StaffAction, workspace_id: UUID | None, reason: str
) -> Act:
    because = why(studio, reason)

    def tell(**told: Value) -> tuple[SideRow, ...]:
        opened = told.get("workspace_id")  # of an act that opens one, which is not known before
        return audit_rows(
            actor=actor, action=action, reason=because, data=told, at=studio.clock.now(),
            workspace_id=UUID(opened) if isinstance(opened, str) else workspace_id,
        )  # fmt: skip

    return Act(tell=tell)


async def submit_new(
    studio: Studio, requests: tuple[Request, ...], *, rows: tuple[SideRow, ...]
) -> tuple[Answer, ...]:
    """Write requests with their rows; what was written before is refused, as no row comes with it.

    :raises SideRowRefused: when its matter has moved on, or all of it was written before.
    """
    try:
        answers = await studio.journal.submit(
            Submission(tuple(map(checked, requests))), side_rows=rows
        )
    except KeyReused as reused:
        raise _moved_on(rows) from reused
    if answers and all(answer.is_replay for answer in answers):
        raise _moved_on(rows)
    return answers


def _moved_on(rows: tuple[SideRow, ...]) -> SideRowRefused:
    return SideRowRefused(writer="the ledger", wanted=len(rows), written=0)
