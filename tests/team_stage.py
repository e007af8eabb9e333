"""A team on the stage: members who joined, jobs of theirs, caps, and use as the ledger has it."""

import re
from uuid import UUID

from mutoscope.app import generate, members
from mutoscope.app.caps import list_caps, set_cap
from mutoscope.app.generate import Wish
from mutoscope.app.members import InvitationWish
from mutoscope.app.usage import By, UsageRow, UsageWish, usage
from mutoscope.domain.caps import CapStanding, Subject
from mutoscope.domain.journal import Attribution
from mutoscope.domain.team import Role
from mutoscope.storage import workspaces
from mutoscope.storage.caps import Cap
from mutoscope.storage.jobs import Job
from mutoscope.storage.team import Member
from mutoscope.storage.workspaces import Message
from studio_stage import FRAME, Stage


async def letters(stage: Stage) -> tuple[Message, ...]:
    """Return what lies in the workspace's outbox, newest first."""
    async with stage.studio.reading() as connection:
        return await workspaces.outbox(connection, workspace_id=stage.workspace_id, limit=50)


async def token_of(stage: Stage) -> str:
    """Return the token that was sent last."""
    invitations = [each for each in await letters(stage) if each.subject.startswith("You are")]
    return re.split("[ /]", invitations[0].body)[-1]


async def join(stage: Stage, name: str = "ada", *, role: Role = Role.MEMBER) -> Member:
    """Invite somebody, and let them accept."""
    wish = InvitationWish(email=f"{name}@example.com", role=role, name=name.title())
    whose = {"workspace_id": stage.workspace_id}
    await members.invite(stage.studio, **whose, wish=wish, key=f"invite/{name}")
    stage.clock.move(seconds=1)
    return await members.accept(stage.studio, **whose, token=await token_of(stage))


async def cap(
    stage: Stage, subject_id: UUID, amount: int, *, subject: Subject = Subject.MEMBER,
    kind: str = "image",
) -> CapStanding:  # fmt: skip
    """Cap a member of the stage's workspace, or a project."""
    wanted = Cap(subject, subject_id, kind, amount)
    return await set_cap(stage.studio, workspace_id=stage.workspace_id, cap=wanted)


async def standing(stage: Stage) -> tuple[int, int]:
    """Return what is used and what remains of the only cap."""
    (found,) = await list_caps(stage.studio, workspace_id=stage.workspace_id)
    return found.used, found.remaining


async def place_for(
    stage: Stage, member_id: UUID | None, key: str, *, images: int = 1,
    project_id: UUID | None = None,
) -> Job:  # fmt: skip
    """Place a job of a member, for a project."""
    wish = Wish(tool=FRAME.tool, prompt=FRAME.prompt, images=images)
    job, _ = await generate.place(
        stage.studio, workspace_id=stage.workspace_id, wish=wish, key=key,
        attribution=Attribution(member_id, project_id),
    )  # fmt: skip
    return job


async def used_by(stage: Stage, by: By = By.MEMBER, **span: object) -> tuple[UsageRow, ...]:
    """Return the use of the period that runs, or of another."""
    wish = UsageWish(by=by, **span)
    return (await usage(stage.studio, workspace_id=stage.workspace_id, wish=wish)).rows
