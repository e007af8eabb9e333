"""The frame of desk actions: what staff ask for, and what each action is given to do it with.

Invariant: an action commits the rows of its deed (`Deed.rows`: the audit line, the card, the end of
a proposal) in the transaction in which it does what it does, under the deed's key, so that all of
it is there once or nothing is. The surprising choice: the key of the audit line is what makes an
action happen once, whether credits move or not.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Final
from uuid import UUID

from mutoscope.app.acts import Act
from mutoscope.app.audit import audit_rows, keyed, why
from mutoscope.app.desk_cards import Card
from mutoscope.domain.audit import AuditLine, Value, content_digest
from mutoscope.domain.credits import Refusal
from mutoscope.domain.desk import Field
from mutoscope.domain.instants import told
from mutoscope.domain.planner import KeyReused
from mutoscope.domain.proposals import ProposalState
from mutoscope.domain.requests import Note, Request, checked
from mutoscope.domain.staff import Actor, StaffAction
from mutoscope.storage import audit, proposals, staff, workspaces
from mutoscope.storage.payments import NOBODY
from mutoscope.storage.proposals import Proposal
from mutoscope.storage.session import SideRow

if TYPE_CHECKING:
    from mutoscope.app.studio import Studio
    from mutoscope.domain.actions import Action

NAMESPACE: Final = "desk"
"""The namespace of what one of the staff does alone."""

APPROVALS: Final = "proposal"
"""The namespace of what was proposed: its keys are the proposals' ids."""


class AlreadyDone(Refusal):
    """A button that somebody else of the staff has pressed before: it was done once, by them."""

    code = "already_done"

    def __init__(self, *, by: str, at: datetime) -> None:
        super().__init__(f"{by} did this at {told(at)} already: nothing more was done")
        self.by = by
        self.at = at


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskOrder:
    """What somebody of the staff asks for; the same key again is the same order.

    The workspace is `NOBODY` where it is about money of which nobody knows whose it is.
    """

    action: str
    workspace_id: UUID
    data: Mapping[str, object]
    reason: str
    key: str
    thread_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """An order that was judged and is to be carried out now, by its actor.

    `approves` is the proposal that it carries out, where two people are needed. One that `is_quiet`
    tells the customer nothing new: it has no card. The card tells instants by the clocks of `zone`.
    """

    actor: Actor
    action: StaffAction
    workspace_id: UUID
    thread_id: UUID | None
    data: Mapping[str, Value]
    reason: str
    key: str
    at: datetime
    approves: Proposal | None = None
    is_quiet: bool = False
    zone: str = "UTC"

    @property
    def namespace(self) -> str:
        """Return the namespace of its key in the journal."""
        return NAMESPACE if self.approves is None else APPROVALS

    def audit_key(self) -> str:
        """Return the key of its line in the audit: one for ever."""
        return f"{self.namespace}/{self.workspace_id}/{self.key}"

    def digest(self) -> bytes:
        """Return what a repeat of its key must share."""
        return content_digest(
            action=self.action.value, workspace_id=self.workspace_id, data=self.data
        )

    def request(self, studio: Studio, *, kind: str, action: Action) -> Request:
        """Return the one entry of the ledger that it makes, with who acted and why beside it.

        :raises Refusal: when something of it cannot stand in the journal.
        """
        return checked(
            Request(
                self.workspace_id, kind, self.namespace, self.key, action, note=self.note(studio)
            )
        )  # fmt: skip

    def note(self, studio: Studio) -> Note:
        """Return who acted and why, as it stands beside entries of the ledger."""
        return Note(salt=studio.ids.new().bytes, actor=self.actor.name, text=self._why())

    def act(self, studio: Studio) -> Act:
        """Return what a use case that staff share with others commits with what it does."""
        return Act(note=self.note(studio), tell=partial(self.rows, studio))

    def id_of(self, field: str) -> UUID:
        """Return an id of its data."""
        return UUID(str(self.data[field]))

    def number_of(self, field: str) -> int | None:
        """Return a number of its data, or None when it was not given."""
        found = self.data.get(field)
        assert found is None or isinstance(found, int), found
        return found

    def rows(self, studio: Studio, **told: Value) -> tuple[SideRow, ...]:
        """Return what has to commit with it; `told` is what it decided beyond its data.

        :raises BadReason: when the reason is none.
        """
        data = {**self.data, **told}
        decided: tuple[SideRow, ...] = ()
        if self.approves is not None:
            data |= {
                "proposal_id": str(self.approves.proposal_id),
                "proposed_by": str(self.approves.proposed_by),
            }
            decided = (decision(self.approves, ProposalState.APPROVED, self.actor, self.at),)
        is_nobodys = self.workspace_id == NOBODY
        card = Card(
            workspace_id=self.workspace_id, thread_id=self.thread_id,
            message_id=studio.ids.new(), author=self.actor.staff_id, card=self.action.value,
            data=data, at=self.at, zone=self.zone,
        )  # fmt: skip
        return (
            *decided, *(() if is_nobodys or self.is_quiet else studio.post_card(card)),
            *keyed(
                self.lines(studio, workspace_id=None if is_nobodys else self.workspace_id, **data),
                key=self.audit_key(), digest=self.digest(),
            ),
        )  # fmt: skip

    def lines(
        self, studio: Studio, *, workspace_id: UUID | None, **told: Value
    ) -> tuple[SideRow, ...]:
        """Return the rows of its line in the audit, as one about a workspace."""
        return audit_rows(
            actor=self.actor, action=self.action, data={**self.data, **told}, at=self.at,
            workspace_id=workspace_id, reason=why(studio, self.reason),
        )  # fmt: skip

    def _why(self) -> str:
        if self.approves is None or self.approves.reason is None:
            return self.reason
        return f"{self.approves.reason} (approved: {self.reason})"


Count = Callable[["Studio", Deed], Awaitable[int]]
"""Counts the credits that a deed gives or takes, without judging whether it can be done."""

Judge = Callable[["Studio", Deed], Awaitable[None]]
"""Refuses a deed that cannot be done as things stand; it does nothing."""

Perform = Callable[["Studio", Deed], Awaitable[None]]
"""Carries a deed out, once under its key, and commits the deed's rows with what it does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskAction:
    """Something that staff can do at the desk.

    `counts` tells the credits that are held against the operator's four-eyes limit; `judge` refuses
    what cannot be done as things stand, before it is proposed;
    `is_for_nobody` that it may be about no workspace: money of which nobody knows whose it is.
    """

    code: StaffAction
    fields: tuple[Field, ...]
    perform: Perform
    counts: Count | None = None
    judge: Judge | None = None
    is_for_nobody: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """An action that was carried out: its line in the audit, and who did it."""

    line: AuditLine
    by: str
    is_replay: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """An action that waits for a second person."""

    proposal: Proposal
    is_replay: bool


async def carry_out(studio: Studio, *, deed: Deed, action: DeskAction) -> Done:
    """Carry a deed out; of several at once under its key one is, and the others are told.

    :raises Refusal: when the action is refused; nothing was done.
    :raises AlreadyDone: when somebody else was first.
    """
    try:
        await action.perform(studio, await _by_its_clocks(studio, deed))
    except Refusal:
        line = await done_before(studio, deed)
        if line is None:
            raise
        return await answer(studio, deed, line)
    line = await done_before(studio, deed)
    assert line is not None, f"{deed.action} did not commit the rows of its deed"
    return await answer(studio, deed, line)


async def _by_its_clocks(studio: Studio, deed: Deed) -> Deed:
    """Return a deed with the zone of its workspace, by which its card tells instants.

    :raises UnknownWorkspace: when there is no such workspace.
    """
    if deed.workspace_id == NOBODY:
        return deed
    async with studio.reading() as connection:
        workspace = await workspaces.get(connection, workspace_id=deed.workspace_id)
    return replace(deed, zone=workspace.zone)


async def done_before(studio: Studio, deed: Deed) -> AuditLine | None:
    """Return the line that the deed's key made, or None."""
    async with studio.reading() as connection:
        return await audit.line_by_key(connection, key=deed.audit_key())


async def answer(studio: Studio, deed: Deed, line: AuditLine) -> Done:
    """Return what was done under a deed's key, to whom did it.

    :raises KeyReused: when something else was.
    :raises AlreadyDone: when somebody else did it.
    """
    if line.digest != deed.digest():
        raise KeyReused(namespace=deed.namespace, key=deed.key)
    if line.staff_id != deed.actor.staff_id:
        raise AlreadyDone(by=await name_of(studio, line.staff_id), at=line.at)
    return Done(line=line, by=deed.actor.name, is_replay=line.at != deed.at)


async def name_of(studio: Studio, staff_id: UUID) -> str:
    """Return what somebody of the staff is called."""
    async with studio.reading() as connection:
        member = await staff.by_id(connection, staff_id=staff_id)
    return "somebody" if member is None else member.name


def decision(proposal: Proposal, state: ProposalState, actor: Actor, at: datetime) -> SideRow:
    """Return what ends a proposal, unless somebody was first or its time is over."""
    row = (proposal.proposal_id, state.value, actor.staff_id, at)
    return SideRow(proposals.decide_proposals, row, proposals.RANK)
