"""What is Vertex's own: a token that lives an hour, operations, and prices that nobody tells."""

import asyncio
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from mutoscope.app.ports import ErrorCode, ProviderError, RenderState
from mutoscope.providers.google_account import BadServiceAccount, ServiceAccount, service_account
from mutoscope.providers.vertex import PRICE, Vertex, base_url
from mutoscope.providers.vertex_models import MODELS, SECOND_MICROS
from mutoscope.providers.wire import Site
from mutoscope.simulators.google_account import GRANT, account
from mutoscope.simulators.server import running
from mutoscope.simulators.vertex import VertexSimulator
from provider_stage import PLAYS, Stage, http, serving, simulators, staged

(CLIP,) = (play for play in PLAYS if play.name == "veo clip")
PARENT = "projects/studio/locations/us-central1"
LITE = f"/v1beta1/{PARENT}/publishers/google/models/veo-3.1-lite-generate-001"
BEGUN = f"{PARENT}/publishers/google/models/veo-3.1-lite-generate-001/operations/1"
GOOD: dict[str, Any] = {
    "instances": [{"prompt": "A lamp."}], "parameters": {"durationSeconds": 4, "seed": 1},
}  # fmt: skip
TOKEN = json.dumps({"access_token": "t", "expires_in": 3599}).encode()
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


@dataclass(slots=True)
class Watch:
    """A clock that is set by hand."""

    at: datetime = NOW

    def now(self) -> datetime:
        return self.at


@pytest.fixture(scope="session")
async def address() -> AsyncIterator[str]:
    async with simulators() as address:
        yield address


@pytest.fixture
async def stage(address: str, tmp_path: Path) -> AsyncIterator[Stage]:
    async with staged(play=CLIP, address=address, folder=tmp_path) as stage:
        yield stage


def adapter(address: str, watch: Watch, who: ServiceAccount | None = None) -> Vertex:
    site = Site(provider="Google", base_url=f"{address}/vertex", pause_s=0.01)
    signed = who or service_account(account(token_uri=f"{address}/vertex/token"))
    return Vertex(site=site, parent=PARENT, account=signed, now=watch.now, random=Random(3))


@asynccontextmanager
async def signing() -> AsyncIterator[tuple[Vertex, Watch, list[Any]]]:
    """Give an adapter in front of a simulator with the same clock, and what that was sent."""
    watch = Watch()
    async with running(port=0, now=watch.now, new_id=uuid4, kinds=(VertexSimulator,)) as world:
        vertex = adapter(world.address, watch)
        yield vertex, watch, world.requests
        await vertex.wire.close()


def tokens(requests: list[Any]) -> int:
    return sum(each.call.path == "/token" for each in requests)


async def test_a_token_is_asked_for_once_however_many_calls_wait_for_it() -> None:
    async with signing() as (vertex, _, requests):
        await asyncio.gather(*[vertex.funds() for _ in range(5)])

        assert (tokens(requests), len(requests)) == (1, 6)


async def test_a_token_is_renewed_five_minutes_before_its_end() -> None:
    async with signing() as (vertex, watch, requests):
        await vertex.funds()
        watch.at = NOW + timedelta(seconds=3598) - timedelta(minutes=5)
        await vertex.funds()
        before = tokens(requests)
        watch.at += timedelta(seconds=1)
        await vertex.funds()

        assert (before, tokens(requests)) == (1, 2)


async def test_an_account_that_google_does_not_know_is_named_so(stage: Stage) -> None:
    file = json.loads(account(token_uri=f"{stage.address}/vertex/token"))
    stranger = service_account(json.dumps({**file, "private_key_id": "another"}))
    vertex = adapter(stage.address, Watch(at=datetime.now(UTC)), stranger)

    with pytest.raises(ProviderError) as caught:
        await vertex.funds()

    assert caught.value.code == ErrorCode.AUTH
    assert "Invalid JWT Signature" in str(caught.value)
    assert caught.value.provider_code == "invalid_grant"
    await vertex.wire.close()


@pytest.mark.parametrize("status", [500, 429])
async def test_a_sign_in_that_fails_leaves_nothing_created(stage: Stage, status: int) -> None:
    async with serving(http(status)) as (elsewhere, _):
        who = service_account(account(token_uri=f"{elsewhere}/token"))
        vertex = adapter(stage.address, Watch(), who)

        with pytest.raises(ProviderError) as ordered:
            await vertex.create(order=stage.order(), pictures=None)  # type: ignore[arg-type]
        with pytest.raises(ProviderError) as asked:
            await vertex.poll(provider_job_id=BEGUN)
        await vertex.wire.close()

    assert ordered.value.code == ErrorCode.NOT_CREATED
    assert asked.value.code == ErrorCode.TRANSIENT
    assert await stage.creations() == 0


async def test_a_sign_in_that_refuses_in_no_words_is_told_by_its_status(stage: Stage) -> None:
    async with serving(http(403, b"<html>")) as (elsewhere, _):
        who = service_account(account(token_uri=f"{elsewhere}/token?alt=json"))
        vertex = adapter(stage.address, Watch(), who)

        with pytest.raises(ProviderError, match="status 403") as caught:
            await vertex.create(order=stage.order(), pictures=None)  # type: ignore[arg-type]
        await vertex.wire.close()

    assert caught.value.code == ErrorCode.AUTH


def pem_of_another_kind() -> str:
    key = Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.mark.parametrize("changes", [{"private_key": "x"}, {"client_email": 7}, {"key": "other"}])
def test_a_file_that_is_no_service_account_is_refused(changes: dict[str, Any]) -> None:
    file = json.loads(account(token_uri="https://oauth2.googleapis.com/token"))
    if "key" in changes:
        changes = {"private_key": pem_of_another_kind()}

    with pytest.raises(BadServiceAccount, match="create a JSON key of it anew"):
        service_account(json.dumps({**file, **changes}))


async def test_a_clip_costs_its_seconds_by_its_height(stage: Stage) -> None:
    order = stage.order(width=720, height=1280, parameters={"resolution": "1080p"})

    render = await stage.carried_out(order)

    assert (render.outputs[0].width, render.outputs[0].height) == (1080, 1920)
    assert render.cost_micros == 4 * 80_000 == await stage.charged()


async def test_what_a_silent_clip_costs_is_not_told(stage: Stage) -> None:
    order = stage.order(parameters={"generateAudio": False})

    submitted = await stage.generator.submit(order=order)
    render = await stage.carried_out(order)

    assert PRICE not in submitted.provider_job_id
    assert (submitted.cost_micros, render.cost_micros) == (None, None)
    assert render.state is RenderState.SUCCEEDED


async def test_a_clip_can_be_made_from_words_alone(stage: Stage) -> None:
    order = replace(stage.order(), source_path=None)

    render = await stage.carried_out(order)

    assert render.state is RenderState.SUCCEEDED
    (sent,) = [each for each in await stage.told("requests") if each["act"] == "create"]
    assert sent["body"]["instances"] == [{"prompt": order.prompt}]


UNSAFE = "The prompt violates Vertex AI's usage guidelines."
ENDS: tuple[tuple[dict[str, Any], str, str | None], ...] = (
    ({"response": {}}, "moderated", None),
    ({"response": {"raiMediaFilteredReasons": ["violence"]}}, "moderated", "violence"),
    ({"error": {"code": 3, "message": UNSAFE}}, "moderated", "3"),
    ({"error": {"code": 3, "message": "The picture is broken."}}, "bad_input", "3"),
    ({"error": {"code": 8, "message": "High load."}}, "provider_failed", "8"),
)


@pytest.mark.parametrize(("told", "code", "provider_code"), ENDS)
async def test_an_operation_without_a_clip_says_why(
    told: dict[str, Any], code: str, provider_code: str | None
) -> None:
    body = json.dumps({"name": BEGUN, "done": True, **told}).encode()
    async with serving(http(200, TOKEN), http(200, body)) as (elsewhere, _):
        who = service_account(account(token_uri=f"{elsewhere}/token"))
        vertex = adapter(elsewhere, Watch(), who)
        standing = await vertex.poll(provider_job_id=f"{BEGUN}{PRICE}7")
        await vertex.wire.close()

    assert standing.state is RenderState.FAILED
    assert standing.failure is not None
    assert (standing.failure.code, standing.failure.provider_code) == (code, provider_code)
    assert standing.cost_micros == 0


def test_a_location_has_its_address_and_every_model_its_price() -> None:
    assert base_url("europe-west4") == "https://europe-west4-aiplatform.googleapis.com"
    assert base_url("global") == "https://aiplatform.googleapis.com"
    assert MODELS.keys() == SECOND_MICROS.keys()


@pytest.fixture
async def client(stage: Stage) -> AsyncIterator[httpx.AsyncClient]:
    """Give a client that has signed in."""
    who = service_account(account(token_uri=f"{stage.address}/vertex/token"))
    form = {"grant_type": GRANT, "assertion": who.claim(at=datetime.now(UTC))}
    async with httpx.AsyncClient(base_url=f"{stage.address}/vertex") as client:
        token = (await client.post("/token", data=form)).json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        yield client


def asked(**changes: object) -> dict[str, Any]:
    return {"parameters": {**GOOD["parameters"], **changes}}


@pytest.mark.parametrize(
    "changes",
    [
        {"instances": []}, {"instances": [{}]}, {"instances": [{"prompt": 7}]}, {"prompt": "A"},
        {"instances": [{"prompt": "A", "image": {"bytesBase64Encoded": "AA"}}]},
        asked(durationSeconds="4"), asked(durationSeconds=5), asked(aspectRatio="1:1"),
        asked(resolution="4k"), asked(sampleCount=2), asked(seed=2**32), asked(fps=24),
        asked(personGeneration="allow_all"), asked(generateAudio="yes"),
    ],
)  # fmt: skip
async def test_the_simulator_is_as_strict_as_vertex(
    client: httpx.AsyncClient, changes: dict[str, Any]
) -> None:
    good = await client.post(f"{LITE}:predictLongRunning", json=GOOD)
    bad = await client.post(f"{LITE}:predictLongRunning", json={**GOOD, **changes})

    assert (good.status_code, bad.status_code) == (200, 400)


async def test_the_simulator_knows_its_tokens_its_models_and_its_work(
    client: httpx.AsyncClient,
) -> None:
    lamp = LITE.replace("veo-3.1-lite-generate-001", "lamp")
    model = await client.post(f"{lamp}:predictLongRunning", json=GOOD)
    work = await client.post(f"{LITE}:fetchPredictOperation", json={"operationName": BEGUN})
    name = await client.post(f"{LITE}:fetchPredictOperation", json={"operationName": "1"})
    client.headers["Authorization"] = "Bearer ya29.other"
    token = await client.post(f"{LITE}:predictLongRunning", json=GOOD)

    assert [each.status_code for each in (model, work, name, token)] == [404, 404, 400, 401]


async def refused(client: httpx.AsyncClient, **form: str) -> str:
    answer = await client.post("/token", data={"grant_type": GRANT, **form})
    assert answer.status_code == 400
    return str(answer.json()["error_description"])


def of_another_scope(who: ServiceAccount, claim: str) -> str:
    """Return a claim that asks for something else, signed as well."""
    head, body, _ = claim.split(".")
    asked_for = {**json.loads(urlsafe_b64decode(f"{body}==")), "scope": "email"}
    signed = f"{head}.{urlsafe_b64encode(json.dumps(asked_for).encode()).decode().rstrip('=')}"
    signature = urlsafe_b64encode(who.key.sign(signed.encode(), PKCS1v15(), SHA256()))
    return f"{signed}.{signature.decode().rstrip('=')}"


async def test_the_simulator_takes_a_claim_only_from_its_account_in_its_time(
    client: httpx.AsyncClient,
) -> None:
    at = datetime.now(UTC)
    who = service_account(account(token_uri="http://127.0.0.1"))
    early = who.claim(at=at + timedelta(minutes=5))
    late = who.claim(at=at - timedelta(hours=2))
    other = replace(who, email="somebody@example.com").claim(at=at)
    email = of_another_scope(who, who.claim(at=at))

    assert await refused(client, grant_type="password") == "Invalid grant_type."
    assert await refused(client, assertion="a.b") == "Invalid JWT Signature."
    assert "Signature" in await refused(client, assertion=f"{early[:-8]}AAAAAAAA")
    assert "short-lived" in await refused(client, assertion=early)
    assert "short-lived" in await refused(client, assertion=late)
    assert "issuer" in await refused(client, assertion=other)
    assert await refused(client, assertion=email) == "Invalid OAuth scope."


async def test_a_clip_that_was_cancelled_at_google_is_told_so(stage: Stage) -> None:
    render = await stage.carried_out(stage.order("cancelled"))

    assert render.state is RenderState.FAILED
    assert (render.cost_micros, await stage.charged()) == (0, 0)
