"""`mutoscope generate`, `edit`, `animate`, `regenerate`, `cancel` and `estimate`.

Invariant: the price that is asked for is the price that is held, and a job that is waited for ends
before the command does. The surprising choice: every command makes a key of its own, so that only
`--key` makes a repeat of it the same request.
"""

import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Annotated, Any, Final
from uuid import UUID

import typer

from mutoscope.app.cancel import cancel as ask_to_stop
from mutoscope.app.estimate import Estimate
from mutoscope.app.estimate import estimate as estimated
from mutoscope.app.frames import NoSuchFrame
from mutoscope.app.generate import Wish, place
from mutoscope.app.generate import regenerate as place_again
from mutoscope.bootstrap import House
from mutoscope.cli.opening import in_house
from mutoscope.cli.options import JobId, Json, WorkspaceId, takes
from mutoscope.cli.plain import print_json
from mutoscope.cli.screen import console, job_line
from mutoscope.cli.waiting import watched
from mutoscope.domain.credits import Refusal
from mutoscope.domain.jobs import FINAL, FrameName, JobState
from mutoscope.domain.journal import NOBODY, Attribution
from mutoscope.storage import jobs, storyboard
from mutoscope.storage.jobs import Job
from mutoscope.storage.storyboard import UnknownFrame

DID_NOT_DELIVER: Final = 7
CONFIRM_HELP: Final = "Do not ask, however large a share of the balance it takes."

Key = Annotated[
    str | None, typer.Option(help="The request's key: the same one again is the same job.")
]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Place the job and leave it to a worker.")]
Ratio = Annotated[str | None, typer.Option(help="Width to height, such as 16:9.")]
Frame = Annotated[
    str, typer.Argument(metavar="FRAME", help="A still: a job's id, or JOB/2 for its second one.")
]
Adjustments = Annotated[
    list[str] | None,
    typer.Option(
        "--adjust",
        metavar="NAME=VALUE",
        help="A value to change, again for more: Edit with Fine-tune.",
    ),
]
Placing = Callable[[House, str], Coroutine[Any, Any, tuple[Job, bool]]]
Adding = Callable[[House], Coroutine[Any, Any, str]]

commands = typer.Typer()


class FrameOfBoard(Refusal):
    """A board's frame where a job's still is asked for."""

    code = "no_such_frame"

    def __init__(self, *, frame: FrameName) -> None:
        super().__init__(
            f"there is no job {frame.job_id}, it is a frame of a board: "
            "use `mutoscope frame animate` or `mutoscope frame edit`"
        )
        self.frame = frame


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How a job is placed and told."""

    key: Key = None
    no_wait: NoWait = False
    member: Annotated[UUID | None, typer.Option(help="The member whose job it is.")] = None
    yes: Annotated[bool, typer.Option("--yes", help=CONFIRM_HELP)] = False
    is_json: Json = False

    def whose(self) -> Attribution:
        """Return to whom it is put down."""
        return NOBODY._replace(member_id=self.member)


@dataclass(frozen=True, slots=True, kw_only=True)
class Generate(Manner):
    """What is generated, and how."""

    workspace: WorkspaceId
    prompt: Annotated[str, typer.Argument(help="What the frames show.")]
    images: Annotated[int, typer.Option(min=1, help="How many, each with its own seed.")] = 1
    ratio: Ratio = None
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same picture.")] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit(Manner):
    """What is changed about a frame: in words, or by named values."""

    workspace: WorkspaceId
    frame: Frame
    instruction: Annotated[
        str | None, typer.Argument(help="The change in words: Edit with Open Assistant.")
    ] = None
    adjust: Adjustments = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Animate(Manner):
    """What is animated, with which tool, for how long."""

    workspace: WorkspaceId
    frame: Frame
    tool: Annotated[str, typer.Option(help="One of the tools that make clips.")] = (
        "runway_gen4_turbo"
    )
    seconds: Annotated[int | None, typer.Option(help="One of the tool's durations.")] = None
    prompt: Annotated[str, typer.Option(help="What happens; else the frame's own prompt.")] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Regenerate(Manner):
    """Which job is made again, and how."""

    workspace: WorkspaceId
    job: JobId


@commands.command()
@takes(Generate)
def generate(asked: Generate) -> None:
    """Make frames from a description: 1 image credit each."""
    wish = Wish(
        tool="image_generation", prompt=asked.prompt, images=asked.images, ratio=asked.ratio,
        seed=asked.seed,
    )  # fmt: skip
    _place(asked, asked.workspace, wish)


@commands.command()
@takes(Edit)
def edit(asked: Edit) -> None:
    """Change a frame by an INSTRUCTION or by --adjust: 1 image credit."""
    if (asked.instruction is None) == (not asked.adjust):
        raise typer.BadParameter("give either an INSTRUCTION or --adjust NAME=VALUE")
    tool = "edit_fine_tune" if asked.adjust else "edit_open_assistant"
    wish = Wish(
        tool=tool, prompt="", source=frame_name(asked.frame), instruction=asked.instruction,
        adjustments=dict(map(adjustment, asked.adjust)) if asked.adjust else None,
    )  # fmt: skip
    _place(asked, asked.workspace, wish)


@commands.command()
@takes(Animate)
def animate(asked: Animate) -> None:
    """Turn a frame into a clip; the price depends on the tool."""

    async def placed(house: House, key: str) -> tuple[Job, bool]:
        studio = house.studio
        tool = studio.catalog.version_at(at=studio.clock.now()).tool(key=asked.tool)
        seconds = asked.seconds or next(iter(tool.durations_s), None)
        wish = Wish(
            tool=asked.tool, prompt=asked.prompt, duration_s=seconds,
            source=frame_name(asked.frame),
        )  # fmt: skip
        return await _confirmed(house, asked, workspace=asked.workspace, wish=wish, key=key)

    carry_out(asked, placed)


@commands.command()
@takes(Regenerate)
def regenerate(asked: Regenerate) -> None:
    """Make a job again with another seed; it costs as much again."""

    async def placed(house: House, key: str) -> tuple[Job, bool]:
        return await place_again(
            house.studio, workspace_id=asked.workspace, job_id=asked.job, key=key,
            attribution=asked.whose(),
        )  # fmt: skip

    carry_out(asked, placed)


@commands.command()
def cancel(workspace: WorkspaceId, job: JobId, *, is_json: Json = False) -> None:
    """Ask for a job to be stopped; what its provider cannot stop is charged on delivery."""
    asked = in_house(lambda house: ask_to_stop(house.studio, workspace_id=workspace, job_id=job))
    if is_json:
        print_json(asked)
        return
    console().print(f"Asked to stop. {job_line(job=asked)}")
    if asked.state not in FINAL:
        console().print(
            "If its provider cannot stop it, it is charged on delivery; if nothing comes it is "
            "given up, and its credits are returned."
        )


@commands.command()
def estimate(
    workspace: WorkspaceId,
    tool: Annotated[str, typer.Argument(help="A tool's key, as `catalog show` lists them.")],
    *,
    images: Annotated[int, typer.Option(min=1, help="How many images.")] = 1,
    seconds: Annotated[int | None, typer.Option(help="How long the clip.")] = None,
    member: Annotated[UUID | None, typer.Option(help="Whose caps it has to fit.")] = None,
    is_json: Json = False,
) -> None:
    """Tell what a job would cost, which lots would pay, and what would remain."""
    found = in_house(
        lambda house: estimated(
            house.studio, workspace_id=workspace, tool=tool, images=images, duration_s=seconds,
            attribution=NOBODY._replace(member_id=member),
        )
    )  # fmt: skip
    if is_json:
        print_json(found)
    else:
        hit = [
            f"It exceeds the cap of the {cap.subject}: {cap.remaining:,} of {cap.cap:,} remain."
            for cap in found.caps
        ]
        console().print("\n".join((*estimate_sentences(found), *hit)))


def estimate_sentences(found: Estimate) -> tuple[str, ...]:
    """Return an estimate in sentences: the price, what remains, which lots pay."""
    unit = f"{found.kind} credits"
    if found.metered:
        return (f"{found.tool}: unlimited, {found.metered:,} {unit} metered at no charge.",)
    if found.shortfall:
        needed = f"{found.price:,} {unit} are needed and {found.available:,} can be spent"
        return (
            f"{found.tool}: {needed}, {found.shortfall:,} short.", f"What to do: {found.remedy}."
        )  # fmt: skip
    draws = ", ".join(f"{draw.amount:,} from lot {draw.lot}" for draw in found.draws)
    return (
        f"{found.tool}: {found.price:,} {unit} at most, {found.remaining:,} remain.",
        f"Paid by: {draws}.",
    )


def frame_name(text: str) -> FrameName:
    """Return the still that JOB or JOB/NUMBER names.

    :raises typer.BadParameter: when it is neither.
    """
    job, _, ordinal = text.partition("/")
    try:
        return FrameName(str(UUID(job)), int(ordinal or 1))
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no frame: write JOB or JOB/2") from None


def _place(manner: Manner, workspace: UUID, wish: Wish) -> None:
    carry_out(
        manner,
        lambda house, key: _confirmed(house, manner, workspace=workspace, wish=wish, key=key),
    )


async def _confirmed(
    house: House, manner: Manner, *, workspace: UUID, wish: Wish, key: str
) -> tuple[Job, bool]:
    """Place a job; at a terminal one that takes much of the balance is asked about before."""
    await ask_first(house, manner, workspace=workspace, wish=wish)
    try:
        return await place(
            house.studio, workspace_id=workspace, wish=wish, key=key, attribution=manner.whose()
        )
    except NoSuchFrame as error:
        if await _is_on_board(house, workspace, error.frame):
            raise FrameOfBoard(frame=error.frame) from error
        raise


async def _is_on_board(house: House, workspace: UUID, frame: FrameName) -> bool:
    async with house.studio.reading() as connection:
        try:
            await storyboard.project_of_frame(
                connection, workspace_id=workspace, frame_id=UUID(frame.job_id)
            )
        except UnknownFrame:
            return False
    return True


async def ask_first(house: House, manner: Manner, *, workspace: UUID, wish: Wish) -> None:
    """Ask at a terminal about a job that takes much of the balance.

    :raises typer.Abort: when the answer is no.
    """
    if sys.stdin.isatty() and not manner.yes:
        found = await estimated(
            house.studio, workspace_id=workspace, tool=wish.tool, images=wish.images,
            duration_s=wish.duration_s,
        )  # fmt: skip
        if found.should_confirm and not found.shortfall:
            question = f"This takes {found.price:,} of {found.available:,} {found.kind} credits. Go"
            typer.confirm(question, abort=True, err=True)


async def nothing_more(_house: House) -> str:
    """Add nothing to what a job delivered."""
    return ""


def carry_out(manner: Manner, placing: Placing, *, adding: Adding = nothing_more) -> None:
    """Place a job, wait for it unless told not to, and tell what it delivered.

    What `adding` returns is told after it to a person.

    :raises typer.Exit: when it ended without a delivery.
    """

    async def carried_out(house: House) -> tuple[dict[str, Any], str]:
        key = manner.key or str(house.studio.ids.new())
        job, is_replay = await placing(house, key)
        if not manner.no_wait:
            (job,) = await watched(house, placed=[job])
        outputs = await _outputs(house, job)
        answer = {"job": job, "is_replay": is_replay, "outputs": outputs}
        return answer, await adding(house)

    answer, more = in_house(carried_out)
    _show(answer, is_json=manner.is_json)
    if more and not manner.is_json:
        console().print(more, markup=False)
    if not manner.no_wait and answer["job"].state is not JobState.SUCCEEDED:
        raise typer.Exit(DID_NOT_DELIVER)


async def _outputs(house: House, job: Job) -> tuple[dict[str, Any], ...]:
    async with house.studio.reading() as connection:
        found = await jobs.outputs_of(connection, workspace_id=job.workspace_id, job_id=job.job_id)
    return tuple({"frame": f"{job.job_id}/{each.ordinal}", "output": each} for each in found)


def _show(answer: dict[str, Any], *, is_json: bool) -> None:
    if is_json:
        print_json(answer)
        return
    screen = console()
    screen.print(f"job {answer['job'].job_id}")
    screen.print(job_line(job=answer["job"]))
    for each in answer["outputs"]:
        output = each["output"]
        screen.print(f"{each['frame']}  {output.width}x{output.height} {output.media_type}")


def adjustment(text: str) -> tuple[str, str | float]:
    """Return the named value that NAME=VALUE gives.

    :raises typer.BadParameter: when it is none.
    """
    name, equals, value = text.partition("=")
    if not equals:
        raise typer.BadParameter(f"{text!r} is no adjustment: write NAME=VALUE")
    try:
        return name, float(value)
    except ValueError:
        return name, value
