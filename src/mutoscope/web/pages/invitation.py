"""The page behind an invitation: who invites, into which workspace, as what; a button accepts.

Invariant: looking changes nothing, since mail programs open links as well; only the form accepts,
and sent twice it accepts once. The surprising choice: an invitation that is over is no error, and
whoever has accepted sees that, so that the same link tells what became of it.
"""

from datetime import datetime
from html import escape
from typing import Any, Final
from uuid import UUID

from litestar import MediaType, Request, Response, get, post
from litestar.params import FromPath

from mutoscope.app import members
from mutoscope.app.desk_facts import WorkspaceClosed
from mutoscope.app.members import PATH, OpenedInvitation, inviter_told
from mutoscope.app.studio import Studio
from mutoscope.domain.billing_words import date_told
from mutoscope.domain.team import (
    NAME_MAX,
    BadName,
    InvitationOver,
    InvitationState,
    MemberState,
    Role,
)
from mutoscope.web.api.shape import HouseHere
from mutoscope.web.errors import NoSuchRoute, status_of
from mutoscope.web.pages.sheet import (
    FORM_HEADERS,
    Failure,
    alert,
    failed_sheet,
    field_of,
    go_back,
    rows,
    sheet,
    spoken,
)

_FAILURE: Final = Failure(
    ours="This invitation cannot be opened now", theirs="This link leads to no invitation",
    sentences={
        NoSuchRoute.code: "The link is not whole, or a newer one has taken its place. Open it from "
        "the latest mail once more, or ask who invited you to send the invitation again.",
    },
)  # fmt: skip
_MAY: Final = {
    Role.OWNER: "sees everything, spends credits, manages members and caps",
    Role.MEMBER: "sees everything and spends credits",
    Role.VIEWER: "sees everything",
}


def answer_page(request: Request[Any, Any, Any], error: Exception) -> Response[str]:
    """Answer an error as a page."""
    return failed_sheet(request, error, titled=_FAILURE)


@get(
    [f"{PATH}/{{workspace:str}}", f"{PATH}/{{workspace:str}}/{{token:str}}"],
    include_in_schema=False, media_type=MediaType.HTML, exception_handlers={Exception: answer_page},
)  # fmt: skip
async def show_invitation(
    *, house: HouseHere, workspace: FromPath[str], token: FromPath[str] = ""
) -> Response[str]:
    """Show an invitation, and the button that accepts it; or what became of it."""
    return _answer(house.studio, await _opened(house.studio, workspace, token))


@post(
    f"{PATH}/{{workspace:str}}/{{token:str}}", include_in_schema=False, media_type=MediaType.HTML,
    status_code=200, exception_handlers={Exception: answer_page},
)  # fmt: skip
async def accept_by_link(
    *, house: HouseHere, request: Request[Any, Any, Any], workspace: FromPath[str],
    token: FromPath[str],
) -> Response[str]:  # fmt: skip
    """Accept an invitation once, and lead back to its page, which tells how it stands."""
    studio = house.studio
    found = await _opened(studio, workspace, token)
    name = field_of(await request.form(), "name")
    try:
        await members.accept(
            studio, workspace_id=found.workspace.workspace_id, token=token,
            name=name.strip() or None,
        )  # fmt: skip
    except BadName as refusal:
        return _answer(studio, found, name=name, refusal=refusal)
    except (InvitationOver, WorkspaceClosed):
        pass  # sent twice, or too late: the page tells which
    return go_back(token)


async def _opened(studio: Studio, workspace: str, token: str) -> OpenedInvitation:
    """Return what a link opens.

    :raises NoSuchRoute: when it opens nothing.
    """
    try:
        workspace_id = UUID(workspace)
    except ValueError:
        raise NoSuchRoute from None
    found = await members.opened(studio, workspace_id=workspace_id, token=token)
    if found is None:
        raise NoSuchRoute
    return found


def _answer(
    studio: Studio, found: OpenedInvitation, *, name: str | None = None,
    refusal: BadName | None = None,
) -> Response[str]:  # fmt: skip
    title, body = _told(studio, found)
    if not body:
        body = _facts(studio, found) + _form(found.member.name if name is None else name, refusal)
    return sheet(
        studio.seller, title=title, body=body, headers=FORM_HEADERS,
        status_code=200 if refusal is None else status_of(refusal.code),
    )  # fmt: skip


def _told(studio: Studio, found: OpenedInvitation) -> tuple[str, str]:
    """Return the title, and what there is to say of an invitation that nobody can accept."""
    invitation, workspace = found.invitation, found.workspace
    who = escape(inviter_told(studio, found.inviter))
    called = f"<b><bdi>{escape(workspace.name)}</bdi></b>"
    if invitation.state is InvitationState.ACCEPTED:
        return _joined(found)
    if invitation.withdrawn_at is not None:
        return "This invitation was withdrawn", (
            f"<p>You were invited to {called}, and the invitation was taken back on "
            f"{_when(found, invitation.withdrawn_at)}.</p><p>If that is a mistake, ask "
            f"<bdi>{who}</bdi> to invite you again.</p>"
        )
    if workspace.closed_at is not None:
        return "This workspace is closed", (
            f"<p>{called} was closed on {_when(found, workspace.closed_at)}, so nobody can join it "
            f"any more.</p><p>Ask <bdi>{who}</bdi> for an invitation to another workspace.</p>"
        )
    if studio.clock.now() >= invitation.expires_at:
        return "This invitation has ended", (
            f"<p>You were invited to {called}, until {_when(found, invitation.expires_at)}.</p>"
            f"<p>Ask <bdi>{who}</bdi> to send the invitation again: the new mail has a link that "
            "works.</p>"
        )
    return f"You are invited to {workspace.name}", ""


def _joined(found: OpenedInvitation) -> tuple[str, str]:
    """Return what became of an invitation that was accepted."""
    member, workspace = found.member, found.workspace
    if member.removed_at is not None:
        return f"You are not in {workspace.name} any more", (
            f"<p>Your membership ended on {_when(found, member.removed_at)}.</p>"
            "<p>To come back, ask an owner of the workspace to invite you again.</p>"
        )
    assert member.state is MemberState.ACTIVE
    assert member.joined_at is not None
    told = (
        ("You are called", f"<bdi>{escape(member.name or member.email or '')}</bdi>"),
        ("Your role", _role(member.role)),
        ("Since", _when(found, member.joined_at)),
    )
    return f"You are in {workspace.name}", (
        f'{rows(told)}<p class="good">Welcome. There is nothing more to do here.</p>'
    )


def _facts(studio: Studio, found: OpenedInvitation) -> str:
    return rows((
        ("Invited by", f"<bdi>{escape(inviter_told(studio, found.inviter))}</bdi>"),
        ("Your role", _role(found.member.role)),
        ("Open until", _when(found, found.invitation.expires_at)),
    ))  # fmt: skip


def _form(name: str | None, refusal: BadName | None) -> str:
    """Return the form that accepts; its button is what the person confirms by."""
    told = "" if refusal is None else spoken(str(refusal))
    return (
        f'{alert(told)}<form method="post"><p><label for="name">What the team calls you</label>'
        f'<input id="name" name="name" value="{escape(name or "")}" maxlength="{NAME_MAX}" '
        'autocomplete="name"></p><p><button>Accept the invitation</button></p></form>'
        '<p class="quiet">Nothing changes until you press the button. If you do not know who '
        "invites you, close this page.</p>"
    )


def _role(role: Role) -> str:
    return f'{role.value.capitalize()}<span class="quiet">{_MAY[role]}</span>'


def _when(found: OpenedInvitation, at: datetime) -> str:
    told = date_told(at, zone=found.workspace.zone)
    return f'<time datetime="{at.isoformat()}">{escape(told)}</time>'
