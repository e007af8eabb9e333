"""The shapes in which storyboards are told: projects, scenes, frames, versions, cast."""

from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

import msgspec

from mutoscope.domain.cast import Part, PartKind
from mutoscope.domain.fine_tune import ShotSize
from mutoscope.domain.jobs import FrameName
from mutoscope.domain.storyboard import Board, BoardScene, Frame, FrameVersion, Project, Wanted
from mutoscope.web.api.jobs import FrameShape

DIGEST_HEX: Final = 64
Sha256 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$")]


class PictureName(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A picture of the workspace, by the digest that bringing it has told."""

    sha256: Sha256


class Undo(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A deletion, or its undoing."""

    is_undo: bool = False


class ProjectShape(msgspec.Struct, frozen=True, kw_only=True):
    """A storyboard's name and the ratio of its pictures."""

    project_id: UUID
    name: str
    ratio: str
    created_at: datetime
    archived_at: datetime | None


class PartShape(msgspec.Struct, frozen=True, kw_only=True):
    """A character or place; `pictures` are digests of files that show it."""

    part_id: UUID
    kind: PartKind
    name: str
    description: str
    pictures: tuple[str, ...]


class VersionShape(msgspec.Struct, frozen=True, kw_only=True):
    """One still or clip of a frame; an upload has no tool. Unlimited use is not charged."""

    name: FrameShape
    sha256: str
    media_type: str
    width: int
    height: int
    duration_ms: int | None
    tool: str | None
    prompt: str
    instruction: str | None
    adjustments: dict[str, str | float] | None
    seed: int | None
    source: FrameShape | None
    charged: int | None
    created_at: datetime


class BoardFrame(msgspec.Struct, frozen=True, kw_only=True):
    """A slot of the board; `still` is the version that it shows, `pending` is on its way."""

    frame_id: UUID
    scene_id: UUID
    number: int
    description: str
    dialogue: str
    shot_size: ShotSize | None
    tool: str | None
    duration_s: int | None
    is_final: bool
    still: FrameShape | None
    versions: tuple[VersionShape, ...]
    clips: tuple[VersionShape, ...]
    pending: tuple[Wanted, ...]


class SceneShape(msgspec.Struct, frozen=True, kw_only=True):
    """A scene with its frames in order."""

    scene_id: UUID
    heading: str
    frames: tuple[BoardFrame, ...]


class BoardShape(msgspec.Struct, frozen=True, kw_only=True):
    """A whole board."""

    project: ProjectShape
    scenes: tuple[SceneShape, ...]
    cast: tuple[PartShape, ...]


def project_shape(project: Project) -> ProjectShape:
    """Return a project as it is told."""
    return ProjectShape(**{name: getattr(project, name) for name in ProjectShape.__struct_fields__})


def part_shape(part: Part) -> PartShape:
    """Return a part of the cast as it is told."""
    return PartShape(
        part_id=part.part_id, kind=part.kind, name=part.name, description=part.description,
        pictures=tuple(picture.hex() for picture in part.pictures),
    )  # fmt: skip


def frame_shape(frame: Frame) -> BoardFrame:
    """Return a frame as it is told."""
    own = (
        "frame_id", "scene_id", "number", "description", "dialogue", "shot_size", "tool",
        "duration_s", "is_final",
    )  # fmt: skip
    return BoardFrame(
        **{name: getattr(frame, name) for name in own},
        still=None if frame.still is None else named(frame.still.name),
        versions=tuple(map(version_shape, frame.versions)),
        clips=tuple(map(version_shape, frame.clips)), pending=tuple(sorted(frame.pending)),
    )  # fmt: skip


def version_shape(version: FrameVersion) -> VersionShape:
    """Return a version of a frame as it is told."""
    others = {
        "name": named(version.name),
        "sha256": version.asset.hex(),
        "source": None if version.source is None else named(version.source),
    }
    own = [name for name in VersionShape.__struct_fields__ if name not in others]
    return VersionShape(**{name: getattr(version, name) for name in own} | others)


def board_shape(board: Board) -> BoardShape:
    """Return a board as it is told."""
    return BoardShape(
        project=project_shape(board.project), scenes=tuple(map(_scene_shape, board.scenes)),
        cast=tuple(map(part_shape, board.cast)),
    )  # fmt: skip


def named(name: FrameName) -> FrameShape:
    """Return the name of a version as it is told."""
    return FrameShape(job_id=UUID(name.job_id), ordinal=name.ordinal)


def frame_name(shape: FrameShape | None) -> FrameName | None:
    """Return the version that a request names, if it names one."""
    return None if shape is None else FrameName(str(shape.job_id), shape.ordinal)


def _scene_shape(scene: BoardScene) -> SceneShape:
    return SceneShape(
        scene_id=scene.scene_id, heading=scene.heading,
        frames=tuple(map(frame_shape, scene.frames)),
    )  # fmt: skip
