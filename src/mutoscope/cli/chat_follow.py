"""`mutoscope chat follow`: what happens in a workspace, as it happens, until Ctrl-C.

The events are those of the live stream over HTTP: one line of JSON each with --json.
"""

import asyncio
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Final
from uuid import UUID

import typer
from rich.markup import escape

from mutoscope.app.follow import Beginning, Event, begin, follow
from mutoscope.app.glances import BalanceMoved
from mutoscope.bootstrap import House
from mutoscope.cli.opening import in_house, until_interrupted, zone_of
from mutoscope.cli.options import Json, WorkspaceId, id_of, takes
from mutoscope.cli.plain import json_line
from mutoscope.cli.screen import console, tell
from mutoscope.cli.talk import tell_messages
from mutoscope.domain.chat import ChatMessage
from mutoscope.storage.live import JobGlance

MemberId = Annotated[
    UUID | None,
    typer.Option(
        "--member", metavar="MEMBER", help="Who speaks or reads; else the owner.",
        parser=id_of("member", remedy="leave it out for the owner"),
    ),
]  # fmt: skip

_TOLD: Final = {
    "ready": "Following; Ctrl-C stops.",
    "reset": "Something may have been missed: `mutoscope chat read` and `balance` tell all of it.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowOptions:
    """What is followed, by whom, and from where on."""

    workspace: WorkspaceId
    member: MemberId = None
    after: Annotated[
        int | None,
        typer.Option(min=0, help="Begin after this serial, as `chat list --json` tells it."),
    ] = None
    is_json: Json = False


@takes(FollowOptions)
def follow_chat(asked: FollowOptions) -> None:
    """Follow a workspace: messages, what was read, balances and jobs, until Ctrl-C."""

    async def followed(house: House) -> None:
        beginning = await begin(
            house.studio, house.live, workspace_id=asked.workspace, member_id=asked.member,
            after=asked.after,
        )  # fmt: skip
        show = (
            _print_json if asked.is_json else partial(_tell, await zone_of(house, asked.workspace))
        )
        await until_interrupted(asyncio.create_task(_follow(house, beginning, show)))

    in_house(followed)


def attach(group: typer.Typer) -> None:
    """Give this command to a group."""
    group.command(name="follow")(follow_chat)


async def _follow(house: House, beginning: Beginning, show: Callable[[Event], None]) -> None:
    events = follow(house.studio, house.live, beginning=beginning)
    async for event in (each async for each in events if each is not None):  # None: all is silent
        show(event)


def _print_json(event: Event) -> None:
    line = {"event": event.name, "serial": event.serial, "data": event.data}
    sys.stdout.write(json_line(line))
    sys.stdout.flush()


def _tell(zone: str, event: Event) -> None:
    if isinstance(event.data, ChatMessage):
        tell_messages((event.data,), zone=zone)
    elif event.name in _TOLD:
        tell(_TOLD[event.name])
    else:
        console().print(escape(_words(event.data)), soft_wrap=True)


def _words(data: BalanceMoved | JobGlance | Mapping[str, Any]) -> str:
    """Return what an event tells beside messages, on one line."""
    if isinstance(data, BalanceMoved):
        frozen = f", {data.frozen:,} frozen" if data.frozen else ""
        return f"balance {data.kind}: {data.spendable:,} to spend, {data.held:,} held{frozen}"
    if isinstance(data, JobGlance):
        return f"job {data.job_id}: {data.state}, {data.progress:.0%}"
    if "ordinal" in data:
        return f"thread {data['thread_id']}: {data['side']} has read up to {data['ordinal']}"
    return f"thread {data['thread_id']}: assigned, or waits no more"
