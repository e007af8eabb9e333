"""Four eyes: above the operator's limit one proposes and another, who is no party, approves."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from desk_stage import GOODWILL, REASON, Desk, join, lose_card, open_desk
from mutoscope.app import proposals
from mutoscope.app.desk import AlreadyDone, Deed, Done, Proposed, carry_out
from mutoscope.app.desk_credits import GoodwillSpent
from mutoscope.app.desk_registry import ACTIONS
from mutoscope.app.proposals import NotYourProposal, ProposalDecided
from mutoscope.domain.desk import SecondPersonNeeded
from mutoscope.domain.proposals import PROPOSAL_LASTS, ProposalState
from mutoscope.domain.staff import Actor, NotAllowed, NotReauthenticated, Role, StaffAction
from mutoscope.storage import proposals as rows
from mutoscope.storage.proposals import Proposal, UnknownProposal
from mutoscope.storage.session import SideRowRefused
from soundness import assert_sound

WHY = "looked at the clip myself"


@pytest.fixture
async def desk(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(database_url, tmp_path) as desk:
        yield desk
        await assert_sound(database_url)


async def approve(desk: Desk, actor: Actor, proposal: Proposal) -> Done:
    return await proposals.approve(desk.studio, actor, proposal_id=proposal.proposal_id, reason=WHY)


async def read(desk: Desk, proposal: Proposal) -> Proposal:
    async with desk.studio.reading() as connection:
        return await rows.get(connection, proposal_id=proposal.proposal_id)


async def give_address(desk: Desk, email: str) -> None:
    """Let the workspace belong to somebody."""
    await desk.fetch(
        "UPDATE workspaces SET email = $1 WHERE workspace_id = $2", email, desk.workspace_id
    )


async def test_up_to_the_limit_one_acts_alone_and_above_it_one_proposes(desk: Desk) -> None:
    desk.rule(above=40)

    at_limit = await desk.act(desk.grace, "goodwill", key="at", kind="video", credits=40)
    above = await desk.act(desk.grace, "goodwill", key="above", kind="video", credits=41)

    assert isinstance(at_limit, Done)
    assert isinstance(above, Proposed)
    assert await desk.lines() == [("grant", 40)]
    assert await desk.counts() == (2, 2, 1)


async def test_what_moves_no_credits_takes_one(desk: Desk) -> None:
    desk.rule(above=0)

    assert isinstance(await desk.act(desk.grace, "enable_purchases"), Done)


async def test_a_proposal_is_carried_out_by_its_approval(desk: Desk) -> None:
    proposal = (await desk.propose()).proposal

    done = await approve(desk, desk.ada, proposal)

    decided = await read(desk, proposal)
    told = json.loads(done.line.data)
    assert await desk.lines() == [("grant", 40)]
    assert (decided.state, decided.decided_by) == (ProposalState.APPROVED, desk.ada.staff_id)
    assert told["proposal_id"] == str(proposal.proposal_id)
    assert told["proposed_by"] == str(desk.grace.staff_id)
    assert await desk.counts() == (2, 2, 1)


async def test_the_entry_says_who_approved_and_both_reasons(desk: Desk) -> None:
    proposal = (await desk.propose()).proposal
    await approve(desk, desk.ada, proposal)

    note = (await desk.last_line()).note

    assert note is not None
    assert (note.actor, note.text) == ("ada", f"{REASON} (approved: {WHY})")


async def test_proposing_twice_under_one_key_proposes_once(desk: Desk) -> None:
    first = await desk.propose()

    again = await desk.propose()
    at_once = await asyncio.gather(
        *[desk.act(desk.grace, "goodwill", key="press-2", **GOODWILL) for _ in range(8)]
    )

    assert (again.proposal, again.is_replay) == (first.proposal, True)
    assert len({each.proposal.proposal_id for each in at_once}) == 1
    assert await desk.fetch("SELECT count(*) FROM proposals") == 2


async def test_the_proposer_cannot_approve(desk: Desk) -> None:
    proposal = (await desk.propose()).proposal

    with pytest.raises(SecondPersonNeeded):
        await approve(desk, desk.grace, proposal)

    assert (await read(desk, proposal)).state is ProposalState.OPEN
    assert await desk.lines() == []


async def test_a_proposal_is_dead_after_seven_days_to_the_microsecond(desk: Desk) -> None:
    approved_in_time = (await desk.propose()).proposal
    desk.stage.clock.at += PROPOSAL_LASTS - timedelta(microseconds=1)
    ada = replace(desk.ada, authenticated_at=desk.stage.clock.at)
    await approve(desk, ada, approved_in_time)
    grace = replace(desk.grace, authenticated_at=desk.stage.clock.at)
    late = await desk.act(grace, "goodwill", key="late", **GOODWILL)
    assert isinstance(late, Proposed)
    desk.stage.clock.at += PROPOSAL_LASTS

    with pytest.raises(ProposalDecided) as refused:
        await approve(desk, replace(ada, authenticated_at=desk.stage.clock.at), late.proposal)

    found = await read(desk, late.proposal)
    assert refused.value.state == "lapsed"
    assert (found.state, found.decided_at) == (ProposalState.LAPSED, found.lapses_at)
    assert await desk.fetch("SELECT sum(amount) FROM grants WHERE source = 'goodwill'") == 40


async def test_the_database_itself_lets_nobody_decide_too_late(desk: Desk) -> None:
    proposal = (await desk.propose()).proposal
    row = (proposal.proposal_id, "approved", desk.ada.staff_id, proposal.lapses_at)

    async with desk.studio.reading() as connection:
        decided = await rows.decide_proposals(connection, [row])

    assert decided == 0


async def test_both_have_to_give_their_password_again(desk: Desk) -> None:
    proposal = (await desk.propose()).proposal
    desk.stage.clock.move(minutes=5)

    with pytest.raises(NotReauthenticated, match="`staff sign-in`, or POST /v1/staff/authenticate"):
        await approve(desk, desk.ada, proposal)
    with pytest.raises(NotReauthenticated):
        await desk.act(desk.grace, "goodwill", key="another", **GOODWILL)
    recent = desk.stage.clock.now() - timedelta(minutes=5) + timedelta(microseconds=1)
    done = await approve(desk, replace(desk.ada, authenticated_at=recent), proposal)

    assert done.by == "ada"


@pytest.mark.parametrize("name", ["grace", "ada"])
async def test_neither_may_be_of_the_workspace(desk: Desk, name: str) -> None:
    proposal = (await desk.propose()).proposal
    await give_address(desk, f" {name.upper()}+clips@Studio.example")

    with pytest.raises(SecondPersonNeeded):
        await approve(desk, desk.ada, proposal)

    assert await desk.lines() == []


@pytest.mark.parametrize("name", ["grace", "ada"])
async def test_neither_may_be_a_member_nor_invited_to_be_one(desk: Desk, name: str) -> None:
    proposal = (await desk.propose()).proposal
    members = "SELECT $1::uuid, $1::uuid, '\\x00'::bytea, 'viewer', 'invited', now()"
    columns = "workspace_id, member_id, email_digest, role, state, invited_at"
    await desk.fetch(f"INSERT INTO members ({columns}) {members}", desk.workspace_id)
    await desk.fetch(
        "INSERT INTO member_names (workspace_id, member_id, email) VALUES ($1, $1, $2)",
        desk.workspace_id, f"{name}@studio.example",
    )  # fmt: skip

    with pytest.raises(SecondPersonNeeded):
        await approve(desk, desk.ada, proposal)
    await desk.fetch("UPDATE members SET state = 'removed', removed_at = now()")
    await approve(desk, desk.ada, proposal)

    assert await desk.lines() == [("grant", 40)]


async def test_who_is_of_the_workspace_cannot_propose(desk: Desk) -> None:
    await give_address(desk, "grace@studio.example")

    with pytest.raises(SecondPersonNeeded):
        await desk.propose()

    assert await desk.counts() == (0, 0, 0)


async def test_what_somebody_proposed_who_left_is_not_approved(desk: Desk) -> None:
    proposal = (await desk.propose()).proposal
    await desk.fetch(
        "UPDATE staff SET state = 'left', left_at = now() WHERE staff_id = $1",
        desk.grace.staff_id,
    )

    with pytest.raises(SecondPersonNeeded):
        await approve(desk, desk.ada, proposal)


async def test_who_may_not_do_it_cannot_approve_it_either(desk: Desk) -> None:
    root = await join(desk.stage, "root", Role.ADMIN)
    proposal = (await desk.propose()).proposal

    with pytest.raises(NotAllowed):
        await approve(desk, root, proposal)


async def test_of_many_approvals_at_once_one_counts(desk: Desk) -> None:
    proposal = (await desk.propose()).proposal
    linus = await join(desk.stage, "linus", Role.SUPPORT)

    approvals = [approve(desk, who, proposal) for who in (desk.ada, linus) * 8]
    answers = await asyncio.gather(*approvals, return_exceptions=True)

    done = [answer for answer in answers if isinstance(answer, Done)]
    assert {type(answer) for answer in answers} == {Done, AlreadyDone}
    assert len(done) == 8
    assert len({answer.line for answer in done}) == 1
    assert await desk.lines() == [("grant", 40)]


async def test_an_approval_that_is_repeated_gives_nothing_again(desk: Desk) -> None:
    proposal = (await desk.propose()).proposal
    first = await approve(desk, desk.ada, proposal)
    desk.stage.clock.move(days=30)

    again = await approve(desk, desk.ada, proposal)

    assert (again.line, again.is_replay) == (first.line, True)
    assert await desk.lines() == [("grant", 40)]


async def test_what_is_carried_out_twice_after_a_crash_is_done_once(desk: Desk) -> None:
    proposal = (await desk.propose()).proposal
    deed = Deed(
        actor=desk.ada, action=StaffAction.GOODWILL, workspace_id=desk.workspace_id,
        thread_id=None, data=proposal.data, reason=WHY, key=str(proposal.proposal_id),
        at=desk.stage.clock.now(), approves=proposal,
    )  # fmt: skip

    for _ in range(3):
        await carry_out(desk.studio, deed=deed, action=ACTIONS["goodwill"])

    assert await desk.lines() == [("grant", 40)]
    assert await desk.counts() == (2, 2, 1)


async def test_an_approval_that_cannot_be_carried_out_leaves_the_proposal_open(desk: Desk) -> None:
    proposal = (await desk.propose()).proposal
    desk.rule(above=10, video=39)

    with pytest.raises(GoodwillSpent):
        await approve(desk, desk.ada, proposal)
    assert (await read(desk, proposal)).state is ProposalState.OPEN
    desk.rule(above=10, video=40)
    await approve(desk, desk.ada, proposal)

    assert await desk.lines() == [("grant", 40)]


async def test_goodwill_above_the_month_s_budget_is_not_proposed(desk: Desk) -> None:
    desk.rule(above=30, video=69)
    await desk.act(desk.grace, "goodwill", key="given", kind="video", credits=30)

    with pytest.raises(GoodwillSpent, match=r"40 video credits .* has left \(39\)"):
        await desk.act(desk.grace, "goodwill", kind="video", credits=40)
    last = await desk.act(desk.grace, "goodwill", kind="video", credits=39)

    assert isinstance(last, Proposed)
    assert await desk.fetch("SELECT count(*) FROM proposals") == 1
    assert await desk.counts() == (2, 2, 1)


async def test_an_approval_without_its_card_is_none(desk: Desk) -> None:
    proposal = (await desk.propose()).proposal
    before = await desk.counts()
    desk.stage.studio = replace(desk.studio, post_card=lose_card)

    with pytest.raises(SideRowRefused):
        await approve(desk, desk.ada, proposal)

    assert (await read(desk, proposal)).state is ProposalState.OPEN
    assert await desk.counts() == before


async def test_proposals_count_for_nothing_in_the_budget(desk: Desk) -> None:
    desk.rule(above=10, video=40)
    for number in range(3):
        await desk.act(desk.grace, "goodwill", key=f"wish-{number}", **GOODWILL)

    done = await desk.act(desk.grace, "goodwill", key="small", kind="video", credits=10)

    assert isinstance(done, Done)


async def test_a_proposal_is_refused_by_another(desk: Desk) -> None:
    proposal = (await desk.propose()).proposal
    wanted = {"proposal_id": proposal.proposal_id, "reason": "the clip is as it was asked for"}

    with pytest.raises(SecondPersonNeeded):
        await proposals.refuse(desk.studio, desk.grace, **wanted)
    found = await proposals.refuse(desk.studio, desk.ada, **wanted)
    again = await proposals.refuse(desk.studio, desk.ada, **wanted)

    assert (found.state, found.decided_by) == (ProposalState.REFUSED, desk.ada.staff_id)
    assert again == found
    with pytest.raises(ProposalDecided):
        await approve(desk, desk.ada, proposal)
    assert await desk.counts() == (2, 2, 0)


async def test_a_proposal_is_withdrawn_by_who_made_it(desk: Desk) -> None:
    proposal = (await desk.propose()).proposal
    wanted = {"proposal_id": proposal.proposal_id, "reason": "it was the wrong workspace"}

    with pytest.raises(NotYourProposal):
        await proposals.withdraw(desk.studio, desk.ada, **wanted)
    found = await proposals.withdraw(desk.studio, desk.grace, **wanted)

    assert (found.state, found.decided_by) == (ProposalState.WITHDRAWN, desk.grace.staff_id)
    with pytest.raises(ProposalDecided):
        await proposals.refuse(desk.studio, desk.ada, **wanted)


async def test_of_an_approval_and_a_withdrawal_at_once_one_counts(desk: Desk) -> None:
    proposal = (await desk.propose()).proposal
    withdrawn = proposals.withdraw(
        desk.studio, desk.grace, proposal_id=proposal.proposal_id, reason="changed my mind"
    )

    answers = await asyncio.gather(
        approve(desk, desk.ada, proposal), withdrawn, return_exceptions=True
    )

    state = (await read(desk, proposal)).state
    refused = [type(answer) for answer in answers if isinstance(answer, Exception)]
    assert refused == [ProposalDecided]
    assert await desk.lines() == ([("grant", 40)] if state is ProposalState.APPROVED else [])


async def test_an_unknown_proposal_is_refused(desk: Desk) -> None:
    with pytest.raises(UnknownProposal):
        await proposals.approve(desk.studio, desk.ada, proposal_id=uuid4(), reason=WHY)
