"""A dispute that is told between the check and the commit of a decision about its payment.

The two meet for real: each has a transaction of its own, and one of them is held up inside it, by a
lock on a table that it writes late, until the other waits for it.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial

import pytest

from business_stage import spendable
from desk_stage import Desk
from money_desk_stage import ordered, paid, parked
from mutoscope.app.desk import Done
from mutoscope.app.fulfil import PaymentDisputed
from mutoscope.storage.database import connect
from mutoscope.storage.session import SideRowRefused
from test_desk_disputes import by_gateway, press_end, press_open
from test_disputed_returns import became, give_back, read

WAITS_MAX = 400
"""Looks, a fortieth of a second apart, for somebody who waits for a lock."""


@asynccontextmanager
async def held_up(url: str, table: str) -> AsyncIterator[None]:
    """Let whoever writes a table wait, while it may be read."""
    connection = await connect(url)
    async with connection.transaction():
        await connection.execute(f"LOCK TABLE {table} IN SHARE MODE")
        yield
    await connection.close()


async def under_way(desk: Desk, work: Awaitable[object], *, waiting: int) -> asyncio.Task[object]:
    """Begin something, and return when so many wait for locks, or when it is done."""
    task = asyncio.ensure_future(work)
    for _ in range(WAITS_MAX):
        found = await desk.fetch(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        if found == waiting or task.done():
            return task
        await asyncio.sleep(1 / 40)
    raise AssertionError(f"{waiting} should wait, and {found} do")


async def raced(
    desk: Desk, held: AbstractAsyncContextManager[None], *both: Awaitable[object]
) -> tuple[object, object]:
    """Hold the first one up in its transaction until the second one waits, or is done."""
    first, second = both
    async with held:
        begun = await under_way(desk, first, waiting=1)
        late = await under_way(desk, second, waiting=2)
    came_first, came_late = await asyncio.gather(begun, late, return_exceptions=True)
    return came_first, came_late


async def test_a_return_sees_the_dispute_that_is_told_meanwhile(
    desk: Desk, database_url: str
) -> None:
    payment_id = str((await parked(desk)).payment_id)

    opened, back = await raced(
        desk,
        held_up(database_url, "disputes"),
        press_open(desk, payment_id),
        give_back(desk, payment_id),
    )

    assert isinstance(opened, Done)
    assert isinstance(back, PaymentDisputed)
    assert (await became(desk, payment_id))[0] == "parked"
    assert await desk.fetch("SELECT count(*) FROM refunds") == 0


async def test_a_use_sees_the_dispute_that_is_told_meanwhile(desk: Desk, database_url: str) -> None:
    payment_id = str((await parked(desk)).payment_id)
    request_id = str((await ordered(desk, key="2")).request.request_id)
    use = partial(desk.act, desk.ada, "use_payment", payment_id=payment_id, request_id=request_id)

    opened, used = await raced(
        desk, held_up(database_url, "disputes"), press_open(desk, payment_id), use()
    )

    assert isinstance(opened, Done)
    assert isinstance(used, PaymentDisputed)
    assert (await became(desk, payment_id))[0] == "parked"
    await press_end(desk, payment_id, "lost")
    assert await became(desk, payment_id) == ("returned", "dispute_lost")


async def test_a_dispute_sees_what_its_payment_pays_meanwhile(
    desk: Desk, database_url: str
) -> None:
    payment_id = str((await parked(desk)).payment_id)
    request_id = str((await ordered(desk, key="2")).request.request_id)
    use = desk.act(desk.ada, "use_payment", payment_id=payment_id, request_id=request_id)
    disputed = await read(desk, payment_id)

    used, told = await raced(
        desk, held_up(database_url, "invoices"), use, by_gateway(desk, disputed, "lost")
    )

    assert isinstance(used, Done)
    assert told is None
    assert await desk.fetch("SELECT purchase_id IS NOT NULL FROM disputes")
    assert await desk.fetch("SELECT count(*) FROM purchases WHERE state = 'refunded'") == 1


@pytest.mark.parametrize("action", ["add_credits", "refund"])
async def test_credits_that_wait_see_the_dispute_that_is_told_meanwhile(
    desk: Desk, database_url: str, action: str
) -> None:
    purchase_id = str(await paid(desk))
    payment_id = str(await desk.fetch("SELECT payment_id FROM payments"))

    opened, done = await raced(
        desk, held_up(database_url, "disputes"), press_open(desk, payment_id),
        desk.act(desk.ada, action, purchase_id=purchase_id),
    )  # fmt: skip

    assert isinstance(opened, Done)
    assert isinstance(done, PaymentDisputed)
    assert await desk.fetch("SELECT state FROM purchases") == "paid"
    assert await spendable(desk.stage, desk.workspace_id) == 1_500


async def test_a_dispute_sees_the_credits_that_are_added_meanwhile(
    desk: Desk, database_url: str
) -> None:
    purchase_id = str(await paid(desk))
    payment_id = str(await desk.fetch("SELECT payment_id FROM payments"))

    added, opened = await raced(
        desk, held_up(database_url, "audit_lines"),
        desk.act(desk.ada, "add_credits", purchase_id=purchase_id), press_open(desk, payment_id),
    )  # fmt: skip

    assert isinstance(added, Done)
    assert isinstance(opened, SideRowRefused)
    await press_open(desk, payment_id)
    assert await desk.fetch("SELECT state FROM purchases") == "disputed"
    assert await spendable(desk.stage, desk.workspace_id) == 1_500
