"""What the tests of webhooks do: add endpoints, let events happen, and look at what was sent."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from mutoscope.app import webhooks
from mutoscope.app.deliveries import deliver
from mutoscope.app.webhooks import (
    event_rows,
)
from mutoscope.domain.planner import Submission
from mutoscope.hooks import http_hooks
from mutoscope.hooks.http_hooks import HttpHooks
from mutoscope.storage import webhooks as rows
from mutoscope.storage.webhooks import Delivery, Endpoint
from soundness import assert_sound
from studio_stage import Stage, open_stage

NOWHERE = "http://127.0.0.1:9/"
"""An address to which a test sends nothing."""


@asynccontextmanager
async def open_hooked(url: str, folder: Path) -> AsyncIterator[Stage]:
    """Set the stage on a fresh database, with a sender to this machine and the machine's clock."""
    sender = HttpHooks(is_local_allowed=True)
    async with open_stage(url, folder) as stage:
        stage.clock.at = datetime.now(UTC).replace(microsecond=0)  # the library looks at the clock
        stage.studio = replace(stage.studio, hooks=sender)
        yield stage
        await assert_sound(url)
    await sender.close()


async def add(
    stage: Stage, url: str, *types: str, key: str = "hook-1", workspace_id: UUID | None = None
) -> Endpoint:
    made, _ = await webhooks.add_endpoint(
        stage.studio, workspace_id=workspace_id or stage.workspace_id, url=url, event_types=types,
        key=key,
    )  # fmt: skip
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


async def deliver_all(stage: Stage) -> None:
    """Send what waits, until nothing is left whose time has come."""
    while await deliver(stage.studio):
        continue


async def sent(stage: Stage, endpoint: Endpoint) -> list[Delivery]:
    async with stage.studio.reading() as connection:
        found = await rows.deliveries(
            connection, workspace_id=endpoint.workspace_id, endpoint_id=endpoint.endpoint_id,
            before=(stage.clock.now() + timedelta(days=1), UUID(int=0)), limit=100,
        )  # fmt: skip
    return list(reversed(found))


async def told(stage: Stage, endpoint: Endpoint) -> list[dict[str, Any]]:
    """Return the data of the events on their way to an endpoint, oldest first."""
    return [json.loads(each.body)["data"] for each in await sent(stage, endpoint)]


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
