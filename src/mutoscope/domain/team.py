"""Teams: the members of a workspace, what each role may do, and how a membership begins and ends.

Invariant: a workspace that ever had an owner keeps one. A membership ends once; who comes back is
invited anew, as another member, so that what the first one used stays told apart.
"""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from mutoscope.domain.credits import Refusal

if TYPE_CHECKING:
    from uuid import UUID

INVITATION_LASTS: Final = timedelta(days=7)
MEMBERS_MAX: Final = 500
"""Members of a workspace, those invited included: more are a directory, not a team."""

NAME_MAX: Final = 200


class Role(StrEnum):
    """What a member is to a workspace."""

    OWNER = "owner"
    MEMBER = "member"
    VIEWER = "viewer"


class MemberState(StrEnum):
    """Where a membership stands."""

    INVITED = "invited"
    ACTIVE = "active"
    REMOVED = "removed"


class InvitationState(StrEnum):
    """Where an invitation stands; an open one is over when its time is."""

    OPEN = "open"
    ACCEPTED = "accepted"
    WITHDRAWN = "withdrawn"


class Act(StrEnum):
    """What a role may allow."""

    SEE = "see"
    SPEND = "spend"
    MANAGE = "manage"


MAY: Final[dict[Role, frozenset[Act]]] = {
    Role.OWNER: frozenset({Act.SEE, Act.SPEND, Act.MANAGE}),
    Role.MEMBER: frozenset({Act.SEE, Act.SPEND}),
    Role.VIEWER: frozenset({Act.SEE}),
}
"""What each role may do: see everything, spend credits, manage members and caps."""

TRANSITIONS: Final[dict[MemberState, frozenset[MemberState]]] = {
    MemberState.INVITED: frozenset({MemberState.ACTIVE, MemberState.REMOVED}),
    MemberState.ACTIVE: frozenset({MemberState.REMOVED}),
    MemberState.REMOVED: frozenset(),
}

_REMEDIES: Final = {
    Act.SEE: "ask an owner for an invitation",
    Act.SPEND: "ask an owner to make them a member",
    Act.MANAGE: "ask an owner to do it",
}


class UnknownMember(Refusal):
    """An id that names no member of the workspace, or one who was removed or has not joined."""

    code = "unknown_member"

    def __init__(self, *, member_id: UUID) -> None:
        super().__init__(
            f"there is no member {member_id} in this workspace now: the list of members names them"
        )
        self.member_id = member_id


class UnknownInvitation(Refusal):
    """An id that names no invitation of the workspace."""

    code = "unknown_invitation"

    def __init__(self, *, invitation_id: UUID) -> None:
        super().__init__(
            f"there is no invitation {invitation_id} in this workspace: the list names them"
        )
        self.invitation_id = invitation_id


class InvitationOver(Refusal):
    """An invitation that was used, withdrawn or replaced, or whose time is over."""

    code = "invitation_over"

    def __init__(self) -> None:
        super().__init__(
            "this invitation is not valid any more: ask an owner of the workspace to send it again"
        )


class AlreadyMember(Refusal):
    """An invitation of somebody who is a member, or is invited."""

    code = "already_member"

    def __init__(self, *, member_id: UUID, state: str) -> None:
        remedy = (
            "send the invitation again instead"
            if state == MemberState.INVITED
            else "change the role instead"
        )
        super().__init__(f"this person is in the workspace already ({state}): {remedy}")
        self.member_id = member_id
        self.state = str(state)


class LastOwner(Refusal):
    """The end of a workspace's only owner as such."""

    code = "last_owner"

    def __init__(self, *, member_id: UUID) -> None:
        super().__init__("this is the workspace's only owner: make another member an owner before")
        self.member_id = member_id


class RoleCannot(Refusal):
    """Something that a member's role does not allow."""

    code = "role_cannot"

    def __init__(self, *, member_id: UUID, role: str, act: Act) -> None:
        super().__init__(f"a {role} may not {act} in this workspace: {_REMEDIES[act]}")
        self.member_id = member_id
        self.role = str(role)


class TeamFull(Refusal):
    """A member beyond the most that a workspace has."""

    code = "team_full"

    def __init__(self) -> None:
        super().__init__(
            f"a workspace has at most {MEMBERS_MAX} members: remove one, or withdraw an invitation"
        )


class BadName(Refusal):
    """A name of a member or a workspace that is empty or too long."""

    code = "bad_name"

    def __init__(self) -> None:
        super().__init__(f"a name has 1 to {NAME_MAX} characters in one line")


def require(*, role: str, member_id: UUID, act: Act) -> None:
    """Pass when a role allows an act.

    :raises RoleCannot: when it does not.
    """
    if act not in MAY[Role(role)]:
        raise RoleCannot(member_id=member_id, role=role, act=act)


def checked_name(name: str) -> str:
    """Return a name without surrounding space.

    :raises BadName: when it is empty, too long, or has a character that is not printed.
    """
    text = name.strip()
    if not text or len(text) > NAME_MAX or not text.isprintable():
        raise BadName
    return text
