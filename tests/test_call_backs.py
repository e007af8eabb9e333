"""Call backs over HTTP: believed when they are the provider's, and then a reason to look."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from api_client import Api, open_api
from mutoscope.app.advance import advance
from mutoscope.app.doubts import what_to_do
from mutoscope.app.watch import watch
from mutoscope.domain.attempts import OrderName
from mutoscope.domain.jobs import FINAL
from mutoscope.simulators.fal import FalSimulator
from mutoscope.storage import attempts, jobs, routes
from mutoscope.storage.attempts import Attempt
from mutoscope.storage.jobs import Job
from provider_stage import Listener, listening, simulators
from soundness import assert_sound

NOBODYS = OrderName("fal", UUID(int=1), UUID(int=2), 1)


@dataclass(frozen=True)
class Called:
    """A house whose stills come over fal, and what hears fal's call backs for it."""

    api: Api
    listener: Listener

    async def ordered(self, fault: str) -> Job:
        """Order a still, which goes as a fault has it."""
        workspace = await self.api.workspace(is_demo=False)
        wish = {"tool": "image_generation", "prompt": f"A lamp. [[sim:{fault}]]"}
        answered = await self.api.post(f"{workspace}/jobs", wish, key="lamp")
        name = answered.json()
        job = await self.read(UUID(name["workspace_id"]), UUID(name["job_id"]))
        await advance(self.api.house.studio, workspace_id=job.workspace_id, job_id=job.job_id)
        return job

    async def read(self, workspace_id: UUID, job_id: UUID) -> Job:
        async with self.api.house.studio.reading() as connection:
            return await jobs.get(connection, workspace_id=workspace_id, job_id=job_id)

    async def attempt(self, job: Job) -> Attempt:
        async with self.api.house.studio.reading() as connection:
            (found,) = await attempts.attempts_of(
                connection, workspace_id=job.workspace_id, job_id=job.job_id
            )
        return found

    async def alerts(self) -> list[str]:
        async with self.api.house.studio.reading() as connection:
            return [each.sentence for each in await routes.open_alerts(connection, limit=9)]

    async def heard(self) -> tuple[str, dict[str, str], bytes]:
        """Wait for a call back, and return its path, headers and body."""
        await self.listener.until(1)
        headers, body = self.listener.heard[0]
        return self.listener.paths[0], headers, body

    async def call(self, path: str, headers: dict[str, str], body: bytes) -> httpx.Response:
        """Bring a call back to the house."""
        return await self.api.client.post(path, headers=headers, content=body)

    async def ended(self, job: Job) -> Job:
        """Look at the work until it ends."""
        async with asyncio.timeout(20):
            while (found := await self.read(job.workspace_id, job.job_id)).state not in FINAL:
                await watch(self.api.house.studio)
                await asyncio.sleep(0.05)
        return found


@pytest.fixture
async def called(database_url: str, tmp_path: Path) -> AsyncIterator[Called]:
    async with simulators() as address, listening() as listener:
        settings = {
            "MUTOSCOPE_FAL_KEY": FalSimulator.key, "MUTOSCOPE_FAL_URL": f"{address}/fal",
            "MUTOSCOPE_PUBLIC_URL": listener.url.removesuffix("/hooks"),
        }  # fmt: skip
        async with open_api(database_url, tmp_path, more=settings) as api:
            yield Called(api, listener)
        await assert_sound(database_url)


async def test_a_call_back_is_a_reason_to_look_at_once(called: Called) -> None:
    job = await called.ordered("ok")

    answer = await called.call(*await called.heard())

    assert (answer.status_code, answer.json()) == (200, {"jobs": 1})
    at = (await called.read(job.workspace_id, job.job_id)).look_at
    assert at is not None
    assert at <= datetime.now(UTC)
    assert (await called.ended(job)).captured == 1
    again = await called.call(*await called.heard())
    assert again.status_code == 200


@pytest.mark.parametrize(
    "fault", ["drop_connection_after_accept", "http500_on_create_but_task_created"]
)
async def test_a_call_back_tells_under_which_id_an_order_without_an_answer_is_at_work(
    called: Called, fault: str
) -> None:
    job = await called.ordered(fault)
    doubtful = await called.attempt(job)
    assert (doubtful.state, doubtful.provider_job_id) == ("unknown", None)
    assert "wait for its call back" in what_to_do(called.api.house.studio, doubtful)
    assert len(await called.alerts()) == 1

    answer = await called.call(*await called.heard())

    assert answer.json() == {"jobs": 1}
    assert await called.alerts() == []
    done = await called.ended(job)
    (charge,) = await charges(called)
    attempt = await called.attempt(job)
    assert (done.state, done.captured) == ("succeeded", 1)
    assert (attempt.state, attempt.cost_micros) == ("ended", charge["micros"])


async def test_a_call_back_of_one_order_says_nothing_of_another(called: Called) -> None:
    job = await called.ordered("drop_connection_after_accept")
    path, headers, body = await called.heard()
    order = OrderName("fal", job.workspace_id, job.job_id, 2)
    token = called.api.house.studio.call_backs.token(order)

    stolen = await called.call(f"/v1/call-backs/{order}/{path.rpartition('/')[2]}", headers, body)
    later = await called.call(f"/v1/call-backs/{order}/{token}", headers, body)

    assert (stolen.status_code, stolen.json()["code"]) == (403, "call_back_refused")
    assert later.json() == {"jobs": 0}
    assert (await called.attempt(job)).state == "unknown"


@pytest.mark.parametrize("provider", ["fal", "kling", "nobody"])
async def test_what_is_no_call_back_is_refused(called: Called, provider: str) -> None:
    order = NOBODYS._replace(provider=provider)
    token = called.api.house.studio.call_backs.token(order)

    for path in (f"/v1/call-backs/{order}/{token}", f"/v1/call-backs/{order}/no"):
        answer = await called.call(path, {}, b"{}")
        assert (answer.status_code, answer.json()["code"]) == (403, "call_back_refused")


async def test_a_forged_call_back_moves_nothing(called: Called) -> None:
    job = await called.ordered("webhook_bad_signature")
    before = (await called.read(job.workspace_id, job.job_id)).look_at

    answer = await called.call(*await called.heard())

    assert answer.status_code == 403
    assert (await called.read(job.workspace_id, job.job_id)).look_at == before


async def charges(called: Called) -> list[dict[str, Any]]:
    """Return what the simulator has charged."""
    fal = called.api.house.studio.generators["fal"]
    address = fal._adapter.wire.site.base_url.removesuffix("/fal")
    async with httpx.AsyncClient(trust_env=False) as client:
        return (await client.get(f"{address}/_sim/charges")).json()
