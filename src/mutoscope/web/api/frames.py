"""Frames: what is said of one, the jobs that make its versions and clips, which one it shows."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Response, get, post, put
from litestar.params import FromPath, JSONBody

from mutoscope.app import storyboard, storyboard_frames
from mutoscope.app.downloads import UnknownAsset
from mutoscope.app.frames import NoSuchFrame
from mutoscope.app.storyboard import FrameText, ToolMakesNoClip
from mutoscope.app.storyboard_frames import Clip, NoClipWanted, NothingToRegenerate, Slot
from mutoscope.domain.catalog import UnknownTool
from mutoscope.domain.estimate import BadDuration
from mutoscope.domain.fine_tune import BadAdjustment, NoAdjustments, ShotSize
from mutoscope.domain.jobs import EmptyPrompt, PromptTooLong
from mutoscope.domain.journal import NOBODY
from mutoscope.domain.storyboard import (
    BadText,
    BoardFull,
    Frame,
    FrameNotFinal,
    FrameNotMade,
    FrameVersion,
    Wanted,
)
from mutoscope.domain.versions import differences
from mutoscope.storage import storyboard as rows
from mutoscope.storage.storyboard import UnknownFrame, UnknownScene
from mutoscope.web.api.boards import (
    BoardFrame,
    PictureName,
    Undo,
    frame_name,
    frame_shape,
)
from mutoscope.web.api.estimates import Count
from mutoscope.web.api.jobs import PLACING, FrameShape, JobShape, Seed, placed_job
from mutoscope.web.api.shape import HouseHere, IdempotencyKey, Text
from mutoscope.web.errors import documented

BODY = ("not_json", "body_too_large")
Place = Annotated[int, msgspec.Meta(ge=1, le=1_000)]
AT = "/workspaces/{workspace_id:uuid}/frames/{frame_id:uuid}"


class Told(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is said of a frame; without a tool it stays a still."""

    description: Text
    dialogue: Text = ""
    shot_size: ShotSize | None = None
    tool: Text | None = None
    duration_s: Count | None = None


class NewStills(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Stills to make; the prompt stands instead of the frame's description and cast."""

    prompt: Text | None = None
    images: Count = 1
    seed: Seed | None = None
    member_id: UUID | None = None


class NewEdit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A change in words; the earlier ones of the same line of versions go with it."""

    instruction: Text
    source: FrameShape | None = None
    member_id: UUID | None = None


class NewFineTune(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A change by named values."""

    adjustments: dict[Text, Text | float]
    source: FrameShape | None = None
    member_id: UUID | None = None


class NewClip(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A clip to make; what is left out is the frame's own.

    `is_confirmed` says that the frame is animated though it is not marked final.
    """

    tool: Text | None = None
    duration_s: Count | None = None
    prompt: Text | None = None
    seed: Seed | None = None
    source: FrameShape | None = None
    is_confirmed: bool = False
    member_id: UUID | None = None


class Again(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is made again: what the frame shows, or its newest clip."""

    wanted: Wanted = Wanted.STILL
    member_id: UUID | None = None


class FinalMark(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether a frame is final."""

    is_final: bool = True


class NewPlace(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a frame is to stand, from 1, in its own scene or in another."""

    place: Place
    scene_id: UUID | None = None


class Pair(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Two versions or clips of a frame."""

    first: FrameShape
    second: FrameShape


class DifferenceShape(msgspec.Struct, frozen=True, kw_only=True):
    """One thing in which two versions differ."""

    name: str
    first: Any
    second: Any


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """In what two versions differ; nothing when the same was asked for."""

    differences: tuple[DifferenceShape, ...]


class UploadShape(msgspec.Struct, frozen=True, kw_only=True):
    """A picture that became a version of a frame."""

    name: FrameShape
    media_type: str
    width: int
    height: int


@get(
    AT, operation_id="showFrame", tags=["frames"], summary="A frame with its versions and clips",
    responses=documented(UnknownFrame),
)  # fmt: skip
async def show_frame(
    *, house: HouseHere, workspace_id: FromPath[UUID], frame_id: FromPath[UUID]
) -> BoardFrame:
    """Return a frame."""
    return frame_shape(await _frame(house, workspace_id, frame_id))


@put(
    AT, operation_id="tellFrame", tags=["frames"], summary="Write what is said of a frame",
    responses=documented(
        UnknownFrame, UnknownTool, BadText, BadDuration, EmptyPrompt, PromptTooLong,
        ToolMakesNoClip, *BODY,
    ),
)  # fmt: skip
async def tell_frame(
    *, house: HouseHere, workspace_id: FromPath[UUID], frame_id: FromPath[UUID],
    data: JSONBody[Told],
) -> BoardFrame:  # fmt: skip
    """Write what is said of a frame; what was made of it stays."""
    text = FrameText(
        description=data.description, dialogue=data.dialogue, shot_size=data.shot_size,
        tool=data.tool, duration_s=data.duration_s,
    )  # fmt: skip
    changed = await storyboard.change_frame(
        house.studio, workspace_id=workspace_id, frame_id=frame_id, text=text
    )
    return frame_shape(changed)


@post(
    AT + "/stills", operation_id="generateFrame", tags=["frames"],
    summary="Make stills of a frame: 1 image credit each",
    responses=documented(UnknownFrame, *PLACING),
)  # fmt: skip
async def generate_frame(
    *, house: HouseHere, workspace_id: FromPath[UUID], frame_id: FromPath[UUID],
    data: JSONBody[NewStills], idempotency_key: IdempotencyKey,
) -> Response[JobShape]:  # fmt: skip
    """Make stills; a repeat with the same key returns the same job."""
    job, is_replay = await storyboard_frames.generate_frame(
        house.studio, _slot(workspace_id, frame_id, idempotency_key, data.member_id),
        prompt=data.prompt, images=data.images, seed=data.seed,
    )  # fmt: skip
    return placed_job(job, is_replay=is_replay)


@post(
    AT + "/edits", operation_id="editFrame", tags=["frames"],
    summary="Change what a frame shows, in words: 1 image credit",
    responses=documented(UnknownFrame, FrameNotMade, *PLACING),
)  # fmt: skip
async def edit_frame(
    *, house: HouseHere, workspace_id: FromPath[UUID], frame_id: FromPath[UUID],
    data: JSONBody[NewEdit], idempotency_key: IdempotencyKey,
) -> Response[JobShape]:  # fmt: skip
    """Edit a frame; a repeat with the same key returns the same job."""
    job, is_replay = await storyboard_frames.edit_frame(
        house.studio, _slot(workspace_id, frame_id, idempotency_key, data.member_id),
        instruction=data.instruction, source=frame_name(data.source),
    )  # fmt: skip
    return placed_job(job, is_replay=is_replay)


@post(
    AT + "/fine-tunes", operation_id="fineTuneFrame", tags=["frames"],
    summary="Change what a frame shows, by named values: 1 image credit",
    responses=documented(UnknownFrame, FrameNotMade, BadAdjustment, NoAdjustments, *PLACING),
)  # fmt: skip
async def fine_tune_frame(
    *, house: HouseHere, workspace_id: FromPath[UUID], frame_id: FromPath[UUID],
    data: JSONBody[NewFineTune], idempotency_key: IdempotencyKey,
) -> Response[JobShape]:  # fmt: skip
    """Fine-tune a frame; a repeat with the same key returns the same job."""
    job, is_replay = await storyboard_frames.fine_tune_frame(
        house.studio, _slot(workspace_id, frame_id, idempotency_key, data.member_id),
        adjustments=dict(data.adjustments), source=frame_name(data.source),
    )  # fmt: skip
    return placed_job(job, is_replay=is_replay)


@post(
    AT + "/clips", operation_id="animateFrame", tags=["frames"],
    summary="Turn what a frame shows into a clip; edits come before",
    responses=documented(UnknownFrame, FrameNotMade, FrameNotFinal, NoClipWanted, *PLACING),
)  # fmt: skip
async def animate_frame(
    *, house: HouseHere, workspace_id: FromPath[UUID], frame_id: FromPath[UUID],
    data: JSONBody[NewClip], idempotency_key: IdempotencyKey,
) -> Response[JobShape]:  # fmt: skip
    """Animate a frame; a repeat with the same key returns the same job."""
    clip = Clip(
        tool=data.tool, duration_s=data.duration_s, prompt=data.prompt, seed=data.seed,
        source=frame_name(data.source), is_confirmed=data.is_confirmed,
    )  # fmt: skip
    job, is_replay = await storyboard_frames.animate_frame(
        house.studio, _slot(workspace_id, frame_id, idempotency_key, data.member_id), clip=clip
    )
    return placed_job(job, is_replay=is_replay)


@post(
    AT + "/regenerate", operation_id="regenerateFrame", tags=["frames"],
    summary="Make again what a frame shows, or its newest clip; it costs as much again",
    responses=documented(UnknownFrame, NothingToRegenerate, *PLACING),
)  # fmt: skip
async def regenerate_frame(
    *, house: HouseHere, workspace_id: FromPath[UUID], frame_id: FromPath[UUID],
    data: JSONBody[Again], idempotency_key: IdempotencyKey,
) -> Response[JobShape]:  # fmt: skip
    """Make it again with a new seed; a repeat with the same key returns the same job."""
    job, is_replay = await storyboard_frames.regenerate_frame(
        house.studio, _slot(workspace_id, frame_id, idempotency_key, data.member_id),
        wanted=data.wanted,
    )  # fmt: skip
    return placed_job(job, is_replay=is_replay)


@post(
    AT + "/comparison", operation_id="compareVersions", tags=["frames"], status_code=200,
    summary="In what two versions of a frame differ: tool, words, seed, cost",
    responses=documented(UnknownFrame, NoSuchFrame, *BODY),
)  # fmt: skip
async def compare_versions(
    *, house: HouseHere, workspace_id: FromPath[UUID], frame_id: FromPath[UUID],
    data: JSONBody[Pair],
) -> Comparison:  # fmt: skip
    """Compare two versions."""
    frame = await _frame(house, workspace_id, frame_id)
    found = differences(first=_among(frame, data.first), second=_among(frame, data.second))
    return Comparison(
        differences=tuple(
            DifferenceShape(name=each.name, first=each.first, second=each.second) for each in found
        )
    )


@post(
    AT + "/choice", operation_id="chooseVersion", tags=["frames"], status_code=200,
    summary="Let a frame show another of its versions",
    responses=documented(UnknownFrame, NoSuchFrame, *BODY),
)  # fmt: skip
async def choose_version(
    *, house: HouseHere, workspace_id: FromPath[UUID], frame_id: FromPath[UUID],
    data: JSONBody[FrameShape],
) -> BoardFrame:  # fmt: skip
    """Choose a version; another one than before is not final."""
    name = frame_name(data)
    assert name is not None
    chosen = await storyboard.choose(
        house.studio, workspace_id=workspace_id, frame_id=frame_id, version=name
    )
    return frame_shape(chosen)


@post(
    AT + "/final", operation_id="markFinal", tags=["frames"], status_code=200,
    summary="Mark a frame final with the version that it shows, or take the mark away",
    responses=documented(UnknownFrame, FrameNotMade, *BODY),
)  # fmt: skip
async def mark_final(
    *, house: HouseHere, workspace_id: FromPath[UUID], frame_id: FromPath[UUID],
    data: JSONBody[FinalMark],
) -> BoardFrame:  # fmt: skip
    """Mark a frame."""
    marked = await storyboard.mark_final(
        house.studio, workspace_id=workspace_id, frame_id=frame_id, is_final=data.is_final
    )
    return frame_shape(marked)


@post(
    AT + "/place", operation_id="moveFrame", tags=["frames"], status_code=200,
    summary="Move a frame within its scene, or to another",
    responses=documented(UnknownFrame, UnknownScene, *BODY),
)  # fmt: skip
async def move_frame(
    *, house: HouseHere, workspace_id: FromPath[UUID], frame_id: FromPath[UUID],
    data: JSONBody[NewPlace],
) -> BoardFrame:  # fmt: skip
    """Move a frame; beyond the end is the end."""
    board, frame = await storyboard.frame_of(
        house.studio, workspace_id=workspace_id, frame_id=frame_id
    )
    async with house.studio.reading() as connection:
        await rows.move_frame(
            connection, project=board.project, frame_id=frame_id, place=data.place,
            scene_id=data.scene_id or frame.scene_id,
        )  # fmt: skip
    return frame_shape(await _frame(house, workspace_id, frame_id))


@post(
    AT + "/uploads", operation_id="uploadVersion", tags=["frames"],
    summary="Give a frame a picture that was brought, as its newest version",
    responses=documented(UnknownFrame, UnknownAsset, *BODY),
)  # fmt: skip
async def upload_version(
    *, house: HouseHere, workspace_id: FromPath[UUID], frame_id: FromPath[UUID],
    data: JSONBody[PictureName],
) -> UploadShape:  # fmt: skip
    """Give a frame a picture."""
    made = await storyboard.upload(
        house.studio, workspace_id=workspace_id, frame_id=frame_id,
        asset=bytes.fromhex(data.sha256),
    )  # fmt: skip
    return UploadShape(
        name=FrameShape(job_id=made.upload_id, ordinal=1), media_type=made.media_type,
        width=made.width, height=made.height,
    )  # fmt: skip


@post(
    AT + "/archive", operation_id="archiveFrame", tags=["frames"], status_code=204,
    summary="Delete a frame, or bring it back where it stood",
    responses=documented(UnknownFrame, BoardFull, *BODY),
)  # fmt: skip
async def archive_frame(
    *, house: HouseHere, workspace_id: FromPath[UUID], frame_id: FromPath[UUID],
    data: JSONBody[Undo],
) -> None:  # fmt: skip
    """Delete a frame, or bring it back."""
    await storyboard.archive_frame(
        house.studio, workspace_id=workspace_id, frame_id=frame_id, is_undo=data.is_undo
    )


async def _frame(house: HouseHere, workspace_id: UUID, frame_id: UUID) -> Frame:
    _, frame = await storyboard.frame_of(house.studio, workspace_id=workspace_id, frame_id=frame_id)
    return frame


def _slot(workspace_id: UUID, frame_id: UUID, key: str, member_id: UUID | None) -> Slot:
    return Slot(
        workspace_id=workspace_id, frame_id=frame_id, key=key,
        attribution=NOBODY._replace(member_id=member_id),
    )  # fmt: skip


def _among(frame: Frame, shape: FrameShape) -> FrameVersion:
    name = frame_name(shape)
    for each in (*frame.versions, *frame.clips):
        if each.name == name:
            return each
    assert name is not None
    raise NoSuchFrame(frame=name)
