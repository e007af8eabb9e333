"""Live streams: one connection of this process hears what happens, and tells all who follow.

Invariant: nobody waits for anybody. What a follower is still to be told lies in a queue of its own
with a limit; a follower that is too slow, or a database that went away, loses no more than the
order: it is told `reset`, and reads anew. The surprising choice: a notice is only a reason to read.
Messages are told by their serials from the rows, so none is lost or told twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final
from uuid import UUID

import structlog

from mutoscope.app.glances import BalanceMoved, Glances
from mutoscope.domain.credits import Refusal
from mutoscope.storage import live
from mutoscope.storage.database import DatabaseUnreachable
from mutoscope.storage.embedded import NOT_READY
from mutoscope.storage.live import STATEMENT_TIMEOUT_S, JobGlance, Notice

if TYPE_CHECKING:
    from datetime import datetime

    from mutoscope.storage.database import Connection

LOOK_S: Final = 0.5
"""Seconds between looks at wallets and jobs: what is told is at most this old."""

RECONNECT_S: Final = 0.2
LISTENING_S: Final = 5.0
"""Seconds that a new stream waits for the database, before it is ready to be told of its return."""

NOTED_S: Final = 20.0
"""Seconds between notes of who listens; `storage.inbox.LISTENING` allows for three of them."""

QUEUE_MAX: Final = 256
"""What one follower may be behind before it has to read anew."""

STREAMS_MAX: Final = 2_000
"""Streams of one process: each costs a socket and a few kilobytes."""

STREAMS_OF_ONE_MAX: Final = 50
"""Streams of one workspace in one process: its members, each with a few pages open."""

_NOWHERE: Final = UUID(int=0)
WAKE: Final = Notice("wake", _NOWHERE)
RESET: Final = Notice("reset", _NOWHERE)
END: Final = Notice("end", _NOWHERE)

Told = Notice | BalanceMoved | JobGlance
"""What lies in a queue: a reason to read, or a glance."""

_log = structlog.get_logger(__name__)


class TooManyStreams(Refusal):
    """One more live stream than this process, or this workspace, may have."""

    code = "too_many_streams"

    def __init__(self, *, streams_max: int) -> None:
        super().__init__(
            f"{streams_max:,} live streams are open already: close some, or come back later"
        )
        self.streams_max = streams_max


class Mailbox:
    """What one follower is still to be told, up to a limit; beyond it: to read anew."""

    def __init__(self, *, workspace_id: UUID | None, person_id: UUID) -> None:
        """Begin empty; without a workspace it is a follower of the inbox."""
        self.workspace_id = workspace_id
        self.person_id = person_id
        self._queue: asyncio.Queue[Told] = asyncio.Queue(maxsize=QUEUE_MAX)

    def put(self, told: Told) -> None:
        """Add something; what does not fit is replaced, all of it, by a reset."""
        try:
            self._queue.put_nowait(told)
        except asyncio.QueueFull:
            while not self._queue.empty():
                self._queue.get_nowait()
            self._queue.put_nowait(END if told is END else RESET)

    async def take(self, *, timeout_s: float) -> Told | None:
        """Return what comes next, or None when nothing comes for a while."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                return await self._queue.get()
        return None


class Live:
    """The followers of this process, and what they are told."""

    def __init__(self, *, url: str, now: Callable[[], datetime]) -> None:
        """Prepare; nothing is connected before somebody follows."""
        self._url = url
        self._now = now
        self._mailboxes: dict[UUID | None, set[Mailbox]] = {}
        self._listening: asyncio.Task[None] | None = None
        self._is_listening = asyncio.Event()
        self._stopping: set[asyncio.Task[None]] = set()
        self._noted_at: datetime | None = None
        self._is_over = False

    @property
    def streams(self) -> int:
        """Return how many streams are open."""
        return sum(map(len, self._mailboxes.values()))

    def require_room(self, *, workspace_id: UUID | None) -> None:
        """Pass when one more may follow a workspace, or the inbox.

        :raises TooManyStreams: when none may.
        """
        if self.streams >= STREAMS_MAX:
            raise TooManyStreams(streams_max=STREAMS_MAX)
        if len(self._mailboxes.get(workspace_id, ())) >= STREAMS_OF_ONE_MAX:
            raise TooManyStreams(streams_max=STREAMS_OF_ONE_MAX)

    @contextmanager
    def followed(self, *, workspace_id: UUID | None, person_id: UUID) -> Iterator[Mailbox]:
        """Lend a mailbox that is told what happens in a workspace, or in all inboxes.

        :raises TooManyStreams: when no more may follow.
        """
        self.require_room(workspace_id=workspace_id)
        mailbox = Mailbox(workspace_id=workspace_id, person_id=person_id)
        mailbox.put(END if self._is_over else WAKE)
        self._mailboxes.setdefault(workspace_id, set()).add(mailbox)
        self._noted_at = None
        if self._listening is None and not self._is_over:
            self._listening = asyncio.create_task(self._listen_for_ever(), name="live")
        try:
            yield mailbox
        finally:
            self._leave(mailbox)

    async def until_listening(self) -> None:
        """Wait until what happens is heard, so that a stream that is ready misses nothing."""
        if self._is_over:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(LISTENING_S):
                await self._is_listening.wait()

    def end(self) -> None:
        """End every stream, so that a server that stops need not wait for them."""
        self._is_over = True
        self._is_listening.set()  # nobody waits for what is over
        self._tell_all(END)

    async def close(self) -> None:
        """End every stream, and disconnect."""
        self.end()
        self._stop_listening()
        await asyncio.gather(*self._stopping, return_exceptions=True)

    def _leave(self, mailbox: Mailbox) -> None:
        others = self._mailboxes[mailbox.workspace_id]
        others.discard(mailbox)
        if not others:
            del self._mailboxes[mailbox.workspace_id]
        if not self._mailboxes:
            self._stop_listening()

    def _stop_listening(self) -> None:
        if self._listening is not None:
            self._listening.cancel()
            self._stopping.add(self._listening)
            self._listening.add_done_callback(self._stopping.discard)
            self._listening = None

    async def _listen_for_ever(self) -> None:
        """Listen and look, through every absence of the database."""
        greeting = WAKE  # what was written before somebody listened is read now
        while True:
            try:
                async with live.listening(self._url, hear=self._hear) as connection:
                    self._is_listening.set()
                    self._tell_all(greeting)
                    await self._look_for_ever(connection)
            except (*NOT_READY, DatabaseUnreachable) as error:
                _log.warning("live_connection_lost", reason=type(error).__name__)
            finally:
                self._is_listening.clear()
            greeting = RESET
            await asyncio.sleep(RECONNECT_S)

    async def _look_for_ever(self, connection: Connection) -> None:
        glances = Glances()
        while True:
            workspaces = [each for each in self._mailboxes if each is not None]
            async with asyncio.timeout(STATEMENT_TIMEOUT_S):
                told = await glances.look(connection, workspaces=workspaces, at=self._now())
                await self._note_listeners(connection)
            for each in told:
                self._tell(each.workspace_id, each)
            await asyncio.sleep(LOOK_S)

    async def _note_listeners(self, connection: Connection) -> None:
        at = self._now()
        if self._noted_at is not None and (at - self._noted_at).total_seconds() < NOTED_S:
            return
        self._noted_at = at
        persons = [
            (mailbox.workspace_id, mailbox.person_id)
            for mailboxes in self._mailboxes.values()
            for mailbox in mailboxes
            if mailbox.workspace_id is not None
        ]
        await live.note_listeners(connection, persons=persons, at=at)

    def _hear(self, notice: Notice) -> None:
        self._tell(notice.workspace_id, notice)
        self._tell(None, notice)

    def _tell(self, workspace_id: UUID | None, told: Told) -> None:
        for mailbox in self._mailboxes.get(workspace_id, ()):
            mailbox.put(told)

    def _tell_all(self, told: Told) -> None:
        for workspace_id in self._mailboxes:
            self._tell(workspace_id, told)
