"""Caps: setting them, telling how much is left of them, and what a hold has to pass.

The judgement itself is `storage.caps.check_caps`, which counts under the wallet's lock in the
hold's own transaction. The surprising choice: what decides whether a hold is judged at all is read
before that transaction; a cap that was acknowledged before the hold began is always seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mutoscope.app.members import require_manager
from mutoscope.domain.caps import CapStanding, Subject, UnknownCap, UnknownKind
from mutoscope.domain.credits import checked_amount
from mutoscope.domain.team import Act, MemberState, UnknownMember, require
from mutoscope.storage import caps, history, storyboard, team, workspaces
from mutoscope.storage.caps import Cap, Name
from mutoscope.storage.session import SideRow

if TYPE_CHECKING:
    from uuid import UUID

    from mutoscope.app.studio import Studio
    from mutoscope.domain.journal import Attribution
    from mutoscope.storage.jobs import Job
    from mutoscope.storage.workspaces import Workspace


async def set_cap(
    studio: Studio, *, workspace_id: UUID, cap: Cap, by: UUID | None = None
) -> CapStanding:
    """Set how many credits of a kind a member, or a project, may use in a billing period.

    What was used before counts; a cap below it refuses what is new, and touches nothing else.

    :raises UnknownWorkspace: when there is no such workspace.
    :raises UnknownMember: when the workspace has no such member now.
    :raises UnknownProject: when it has no such project.
    :raises UnknownKind: when the catalog has no such credits.
    :raises BadAmount: when it is no amount of credits, or below 0.
    :raises RoleCannot: when who acts is no owner.
    """
    at = studio.clock.now()
    checked_amount(cap.credits, name="credits", least=0)
    kinds = [kind.key for kind in studio.catalog.version_at(at=at).kinds]
    if cap.kind not in kinds:
        raise UnknownKind(kind=cap.kind, kinds=kinds)
    async with studio.reading() as connection:
        await workspaces.get(connection, workspace_id=workspace_id)
    await require_manager(studio, workspace_id=workspace_id, by=by)
    await _check_subject(studio, workspace_id, cap)
    async with studio.reading() as connection:
        await caps.put(connection, workspace_id=workspace_id, cap=cap, at=at)
    found = await list_caps(studio, workspace_id=workspace_id)
    name = (cap.subject, cap.subject_id, cap.kind)
    return next(each for each in found if (each.subject, each.subject_id, each.kind) == name)


async def remove_cap(
    studio: Studio, *, workspace_id: UUID, cap: Cap, by: UUID | None = None
) -> None:
    """Let a member, or a project, use as much of a kind as the wallet has.

    :raises UnknownCap: when there is no such cap.
    :raises RoleCannot: when who acts is no owner.
    """
    await require_manager(studio, workspace_id=workspace_id, by=by)
    name = Name(workspace_id, cap.kind, cap.subject, cap.subject_id)
    async with studio.reading() as connection:
        if not await caps.remove(connection, name=name):
            raise UnknownCap(subject=cap.subject, subject_id=cap.subject_id, kind=cap.kind)


async def list_caps(studio: Studio, *, workspace_id: UUID) -> tuple[CapStanding, ...]:
    """Return every cap of a workspace, with what is used of it in the period that runs.

    :raises UnknownWorkspace: when there is no such workspace.
    """
    async with studio.reading() as connection:
        workspace = await workspaces.get(connection, workspace_id=workspace_id)
        return await caps.standings(connection, workspace=workspace, at=studio.clock.now())


async def caps_of(
    studio: Studio, *, workspace: Workspace, attribution: Attribution, kind: str
) -> tuple[CapStanding, ...]:
    """Return the caps on a kind under which a member and a project stand now.

    :raises UnknownMember: when the workspace has no such member now.
    """
    if not _is_named(attribution):
        return ()
    workspace_id = workspace.workspace_id
    async with studio.reading() as connection:
        known = await caps.attributed(
            connection, workspace_id=workspace_id, attribution=attribution
        )
        if attribution.member_id is not None and known.role is None:
            raise UnknownMember(member_id=attribution.member_id)
        if not known.is_capped:
            return ()
        found = await caps.standings(
            connection, workspace=workspace, at=studio.clock.now(), attribution=attribution
        )
    return tuple(each for each in found if each.kind == kind)


async def rows_of_holds(
    studio: Studio, workspace: Workspace, placed: Sequence[Job], attribution: Attribution
) -> tuple[SideRow, ...]:
    """Return what judges the holds of jobs by the caps on their member and project, if there are.

    :raises UnknownMember: when the workspace has no such member now.
    :raises RoleCannot: when the member may not spend.
    """
    member_id, project_id, _ = attribution
    if member_id is None and not (workspace.has_caps and project_id):
        return ()
    async with studio.reading() as connection:
        known = await caps.attributed(
            connection, workspace_id=workspace.workspace_id, attribution=attribution
        )
    if member_id is not None:
        if known.role is None:
            raise UnknownMember(member_id=member_id)
        require(role=known.role, member_id=member_id, act=Act.SPEND)
    if not known.is_capped:
        return ()
    return tuple(
        SideRow(caps.check_caps, (job.workspace_id, job.kind, member_id, project_id, job.price))
        for job in placed
    )


async def attribution_again(studio: Studio, job: Job, attribution: Attribution) -> Attribution:
    """Return to whom a job that is made again is put down: its project stays, if none is named."""
    if attribution.project_id is not None:
        return attribution
    async with studio.reading() as connection:
        line = await history.entry_by_key(
            connection, workspace_id=job.workspace_id, namespace="job", key=f"hold/{job.job_id}"
        )
    return attribution._replace(project_id=line.entry.attribution.project_id)


def _is_named(attribution: Attribution) -> bool:
    return attribution.member_id is not None or attribution.project_id is not None


async def _check_subject(studio: Studio, workspace_id: UUID, cap: Cap) -> None:
    async with studio.reading() as connection:
        if cap.subject is Subject.PROJECT:
            await storyboard.project(
                connection, workspace_id=workspace_id, project_id=cap.subject_id
            )
            return
        found = await team.member(connection, workspace_id=workspace_id, member_id=cap.subject_id)
    if found.state is MemberState.REMOVED:
        raise UnknownMember(member_id=cap.subject_id)
