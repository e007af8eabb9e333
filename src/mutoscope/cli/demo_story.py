"""The story of the demo, chapter by chapter, in the order of `CHAPTERS`.

Owns what is told and asked; the stage does it. Invariant: no chapter knows a figure beforehand that
it shows: prices, balances and dates come from the catalog and the ledger.
"""

from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from rich.markup import escape

from mutoscope.app.billing_feed import billing_dates
from mutoscope.app.cancel import cancel
from mutoscope.app.demo import NOT_CHARGED
from mutoscope.app.estimate import estimate
from mutoscope.app.generate import Wish
from mutoscope.app.sign_up import create
from mutoscope.app.subscribe import start_plan
from mutoscope.cli.calendar import dates_table, example
from mutoscope.cli.demo_stage import ZONE, Stage, frame_of
from mutoscope.cli.jobs import estimate_sentences
from mutoscope.cli.proof import show_verification, verification
from mutoscope.cli.screen import lines_table, money, source_of, table, told
from mutoscope.domain.chart import Account
from mutoscope.domain.credits import Refusal
from mutoscope.domain.estimate import affordable
from mutoscope.domain.jobs import JobState
from mutoscope.storage import history
from mutoscope.storage.history import LIMIT_MAX, Filters, Line, Window
from mutoscope.storage.verification import Scope

CLIP: Final = "clip"
CLIP_SECONDS: Final = 5
INSTRUCTION: Final = "make it night"
ANOTHER_SEED: Final = 7
ADJUSTMENTS: Final[dict[str, str | float]] = {"temperature": -0.6, "contrast": 0.3}
PROMPT_SHOWN: Final = 40


async def open_screenplay(stage: Stage) -> None:
    """Show what the screenplay asks for."""
    stage.say(
        "[bold]Mutoscope[/]: exact credits for generative media. Everything here is real: a "
        "PostgreSQL of its own, a ledger, pictures and video. The [bold]built-in engine[/] draws "
        "in the place of the paid tools, and says so on each picture."
    )
    stage.begin("A screenplay becomes shots")
    made = table(">shot", "scene", "prompt")
    for shot in stage.shots:
        prompt = shot.prompt
        cut = prompt if len(prompt) <= PROMPT_SHOWN else f"{prompt[:PROMPT_SHOWN]}..."
        made.add_row(str(shot.number), shot.heading, cut)
    stage.show(made)


async def generate_frames(stage: Stage) -> None:
    """Open a workspace, and generate a frame of each shot on trial credits."""
    stage.begin("Frames on trial credits")
    stage.workspace = await create(
        stage.house.studio, name="The Last Train", zone=ZONE, is_demo=True
    )
    await stage.show_balances("of the new workspace: its trial")
    await _tell_estimate(stage, "image_generation", images=len(stage.shots))
    keys = []
    for shot in stage.shots:
        keys.append(f"frame-{shot.number}")
        await stage.place(keys[-1], Wish(tool="image_generation", prompt=shot.prompt))
    stage.remember("the frames were being drawn")
    again, is_replay = await stage.place(
        keys[0], Wish(tool="image_generation", prompt=stage.shots[0].prompt)
    )
    assert is_replay, again
    stage.say(f"{len(keys)} jobs placed, each under a key of its own.")
    stage.say(
        f"{keys[0]} sent once more: the same job {str(again.job_id)[:8]}, nothing held again."
    )
    await stage.show_balances("while they are drawn")
    await stage.wait(keys)
    await stage.show_balances("with every frame delivered")


async def edit_frames(stage: Stage) -> None:
    """Edit two frames: in words, and by adjustments."""
    stage.begin("Two edits")
    first, last = (
        stage.jobs[f"frame-{shot.number}"] for shot in (stage.shots[-2], stage.shots[-1])
    )
    stage.say(f"Edit with Open Assistant: [italic]{INSTRUCTION}[/]")
    wish = Wish(
        tool="edit_open_assistant", prompt="", source=frame_of(first), instruction=INSTRUCTION
    )
    await stage.place("edit-in-words", wish)
    stage.say(f"Edit with Fine-tune: {', '.join(f'{k} {v}' for k, v in ADJUSTMENTS.items())}")
    wish = Wish(tool="edit_fine_tune", prompt="", source=frame_of(last), adjustments=ADJUSTMENTS)
    await stage.place("edit-by-adjustments", wish)
    await stage.wait(["edit-in-words", "edit-by-adjustments"])
    await stage.show_balances("after two edits at 1 credit each")


async def refuse_video(stage: Stage) -> None:
    """Ask for a clip in the trial.

    :raises AssertionError: when it is made: that would be a bug.
    """
    stage.begin("Video is not in the trial")
    try:
        await stage.place("clip-on-trial", _clip(stage, tool="runway_gen4_turbo"))
    except Refusal as refusal:
        stage.say(f"[yellow]{refusal.code}[/]: {escape(str(refusal))}")
    else:
        raise AssertionError("the trial has no video")


async def start_pro(stage: Stage) -> None:
    """Start a plan on account."""
    stage.begin("The Pro plan, on account")
    studio, workspace_id = stage.house.studio, stage.owner.workspace_id
    stage.remember("the plan began")
    stage.workspace = await start_plan(studio, workspace_id=workspace_id, plan="pro")
    plan = studio.catalog.version_at(at=studio.clock.now()).plan(key="pro")
    assert plan.price is not None
    stage.say(
        f"{plan.name}, {money(plan.price.monthly)} a month (an example price); {NOT_CHARGED}."
    )
    lines = await _lines(stage, Filters(due_from=stage.moments["the plan began"]))
    stage.show(lines_table(lines=lines, zone=ZONE, catalog=studio.catalog))
    dates = await billing_dates(studio, workspace_id=workspace_id, ahead=3)
    stage.show(dates_table(dates, title="Billing dates"))
    await stage.show_balances("with the plan's first credits")


async def compare_tools(stage: Stage) -> None:
    """Tell prices before the click."""
    stage.begin("Prices before the click")
    video = next(one for one in await stage.balances() if one.kind == "video")
    studio = stage.house.studio
    made = table("tool", ">a clip", ">clips left", ">seconds left", ">quality")
    for tool in studio.catalog.version_at(at=studio.clock.now()).tools:
        if tool.kind != "video":
            continue
        buys = affordable(tool=tool, available=video.spendable)
        is_by_second = tool.unit == "per_second"
        price = tool.credits * min(tool.durations_s) if is_by_second else tool.credits
        clips, rank = f"{buys.clips:,}", str(tool.quality_rank)
        made.add_row(tool.name, str(price), clips, f"{buys.seconds:,}", rank)
    stage.say(f"What {video.spendable:,} video credits buy:")
    stage.show(made)
    await _tell_estimate(stage, "runway_gen4_turbo", duration_s=CLIP_SECONDS)


async def animate_frame(stage: Stage) -> None:
    """Animate a frame, while a failure, a cancellation and a part come back uncharged."""
    stage.begin("A clip, and what nobody pays for")
    await stage.place("failing-clip", _clip(stage, tool="kling_pro", marker="[[fail]]"))
    await stage.place("cancelled-clip", _clip(stage, tool="kling_standard", marker="[[slow:120]]"))
    prompt = f"{stage.shots[0].prompt} [[partial:2]]"
    wish = Wish(tool="image_generation", prompt=prompt, images=3, seed=ANOTHER_SEED)
    await stage.place("partial-frames", wish)
    await stage.place(CLIP, _clip(stage, tool="runway_gen4_turbo"))
    await stage.show_balances("with four jobs at work")
    await cancel(
        stage.house.studio, workspace_id=stage.owner.workspace_id,
        job_id=stage.jobs["cancelled-clip"].job_id,
    )  # fmt: skip
    keys = ["failing-clip", "cancelled-clip", "partial-frames", CLIP]
    made = table("job", "ended", ">held", ">charged", "what the creator reads")
    for key, job in zip(keys, await stage.wait(keys), strict=True):
        colour = "green" if job.state is JobState.SUCCEEDED else "yellow"
        ended = f"[{colour}]{job.state}[/]"
        made.add_row(key, ended, str(job.price), str(job.captured), job.sentence or "Delivered.")
    stage.show(made)
    await stage.show_balances("after them")


async def explain_balance(stage: Stage) -> None:
    """Explain the balance in the past, now, and after the next billing date."""
    stage.begin("One balance at three instants")
    now = stage.house.studio.clock.now()
    found = await stage.balances(at=now)
    next_at = next(one.next_grant_at for one in found if one.next_grant_at is not None)
    past_at = stage.moments["the frames were being drawn"]
    for title, at in (
        ("while the frames were being drawn", past_at),
        ("now", now),
        ("on the day after the next billing date", next_at + timedelta(days=1)),
    ):
        await _explain(stage, title, at)


async def show_month_ends(stage: Stage) -> None:
    """Show the billing dates of a plan that began on the last day of a month."""
    stage.begin("Billing dates of a plan that began on 31 January")
    at = datetime(2027, 1, 31, 10, tzinfo=ZoneInfo(ZONE))
    stage.show(dates_table((example(at=at, zone=ZONE, periods=14),)))
    stage.say("Each date is counted from the anchor, so February shortens no later month.")


async def add_up(stage: Stage) -> None:
    """Show where every credit went, added up from the postings."""
    stage.begin("Where every credit went")
    lines = await _lines(stage, Filters())
    made = table("wallet", ">granted", "=", ">charged", "+", ">lapsed", "+", ">held", "+", ">left")
    for balance in await stage.balances():
        sums = _moved([line for line in lines if line.kind == balance.kind])
        granted = -sums[Account.ISSUED]
        charged, lapsed = sums[Account.CAPTURED], sums[Account.EXPIRED]
        assert granted == charged + lapsed + balance.held + balance.available, sums
        made.add_row(
            balance.kind, f"{granted:,}", "=", f"{charged:,}", "+", f"{lapsed:,}", "+",
            f"{balance.held:,}", "+", f"[bold]{balance.available:,}[/]",
        )  # fmt: skip
    stage.show(made)
    stage.say("The last lines of the ledger:")
    catalog = stage.house.studio.catalog
    stage.show(lines_table(lines=lines[-8:], zone=ZONE, catalog=catalog))


async def prove(stage: Stage) -> None:
    """Verify the whole ledger and keep the signed answer."""
    stage.begin("Proof")
    stage.verification = await verification(stage.house, scope=Scope())
    show_verification(stage.verification, screen=stage.screen)
    path = stage.folder / "verify.json"
    path.write_text(f"{stage.verification.text()}\n", encoding="utf-8")
    stage.written.append(path)
    stage.say("The signed answer is in verify.json.")


CHAPTERS: Final[tuple[Callable[[Stage], Awaitable[None]], ...]] = (
    open_screenplay, generate_frames, edit_frames, refuse_video, start_pro, compare_tools,
    animate_frame, explain_balance, show_month_ends, add_up,
)  # fmt: skip


async def all_lines(stage: Stage) -> tuple[Line, ...]:
    """Return every line of the workspace's ledger, oldest first."""
    return await _lines(stage, Filters())


def _clip(stage: Stage, *, tool: str, marker: str = "") -> Wish:
    source = stage.jobs.get("edit-by-adjustments") or stage.jobs["frame-1"]
    prompt = f"{source.spec.prompt} Slow push in. {marker}".strip()
    return Wish(tool=tool, prompt=prompt, duration_s=CLIP_SECONDS, source=frame_of(source))


async def _tell_estimate(
    stage: Stage, tool: str, *, images: int = 1, duration_s: int | None = None
) -> None:
    found = await estimate(
        stage.house.studio, workspace_id=stage.owner.workspace_id, tool=tool, images=images,
        duration_s=duration_s,
    )  # fmt: skip
    stage.say(f"[bold cyan]Estimate[/] {' '.join(estimate_sentences(found))}")


async def _explain(stage: Stage, title: str, at: datetime) -> None:
    stage.say(f"[bold]{title.capitalize()}[/] ({told(at, zone=ZONE)})")
    made = table("wallet", ">to spend", ">held", "from these lots", "due until then")
    for one in await stage.balances(at=at):
        lots = ", ".join(f"{lot.available:,} {source_of(lot)}" for lot in one.lots)
        due = "; ".join(step.words for step in one.due)
        made.add_row(one.kind, f"{one.spendable:,}", f"{one.held:,}", lots or "-", due or "-")
    stage.show(made)


async def _lines(stage: Stage, filters: Filters) -> tuple[Line, ...]:
    window = Window(limit=LIMIT_MAX, is_oldest_first=True)
    async with stage.house.studio.reading() as connection:
        page = await history.page(
            connection, workspace_id=stage.owner.workspace_id, window=window, filters=filters
        )
    assert not page.has_more, page.after
    return page.lines


def _moved(lines: list[Line]) -> Counter[str]:
    """Return what each account has gained, less what left it."""
    moved: Counter[str] = Counter()
    for line in lines:
        for posting in line.entry.postings:
            moved[posting.source] -= posting.amount
            moved[posting.target] += posting.amount
    return moved
