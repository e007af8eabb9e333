"""A clock that jumps by a month: forward it is believed, backward it is refused by name."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from mutoscope.domain.planner import CLOCK_BACK_MAX, ClockWentBack
from mutoscope.ledger import Ledger
from mutoscope.storage.database import connect
from soundness import assert_sound
from studio_stage import MovableClock

ADA = UUID(int=7)
NOON = datetime(2028, 2, 28, 12, tzinfo=UTC)  # a leap day is near
MONTH = timedelta(days=30)
ORDER = "SELECT workspace_id, due_at, posted_at FROM entries ORDER BY workspace_id, sequence"


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock(NOON)


@pytest.fixture
async def ledger(database_url: str, clock: MovableClock) -> AsyncIterator[Ledger]:
    async with Ledger(database_url, now=clock.now) as ledger:
        await ledger.grant(ADA, "video", 100, key="pack")
        yield ledger
    connection = await connect(database_url)
    rows = [tuple(row) for row in await connection.fetch(ORDER)]
    await connection.close()
    assert rows == sorted(rows)
    await assert_sound(database_url)


async def test_a_jump_forward_lapses_and_releases_what_it_passes(
    ledger: Ledger, clock: MovableClock
) -> None:
    ends_at = NOON + timedelta(days=9)
    await ledger.grant(ADA, "video", 40, key="plan", source="plan", expires_at=ends_at)
    await ledger.hold(ADA, "video", 50, key="clip")

    clock.at += MONTH
    await ledger.charge(ADA, "video", 1, key="picture")

    balance = await ledger.balance(ADA, "video")
    assert (balance.spendable, balance.held) == (99, 0)


async def test_a_clock_that_lags_within_its_allowance_is_served_in_order(
    ledger: Ledger, clock: MovableClock
) -> None:
    await ledger.hold(ADA, "video", 5, key="clip")

    clock.at -= CLOCK_BACK_MAX
    await ledger.settle(ADA, "video", 4, key="clip-done", hold="clip")
    await ledger.hold(ADA, "video", 5, key="shot")
    await ledger.renew(ADA, "video", hold="shot")
    await ledger.refund(ADA, "video", key="sorry", of="clip-done")

    assert (await ledger.balance(ADA, "video")).spendable == 95


async def test_a_clock_a_month_behind_writes_nothing_until_it_is_right_again(
    ledger: Ledger, clock: MovableClock
) -> None:
    first = await ledger.charge(ADA, "video", 1, key="picture")

    clock.at -= MONTH
    with pytest.raises(ClockWentBack):
        await ledger.charge(ADA, "video", 1, key="picture-2")
    clock.at += MONTH
    second = await ledger.charge(ADA, "video", 1, key="picture-2")

    assert first.entry is not None
    assert second.entry is not None
    assert (second.entry.sequence, second.is_replay) == (first.entry.sequence + 1, False)


async def test_a_wallet_that_was_not_touched_ahead_of_time_is_served_after_the_jump_back(
    ledger: Ledger, clock: MovableClock
) -> None:
    clock.at += MONTH
    await ledger.grant(UUID(int=8), "video", 1, key="pack")
    clock.at -= MONTH

    answer = await ledger.charge(ADA, "video", 1, key="picture")

    assert answer.entry is not None
    assert answer.entry.due_at == NOON
