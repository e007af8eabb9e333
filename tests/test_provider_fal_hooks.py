"""fal's call backs: who may sign them, over what, and for how long."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID

import pytest

from mutoscope.app.ports import ErrorCode, ProviderError
from mutoscope.providers.fal import Fal
from mutoscope.providers.fal_keys import LASTS, PAUSE, KeyList
from mutoscope.providers.wire import Site, refusal
from mutoscope.simulators.fal import FalSimulator
from mutoscope.simulators.simulator import Hook
from mutoscope.simulators.tasks import Task, World
from provider_stage import http, serving, simulators

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


def signed(*, at: datetime = NOW) -> Hook:
    """Return a call back about a request that ended."""
    number = UUID(int=7)
    world = World(address="http://127.0.0.1", now=lambda: at, new_id=lambda: number)
    asked = {"app": "fal-ai/nano-banana-2", "micros": 80_000, "unit": 80_000}
    task = Task(prompt="A lamp.", width=640, height=360, asked=asked, id=number, is_hurried=True)
    return FalSimulator(world=world).webhook(task, is_forged=False)


HOOK = signed()
REQUEST = json.loads(HOOK.body)["request_id"]
STRANGE = json.dumps({"keys": [{"x": "short"}, {"x": "é"}]})


class Published:
    """A list as fal publishes it, which a test may change, and how often it was fetched."""

    def __init__(self, keys: str = FalSimulator.keys) -> None:
        self.keys = keys
        self.trouble: ProviderError | None = None
        self.fetches = 0
        self.list = KeyList(fetch=self.fetch)

    async def fetch(self) -> bytes:
        self.fetches += 1
        if self.trouble is not None:
            raise self.trouble
        return self.keys.encode()

    async def verified(self, at: datetime = NOW, hook: Hook = HOOK) -> str:
        return await self.list.verified(headers=hook.headers, body=hook.body, at=at)


@pytest.mark.parametrize("late_s", [-300, 0, 300])
async def test_a_call_back_counts_for_five_minutes(late_s: int) -> None:
    assert await Published().verified(NOW + timedelta(seconds=late_s)) == REQUEST


async def test_the_names_of_headers_may_be_spelled_anyhow() -> None:
    lower = {name.lower(): value for name, value in HOOK.headers.items()}

    assert await Published().verified(hook=replace(HOOK, headers=lower)) == REQUEST


@pytest.mark.parametrize(
    ("headers", "body", "keys", "late_s"),
    [
        ({}, HOOK.body, FalSimulator.keys, 301),
        ({}, HOOK.body, FalSimulator.keys, -301),
        ({}, HOOK.body + b" ", FalSimulator.keys, 0),
        ({}, b'{"request_id":"other"}', FalSimulator.keys, 0),
        ({}, b"no json", FalSimulator.keys, 0),
        ({}, HOOK.body, '{"keys":[]}', 0),
        ({}, HOOK.body, STRANGE, 0),
        ({}, HOOK.body, "no json", 0),
        ({"X-Fal-Webhook-Timestamp": "soon"}, HOOK.body, FalSimulator.keys, 0),
        ({"X-Fal-Webhook-Signature": "xyz"}, HOOK.body, FalSimulator.keys, 0),
        ({"X-Fal-Webhook-Signature": "00"}, HOOK.body, FalSimulator.keys, 0),
        ({"X-Fal-Webhook-User-Id": "other"}, HOOK.body, FalSimulator.keys, 0),
        ({"X-Fal-Webhook-Request-Id": "other"}, HOOK.body, FalSimulator.keys, 0),
    ],
)
async def test_what_fal_did_not_sign_is_refused(
    headers: dict[str, str], body: bytes, keys: str, late_s: int
) -> None:
    hook = Hook(headers={**HOOK.headers, **headers}, body=body)

    with pytest.raises(ProviderError) as caught:
        await Published(keys).verified(NOW + timedelta(seconds=late_s), hook)

    assert caught.value.code == ErrorCode.AUTH


async def test_what_is_no_call_back_of_now_fetches_nothing() -> None:
    published = Published()

    with pytest.raises(ProviderError):
        await published.verified(NOW + timedelta(hours=1))

    assert published.fetches == 0


async def test_the_list_is_fetched_once_a_day_however_many_call_back() -> None:
    published = Published()
    await asyncio.gather(*(published.verified() for _ in range(8)))
    almost, over = NOW + LASTS - timedelta(seconds=1), NOW + LASTS

    await published.verified(almost, signed(at=almost))
    assert published.fetches == 1
    await published.verified(over, signed(at=over))
    assert published.fetches == 2


async def test_a_key_that_is_new_is_found_in_a_new_list() -> None:
    published = Published('{"keys":[]}')
    with pytest.raises(ProviderError, match="another's signature"):
        await published.verified()
    published.keys = FalSimulator.keys
    with pytest.raises(ProviderError, match="another's signature"):
        await published.verified(NOW + PAUSE - timedelta(seconds=1))

    assert published.fetches == 1
    assert await published.verified(NOW + PAUSE) == REQUEST
    assert published.fetches == 2


async def test_a_key_that_was_taken_back_lasts_a_day_at_most() -> None:
    published = Published()
    await published.verified()
    published.keys = '{"keys":[]}'
    over = NOW + LASTS

    with pytest.raises(ProviderError) as caught:
        await published.verified(over, signed(at=over))

    assert caught.value.code == ErrorCode.AUTH


async def test_while_the_list_cannot_be_fetched_nothing_is_believed_and_little_is_asked() -> None:
    published = Published()
    published.trouble = refusal(ErrorCode.TRANSIENT, "fal cannot be reached.")

    for late in (timedelta(0), timedelta(seconds=59)):
        with pytest.raises(ProviderError, match="without its key list") as caught:
            await published.verified(NOW + late)
        assert caught.value.code == ErrorCode.TRANSIENT
    assert published.fetches == 1
    published.trouble = None
    assert await published.verified(NOW + PAUSE) == REQUEST


async def test_a_list_of_the_day_serves_while_another_cannot_be_fetched() -> None:
    published = Published()
    await published.verified()
    published.trouble = refusal(ErrorCode.TRANSIENT, "fal cannot be reached.")
    later = NOW + timedelta(hours=23)

    assert await published.verified(later, signed(at=later)) == REQUEST
    with pytest.raises(ProviderError, match="without its key list"):
        await published.verified(later, replace(signed(at=later), headers=signed(at=NOW).headers | {
            "X-Fal-Webhook-Timestamp": str(int(later.timestamp())),
        }))  # fmt: skip


async def test_the_keys_that_the_simulator_publishes_verify_its_call_backs() -> None:
    async with simulators() as address:
        here = f"{address}/fal"
        site = Site(provider="fal", base_url=here)
        adapter = Fal(site=site, key=FalSimulator.key, random=Random(1), rest_url=here)
        named = await adapter.parse_webhook(headers=HOOK.headers, body=HOOK.body, secret="", at=NOW)
        await adapter.wire.close()

    assert named == REQUEST


async def test_an_address_that_publishes_nothing_is_told_as_such() -> None:
    async with serving(http(404)) as (address, heard):
        site = Site(provider="fal", base_url=address, pause_s=0.01)
        adapter = Fal(site=site, key=FalSimulator.key, random=Random(1), rest_url=address)
        with pytest.raises(ProviderError, match="without its key list"):
            await adapter.parse_webhook(headers=HOOK.headers, body=HOOK.body, secret="", at=NOW)
        await adapter.wire.close()

    assert heard[0].startswith(b"GET /.well-known/jwks.json ")
