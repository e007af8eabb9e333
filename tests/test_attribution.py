"""What ends or returns a use is of whoever caused the use, unless it names somebody itself."""

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import pytest

from mutoscope.domain import actions as ask
from mutoscope.domain.chart import Operation
from mutoscope.domain.journal import NOBODY, Attribution
from mutoscope.ledger import Ledger
from mutoscope.storage.history import Filters
from set_clock import Clock
from soundness import assert_sound

ADA = UUID(int=1)
OURS = Attribution(UUID(int=2), UUID(int=3), UUID(int=4))
ANOTHER = Attribution(UUID(int=5))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def ledger(database_url: str, clock: Clock) -> AsyncIterator[Ledger]:
    async with Ledger(database_url, now=clock) as ledger:
        await ledger.grant(ADA, "video", 100, key="bought")
        await ledger.hold(ADA, "video", 50, key="clip", hold_s=60, attribution=OURS)
        yield ledger
    await assert_sound(database_url)


async def told(ledger: Ledger, operation: str) -> Attribution:
    page = await ledger.history(ADA, filters=Filters(operations=(Operation(operation),)))
    (line,) = page.lines
    return line.entry.attribution


async def test_a_settlement_its_refund_and_what_is_absorbed_are_of_who_held(
    ledger: Ledger,
) -> None:
    await ledger.settle(ADA, "video", 45, key="clip-done", hold="clip")
    await ledger.refund(ADA, "video", key="clip-back", of="clip-done")
    await ledger.perform(ADA, "video", ask.Absorb(5, ask.Reference("api", "clip")), key="more")

    assert await told(ledger, "settle") == OURS
    assert await told(ledger, "refund") == OURS
    assert await told(ledger, "absorb") == OURS


async def test_a_release_is_of_who_held(ledger: Ledger) -> None:
    await ledger.release(ADA, "video", key="clip-failed", hold="clip")

    assert await told(ledger, "release") == OURS


async def test_a_release_at_the_deadline_is_of_who_held(ledger: Ledger, clock: Clock) -> None:
    clock.at += timedelta(seconds=61)

    await ledger.charge(ADA, "video", 1, key="picture")

    assert await told(ledger, "release") == OURS
    assert await told(ledger, "charge") == NOBODY


async def test_an_end_that_names_somebody_is_theirs_and_repeats_as_before(ledger: Ledger) -> None:
    first = await ledger.settle(ADA, "video", 45, key="clip-done", hold="clip", attribution=ANOTHER)
    again = await ledger.settle(ADA, "video", 45, key="clip-done", hold="clip", attribution=ANOTHER)

    assert await told(ledger, "settle") == ANOTHER
    assert (first.is_replay, again.is_replay) == (False, True)
