"""Who of the staff a command acts as: somebody named with a password, or who signed in before.

Invariant: a password is read without echo, from a file or from the input stream, and never stands
on the command line, where other users of the machine could read it. The file of a sign-in is
readable by its owner alone, or it is not used.
"""

import stat
import sys
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, TypeVar

import typer

from mutoscope.app import staff
from mutoscope.app.staff import SignedIn
from mutoscope.bootstrap import House
from mutoscope.cli.opening import in_house, settings_here
from mutoscope.domain.credits import Refusal
from mutoscope.domain.staff import Actor, NotReauthenticated

T = TypeVar("T")
SIGN_IN: Final = "sign-in"
"""The file of the sign-in, in the data folder."""

OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO

As = Annotated[str | None, typer.Option("--as", help="Act as this member of the staff.")]
PasswordFile = Annotated[
    Path | None, typer.Option(help="A file with the password; - for the input stream.")
]
Reason = Annotated[str, typer.Option(help="Why: it is kept with what you do.")]


class NotSignedIn(Refusal):
    """A command of the staff, by nobody of them."""

    code = "not_signed_in"

    def __init__(self) -> None:
        super().__init__(
            "this is done in a person's name: run `mutoscope staff sign-in NAME`, or add "
            "--as NAME; the first of the staff is made by `mutoscope staff add NAME "
            "--email ADDRESS --role admin --reason WHY`"
        )


class PasswordNeeded(Refusal):
    """A password that nobody can be asked for."""

    code = "password_needed"

    def __init__(self, *, is_new: bool) -> None:
        what, option = ("the new password", "--new-password-file") if is_new else (
            "the password", "--password-file"
        )  # fmt: skip
        super().__init__(
            f"there is no terminal to ask for {what}: name a file with {option}, or - for the "
            "input stream"
        )


class PasswordUnreadable(Refusal):
    """A file that should have a password and cannot be read, or a sign-in that others can read."""

    code = "password_unreadable"

    def __init__(self, *, path: Path, reason: str) -> None:
        super().__init__(
            f"{path} cannot be used ({reason}): name a file that is there, and that its owner "
            "alone can read"
        )
        self.path = path


@dataclass(frozen=True, slots=True, kw_only=True)
class Who:
    """Who a command acts as, and where the password lies."""

    name: str | None
    password_file: Path | None


async def as_staff(house: House, who: Who, use: Callable[[Actor], Awaitable[T]]) -> T:
    """Let somebody of the staff do something; the password is asked for again if it has to be.

    :raises NotSignedIn: when nobody is named and nobody signed in.
    :raises BadSignIn: when the password is wrong.
    :raises Refusal: when what is done is refused.
    """
    studio = house.studio
    if who.name is not None:
        password = password_of(who.password_file)
        return await use(await staff.authorised(studio, name=who.name, password=password))
    token = _kept_token()
    try:
        return await use(await staff.bearer(studio, token=token))
    except NotReauthenticated:
        if who.password_file is None and not sys.stdin.isatty():
            raise
    password = password_of(who.password_file)
    return await use(await staff.reauthenticate(studio, token=token, password=password))


def in_house_as(who: Who, use: Callable[[House, Actor], Awaitable[T]]) -> T:
    """Open the house, do something in a person's name, and return what came of it.

    :raises Refusal: when the house cannot be opened, nobody is signed in, or it is refused.
    """
    return in_house(lambda house: as_staff(house, who, lambda actor: use(house, actor)))


def password_of(path: Path | None, *, prompt: str = "Password", is_new: bool = False) -> str:
    """Return a password: from a file, the input stream, or a person, who types it unseen.

    :raises PasswordNeeded: when there is nobody to ask.
    :raises PasswordUnreadable: when the file cannot be read.
    """
    if path is None and not sys.stdin.isatty():
        raise PasswordNeeded(is_new=is_new)
    if path is None:
        found: str = typer.prompt(prompt, hide_input=True, confirmation_prompt=is_new, err=True)
        return found
    if str(path) == "-":
        return sys.stdin.readline().rstrip("\r\n")
    try:
        return path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise PasswordUnreadable(path=path, reason=_reason(error)) from error


def keep_sign_in(signed_in: SignedIn) -> Path:
    """Write a sign-in to its file, readable by its owner alone, whole or not at all."""
    path = _path()
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as file:
        file.write(signed_in.token)
    return Path(file.name).replace(path)


def is_signed_in() -> bool:
    """Tell whether somebody has signed in on this machine, and not out again."""
    return _path().exists()


def drop_sign_in() -> str:
    """Remove the file of a sign-in, and return its token.

    :raises NotSignedIn: when there is none.
    """
    token = _kept_token()
    _path().unlink(missing_ok=True)
    return token


def _kept_token() -> str:
    path = _path()
    try:
        mode = path.stat().st_mode
        token = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotSignedIn from None
    except (OSError, UnicodeDecodeError) as error:
        raise PasswordUnreadable(path=path, reason=_reason(error)) from error
    if mode & OTHERS:
        raise PasswordUnreadable(path=path, reason="others may read it")
    return token.strip()


def _path() -> Path:
    return settings_here().data / SIGN_IN


def _reason(error: OSError | UnicodeDecodeError) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
