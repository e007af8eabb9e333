"""Jobs for a frame: generated, edited in words, fine-tuned, animated, made again.

Each is a job like any other, placed with a link to its frame in the transaction of its hold, and
attributed to the project. The surprising choice: what a creator leaves out is taken from the frame
as it is now, but in a repeat from the job that was placed, so that a repeat is the same request
whatever has become of the frame since.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final
from uuid import UUID

from mutoscope.app.generate import NAMESPACE, SEEDS, Wish, place, wish_again
from mutoscope.app.placing import placing_now
from mutoscope.app.storyboard import ToolMakesNoClip, frame_of
from mutoscope.domain.cast import prompt_of, references_of, shown
from mutoscope.domain.credits import Refusal, checked_key
from mutoscope.domain.fine_tune import checked_adjustments
from mutoscope.domain.jobs import checked_prompt
from mutoscope.domain.journal import NOBODY, Attribution
from mutoscope.domain.planner import KeyReused
from mutoscope.domain.storyboard import FrameNotFinal, FrameNotMade, Wanted
from mutoscope.domain.versions import conversation
from mutoscope.storage import board as boards
from mutoscope.storage import jobs
from mutoscope.storage.session import SideRow

if TYPE_CHECKING:
    from mutoscope.app.generate import Beside
    from mutoscope.app.studio import Studio
    from mutoscope.domain.cast import Part
    from mutoscope.domain.jobs import FrameName
    from mutoscope.domain.storyboard import Board, Frame, FrameVersion
    from mutoscope.storage.jobs import Job

GENERATE: Final = "image_generation"
EDIT: Final = "edit_open_assistant"
FINE_TUNE: Final = "edit_fine_tune"


class NothingToRegenerate(Refusal):
    """A frame of which no job has made what is to be made again."""

    code = "nothing_to_regenerate"

    def __init__(self, *, number: int) -> None:
        super().__init__(f"no job has made what frame {number} shows: generate or animate it first")
        self.number = number


class NoClipWanted(Refusal):
    """A clip of a frame for which neither the frame nor the request names a tool."""

    code = "no_clip_wanted"

    def __init__(self, *, number: int) -> None:
        super().__init__(f"frame {number} stays a still: name the tool that is to animate it")
        self.number = number


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A frame of a workspace for which a job is to be placed, by whom, and under which key."""

    workspace_id: UUID
    frame_id: UUID
    key: str
    attribution: Attribution = NOBODY


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """What a clip of a frame is to be; what is left out is the frame's own.

    `is_confirmed` says that the frame is animated though it is not final.
    """

    tool: str | None = None
    duration_s: int | None = None
    prompt: str | None = None
    seed: int | None = None
    source: FrameName | None = None
    is_confirmed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """A slot as it stands: its board, the job placed under its key before, the next seed."""

    slot: Slot
    board: Board
    frame: Frame
    before: Job | None
    seed: int

    def prompt(self, asked: str | None) -> str:
        """Return what is asked, else the frame's own words with the cast that it shows."""
        if asked is not None:
            return checked_prompt(asked)
        if self.before is not None:
            return self.before.spec.prompt
        return prompt_of(description=self.frame.description, parts=self._parts())

    def references(self) -> tuple[str, ...]:
        """Return the pictures of the cast that the frame shows."""
        if self.before is not None:
            return self.before.spec.references
        return references_of(parts=self._parts())

    def source(self, asked: FrameName | None) -> FrameName:
        """Return the still to start from: what is asked, else what the frame shows.

        :raises FrameNotMade: when there is none.
        """
        if asked is not None:
            return asked
        if self.before is not None and self.before.spec.source is not None:
            return self.before.spec.source
        if self.frame.still is None:
            raise FrameNotMade(numbers=(self.frame.number,))
        return self.frame.still.name

    def history(self, source: FrameName) -> tuple[str, ...]:
        """Return the earlier instructions of the conversation."""
        if self.before is not None:
            return self.before.spec.history
        return conversation(versions=self.frame.versions, source=source)

    def ratio(self) -> str:
        """Return the ratio of the board."""
        return self.board.project.ratio if self.before is None else self.before.spec.ratio

    def seed_of(self, asked: int | None) -> int:
        """Return what is asked, else a seed that no job of the frame has used."""
        if asked is not None:
            return asked
        return self.seed if self.before is None else self.before.spec.seed

    def _parts(self) -> tuple[Part, ...]:
        scenes = self.board.scenes
        scene = next(each for each in scenes if each.scene_id == self.frame.scene_id)
        text = f"{scene.heading}\n{self.frame.description}"
        return shown(cast=self.board.cast, text=text)


async def generate_frame(
    studio: Studio, slot: Slot, *, prompt: str | None = None, images: int = 1,
    seed: int | None = None,
) -> tuple[Job, bool]:  # fmt: skip
    """Make stills of a frame, each a version; return the job, and whether it was placed before.

    :raises Refusal: as `place` does, and when there is no such frame.
    """
    found = await _found(studio, slot)
    wish = Wish(
        tool=GENERATE, prompt=found.prompt(prompt), images=images, seed=found.seed_of(seed),
        ratio=found.ratio(), references=found.references(),
    )  # fmt: skip
    return await _place(studio, found, wish, Wanted.STILL)


async def edit_frame(
    studio: Studio, slot: Slot, *, instruction: str, source: FrameName | None = None
) -> tuple[Job, bool]:
    """Change what a frame shows as asked in words; earlier instructions go with it."""
    found = await _found(studio, slot)
    still = found.source(source)
    wish = Wish(
        tool=EDIT, prompt=found.prompt(None), source=still, instruction=instruction,
        ratio=found.ratio(), seed=found.seed_of(None), references=found.references(),
        history=found.history(still),
    )  # fmt: skip
    return await _place(studio, found, wish, Wanted.STILL)


async def fine_tune_frame(
    studio: Studio, slot: Slot, *, adjustments: dict[str, str | float],
    source: FrameName | None = None,
) -> tuple[Job, bool]:  # fmt: skip
    """Change what a frame shows by named values.

    :raises BadAdjustment: when a name or value is none.
    """
    checked = checked_adjustments(adjustments)
    found = await _found(studio, slot)
    wish = Wish(
        tool=FINE_TUNE, prompt=found.prompt(None), source=found.source(source),
        adjustments=checked, ratio=found.ratio(), seed=found.seed_of(None),
        references=found.references(),
    )  # fmt: skip
    return await _place(studio, found, wish, Wanted.STILL)


async def animate_frame(studio: Studio, slot: Slot, *, clip: Clip) -> tuple[Job, bool]:
    """Turn what a frame shows into a clip.

    :raises NoClipWanted: when neither the frame nor the request names a tool.
    :raises ToolMakesNoClip: when the tool makes stills.
    :raises FrameNotMade: when the frame has no still.
    :raises FrameNotFinal: when it is not marked final and that is not confirmed.
    """
    found = await _found(studio, slot)
    frame, before = found.frame, found.before
    key = clip.tool or (before.tool if before is not None else frame.tool)
    if key is None:
        raise NoClipWanted(number=frame.number)
    tool = studio.catalog.version_at(at=studio.clock.now()).tool(key=key)
    if not tool.durations_s:
        raise ToolMakesNoClip(tool=key)
    source = found.source(clip.source)
    if before is None and not (frame.is_final or clip.is_confirmed):
        (await placing_now(studio, workspace_id=slot.workspace_id)).require(tool=tool)
        raise FrameNotFinal(numbers=(frame.number,))
    wish = Wish(
        tool=key, prompt=found.prompt(clip.prompt), source=source, ratio=found.ratio(),
        duration_s=_duration(studio, found, clip, key), seed=found.seed_of(clip.seed),
        references=found.references(),
    )  # fmt: skip
    return await _place(studio, found, wish, Wanted.CLIP)


async def regenerate_frame(
    studio: Studio, slot: Slot, *, wanted: Wanted = Wanted.STILL
) -> tuple[Job, bool]:
    """Make again what a frame shows, or its newest clip, with a seed that it has not had.

    :raises NothingToRegenerate: when no job has made it, as of an upload.
    """
    found = await _found(studio, slot)
    if found.before is not None:
        wish = wish_again(found.before, seed=found.before.spec.seed)
        return await _place(studio, found, wish, wanted)
    shown_now = found.frame.still if wanted is Wanted.STILL else found.frame.clip
    if shown_now is None or shown_now.tool is None:
        raise NothingToRegenerate(number=found.frame.number)
    async with studio.reading() as connection:
        job = await jobs.get(connection, workspace_id=slot.workspace_id, job_id=_job_id(shown_now))
    wish = replace(wish_again(job, seed=found.seed), images=1)
    return await _place(studio, found, wish, wanted)


def beside_frame(*, project_id: UUID, frame_id: UUID, wanted: Wanted) -> Beside:
    """Return what commits beside a job of a frame: its link to the frame."""

    def rows(job: Job) -> tuple[SideRow, ...]:
        link = (job.workspace_id, job.job_id, project_id, frame_id, wanted, None, None)
        return (SideRow(boards.add_frame_jobs, link),)

    return rows


async def _found(studio: Studio, slot: Slot) -> _Found:
    """Return a slot as it stands.

    :raises KeyReused: when its key was used for another frame, or for no frame.
    """
    checked_key(slot.key)
    board, frame = await frame_of(studio, workspace_id=slot.workspace_id, frame_id=slot.frame_id)
    async with studio.reading() as connection:
        seed = await boards.seed_after(
            connection, workspace_id=slot.workspace_id, frame_id=slot.frame_id,
            project_id=board.project.project_id,
        )  # fmt: skip
        # Read last: when no job is there yet, none has changed what was read before.
        before = await jobs.by_request(
            connection, workspace_id=slot.workspace_id, request_key=slot.key
        )
        if before is not None:
            linked = await boards.frame_of_job(
                connection, workspace_id=slot.workspace_id, job_id=before.job_id
            )
            if linked is None or linked[0] != slot.frame_id:
                raise KeyReused(namespace=NAMESPACE, key=slot.key)
    return _Found(slot=slot, board=board, frame=frame, before=before, seed=seed % SEEDS)


async def _place(studio: Studio, found: _Found, wish: Wish, wanted: Wanted) -> tuple[Job, bool]:
    project_id, slot = found.board.project.project_id, found.slot
    return await place(
        studio, workspace_id=slot.workspace_id, wish=wish, key=slot.key,
        attribution=slot.attribution._replace(project_id=project_id),
        beside=beside_frame(project_id=project_id, frame_id=slot.frame_id, wanted=wanted),
    )  # fmt: skip


def _duration(studio: Studio, found: _Found, clip: Clip, key: str) -> int | None:
    """Return the seconds that are asked for, else the frame's, else the tool's first."""
    if clip.duration_s is not None:
        return clip.duration_s
    if found.before is not None:
        return found.before.spec.duration_s
    tool = studio.catalog.version_at(at=studio.clock.now()).tool(key=key)
    if found.frame.duration_s in tool.durations_s:
        return found.frame.duration_s
    return next(iter(tool.durations_s), None)


def _job_id(version: FrameVersion) -> UUID:
    return UUID(version.name.job_id)
