"""Acting at the desk: alone up to the operator's limit, and by two people above it.

Invariant: a proposal's approval, what it does, its audit line and its card are one transaction, and
the key is the proposal's id: it happens once, whoever approves at the same time and however often
an approval is repeated. Everything is judged again at the approval: the second person, both
people's workspaces, the proposal's time, the workspace, the budget.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING
from uuid import UUID

from mutoscope.app.audit import audit_rows, keyed, why
from mutoscope.app.desk import (
    Deed,
    DeskOrder,
    Done,
    Proposed,
    answer,
    carry_out,
    decision,
    done_before,
)
from mutoscope.app.desk_cards import Card
from mutoscope.app.desk_facts import priced
from mutoscope.app.desk_registry import desk_action
from mutoscope.app.sign_up import BadEmail, normalised_email
from mutoscope.domain.audit import Value, checked_reason
from mutoscope.domain.chat import default_thread_id
from mutoscope.domain.credits import Refusal, checked_key
from mutoscope.domain.desk import SecondPersonNeeded, desk_data
from mutoscope.domain.planner import Submission
from mutoscope.domain.proposals import PROPOSAL_LASTS, ProposalState
from mutoscope.domain.staff import Actor, StaffAction, require, require_recent
from mutoscope.storage import chat, desk, proposals, staff, workspaces
from mutoscope.storage.payments import NOBODY
from mutoscope.storage.proposals import Proposal
from mutoscope.storage.session import SideRow, SideRowRefused

if TYPE_CHECKING:
    from datetime import datetime

    from mutoscope.app.desk import DeskAction
    from mutoscope.app.studio import Studio
    from mutoscope.domain.audit import AuditLine


class ProposalDecided(Refusal):
    """A proposal that is open no more."""

    code = "proposal_decided"

    def __init__(self, *, state: str) -> None:
        super().__init__(f"the proposal is {state} already: make a new one if it is still wanted")
        self.state = state


class NotYourProposal(Refusal):
    """A withdrawal of what somebody else proposed."""

    code = "not_your_proposal"

    def __init__(self) -> None:
        super().__init__("somebody else proposed this: refuse it instead")


async def act(studio: Studio, actor: Actor, *, order: DeskOrder) -> Done | Proposed:
    """Do what somebody of the staff asks for, or propose it when it takes two of them.

    :raises UnknownDeskAction: when there is no such action.
    :raises NotAllowed: when the actor's roles do not include it.
    :raises UnknownWorkspace: when there is no such workspace.
    :raises UnknownThread: when it has no such thread.
    :raises BadDeskData: when a field is missing, unknown, or not what it has to be.
    :raises BadReason: when the reason is none.
    :raises BadKey: when the key is malformed.
    :raises KeyReused: when the key was used before for something else.
    :raises AlreadyDone: when somebody else did it under the same key.
    :raises NotReauthenticated: when it takes two and the password was not given just now.
    :raises SecondPersonNeeded: when it takes two and the actor belongs to the workspace.
    :raises Refusal: when the action itself is refused; nothing was done.
    """
    action, at = desk_action(order.action), studio.clock.now()
    require(actor, action.code)
    deed = Deed(
        actor=actor, action=action.code, workspace_id=order.workspace_id,
        thread_id=order.thread_id, data=desk_data(fields=action.fields, given=order.data),
        reason=checked_reason(order.reason), key=checked_key(order.key), at=at,
    )  # fmt: skip
    line = await done_before(studio, deed)
    if line is not None:
        return await _told_again(studio, deed, line)
    await _require_place(studio, deed, action)
    rules = studio.catalog.version_at(at=at).desk
    moved = 0 if action.counts is None else await action.counts(studio, deed)
    if rules.needs_second(credits_moved=moved):
        if action.judge is not None:
            await action.judge(studio, deed)
        return await _propose(studio, deed, moved=moved)
    return await carry_out(studio, deed=deed, action=action)


async def approve(studio: Studio, actor: Actor, *, proposal_id: UUID, reason: str) -> Done:
    """Let a proposal be carried out, as its second person.

    :raises UnknownProposal: when there is none.
    :raises NotAllowed: when the actor's roles do not include the action.
    :raises NotReauthenticated: when the actor's password was not given just now.
    :raises SecondPersonNeeded: when the actor proposed it, or one of both is of the workspace.
    :raises ProposalDecided: when it is open no more, or its time is over.
    :raises AlreadyDone: when somebody else approved it.
    :raises BadReason: when the reason is none.
    :raises Refusal: when the action itself is refused; the proposal stays open.
    """
    proposal, action = await _judged(studio, actor, proposal_id)
    deed = Deed(
        actor=actor, action=action.code, workspace_id=proposal.workspace_id,
        thread_id=proposal.thread_id, data=proposal.data, reason=checked_reason(reason),
        key=str(proposal_id), at=studio.clock.now(), approves=proposal,
    )  # fmt: skip
    line = await done_before(studio, deed)
    if line is not None:
        return await answer(studio, deed, line)
    if actor.staff_id == proposal.proposed_by:
        raise SecondPersonNeeded(reason="you proposed this yourself")
    if proposal.state is not ProposalState.OPEN:
        raise ProposalDecided(state=proposal.state)
    require_recent(actor, at=deed.at)
    await _require_strangers(studio, proposal, actor)
    try:
        return await carry_out(studio, deed=deed, action=action)
    except SideRowRefused:
        await _raise_decided(studio, proposal_id, deed.at)
        raise


async def refuse(studio: Studio, actor: Actor, *, proposal_id: UUID, reason: str) -> Proposal:
    """Refuse what somebody else proposed.

    :raises UnknownProposal: when there is none.
    :raises NotAllowed: when the actor's roles do not include the action.
    :raises SecondPersonNeeded: when the actor proposed it.
    :raises ProposalDecided: when it is open no more.
    :raises BadReason: when the reason is none.
    """
    proposal, _ = await _judged(studio, actor, proposal_id)
    if actor.staff_id == proposal.proposed_by:
        raise SecondPersonNeeded(reason="you proposed this yourself and can withdraw it")
    return await _ended(
        studio, actor, proposal=proposal, state=ProposalState.REFUSED, reason=reason
    )


async def withdraw(studio: Studio, actor: Actor, *, proposal_id: UUID, reason: str) -> Proposal:
    """Take one's own proposal back.

    :raises UnknownProposal: when there is none.
    :raises NotYourProposal: when somebody else made it.
    :raises ProposalDecided: when it is open no more.
    :raises BadReason: when the reason is none.
    """
    proposal = await _read(studio, proposal_id, studio.clock.now())
    if actor.staff_id != proposal.proposed_by:
        raise NotYourProposal
    return await _ended(
        studio, actor, proposal=proposal, state=ProposalState.WITHDRAWN, reason=reason
    )


_ENDS = {
    ProposalState.REFUSED: StaffAction.REFUSE_PROPOSAL,
    ProposalState.WITHDRAWN: StaffAction.WITHDRAW_PROPOSAL,
}


async def _require_place(studio: Studio, deed: Deed, action: DeskAction) -> None:
    """Pass a deed whose workspace exists, and has the thread in which its card is to land."""
    workspace_id, thread_id = deed.workspace_id, deed.thread_id
    async with studio.reading() as connection:
        if workspace_id != NOBODY or not action.is_for_nobody:
            await workspaces.get(connection, workspace_id=workspace_id)
        if thread_id is not None and thread_id != default_thread_id(workspace_id=workspace_id):
            await chat.thread(
                connection, workspace_id=workspace_id, thread_id=thread_id,
                reader_id=deed.actor.staff_id,
            )  # fmt: skip


async def _propose(studio: Studio, deed: Deed, *, moved: int) -> Proposed:
    actor, at = deed.actor, deed.at
    require_recent(actor, at=at)
    await _require_stranger(studio, deed.workspace_id, actor.email, "you belong")
    proposal = Proposal(
        proposal_id=studio.ids.new(), action=deed.action.value, workspace_id=deed.workspace_id,
        thread_id=deed.thread_id, data={"credits": moved, **priced(studio, deed)},
        reason=deed.reason, proposed_by=actor.staff_id, proposed_at=at,
        lapses_at=at + PROPOSAL_LASTS, state=ProposalState.OPEN,
    )  # fmt: skip
    row = SideRow(proposals.write_proposals, proposal.row(), proposals.RANK)
    card, lines = _told(
        studio, actor=actor, action=StaffAction.PROPOSE, proposal=proposal, reason=deed.reason,
        at=at,
    )  # fmt: skip
    once = keyed(lines, key=deed.audit_key(), digest=deed.digest())
    try:
        await studio.journal.submit(Submission(()), side_rows=(row, *card, *once))
    except SideRowRefused:  # the same order, at the same moment
        line = await done_before(studio, deed)
        if line is None:
            raise
        return await _proposed_before(studio, deed, line)
    return Proposed(proposal=proposal, is_replay=False)


async def _told_again(studio: Studio, deed: Deed, line: AuditLine) -> Done | Proposed:
    if line.action == StaffAction.PROPOSE:
        return await _proposed_before(studio, deed, line)
    return await answer(studio, deed, line)


async def _proposed_before(studio: Studio, deed: Deed, line: AuditLine) -> Proposed:
    done = await answer(studio, deed, line)
    proposal_id = UUID(json.loads(done.line.data)["proposal_id"])
    return Proposed(proposal=await _read(studio, proposal_id, deed.at), is_replay=True)


async def _judged(studio: Studio, actor: Actor, proposal_id: UUID) -> tuple[Proposal, DeskAction]:
    proposal = await _read(studio, proposal_id, studio.clock.now())
    action = desk_action(proposal.action)
    require(actor, action.code)
    return proposal, action


async def _read(studio: Studio, proposal_id: UUID, at: datetime) -> Proposal:
    async with studio.reading() as connection:
        await proposals.lapse_proposals(connection, at=at)
        return await proposals.get(connection, proposal_id=proposal_id)


async def _ended(
    studio: Studio, actor: Actor, *, proposal: Proposal, state: ProposalState, reason: str
) -> Proposal:
    at = studio.clock.now()
    if proposal.state is state and proposal.decided_by == actor.staff_id:
        return proposal  # asked for again
    if proposal.state is not ProposalState.OPEN:
        raise ProposalDecided(state=proposal.state)
    card, lines = _told(
        studio, actor=actor, action=_ENDS[state], proposal=proposal, reason=reason, at=at
    )
    rows = (decision(proposal, state, actor, at), *card, *lines)
    try:
        await studio.journal.submit(Submission(()), side_rows=rows)
    except SideRowRefused:
        await _raise_decided(studio, proposal.proposal_id, at)
        raise
    return await _read(studio, proposal.proposal_id, at)


def _told(
    studio: Studio, *, actor: Actor, action: StaffAction, proposal: Proposal, reason: str,
    at: datetime,
) -> tuple[tuple[SideRow, ...], tuple[SideRow, ...]]:  # fmt: skip
    """Return the rows of the card and of the audit line."""
    data: dict[str, Value] = {
        **proposal.data, "proposal_id": str(proposal.proposal_id), "action": proposal.action,
    }  # fmt: skip
    card = Card(
        workspace_id=proposal.workspace_id, thread_id=proposal.thread_id,
        message_id=studio.ids.new(), author=actor.staff_id, card=action.value, data=data, at=at,
    )  # fmt: skip
    is_nobodys = proposal.workspace_id == NOBODY
    lines = audit_rows(
        actor=actor, action=action, reason=why(studio, reason), data=data, at=at,
        workspace_id=None if is_nobodys else proposal.workspace_id,
    )  # fmt: skip
    return () if is_nobodys else studio.post_card(card), lines


async def _raise_decided(studio: Studio, proposal_id: UUID, at: datetime) -> None:
    """Raise what became of a proposal, unless it is open still."""
    proposal = await _read(studio, proposal_id, at)
    if proposal.state is not ProposalState.OPEN:
        raise ProposalDecided(state=proposal.state) from None


async def _require_strangers(studio: Studio, proposal: Proposal, approver: Actor) -> None:
    async with studio.reading() as connection:
        proposer = await staff.by_id(connection, staff_id=proposal.proposed_by)
    assert proposer is not None, proposal.proposed_by
    if not proposer.is_active():
        raise SecondPersonNeeded(reason=f"{proposer.name}, who proposed this, left the staff")
    await _require_stranger(studio, proposal.workspace_id, approver.email, "you belong")
    told = f"{proposer.name}, who proposed this, belongs"
    await _require_stranger(studio, proposal.workspace_id, proposer.email, told)


async def _require_stranger(studio: Studio, workspace_id: UUID, email: str, told: str) -> None:
    async with studio.reading() as connection:
        found = await desk.people(connection, workspace_id=workspace_id)
    if _same(email) in {_same(each) for each in found}:
        raise SecondPersonNeeded(reason=f"{told} to this workspace")


def _same(email: str) -> str:
    """Return the form by which a person is known; what is no address is compared as it stands."""
    with suppress(BadEmail):
        return normalised_email(email)
    return email.strip().lower()
