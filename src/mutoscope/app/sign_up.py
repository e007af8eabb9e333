"""Sign-up: a person proves an address, and gets the trial's credits once.

Who opens a workspace with an address is its first owner. The claim of the one trial commits first,
in a house table; the grant follows under a key of its own, so that a crash between them is mended
by verifying again. Workspaces that the operator creates are verified by that.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from mutoscope.app.acts import NOBODYS, Act, write_rows
from mutoscope.domain import actions as ask
from mutoscope.domain import instants
from mutoscope.domain.calendar import local_date
from mutoscope.domain.credits import Refusal
from mutoscope.domain.lots import Source, Terms
from mutoscope.domain.planner import Submission
from mutoscope.domain.requests import Request
from mutoscope.domain.team import checked_name
from mutoscope.storage import team, workspaces
from mutoscope.storage.session import SideRow
from mutoscope.storage.workspaces import Message, UnknownWorkspace, Workspace

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from mutoscope.app.studio import Studio
    from mutoscope.storage.database import Connection

CODE_LASTS: Final = timedelta(minutes=30)
_CODE: Final = re.compile(r"Your code is [0-9]{6}\. It is valid for [0-9]+ minutes\.")
CODE_TRIES: Final = 5
NAMESPACE: Final = "trial"
EMAIL_MAX: Final = 254
_ADDRESS: Final = re.compile(r"([^@\s\x00-\x1f\x7f]+)@((?:[\w-]+\.)+[\w-]+)")
_DOTLESS: Final = "gmail.com"
_SAME_HOSTS: Final = {"googlemail.com": _DOTLESS}


class BadEmail(Refusal):
    """An address that cannot receive a message."""

    code = "bad_email"

    def __init__(self, *, email: str) -> None:
        super().__init__(f"{email[:60]!r} is no e-mail address: write it as name@example.com")
        self.email = email


class BadCode(Refusal):
    """A verification code that is wrong, too old, or was tried too often."""

    code = "bad_code"

    def __init__(self) -> None:
        super().__init__(
            "this is not the code that is valid now: type that of the newest mail, or sign up "
            "again to get another"
        )


class TrialTaken(Refusal):
    """A second trial of one person."""

    code = "trial_taken"

    def __init__(self) -> None:
        super().__init__(
            "this person has had the trial already: the workspace is open, start a plan to go on"
        )


async def sign_up(
    studio: Studio, *, name: str, email: str, zone: str, act: Act = NOBODYS
) -> Workspace:
    """Open a workspace for a person, and put the code that proves the address into the outbox.

    :raises BadEmail: when the address is malformed.
    :raises BadName: when the name is.
    :raises UnknownZone: when the zone is not in the zone database.
    """
    workspace = unproven(studio, workspace_id=studio.ids.new(), name=name, email=email, zone=zone)
    async with studio.reading() as connection, connection.transaction():
        await keep_unproven(studio, connection, workspace)
        await write_rows(connection, act.telling(workspace_id=str(workspace.workspace_id)))
    return workspace


def unproven(studio: Studio, *, workspace_id: UUID, name: str, email: str, zone: str) -> Workspace:
    """Return the workspace of a person who is yet to prove the address.

    :raises BadEmail: when the address is malformed.
    :raises BadName: when the name is.
    :raises UnknownZone: when the zone is not in the zone database.
    """
    normalised_email(email)
    return _workspace(studio, workspace_id, name=name, email=email, zone=zone)


async def keep_unproven(studio: Studio, connection: Connection, workspace: Workspace) -> bool:
    """Keep a workspace with its owner and the code in the outbox; false when it was there before.

    What is written is the same whoever the person is, but for the words of the mail. Nothing that
    they typed is in it, so that nobody can make the studio write theirs to a stranger.
    """
    code, email = studio.ids.code(), workspace.email
    assert email is not None, "a person proves an address"
    if not await workspaces.add(connection, workspace):
        return False
    await workspaces.keep_code(
        connection,
        workspace_id=workspace.workspace_id,
        code_digest=sha256(code.encode()).digest(),
        expires_at=workspace.created_at + CODE_LASTS,
        tries=CODE_TRIES,
    )
    claimed_at = await workspaces.trial_claimed_at(
        connection, email_digest=person_digest(studio, email=email)
    )
    message = Message(
        message_id=studio.ids.new(), recipient=email, subject="Your code for Mutoscope",
        body=_told(code, claimed_at=claimed_at, zone=workspace.zone),
        created_at=workspace.created_at,
    )  # fmt: skip
    await workspaces.write_message(connection, workspace_id=workspace.workspace_id, message=message)
    await _own(studio, connection, workspace)
    return True


async def create(
    studio: Studio, *, name: str, zone: str, email: str | None = None, is_demo: bool = False,
    act: Act = NOBODYS,
) -> Workspace:  # fmt: skip
    """Open a verified workspace for the operator, with its trial.

    :raises BadEmail: when the address is malformed.
    :raises BadName: when the name is.
    :raises UnknownZone: when the zone is not in the zone database.
    :raises TrialTaken: when the address has had a trial; the workspace is open without one.
    """
    if email is not None:
        normalised_email(email)
    workspace = _workspace(
        studio, studio.ids.new(), name=name, email=email, zone=zone, is_demo=is_demo
    )
    at = workspace.created_at
    async with studio.reading() as connection, connection.transaction():
        await workspaces.add(connection, workspace)
        await workspaces.mark_verified(connection, workspace_id=workspace.workspace_id, at=at)
        await _own(studio, connection, workspace)
        await write_rows(connection, act.telling(workspace_id=str(workspace.workspace_id)))
    kept = await _read(studio, workspace.workspace_id)  # another's, when its id was known before
    await _begin_trial(studio, kept)
    return await _read(studio, workspace.workspace_id)


async def opened_before(studio: Studio, workspace_id: UUID) -> Workspace | None:
    """Return a workspace that was opened under an id which follows from a request, if it was."""
    try:
        return await _read(studio, workspace_id)
    except UnknownWorkspace:
        return None


async def verify_email(studio: Studio, *, workspace_id: UUID, code: str) -> Workspace:
    """Take the code that was sent, and begin the trial. Repeating it mends what was cut short.

    :raises BadCode: when it is wrong, too old, or was tried too often.
    :raises TrialTaken: when the person has had a trial; the workspace is verified all the same.
    """
    at = studio.clock.now()
    workspace = await _read(studio, workspace_id)
    async with studio.reading() as connection:
        kept = await workspaces.try_code(connection, workspace_id=workspace_id)
        if kept is None or kept[1] <= at or not _is_code(code, kept[0]):
            raise BadCode
        await workspaces.mark_verified(connection, workspace_id=workspace_id, at=at)
    await _begin_trial(studio, workspace)
    return await _read(studio, workspace_id)


async def messages_to(studio: Studio, workspace: Workspace, *, limit: int) -> tuple[Message, ...]:
    """Return the latest messages to a workspace, and of a code that opens nothing any more why."""
    whose = workspace.workspace_id
    async with studio.reading() as connection:
        found = await workspaces.outbox(connection, workspace_id=whose, limit=limit)
        expires_at = await workspaces.code_expires_at(connection, workspace_id=whose)
    if workspace.verified_at is not None:
        told = "Your code was used."
    elif expires_at is None or expires_at <= studio.clock.now():
        told = "Your code is over: sign up again to get another."
    else:
        return found
    return tuple(replace(each, body=_CODE.sub(told, each.body)) for each in found)


def normalised_email(email: str) -> str:
    """Return the one form by which a person is known: no case, no +tag, no dots where ignored.

    :raises BadEmail: when the address is malformed.
    """
    found = _ADDRESS.fullmatch(email.strip().lower())
    if found is None or len(email) > EMAIL_MAX:
        raise BadEmail(email=email)
    host = _SAME_HOSTS.get(found[2], found[2])
    name = found[1].partition("+")[0]
    if host == _DOTLESS:
        name = name.replace(".", "")
    if not name:
        raise BadEmail(email=email)
    return f"{name}@{host}"


def person_digest(studio: Studio, *, email: str) -> bytes:
    """Return the keyed hash by which a person is known without the address.

    :raises BadEmail: when the address is malformed.
    """
    return hmac.digest(studio.email_key, normalised_email(email).encode(), "sha256")


async def _own(studio: Studio, connection: Connection, workspace: Workspace) -> None:
    """Make the person who opens a workspace its owner, in the same transaction."""
    if workspace.email is not None:
        await team.add_first_owner(
            connection, workspace_id=workspace.workspace_id, member_id=studio.ids.new(),
            email=workspace.email, email_digest=person_digest(studio, email=workspace.email),
            at=workspace.created_at,
        )  # fmt: skip


def _told(code: str, *, claimed_at: datetime | None, zone: str) -> str:
    """Return the words of the mail; who had the trial learns here, and nowhere else, that they did.

    `letter` hides the code from staff by the words before it.
    """
    told = (
        f"Your code is {code}. It is valid for {CODE_LASTS // timedelta(minutes=1)} minutes. If "
        "you did not sign up, do nothing: nobody gets in without it."
    )
    if claimed_at is None:
        return told
    return (
        f"You have had the trial since {instants.told(claimed_at, zone=zone)}: go on in the "
        f"workspace that you have, which needs no code. A code opens another one, without a trial. "
        f"{told}"
    )


def _workspace(
    studio: Studio, workspace_id: UUID, *, name: str, email: str | None, zone: str,
    is_demo: bool = False,
) -> Workspace:  # fmt: skip
    at = studio.clock.now()
    local_date(at=at, zone=zone)  # an unknown zone is refused here, before anything is kept
    return Workspace(
        workspace_id=workspace_id,
        name=checked_name(name),
        email=None if email is None else email.strip(),
        zone=zone,
        is_demo=is_demo,
        created_at=at,
        verified_at=None,
        trial_ends_at=None,
        subscription=None,
    )


async def _begin_trial(studio: Studio, workspace: Workspace) -> None:
    if workspace.subscription is not None:
        return  # verified again after a plan was started: the trial is over
    began_at = workspace.created_at
    if workspace.email is not None:
        person = person_digest(studio, email=workspace.email)
        async with studio.reading() as connection:
            claimed_by, began_at = await workspaces.claim_trial(
                connection, email_digest=person, workspace_id=workspace.workspace_id,
                at=studio.clock.now(),
            )  # fmt: skip
        if claimed_by != workspace.workspace_id:
            raise TrialTaken
    await _grant_trial(studio, workspace.workspace_id, began_at)


async def _grant_trial(studio: Studio, workspace_id: UUID, at: datetime) -> None:
    trial = studio.catalog.version_at(at=at).trial
    ends_at = at + timedelta(days=trial.days)
    terms = Terms(source=Source.TRIAL, effective_at=at, expires_at=ends_at)
    requests = tuple(
        Request(workspace_id, allowance.kind, NAMESPACE, allowance.kind,
                ask.Grant(allowance.credits, terms))
        for allowance in trial.allowances
    )  # fmt: skip
    end = SideRow(workspaces.write_trials, (workspace_id, ends_at))
    await studio.journal.submit(Submission(requests), side_rows=(end,))


async def _read(studio: Studio, workspace_id: UUID) -> Workspace:
    async with studio.reading() as connection:
        return await workspaces.get(connection, workspace_id=workspace_id)


def _is_code(code: str, digest: bytes) -> bool:
    return hmac.compare_digest(sha256(code.strip().encode()).digest(), digest)
