"""The status page: what this house holds, at a glance, and the first commands for a new one.

Owns a page of one document: its style lies in it, nothing is fetched. Invariant: every text that
somebody wrote is escaped. The surprising choice: jobs are counted over the workspaces that are
shown, so that the page costs the same in a large house.
"""

from base64 import b64encode
from collections import Counter
from collections.abc import Iterable
from hashlib import sha256
from html import escape
from importlib.resources import files
from string import Template
from typing import Any, Final, NamedTuple

from litestar import MediaType, Response, get

from mutoscope.app.studio import Studio
from mutoscope.domain.balance import Balance
from mutoscope.domain.jobs import JobState
from mutoscope.storage import balances, jobs, workspaces
from mutoscope.web.api.cursors import FIRST, LAST
from mutoscope.web.api.shape import HouseHere

SHOWN_MAX: Final = 12
"""Workspaces on the page; the API lists them all."""

JOBS_MAX: Final = 50
"""Jobs that are counted of each of them."""

_PAGES: Final = files("mutoscope.web.pages")
_STYLE: Final = _PAGES.joinpath("status.css").read_text(encoding="utf-8")
_PAGE: Final = Template(_PAGES.joinpath("status.html").read_text(encoding="utf-8"))
_EMPTY: Final = _PAGES.joinpath("empty.html").read_text(encoding="utf-8")
_STYLE_DIGEST: Final = b64encode(sha256(_STYLE.encode()).digest()).decode()
HEADERS: Final = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_DIGEST}'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Shown(NamedTuple):
    """A workspace on the page."""

    workspace: dict[str, Any]
    balances: tuple[Balance, ...]
    states: Counter[JobState]


@get("/", include_in_schema=False, media_type=MediaType.HTML)
async def show_status(house: HouseHere) -> Response[str]:
    """Show the status page."""
    shown, has_more = await _shown(house.studio)
    states = sum((each.states for each in shown), Counter[JobState]())
    count = f"{len(shown)}{'+' if has_more else ''}"
    page = _PAGE.substitute(
        style=_STYLE,
        at=f"{house.studio.clock.now():%d %B %Y, %H:%M} UTC",
        workspaces=count,
        open_jobs=sum(states[state] for state in _OPEN),
        delivered=states[JobState.SUCCEEDED],
        returned=sum(states[state] for state in _RETURNED),
        body=_table(shown, has_more=has_more) if shown else _EMPTY,
        states=_states(states),
    )
    return Response(page, media_type=MediaType.HTML, headers=HEADERS)


_OPEN: Final = (JobState.WAITING, JobState.SUBMITTING, JobState.RUNNING)
_RETURNED: Final = (JobState.FAILED, JobState.CANCELLED, JobState.LOST)


async def _shown(studio: Studio) -> tuple[list[Shown], bool]:
    now = studio.clock.now()
    async with studio.reading() as connection:
        found = await workspaces.page(
            connection, after_at=FIRST.at, after_id=FIRST.item_id, limit=SHOWN_MAX + 1
        )
        shown = []
        for each in found[:SHOWN_MAX]:
            workspace_id = each["workspace_id"]
            held = await balances.balances(connection, workspace_id=workspace_id, at=now, now=now)
            placed = await jobs.page(
                connection, workspace_id=workspace_id, before_at=LAST.at,
                before_id=LAST.item_id, limit=JOBS_MAX,
            )  # fmt: skip
            shown.append(Shown(each, held, Counter(job.state for job in placed)))
    return shown, len(found) > SHOWN_MAX


def _states(states: Counter[JobState]) -> str:
    return "".join(
        f'<li class="{state}"><b>{states[state]:,}</b> {state}</li>' for state in JobState
    )


def _table(shown: Iterable[Shown], *, has_more: bool) -> str:
    rows = "".join(map(_row, shown))
    more = '<p class="quiet">The API lists more: <code>GET /v1/workspaces</code>.</p>'
    return (
        "<section><h2>Workspaces</h2><div class=scroll tabindex=0 role=region "
        'aria-label="Workspaces"><table><thead><tr><th>Workspace<th>Credits<th class=number>Held'
        "<th class=number>Jobs<th>Since</tr></thead>"
        f"<tbody>{rows}</tbody></table></div>{more if has_more else ''}</section>"
    )


def _row(shown: Shown) -> str:
    workspace, found, states = shown
    badge = ' <span class="badge">demo</span>' if workspace["is_demo"] else ""
    spendable = ", ".join(f"{each.spendable:,} {escape(each.kind)}" for each in found) or "none"
    held = sum(each.held + each.metering for each in found)
    return (
        f"<tr><th scope=row>{escape(workspace['name'])}{badge}"
        f"<small>{workspace['workspace_id']}</small></th><td>{spendable}</td>"
        f"<td class=number>{held:,}</td><td class=number>{states.total():,}</td>"
        f"<td>{workspace['created_at']:%d %b %Y}</td></tr>"
    )
