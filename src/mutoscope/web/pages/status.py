"""The status page: what this house holds, at a glance, and the first commands for a new one.

Owns a page of one document: its style lies in it, nothing is fetched. Invariant: every text that
somebody wrote is escaped. Figures are of the whole house; the table lists its first workspaces.
"""

from collections.abc import Iterable
from datetime import datetime
from html import escape
from importlib.resources import files
from string import Template
from typing import Any, Final, NamedTuple

from litestar import MediaType, Response, get

from mutoscope.app.studio import Studio
from mutoscope.domain.balance import Balance
from mutoscope.domain.jobs import JobState
from mutoscope.storage import balances, jobs, workspaces
from mutoscope.storage.place import FIRST
from mutoscope.storage.totals import Credits, Totals, totals
from mutoscope.web.api.shape import HouseHere
from mutoscope.web.pages.headers import page_headers

SHOWN_MAX: Final = 12
"""Workspaces on the page; the API lists them all."""

JOBS_MAX: Final = 50
"""Jobs that are counted of each of them; more are told as so many and more."""

_PAGES: Final = files("mutoscope.web.pages")
_STYLE: Final = _PAGES.joinpath("status.css").read_text(encoding="utf-8")
_PAGE: Final = Template(_PAGES.joinpath("status.html").read_text(encoding="utf-8"))
_EMPTY: Final = _PAGES.joinpath("empty.html").read_text(encoding="utf-8")
HEADERS: Final = page_headers(style=_STYLE)


class Shown(NamedTuple):
    """A workspace on the page."""

    workspace: dict[str, Any]
    balances: tuple[Balance, ...]
    jobs: int


@get("/", include_in_schema=False, media_type=MediaType.HTML)
async def show_status(house: HouseHere) -> Response[str]:
    """Show the status page."""
    shown, found = await _shown(house.studio)
    page = _PAGE.substitute(
        style=_STYLE,
        at=_instant(house.studio.clock.now()),
        workspaces=f"{found.workspaces:,}",
        open_jobs=f"{_count(found, _OPEN):,}",
        delivered=f"{found.jobs[JobState.SUCCEEDED]:,}",
        returned=f"{_count(found, _RETURNED):,}",
        holds=f"{found.holds:,}",
        body=_body(shown, found) if shown else _EMPTY,
        states=_states(found),
        checkpoint=_checkpoint(found),
    )
    return Response(page, media_type=MediaType.HTML, headers=HEADERS)


_CREDITS: Final = ("Kind", "Spendable", "Held", "Frozen", "In all")
_WORKSPACES: Final = ("Workspace", "Credits", "Held", "Jobs", "Since")
_NUMBERS: Final = frozenset({"Spendable", "Held", "Frozen", "In all", "Jobs"})
_OPEN: Final = (JobState.WAITING, JobState.SUBMITTING, JobState.RUNNING)
_RETURNED: Final = (JobState.FAILED, JobState.CANCELLED, JobState.LOST)


async def _shown(studio: Studio) -> tuple[list[Shown], Totals]:
    now = studio.clock.now()
    async with studio.reading() as connection:
        found = await totals(connection)
        first = await workspaces.page(
            connection, after_at=FIRST.at, after_id=FIRST.item_id, limit=SHOWN_MAX
        )
        shown = []
        for each in first:
            workspace_id = each["workspace_id"]
            held = await balances.balances(connection, workspace_id=workspace_id, at=now, now=now)
            placed = await jobs.page(connection, workspace_id=workspace_id, limit=JOBS_MAX)
            shown.append(Shown(each, held, len(placed.jobs)))
    return shown, found


def _count(found: Totals, states: Iterable[JobState]) -> int:
    return sum(found.jobs[state] for state in states)


def _states(found: Totals) -> str:
    return "".join(
        f'<li class="{state}"><b>{count:,}</b> {state}</li>' for state, count in found.jobs.items()
    )


def _checkpoint(found: Totals) -> str:
    last = found.checkpoint
    if last is None:
        return "No checkpoint was signed yet: <code>mutoscope checkpoint take</code> signs one."
    return f"Checkpoint {last.number:,} was signed on <time>{_instant(last.taken_at)}</time>."


def _body(shown: Iterable[Shown], found: Totals) -> str:
    more = '<p class="quiet">The API lists more: <code>GET /v1/workspaces</code>.</p>'
    return _section("Credits outstanding", _CREDITS, map(_credit_cells, found.credits)) + _section(
        "Workspaces", _WORKSPACES, map(_cells, shown),
        after=more if found.workspaces > SHOWN_MAX else "",
    )  # fmt: skip


def _section(
    title: str, heads: tuple[str, ...], rows: Iterable[tuple[str, ...]], *, after: str = ""
) -> str:
    """Return a table of cells that are markup; on a narrow screen each cell tells its head."""
    head = "".join(f"<th{_alignment(each)}>{each}</th>" for each in heads)
    return (
        f'<section><h2>{title}</h2><div class="scroll" tabindex="0" role="region" '
        f'aria-label="{title}"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(_row(heads, cells) for cells in rows)}</tbody></table></div>{after}"
        "</section>"
    )


def _row(heads: tuple[str, ...], cells: tuple[str, ...]) -> str:
    rest = "".join(
        f'<td data-label="{head}"{_alignment(head)}>{cell}</td>'
        for head, cell in zip(heads[1:], cells[1:], strict=True)
    )
    return f'<tr><th scope="row">{cells[0]}</th>{rest}</tr>'


def _alignment(head: str) -> str:
    return ' class="number"' if head in _NUMBERS else ""


def _credit_cells(of: Credits) -> tuple[str, ...]:
    amounts = (of.available, of.held, of.frozen, of.outstanding())
    return (escape(of.kind.capitalize()), *(f"{amount:,}" for amount in amounts))


def _cells(shown: Shown) -> tuple[str, ...]:
    workspace, found, placed = shown
    badge = ' <span class="badge">demo</span>' if workspace["is_demo"] else ""
    held = sum(each.held + each.metering for each in found)
    return (
        f"{escape(workspace['name'])}{badge}<small>{workspace['workspace_id']}</small>",
        ", ".join(f"{each.spendable:,} {escape(each.kind)}" for each in found) or "none",
        f"{held:,}",
        f"{placed:,}{'+' if placed == JOBS_MAX else ''}",
        f"{workspace['created_at']:%d %b %Y}",
    )


def _instant(at: datetime) -> str:
    return f"{at:%d %B %Y, %H:%M} UTC"
