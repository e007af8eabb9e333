"""The simulators themselves: their books, their scripts, their labels, and how strict they are."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest

from mutoscope.simulators.exchange import Call
from mutoscope.simulators.runway import RunwaySimulator
from mutoscope.simulators.server import running
from mutoscope.simulators.simulator import Hook
from mutoscope.simulators.tasks import Stage, Task
from provider_stage import Listener, listening, simulators

HEADERS = {"Authorization": f"Bearer {RunwaySimulator.key}", "X-Runway-Version": "2024-11-06"}
PIXEL = "data:image/png;base64,iVBORw0KGgo="
GOOD: dict[str, Any] = {
    "model": "gen4_turbo", "promptImage": PIXEL, "promptText": "A lamp.", "ratio": "960:960",
    "duration": 2, "seed": 1,
}  # fmt: skip


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with (
        simulators() as address,
        httpx.AsyncClient(base_url=address, headers=HEADERS) as client,
    ):
        yield client


async def create(client: httpx.AsyncClient, **changes: object) -> httpx.Response:
    return await client.post("/runway/v1/image_to_video", json={**GOOD, **changes})


async def test_a_good_order_is_taken_and_every_answer_is_labelled(
    client: httpx.AsyncClient,
) -> None:
    answers = [await create(client), await client.get("/_sim"), await client.get("/elsewhere")]

    assert [answer.status_code for answer in answers] == [200, 200, 404]
    assert {answer.headers["x-simulator"] for answer in answers} == {"mutoscope"}


@pytest.mark.parametrize(
    "changes",
    [
        {"model": "gen3"}, {"model": 7}, {"ratio": "16:9"}, {"ratio": None}, {"duration": "5"},
        {"duration": 11}, {"duration": True}, {"promptText": ""}, {"promptText": "🎬" * 501},
        {"promptText": 5}, {"seed": -1}, {"seed": 2**32}, {"seed": "1"}, {"promptImage": "x"},
        {"promptImage": None}, {"promptImage": []}, {"promptImage": [{"uri": PIXEL}]},
        {"promptImage": "data:image/png;base64," + "A" * 5_300_000},
    ],
    ids=str,
)  # fmt: skip
async def test_what_the_provider_would_refuse_is_refused(
    client: httpx.AsyncClient, changes: dict[str, object]
) -> None:
    answer = await create(client, **changes)

    assert answer.status_code == 400
    assert answer.json()["error"] == "Validation of body failed"
    assert (await client.get("/_sim/charges")).json() == []


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"Authorization": "Bearer key_other"}, 401), ({"X-Runway-Version": "2024-09-13"}, 400)],
)
async def test_key_and_version_are_looked_at(
    client: httpx.AsyncClient, headers: dict[str, str], status: int
) -> None:
    answer = await client.get("/runway/v1/organization", headers=headers)

    assert answer.status_code == status


async def test_a_scripted_fault_befalls_so_many_orders(client: httpx.AsyncClient) -> None:
    script = {"provider": "runway", "outcome": "auth", "n": 2}

    await client.post("/_sim/next", json=script)

    assert [(await create(client)).status_code for _ in range(3)] == [401, 401, 200]


@pytest.mark.parametrize(
    "script",
    [
        {}, {"provider": "nobody", "outcome": "ok"}, {"provider": "runway", "outcome": "boom"},
        {"provider": "runway", "outcome": "ok", "n": 0}, {"provider": "runway", "n": "1"},
    ],
)  # fmt: skip
async def test_a_script_that_means_nothing_is_refused(
    client: httpx.AsyncClient, script: dict[str, object]
) -> None:
    answer = await client.post("/_sim/next", json=script)

    assert answer.status_code == 400
    assert answer.json()["error"]


async def test_a_marker_that_names_no_fault_is_refused_with_those_there_are(
    client: httpx.AsyncClient,
) -> None:
    answer = await create(client, promptText="[[sim:nonsense]]")

    assert answer.status_code == 400
    assert "no fault is named 'nonsense'" in answer.json()["error"]
    assert "moderated_output" in answer.json()["faults"]
    assert (await client.get("/_sim/charges")).json() == []


async def test_requests_are_told_without_keys_and_pictures(client: httpx.AsyncClient) -> None:
    await create(client, promptImage=PIXEL[:-1] + "A" * 400)

    (told,) = (await client.get("/_sim/requests")).json()

    assert (told["act"], told["path"], told["status"]) == ("create", "/v1/image_to_video", 200)
    assert told["headers"]["authorization"] == "(a key)"
    assert len(told["body"]["promptImage"]) < 120
    assert RunwaySimulator.key not in str(told)


async def test_the_books_know_what_nobody_asks_about(client: httpx.AsyncClient) -> None:
    for fault in ("ok", "failed", "moderated_output", "never_finishes"):
        await create(client, promptText=f"[[sim:{fault}]]")

    charges = (await client.get("/_sim/charges")).json()

    assert [each["micros"] for each in charges] == [100_000, 0, 100_000, 0]
    await client.post("/_sim/clear")
    assert (await client.get("/_sim/charges")).json() == []


async def test_a_deleted_task_is_gone(client: httpx.AsyncClient) -> None:
    task = f"/runway/v1/tasks/{(await create(client)).json()['id']}"
    for _ in range(3):
        await client.get(task)

    await client.delete(task)

    assert (await client.get(task)).status_code == 404
    assert (await client.get("/runway/v1/tasks/no-such-id")).status_code == 404


def test_a_form_is_read_part_by_part() -> None:
    files = [
        ("image[]", ("a.png", b"\x00\r\n--x\r\n", "image/png")),
        ("image[]", ("b", b"", "x/y")),
    ]
    form = httpx.Request("POST", "http://x", data={"prompt": "night"}, files=files)

    call = Call(method="POST", path="/", headers=dict(form.headers), body=form.read())

    assert call.parts() == (("prompt", b"night"), ("image[]", b"\x00\r\n--x\r\n"), ("image[]", b""))


class CallingSimulator(RunwaySimulator):
    """A Runway that calls back, where the order's `reply` says."""

    def _checked(self, call: Call) -> dict[str, Any]:
        body = super()._checked(call)
        self.reply = body["reply"]
        return body

    def _clip(self, call: Call) -> Task:
        task = super()._clip(call)
        task.webhook_url = self.reply
        return task

    def webhook(self, task: Task, *, is_forged: bool) -> Hook:
        assert task.stage is Stage.SUCCEEDED
        return Hook(headers={"signature": "forged" if is_forged else "good"}, body=task.id.bytes)


async def called_back(listener: Listener, fault: str, count: int) -> httpx.Response:
    """Order with a fault, and return the answer once so many call backs were heard."""
    clock = {"now": lambda: datetime.now(UTC), "new_id": uuid4}
    async with (
        running(port=0, kinds=(CallingSimulator,), **clock) as world,
        httpx.AsyncClient(base_url=world.address, headers=HEADERS) as client,
    ):
        answer = await create(client, promptText=f"[[sim:{fault}]]", reply=listener.url)
        if fault == "webhook_before_create_response":
            assert len(listener.heard) == count
        await listener.until(count)
    return answer


@pytest.mark.parametrize(
    ("fault", "count", "signature"),
    [
        ("ok", 1, "good"),
        ("duplicate_webhook", 2, "good"),
        ("webhook_before_create_response", 1, "good"),
        ("webhook_bad_signature", 1, "forged"),
    ],
)
async def test_a_task_that_ends_is_called_back_about(
    fault: str, count: int, signature: str
) -> None:
    async with listening() as listener:
        answer = await called_back(listener, fault, count)

    assert len(listener.heard) == count
    for headers, body in listener.heard:
        assert headers["signature"] == signature
        assert body.hex() == answer.json()["id"].replace("-", "")


async def test_a_call_back_that_nobody_hears_troubles_nobody() -> None:
    async with listening() as listener:
        listener.url = "http://127.0.0.1:9/"
        answer = await called_back(listener, "webhook_before_create_response", 0)

    assert answer.status_code == 200


async def test_the_simulators_own_routes_are_listed_to_who_is_lost(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.get("/_sim/nowhere")

    assert answer.status_code == 404
    assert "GET /_sim/charges" in answer.json()["routes"]
    assert (await client.get("/runway/v9/nothing")).status_code == 404


@pytest.mark.parametrize(
    ("body", "told"), [(b"\xff\x00", "2 bytes"), (b"", None), (b"[7]", [7]), (b"null", None)]
)
async def test_a_body_that_is_no_object_is_refused_and_told(
    client: httpx.AsyncClient, body: bytes, told: object
) -> None:
    answer = await client.post("/runway/v1/image_to_video", content=body)

    assert answer.status_code == 400
    assert (await client.get("/_sim/requests")).json()[0]["body"] == told


async def test_a_form_is_told_by_its_fields(client: httpx.AsyncClient) -> None:
    await client.post("/runway/v1/image_to_video", files={"image": b"\xff" * 200})

    (told,) = (await client.get("/_sim/requests")).json()

    assert [*told["body"][0]] == ["image"]
    assert len(told["body"][0]["image"]) < 120


def test_the_address_s_parameters_are_read() -> None:
    assert Call(method="GET", path="/", query="a=1&b=&a=2").asked() == {"a": "1"}


async def test_a_file_is_there_once_its_task_succeeded(client: httpx.AsyncClient) -> None:
    task_id = (await create(client)).json()["id"]

    assert (await client.get(f"/runway/_files/{task_id}/1.mp4")).status_code == 403
    assert (await client.get("/runway/_files/nothing/1.mp4")).status_code == 403
