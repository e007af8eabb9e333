"""Who joins and leaves the staff, with which roles, and whose password is given anew: for admins.

No key is taken: a name is somebody's for ever, so that a repeat of taking them in is refused, and
a repeat of the rest changes nothing.
"""

from typing import Final

import msgspec
from litestar import post, put
from litestar.params import FromPath, JSONBody

from mutoscope.app import passwords, staff
from mutoscope.app.sign_up import BadEmail
from mutoscope.app.staff import LastAdmin, NewStaff, StaffNameTaken
from mutoscope.domain.audit import BadReason
from mutoscope.domain.staff import BadStaff, NotAllowed, NotReauthenticated, Role
from mutoscope.storage.staff import UnknownStaff
from mutoscope.web.api.callers import ActorHere
from mutoscope.web.api.shape import HouseHere, Text, Why
from mutoscope.web.api.staff import StaffShape, staff_shape
from mutoscope.web.errors import StaffNeeded, documented

ADMIN: Final = (
    StaffNeeded, NotAllowed, NotReauthenticated, BadReason, "not_json", "body_too_large",
)  # fmt: skip


class NewMember(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is taken in, with the password that they begin with, and why."""

    name: Text
    email: Text
    password: Text
    roles: tuple[Role, ...]
    reason: Text


class NewRoles(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All roles that somebody has from now on, and why."""

    roles: tuple[Role, ...]
    reason: Text


class GivenPassword(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A password for once, with which somebody chooses their own, and why it is given."""

    password: Text
    reason: Text


@post(
    "/staff", operation_id="addStaff", tags=["staff"],
    summary="Take somebody in; the first admin is made on the machine",
    responses=documented(BadStaff, StaffNameTaken, BadEmail, *ADMIN),
)  # fmt: skip
async def add_member(
    *, house: HouseHere, actor: ActorHere, data: JSONBody[NewMember]
) -> StaffShape:
    """Take them in."""
    new = NewStaff(name=data.name, email=data.email, password=data.password, roles=data.roles)
    return staff_shape(await staff.add_staff(house.studio, actor, new=new, reason=data.reason))


@put(
    "/staff/{name:str}/roles", operation_id="setRoles", tags=["staff"],
    summary="Give somebody other roles, from this moment on",
    responses=documented(BadStaff, UnknownStaff, LastAdmin, *ADMIN),
)  # fmt: skip
async def set_roles(
    *, house: HouseHere, actor: ActorHere, name: FromPath[str], data: JSONBody[NewRoles]
) -> StaffShape:
    """Set their roles."""
    return staff_shape(
        await staff.set_roles(house.studio, actor, name=name, roles=data.roles, reason=data.reason)
    )


@post(
    "/staff/{name:str}/leave", operation_id="leaveStaff", tags=["staff"], status_code=200,
    summary="Let somebody be of the staff no more: what they bear opens nothing from now on",
    responses=documented(UnknownStaff, LastAdmin, *ADMIN),
)  # fmt: skip
async def leave(
    *, house: HouseHere, actor: ActorHere, name: FromPath[str], data: JSONBody[Why]
) -> StaffShape:
    """Let them go."""
    return staff_shape(await staff.leave(house.studio, actor, name=name, reason=data.reason))


@post(
    "/staff/{name:str}/password", operation_id="resetPassword", tags=["staff"], status_code=204,
    summary="Give somebody a password for once, with which they choose their own",
    responses=documented(BadStaff, UnknownStaff, *ADMIN),
)  # fmt: skip
async def reset_password(
    *, house: HouseHere, actor: ActorHere, name: FromPath[str], data: JSONBody[GivenPassword]
) -> None:
    """Give it; whatever was open under the old one ends."""
    await passwords.reset_password(
        house.studio, actor, name=name, password=data.password, reason=data.reason
    )
