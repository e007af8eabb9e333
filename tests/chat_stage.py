"""A stage with a chat: the house's key for links, and short ways to speak on either side."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID

from mutoscope.app import chat
from mutoscope.app.asset_rules import AssetRules
from mutoscope.app.studio import Studio
from mutoscope.domain.chat import ChatMessage, Words, creator, default_thread_id, staff
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
        yield Chat(stage, url)
