"""`mutoscope staff`: who works at the desk, what for, and signing in."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from mutoscope.app import passwords
from mutoscope.app import staff as people
from mutoscope.app.staff import NewStaff, SignedIn
from mutoscope.bootstrap import House
from mutoscope.cli.as_staff import (
    As,
    PasswordFile,
    Reason,
    Who,
    as_staff,
    drop_sign_in,
    keep_sign_in,
    password_of,
)
from mutoscope.cli.opening import in_house
from mutoscope.cli.options import Json, takes
from mutoscope.cli.plain import print_json
from mutoscope.cli.screen import console, table, tell, told
from mutoscope.domain.staff import Role
from mutoscope.storage import staff as rows
from mutoscope.storage.staff import StaffMember

LISTED_MAX: Final = 500

commands = typer.Typer()
staff = typer.Typer(help="Keep the staff, and sign in.", no_args_is_help=True)
commands.add_typer(staff, name="staff")

Name = Annotated[str, typer.Argument(help="What they sign in as.")]
NewPasswordFile = Annotated[
    Path | None, typer.Option(help="A file with the new password; - for the input stream.")
]
Roles = Annotated[list[Role], typer.Option("--role", help="support, finance or admin; repeatable.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class AddOptions:
    """Who is taken in, and by whom."""

    name: Name
    email: Annotated[str, typer.Option(help="Their address: nobody decides on what is theirs.")]
    roles: Roles
    reason: Reason
    acting: As = None
    password_file: PasswordFile = None
    new_password_file: NewPasswordFile = None
    is_json: Json = False


@staff.command()
@takes(AddOptions)
def add(asked: AddOptions) -> None:
    """Take somebody in; where there is no admin yet, the operator makes the first one."""
    prompt = f"Password of {asked.name}"

    async def added(house: House) -> StaffMember:
        password = password_of(asked.new_password_file, prompt=prompt, is_new=True)
        new = NewStaff(
            name=asked.name, email=asked.email, password=password, roles=tuple(asked.roles)
        )
        if asked.acting is None and not await _has_admin(house):
            return await people.add_staff(house.studio, None, new=new, reason=asked.reason)
        return await as_staff(
            house, Who(name=asked.acting, password_file=asked.password_file),
            lambda actor: people.add_staff(house.studio, actor, new=new, reason=asked.reason),
        )  # fmt: skip

    _show((in_house(added),), is_json=asked.is_json)


@staff.command(name="list")
def list_all(*, is_json: Json = False) -> None:
    """List who is, or was, of the staff."""

    async def read(house: House) -> tuple[StaffMember, ...]:
        async with house.studio.reading() as connection:
            return await rows.everybody(connection, limit=LISTED_MAX)

    _show(in_house(read), is_json=is_json)


@staff.command()
def role(
    name: Name, *, roles: Roles, reason: Reason, acting: As = None,
    password_file: PasswordFile = None, is_json: Json = False,
) -> None:  # fmt: skip
    """Give somebody other roles, from this moment on."""
    who = Who(name=acting, password_file=password_file)

    async def changed(house: House) -> StaffMember:
        return await as_staff(
            house, who,
            lambda actor: people.set_roles(
                house.studio, actor, name=name, roles=tuple(roles), reason=reason
            ),
        )  # fmt: skip

    _show((in_house(changed),), is_json=is_json)


@staff.command()
def leave(
    name: Name, *, reason: Reason, acting: As = None, password_file: PasswordFile = None,
    is_json: Json = False,
) -> None:  # fmt: skip
    """Let somebody be of the staff no more: what they bear opens nothing from now on."""
    who = Who(name=acting, password_file=password_file)

    async def left(house: House) -> StaffMember:
        return await as_staff(
            house, who, lambda actor: people.leave(house.studio, actor, name=name, reason=reason)
        )

    _show((in_house(left),), is_json=is_json)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetOptions:
    """Whose password is reset, why, and by whom."""

    name: Name
    reason: Reason
    acting: As = None
    password_file: PasswordFile = None
    new_password_file: NewPasswordFile = None
    is_operator: Annotated[
        bool,
        typer.Option("--operator", help="As the operator of this machine, when no admin can."),
    ] = False
    is_json: Json = False


@staff.command(name="reset-password")
@takes(ResetOptions)
def reset_password(asked: ResetOptions) -> None:
    """Give somebody who is locked out a password, with which they choose their own."""
    if asked.is_operator and asked.acting is not None:
        remedy = "leave out one of --operator and --as: a password is reset by one person"
        raise typer.BadParameter(remedy)
    prompt = f"Password to give to {asked.name}"

    async def reset(house: House) -> None:
        new = password_of(asked.new_password_file, prompt=prompt, is_new=True)
        given = {"name": asked.name, "password": new, "reason": asked.reason}
        if asked.is_operator:
            await passwords.reset_password(house.studio, None, **given)
            return
        await as_staff(
            house, Who(name=asked.acting, password_file=asked.password_file),
            lambda actor: passwords.reset_password(house.studio, actor, **given),
        )  # fmt: skip

    in_house(reset)
    if asked.is_json:
        print_json({"name": asked.name, "is_reset": True})
        return
    tell(f"{asked.name} is signed out everywhere, and begins with `staff password {asked.name}`.")


@staff.command()
def password(
    name: Name, *, password_file: PasswordFile = None, new_password_file: NewPasswordFile = None,
    is_json: Json = False,
) -> None:  # fmt: skip
    """Choose another password with your old one; whatever you signed in to ends."""

    async def changed(house: House) -> None:
        old = password_of(password_file, prompt="Old password")
        new = password_of(new_password_file, prompt="New password", is_new=True)
        await passwords.change_password(house.studio, name=name, password=old, new_password=new)

    in_house(changed)
    if is_json:
        print_json({"name": name, "is_changed": True})
        return
    tell(f"Your password is changed: sign in again with `mutoscope staff sign-in {name}`.")


@staff.command(name="sign-in")
def sign_in(name: Name, *, password_file: PasswordFile = None, is_json: Json = False) -> None:
    """Sign in on this machine: commands act as you until the sign-in expires, for 12 hours."""

    async def signed_in(house: House) -> SignedIn:
        password = password_of(password_file)
        return await people.sign_in(house.studio, name=name, password=password)

    found = in_house(signed_in)
    path = keep_sign_in(found)
    if is_json:
        print_json({"name": name, "expires_at": found.expires_at, "file": path})
        return
    tell(f"You are {name} on this machine until {told(found.expires_at)}.")


@staff.command(name="sign-out")
def sign_out(*, is_json: Json = False) -> None:
    """Sign out on this machine."""

    async def signed_out(house: House) -> None:
        await people.sign_out(house.studio, token=drop_sign_in())

    in_house(signed_out)
    if is_json:
        print_json({"is_signed_in": False})
        return
    tell("Nobody is signed in on this machine.")


async def _has_admin(house: House) -> bool:
    async with house.studio.reading() as connection:
        found = await rows.everybody(connection, limit=LISTED_MAX)
    return any(Role.ADMIN in each.roles and each.is_active() for each in found)


def _show(found: tuple[StaffMember, ...], *, is_json: bool) -> None:
    if is_json:
        print_json([_plain(each) for each in found])
        return
    made = table("name", "roles", "e-mail", "state", "?!id")
    for each in found:
        roles = ", ".join(each.roles)
        made.add_row(each.name, roles, each.email, each.state, str(each.staff_id))
    console().print(made)


def _plain(member: StaffMember) -> dict[str, Any]:
    """Return somebody without the digest of the password."""
    names = ("staff_id", "name", "email", "roles", "state", "added_at", "left_at")
    return {name: getattr(member, name) for name in names}
