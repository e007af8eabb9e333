"""What was sent to webhooks is forgotten after its days; what waits is kept however long."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

from hook_receiver import Receiver, receiving
from hook_stage import add, deliver_all, happen, open_hooked, sent
from mutoscope.app import deliveries, webhooks
from mutoscope.app.deliveries import forget
from mutoscope.app.forgetting import FORGOTTEN_MAX
from mutoscope.bootstrap import open_house
from mutoscope.settings import read_settings
from mutoscope.storage.database import queries
from mutoscope.storage.webhooks import Endpoint
from mutoscope.worker.alerts import forget_sent
from narrator import scans
from studio_stage import Stage

KEPT = timedelta(days=30)
MOMENT = timedelta(microseconds=1)
DONE = (
    "INSERT INTO webhook_deliveries SELECT $1, $2, gen_random_uuid(), 'a.b', '{}', 'delivered',"
    " 1, NULL, 200, NULL, $3::timestamptz, $3 FROM generate_series(1, $4)"
)


@pytest.fixture
async def stage(database_url: str, tmp_path: Path) -> AsyncIterator[Stage]:
    async with open_hooked(database_url, tmp_path) as stage:
        stage.studio = replace(stage.studio, keep_deliveries=KEPT)
        yield stage


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


async def states(stage: Stage, endpoint: Endpoint) -> list[str]:
    return [str(each.state) for each in await sent(stage, endpoint)]


async def given_up(stage: Stage, endpoint: Endpoint) -> None:
    """Let an event be tried until it is given up."""
    await happen(stage)
    while (next_at := (await sent(stage, endpoint))[-1].next_try_at) is not None:
        stage.clock.at = next_at
        await deliver_all(stage)


@pytest.mark.parametrize(("status", "state"), [(200, "delivered"), (500, "failed")])
async def test_what_ended_is_forgotten_when_its_days_are_over(
    stage: Stage, receiver: Receiver, status: int, state: str
) -> None:
    endpoint = await add(stage, receiver.url)
    receiver.status = status
    await given_up(stage, endpoint)

    stage.clock.at += KEPT
    on_time = await forget(stage.studio), await states(stage, endpoint)
    stage.clock.at += MOMENT
    late = await forget(stage.studio), await states(stage, endpoint)

    assert (on_time, late) == ((0, [state]), (1, []))


async def test_what_waits_is_kept_however_long(stage: Stage, receiver: Receiver) -> None:
    endpoint = await add(stage, receiver.url)
    receiver.status = 500
    await happen(stage)
    await deliver_all(stage)
    await webhooks.change_endpoint(
        stage.studio, before=endpoint, url=endpoint.url, event_types=(), is_on=False
    )

    stage.clock.at += KEPT * 12

    assert await forget(stage.studio) == 0
    assert await states(stage, endpoint) == ["waiting"]


async def test_what_is_sent_again_is_kept_until_it_ends_again(
    stage: Stage, receiver: Receiver
) -> None:
    endpoint = await add(stage, receiver.url)
    event_id = await happen(stage)
    await deliver_all(stage)
    stage.clock.at += KEPT + MOMENT
    await deliveries.replay(
        stage.studio, workspace_id=stage.workspace_id, endpoint_id=endpoint.endpoint_id,
        event_id=event_id,
    )  # fmt: skip

    assert await forget(stage.studio) == 0
    await deliver_all(stage)
    assert await forget(stage.studio) == 0
    assert await states(stage, endpoint) == ["delivered"]


async def test_deliveries_are_kept_for_ever_where_the_operator_says_so(
    stage: Stage, receiver: Receiver
) -> None:
    endpoint = await add(stage, receiver.url)
    await happen(stage)
    await deliver_all(stage)
    stage.studio = replace(stage.studio, keep_deliveries=None)
    stage.clock.at += KEPT * 100

    assert await forget(stage.studio) == 0
    assert await states(stage, endpoint) == ["delivered"]


async def test_many_are_forgotten_part_by_part_by_two_workers_at_once(
    stage: Stage, receiver: Receiver, connection: asyncpg.Connection
) -> None:
    endpoint = await add(stage, receiver.url)
    ended_at, count = stage.clock.now() - KEPT - MOMENT, 2 * FORGOTTEN_MAX + 1
    place = stage.workspace_id, endpoint.endpoint_id
    await connection.execute(DONE, *place, ended_at, count)
    await connection.execute(DONE, *place, stage.clock.now(), 20_000)
    await connection.execute("ANALYZE")

    before_at = stage.clock.now() - KEPT
    plan = await scans(connection, queries("webhooks").forget.sql, before_at, 10)
    both = await asyncio.gather(forget(stage.studio), forget(stage.studio))

    assert 10 <= plan["webhook_deliveries"] <= 30
    assert 10 + sum(both) + await forget(stage.studio) == count
    assert await connection.fetchval("SELECT count(*) FROM webhook_deliveries") == 20_000


async def test_a_house_forgets_after_the_days_of_its_setting(
    database_url: str, tmp_path: Path, stage: Stage, receiver: Receiver
) -> None:
    endpoint = await add(stage, receiver.url)
    stage.clock.move(days=-8)
    await happen(stage)
    await deliver_all(stage)
    place = {"DATABASE_URL": database_url, "MUTOSCOPE_DATA": str(tmp_path / "house")}

    kept = []
    for days in ("0", "9", "7"):
        settings = read_settings({**place, "MUTOSCOPE_DELIVERIES_DAYS": days})
        async with open_house(settings) as house:
            await forget_sent(house)
        kept.append(await states(stage, endpoint))

    assert kept == [["delivered"], ["delivered"], []]
