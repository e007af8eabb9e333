"""What is Kling's own: signed tokens, our own ids at the provider, units, and its many codes."""

import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from mutoscope.app.ports import ErrorCode, ProviderError, RenderState
from mutoscope.providers.kling import Kling, token
from mutoscope.providers.kling_answers import explain, failure
from mutoscope.providers.wire import Reply, Site
from mutoscope.simulators.kling import KlingSimulator
from provider_stage import PLAYS, Stage, http, serving, simulators, staged

AT = datetime(2026, 11, 23, 12, tzinfo=UTC)
(PRO,) = (play for play in PLAYS if play.name == "kling pro clip")


@pytest.fixture(scope="session")
async def address() -> AsyncIterator[str]:
    async with simulators() as address:
        yield address


@pytest.fixture
async def stage(address: str, tmp_path: Path) -> AsyncIterator[Stage]:
    async with staged(play=PRO, address=address, folder=tmp_path) as stage:
        yield stage


def made(site: Site, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Kling:
    return Kling(
        site=site, access_key=KlingSimulator.access_key, secret_key=KlingSimulator.signing_key,
        now=now, random=Random(1),
    )  # fmt: skip


@asynccontextmanager
async def answered(content: object) -> AsyncIterator[Kling]:
    """Give an adapter whose every question gets one answer."""
    async with serving(http(200, json.dumps(content).encode())) as (address, _):
        kling = made(Site(provider="kling", base_url=address, pause_s=0.01))
        yield kling
        await kling.wire.close()


async def refused(stage: Stage, **changes: object) -> ProviderError:
    """Return how an order with other parameters is refused."""
    order = stage.order(parameters={"mode": "pro", **changes})
    with pytest.raises(ProviderError) as caught:
        await stage.generator.submit(order=order)
    return caught.value


def test_a_token_is_the_one_that_pyjwt_signs() -> None:
    reference = (
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
        "eyJpc3MiOiJhayIsImV4cCI6MTc5NTQzNzAwMCwibmJmIjoxNzk1NDM1MTk1fQ."
        "5RUl5NpOS0mQMpFirHqhgSUPsLOmjTffuwIAnXc-CeE"
    )

    assert token(access_key="ak", secret_key="sk", at=AT) == reference


async def test_each_request_has_a_token_of_its_own_instant(stage: Stage) -> None:
    instants = iter(datetime.now(UTC) + timedelta(seconds=n) for n in range(-1, 9))
    site = Site(provider="kling", base_url=f"{stage.address}/kling")
    kling = made(site, now=lambda: next(instants))

    tokens = {kling.wire.headers()["Authorization"] for _ in range(3)}

    await kling.wire.close()
    assert len(tokens) == 3


@pytest.mark.parametrize("off", [timedelta(hours=1), timedelta(hours=-1)])
async def test_a_clock_that_is_wrong_is_named_as_the_reason(stage: Stage, off: timedelta) -> None:
    site = Site(provider="kling", base_url=f"{stage.address}/kling")
    kling = made(site, now=lambda: datetime.now(UTC) + off)

    with pytest.raises(ProviderError, match="clock") as caught:
        await kling.funds()

    await kling.wire.close()
    assert caught.value.code == ErrorCode.AUTH


async def test_ten_seconds_cost_twice_as_much(stage: Stage) -> None:
    submitted = await stage.generator.submit(order=stage.order(duration_s=10))
    for _ in range(2):
        await stage.generator.poll(
            provider_job_id=submitted.provider_job_id, job_id=uuid4(), is_clip=True
        )
    kling = made(Site(provider="kling", base_url=f"{stage.address}/kling"))

    standing = await kling.poll(provider_job_id=submitted.provider_job_id)

    await kling.wire.close()
    assert standing.cost_micros == 980_000 == await stage.charged()


async def test_the_same_order_cannot_be_bought_twice_even_from_another_machine(
    stage: Stage, tmp_path: Path
) -> None:
    order = stage.order()
    await stage.generator.submit(order=order)

    async with staged(play=PRO, address=stage.address, folder=tmp_path / "other") as other:
        await other.generator.submit(order=order)
        (tmp_path / "other" / "jobs" / str(order.job_id) / "submitted.json").unlink()
        with pytest.raises(ProviderError) as caught:
            await other.generator.submit(order=order)

    assert caught.value.code == ErrorCode.BAD_INPUT
    assert await stage.charged() == PRO.micros


async def test_what_kling_knows_nothing_of_was_never_begun(stage: Stage) -> None:
    assert await stage.generator.find(job_id=uuid4()) is None


async def test_a_question_that_is_refused_proves_nothing(stage: Stage) -> None:
    kling = made(Site(provider="kling", base_url=f"{stage.address}/kling"), now=lambda: AT)

    with pytest.raises(ProviderError) as caught:
        await kling.find(job_id=uuid4())

    await kling.wire.close()
    assert caught.value.code == ErrorCode.AUTH


async def test_only_packs_that_can_be_spent_are_counted(stage: Stage) -> None:
    funds = await stage.generator.funds()

    assert funds.micros == 10_000 * 140_000
    assert funds.sentence == "10,000.0 Kling units (simulator)"


@pytest.mark.parametrize("changes", [{"source_path": None}, {"duration_s": None}], ids=str)
async def test_a_clip_without_a_still_is_refused_before_anything_is_sent(
    stage: Stage, changes: dict[str, Any]
) -> None:
    order = replace(stage.order(), **changes)

    with pytest.raises(ProviderError, match="still") as caught:
        await stage.generator.submit(order=order)

    assert caught.value.code == ErrorCode.BAD_INPUT
    assert await stage.told("requests") == []


@pytest.mark.parametrize(
    ("deduction", "micros"),
    [("3.5", 490_000), (2, 280_000), (0.5, 70_000), ("", None), (None, None), ("free", None)],
)
async def test_a_cost_is_taken_as_it_is_told_and_never_guessed(
    deduction: object, micros: int | None
) -> None:
    videos = [{"url": "https://kling.example/1.mp4"}]
    task = {
        "task_id": "1", "task_status": "succeed", "final_unit_deduction": deduction,
        "task_result": {"videos": videos},
    }  # fmt: skip
    async with answered({"code": 0, "data": task}) as kling:
        standing = await kling.poll(provider_job_id="1")

    assert standing.cost_micros == micros
    assert [each.url for each in standing.deliveries] == ["https://kling.example/1.mp4"]


@pytest.mark.parametrize(
    ("status", "state", "micros"),
    [
        ("failed", RenderState.FAILED, 0),
        ("processing", RenderState.RUNNING, None),
        ("polishing", RenderState.RUNNING, None),
    ],
)
async def test_only_a_task_that_succeeded_costs_what_is_told(
    status: str, state: RenderState, micros: int | None
) -> None:
    task = {"task_id": "1", "task_status": status, "final_unit_deduction": "2"}
    async with answered({"code": 0, "data": task}) as kling:
        standing = await kling.poll(provider_job_id="1")

    assert (standing.state, standing.cost_micros) == (state, micros)


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("Failure to pass the risk control system", ErrorCode.MODERATED),
        ("the prompt contains SENSITIVE words", ErrorCode.MODERATED),
        ("Image pixel is invalid", ErrorCode.BAD_INPUT),
        ("Internal inference error", ErrorCode.PROVIDER_FAILED),
        ("", ErrorCode.PROVIDER_FAILED),
    ],
)
def test_a_reason_is_told_without_the_provider_s_words(reason: str, code: ErrorCode) -> None:
    told = failure(reason)

    assert told.code == code
    assert reason not in told.sentence or not reason
    assert told.provider_code == (reason or None)


@pytest.mark.parametrize(
    ("status", "kling_code", "code"),
    [
        (401, 1000, "auth"), (401, 1004, "auth"), (429, 1100, "auth"), (403, 1103, "auth"),
        (429, 1304, "auth"), (429, 1101, "insufficient_funds"), (429, 1102, "insufficient_funds"),
        (400, 1200, "bad_input"), (404, 1202, "retired_model"), (400, 1300, "moderated"),
        (429, 1302, "rate_limited"), (429, 1303, "concurrency"), (503, 5001, "transient"),
        (200, 5002, "transient"), (200, 9999, "transient"), (400, 9999, "bad_input"),
    ],
)  # fmt: skip
def test_a_code_says_more_than_a_status(status: int, kling_code: int, code: str) -> None:
    content = json.dumps({"code": kling_code, "message": "told"}).encode()
    reply = Reply(
        provider="kling", status=status, headers=httpx.Headers(), content=content,
        doubt=ErrorCode.SUBMIT_UNKNOWN,
    )  # fmt: skip

    error = explain(reply)

    assert error is not None
    assert (error.code, error.provider_code) == (code, str(kling_code))


@pytest.mark.parametrize("body", [b"", b"\xff", b"[]", b'{"task_status": "succeed"}'])
async def test_a_call_back_that_names_no_task_is_refused(stage: Stage, body: bytes) -> None:
    with pytest.raises(ProviderError) as caught:
        await stage.read({}, body)

    assert caught.value.code == ErrorCode.BAD_INPUT


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"duration": 5}, "bad_input"), ({"duration": "7"}, "bad_input"),
        ({"image": "data:image/png;base64,iVBORw0KGgo="}, "bad_input"),
        ({"image": "x"}, "bad_input"), ({"image": ""}, "bad_input"), ({"image": 3}, "bad_input"),
        ({"mode": "ultra"}, "bad_input"), ({"mode": 1}, "bad_input"),
        ({"cfg_scale": 0.5}, "bad_input"), ({"negative_prompt": "x" * 2_501}, "bad_input"),
        ({"prompt": 7}, "bad_input"), ({"callback_url": "here"}, "bad_input"),
        ({"external_task_id": 1}, "bad_input"),
        ({"model_name": "kling-v0"}, "retired_model"), ({"model_name": 2}, "retired_model"),
        ({"model_name": "kling-v2-1-master", "mode": "std"}, "bad_input"),
    ],
    ids=str,
)  # fmt: skip
async def test_what_kling_would_refuse_is_refused(
    stage: Stage, changes: dict[str, object], code: str
) -> None:
    assert (await refused(stage, **changes)).code == code


async def test_a_picture_may_be_an_address(stage: Stage) -> None:
    parameters = {"mode": "pro", "image": "https://pictures.example/1.png"}

    await stage.generator.submit(order=stage.order(parameters=parameters))

    assert await stage.charged() == PRO.micros


@pytest.mark.parametrize("size", [(299, 299), (1000, 390), (390, 1000)])
async def test_a_picture_of_the_wrong_size_is_refused(stage: Stage, size: tuple[int, int]) -> None:
    order = stage.order(width=size[0], height=size[1])

    with pytest.raises(ProviderError, match="image") as caught:
        await stage.generator.submit(order=order)

    assert caught.value.code == ErrorCode.BAD_INPUT


def forged(header: object, claims: object, key: str = KlingSimulator.signing_key) -> str:
    """Return a token that was signed over any header and claims."""
    parts = (urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, claims))
    signed = b".".join(parts)
    made = urlsafe_b64encode(hmac.digest(key.encode(), signed, "sha256")).rstrip(b"=")
    return (signed + b"." + made).decode()


GOOD_HEAD = {"alg": "HS256", "typ": "JWT"}
GOOD = {"iss": KlingSimulator.access_key, "exp": 9_999_999_999, "nbf": 0}


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        ("", 1001), ("Bearer", 1001), ("Basic x", 1001), ("Bearer x", 1002),
        ("Bearer ä.ö.ü", 1002), ("Bearer a.b.c", 1002),
        (f"Bearer {forged(GOOD_HEAD, GOOD, key='another')}", 1002),
        (f"Bearer {forged({'alg': 'none'}, GOOD)}", 1002),
        (f"Bearer {forged(GOOD_HEAD, {**GOOD, 'iss': 'another'})}", 1002),
        (f"Bearer {forged(GOOD_HEAD, {**GOOD, 'exp': 'soon'})}", 1002),
        (f"Bearer {forged(GOOD_HEAD, {**GOOD, 'nbf': 9_999_999_998})}", 1003),
        (f"Bearer {forged(GOOD_HEAD, {**GOOD, 'exp': 1})}", 1004),
        (f"Bearer {forged(GOOD_HEAD, GOOD)}", 0),
    ],
    ids=str,
)  # fmt: skip
async def test_tokens_are_really_verified(stage: Stage, authorization: str, code: int) -> None:
    headers = {b"authorization": authorization.encode()} if authorization else {}
    async with httpx.AsyncClient(base_url=stage.address) as client:
        answer = await client.get("/kling/v1/videos/image2video", headers=headers)

    assert answer.json()["code"] == code


async def test_a_list_tells_of_the_newest_first(stage: Stage) -> None:
    orders = [stage.order() for _ in range(3)]
    for order in orders:
        await stage.generator.submit(order=order)
    headers = {"Authorization": f"Bearer {forged(GOOD_HEAD, GOOD)}"}

    async with httpx.AsyncClient(base_url=stage.address, headers=headers) as client:
        page = await client.get("/kling/v1/videos/image2video?pageNum=2&pageSize=2")
        wrong = await client.get("/kling/v1/videos/image2video?pageSize=501")

    told = [UUID(task["task_info"]["external_task_id"]) for task in page.json()["data"]]
    assert told == [orders[0].job_id]
    assert wrong.json()["code"] == 1201
