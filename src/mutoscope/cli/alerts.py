"""`mutoscope alerts`: what a workspace was told of its credits, and the ways it is told."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

import typer
from rich.markup import escape

from mutoscope.app.alerts import set_preference
from mutoscope.bootstrap import House
from mutoscope.cli.opening import in_house
from mutoscope.cli.options import Json, WorkspaceId, id_of, takes
from mutoscope.cli.plain import print_json
from mutoscope.cli.screen import console, counted, table, told
from mutoscope.domain.alerts import AlertCode
from mutoscope.storage import alerts as rows
from mutoscope.storage import workspaces
from mutoscope.storage.alerts import Alert, Preference

LISTED_MAX = 200

LATEST = (datetime(9000, 1, 1, tzinfo=UTC), UUID(int=2**128 - 1))

commands = typer.Typer()
alerts = typer.Typer(help="List what was told of credits, and set the ways.", no_args_is_help=True)
commands.add_typer(alerts, name="alerts")

AlertId = Annotated[
    UUID | None,
    typer.Argument(
        metavar="[ALERT]", help="One alert's id; without it all are read.",
        parser=id_of("alert", remedy="`mutoscope alerts list` tells them"),
    ),
]  # fmt: skip


@commands.callback()
def guidance() -> None:
    """Keep an eye on credits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WayOptions:
    """Which alerts go which way."""

    workspace: WorkspaceId
    code: Annotated[AlertCode | None, typer.Argument(help="Whose ways are set.")] = None
    by_email: Annotated[bool, typer.Option("--email/--no-email", help="By e-mail.")] = True
    by_webhook: Annotated[bool, typer.Option("--webhook/--no-webhook", help="By webhook.")] = True
    is_json: Json = False


@alerts.command(name="list")
def list_alerts(
    workspace: WorkspaceId,
    *,
    is_unread: Annotated[bool, typer.Option("--unread", help="Those not read yet.")] = False,
    is_json: Json = False,
) -> None:
    """List the alerts of WORKSPACE, newest first."""

    async def read(house: House) -> tuple[tuple[Alert, ...], str]:
        async with house.studio.reading() as connection:
            found = await workspaces.get(connection, workspace_id=workspace)
            return await rows.page(
                connection, workspace_id=workspace, before=LATEST,
                is_unread=is_unread, limit=LISTED_MAX,
            ), found.zone  # fmt: skip

    found, zone = in_house(read)
    if is_json:
        print_json(found)
        return
    made = table("!alert", "when", "what", "read")
    for each in found:
        made.add_row(
            str(each.alert_id), told(each.raised_at, zone=zone), escape(each.sentence),
            "yes" if each.read_at else "no",
        )  # fmt: skip
    console().print(made)


@alerts.command(name="read")
def read_alerts(workspace: WorkspaceId, alert_id: AlertId = None, *, is_json: Json = False) -> None:
    """Note that ALERT was read, or all of them."""

    async def read(house: House) -> int:
        at = house.studio.clock.now()
        async with house.studio.reading() as connection:
            await workspaces.get(connection, workspace_id=workspace)
            if alert_id is None:
                return await rows.mark_all_read(connection, workspace_id=workspace, at=at)
            await rows.mark_read(connection, workspace_id=workspace, alert_id=alert_id, at=at)
            return 1

    count = in_house(read)
    if is_json:
        print_json({"read": count})
    else:
        console().print(f"{counted(count, 'alert')} read.")


@alerts.command(name="ways")
@takes(WayOptions)
def ways(asked: WayOptions) -> None:
    """Show by which ways WORKSPACE is told, or set those of the alerts of CODE."""

    async def settled(house: House) -> tuple[Preference, ...]:
        if asked.code is not None:
            wish = Preference(code=asked.code, by_email=asked.by_email, by_webhook=asked.by_webhook)
            return await set_preference(house.studio, workspace_id=asked.workspace, preference=wish)
        async with house.studio.reading() as connection:
            await workspaces.get(connection, workspace_id=asked.workspace)
            return await rows.preferences(connection, workspace_id=asked.workspace)

    found = in_house(settled)
    if asked.is_json:
        print_json(found)
        return
    made = table("alert", "e-mail", "webhook")
    for each in found:
        made.add_row(each.code, _truth(is_on=each.by_email), _truth(is_on=each.by_webhook))
    console().print(made)


def _truth(*, is_on: bool) -> str:
    return "yes" if is_on else "no"
