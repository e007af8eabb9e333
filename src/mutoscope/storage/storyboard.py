"""Storyboards as rows: projects, scenes, frames, cast, uploads; and a whole board in one reading.

Invariant: whatever counts or moves scenes, frames or parts holds the lock of their project. What is
deleted is archived, and comes back where it stood.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from uuid import UUID

from mutoscope.domain.cast import PARTS_MAX, Part, PartKind
from mutoscope.domain.credits import Refusal
from mutoscope.domain.jobs import FrameName
from mutoscope.domain.storyboard import (
    FRAMES_MAX,
    PROJECTS_MAX,
    SCENES_MAX,
    BoardFull,
    Frame,
    Project,
    moved,
)
from mutoscope.storage.database import queries

if TYPE_CHECKING:
    from mutoscope.storage.database import Connection

_SQL: Final = queries("storyboard")
_Change = Callable[["Connection"], Awaitable[Any]]


class UnknownProject(Refusal):
    """An id that names no project of the workspace."""

    code = "unknown_project"

    def __init__(self, *, project_id: UUID) -> None:
        super().__init__(f"there is no project {project_id}: the list of projects names them")
        self.project_id = project_id


class UnknownScene(Refusal):
    """An id that names no scene of the project."""

    code = "unknown_scene"

    def __init__(self, *, scene_id: UUID) -> None:
        super().__init__(f"there is no scene {scene_id} in this project: the project shows them")
        self.scene_id = scene_id


class UnknownFrame(Refusal):
    """An id that names no frame of the workspace, or one that is deleted."""

    code = "unknown_frame"

    def __init__(self, *, frame_id: UUID) -> None:
        super().__init__(f"there is no frame {frame_id} on this board: the project shows them")
        self.frame_id = frame_id


class UnknownPart(Refusal):
    """An id that names no part of the project's cast."""

    code = "unknown_part"

    def __init__(self, *, part_id: UUID) -> None:
        super().__init__(f"there is no part {part_id} in this cast: `cast list` names them")
        self.part_id = part_id


class NewScene(NamedTuple):
    """A scene to add: its id and heading."""

    scene_id: UUID
    heading: str


class NewFrame(NamedTuple):
    """A frame to add to a scene; a frame without a tool stays a still."""

    frame_id: UUID
    scene_id: UUID
    description: str
    dialogue: str
    shot_size: str | None
    tool: str | None
    duration_s: int | None


async def add_project(connection: Connection, project: Project) -> None:
    """Keep a new project.

    :raises BoardFull: when the workspace has as many as it may.
    """
    count = await _SQL.count_projects(connection, workspace_id=project.workspace_id)
    if count >= PROJECTS_MAX:
        raise BoardFull(things="projects", count_max=PROJECTS_MAX)
    await _SQL.add_project(
        connection, workspace_id=project.workspace_id, project_id=project.project_id,
        name=project.name, ratio=project.ratio, created_at=project.created_at,
    )  # fmt: skip


async def project(connection: Connection, *, workspace_id: UUID, project_id: UUID) -> Project:
    """Return a project, archived or not.

    :raises UnknownProject: when there is none of that id.
    """
    row = await _SQL.project(connection, workspace_id=workspace_id, project_id=project_id)
    if row is None:
        raise UnknownProject(project_id=project_id)
    return Project(**row)


async def projects(
    connection: Connection, *, workspace_id: UUID, is_archived: bool = False
) -> tuple[Project, ...]:
    """Return the projects of a workspace, newest first."""
    rows = _SQL.projects_of(
        connection, workspace_id=workspace_id, is_archived=is_archived, limit=PROJECTS_MAX
    )
    return tuple([Project(**row) async for row in rows])


async def change_project(connection: Connection, project: Project) -> None:
    """Write a project's name and ratio."""
    await _SQL.change_project(
        connection, workspace_id=project.workspace_id, project_id=project.project_id,
        name=project.name, ratio=project.ratio,
    )  # fmt: skip


async def archive_project(
    connection: Connection, *, workspace_id: UUID, project_id: UUID, at: datetime | None
) -> None:
    """Archive a project, or bring it back when `at` is None.

    :raises UnknownProject: when there is none of that id.
    """
    row = await _SQL.archive_project(
        connection, workspace_id=workspace_id, project_id=project_id, at=at
    )
    if row is None:
        raise UnknownProject(project_id=project_id)


async def add_scenes(
    connection: Connection, *, project: Project, scenes: Sequence[NewScene],
    frames: Sequence[NewFrame],
) -> None:  # fmt: skip
    """Add scenes at the end of a board, and frames at the end of theirs, all or none.

    :raises BoardFull: when the project takes no more of them.
    :raises UnknownScene: when a frame's scene is neither on the board nor added with it.
    """
    name = _name(project)
    async with connection.transaction():
        await _locked(connection, **name)
        there = [row["scene_id"] async for row in _SQL.scenes_of(connection, **name)]
        held = [row["scene_id"] async for row in _SQL.frames_of(connection, **name)]
        _check_room(len(there) + len(scenes), SCENES_MAX, "scenes")
        _check_room(len(held) + len(frames), FRAMES_MAX, "frames")
        known = {*there, *(scene.scene_id for scene in scenes)}
        for frame in frames:
            if frame.scene_id not in known:
                raise UnknownScene(scene_id=frame.scene_id)
        scene_rows = [
            (project.workspace_id, scene.scene_id, project.project_id, place, scene.heading, None)
            for place, scene in enumerate(scenes, start=1 + len(there))
        ]
        await _SQL.add_scenes(connection, scenes=scene_rows)
        await _SQL.add_frames(connection, frames=list(_frame_rows(project, frames, held)))


async def change_scene(
    connection: Connection, *, project: Project, scene_id: UUID, heading: str
) -> None:
    """Write a scene's heading.

    :raises UnknownScene: when the project has none of that id.
    """
    row = await _SQL.change_scene(connection, **_name(project), scene_id=scene_id, heading=heading)
    if row is None:
        raise UnknownScene(scene_id=scene_id)


async def archive_scene(
    connection: Connection, *, project: Project, scene_id: UUID, at: datetime | None
) -> None:
    """Archive a scene with its frames, or bring it back when `at` is None.

    :raises UnknownScene: when the project has none of that id.
    :raises BoardFull: when it cannot come back, since the board is full.
    """
    name = _name(project)
    async with connection.transaction():
        await _locked(connection, **name)
        if await _SQL.archive_scene(connection, **name, scene_id=scene_id, at=at) is None:
            raise UnknownScene(scene_id=scene_id)
        await _check_whole(connection, name)


async def move_scene(
    connection: Connection, *, project: Project, scene_id: UUID, place: int
) -> None:
    """Move a scene to a place on the board, from 1; beyond the end is the end.

    :raises UnknownScene: when the board has none of that id.
    """
    name = _name(project)
    async with connection.transaction():
        await _locked(connection, **name)
        order = [row["scene_id"] async for row in _SQL.scenes_of(connection, **name)]
        if scene_id not in order:
            raise UnknownScene(scene_id=scene_id)
        await _SQL.place_scenes(
            connection, **name, scene_ids=moved(order=order, item=scene_id, place=place)
        )


async def project_of_frame(connection: Connection, *, workspace_id: UUID, frame_id: UUID) -> UUID:
    """Return the project in which a frame stands.

    :raises UnknownFrame: when there is none of that id.
    """
    project_id: UUID | None = await _SQL.project_of_frame(
        connection, workspace_id=workspace_id, frame_id=frame_id
    )
    if project_id is None:
        raise UnknownFrame(frame_id=frame_id)
    return project_id


async def change_frame(connection: Connection, *, workspace_id: UUID, frame: Frame) -> None:
    """Write what is said of a frame."""
    await _SQL.change_frame(
        connection, workspace_id=workspace_id, frame_id=frame.frame_id,
        description=frame.description, dialogue=frame.dialogue, shot_size=frame.shot_size,
        tool=frame.tool, duration_s=frame.duration_s,
    )  # fmt: skip


async def choose_version(
    connection: Connection, *, workspace_id: UUID, frame_id: UUID, name: FrameName | None,
    final_at: datetime | None,
) -> None:  # fmt: skip
    """Write which version a frame shows, and since when it is final."""
    await _SQL.choose_version(
        connection, workspace_id=workspace_id, frame_id=frame_id,
        job_id=None if name is None else UUID(name.job_id),
        ordinal=None if name is None else name.ordinal, final_at=final_at,
    )  # fmt: skip


async def choose_tools(
    connection: Connection, *, project: Project, tools: Sequence[tuple[UUID, str]]
) -> None:
    """Write the tools of many frames that are to have clips, all or none."""
    await _SQL.choose_tools(
        connection, **_name(project), frame_ids=[frame_id for frame_id, _ in tools],
        tools=[tool for _, tool in tools],
    )  # fmt: skip


async def archive_frame(
    connection: Connection, *, project: Project, frame_id: UUID, at: datetime | None
) -> None:
    """Archive a frame, or bring it back when `at` is None.

    :raises UnknownFrame: when the project has none of that id.
    :raises BoardFull: when it cannot come back, since the board is full.
    """
    name = _name(project)
    async with connection.transaction():
        await _locked(connection, **name)
        if await _SQL.archive_frame(connection, **name, frame_id=frame_id, at=at) is None:
            raise UnknownFrame(frame_id=frame_id)
        await _check_whole(connection, name)


async def move_frame(
    connection: Connection, *, project: Project, frame_id: UUID, scene_id: UUID, place: int
) -> None:
    """Move a frame to a place in a scene, from 1; beyond the end is the end.

    :raises UnknownFrame: when the board has none of that id.
    :raises UnknownScene: when the board has no such scene.
    """
    name = _name(project)
    async with connection.transaction():
        await _locked(connection, **name)
        frames = [row async for row in _SQL.frames_of(connection, **name)]
        scenes = [row["scene_id"] async for row in _SQL.scenes_of(connection, **name)]
        if frame_id not in {row["frame_id"] for row in frames}:
            raise UnknownFrame(frame_id=frame_id)
        if scene_id not in scenes:
            raise UnknownScene(scene_id=scene_id)
        order = [row["frame_id"] for row in frames if row["scene_id"] == scene_id]
        await _SQL.place_frames(
            connection, **name, scene_id=scene_id,
            frame_ids=moved(order=order, item=frame_id, place=place),
        )  # fmt: skip


async def add_part(connection: Connection, *, project: Project, part: Part, at: datetime) -> None:
    """Add a part to the cast.

    :raises BoardFull: when the cast takes no more.
    """
    name = _name(project)
    async with connection.transaction():
        await _locked(connection, **name)
        _check_room(len(await cast(connection, project=project)) + 1, PARTS_MAX, "parts")
        await _SQL.add_part(
            connection, **name, part_id=part.part_id, kind=part.kind, name=part.name,
            description=part.description, pictures=part.pictures, created_at=at,
        )  # fmt: skip


async def change_part(
    connection: Connection, *, project: Project, part_id: UUID, change: Callable[[Part], Part]
) -> Part:
    """Change a part as it stands, and return it.

    :raises UnknownPart: when the cast has none of that id.
    """
    name = _name(project)
    async with connection.transaction():
        await _locked(connection, **name)
        there = {part.part_id: part for part in await cast(connection, project=project)}
        if part_id not in there:
            raise UnknownPart(part_id=part_id)
        part = change(there[part_id])
        await _SQL.change_part(
            connection, **name, part_id=part_id, name=part.name, description=part.description,
            pictures=part.pictures,
        )  # fmt: skip
    return part


async def cast(connection: Connection, *, project: Project) -> tuple[Part, ...]:
    """Return the cast of a project, in the order in which it was named."""
    rows = _SQL.cast_of(connection, **_name(project))
    return tuple(
        [
            Part(**{**row, "kind": PartKind(row["kind"]), "pictures": tuple(row["pictures"])})
            async for row in rows
        ]
    )


async def archive_part(
    connection: Connection, *, project: Project, part_id: UUID, at: datetime | None
) -> None:
    """Archive a part, or bring it back when `at` is None.

    :raises UnknownPart: when the cast has none of that id.
    """
    if await _SQL.archive_part(connection, **_name(project), part_id=part_id, at=at) is None:
        raise UnknownPart(part_id=part_id)


def _name(project: Project) -> dict[str, UUID]:
    return {"workspace_id": project.workspace_id, "project_id": project.project_id}


async def _locked(connection: Connection, **name: UUID) -> None:
    if await _SQL.lock_project(connection, **name) is None:
        raise UnknownProject(project_id=name["project_id"])


async def _check_whole(connection: Connection, name: Mapping[str, UUID]) -> None:
    """Pass when a board has no more than it takes, as it stands in the open transaction."""
    _check_room(len([_ async for _ in _SQL.scenes_of(connection, **name)]), SCENES_MAX, "scenes")
    _check_room(len([_ async for _ in _SQL.frames_of(connection, **name)]), FRAMES_MAX, "frames")


def _check_room(count: int, count_max: int, things: str) -> None:
    if count > count_max:
        raise BoardFull(things=things, count_max=count_max)


def _frame_rows(
    project: Project, frames: Iterable[NewFrame], held: Iterable[UUID]
) -> Iterable[tuple[Any, ...]]:
    """Yield new frames as rows, each at the end of its scene."""
    places: defaultdict[UUID, int] = defaultdict(int)
    for scene_id in held:
        places[scene_id] += 1
    for frame in frames:
        places[frame.scene_id] += 1
        yield (
            project.workspace_id, frame.frame_id, project.project_id, frame.scene_id,
            places[frame.scene_id], *frame[2:], None, None, None, None,
        )  # fmt: skip
