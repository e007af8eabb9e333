"""fal's call backs: who may sign them, over what, and for how long."""

import json
from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID

import pytest

from mutoscope.app.ports import ErrorCode, ProviderError
from mutoscope.providers.fal import Fal
from mutoscope.providers.fal_hooks import verified
from mutoscope.providers.wire import Site
from mutoscope.simulators.fal import FalSimulator
from mutoscope.simulators.simulator import Hook
from mutoscope.simulators.tasks import Task, World
from provider_stage import simulators

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


def signed() -> Hook:
    """Return a call back about a request that ended."""
    number = UUID(int=7)
    world = World(address="http://127.0.0.1", now=lambda: NOW, new_id=lambda: number)
    asked = {"app": "fal-ai/nano-banana-2", "micros": 80_000, "unit": 80_000}
    task = Task(prompt="A lamp.", width=640, height=360, asked=asked, id=number, is_hurried=True)
    return FalSimulator(world=world).webhook(task, is_forged=False)


HOOK = signed()
REQUEST = json.loads(HOOK.body)["request_id"]
STRANGE = json.dumps({"keys": [{"x": "short"}, {"x": "é"}]})


@pytest.mark.parametrize("late_s", [-300, 0, 300])
def test_a_call_back_counts_for_five_minutes(late_s: int) -> None:
    at = NOW + timedelta(seconds=late_s)

    named = verified(headers=HOOK.headers, body=HOOK.body, keys=FalSimulator.keys, at=at)

    assert named == REQUEST


def test_the_names_of_headers_may_be_spelled_anyhow() -> None:
    lower = {name.lower(): value for name, value in HOOK.headers.items()}

    assert verified(headers=lower, body=HOOK.body, keys=FalSimulator.keys, at=NOW) == REQUEST


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
def test_what_fal_did_not_sign_is_refused(
    headers: dict[str, str], body: bytes, keys: str, late_s: int
) -> None:
    at = NOW + timedelta(seconds=late_s)

    with pytest.raises(ProviderError) as caught:
        verified(headers={**HOOK.headers, **headers}, body=body, keys=keys, at=at)

    assert caught.value.code == ErrorCode.AUTH


async def test_the_keys_that_fal_publishes_verify_its_call_backs() -> None:
    async with simulators() as address:
        here = f"{address}/fal"
        site = Site(provider="fal", base_url=here)
        adapter = Fal(site=site, key=FalSimulator.key, random=Random(1), rest_url=here)
        keys = await adapter.webhook_keys()
        await adapter.wire.close()

    named = adapter.parse_webhook(headers=HOOK.headers, body=HOOK.body, secret=keys, at=NOW)
    assert named == REQUEST
