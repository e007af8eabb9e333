"""`mutoscope webhook`: where a workspace's events are sent, and what became of each."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID, uuid4

import typer
from rich.markup import escape

from mutoscope.app import deliveries as sending
from mutoscope.app import webhooks as hooks
from mutoscope.bootstrap import House
from mutoscope.cli.opening import in_house
from mutoscope.cli.options import Json, WorkspaceId, id_of, takes
from mutoscope.cli.plain import print_json
from mutoscope.cli.screen import console, table, told
from mutoscope.storage import webhooks as rows
from mutoscope.storage import workspaces
from mutoscope.storage.webhooks import Delivery, Endpoint

LISTED_MAX = 100

LATEST = (datetime(9000, 1, 1, tzinfo=UTC), UUID(int=2**128 - 1))

commands = typer.Typer()
webhook = typer.Typer(help="Send events to addresses, and replay them.", no_args_is_help=True)
commands.add_typer(webhook, name="webhook")

EndpointId = Annotated[
    UUID,
    typer.Argument(
        metavar="WEBHOOK", help="The webhook's id.",
        parser=id_of("webhook", remedy="`mutoscope webhook list` tells them"),
    ),
]  # fmt: skip
EventId = Annotated[
    UUID,
    typer.Argument(
        metavar="EVENT", help="The event's id.",
        parser=id_of("event", remedy="`mutoscope webhook deliveries` tells them"),
    ),
]  # fmt: skip


@commands.callback()
def studio() -> None:
    """Tell other programs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AddOptions:
    """Where events are wanted, and which."""

    workspace: WorkspaceId
    url: Annotated[str, typer.Argument(help="An address of yours, https://...")]
    events: Annotated[
        list[str] | None, typer.Option("--event", help="A type, such as alert.raised; repeatable.")
    ] = None
    key: Annotated[str | None, typer.Option(help="The same key again is the same webhook.")] = None
    is_json: Json = False


@webhook.command()
@takes(AddOptions)
def add(asked: AddOptions) -> None:
    """Send the events of WORKSPACE to URL; the secret is shown this once."""

    async def added(house: House) -> Endpoint:
        made, _ = await hooks.add_endpoint(
            house.studio, workspace_id=asked.workspace, url=asked.url,
            event_types=tuple(asked.events or ()), key=asked.key or str(uuid4()),
        )  # fmt: skip
        return made

    _show(in_house(added), is_json=asked.is_json)


@webhook.command(name="list")
def list_all(workspace: WorkspaceId, *, is_json: Json = False) -> None:
    """List the webhooks of WORKSPACE."""

    async def read(house: House) -> tuple[Endpoint, ...]:
        async with house.studio.reading() as connection:
            await workspaces.get(connection, workspace_id=workspace)
            return await rows.endpoints(connection, workspace_id=workspace, limit=LISTED_MAX)

    found = in_house(read)
    if is_json:
        print_json([_told(each) for each in found])
        return
    made = table("!webhook", "address", "events", "state")
    for each in found:
        state = each.state if each.off_reason is None else f"off ({each.off_reason})"
        types = ", ".join(each.event_types) or "all"
        made.add_row(str(each.endpoint_id), escape(each.url), types, state)
    console().print(made)


@webhook.command()
def switch(
    workspace: WorkspaceId,
    endpoint_id: EndpointId,
    *,
    is_on: Annotated[bool, typer.Option("--on/--off", help="On or off.")],
    is_json: Json = False,
) -> None:
    """Switch WEBHOOK on or off; what waits for it is sent when it is on."""

    async def switched(house: House) -> Endpoint:
        async with house.studio.reading() as connection:
            before = await rows.endpoint(
                connection, workspace_id=workspace, endpoint_id=endpoint_id
            )
        return await hooks.change_endpoint(
            house.studio, before=before, url=before.url, event_types=before.event_types,
            is_on=is_on,
        )  # fmt: skip

    found = in_house(switched)
    if is_json:
        print_json(_told(found))
    else:
        console().print(f"webhook {found.endpoint_id} is {found.state}.", markup=False)


@webhook.command()
def remove(workspace: WorkspaceId, endpoint_id: EndpointId, *, is_json: Json = False) -> None:
    """Send nothing more to WEBHOOK."""

    async def removed(house: House) -> None:
        async with house.studio.reading() as connection, connection.transaction():
            await rows.remove_endpoint(
                connection, workspace_id=workspace, endpoint_id=endpoint_id,
                at=house.studio.clock.now(),
            )  # fmt: skip

    in_house(removed)
    if is_json:
        print_json({"removed": endpoint_id})
    else:
        console().print(f"webhook {endpoint_id} was removed.", markup=False)


@webhook.command()
def rotate(workspace: WorkspaceId, endpoint_id: EndpointId, *, is_json: Json = False) -> None:
    """Give WEBHOOK a new secret, shown this once; the one before signs along for a day."""

    async def rotated(house: House) -> Endpoint:
        found, _ = await hooks.rotate_secret(
            house.studio, workspace_id=workspace, endpoint_id=endpoint_id, key=str(uuid4())
        )
        return found

    _show(in_house(rotated), is_json=is_json)


@webhook.command()
def deliveries(workspace: WorkspaceId, endpoint_id: EndpointId, *, is_json: Json = False) -> None:
    """List what was sent to WEBHOOK, newest first."""

    async def read(house: House) -> tuple[tuple[Delivery, ...], str]:
        async with house.studio.reading() as connection:
            found = await workspaces.get(connection, workspace_id=workspace)
            await rows.endpoint(connection, workspace_id=workspace, endpoint_id=endpoint_id)
            return await rows.deliveries(
                connection, workspace_id=workspace, endpoint_id=endpoint_id,
                before=LATEST, limit=LISTED_MAX,
            ), found.zone  # fmt: skip

    found, zone = in_house(read)
    if is_json:
        print_json(found)
        return
    made = table("!event", "type", "when", "state", ">tries", "next try", "last answer")
    for each in found:
        made.add_row(
            str(each.event_id), each.type, told(each.created_at, zone=zone), each.state,
            str(each.tries), told(each.next_try_at, zone=zone),
            escape(each.error or str(each.status or "-")),
        )  # fmt: skip
    console().print(made)


@webhook.command()
def replay(
    workspace: WorkspaceId, endpoint_id: EndpointId, event_id: EventId, *, is_json: Json = False
) -> None:
    """Send EVENT to WEBHOOK once more, under the same id; a worker sends it."""

    async def replayed(house: House) -> Delivery:
        return await sending.replay(
            house.studio, workspace_id=workspace, endpoint_id=endpoint_id, event_id=event_id
        )

    found = in_house(replayed)
    if is_json:
        print_json(found)
    else:
        console().print(f"event {found.event_id} is sent again.", markup=False)


def _show(found: Endpoint, *, is_json: bool) -> None:
    if is_json:
        print_json({**_told(found), "secret": found.secret})
        return
    console().print(f"webhook  {found.endpoint_id}", markup=False)
    console().print(f"address  {found.url}", markup=False)
    console().print(f"secret   {found.secret}  (shown this once)", markup=False)


def _told(found: Endpoint) -> dict[str, object]:
    """Return an endpoint without its secrets."""
    names = ("workspace_id", "endpoint_id", "url", "event_types", "state", "off_reason",
             "failing_since", "previous_until", "created_at", "off_at")  # fmt: skip
    return {name: getattr(found, name) for name in names}
