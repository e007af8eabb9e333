"""What the tests of webhooks do: add endpoints, let events happen, and look at what was sent."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from mutoscope.app import webhooks
from mutoscope.app.webhooks import (
    event_rows,
)
from mutoscope.domain.planner import Submission
from mutoscope.hooks import http_hooks
from mutoscope.storage import webhooks as rows
from mutoscope.storage.webhooks import Delivery, Endpoint
from studio_stage import Stage


async def add(stage: Stage, url: str, *types: str, key: str = "hook-1") -> Endpoint:
    made, _ = await webhooks.add_endpoint(
        stage.studio, workspace_id=stage.workspace_id, url=url, event_types=types, key=key
    )
    return made


async def happen(
    stage: Stage, event_type: str = "job.finished", *, event_id: UUID | None = None
) -> UUID:
    """Put an event on its way, in a transaction of its own."""
    found = event_id or uuid4()
    side_rows = event_rows(
        workspace_id=stage.workspace_id, type=event_type, data={"job": "ü"},
        at=stage.clock.now(), event_id=found,
    )  # fmt: skip
    await stage.studio.journal.submit(Submission(()), side_rows=side_rows)
    return found


async def sent(stage: Stage, endpoint: Endpoint) -> list[Delivery]:
    async with stage.studio.reading() as connection:
        found = await rows.deliveries(
            connection, workspace_id=stage.workspace_id, endpoint_id=endpoint.endpoint_id,
            before=(stage.clock.now() + timedelta(days=1), UUID(int=0)), limit=100,
        )  # fmt: skip
    return list(reversed(found))


async def read(stage: Stage, endpoint: Endpoint) -> Endpoint:
    async with stage.studio.reading() as connection:
        return await rows.endpoint(
            connection, workspace_id=stage.workspace_id, endpoint_id=endpoint.endpoint_id
        )


@asynccontextmanager
async def impatient() -> AsyncIterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(http_hooks, "SEND_S", 0.2)
        yield
