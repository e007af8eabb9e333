"""Staff as rows: people, tries, tokens and views. All of it is the house's.

Invariant: a password stands here as its Argon2id digest, a token as its SHA-256: the database opens
nothing by itself. Somebody who left stays, since the audit names them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from uuid import UUID

from mutoscope.domain.credits import Refusal
from mutoscope.domain.staff import Actor, Role
from mutoscope.storage.database import queries

if TYPE_CHECKING:
    from mutoscope.storage.database import Connection

_SQL: Final = queries("staff")


class UnknownStaff(Refusal):
    """A name that nobody on the staff has."""

    code = "unknown_staff"

    def __init__(self, *, name: str) -> None:
        super().__init__(f"nobody on the staff is called {name[:60]!r}: `staff list` names them")
        self.name = name


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffMember:
    """Somebody who is, or was, of the staff; a password that was given is not their own choice."""

    staff_id: UUID
    name: str
    email: str
    password: str = field(repr=False)
    roles: tuple[Role, ...]
    state: str
    added_at: datetime
    left_at: datetime | None = None
    is_password_given: bool = False

    def is_active(self) -> bool:
        """Tell whether they are of the staff still."""
        return self.left_at is None

    def row(self) -> tuple[Any, ...]:
        """Return the columns in the table's order."""
        return (
            self.staff_id, self.name, self.email, self.password, list(self.roles), self.state,
            self.added_at, self.left_at, self.is_password_given,
        )  # fmt: skip

    def actor(self, *, authenticated_at: datetime) -> Actor:
        """Return them at work."""
        return Actor(
            staff_id=self.staff_id, name=self.name, roles=frozenset(self.roles),
            authenticated_at=authenticated_at, email=self.email,
        )  # fmt: skip


class NewPassword(NamedTuple):
    """A password's digest to be written; `replaces` is the one that it takes the place of alone."""

    staff_id: UUID
    password: str
    is_given: bool
    replaces: str | None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Somebody of the staff looking at a workspace; `uses` counts what was looked at."""

    view_id: UUID
    staff_id: UUID
    workspace_id: UUID
    opened_at: datetime
    expires_at: datetime
    uses: int


async def write_staff(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
    """Write new staff; somebody whose name is taken is not written."""
    written: int = await _SQL.add_staff(connection, staff=rows)
    return written


async def write_first_admin(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
    """Write the first admin; nobody is written when there is one, or would be none.

    Of several that come together one is written, so that they are refused as one, then alone.
    """
    await _SQL.lock_staff(connection)
    if await _SQL.count_admins(connection):
        return 0
    written = await write_staff(connection, rows[:1])
    return written if await _SQL.count_admins(connection) else 0


async def write_changes(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
    """Write (staff id, roles, at); without roles somebody leaves, and bears nothing any more.

    Nothing is written when no admin would be left.
    """
    await _SQL.lock_staff(connection)
    for staff_id, roles, at in rows:
        if roles:
            await _SQL.set_roles(connection, staff_id=staff_id, roles=roles)
        else:
            await _SQL.leave(connection, staff_id=staff_id, at=at)
            await _SQL.end_tokens(connection, staff_id=staff_id, at=at)
    return len(rows) if await _SQL.count_admins(connection) else 0


async def write_passwords(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
    """Write passwords of who is of the staff, and end whatever they bear."""
    written = 0
    for each in rows:
        new = NewPassword(*each)
        row = await _SQL.set_password(
            connection, staff_id=new.staff_id, password=new.password,
            is_password_given=new.is_given, replaces=new.replaces,
        )  # fmt: skip
        if row is not None:
            await _SQL.end_tokens(connection, staff_id=new.staff_id, at=new.at)
            written += 1
    return written


async def active(connection: Connection, *, name: str) -> StaffMember:
    """Return who is of the staff under a name.

    :raises UnknownStaff: when nobody is, or is any more.
    """
    member = await by_name(connection, name=name)
    if member is None or not member.is_active():
        raise UnknownStaff(name=name)
    return member


async def require_active(connection: Connection, *, staff_id: UUID) -> None:
    """Pass when somebody of an id is of the staff.

    :raises UnknownStaff: when nobody is, or is any more.
    """
    member = await by_id(connection, staff_id=staff_id)
    if member is None or not member.is_active():
        raise UnknownStaff(name=str(staff_id))


async def by_name(connection: Connection, *, name: str) -> StaffMember | None:
    """Return who is called so."""
    return _member(await _SQL.by_name(connection, name=name))


async def by_id(connection: Connection, *, staff_id: UUID) -> StaffMember | None:
    """Return who has an id."""
    return _member(await _SQL.by_id(connection, staff_id=staff_id))


async def everybody(connection: Connection, *, limit: int) -> tuple[StaffMember, ...]:
    """Return all who are or were of the staff, by age."""
    rows = [_member(row) async for row in _SQL.everybody(connection, limit=limit)]
    return tuple(row for row in rows if row is not None)


async def count_try(
    connection: Connection, *, name_digest: bytes, at: datetime, begun_before: datetime
) -> tuple[int, datetime]:
    """Count a try under a name; return how many there were, and since when."""
    row = await _SQL.count_try(
        connection, name_digest=name_digest, at=at, begun_before=begun_before
    )
    return row["tries"], row["since"]


async def forget_tries(connection: Connection, *, name_digest: bytes) -> None:
    """Begin to count anew."""
    await _SQL.forget_tries(connection, name_digest=name_digest)


async def add_token(
    connection: Connection, *, token_digest: bytes, member: StaffMember, at: datetime,
    expires_at: datetime,
) -> bool:  # fmt: skip
    """Keep a token of somebody who has just given the password; false when it is theirs no more."""
    row = await _SQL.add_token(
        connection, token_digest=token_digest, staff_id=member.staff_id, password=member.password,
        at=at, expires_at=expires_at,
    )  # fmt: skip
    return row is not None


async def token_owner(connection: Connection, *, token_digest: bytes, at: datetime) -> Actor | None:
    """Return who bears a token, or None when it is good for nothing at an instant."""
    row = await _SQL.token_owner(connection, token_digest=token_digest, at=at)
    if row is None:
        return None
    return Actor(**{**row, "roles": frozenset(map(Role, row["roles"]))})


async def authenticate_token(connection: Connection, *, token_digest: bytes, at: datetime) -> None:
    """Record that the bearer gave the password again."""
    await _SQL.authenticate_token(connection, token_digest=token_digest, at=at)


async def end_token(connection: Connection, *, token_digest: bytes, at: datetime) -> None:
    """Let a token open nothing any more."""
    await _SQL.end_token(connection, token_digest=token_digest, at=at)


async def write_views(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
    """Write views that are opened."""
    written: int = await _SQL.write_views(connection, views=rows)
    return written


async def use_view(connection: Connection, *, token_digest: bytes, at: datetime) -> View | None:
    """Count a use of a view, or return None when its time is over or there is none."""
    row = await _SQL.use_view(connection, token_digest=token_digest, at=at)
    return None if row is None else View(**row)


def _member(row: Any) -> StaffMember | None:  # noqa: ANN401 -- a row, or none
    if row is None:
        return None
    return StaffMember(**{**row, "roles": tuple(map(Role, row["roles"]))})
