"""Staff: signing in, giving the password again, signing out, and who there is.

Who joins, leaves and has which role is kept beside this, in `staff_members`.
"""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from litestar import Request, get, post
from litestar.params import JSONBody

from mutoscope.app import staff
from mutoscope.app.passwords import BadSignIn, TooManyTries, change_password
from mutoscope.app.staff import TemporaryPassword
from mutoscope.domain.staff import Actor, BadStaff, NotAllowed, Role, StaffAction, require
from mutoscope.storage import staff as rows
from mutoscope.storage.staff import StaffMember
from mutoscope.web.api.callers import ActorHere, token_of_bearer
from mutoscope.web.api.shape import HouseHere, Text
from mutoscope.web.errors import StaffNeeded, documented

LISTED_MAX: Final = 500
BODY = ("not_json", "body_too_large")


class SignIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A name and its password."""

    name: Text
    password: Text


class Password(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The password of who asks."""

    password: Text


class PasswordChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who changes their password, the old one, and the one that they chose."""

    name: Text
    password: Text
    new_password: Text


class ActorShape(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody of the staff at work; `authenticated_at` is when the password was last given."""

    staff_id: UUID
    name: str
    roles: tuple[Role, ...]
    authenticated_at: datetime


class SignedInShape(msgspec.Struct, frozen=True, kw_only=True):
    """A token, shown this once: send it as `Authorization: Bearer TOKEN`."""

    token: str
    actor: ActorShape
    expires_at: datetime


class StaffShape(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who is, or was, of the staff."""

    staff_id: UUID
    name: str
    email: str
    roles: tuple[Role, ...]
    state: str
    added_at: datetime
    left_at: datetime | None


class StaffList(msgspec.Struct, frozen=True, kw_only=True):
    """The staff, by age."""

    staff: tuple[StaffShape, ...]


@post(
    "/staff/sign-in", operation_id="signIn", tags=["staff"], status_code=200,
    summary="Sign in as staff: a name and a password become a token",
    responses=documented(BadSignIn, TooManyTries, TemporaryPassword, *BODY),
)  # fmt: skip
async def sign_in(*, house: HouseHere, data: JSONBody[SignIn]) -> SignedInShape:
    """Sign in."""
    found = await staff.sign_in(house.studio, name=data.name, password=data.password)
    return SignedInShape(token=found.token, actor=_actor(found.actor), expires_at=found.expires_at)


@post(
    "/staff/password", operation_id="changePassword", tags=["staff"], status_code=204,
    summary="Choose another password with the old one; every sign-in under it is over",
    responses=documented(BadSignIn, TooManyTries, BadStaff, *BODY),
)  # fmt: skip
async def change(*, house: HouseHere, data: JSONBody[PasswordChange]) -> None:
    """Change a password; a token is not needed, since one that was given gets none."""
    await change_password(
        house.studio, name=data.name, password=data.password, new_password=data.new_password
    )


@post(
    "/staff/authenticate", operation_id="authenticate", tags=["staff"], status_code=200,
    summary="Give the password again, as what takes two people needs it",
    responses=documented(BadSignIn, TooManyTries, TemporaryPassword, StaffNeeded, *BODY),
)  # fmt: skip
async def authenticate(
    *, request: Request[Any, Any, Any], house: HouseHere, actor: ActorHere, data: JSONBody[Password]
) -> ActorShape:
    """Take the password again."""
    token = token_of_bearer(request)
    assert actor, token
    return _actor(await staff.reauthenticate(house.studio, token=token, password=data.password))


@post(
    "/staff/sign-out", operation_id="signOut", tags=["staff"], status_code=200,
    summary="Sign out: the token opens nothing any more", responses=documented(StaffNeeded),
)  # fmt: skip
async def sign_out(
    *, request: Request[Any, Any, Any], house: HouseHere, actor: ActorHere
) -> ActorShape:
    """Sign out."""
    await staff.sign_out(house.studio, token=token_of_bearer(request))
    return _actor(actor)


@get(
    "/staff", operation_id="listStaff", tags=["staff"], summary="Who is, or was, of the staff",
    responses=documented(StaffNeeded, NotAllowed),
)  # fmt: skip
async def list_staff(*, house: HouseHere, actor: ActorHere) -> StaffList:
    """List the staff."""
    require(actor, StaffAction.VIEW)
    async with house.studio.reading() as connection:
        found = await rows.everybody(connection, limit=LISTED_MAX)
    return StaffList(staff=tuple(map(staff_shape, found)))


def staff_shape(member: StaffMember) -> StaffShape:
    """Return somebody of the staff, without the digest of the password."""
    own = {name: getattr(member, name) for name in StaffShape.__struct_fields__}
    return StaffShape(**own)


def _actor(actor: Actor) -> ActorShape:
    return ActorShape(
        staff_id=actor.staff_id, name=actor.name, roles=tuple(sorted(actor.roles)),
        authenticated_at=actor.authenticated_at,
    )  # fmt: skip
