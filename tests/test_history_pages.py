"""Any filter and any page size against brute force, over random histories in a real journal."""

from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mutoscope.domain import actions as ask
from mutoscope.domain.chart import Operation
from mutoscope.domain.credits import Refusal
from mutoscope.domain.journal import Attribution
from mutoscope.domain.lots import Terms
from mutoscope.storage.history import Filters, Window, page
from narrator import BEGINNING, Narrator, narrator

DAY = timedelta(days=1)
KINDS = ("image", "video")
PEOPLE = tuple(UUID(int=number) for number in range(1, 4))
REASONS = (None, "goodwill", "lost")
PAGES_MAX = 200
ACTIONS = ("pack", "hold", "settle", "charge", "refund", "freeze", "metered", "lapsing")
INSTANTS = st.builds(
    lambda days, seconds, ticks: (
        BEGINNING + timedelta(days=days, seconds=seconds, microseconds=ticks)
    ),
    st.integers(0, 6),
    st.integers(1, 8),
    st.integers(-1, 1),
)


@dataclass(frozen=True)
class Step:
    action: str
    kind: str
    person: UUID
    reason: str | None
    days: float


@dataclass(frozen=True)
class Question:
    kind: str | None
    limit: int
    is_oldest_first: bool
    is_back: bool
    filters: Filters


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | st.none() | strategy


STEPS = st.lists(
    st.builds(
        Step,
        action=st.sampled_from(ACTIONS), kind=st.sampled_from(KINDS),
        person=st.sampled_from(PEOPLE), reason=st.sampled_from(REASONS),
        days=st.sampled_from((0, 0, 1, 5)),
    ),
    min_size=5, max_size=40,
)  # fmt: skip
FILTERS = st.builds(
    Filters,
    operations=st.just(()) | st.lists(st.sampled_from(sorted(Operation)), max_size=4).map(tuple),
    member_id=maybe(st.sampled_from(PEOPLE)), project_id=maybe(st.sampled_from(PEOPLE)),
    api_key_id=maybe(st.sampled_from(PEOPLE)), reason=maybe(st.sampled_from(REASONS[1:])),
    namespace=maybe(st.sampled_from(("api", "lapse"))),
    key=maybe(st.sampled_from(("line-2", "line-7"))),
    due_from=maybe(INSTANTS), due_until=maybe(INSTANTS),
)  # fmt: skip
QUESTIONS = st.builds(
    Question,
    kind=st.sampled_from((None, *KINDS)), limit=st.integers(1, 9),
    is_oldest_first=st.booleans(), is_back=st.booleans(), filters=FILTERS,
)  # fmt: skip


@pytest.fixture
async def story(database_url: str) -> AsyncIterator[Narrator]:
    async with narrator(database_url) as teller:
        yield teller


def action(name: str, story: Narrator) -> ask.Action:
    """Make an action, about the line before where it is about one."""
    about = ask.Reference("api", f"line-{story.told}")
    made: dict[str, ask.Action] = {
        "pack": ask.Grant(20, Terms("pack", story.now, None, "order-1", 3_900, "USD")),
        "lapsing": ask.Grant(9, Terms("promo", story.now, story.now + DAY)),
        "hold": ask.Hold(5, story.now + 3 * DAY),
        "metered": ask.Hold(5, story.now + 3 * DAY, is_metered=True),
        "settle": ask.Settle(about, 3),
        "charge": ask.Charge(2),
        "refund": ask.Refund(about),
        "freeze": ask.Freeze(),
    }
    return made[name]


async def live(story: Narrator, steps: list[Step]) -> None:
    story.workspace_id, story.told, story.now = uuid4(), 0, BEGINNING
    for step in steps:
        who = Attribution(step.person, PEOPLE[story.told % 3], PEOPLE[story.told % 2])
        with suppress(Refusal):
            await story.tell(
                action(step.action, story), kind=step.kind, attribution=who, reason=step.reason
            )
        story.wait(days=step.days)


def matches(row: asyncpg.Record, filters: Filters) -> bool:
    columns = ("member_id", "project_id", "api_key_id", "reason", "namespace", "key")
    return all((
        not filters.operations or row["operation"] in filters.operations,
        all(getattr(filters, name) in {None, row[name]} for name in columns),
        filters.due_from is None or filters.due_from <= row["due_at"],
        filters.due_until is None or row["due_at"] < filters.due_until,
    ))  # fmt: skip


async def brute_force(
    connection: asyncpg.Connection, workspace_id: UUID, question: Question
) -> list[tuple[str, int]]:
    rows = await connection.fetch("SELECT * FROM entries WHERE workspace_id = $1", workspace_id)
    rows.sort(
        key=lambda row: (row["posted_at"], row["kind"], row["sequence"]),
        reverse=not question.is_oldest_first,
    )
    return [
        (row["kind"], row["sequence"])
        for row in rows
        if question.kind in {None, row["kind"]} and matches(row, question.filters)
    ]


async def read_whole(
    connection: asyncpg.Connection, workspace_id: UUID, question: Question
) -> list[tuple[str, int]]:
    """Read page by page to the end; backwards from the cursor after the last line of all."""
    asked = {
        "workspace_id": workspace_id, "kind": question.kind, "filters": question.filters,
    }  # fmt: skip
    window = Window(limit=question.limit, is_oldest_first=question.is_oldest_first)
    if question.is_back:
        reverse = replace(window, is_oldest_first=not question.is_oldest_first)
        start = await page(connection, **asked, window=reverse)
        window = replace(window, before=start.before)
    names: list[tuple[str, int]] = []
    for _ in range(PAGES_MAX):
        told = await page(connection, **asked, window=window)
        found = [(line.kind, line.entry.sequence) for line in told.lines]
        names = found + names if question.is_back else names + found
        if not told.has_more:
            return names
        cursors = {"before": told.before} if question.is_back else {"after": told.after}
        window = replace(window, **cursors)
    pytest.fail("the pages never end")


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=STEPS, questions=st.lists(QUESTIONS, min_size=3, max_size=6))
async def test_pages_lose_and_double_nothing_whatever_is_asked(
    connection: asyncpg.Connection,
    story: Narrator,
    steps: list[Step],
    questions: list[Question],
) -> None:
    await live(story, steps)

    for question in questions:
        told = await read_whole(connection, story.workspace_id, question)

        assert told == await brute_force(connection, story.workspace_id, question)
