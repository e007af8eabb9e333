"""Following a workspace, or the inbox: the events of one live stream, in order.

Invariant: the messages of a stream are those of the workspace by serial, without a gap and without
a repeat, whatever became of the notices; an event that has a serial is where a stream that broke
goes on.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from mutoscope.app.glances import BalanceMoved
from mutoscope.app.live import END, RESET, WAKE, Live, Told
from mutoscope.domain.chat import ChatMessage
from mutoscope.storage import chat, workspaces
from mutoscope.storage.database import DatabaseUnreachable
from mutoscope.storage.embedded import NOT_READY
from mutoscope.storage.live import JobGlance, Notice

if TYPE_CHECKING:
    from mutoscope.app.studio import Studio

HEARTBEAT_S: Final = 15.0
"""Seconds of silence after which a stream says that it lives: proxies cut what is silent longer."""

RETRY_S: Final = 0.5
"""Seconds until messages are read again that could not be read."""

PAGE: Final = 100

_READ: Final = ("thread_id", "ordinal", "side", "reader_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that a stream tells; one with a serial is a place to go on from."""

    name: str
    data: ChatMessage | BalanceMoved | JobGlance | Mapping[str, Any]
    serial: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """Whose stream it is, and after which message it begins; `is_reset` when it could not go on."""

    workspace_id: UUID
    person_id: UUID
    serial: int
    is_reset: bool


async def begin(
    studio: Studio, live: Live, *, workspace_id: UUID, member_id: UUID | None, after: int | None
) -> Beginning:
    """Return where a stream begins: after a message that was told before, else now.

    :raises UnknownWorkspace: when there is no such workspace.
    :raises TooManyStreams: when no more may follow it.
    """
    live.require_room(workspace_id=workspace_id)
    async with studio.reading() as connection:
        await workspaces.get(connection, workspace_id=workspace_id)
        last = await chat.last_serial(connection, workspace_id=workspace_id)
    is_reset = after is not None and after > last  # from another workspace, or an older backup
    return Beginning(
        workspace_id=workspace_id, person_id=member_id or workspace_id, is_reset=is_reset,
        serial=last if after is None or is_reset else after,
    )  # fmt: skip


async def follow(
    studio: Studio, live: Live, *, beginning: Beginning
) -> AsyncIterator[Event | None]:
    """Yield what happens in a workspace; None when nothing has for a while."""
    serial, is_behind = beginning.serial, True
    workspace_id = beginning.workspace_id
    with live.followed(workspace_id=workspace_id, person_id=beginning.person_id) as mailbox:
        await live.until_listening()
        yield Event(name="ready", data={"serial": serial}, serial=serial)
        if beginning.is_reset:
            yield _RESET
        while True:
            if is_behind:
                found = await _after(studio, workspace_id, serial)
                for message in found or ():
                    serial = message.serial
                    yield Event(name="message", data=message, serial=serial)
                is_behind = found is None or len(found) == PAGE
                if found and is_behind:
                    continue
            told = await mailbox.take(timeout_s=RETRY_S if is_behind else HEARTBEAT_S)
            if told is END:
                return
            is_behind = is_behind or _is_reason_to_read(told, serial)
            event = _event_of(told)
            if event is not None or (told is None and not is_behind):
                yield event


async def follow_inbox(live: Live, *, staff_id: UUID) -> AsyncIterator[Event | None]:
    """Yield which threads have changed, of all workspaces; None when none has for a while."""
    with live.followed(workspace_id=None, person_id=staff_id) as mailbox:
        await live.until_listening()
        yield Event(name="ready", data={})
        while True:
            told = await mailbox.take(timeout_s=HEARTBEAT_S)
            if told is END:
                return
            if told is not WAKE:
                yield _inbox_event(told)


_RESET: Final = Event(name="reset", data={})


async def _after(studio: Studio, workspace_id: UUID, serial: int) -> tuple[ChatMessage, ...] | None:
    """Return messages after a serial, or None when the database cannot be asked just now."""
    try:
        async with studio.reading() as connection:
            return await chat.messages_since(
                connection, workspace_id=workspace_id, serial=serial, limit=PAGE
            )
    except (*NOT_READY, DatabaseUnreachable):
        return None


def _is_reason_to_read(told: Told | None, serial: int) -> bool:
    if told is WAKE or told is RESET:
        return True
    if not isinstance(told, Notice) or told.what != "message":
        return False
    return int(told.rest[-1]) > serial


def _event_of(told: Told | None) -> Event | None:
    """Return what a stream tells at once; messages are read, and so told by their serials."""
    if isinstance(told, BalanceMoved):
        return Event(name="balance", data=told)
    if isinstance(told, JobGlance):
        return Event(name="job", data=told)
    if told is RESET:
        return _RESET
    if told is None or told.what not in {"read", "assigned"}:
        return None
    if told.what == "assigned":
        return Event(name="thread", data={"thread_id": told.rest[0]})
    read = dict(zip(_READ, told.rest, strict=True))
    return Event(name="read", data=read | {"ordinal": int(read["ordinal"])})


def _inbox_event(told: Told | None) -> Event | None:
    if told is None:
        return None
    if not isinstance(told, Notice) or told is RESET:
        return _RESET
    data = {"what": told.what, "workspace_id": str(told.workspace_id), "thread_id": told.rest[0]}
    return Event(name="inbox", data=data)
