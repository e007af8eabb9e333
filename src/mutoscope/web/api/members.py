"""Members of a workspace and their invitations.

Owns the shapes of both. Invariant: the token of an invitation's link is in no answer: it goes to
the person's address alone.
"""

from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, JSONBody

from mutoscope.app import members
from mutoscope.app.desk_facts import WorkspaceClosed
from mutoscope.app.members import InvitationWish
from mutoscope.app.sign_up import BadEmail
from mutoscope.domain.credits import BadKey
from mutoscope.domain.planner import KeyReused
from mutoscope.domain.team import (
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
from mutoscope.storage import team, workspaces
from mutoscope.storage.cursor import BadCursor
from mutoscope.storage.place import FIRST, cursor_of, place_of
from mutoscope.storage.team import Invitation, Member
from mutoscope.storage.workspaces import UnknownWorkspace
from mutoscope.web.api.cursors import After, Limit
from mutoscope.web.api.shape import HouseHere, IdempotencyKey, Text
from mutoscope.web.api.workspaces import replay_headers
from mutoscope.web.errors import IdempotencyKeyMissing, documented

BODY: Final = ("not_json", "body_too_large")
MEMBERS: Final = "/workspaces/{workspace_id:uuid}/members"
INVITATIONS: Final = "/workspaces/{workspace_id:uuid}/invitations"
Token = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class NewInvitation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is invited; `by` is the owner who does so, without it the operator."""

    email: Text
    role: Role = Role.MEMBER
    name: Text | None = None
    by: UUID | None = None


class Acceptance(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The token of the link that was sent, and how the person wants to be called."""

    token: Token
    name: Text | None = None


class Acting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The owner who acts; without one it is the operator."""

    by: UUID | None = None


class NewRole(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a member is from now on."""

    role: Role
    by: UUID | None = None


class Removal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a membership ends; `is_erased` forgets name and address, too."""

    by: UUID | None = None
    is_erased: bool = False


class MemberShape(msgspec.Struct, frozen=True, kw_only=True):
    """A member; `email` and `name` are null when they are erased."""

    member_id: UUID
    role: Role
    state: MemberState
    email: str | None
    name: str | None
    invited_at: datetime
    joined_at: datetime | None
    removed_at: datetime | None
    erased_at: datetime | None


class MemberPage(msgspec.Struct, frozen=True, kw_only=True):
    """Members by age; `next` is the cursor of the page after, None on the last."""

    members: tuple[MemberShape, ...]
    next: str | None


class InvitationShape(msgspec.Struct, frozen=True, kw_only=True):
    """An invitation; an open one is over at `expires_at`."""

    invitation_id: UUID
    member_id: UUID
    state: InvitationState
    role: Role
    email: str | None
    invited_by: UUID | None
    sendings: int
    created_at: datetime
    expires_at: datetime
    accepted_at: datetime | None
    withdrawn_at: datetime | None


class InvitationPage(msgspec.Struct, frozen=True, kw_only=True):
    """Open invitations by age; `next` is the cursor of the page after, None on the last."""

    invitations: tuple[InvitationShape, ...]
    next: str | None


@get(
    MEMBERS, operation_id="listMembers", tags=["team"],
    summary="The members of a workspace, the eldest first, those removed too",
    responses=documented(UnknownWorkspace, BadCursor),
)  # fmt: skip
async def list_members(
    *, house: HouseHere, workspace_id: FromPath[UUID], limit: Limit = 50, after: After = None
) -> MemberPage:
    """Return a page of members."""
    begin = place_of(after, begin=FIRST)
    async with house.studio.reading() as connection:
        await workspaces.get(connection, workspace_id=workspace_id)
        found = await team.members(
            connection, workspace_id=workspace_id, after_at=begin.at, after_id=begin.item_id,
            limit=limit + 1,
        )  # fmt: skip
    last = found[limit - 1] if len(found) > limit else None
    following = cursor_of(at=last.invited_at, item_id=last.member_id) if last else None
    return MemberPage(members=tuple(map(_member_shape, found[:limit])), next=following)


@post(
    MEMBERS + "/{member_id:uuid}/role", operation_id="changeRole", tags=["team"],
    status_code=200, summary="Make a member an owner, a member or a viewer",
    responses=documented(UnknownWorkspace, UnknownMember, LastOwner, RoleCannot, *BODY),
)  # fmt: skip
async def change_role(
    *, house: HouseHere, workspace_id: FromPath[UUID], member_id: FromPath[UUID],
    data: JSONBody[NewRole],
) -> MemberShape:  # fmt: skip
    """Give a member another role."""
    changed = await members.change_role(
        house.studio, workspace_id=workspace_id, member_id=member_id, role=data.role, by=data.by
    )
    return _member_shape(changed)


@post(
    MEMBERS + "/{member_id:uuid}/remove", operation_id="removeMember", tags=["team"],
    status_code=200, summary="Remove a member, and forget who it was when that is asked for",
    responses=documented(UnknownWorkspace, UnknownMember, LastOwner, RoleCannot, *BODY),
)  # fmt: skip
async def remove_member(
    *, house: HouseHere, workspace_id: FromPath[UUID], member_id: FromPath[UUID],
    data: JSONBody[Removal],
) -> MemberShape:  # fmt: skip
    """End a membership; what was used stays with the id."""
    removed = await members.remove(
        house.studio, workspace_id=workspace_id, member_id=member_id, by=data.by,
        is_erased=data.is_erased,
    )  # fmt: skip
    return _member_shape(removed)


@post(
    INVITATIONS, operation_id="inviteMember", tags=["team"],
    summary="Invite a person: the link goes to the address, works once and for 7 days",
    responses=documented(
        UnknownWorkspace, UnknownMember, BadEmail, BadName, RoleCannot, AlreadyMember, TeamFull,
        BadKey, KeyReused, IdempotencyKeyMissing, *BODY,
    ),
)  # fmt: skip
async def invite_member(
    *, house: HouseHere, workspace_id: FromPath[UUID], data: JSONBody[NewInvitation],
    idempotency_key: IdempotencyKey,
) -> Response[InvitationShape]:  # fmt: skip
    """Invite a person; a repeat with the same key returns the same invitation."""
    wish = InvitationWish(email=data.email, role=data.role, name=data.name, by=data.by)
    made, is_replay = await members.invite(
        house.studio, workspace_id=workspace_id, wish=wish, key=idempotency_key
    )
    return Response(_shape(made), headers=dict(replay_headers(is_replay=is_replay)))


@get(
    INVITATIONS, operation_id="listInvitations", tags=["team"],
    summary="The open invitations of a workspace, the eldest first",
    responses=documented(UnknownWorkspace, BadCursor),
)  # fmt: skip
async def list_invitations(
    *, house: HouseHere, workspace_id: FromPath[UUID], limit: Limit = 50, after: After = None
) -> InvitationPage:
    """Return a page of open invitations."""
    begin = place_of(after, begin=FIRST)
    async with house.studio.reading() as connection:
        await workspaces.get(connection, workspace_id=workspace_id)
        found = await team.invitations(
            connection, workspace_id=workspace_id, after_at=begin.at, after_id=begin.item_id,
            limit=limit + 1,
        )  # fmt: skip
    last = found[limit - 1] if len(found) > limit else None
    following = cursor_of(at=last.created_at, item_id=last.invitation_id) if last else None
    return InvitationPage(invitations=tuple(map(_shape, found[:limit])), next=following)


@post(
    INVITATIONS + "/accept", operation_id="acceptInvitation", tags=["team"], status_code=200,
    summary="Become a member by the token of an invitation's link, once",
    responses=documented(UnknownWorkspace, WorkspaceClosed, InvitationOver, BadName, *BODY),
)  # fmt: skip
async def accept_invitation(
    *, house: HouseHere, workspace_id: FromPath[UUID], data: JSONBody[Acceptance]
) -> MemberShape:
    """Accept an invitation."""
    joined = await members.accept(
        house.studio, workspace_id=workspace_id, token=data.token, name=data.name
    )
    return _member_shape(joined)


@post(
    INVITATIONS + "/{invitation_id:uuid}/resend", operation_id="resendInvitation", tags=["team"],
    status_code=200, summary="Send an open invitation again; the elder link is worthless then",
    responses=documented(
        UnknownWorkspace, UnknownInvitation, UnknownMember, InvitationOver, RoleCannot, *BODY
    ),
)  # fmt: skip
async def resend_invitation(
    *, house: HouseHere, workspace_id: FromPath[UUID], invitation_id: FromPath[UUID],
    data: JSONBody[Acting],
) -> InvitationShape:  # fmt: skip
    """Send an invitation again."""
    sent = await members.resend(
        house.studio, workspace_id=workspace_id, invitation_id=invitation_id, by=data.by
    )
    return _shape(sent)


@post(
    INVITATIONS + "/{invitation_id:uuid}/withdraw", operation_id="withdrawInvitation",
    tags=["team"], status_code=200, summary="Take an open invitation back",
    responses=documented(
        UnknownWorkspace, UnknownInvitation, UnknownMember, InvitationOver, RoleCannot, *BODY
    ),
)  # fmt: skip
async def withdraw_invitation(
    *, house: HouseHere, workspace_id: FromPath[UUID], invitation_id: FromPath[UUID],
    data: JSONBody[Acting],
) -> InvitationShape:  # fmt: skip
    """Take an invitation back."""
    withdrawn = await members.withdraw(
        house.studio, workspace_id=workspace_id, invitation_id=invitation_id, by=data.by
    )
    return _shape(withdrawn)


def _member_shape(member: Member) -> MemberShape:
    return msgspec.convert(member, MemberShape, from_attributes=True)


def _shape(invitation: Invitation) -> InvitationShape:
    return msgspec.convert(invitation, InvitationShape, from_attributes=True)
