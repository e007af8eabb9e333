"""A team has an owner for ever; an invitation lets one person in, once, for seven days."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from mutoscope.app import members, sign_up
from mutoscope.app.members import InvitationWish
from mutoscope.app.sign_up import BadEmail
from mutoscope.domain.planner import KeyReused
from mutoscope.domain.team import (
    MAY,
    MEMBERS_MAX,
    TRANSITIONS,
    Act,
    AlreadyMember,
    BadName,
    InvitationOver,
    InvitationState,
    LastOwner,
    MemberState,
    Role,
    RoleCannot,
    TeamFull,
    UnknownInvitation,
    UnknownMember,
)
from mutoscope.storage import team
from mutoscope.storage.team import Invitation, Member
from mutoscope.storage.workspaces import UnknownWorkspace
from soundness import assert_sound
from studio_fixture import open_workspace
from studio_stage import Stage, open_stage
from team_stage import join, letters, token_of

FIRST = {"after_at": None, "after_id": UUID(int=0), "limit": 100}


@pytest.fixture
async def stage(database_url: str, tmp_path: Path) -> AsyncIterator[Stage]:
    async with open_stage(database_url, tmp_path) as stage:
        opened = await sign_up.create(
            stage.studio, name="Corona", zone="UTC", email="owner@example.com"
        )
        stage.clock.move(seconds=1)
        yield replace(stage, workspace_id=opened.workspace_id)
        await assert_sound(database_url)


async def team_of(stage: Stage) -> tuple[Member, ...]:
    begin = FIRST | {"after_at": stage.clock.now() - timedelta(days=90)}
    async with stage.studio.reading() as connection:
        return await team.members(connection, workspace_id=stage.workspace_id, **begin)


async def owner_of(stage: Stage) -> Member:
    return (await team_of(stage))[0]


async def invite(
    stage: Stage, email: str = "ada@example.com", *, key: str = "key", **more: object
) -> Invitation:
    made, _ = await members.invite(
        stage.studio, workspace_id=stage.workspace_id, key=key,
        wish=InvitationWish(email=email, **more),
    )  # fmt: skip
    return made


async def accept(stage: Stage, token: str, **more: str) -> Member:
    return await members.accept(stage.studio, workspace_id=stage.workspace_id, token=token, **more)


async def change(stage: Stage, member: Member, role: Role, by: UUID | None = None) -> Member:
    return await members.change_role(
        stage.studio, workspace_id=stage.workspace_id, member_id=member.member_id, role=role, by=by
    )


async def remove(stage: Stage, member: Member, **more: object) -> Member:
    return await members.remove(
        stage.studio, workspace_id=stage.workspace_id, member_id=member.member_id, **more
    )


async def test_who_opens_a_workspace_with_an_address_owns_it(stage: Stage) -> None:
    signed = await sign_up.sign_up(stage.studio, name="Ada", email="ada@example.com", zone="UTC")

    (owner,) = await team_of(stage)
    (newcomer,) = await team_of(replace(stage, workspace_id=signed.workspace_id))

    assert (owner.role, owner.state, owner.email) == ("owner", "active", "owner@example.com")
    assert (newcomer.role, newcomer.email) == ("owner", "ada@example.com")


async def test_a_workspace_without_an_address_has_no_members(stage: Stage) -> None:
    elder = replace(stage, workspace_id=await open_workspace(stage))

    assert await team_of(elder) == ()

    owner = await join(elder, "ada", role=Role.OWNER)
    assert await team_of(elder) == (owner,)


async def test_an_invitation_lets_a_person_in(stage: Stage) -> None:
    made = await invite(stage, role=Role.VIEWER, name="Ada")
    (letter, *_) = await letters(stage)
    stage.clock.move(days=1)

    joined = await accept(stage, await token_of(stage), name=" Ada L. ")

    assert (letter.recipient, letter.subject) == ("ada@example.com", "You are invited to Corona")
    seller = stage.studio.seller.party.legal_name
    assert letter.body.startswith(f"{seller} invites you to Corona as viewer. Until 27 Jan 2025 ")
    assert (joined.member_id, joined.name) == (made.member_id, "Ada L.")
    assert (joined.role, joined.state, joined.joined_at) == (
        Role.VIEWER, MemberState.ACTIVE, stage.clock.now()
    )  # fmt: skip


async def test_an_invitation_names_the_member_who_invites(stage: Stage) -> None:
    owner = await join(stage, "grace", role=Role.OWNER)

    await invite(stage, by=owner.member_id)
    (letter, *_) = await letters(stage)

    assert letter.body.startswith("Grace invites you to Corona as member. Until ")


async def test_the_token_is_kept_nowhere_but_in_the_letter(stage: Stage) -> None:
    await invite(stage)
    token = await token_of(stage)

    async with stage.studio.reading() as connection:
        rows = await connection.fetch("SELECT i::text FROM invitations AS i")

    assert len(token) == 64
    assert all(token not in row[0] for row in rows)


async def test_a_public_address_makes_the_token_a_link(stage: Stage) -> None:
    calls = replace(stage.studio.call_backs, url="https://studio.example")

    await invite(replace(stage, studio=replace(stage.studio, call_backs=calls)))

    place = f"https://studio.example/invitations/{stage.workspace_id}/"
    assert place in (await letters(stage))[0].body


async def test_of_an_invitation_used_by_several_at_once_one_is_let_in(stage: Stage) -> None:
    await invite(stage)
    token = await token_of(stage)

    found = await asyncio.gather(*(accept(stage, token) for _ in range(8)), return_exceptions=True)

    assert [isinstance(each, Member) for each in found].count(True) == 1
    assert [isinstance(each, InvitationOver) for each in found].count(True) == 7


async def test_an_invitation_is_over_after_seven_days_to_the_instant(stage: Stage) -> None:
    await invite(stage)
    token = await token_of(stage)

    stage.clock.move(days=7)
    with pytest.raises(InvitationOver):
        await accept(stage, token)
    stage.clock.move(microseconds=-1)

    assert (await accept(stage, token)).state is MemberState.ACTIVE


async def test_an_invitation_that_is_sent_again_lasts_anew_and_its_elder_link_is_over(
    stage: Stage,
) -> None:
    made = await invite(stage)
    elder = await token_of(stage)
    stage.clock.move(days=8)
    whose = {"workspace_id": stage.workspace_id, "invitation_id": made.invitation_id}

    sent = await members.resend(stage.studio, **whose)

    newer = await token_of(stage)
    assert (sent.sendings, sent.expires_at) == (2, stage.clock.now() + timedelta(days=7))
    with pytest.raises(InvitationOver):
        await accept(stage, elder)
    await accept(stage, newer)
    with pytest.raises(InvitationOver):
        await members.resend(stage.studio, **whose)


async def test_a_withdrawn_invitation_lets_nobody_in(stage: Stage) -> None:
    made = await invite(stage)
    token = await token_of(stage)
    whose = {"workspace_id": stage.workspace_id, "invitation_id": made.invitation_id}

    withdrawn = await members.withdraw(stage.studio, **whose)

    assert withdrawn.state is InvitationState.WITHDRAWN
    assert (await team_of(stage))[1].state is MemberState.REMOVED
    with pytest.raises(InvitationOver):
        await accept(stage, token)
    for again in (members.withdraw, members.resend):
        with pytest.raises(InvitationOver):
            await again(stage.studio, **whose)


async def test_a_repeat_of_an_invitation_sends_one_letter(stage: Stage) -> None:
    made = await invite(stage)

    again = await invite(stage, "ADA+x@example.com")

    assert again == made
    assert len(await letters(stage)) == 1
    with pytest.raises(KeyReused):
        await invite(stage, "grace@example.com")


async def test_invitations_at_once_under_one_key_are_one(stage: Stage) -> None:
    found = await asyncio.gather(*(invite(stage) for _ in range(6)))

    assert len({each.invitation_id for each in found}) == 1
    assert len(await letters(stage)) == 1


async def test_a_person_is_a_member_once(stage: Stage) -> None:
    await invite(stage)
    with pytest.raises(AlreadyMember, match="send the invitation again"):
        await invite(stage, "ada+2@example.com", key="other")
    joined = await accept(stage, await token_of(stage))
    with pytest.raises(AlreadyMember, match="change the role"):
        await invite(stage, key="other")

    await remove(stage, joined)
    anew = await invite(stage, key="other")

    assert anew.member_id != joined.member_id


async def test_the_last_owner_stays_one(stage: Stage) -> None:
    owner = await owner_of(stage)
    invited = await invite(stage, role=Role.OWNER)

    with pytest.raises(LastOwner):
        await change(stage, owner, Role.MEMBER)
    with pytest.raises(LastOwner):
        await remove(stage, owner)

    second = await accept(stage, await token_of(stage))
    assert second.member_id == invited.member_id
    assert (await change(stage, owner, Role.VIEWER)).role is Role.VIEWER
    with pytest.raises(LastOwner):
        await remove(stage, second)


async def test_of_owners_who_leave_at_once_one_stays(stage: Stage) -> None:
    owners = [await owner_of(stage)]
    owners += [await join(stage, name, role=Role.OWNER) for name in ("ada", "grace", "joan")]
    await asyncio.gather(*(team_of(stage) for _ in owners))  # so that all connections are open

    found = await asyncio.gather(
        *(remove(stage, owner) for owner in owners[:2]),
        *(change(stage, owner, Role.MEMBER) for owner in owners[2:]),
        return_exceptions=True,
    )

    assert [isinstance(each, LastOwner) for each in found].count(True) == 1
    assert [isinstance(each, Member) for each in found].count(True) == 3


async def test_only_owners_manage_and_anybody_may_leave(stage: Stage) -> None:
    owner, ada = await owner_of(stage), await join(stage, "ada")
    by_ada = {"by": ada.member_id}

    with pytest.raises(RoleCannot, match="a member may not manage"):
        await invite(stage, "grace@example.com", key="grace", **by_ada)
    with pytest.raises(RoleCannot):
        await change(stage, ada, Role.OWNER, ada.member_id)
    with pytest.raises(RoleCannot):
        await remove(stage, owner, **by_ada)
    left = await remove(stage, ada, **by_ada)

    assert left.state is MemberState.REMOVED
    with pytest.raises(UnknownMember):
        await invite(stage, "grace@example.com", key="grace", **by_ada)
    await invite(stage, "grace@example.com", key="grace", by=owner.member_id)


async def test_somebody_who_is_only_invited_manages_nothing(stage: Stage) -> None:
    invited = await invite(stage, role=Role.OWNER)

    with pytest.raises(UnknownMember):
        await invite(stage, "grace@example.com", key="grace", by=invited.member_id)


async def test_an_erased_member_has_neither_name_nor_address(stage: Stage) -> None:
    ada = await join(stage, "ada")
    await remove(stage, ada)
    with pytest.raises(UnknownMember):
        await remove(stage, ada)

    erased = await remove(stage, ada, is_erased=True)

    assert (erased.name, erased.email, erased.state) == (None, None, MemberState.REMOVED)
    async with stage.studio.reading() as connection:
        digest = await connection.fetchval(
            "SELECT email_digest FROM members WHERE member_id = $1", ada.member_id
        )
    assert digest is None


async def test_a_team_has_a_limit(stage: Stage) -> None:
    async with stage.studio.reading() as connection:
        await connection.execute(
            "INSERT INTO members (workspace_id, member_id, role, state, invited_at) "
            "SELECT $1, gen_random_uuid(), 'member', 'invited', $2 FROM generate_series(1, $3)",
            stage.workspace_id, stage.clock.now(), MEMBERS_MAX - 2,
        )  # fmt: skip

    await invite(stage)

    with pytest.raises(TeamFull):
        await invite(stage, "grace@example.com", key="grace")


async def test_what_is_malformed_or_elsewhere_is_refused_by_name(stage: Stage) -> None:
    elsewhere = replace(stage, workspace_id=await open_workspace(stage))
    made, ada = await invite(stage), await owner_of(stage)

    with pytest.raises(BadEmail):
        await invite(stage, "nobody", key="bad")
    for name in ("", "a\nb", "x" * 201):
        with pytest.raises(BadName):
            await invite(stage, "b@example.com", key="bad", name=name)
    with pytest.raises(UnknownMember):
        await change(elsewhere, ada, Role.MEMBER)
    with pytest.raises(UnknownInvitation):
        await members.withdraw(
            stage.studio, workspace_id=elsewhere.workspace_id, invitation_id=made.invitation_id
        )
    with pytest.raises(InvitationOver):
        await accept(elsewhere, await token_of(stage))
    with pytest.raises(UnknownWorkspace):
        await invite(replace(stage, workspace_id=uuid4()))


def test_every_role_and_state_has_its_line() -> None:
    assert MAY.keys() == set(Role)
    assert TRANSITIONS.keys() == set(MemberState)
    assert {role for role in Role if Act.MANAGE in MAY[role]} == {Role.OWNER}
