"""Events on the loopback: sent until they are taken; who never takes any is switched off."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from alert_stage import codes, messages, spend, subscribed
from hook_receiver import Receiver, receiving
from hook_stage import (
    add,
    happen,
    impatient,
    open_hooked,
    read,
    sent,
)
from mutoscope.app import deliveries, webhooks
from mutoscope.app.alerts import alert, set_preference
from mutoscope.app.deliveries import FAILING_MAX, LEASE, PAUSES, deliver
from mutoscope.domain.alerts import AlertCode
from mutoscope.storage import webhooks as rows
from mutoscope.storage.alerts import Preference
from mutoscope.storage.database import queries
from mutoscope.storage.webhooks import UnknownDelivery
from narrator import scans
from studio_stage import Stage


@pytest.fixture
async def stage(database_url: str, tmp_path: Path) -> AsyncIterator[Stage]:
    async with open_hooked(database_url, tmp_path) as stage:
        yield stage


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


async def test_an_event_comes_signed_and_whole(stage: Stage, receiver: Receiver) -> None:
    endpoint = await add(stage, receiver.url)
    event_id = await happen(stage)

    await deliver(stage.studio)

    event = receiver.verified(endpoint.secret)
    assert (event["type"], event["data"]) == ("job.finished", {"job": "ü"})
    assert event["timestamp"] == stage.clock.now().isoformat()
    assert (event["id"], event["workspace_id"]) == (str(event_id), str(stage.workspace_id))
    assert receiver.ids() == [str(event_id)]
    (delivery,) = await sent(stage, endpoint)
    assert (delivery.state, delivery.tries, delivery.status) == ("delivered", 1, 204)


async def test_an_event_is_sent_to_an_endpoint_once(stage: Stage, receiver: Receiver) -> None:
    await add(stage, receiver.url)
    event_id = await happen(stage)
    await happen(stage, event_id=event_id)
    await asyncio.gather(*(deliver(stage.studio) for _ in range(4)))
    await deliver(stage.studio)

    assert receiver.ids() == [str(event_id)]


async def test_only_the_events_that_are_wanted_come(stage: Stage, receiver: Receiver) -> None:
    await add(stage, receiver.url, "invoice.issued", "purchase.granted")
    await happen(stage, "job.finished")
    await happen(stage, "invoice.issued")

    await deliver(stage.studio)

    assert len(receiver.received) == 1


async def test_nobody_gets_another_workspace_s_events(stage: Stage, receiver: Receiver) -> None:
    await add(stage, receiver.url)
    other = replace(stage, workspace_id=await subscribed(stage))
    await happen(other)

    await deliver(stage.studio)

    assert receiver.received == []


async def test_a_failure_is_tried_again_later_and_later_for_a_day(
    stage: Stage, receiver: Receiver
) -> None:
    endpoint = await add(stage, receiver.url)
    receiver.status = 500
    await happen(stage)
    began_at, tries = stage.clock.now(), []
    while (delivery := (await sent(stage, endpoint))[0]).next_try_at is not None:
        stage.clock.at = delivery.next_try_at
        tries.append(stage.clock.at - began_at)
        assert await deliver(stage.studio) == 1

    assert len(tries) == len(PAUSES) + 1 == len(receiver.received)
    assert timedelta(hours=23) < tries[-1] < timedelta(hours=27)
    assert (delivery.state, delivery.status, delivery.error) == ("failed", 500, "it answers 500")
    assert await deliver(stage.studio) == 0


async def test_a_try_that_succeeds_ends_it(stage: Stage, receiver: Receiver) -> None:
    endpoint = await add(stage, receiver.url)
    receiver.status = 503
    await happen(stage)
    await deliver(stage.studio)
    failing = await read(stage, endpoint)
    receiver.status = 200
    stage.clock.move(minutes=1)

    await deliver(stage.studio)

    assert failing.failing_since is not None
    assert (await read(stage, endpoint)).failing_since is None
    assert [(each.state, each.tries) for each in await sent(stage, endpoint)] == [("delivered", 2)]


async def test_a_redirect_is_not_followed(stage: Stage, receiver: Receiver) -> None:
    async with receiving() as elsewhere:
        endpoint = await add(stage, receiver.url)
        receiver.status, receiver.extra = 302, f"Location: {elsewhere.url}\r\n"
        await happen(stage)

        await deliver(stage.studio)

        (delivery,) = await sent(stage, endpoint)
        assert delivery.error == "it answers 302, and redirects are not followed"
        assert elsewhere.received == []


async def test_who_answers_too_late_is_tried_again(stage: Stage, receiver: Receiver) -> None:
    endpoint = await add(stage, receiver.url)
    receiver.pause_s = 0.6
    await happen(stage)

    async with impatient():
        await deliver(stage.studio)

    (delivery,) = await sent(stage, endpoint)
    assert (delivery.state, delivery.status) == ("waiting", None)
    assert delivery.error is not None
    assert delivery.error.startswith(("no answer within", "it cannot be reached"))


async def test_an_address_where_nobody_listens_is_a_failure(stage: Stage) -> None:
    async with receiving() as gone:
        url = gone.url
    endpoint = await add(stage, url)
    await happen(stage)

    await deliver(stage.studio)

    (delivery,) = await sent(stage, endpoint)
    assert delivery.error == "it cannot be reached (ConnectError)"


async def test_a_worker_that_dies_while_sending_loses_nothing(
    stage: Stage, receiver: Receiver
) -> None:
    endpoint = await add(stage, receiver.url)
    await happen(stage)
    at = stage.clock.now()
    async with stage.studio.reading() as connection:
        await rows.take_due(connection, at=at, again_at=at + LEASE, limit=10)
    untouched = await deliver(stage.studio)
    stage.clock.move(minutes=2)

    await deliver(stage.studio)

    assert untouched == 0
    assert [(each.state, each.tries) for each in await sent(stage, endpoint)] == [("delivered", 2)]


async def test_an_endpoint_that_fails_for_days_is_switched_off_with_an_alert(
    stage: Stage, receiver: Receiver
) -> None:
    endpoint = await add(stage, receiver.url)
    receiver.status = 500
    await happen(stage)
    await deliver(stage.studio)
    stage.clock.move(seconds=FAILING_MAX.total_seconds())
    await happen(stage)

    await deliver(stage.studio)
    await happen(stage)

    found = await read(stage, endpoint)
    assert (found.state, found.off_reason) == ("off", "failing")
    assert ("endpoint_off", None) in await codes(stage, stage.workspace_id)
    assert len(await sent(stage, endpoint)) == 2
    assert await deliver(stage.studio) == 0


async def test_one_that_is_gone_is_switched_off_at_once_and_told_by_the_others(
    stage: Stage, receiver: Receiver
) -> None:
    async with receiving() as gone:
        endpoint = await add(stage, gone.url, key="gone")
        other = await add(stage, receiver.url)
        gone.status = 410
        await happen(stage)
        await deliver(stage.studio)

        await deliver(stage.studio)

    assert (await read(stage, endpoint)).off_reason == "gone"
    told = [receiver.verified(other.secret, number) for number in range(2)]
    assert [each["type"] for each in told] == ["job.finished", "alert.raised"]
    assert told[1]["data"]["endpoint_id"] == str(endpoint.endpoint_id)


async def test_what_waits_is_sent_when_it_is_switched_on_again(
    stage: Stage, receiver: Receiver
) -> None:
    endpoint = await add(stage, receiver.url)
    await happen(stage)
    off = await webhooks.change_endpoint(
        stage.studio, before=endpoint, url=endpoint.url, event_types=(), is_on=False
    )
    while_off = await deliver(stage.studio)
    await webhooks.change_endpoint(
        stage.studio, before=off, url=endpoint.url, event_types=(), is_on=True
    )

    assert (off.off_reason, while_off) == ("asked", 0)
    assert await deliver(stage.studio) == 1


async def test_a_replay_sends_the_same_event_under_the_same_id(
    stage: Stage, receiver: Receiver
) -> None:
    endpoint = await add(stage, receiver.url)
    event_id = await happen(stage)
    await deliver(stage.studio)
    name = {"workspace_id": stage.workspace_id, "endpoint_id": endpoint.endpoint_id}
    replayed = await deliveries.replay(stage.studio, **name, event_id=event_id)

    await deliver(stage.studio)

    assert (replayed.state, replayed.tries) == ("waiting", 0)
    assert receiver.ids() == [str(event_id)] * 2
    with pytest.raises(UnknownDelivery):
        await deliveries.replay(stage.studio, **name, event_id=uuid4())


async def test_an_alert_is_an_event(stage: Stage, receiver: Receiver) -> None:
    workspace_id = await subscribed(stage, email="ann@example.com")
    endpoint = await add(replace(stage, workspace_id=workspace_id), receiver.url)
    await spend(stage, workspace_id, 700)
    await alert(stage.studio)

    await deliver(stage.studio)

    event = receiver.verified(endpoint.secret)
    assert event["type"] == "alert.raised"
    assert (event["data"]["code"], event["data"]["kind"]) == ("balance_empty", "video")
    assert event["data"]["next_grant_amount"] == 700


async def test_alerts_that_are_not_wanted_by_webhook_are_no_events(
    stage: Stage, receiver: Receiver
) -> None:
    workspace_id = await subscribed(stage, email="ann@example.com")
    await add(replace(stage, workspace_id=workspace_id), receiver.url)
    wish = Preference(code=AlertCode.BALANCE_EMPTY, by_email=True, by_webhook=False)
    await set_preference(stage.studio, workspace_id=workspace_id, preference=wish)
    await spend(stage, workspace_id, 700)
    await alert(stage.studio)

    assert await deliver(stage.studio) == 0
    assert len(await messages(stage, workspace_id)) == 1


async def test_deliveries_that_are_done_cost_a_pass_nothing(
    stage: Stage, receiver: Receiver, connection: asyncpg.Connection
) -> None:
    endpoint = await add(stage, receiver.url)
    await connection.execute(
        "INSERT INTO webhook_deliveries SELECT $1, $2, gen_random_uuid(), 'a.b', '{}', 'delivered',"
        " 1, NULL, 200, NULL, $3::timestamptz, $3 FROM generate_series(1, 20000)",
        stage.workspace_id, endpoint.endpoint_id, stage.clock.now(),
    )  # fmt: skip
    await happen(stage)
    await connection.execute("ANALYZE")
    at = stage.clock.now()

    touched = await scans(connection, queries("webhooks").take_due.sql, at, 100, at + LEASE)

    assert touched["webhook_deliveries"] <= 10
