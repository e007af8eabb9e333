"""What a person sees of a board in a terminal: frames, prices, mixes, and the table of tools."""

from collections.abc import Iterable
from datetime import datetime

from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table

from mutoscope.app.storyboard_estimate import BoardMix
from mutoscope.cli.screen import UNLIMITED, counted, table, told
from mutoscope.domain.board_price import BoardEstimate, BoardItem, KindTotal
from mutoscope.domain.jobs import FrameName
from mutoscope.domain.storyboard import Board, Frame, FrameVersion, Project
from mutoscope.domain.tool_table import ToolRow
from mutoscope.domain.versions import Difference

SWAPS_TOLD = 2
"""Cheaper tools that a row names: the best ones."""


def projects_table(*, projects: Iterable[Project], zone: str) -> Table:
    """Return projects, the newest first."""
    made = table("!project", "name", "ratio", "begun")
    for each in projects:
        made.add_row(
            str(each.project_id), escape(each.name), each.ratio, told(each.created_at, zone=zone)
        )
    return made


def board_lines(board: Board) -> tuple[RenderableType, ...]:
    """Return a board: a table for each scene, then the cast."""
    lines: list[RenderableType] = [f"project {board.project.project_id}  {board.project.name}"]
    for scene in board.scenes:
        lines += [
            f"\nscene {scene.scene_id}  {scene.heading or '(no heading)'}",
            _frames(scene.frames),
        ]
    for part in board.cast:
        lines.append(
            f"{part.kind} {part.part_id}  {part.name} (pictures: {len(part.pictures)})  "
            f"{part.description}"
        )
    return tuple(lines)


def versions_table(*, frame: Frame) -> Table:
    """Return the versions and clips of a frame, the oldest first; the one that shows is marked."""
    made = table("", ">", "!version", "tool", ">seed", ">charged", "what was asked")
    still = frame.still
    clips = (("clip", clip) for clip in frame.clips)
    for number, each in (*enumerate(frame.versions, start=1), *clips):
        is_shown = each in (still, frame.clip)
        charged = "-" if each.charged is None else f"{each.charged:,}"
        seed = "-" if each.seed is None else str(each.seed)
        made.add_row(
            "*" if is_shown else "", str(number), f"{each.name.job_id}/{each.name.ordinal}",
            each.tool or "upload", seed, charged, escape(_asked(each)),
        )  # fmt: skip
    return made


def differences_table(*, found: Iterable[Difference]) -> Table:
    """Return in what two versions differ."""
    made = table("", "first", "second")
    for each in found:
        made.add_row(each.name, escape(_words(each.first)), escape(_words(each.second)))
    return made


def _words(value: object) -> str:
    """Return what a version was made with in words; a dash for what it was made without."""
    match value:
        case None | "" | ():
            return "-"
        case FrameName(job_id, ordinal):
            return f"image {ordinal} of job {job_id}"
        case dict():
            return ", ".join(f"{name} {each}" for name, each in sorted(value.items()))
        case tuple():
            return "; ".join(map(str, value))
        case _:
            return str(value)


def estimate_lines(
    found: BoardEstimate, *, zone: str, expires_at: datetime | None = None
) -> tuple[RenderableType, ...]:
    """Return an estimate: the items and their sums, then sentences for each kind of credit."""
    made = table(">frame", "lacks", "tool", ">seconds", ">price", "cheaper")
    for item in found.items:
        made.add_row(
            str(item.number), item.wanted, item.tool, str(item.duration_s or "-"),
            f"{item.price:,}", _cheaper(item),
        )  # fmt: skip
    made.add_section()
    for total in found.totals:
        made.add_row(*_sums([item for item in found.items if item.kind == total.kind], total))
    lines: list[RenderableType] = [made]
    for total in found.totals:
        lines += _total_sentences(total, zone)
    if not found.items:
        lines.append("The board lacks nothing.")
    if expires_at is not None:
        lines.append(f"These prices are locked until {told(expires_at, zone=zone)}.")
    return tuple(lines)


def mix_table(*, mix: BoardMix) -> Table:
    """Return the best mix for a budget."""
    state = "chosen" if mix.is_chosen else "not chosen yet: --choose gives it to the frames"
    title = f"{mix.price:,} of {mix.budget:,} credits ({state})"
    made = table(">frame", "tool", ">quality rank", ">price", title=title)
    for each in mix.frames:
        made.add_row(str(each.number), each.tool, str(each.quality_rank), f"{each.price:,}")
    return made


def tool_rows(*, tools: Iterable[ToolRow]) -> Table:
    """Return the table of tools."""
    made = table(
        "tool", "?>rank", ">credits a clip", "?>a second", "buys", "?ratios", "?>pixels"
    )  # fmt: skip
    for each in tools:
        clips = ", ".join(f"{clip.credits:,} ({clip.duration_s} s)" for clip in each.clips)
        seconds = ", ".join(f"{clip.credits_per_100_s / 100:g}" for clip in each.clips)
        made.add_row(
            each.tool, str(each.quality_rank), clips or f"{each.credits:,} an image",
            seconds or "-", _buys(each), " ".join(each.ratios),
            " ".join(map(str, each.resolutions_px)),
        )  # fmt: skip
    return made


def _frames(frames: Iterable[Frame]) -> Table:
    made = table(">", "!frame", "what it shows", "still", "clip")
    for frame in frames:
        versions = counted(len(frame.versions), "version") if frame.versions else "-"
        clip = f"{frame.tool}, {frame.duration_s} s" if frame.tool else "-"
        made.add_row(
            str(frame.number), str(frame.frame_id), escape(frame.description),
            f"{versions}, final" if frame.is_final else versions,
            f"{len(frame.clips)} x {clip}" if frame.clips else clip,
        )  # fmt: skip
    return made


def _sums(items: list[BoardItem], total: KindTotal) -> tuple[str, ...]:
    """Return the last row of a kind of credit: how many, how long, and what all of them cost."""
    seconds = sum(item.duration_s or 0 for item in items)
    price = f"{total.required + total.metered:,}"
    saved = sum(max((swap.saved for swap in item.swaps), default=0) for item in items)
    return (
        "sum", f"{len(items):,}", f"{total.kind} credits", f"{seconds:,}" if seconds else "",
        price, f"up to {saved:,} less" if saved else "",
    )  # fmt: skip


def _asked(version: FrameVersion) -> str:
    if version.instruction is not None:
        return version.instruction
    if version.adjustments is not None:
        return ", ".join(f"{name} {value}" for name, value in version.adjustments.items())
    return version.prompt


def _cheaper(item: BoardItem) -> str:
    return ", ".join(
        f"{swap.tool} saves {swap.saved:,}" for swap in item.swaps[:SWAPS_TOLD]
    )  # fmt: skip


def _total_sentences(total: KindTotal, zone: str) -> tuple[str, ...]:
    unit = f"{total.kind} credits"
    if total.metered:
        return (f"Unlimited: {total.metered:,} {unit} metered at no charge.",)
    if total.shortfall:
        available = f"{total.available:,} can be spent"
        return (f"{total.required:,} {unit}: {available}, {total.shortfall:,} are missing.",)
    draws = ", ".join(f"{draw.amount:,} from lot {draw.lot}" for draw in total.draws)
    fits = f"{total.required:,} {unit} at most, {total.remaining:,} remain. Paid by: {draws}."
    if total.next_at is None:
        return (fits,)
    then = told(total.next_at, zone=zone)
    change = f"{total.lapsing:,} of them lapse and {total.next_grant_amount:,} arrive"
    return (fits, f"On {then} {change}: {total.remaining_then:,} will be there.")


def _buys(tool: ToolRow) -> str:
    if tool.is_unlimited:
        return UNLIMITED
    if not tool.clips:
        return f"{tool.images_affordable:,} images"
    return f"{tool.clips_affordable:,} clips, {tool.seconds_affordable:,} s"
