"""`mutoscope member`: who is in a workspace, who is invited, and as what."""

from dataclasses import dataclass
from typing import Annotated, Final
from uuid import UUID

import typer
from rich.markup import escape

from mutoscope.app import members
from mutoscope.app.members import InvitationWish
from mutoscope.app.usage import ERASED
from mutoscope.bootstrap import House
from mutoscope.cli.opening import in_house, zone_of
from mutoscope.cli.options import Json, WorkspaceId, id_of, takes
from mutoscope.cli.plain import print_json
from mutoscope.cli.screen import console, table, told
from mutoscope.cli.workspaces import BEGINNING
from mutoscope.domain.team import MEMBERS_MAX, Role
from mutoscope.storage import team, workspaces
from mutoscope.storage.team import Invitation, Member

LISTED_MAX: Final = 10 * MEMBERS_MAX
"""Members that are listed, those removed too."""

MemberId = Annotated[
    UUID,
    typer.Argument(
        metavar="MEMBER", help="The member's id.",
        parser=id_of("member", remedy="`mutoscope member list WORKSPACE` tells them"),
    ),
]  # fmt: skip
InvitationId = Annotated[
    UUID,
    typer.Argument(
        metavar="INVITATION", help="The invitation's id.",
        parser=id_of("invitation", remedy="`mutoscope member list WORKSPACE` tells them"),
    ),
]  # fmt: skip
By = Annotated[UUID | None, typer.Option(help="The member who does so; else the operator.")]

commands = typer.Typer()
member = typer.Typer(help="Invite members, change roles, remove them.", no_args_is_help=True)
commands.add_typer(member, name="member")


@commands.callback()
def teams() -> None:
    """Keep the teams of workspaces."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    """The members of a workspace, and its open invitations."""

    members: tuple[Member, ...]
    invitations: tuple[Invitation, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class InviteOptions:
    """Who is invited, and as what."""

    workspace: WorkspaceId
    email: Annotated[str, typer.Argument(help="Where the link is sent.")]
    role: Annotated[Role, typer.Option(help="owner, member or viewer.")] = Role.MEMBER
    name: Annotated[str | None, typer.Option(help="What the person is called.")] = None
    by: By = None
    key: Annotated[str | None, typer.Option(help="The same one again invites once.")] = None
    is_json: Json = False


@member.command(name="list")
def list_all(workspace: WorkspaceId, *, is_json: Json = False) -> None:
    """List the members of a workspace, and the open invitations."""

    async def read(house: House) -> tuple[Team, str]:
        async with house.studio.reading() as connection:
            zone = (await workspaces.get(connection, workspace_id=workspace)).zone
            found = await team.members(
                connection, workspace_id=workspace, after_at=BEGINNING, after_id=UUID(int=0),
                limit=LISTED_MAX,
            )  # fmt: skip
            invited = await team.invitations(
                connection, workspace_id=workspace, after_at=BEGINNING, after_id=UUID(int=0),
                limit=LISTED_MAX,
            )  # fmt: skip
        return Team(members=found, invitations=invited), zone

    found, zone = in_house(read)
    if is_json:
        print_json(found)
        return
    made = table("!member", "name", "address", "role", "state", "since")
    for each in found.members:
        email = ERASED if each.erased_at else each.email or "-"
        since = each.removed_at or each.joined_at or each.invited_at
        made.add_row(
            str(each.member_id), escape(each.name or "-"), escape(email), each.role, each.state,
            told(since, zone=zone),
        )  # fmt: skip
    console().print(made)
    for invitation in found.invitations:
        _tell(invitation, zone=zone)


@member.command()
@takes(InviteOptions)
def invite(asked: InviteOptions) -> None:
    """Invite a person: the link goes to the address, works once and for 7 days."""

    async def invited(house: House) -> tuple[Invitation, str]:
        made, _ = await members.invite(
            house.studio, workspace_id=asked.workspace,
            wish=InvitationWish(email=asked.email, role=asked.role, name=asked.name, by=asked.by),
            key=asked.key or f"cli/{house.studio.ids.new()}",
        )  # fmt: skip
        return made, await zone_of(house, asked.workspace)

    _show(*in_house(invited), is_json=asked.is_json)


@member.command()
def resend(
    workspace: WorkspaceId, invitation: InvitationId, *, by: By = None, is_json: Json = False
) -> None:
    """Send an open invitation again; the elder link is worthless then."""

    async def sent(house: House) -> tuple[Invitation, str]:
        found = await members.resend(
            house.studio, workspace_id=workspace, invitation_id=invitation, by=by
        )
        return found, await zone_of(house, workspace)

    _show(*in_house(sent), is_json=is_json)


@member.command()
def withdraw(
    workspace: WorkspaceId, invitation: InvitationId, *, by: By = None, is_json: Json = False
) -> None:
    """Take an open invitation back."""

    async def withdrawn(house: House) -> tuple[Invitation, str]:
        found = await members.withdraw(
            house.studio, workspace_id=workspace, invitation_id=invitation, by=by
        )
        return found, await zone_of(house, workspace)

    _show(*in_house(withdrawn), is_json=is_json)


@member.command()
def accept(
    workspace: WorkspaceId,
    token: Annotated[str, typer.Argument(help="The token that was sent.")],
    *,
    name: Annotated[str | None, typer.Option(help="What you want to be called.")] = None,
    is_json: Json = False,
) -> None:
    """Become a member by the token of an invitation."""
    joined = in_house(
        lambda house: members.accept(house.studio, workspace_id=workspace, token=token, name=name)
    )
    _show_member(joined, is_json=is_json)


@member.command()
def role(
    workspace: WorkspaceId,
    member_id: MemberId,
    new: Annotated[Role, typer.Argument(metavar="ROLE", help="owner, member or viewer.")],
    *,
    by: By = None,
    is_json: Json = False,
) -> None:
    """Give a member another role; a workspace keeps an owner."""
    changed = in_house(
        lambda house: members.change_role(
            house.studio, workspace_id=workspace, member_id=member_id, role=new, by=by
        )
    )
    _show_member(changed, is_json=is_json)


@member.command()
def remove(
    workspace: WorkspaceId,
    member_id: MemberId,
    *,
    is_erased: Annotated[
        bool, typer.Option("--erase", help="Forget name and address, too; use stays told by id.")
    ] = False,
    by: By = None,
    is_json: Json = False,
) -> None:
    """Remove a member, with the caps on it."""
    removed = in_house(
        lambda house: members.remove(
            house.studio, workspace_id=workspace, member_id=member_id, by=by, is_erased=is_erased
        )
    )
    _show_member(removed, is_json=is_json)


def _show(invitation: Invitation, zone: str, *, is_json: bool) -> None:
    if is_json:
        print_json(invitation)
    else:
        _tell(invitation, zone=zone)


def _tell(invitation: Invitation, *, zone: str) -> None:
    console().print(
        f"invitation {invitation.invitation_id}  {invitation.email} as {invitation.role}: "
        f"{invitation.state}, until {told(invitation.expires_at, zone=zone)}",
        markup=False,
    )


def _show_member(found: Member, *, is_json: bool) -> None:
    if is_json:
        print_json(found)
    else:
        name = found.name or found.email or ERASED
        console().print(
            f"member {found.member_id}  {name}: {found.role}, {found.state}", markup=False
        )
