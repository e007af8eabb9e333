"""Staff: who joins and leaves, how they sign in, and the tokens that they then bear.

Invariant: a token is there only while the password is that with which it was asked for, so that one
which is asked for while the password is replaced opens nothing. The surprising choice: names
without an owner are counted and locked like those with one, so that a lock tells nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from mutoscope.app.audit import audit_rows, operator, why
from mutoscope.app.passwords import BadSignIn, digest_of, proved
from mutoscope.app.sign_up import normalised_email
from mutoscope.domain.credits import Refusal
from mutoscope.domain.planner import Submission
from mutoscope.domain.staff import Actor, BadStaff, Role, StaffAction, require, require_recent
from mutoscope.domain.staff_token import STAFF_PREFIX, is_whole, token_digest, token_of
from mutoscope.storage import staff
from mutoscope.storage.session import SideRow, SideRowRefused
from mutoscope.storage.staff import StaffMember

if TYPE_CHECKING:
    from mutoscope.app.studio import Studio

TOKEN_LASTS: Final = timedelta(hours=12)
"""A working day: whoever comes back tomorrow signs in again."""

_NAME: Final = re.compile(r"[a-z][a-z0-9._-]{1,39}")


class BadStaffToken(Refusal):
    """A token of staff that opens nothing, or nothing any more."""

    code = "bad_staff_token"

    def __init__(self) -> None:
        super().__init__("this token is not valid any more: sign in again to get another")


class StaffNameTaken(Refusal):
    """A name that somebody on the staff has, or had: the audit names them for ever."""

    code = "staff_name_taken"

    def __init__(self, *, name: str) -> None:
        super().__init__(f"somebody is or was called {name}: choose another name")
        self.name = name


class TemporaryPassword(Refusal):
    """A right password that somebody else gave: it opens nothing but its own change."""

    code = "temporary_password"

    def __init__(self, *, name: str) -> None:
        super().__init__(
            "somebody else gave you this password: choose your own with "
            f"`mutoscope staff password {name}`, then sign in with that"
        )


class AdminExists(Refusal):
    """Somebody added without a name to answer for it, though there is an admin."""

    code = "admin_exists"

    def __init__(self) -> None:
        super().__init__("there is an admin already: let one of them do this, with --as NAME")


class LastAdmin(Refusal):
    """The last admin leaving, or becoming something else."""

    code = "last_admin"

    def __init__(self) -> None:
        super().__init__("nobody could let others in any more: make somebody else an admin first")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewStaff:
    """Somebody to be taken in."""

    name: str
    email: str
    password: str = field(repr=False)
    roles: tuple[Role, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """A token, shown this once, and who bears it until when."""

    token: str = field(repr=False)
    actor: Actor
    expires_at: datetime


async def add_staff(
    studio: Studio, actor: Actor | None, *, new: NewStaff, reason: str
) -> StaffMember:
    """Take somebody in; the operator on the machine, who is no actor, makes the first admin.

    :raises NotAllowed: when the actor is no admin.
    :raises NotReauthenticated: when the actor's password was not given just now.
    :raises AdminExists: when nobody acts and there is an admin, or no admin would be made.
    :raises BadStaff: when the name, the password or the roles cannot be.
    :raises StaffNameTaken: when somebody has the name.
    :raises BadEmail: when the address is malformed.
    :raises BadReason: when the reason is none.
    """
    at = studio.clock.now()
    writer = staff.write_staff
    if actor is None:
        writer = staff.write_first_admin
    else:
        require(actor, StaffAction.ADD_STAFF)
        require_recent(actor, at=at)
    _check_new(new)
    member = StaffMember(
        staff_id=studio.ids.new(), name=new.name, email=new.email.strip(),
        password=await digest_of(studio, new.password), roles=tuple(dict.fromkeys(new.roles)),
        state="active", added_at=at,
    )  # fmt: skip
    told = {"staff_id": str(member.staff_id), "roles": ",".join(member.roles)}
    rows = audit_rows(
        actor=actor or operator(at=at), action=StaffAction.ADD_STAFF, workspace_id=None,
        reason=why(studio, reason), data=told, at=at,
    )  # fmt: skip
    try:
        await studio.journal.submit(
            Submission(()), side_rows=(SideRow(writer, member.row()), *rows)
        )
    except SideRowRefused:
        async with studio.reading() as connection:
            if await staff.by_name(connection, name=new.name) is not None:
                raise StaffNameTaken(name=new.name) from None
        raise AdminExists from None
    return member


async def set_roles(
    studio: Studio, actor: Actor, *, name: str, roles: tuple[Role, ...], reason: str
) -> StaffMember:
    """Give somebody other roles, from this moment on.

    :raises NotAllowed: when the actor is no admin.
    :raises NotReauthenticated: when the actor's password was not given just now.
    :raises UnknownStaff: when nobody of the staff has the name.
    :raises BadStaff: when there is no role.
    :raises LastAdmin: when no admin would be left.
    :raises BadReason: when the reason is none.
    """
    if not roles:
        raise BadStaff(what="roles", remedy="name at least one")
    return await _change(
        studio, actor, name=name, action=StaffAction.SET_ROLES, reason=reason,
        roles=tuple(dict.fromkeys(roles)),
    )  # fmt: skip


async def leave(studio: Studio, actor: Actor, *, name: str, reason: str) -> StaffMember:
    """Let somebody be of the staff no more; their tokens and views open nothing from now on.

    :raises NotAllowed: when the actor is no admin.
    :raises NotReauthenticated: when the actor's password was not given just now.
    :raises UnknownStaff: when nobody of the staff has the name.
    :raises LastAdmin: when no admin would be left.
    :raises BadReason: when the reason is none.
    """
    return await _change(studio, actor, name=name, action=StaffAction.LEAVE, reason=reason)


async def authorised(studio: Studio, *, name: str, password: str) -> Actor:
    """Return who gave a name and its password.

    :raises TooManyTries: when the name was tried too often; the password is not looked at.
    :raises BadSignIn: when they do not belong together.
    :raises TemporaryPassword: when somebody else gave them the password.
    """
    member = await _own_password(studio, name=name, password=password)
    return member.actor(authenticated_at=studio.clock.now())


async def sign_in(studio: Studio, *, name: str, password: str) -> SignedIn:
    """Return a token for who gave a name and its password; it is kept as its digest alone.

    :raises TooManyTries: when the name was tried too often.
    :raises BadSignIn: when they do not belong together, or not any more.
    :raises TemporaryPassword: when somebody else gave them the password.
    """
    member = await _own_password(studio, name=name, password=password)
    at = studio.clock.now()
    token = token_of(prefix=STAFF_PREFIX, secret=new_secret(studio))
    expires_at = at + TOKEN_LASTS
    async with studio.reading() as connection:
        is_written = await staff.add_token(
            connection, token_digest=token_digest(token=token), member=member, at=at,
            expires_at=expires_at,
        )  # fmt: skip
    if not is_written:
        raise BadSignIn
    return SignedIn(token=token, actor=member.actor(authenticated_at=at), expires_at=expires_at)


async def bearer(studio: Studio, *, token: str) -> Actor:
    """Return who bears a token, with the roles of this moment.

    :raises BadStaffToken: when it opens nothing.
    """
    if not is_whole(token=token, prefix=STAFF_PREFIX):
        raise BadStaffToken
    async with studio.reading() as connection:
        actor = await staff.token_owner(
            connection, token_digest=token_digest(token=token), at=studio.clock.now()
        )
    if actor is None:
        raise BadStaffToken
    return actor


async def reauthenticate(studio: Studio, *, token: str, password: str) -> Actor:
    """Take the password of a token's bearer again; the token counts as authenticated from now.

    :raises BadStaffToken: when the token opens nothing.
    :raises TooManyTries: when the name was tried too often.
    :raises BadSignIn: when the password is wrong.
    :raises TemporaryPassword: when somebody else gave them the password.
    """
    owner = await bearer(studio, token=token)
    actor = await authorised(studio, name=owner.name, password=password)
    async with studio.reading() as connection:
        await staff.authenticate_token(
            connection, token_digest=token_digest(token=token), at=actor.authenticated_at
        )
    return actor


async def sign_out(studio: Studio, *, token: str) -> None:
    """Let a token open nothing any more."""
    async with studio.reading() as connection:
        await staff.end_token(
            connection, token_digest=token_digest(token=token), at=studio.clock.now()
        )


def new_secret(studio: Studio) -> bytes:
    """Return 32 bytes that nobody can guess: two ids of the system's random source."""
    return studio.ids.new().bytes + studio.ids.new().bytes


async def _own_password(studio: Studio, *, name: str, password: str) -> StaffMember:
    member = await proved(studio, name=name, password=password)
    if member.is_password_given:
        raise TemporaryPassword(name=member.name)
    return member


async def _change(
    studio: Studio, actor: Actor, *, name: str, action: StaffAction, reason: str,
    roles: tuple[Role, ...] = (),
) -> StaffMember:  # fmt: skip
    at = studio.clock.now()
    require(actor, action)
    require_recent(actor, at=at)
    async with studio.reading() as connection:
        member = await staff.active(connection, name=name)
    told = {"staff_id": str(member.staff_id), "roles": ",".join(roles)}
    rows = audit_rows(
        actor=actor, action=action, workspace_id=None, reason=why(studio, reason), data=told, at=at
    )
    change = SideRow(staff.write_changes, (member.staff_id, list(roles), at))
    try:
        await studio.journal.submit(Submission(()), side_rows=(change, *rows))
    except SideRowRefused:
        raise LastAdmin from None
    async with studio.reading() as connection:
        found = await staff.by_id(connection, staff_id=member.staff_id)
    assert found is not None, member.staff_id
    return found


def _check_new(new: NewStaff) -> None:
    if not _NAME.fullmatch(new.name):
        remedy = "2 to 40 small letters, digits and . _ -, beginning with a letter"
        raise BadStaff(what="name", remedy=remedy)
    if not new.roles:
        raise BadStaff(what="roles", remedy="name at least one")
    normalised_email(new.email)
