"""A stage with a chat: the house's key for links, and short ways to speak on either side."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID

from desk_stage import join
from mutoscope.app import chat, desk_chat
from mutoscope.app.asset_rules import AssetRules
from mutoscope.app.studio import Studio
from mutoscope.domain.chat import ChatMessage, Words, creator, default_thread_id, staff
from mutoscope.domain.staff import Actor, Role
from mutoscope.storage import audit
from mutoscope.storage.audit import AuditFilters
from mutoscope.storage.chat import Thread
from mutoscope.storage.database import connect
from studio_stage import MovableClock, Stage, open_stage

ANN = UUID(int=0xA)
BEN = UUID(int=0xB)


@dataclass
class Chat:
    """The workspace of a stage, and those who speak about it."""

    stage: Stage
    url: str
    ada: Actor

    @property
    def studio(self) -> Studio:
        return self.stage.studio

    @property
    def clock(self) -> MovableClock:
        return self.stage.clock

    @property
    def workspace_id(self) -> UUID:
        return self.stage.workspace_id

    @property
    def thread_id(self) -> UUID:
        return default_thread_id(workspace_id=self.workspace_id)

    async def creator_says(self, body: str, *, member_id: UUID | None = None) -> ChatMessage:
        author = creator(workspace_id=self.workspace_id, member_id=member_id)
        return await self._say(author, body)

    async def staff_says(self, body: str, *, staff_id: UUID = ANN) -> ChatMessage:
        return await self._say(staff(staff_id=staff_id), body)

    async def _say(self, author: object, body: str) -> ChatMessage:
        said = await chat.say(
            self.studio, workspace_id=self.workspace_id, thread_id=None, author=author,
            words=Words(body=body), key=str(self.studio.ids.new()),
        )  # fmt: skip
        return said.message

    async def erase(self, ordinal: int | None, *, reason: str = "it named a customer") -> int:
        return await desk_chat.erase(
            self.studio, self.ada, workspace_id=self.workspace_id,
            place=(self.thread_id, ordinal), reason=reason,
        )  # fmt: skip

    async def lines(self) -> list[tuple[str, str | None, dict[str, Any]]]:
        """Return what the audit tells, newest first: what was done, why, and its data."""
        async with self.studio.reading() as connection:
            found = await audit.page(connection, filters=AuditFilters(), before=2**62, limit=99)
        assert {told.line.staff_id for told in found} <= {self.ada.staff_id}
        return [
            (told.line.action, told.reason and told.reason.text, json.loads(told.line.data))
            for told in found
        ]

    async def messages(self) -> tuple[ChatMessage, ...]:
        return await chat.messages_of(
            self.studio, workspace_id=self.workspace_id, thread_id=self.thread_id
        )

    async def thread(self, *, member_id: UUID | None = None) -> Thread:
        reader = creator(workspace_id=self.workspace_id, member_id=member_id)
        found = await chat.threads_of(self.studio, workspace_id=self.workspace_id, reader=reader)
        (thread,) = found.threads
        return thread

    async def execute(self, statement: str, *values: object) -> None:
        """Change what another part of the studio owns."""
        connection = await connect(self.url)
        await connection.execute(statement, *values)
        await connection.close()

    async def enable_purchases(self) -> None:
        await self.execute(
            "UPDATE workspaces SET purchases_enabled_at = $2 WHERE workspace_id = $1",
            self.workspace_id, self.clock.now(),
        )  # fmt: skip


@asynccontextmanager
async def open_chat(url: str, folder: Path) -> AsyncIterator[Chat]:
    """Set the stage."""
    async with open_stage(url, folder) as stage:
        stage.studio = replace(stage.studio, asset_rules=AssetRules(link_key=b"links"))
        yield Chat(stage, url, await join(stage, "ada", Role.SUPPORT))
