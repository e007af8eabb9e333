"""Endpoints: their secrets, their filters, and the addresses that are refused."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from standardwebhooks import WebhookVerificationError

from hook_receiver import Receiver, receiving
from hook_stage import (
    add,
    happen,
    read,
    sent,
)
from mutoscope.app import webhooks
from mutoscope.app.deliveries import deliver
from mutoscope.app.hook_sender import NO_HOOKS, Hook
from mutoscope.app.webhooks import (
    ENDPOINTS_MAX,
    BadEventType,
    BadWebhookAddress,
    TooManyEndpoints,
)
from mutoscope.domain.planner import KeyReused
from mutoscope.hooks.http_hooks import HttpHooks
from mutoscope.storage import webhooks as rows
from mutoscope.storage.webhooks import UnknownEndpoint
from soundness import assert_sound
from studio_stage import Stage, open_stage


@pytest.fixture
async def stage(database_url: str, tmp_path: Path) -> AsyncIterator[Stage]:
    sender = HttpHooks(is_local_allowed=True)
    async with open_stage(database_url, tmp_path) as stage:
        stage.clock.at = datetime.now(UTC).replace(microsecond=0)  # the library looks at the clock
        stage.studio = replace(stage.studio, hooks=sender)
        yield stage
        await assert_sound(database_url)
    await sender.close()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


async def test_another_secret_does_not_verify(stage: Stage, receiver: Receiver) -> None:
    await add(stage, receiver.url)
    other = await add(stage, "http://localhost:9/", "invoice.issued", key="other")
    await happen(stage)
    await deliver(stage.studio)

    with pytest.raises(WebhookVerificationError):
        receiver.verified(other.secret)


async def test_after_a_rotation_both_secrets_verify_for_a_day(
    stage: Stage, receiver: Receiver
) -> None:
    before = await add(stage, receiver.url)
    name = {"workspace_id": stage.workspace_id, "endpoint_id": before.endpoint_id}
    after, is_replay = await webhooks.rotate_secret(stage.studio, **name, key="turn-1")
    again, is_again = await webhooks.rotate_secret(stage.studio, **name, key="turn-1")
    await happen(stage)
    await deliver(stage.studio)

    assert receiver.verified(before.secret) == receiver.verified(after.secret)
    assert (is_replay, is_again, again.secret) == (False, True, after.secret)
    assert before.secret != after.secret


async def test_a_day_after_the_rotation_the_new_secret_signs_alone(
    stage: Stage, receiver: Receiver
) -> None:
    stage.clock.move(days=-1)
    before = await add(stage, receiver.url)
    name = {"workspace_id": stage.workspace_id, "endpoint_id": before.endpoint_id}
    after, _ = await webhooks.rotate_secret(stage.studio, **name, key="turn-1")
    stage.clock.move(days=1)
    await happen(stage)
    await deliver(stage.studio)

    assert receiver.verified(after.secret)["type"] == "job.finished"
    with pytest.raises(WebhookVerificationError):
        receiver.verified(before.secret)


async def test_a_removed_endpoint_gets_nothing_and_has_no_secret(
    stage: Stage, receiver: Receiver, connection: asyncpg.Connection
) -> None:
    endpoint = await add(stage, receiver.url)
    await happen(stage)
    name = {"workspace_id": stage.workspace_id, "endpoint_id": endpoint.endpoint_id}
    await rows.remove_endpoint(connection, **name, at=stage.clock.now())

    await deliver(stage.studio)

    assert receiver.received == []
    assert [each.state for each in await sent(stage, endpoint)] == ["failed"]
    assert await connection.fetchval("SELECT secret FROM webhook_endpoints") == ""
    with pytest.raises(UnknownEndpoint):
        await read(stage, endpoint)


async def test_a_repeated_order_is_the_same_endpoint(stage: Stage, receiver: Receiver) -> None:
    first = await add(stage, receiver.url)

    assert await add(stage, receiver.url) == first
    with pytest.raises(KeyReused):
        await add(stage, f"{receiver.url}/other")


async def test_a_workspace_has_so_many_endpoints(stage: Stage, receiver: Receiver) -> None:
    for number in range(ENDPOINTS_MAX):
        await add(stage, receiver.url, key=f"hook-{number}")

    with pytest.raises(TooManyEndpoints):
        await add(stage, receiver.url, key="one-more")

    assert (await add(stage, receiver.url, key="hook-0")).creation_key == "hook-0"


@pytest.mark.parametrize(
    "event_type", ["", "job", "Job.Finished", "job.finished!", "job.done", "x" * 99]
)
async def test_a_filter_names_events(stage: Stage, event_type: str) -> None:
    with pytest.raises(BadEventType):
        await add(stage, "http://localhost:9/", event_type)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/hook", "https://127.0.0.1/", "https://10.0.0.1/", "https://[::1]/",
        "https://169.254.169.254/latest", "https://localhost/", "https://a.localhost/",
        "https://user:pass@example.com/", "ftp://example.com/", "https://", "nonsense",
        "https://[::ffff:10.0.0.1]/", "https://0.0.0.0/", "https://example.com/#part",
        "https://example.com/" + "x" * 2_000,
    ],
)  # fmt: skip
async def test_an_address_inside_is_refused_when_it_is_named(stage: Stage, url: str) -> None:
    strict = HttpHooks()
    careful = replace(stage.studio, hooks=strict)

    with pytest.raises(BadWebhookAddress):
        await webhooks.add_endpoint(
            careful, workspace_id=stage.workspace_id, url=url, event_types=(), key="hook"
        )

    await strict.close()


@pytest.mark.parametrize(
    "addresses", [("127.0.0.1",), ("93.184.215.14", "10.0.0.1"), ("fd00::1",), ()]
)
async def test_a_name_that_leads_inside_is_refused_when_it_is_sent(
    addresses: tuple[str, ...],
) -> None:
    async def resolve(_host: str) -> tuple[str, ...]:
        return addresses

    strict = HttpHooks(resolve=resolve)
    hook = Hook(
        url="https://rebound.example/hook", event_id=uuid4(), body="{}",
        at=datetime.now(UTC), secrets=("whsec_AAAA",),
    )  # fmt: skip

    outcome = await strict.send(hook=hook)

    await strict.close()
    assert outcome.error == "the address is refused: rebound.example is inside this network"


async def test_a_process_without_a_sender_takes_no_address(stage: Stage) -> None:
    embedded = replace(stage.studio, hooks=NO_HOOKS)

    with pytest.raises(BadWebhookAddress, match="sends no webhooks"):
        await webhooks.add_endpoint(
            embedded, workspace_id=stage.workspace_id, url="https://example.com/",
            event_types=(), key="hook",
        )  # fmt: skip
