"""Balances of the past: what a reader saw then, and what the postings add up to."""

from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mutoscope.domain import actions as ask
from mutoscope.domain.balance import Balance
from mutoscope.domain.credits import Refusal
from mutoscope.domain.lots import Terms
from mutoscope.domain.planner import UnknownWallet
from mutoscope.domain.standing import StandingGrant
from mutoscope.storage.balances import balance
from narrator import Narrator, hold, narrator, pack, plan

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


@pytest.fixture
async def story(database_url: str) -> AsyncIterator[Narrator]:
    async with narrator(database_url) as teller:
        yield teller


async def shown(
    connection: asyncpg.Connection, story: Narrator, *, at: datetime | None = None
) -> Balance:
    return await balance(
        connection,
        workspace_id=story.workspace_id, kind="video", at=at or story.now, now=story.now,
    )  # fmt: skip


async def test_the_past_tells_the_state_of_lots_whose_credits_were_all_held(
    connection: asyncpg.Connection, story: Narrator
) -> None:
    await story.tell(pack(60, story))
    await story.tell(ask.Grant(40, Terms("trial", story.now, story.now + 90 * DAY)))
    await story.tell(hold(100, story, days=9), key="clip-1")
    await story.tell(ask.Freeze())
    await story.tell(ask.Expire("trial"))
    then = await shown(connection, story)
    await story.tell(ask.Release(ask.Reference("api", "clip-1")))
    await story.tell(ask.Thaw())

    past = await shown(connection, story, at=then.at)

    assert [(lot.source, lot.held, lot.state) for lot in past.lots] == [
        ("trial", 40, "open"), ("pack", 60, "frozen"),
    ]  # fmt: skip
    assert as_past(then) == as_past(past)
    assert past.lots[0].expires_at == then.at


async def test_the_past_tells_which_held_credits_were_voided_or_forfeited(
    connection: asyncpg.Connection, story: Narrator
) -> None:
    await story.tell(pack(60, story), key="voided")
    await story.tell(pack(40, story), key="thawed")
    await story.tell(hold(100, story, days=9), key="clip-1")
    await story.tell(ask.Void(ask.Reference("api", "voided")))
    await story.tell(ask.Freeze(ask.Reference("api", "thawed")))
    thawed = await story.tell(ask.Thaw(ask.Reference("api", "thawed")))
    forfeited = await story.tell(ask.Forfeit())
    await story.tell(ask.Release(ask.Reference("api", "clip-1")))

    states = [
        [lot.state for lot in (await shown(connection, story, at=entry.due_at)).lots]
        for entry in (thawed, forfeited)
        if entry is not None
    ]

    assert states == [["voided", "open"], ["voided", "forfeited"]]


ACTIONS = (
    "plan", "pack", "later", "monthly", "hold", "metered", "settle", "release", "charge", "refund",
    "renew", "expire", "void", "freeze", "thaw", "forfeit", "up", "down",
)  # fmt: skip
STEPS = st.lists(
    st.tuples(st.sampled_from(ACTIONS), st.integers(1, 60), st.sampled_from((0, 0.1, 3, 11))),
    min_size=4,
    max_size=24,
)


def action(name: str, amount: int, story: Narrator) -> ask.Action:
    """Make an action about the line that was told some lines ago, where it is about one."""
    about = ask.Reference("api", f"line-{max(1, story.told - amount % 5)}")
    made: dict[str, ask.Action] = {
        "plan": plan(amount, story, days=8),
        "pack": pack(amount, story),
        "later": ask.Grant(amount, Terms("promo", story.now + 2 * DAY, story.now + 9 * DAY)),
        "monthly": ask.Stand(
            StandingGrant(UUID(int=7 + story.told), amount, story.now + SECOND, "UTC")
        ),
        "hold": hold(amount, story, days=5),
        "metered": ask.Hold(amount, story.now + DAY, is_metered=True),
        "settle": ask.Settle(about, amount // 2),
        "release": ask.Release(about),
        "charge": ask.Charge(amount),
        "refund": ask.Refund(about),
        "renew": ask.Renew(about, story.now + 9 * DAY),
        "expire": ask.Expire("plan"),
        "void": ask.Void(about),
        "freeze": ask.Freeze(),
        "thaw": ask.Thaw(),
        "forfeit": ask.Forfeit(),
        "up": ask.Adjust(amount, Terms("adjustment", story.now)),
        "down": ask.Adjust(amount),
    }
    return made[name]


def as_past(told: Balance) -> Balance:
    """Leave out what no journal tells later: deadlines, plans, and what was written when."""
    holds = tuple(replace(hold, deadline_at=None) for hold in told.holds)
    return replace(
        told, sequence=told.sequence + len(told.due), holds=holds, due=(),
        next_grant_at=None, next_grant_amount=0,
    )  # fmt: skip


async def brute_force(
    connection: asyncpg.Connection, workspace_id: UUID, at: datetime
) -> dict[int, list[int]]:
    """Add up every posting of the journal, one by one."""
    rows = await connection.fetch(
        "SELECT * FROM entries NATURAL JOIN postings WHERE workspace_id = $1", workspace_id
    )
    sums: dict[tuple[int, str], int] = {}
    for row in rows:
        if row["due_at"] <= at and row["lot"] is not None:
            for account, sign in ((row["source"], -1), (row["target"], 1)):
                name = (row["lot"], account)
                sums[name] = sums.get(name, 0) + sign * row["amount"]
    accounts = ("available", "frozen", "held")
    found = {lot: [sums.get((lot, name), 0) for name in accounts] for lot, _ in sums}
    return {lot: amounts for lot, amounts in found.items() if any(amounts)}


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=STEPS)
async def test_the_past_is_what_a_reader_saw_then_and_what_the_postings_add_up_to(
    connection: asyncpg.Connection,
    story: Narrator,
    steps: list[tuple[str, int, float]],
) -> None:
    story.workspace_id, story.told = uuid4(), 0
    seen = [await lived(connection, story, step) for step in steps]
    story.wait(days=40)
    await story.tell(pack(1, story))

    for then in filter(None, seen):
        past = await shown(connection, story, at=then.at)

        assert as_past(past) == as_past(then)
        left = {lot.lot: [lot.available, lot.frozen, lot.held] for lot in past.lots}
        assert left == await brute_force(connection, story.workspace_id, then.at)


async def lived(
    connection: asyncpg.Connection, story: Narrator, step: tuple[str, int, float]
) -> Balance | None:
    """Let something happen and time pass, and return what a reader sees then."""
    name, amount, days = step
    with suppress(Refusal):
        await story.tell(action(name, amount, story))
    story.wait(days=days)
    with suppress(UnknownWallet):
        return await shown(connection, story)
    return None
