"""Members, their names and their invitations.

Invariant: a name or an address stands in `member_names` alone, so that it can be erased; whatever
changes a team locks its workspace first.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from mutoscope.domain.team import (
    InvitationState,
    MemberState,
    Role,
    UnknownInvitation,
    UnknownMember,
)
from mutoscope.storage.database import queries
from mutoscope.storage.workspaces import UnknownWorkspace

if TYPE_CHECKING:
    from collections.abc import Collection

    from mutoscope.storage.database import Connection

_SQL: Final = queries("team")


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A person in a workspace; `email` and `name` are None when they are erased."""

    workspace_id: UUID
    member_id: UUID
    role: Role
    state: MemberState
    invited_at: datetime
    joined_at: datetime | None
    removed_at: datetime | None
    erased_at: datetime | None
    email: str | None
    name: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """What somebody was sent to become a member; an open one is over at `expires_at`."""

    workspace_id: UUID
    invitation_id: UUID
    member_id: UUID
    request_digest: bytes
    state: InvitationState
    invited_by: UUID | None
    sendings: int
    created_at: datetime
    expires_at: datetime
    accepted_at: datetime | None
    withdrawn_at: datetime | None
    role: Role
    email: str | None


async def lock(connection: Connection, *, workspace_id: UUID) -> None:
    """Lock a workspace whose team is to change.

    :raises UnknownWorkspace: when there is none.
    """
    row = await _SQL.lock_team(connection, workspace_id=workspace_id)
    if row is None:
        raise UnknownWorkspace(workspace_id=workspace_id)


async def add_first_owner(
    connection: Connection, *, workspace_id: UUID, member_id: UUID, email: str,
    email_digest: bytes, at: datetime,
) -> None:  # fmt: skip
    """Make who opens a workspace its owner, unless it has members."""
    await _SQL.add_first_owner(
        connection, workspace_id=workspace_id, member_id=member_id, email_digest=email_digest,
        joined_at=at,
    )  # fmt: skip
    await _SQL.add_name(
        connection, workspace_id=workspace_id, member_id=member_id, email=email, name=None
    )


async def add_invited(
    connection: Connection, *, invitation: Invitation, email_digest: bytes, token_digest: bytes,
    request_key: str, name: str | None,
) -> None:  # fmt: skip
    """Keep somebody who is invited, and the invitation."""
    whose = {"workspace_id": invitation.workspace_id, "member_id": invitation.member_id}
    await _SQL.add_member(
        connection, **whose, email_digest=email_digest, role=invitation.role,
        invited_at=invitation.created_at,
    )  # fmt: skip
    await _SQL.add_name(connection, **whose, email=invitation.email, name=name)
    await _SQL.add_invitation(
        connection, **whose, invitation_id=invitation.invitation_id, request_key=request_key,
        request_digest=invitation.request_digest, token_digest=token_digest,
        invited_by=invitation.invited_by, created_at=invitation.created_at,
        expires_at=invitation.expires_at,
    )  # fmt: skip


async def member(connection: Connection, *, workspace_id: UUID, member_id: UUID) -> Member:
    """Return a member, removed or not.

    :raises UnknownMember: when the workspace has none of that id.
    """
    row = await _SQL.member(connection, workspace_id=workspace_id, member_id=member_id)
    if row is None:
        raise UnknownMember(member_id=member_id)
    return _member(row)


async def names_of(
    connection: Connection, *, workspace_id: UUID, member_ids: Collection[UUID]
) -> dict[UUID, str]:
    """Return how some members are called; those who were erased, or are none, are left out."""
    rows = _SQL.names_of(connection, workspace_id=workspace_id, member_ids=list(member_ids))
    return {row["member_id"]: row["called"] async for row in rows}


async def member_by_digest(
    connection: Connection, *, workspace_id: UUID, email_digest: bytes
) -> tuple[UUID, MemberState] | None:
    """Return the member that a person is now, if any, and how it stands."""
    row = await _SQL.member_by_digest(
        connection, workspace_id=workspace_id, email_digest=email_digest
    )
    return None if row is None else (row["member_id"], MemberState(row["state"]))


async def members(
    connection: Connection, *, workspace_id: UUID, after_at: datetime, after_id: UUID, limit: int
) -> tuple[Member, ...]:
    """Return members by age, after the one that is named."""
    rows = _SQL.members_after(
        connection, workspace_id=workspace_id, after_at=after_at, after_id=after_id, limit=limit
    )
    return tuple([_member(row) async for row in rows])


async def count(connection: Connection, *, workspace_id: UUID) -> tuple[int, int]:
    """Return how many are in a team, those invited too, and how many own the workspace."""
    row = await _SQL.count_members(connection, workspace_id=workspace_id)
    return row["members"], row["owners"]


async def change_role(
    connection: Connection, *, workspace_id: UUID, member_id: UUID, role: Role
) -> None:
    """Give a member another role."""
    await _SQL.change_role(connection, workspace_id=workspace_id, member_id=member_id, role=role)


async def remove(
    connection: Connection, *, workspace_id: UUID, member_id: UUID, at: datetime
) -> None:
    """End a membership, with the invitation to it and the caps on it."""
    whose = {"workspace_id": workspace_id, "member_id": member_id}
    await _SQL.remove_member(connection, **whose, at=at)
    await _SQL.withdraw_invitation(connection, **whose, at=at)
    await _SQL.remove_caps_of_member(connection, **whose)


async def erase(
    connection: Connection, *, workspace_id: UUID, member_id: UUID, at: datetime
) -> None:
    """Forget who a removed member was; what was used stays with the id."""
    await _SQL.erase_member(connection, workspace_id=workspace_id, member_id=member_id, at=at)
    await _SQL.erase_name(connection, workspace_id=workspace_id, member_id=member_id)


async def invitation(
    connection: Connection, *, workspace_id: UUID, invitation_id: UUID
) -> Invitation:
    """Return an invitation.

    :raises UnknownInvitation: when the workspace has none of that id.
    """
    row = await _SQL.invitation(connection, workspace_id=workspace_id, invitation_id=invitation_id)
    if row is None:
        raise UnknownInvitation(invitation_id=invitation_id)
    return _invitation(row)


async def invitation_by_request(
    connection: Connection, *, workspace_id: UUID, request_key: str
) -> Invitation | None:
    """Return the invitation that a request has made, if it did."""
    row = await _SQL.invitation_by_request(
        connection, workspace_id=workspace_id, request_key=request_key
    )
    return None if row is None else _invitation(row)


async def invitation_by_token(
    connection: Connection, *, workspace_id: UUID, token_digest: bytes
) -> Invitation | None:
    """Return the invitation that a link opens, or None when it opens none."""
    row = await _SQL.invitation_by_token(
        connection, workspace_id=workspace_id, token_digest=token_digest
    )
    return None if row is None else _invitation(row)


async def invitations(
    connection: Connection, *, workspace_id: UUID, after_at: datetime, after_id: UUID, limit: int
) -> tuple[Invitation, ...]:
    """Return open invitations by age, after the one that is named."""
    rows = _SQL.invitations_after(
        connection, workspace_id=workspace_id, after_at=after_at, after_id=after_id, limit=limit
    )
    return tuple([_invitation(row) async for row in rows])


async def accept(
    connection: Connection, *, workspace_id: UUID, token_digest: bytes, at: datetime
) -> UUID | None:
    """Use an invitation up, and let its member join; return who, or None when it is over."""
    member_id: UUID | None = await _SQL.accept_invitation(
        connection, workspace_id=workspace_id, token_digest=token_digest, at=at
    )
    if member_id is not None:
        await _SQL.join_member(connection, workspace_id=workspace_id, member_id=member_id, at=at)
    return member_id


async def change_name(
    connection: Connection, *, workspace_id: UUID, member_id: UUID, name: str
) -> None:
    """Call a member by another name."""
    await _SQL.change_name(connection, workspace_id=workspace_id, member_id=member_id, name=name)


async def send_again(
    connection: Connection, *, invitation: Invitation, token_digest: bytes, expires_at: datetime
) -> bool:
    """Let another link open an invitation; false when it is not open any more."""
    row = await _SQL.send_again(
        connection, workspace_id=invitation.workspace_id, invitation_id=invitation.invitation_id,
        token_digest=token_digest, expires_at=expires_at,
    )  # fmt: skip
    return row is not None


def _member(row: Any) -> Member:  # noqa: ANN401  # a row of asyncpg
    fields = dict(row)
    return Member(**fields | {"role": Role(row["role"]), "state": MemberState(row["state"])})


def _invitation(row: Any) -> Invitation:  # noqa: ANN401  # a row of asyncpg
    fields = dict(row)
    told = {"role": Role(row["role"]), "state": InvitationState(row["state"])}
    return Invitation(**fields | told)
