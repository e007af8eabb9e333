"""`mutoscope balance`, `jobs`, `history` and `receipt`: reading changes nothing."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple

import typer
from rich.markup import escape

from mutoscope.app import downloads
from mutoscope.app.read_history import read_history
from mutoscope.app.receipt import Receipt
from mutoscope.app.receipt import receipt as receipt_of
from mutoscope.app.receipt_page import changes_asked, drawn_told, receipt_page
from mutoscope.bootstrap import House
from mutoscope.cli.files import copied, folder_at, written
from mutoscope.cli.opening import in_house, zone_of
from mutoscope.cli.options import JobId, Json, WorkspaceId, instant, takes
from mutoscope.cli.plain import plain, print_json
from mutoscope.cli.plan_screen import paid_grant_told
from mutoscope.cli.screen import (
    balances_table,
    console,
    job_line,
    jobs_table,
    lines_table,
    lots_table,
    micros,
    tell,
    told,
)
from mutoscope.documents.receipt_pdf import receipt_pdf
from mutoscope.domain.balance import Balance
from mutoscope.domain.catalog import Catalog
from mutoscope.domain.chart import Operation
from mutoscope.domain.explanation import explanation
from mutoscope.domain.jobs import JobState
from mutoscope.storage import balances, jobs, workspaces
from mutoscope.storage.attempts import Attempt
from mutoscope.storage.history import Filters, Line, Page, Window
from mutoscope.storage.jobs import Job, JobPage, StoredOutput

FOR_STAFF: Final = frozenset({"provider", "provider_job_id", "route"})
"""What a job knows of the company that made it."""

SUFFIXES: Final = {"image/png": ".png", "image/jpeg": ".jpg", "video/mp4": ".mp4"}

JOBS_MAX: Final = 200
"""Jobs on a page."""

commands = typer.Typer()


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryOptions:
    """Which lines are listed, and how."""

    workspace: WorkspaceId
    kind: Annotated[str | None, typer.Option(help="The lines of one wallet: image, video.")] = None
    operation: Annotated[
        list[Operation] | None, typer.Option(help="Lines of an operation; again for more.")
    ] = None
    since: Annotated[str | None, typer.Option(help="From an instant on.")] = None
    until: Annotated[str | None, typer.Option(help="Before an instant.")] = None
    key: Annotated[str | None, typer.Option(help="The line of a request's key.")] = None
    reason: Annotated[str | None, typer.Option(help="Lines of a reason's code.")] = None
    limit: Annotated[int, typer.Option(help="Lines on the page, at most 1,000.")] = 50
    after: Annotated[str | None, typer.Option(help="Read on after a cursor.")] = None
    is_oldest_first: Annotated[bool, typer.Option("--oldest-first", help="Begin long ago.")] = False
    is_json: Json = False


class _Balances(NamedTuple):
    """What a workspace's wallets hold, in whose zone; `coming` tells of credits not paid yet."""

    found: tuple[Balance, ...]
    unlimited: tuple[str, ...]
    zone: str
    coming: str


@commands.command()
def balance(
    workspace: WorkspaceId,
    *,
    at: Annotated[str | None, typer.Option(help="Any instant, past or future.")] = None,
    is_json: Json = False,
) -> None:
    """Explain what every wallet holds: lots, holds, grants and lapses that are due."""

    async def read(house: House) -> _Balances:
        now = house.studio.clock.now()
        async with house.studio.reading() as connection:
            owner = await workspaces.get(connection, workspace_id=workspace)
            asked = instant(at, zone=owner.zone) if at else now
            found = await balances.balances(connection, workspace_id=workspace, at=asked, now=now)
        return _Balances(
            found, house.studio.unlimited_of(owner, at=asked, now=now), owner.zone,
            paid_grant_told(house.studio, owner, at=now) if asked >= now else "",
        )  # fmt: skip

    found, unlimited, zone, coming = in_house(read)
    if is_json:
        print_json([_balance_fields(one, unlimited, zone) for one in found])
        return
    screen = console()
    screen.print(balances_table(balances=found, zone=zone, unlimited=unlimited))
    screen.print(lots_table(balances=found, zone=zone))
    for kind in unlimited:
        screen.print(f"The plan has {kind} use unlimited: it is metered, and draws no credits.")
    for one in found:
        for sentence in explanation(balance=one, zone=zone):
            screen.print(sentence, markup=False)
    if coming:
        screen.print(coming)


@commands.command(name="jobs")
def list_jobs(
    workspace: WorkspaceId,
    *,
    state: Annotated[JobState | None, typer.Option(help="Jobs in one state alone.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=JOBS_MAX, help="How many.")] = 50,
    after: Annotated[str | None, typer.Option(help="Read on after a cursor.")] = None,
    is_json: Json = False,
) -> None:
    """List the jobs of a workspace, the newest first."""

    async def read(house: House) -> tuple[JobPage, str]:
        zone = await zone_of(house, workspace)
        async with house.studio.reading() as connection:
            page = await jobs.page(
                connection, workspace_id=workspace, limit=limit, after=after, state=state
            )
        return page, zone

    page, zone = in_house(read)
    if is_json:
        print_json(page)
        return
    console().print(jobs_table(jobs=page.jobs, zone=zone))
    if page.next is not None:
        tell(f"There are more jobs: --after {page.next}")


@commands.command(name="history")
@takes(HistoryOptions)
def list_history(asked: HistoryOptions) -> None:
    """List the lines of the ledger in plain words, with the running balance."""

    async def read(house: House) -> tuple[Page, str, Catalog]:
        zone = await zone_of(house, asked.workspace)
        page = await read_history(
            house.studio, workspace_id=asked.workspace, kind=asked.kind,
            window=_window(asked), filters=_filters(asked, zone),
        )  # fmt: skip
        return page, zone, house.studio.catalog

    page, zone, catalog = in_house(read)
    if asked.is_json:
        lines = [line_fields(line) for line in page.lines]
        print_json(
            {"lines": lines, "before": page.before, "after": page.after, "has_more": page.has_more}
        )
        return
    console().print(lines_table(lines=page.lines, zone=zone, catalog=catalog))
    if page.has_more:
        tell(f"There are more lines: --after {page.after}")


@commands.command()
def receipt(
    workspace: WorkspaceId,
    job: JobId,
    *,
    out: Annotated[Path | None, typer.Option(help="A folder to save the files in.")] = None,
    pdf: Annotated[Path | None, typer.Option(help="A file to print the receipt to.")] = None,
    is_with_cost: Annotated[
        bool, typer.Option("--cost", help="The orders to providers too, and what they cost you.")
    ] = False,
    is_json: Json = False,
) -> None:
    """Tell what a job was asked to make, what it delivered and cost, and which lots paid."""

    async def read(house: House) -> tuple[Receipt, str, tuple[Path, ...]]:
        found = await receipt_of(house.studio, workspace_id=workspace, job_id=job)
        async with house.studio.reading() as connection:
            owner = await workspaces.get(connection, workspace_id=workspace)
            if out is not None:
                await downloads.require(
                    house.studio, connection, workspace_id=workspace, made_at=found.job.created_at
                )
        saved = save_outputs(house, found, out) if out is not None else ()
        if pdf is not None:
            page = receipt_page(found, zone=owner.zone, is_with_cost=is_with_cost)
            written(pdf, await asyncio.to_thread(receipt_pdf, page, fonts=house.fonts))
        return found, owner.zone, saved if pdf is None else (*saved, pdf)

    found, zone, saved = in_house(read)
    if is_json:
        files = {"files": plain(saved)} if out or pdf else {}
        print_json(receipt_fields(found, is_with_cost=is_with_cost) | files)
        return
    _show_receipt(found, zone, is_with_cost=is_with_cost)
    for each in saved:
        tell(escape(f"Written to {each}."))


def _balance_fields(found: Balance, unlimited: tuple[str, ...], zone: str) -> dict[str, Any]:
    told_of = {"explanation": explanation(balance=found, zone=zone)}
    return {**plain(found), "is_unlimited": found.kind in unlimited, **told_of}


def line_fields(line: Line) -> dict[str, Any]:
    """Return a line as plain data, with its sentence and the job that it is about.

    A grant of purchased credits has the `purchase_id` already.
    """
    fields: dict[str, Any] = plain(line)
    job = fields.pop("job") or {}
    return {
        **fields, "words": line.words, "job_id": job.get("job_id"), "tool": job.get("tool"),
        "is_note_erased": line.is_note_erased,
    }  # fmt: skip


def job_fields(job: Job) -> dict[str, Any]:
    """Return a job as plain data, as its workspace's people may see it."""
    found: dict[str, Any] = plain(job)
    return {name: found[name] for name in found if name not in FOR_STAFF}


def receipt_fields(found: Receipt, *, is_with_cost: bool = False) -> dict[str, Any]:
    """Return a receipt as plain data; who made it, and at what cost, is for staff."""
    return {
        "job": plain(found.job) if is_with_cost else job_fields(found.job),
        "tool_name": found.tool_name, "outputs": plain(found.outputs),
        **({"attempts": plain(found.attempts)} if is_with_cost else {}),
        "price_lock": plain(found.price_lock), "drawn": plain(found.drawn),
        "lines": [line_fields(each) for each in found.lines],
    }  # fmt: skip


def save_outputs(house: House, found: Receipt, folder: Path) -> tuple[Path, ...]:
    """Copy what a job delivered into a folder."""
    folder_at(folder)
    saved = []
    for output in found.outputs:
        place = folder / f"{found.job.job_id}-{output.ordinal}{suffix(output)}"
        copied(house.studio.assets.path(digest=output.asset), place)
        saved.append(place)
    return tuple(saved)


def suffix(output: StoredOutput) -> str:
    """Return the ending of a file's name for what is in it."""
    return SUFFIXES.get(output.media_type, ".bin")


def _show_receipt(found: Receipt, zone: str, *, is_with_cost: bool) -> None:
    job, spec, screen = found.job, found.job.spec, console()
    seconds = f", {spec.duration_s} s" if spec.duration_s else ""
    screen.print(job_line(job=job, tool=found.tool_name))
    screen.print(f"asked      {spec.images} of {spec.ratio}{seconds}: {spec.prompt}", markup=False)
    for name, words in changes_asked(spec):
        screen.print(f"{name:<10} {words}", markup=False)
    for output in found.outputs:
        length = f", {output.duration_ms / 1000:g} s" if output.duration_ms else ""
        screen.print(f"delivered  {output.width}x{output.height} {output.media_type}{length}")
    screen.print(f"rates      {job.version}")
    screen.print(f"drawn      {drawn_told(found)}")
    for each in found.attempts if is_with_cost else ():
        screen.print(_order_line(each), markup=False)
    screen.print(f"placed     {told(job.created_at, zone=zone)}")
    screen.print(f"finished   {told(job.finished_at, zone=zone)}")
    screen.print(lines_table(lines=found.lines, zone=zone))


def _order_line(attempt: Attempt) -> str:
    cost = "cost not known yet"
    if attempt.cost_micros is not None:
        cost = f"cost {micros(attempt.cost_micros)}"
    named = attempt.provider_job_id or "no id"
    why = f" ({attempt.reason})" if attempt.reason else ""
    return f"order {attempt.ordinal}    {attempt.provider}, {named}: {attempt.state}{why}, {cost}"


def _filters(asked: HistoryOptions, zone: str) -> Filters:
    return Filters(
        operations=tuple(asked.operation or ()), key=asked.key, reason=asked.reason,
        due_from=instant(asked.since, zone=zone) if asked.since else None,
        due_until=instant(asked.until, zone=zone) if asked.until else None,
    )  # fmt: skip


def _window(asked: HistoryOptions) -> Window:
    return Window(limit=asked.limit, after=asked.after, is_oldest_first=asked.is_oldest_first)
