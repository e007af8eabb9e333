"""What a line of the history came from: a purchase, or the line that gave its credits back."""

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid4

import asyncpg
import pytest

from mutoscope.domain import actions as ask
from mutoscope.domain.lots import Terms
from mutoscope.storage.database import queries
from mutoscope.storage.history import Window, page
from narrator import BEGINNING, Narrator, fill, narrator, scans

DAY = timedelta(days=1)
HOLD = ask.Reference("api", "clip-1")
OLDEST = Window(is_oldest_first=True)


@pytest.fixture
async def story(database_url: str) -> AsyncIterator[Narrator]:
    async with narrator(database_url) as story:
        yield story


async def test_a_grant_of_an_embedder_that_looks_purchased_names_no_purchase(
    connection: asyncpg.Connection, story: Narrator
) -> None:
    for reference in ("order 7", str(uuid4()), "-" * 36):
        terms = Terms(source="pack", effective_at=story.now, reference=reference)
        await story.tell(ask.Grant(700, terms))

    told = await page(connection, workspace_id=story.workspace_id)

    assert [line.purchase_id for line in told.lines] == [None] * 3


async def test_what_ended_as_it_came_back_has_the_line_that_gave_it_back(
    connection: asyncpg.Connection, story: Narrator
) -> None:
    for source in ("plan", "promo"):
        await story.tell(ask.Grant(40, Terms(source, BEGINNING, BEGINNING + DAY)))
    await story.tell(ask.Hold(50, BEGINNING + 9 * DAY), key="clip-1")
    story.wait(days=2)
    await story.tell(ask.Settle(HOLD, 0), key="clip-1-done")
    told = await page(connection, workspace_id=story.workspace_id, window=OLDEST)
    ended = [line.entry for line in told.lines if line.entry.operation == "expire"]

    found = queries("history").givers(
        connection, workspace_id=story.workspace_id, kinds=["video"] * 3,
        sequences=[each.sequence for each in ended], lots=[each.refers_to for each in ended],
        due=[each.due_at for each in ended],
    )  # fmt: skip

    assert [each.sequence for each in ended] == [4, 6, 7]
    assert {tuple(row) async for row in found} == {("video", 6, 5), ("video", 7, 5)}


async def test_what_came_back_is_found_in_a_long_history_without_reading_it(
    connection: asyncpg.Connection,
) -> None:
    workspace_id = await fill(connection, entries=100_000)
    asked = (["video"], [70_000], [1], [BEGINNING], workspace_id)

    touched = await scans(connection, queries("history").givers.sql, *asked)

    assert touched["entries"] <= 4
