"""`mutoscope desk view-as`: a workspace as its people see it, for who of the staff looks at it."""

from dataclasses import dataclass
from typing import Any, Final

import typer

from mutoscope.app import chat, view_as
from mutoscope.app.chat import Threads
from mutoscope.app.view_as import OpenedView
from mutoscope.bootstrap import House
from mutoscope.cli.as_staff import As, PasswordFile, Reason, Who, in_house_as
from mutoscope.cli.chat import threads_table
from mutoscope.cli.options import Json, WorkspaceId, takes
from mutoscope.cli.plain import plain, print_json
from mutoscope.cli.reads import job_fields
from mutoscope.cli.screen import console, jobs_table, lots_table, tell, told
from mutoscope.cli.workspaces import Shown, shown_of, tell_workspace
from mutoscope.domain.chat import creator
from mutoscope.domain.staff import Actor
from mutoscope.storage import jobs
from mutoscope.storage.jobs import Job

JOBS_SHOWN: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewOptions:
    """Which workspace is looked at, why, and as whom."""

    workspace: WorkspaceId
    reason: Reason
    acting: As = None
    password_file: PasswordFile = None
    is_json: Json = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a workspace's people see, and the view through which it was seen."""

    view: OpenedView
    shown: Shown
    jobs: tuple[Job, ...]
    threads: Threads


@takes(ViewOptions)
def view_workspace(asked: ViewOptions) -> None:
    """Look at a workspace as its people see it, and change nothing; that you looked is kept."""

    async def seen(house: House, actor: Actor) -> Seen:
        view = await view_as.open_view(
            house.studio, actor, workspace_id=asked.workspace, reason=asked.reason
        )
        return await _seen(house, view)

    found = in_house_as(Who(name=asked.acting, password_file=asked.password_file), seen)
    if asked.is_json:
        print_json(_fields(found))
    else:
        _show(found)


def attach(group: typer.Typer) -> None:
    """Give this command to a group."""
    group.command(name="view-as")(view_workspace)


async def _seen(house: House, view: OpenedView) -> Seen:
    """Return what is seen through a view: one use of it, as over HTTP."""
    workspace_id = view.workspace_id
    await view_as.look(
        house.studio, token=view.token, method="GET", path=f"/v1/workspaces/{workspace_id}"
    )
    async with house.studio.reading() as connection:
        page = await jobs.page(
            connection, workspace_id=workspace_id, limit=JOBS_SHOWN, after=None, state=None
        )
    threads = await chat.threads_of(
        house.studio, workspace_id=workspace_id, reader=creator(workspace_id=workspace_id)
    )
    return Seen(
        view=view, shown=await shown_of(house, workspace_id, messages_max=0), jobs=page.jobs,
        threads=threads,
    )  # fmt: skip


def _fields(found: Seen) -> dict[str, Any]:
    return {
        "view": plain(found.view), **plain(found.shown),
        "jobs": [job_fields(each) for each in found.jobs], "threads": plain(found.threads),
    }  # fmt: skip


def _show(found: Seen) -> None:
    screen, zone = console(), found.shown.workspace.zone
    tell_workspace(found.shown)
    screen.print(lots_table(balances=found.shown.balances, zone=zone))
    if found.jobs:
        screen.print(jobs_table(jobs=found.jobs, zone=zone))
    if found.threads.threads:
        screen.print(threads_table(found.threads, zone=zone))
    screen.print(f"view       {found.view.view_id}")
    screen.print(f"token      {found.view.token}", markup=False, soft_wrap=True)
    tell(f"Until {told(found.view.expires_at)} the token reads this workspace over the API.")
