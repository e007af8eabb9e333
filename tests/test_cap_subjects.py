"""A cap is of a member or a project of the workspace, and so is whatever a job is put down to."""

from uuid import uuid4

import pytest

from mutoscope.app import members
from mutoscope.app.caps import list_caps
from mutoscope.domain.caps import Subject, UnknownKind
from mutoscope.domain.credits import BadAmount
from mutoscope.domain.team import Role, RoleCannot, UnknownMember
from mutoscope.storage.storyboard import UnknownProject
from studio_fixture import lines, open_workspace
from studio_stage import Stage
from team_stage import cap, join, place_for, standing


async def test_who_is_no_member_or_may_not_spend_places_no_job(stage: Stage) -> None:
    viewer = await join(stage, "vera", role=Role.VIEWER)
    gone = await join(stage, "gone")
    elsewhere = await open_workspace(stage)
    await members.remove(stage.studio, workspace_id=stage.workspace_id, member_id=gone.member_id)

    with pytest.raises(RoleCannot):
        await place_for(stage, viewer.member_id, "viewer")
    for stranger in (gone.member_id, uuid4(), elsewhere):
        with pytest.raises(UnknownMember):
            await place_for(stage, stranger, "stranger")

    assert await lines(stage) == [("grant", 50)]


async def test_a_cap_is_of_somebody_here_and_of_a_kind_that_there_is(stage: Stage) -> None:
    ada = await join(stage)

    with pytest.raises(UnknownMember):
        await cap(stage, uuid4(), 1)
    with pytest.raises(UnknownProject):
        await cap(stage, ada.member_id, 1, subject=Subject.PROJECT)
    with pytest.raises(UnknownKind, match="image, video"):
        await cap(stage, ada.member_id, 1, kind="sound")
    with pytest.raises(BadAmount):
        await cap(stage, ada.member_id, -1)

    assert await list_caps(stage.studio, workspace_id=stage.workspace_id) == ()


async def test_caps_of_one_kind_leave_the_other_alone(stage: Stage) -> None:
    ada = await join(stage)
    await cap(stage, ada.member_id, 0, kind="video")

    await place_for(stage, ada.member_id, "image")

    assert await standing(stage) == (0, 0)


async def test_a_removed_member_leaves_no_cap(stage: Stage) -> None:
    ada = await join(stage)
    await cap(stage, ada.member_id, 3)

    await members.remove(stage.studio, workspace_id=stage.workspace_id, member_id=ada.member_id)

    assert await list_caps(stage.studio, workspace_id=stage.workspace_id) == ()
