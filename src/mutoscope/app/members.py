"""Teams: people are invited, accept, get another role, leave or are removed.

Each change is one transaction under the workspace's lock, with the mail that it sends. Who acts is
judged by the role when a member is named; without one it is the operator, who may do everything.
The surprising choice: a link's token follows from the studio's own key and the number of the
sending, so that it is kept nowhere; the database has its digest alone.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from mutoscope.app.desk_facts import WorkspaceClosed
from mutoscope.app.sign_up import normalised_email, person_digest
from mutoscope.domain import instants
from mutoscope.domain.credits import checked_key
from mutoscope.domain.planner import KeyReused
from mutoscope.domain.team import (
    INVITATION_LASTS,
    MEMBERS_MAX,
    Act,
    AlreadyMember,
    InvitationOver,
    InvitationState,
    LastOwner,
    MemberState,
    Role,
    TeamFull,
    UnknownMember,
    checked_name,
    require,
)
from mutoscope.storage import team, workspaces
from mutoscope.storage.team import Invitation, Member
from mutoscope.storage.workspaces import Message, Workspace

if TYPE_CHECKING:
    from uuid import UUID

    from mutoscope.app.studio import Studio
    from mutoscope.storage.database import Connection

NAMESPACE: Final = "invitation"
PATH: Final = "/invitations"
"""Where the links lead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationWish:
    """Who is invited as what, and by which member (None: by the operator)."""

    email: str
    role: Role = Role.MEMBER
    name: str | None = None
    by: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedInvitation:
    """What a link shows: the invitation, who is invited, and by whom (None: by the operator)."""

    workspace: Workspace
    invitation: Invitation
    member: Member
    inviter: Member | None


async def invite(
    studio: Studio, *, workspace_id: UUID, wish: InvitationWish, key: str
) -> tuple[Invitation, bool]:
    """Invite a person under a key of the client's; return it, and whether it was done before.

    :raises UnknownWorkspace: when there is no such workspace.
    :raises BadEmail: when the address is malformed.
    :raises BadName: when the name is.
    :raises UnknownMember: when who invites is no member.
    :raises RoleCannot: when who invites is no owner.
    :raises KeyReused: when the key has invited another person, or in another way.
    :raises AlreadyMember: when the person is in the team, or invited.
    :raises TeamFull: when the team has as many members as may be.
    """
    checked_key(key)
    name = None if wish.name is None else checked_name(wish.name)
    digest = person_digest(studio, email=wish.email)
    request_digest = _request_digest(studio, wish, name)
    async with studio.reading() as connection, connection.transaction():
        await team.lock(connection, workspace_id=workspace_id)
        before = await team.invitation_by_request(
            connection, workspace_id=workspace_id, request_key=key
        )
        if before is not None:
            if before.request_digest != request_digest:
                raise KeyReused(namespace=NAMESPACE, key=key)
            return before, True
        await _require_manager(connection, workspace_id, wish.by)
        await _check_room(connection, workspace_id, digest)
        made = _invitation(studio, workspace_id, wish, request_digest)
        token = _token(studio, made)
        await team.add_invited(
            connection, invitation=made, email_digest=digest, token_digest=_digest(token),
            request_key=key, name=name,
        )  # fmt: skip
        await _send(studio, connection, made, token=token)
    return made, False


async def resend(
    studio: Studio, *, workspace_id: UUID, invitation_id: UUID, by: UUID | None = None
) -> Invitation:
    """Send an open invitation again, for its whole time; the elder link is worthless from now on.

    :raises UnknownInvitation: when the workspace has none of that id.
    :raises InvitationOver: when it was accepted or withdrawn.
    :raises RoleCannot: when who acts is no owner.
    """
    at = studio.clock.now()
    async with studio.reading() as connection, connection.transaction():
        await team.lock(connection, workspace_id=workspace_id)
        await _require_manager(connection, workspace_id, by)
        found = await team.invitation(
            connection, workspace_id=workspace_id, invitation_id=invitation_id
        )
        token = _token(studio, found, sending=found.sendings + 1)
        is_sent = await team.send_again(
            connection, invitation=found, token_digest=_digest(token),
            expires_at=at + INVITATION_LASTS,
        )  # fmt: skip
        if not is_sent:
            raise InvitationOver
        await _send(studio, connection, found, token=token)
        return await team.invitation(
            connection, workspace_id=workspace_id, invitation_id=invitation_id
        )


async def withdraw(
    studio: Studio, *, workspace_id: UUID, invitation_id: UUID, by: UUID | None = None
) -> Invitation:
    """Take an open invitation back: its link is worthless, and the person is no member.

    :raises UnknownInvitation: when the workspace has none of that id.
    :raises InvitationOver: when it was accepted or withdrawn before.
    :raises RoleCannot: when who acts is no owner.
    """
    at = studio.clock.now()
    async with studio.reading() as connection, connection.transaction():
        await team.lock(connection, workspace_id=workspace_id)
        await _require_manager(connection, workspace_id, by)
        found = await team.invitation(
            connection, workspace_id=workspace_id, invitation_id=invitation_id
        )
        if found.state is not InvitationState.OPEN:
            raise InvitationOver
        await team.remove(connection, workspace_id=workspace_id, member_id=found.member_id, at=at)
        return await team.invitation(
            connection, workspace_id=workspace_id, invitation_id=invitation_id
        )


async def opened(studio: Studio, *, workspace_id: UUID, token: str) -> OpenedInvitation | None:
    """Return what the token of a link opens, whatever became of it; None when it opens nothing."""
    async with studio.reading() as connection:
        found = await team.invitation_by_token(
            connection, workspace_id=workspace_id, token_digest=_digest(token)
        )
        if found is None:
            return None
        whose = {"workspace_id": workspace_id}
        by = found.invited_by
        return OpenedInvitation(
            workspace=await workspaces.get(connection, **whose), invitation=found,
            member=await team.member(connection, **whose, member_id=found.member_id),
            inviter=None if by is None else await team.member(connection, **whose, member_id=by),
        )  # fmt: skip


def inviter_told(studio: Studio, inviter: Member | None) -> str:
    """Return what somebody who invites is called; without a member it is the house."""
    if inviter is None:
        return studio.seller.party.legal_name
    return inviter.name or inviter.email or "an owner of the workspace"


async def accept(
    studio: Studio, *, workspace_id: UUID, token: str, name: str | None = None
) -> Member:
    """Become a member by the token of an invitation's link, once.

    :raises UnknownWorkspace: when there is no such workspace.
    :raises WorkspaceClosed: when it is closed.
    :raises InvitationOver: when the token is none, was used, replaced or withdrawn, or is too old.
    :raises BadName: when the name is malformed.
    """
    told, at = None if name is None else checked_name(name), studio.clock.now()
    async with studio.reading() as connection, connection.transaction():
        await team.lock(connection, workspace_id=workspace_id)
        closed_at = (await workspaces.get(connection, workspace_id=workspace_id)).closed_at
        if closed_at is not None:
            raise WorkspaceClosed(closed_at=closed_at)
        member_id = await team.accept(
            connection, workspace_id=workspace_id, token_digest=_digest(token), at=at
        )
        if member_id is None:
            raise InvitationOver
        if told is not None:
            await team.change_name(
                connection, workspace_id=workspace_id, member_id=member_id, name=told
            )
        return await team.member(connection, workspace_id=workspace_id, member_id=member_id)


async def change_role(
    studio: Studio, *, workspace_id: UUID, member_id: UUID, role: Role, by: UUID | None = None
) -> Member:
    """Give a member, or somebody who is invited, another role.

    :raises UnknownMember: when the workspace has no such member now.
    :raises LastOwner: when it is the only owner.
    :raises RoleCannot: when who acts is no owner.
    """
    async with studio.reading() as connection, connection.transaction():
        await team.lock(connection, workspace_id=workspace_id)
        await _require_manager(connection, workspace_id, by)
        found = await _present(connection, workspace_id, member_id)
        if role is not Role.OWNER:
            await _require_another_owner(connection, found)
        await team.change_role(
            connection, workspace_id=workspace_id, member_id=member_id, role=role
        )
        return await team.member(connection, workspace_id=workspace_id, member_id=member_id)


async def remove(
    studio: Studio, *, workspace_id: UUID, member_id: UUID, by: UUID | None = None,
    is_erased: bool = False,
) -> Member:  # fmt: skip
    """End a membership; a member may leave without being an owner. Caps on it end with it.

    With `is_erased` name and address are forgotten, also those of a member who was removed before;
    what was used stays with the id.

    :raises UnknownMember: when the workspace has no such member now.
    :raises LastOwner: when it is the only owner.
    :raises RoleCannot: when who acts is neither an owner nor the member.
    """
    at = studio.clock.now()
    async with studio.reading() as connection, connection.transaction():
        await team.lock(connection, workspace_id=workspace_id)
        if by != member_id:
            await _require_manager(connection, workspace_id, by)
        found = await team.member(connection, workspace_id=workspace_id, member_id=member_id)
        if found.state is not MemberState.REMOVED:
            await _require_another_owner(connection, found)
            await team.remove(connection, workspace_id=workspace_id, member_id=member_id, at=at)
        elif not is_erased:
            raise UnknownMember(member_id=member_id)
        if is_erased:
            await team.erase(connection, workspace_id=workspace_id, member_id=member_id, at=at)
        return await team.member(connection, workspace_id=workspace_id, member_id=member_id)


async def require_manager(studio: Studio, *, workspace_id: UUID, by: UUID | None) -> None:
    """Pass when a named member may manage the team and its caps, or none is named.

    :raises UnknownMember: when the workspace has no such member now.
    :raises RoleCannot: when the role does not allow it.
    """
    if by is not None:
        async with studio.reading() as connection:
            await _require_manager(connection, workspace_id, by)


async def _require_manager(connection: Connection, workspace_id: UUID, by: UUID | None) -> None:
    if by is None:
        return
    found = await _present(connection, workspace_id, by)
    if found.state is not MemberState.ACTIVE:
        raise UnknownMember(member_id=by)
    require(role=found.role, member_id=by, act=Act.MANAGE)


async def _require_another_owner(connection: Connection, found: Member) -> None:
    """Pass when a workspace keeps an owner without this member; its team is locked."""
    if found.role is not Role.OWNER or found.state is not MemberState.ACTIVE:
        return
    _, owners = await team.count(connection, workspace_id=found.workspace_id)
    if owners == 1:
        raise LastOwner(member_id=found.member_id)


async def _present(connection: Connection, workspace_id: UUID, member_id: UUID) -> Member:
    found = await team.member(connection, workspace_id=workspace_id, member_id=member_id)
    if found.state is MemberState.REMOVED:
        raise UnknownMember(member_id=member_id)
    return found


async def _check_room(connection: Connection, workspace_id: UUID, digest: bytes) -> None:
    there = await team.member_by_digest(connection, workspace_id=workspace_id, email_digest=digest)
    if there is not None:
        raise AlreadyMember(member_id=there[0], state=there[1])
    members, _ = await team.count(connection, workspace_id=workspace_id)
    if members >= MEMBERS_MAX:
        raise TeamFull


def _invitation(
    studio: Studio, workspace_id: UUID, wish: InvitationWish, request_digest: bytes
) -> Invitation:
    at = studio.clock.now()
    return Invitation(
        workspace_id=workspace_id, invitation_id=studio.ids.new(), member_id=studio.ids.new(),
        request_digest=request_digest, state=InvitationState.OPEN, invited_by=wish.by, sendings=1,
        created_at=at, expires_at=at + INVITATION_LASTS, accepted_at=None, withdrawn_at=None,
        role=wish.role, email=wish.email.strip(),
    )  # fmt: skip


async def _send(
    studio: Studio, connection: Connection, invitation: Invitation, *, token: str
) -> None:
    """Put the mail with the link into the outbox."""
    assert invitation.email is not None
    at, whose = studio.clock.now(), {"workspace_id": invitation.workspace_id}
    workspace, by = await workspaces.get(connection, **whose), invitation.invited_by
    inviter = None if by is None else await team.member(connection, **whose, member_id=by)
    called, who = (
        " ".join(each.split()) for each in (workspace.name, inviter_told(studio, inviter))
    )
    until = instants.told(at + INVITATION_LASTS, zone=workspace.zone)
    way = f"mutoscope member accept {invitation.workspace_id} {token}"
    if studio.call_backs.url:
        way = f"{studio.call_backs.url}{PATH}/{invitation.workspace_id}/{token}"
    message = Message(
        message_id=studio.ids.new(), recipient=invitation.email,
        subject=f"You are invited to {called}",
        body=f"{who} invites you to {called} as {invitation.role}. Until {until} this lets you in, "
        f"once: {way}",
        created_at=at,
    )  # fmt: skip
    await workspaces.write_message(
        connection, workspace_id=invitation.workspace_id, message=message
    )


def _token(studio: Studio, invitation: Invitation, *, sending: int = 1) -> str:
    text = f"invitation {invitation.workspace_id} {invitation.invitation_id} {sending}"
    return hmac.new(studio.email_key, text.encode(), sha256).hexdigest()


def _digest(token: str) -> bytes:
    return sha256(token.strip().encode("utf-8", "surrogatepass")).digest()


def _request_digest(studio: Studio, wish: InvitationWish, name: str | None) -> bytes:
    text = repr((normalised_email(wish.email), str(wish.role), name, str(wish.by)))
    return hmac.digest(studio.email_key, f"request {text}".encode(), "sha256")[:16]
