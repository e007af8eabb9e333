"""Passwords of staff: proved, reset by an admin, and changed by who knows the old one.

Invariant: a try is counted before the password is looked at, and somebody whom nobody knows costs
as much time as a wrong password; with a new password nothing that was opened by the old one is open
any more. The surprising choice: a password that somebody else gave opens nothing but its own
change, so that who gave it cannot act under it unseen.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Final, TypeVar

from pwdlib.hashers.argon2 import Argon2Hasher

from mutoscope.app.audit import audit_rows, operator, why
from mutoscope.domain.credits import Refusal
from mutoscope.domain.instants import seconds_until
from mutoscope.domain.planner import Submission
from mutoscope.domain.staff import Actor, BadStaff, StaffAction, require, require_recent
from mutoscope.storage import staff
from mutoscope.storage.session import SideRow, SideRowRefused
from mutoscope.storage.staff import UnknownStaff

if TYPE_CHECKING:
    from collections.abc import Callable

    from mutoscope.app.studio import Studio
    from mutoscope.storage.staff import StaffMember

T = TypeVar("T")

TRIES_MAX: Final = 5
TRIES_LAST: Final = timedelta(minutes=10)
"""So many tries in so long a time, then none until it is over."""

PASSWORD_MIN: Final = 12
PASSWORD_MAX: Final = 200
HASHES_AT_ONCE: Final = 2
"""Each takes 64 MiB and a core for a sixth of a second."""

_HASHER: Final = Argon2Hasher(time_cost=3, memory_cost=65_536, parallelism=4)
_NOBODY: Final = (
    "$argon2id$v=19$m=65536,t=3,p=4$AAECAwQFBgcICQoLDA0ODw"
    "$H9YknelyE5tC+kmBWSTlaNj+yPos7o7hz8KNh2KW0GM"
)
"""The digest that a try is held against when there is no such person: it costs the same."""

_THREADS: Final = ThreadPoolExecutor(max_workers=HASHES_AT_ONCE, thread_name_prefix="password")


class BadSignIn(Refusal):
    """A name and a password that do not belong together, or belong to nobody any more."""

    code = "bad_sign_in"

    def __init__(self) -> None:
        super().__init__("the name or the password is wrong: check both and try again")


class TooManyTries(Refusal):
    """More wrong passwords than a person mistypes."""

    code = "too_many_tries"

    def __init__(self, *, retry_at: datetime, at: datetime) -> None:
        super().__init__(
            f"this name was tried too often: wait until {retry_at:%H:%M} UTC, then try again"
        )
        self.retry_at = retry_at
        self.retry_after_s = seconds_until(retry_at, at=at)


async def proved(studio: Studio, *, name: str, password: str) -> StaffMember:
    """Return who gave a name and its password.

    :raises TooManyTries: when the name was tried too often; the password is not looked at.
    :raises BadSignIn: when they do not belong together.
    """
    at, digest = studio.clock.now(), _name_digest(name)
    async with studio.reading() as connection:
        tries, since = await staff.count_try(
            connection, name_digest=digest, at=at, begun_before=at - TRIES_LAST
        )
        member = await staff.by_name(connection, name=name)
    if tries > TRIES_MAX:
        raise TooManyTries(retry_at=since + TRIES_LAST, at=at)
    expected = member.password if member is not None else _NOBODY
    given = _bytes(password[: PASSWORD_MAX + 1])
    is_right = await _in_thread(lambda: _HASHER.verify(given, expected))
    if not is_right or member is None or not member.is_active():
        raise BadSignIn
    async with studio.reading() as connection:
        await staff.forget_tries(connection, name_digest=digest)
    return member


async def digest_of(studio: Studio, password: str) -> str:
    """Return what is kept of a password.

    :raises BadStaff: when it is too short or too long to be one.
    """
    if not PASSWORD_MIN <= len(password) <= PASSWORD_MAX:
        raise BadStaff(what="password", remedy=f"{PASSWORD_MIN} to {PASSWORD_MAX} characters")
    salt = studio.ids.new().bytes
    return await _in_thread(lambda: _HASHER.hash(_bytes(password), salt=salt))


async def reset_password(
    studio: Studio, actor: Actor | None, *, name: str, password: str, reason: str
) -> None:
    """Give somebody a password to sign in with once, to choose their own; it ends all they bear.

    The operator on the machine, who is no actor, may do so for whoever is locked out, an admin
    included.

    :raises NotAllowed: when the actor is no admin.
    :raises NotReauthenticated: when the actor's password was not given just now.
    :raises UnknownStaff: when nobody of the staff has the name.
    :raises BadStaff: when the password cannot be.
    :raises BadReason: when the reason is none.
    """
    at = studio.clock.now()
    if actor is not None:
        require(actor, StaffAction.RESET_PASSWORD)
        require_recent(actor, at=at)
    because = why(studio, reason)
    async with studio.reading() as connection:
        member = await staff.active(connection, name=name)
    rows = audit_rows(
        actor=actor or operator(at=at), action=StaffAction.RESET_PASSWORD, workspace_id=None,
        reason=because, data={"staff_id": str(member.staff_id)}, at=at,
    )  # fmt: skip
    new = staff.NewPassword(
        staff_id=member.staff_id, password=await digest_of(studio, password), is_given=True,
        replaces=None, at=at,
    )  # fmt: skip
    try:
        await studio.journal.submit(
            Submission(()), side_rows=(SideRow(staff.write_passwords, new), *rows)
        )
    except SideRowRefused:  # they left meanwhile
        raise UnknownStaff(name=name) from None
    async with studio.reading() as connection:
        await staff.forget_tries(connection, name_digest=_name_digest(name))


async def change_password(studio: Studio, *, name: str, password: str, new_password: str) -> None:
    """Let somebody choose another password with their old one; it ends all they bear.

    :raises TooManyTries: when the name was tried too often.
    :raises BadSignIn: when the old one is wrong, or was replaced meanwhile.
    :raises BadStaff: when the new one cannot be, or is the old one.
    """
    member, at = await proved(studio, name=name, password=password), studio.clock.now()
    if new_password == password:
        raise BadStaff(what="password", remedy="choose another one than you had")
    rows = audit_rows(
        actor=member.actor(authenticated_at=at), action=StaffAction.CHANGE_PASSWORD,
        workspace_id=None, reason=None, data={"staff_id": str(member.staff_id)}, at=at,
    )  # fmt: skip
    new = staff.NewPassword(
        staff_id=member.staff_id, password=await digest_of(studio, new_password), is_given=False,
        replaces=member.password, at=at,
    )  # fmt: skip
    try:
        await studio.journal.submit(
            Submission(()), side_rows=(SideRow(staff.write_passwords, new), *rows)
        )
    except SideRowRefused:
        raise BadSignIn from None


def _name_digest(name: str) -> bytes:
    return sha256(_bytes(name)).digest()[:2]


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")  # a terminal may send what is no text


async def _in_thread(work: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(_THREADS, work)
