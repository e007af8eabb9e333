"""Jobs over HTTP: placed once a key, paid for once, shown to their own workspace alone."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest

from api_client import IMAGE, Api, open_api, operation
from mutoscope.app.advance import advance
from mutoscope.domain.jobs import FINAL

STRANGER = "/v1/workspaces/00000000-0000-0000-0000-000000000001"
PLANS = ["essential", "pro", "unlimited"]
CLIP = {"tool": "kling_standard", "prompt": "waves", "duration_s": 5}


@pytest.fixture
async def api(database_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    async with open_api(database_url, tmp_path) as api:
        yield api


@pytest.fixture
async def workspace(api: Api) -> str:
    return await api.workspace()


async def finished(api: Api, job: dict[str, str]) -> None:
    """Take the steps of a job as a worker would, until it ends."""
    async with asyncio.timeout(60):
        while True:
            shown = await api.get(f"/v1/workspaces/{job['workspace_id']}/jobs/{job['job_id']}")
            if shown.json()["state"] in FINAL:
                return
            await advance(
                api.house.studio,
                workspace_id=UUID(job["workspace_id"]), job_id=UUID(job["job_id"]),
            )  # fmt: skip
            await asyncio.sleep(0.1)


async def test_a_job_holds_its_price_and_says_where_it_is(api: Api, workspace: str) -> None:
    placed = await api.post(f"{workspace}/jobs", {**IMAGE, "images": 3}, key="job-1")

    shown = await api.get(placed.headers["Location"])
    balances = (await api.get(f"{workspace}/balances")).json()["balances"]

    assert placed.status_code == 201
    assert shown.json() == {**placed.json(), "outputs": []}
    assert (balances[0]["spendable"], balances[0]["held"]) == (47, 3)


async def test_the_history_names_the_job_and_the_tool_of_a_line(api: Api, workspace: str) -> None:
    placed = (await api.post(f"{workspace}/jobs", IMAGE, key="job-1")).json()
    await api.batch(workspace, operation("charge", f"hold/{placed['job_id']}", 1))

    lines = (await api.get(f"{workspace}/history")).json()["lines"]

    assert [(line["operation"], line["job_id"], line["tool"]) for line in lines] == [
        ("charge", None, None), ("hold", placed["job_id"], "image_generation"),
        ("grant", None, None),
    ]  # fmt: skip


async def test_a_repeat_returns_the_job_that_was_placed(api: Api, workspace: str) -> None:
    first = await api.post(f"{workspace}/jobs", IMAGE, key="job-1")

    again = await api.post(f"{workspace}/jobs", IMAGE, key="job-1")
    other = await api.post(f"{workspace}/jobs", {**IMAGE, "images": 2}, key="job-1")

    assert again.json()["job_id"] == first.json()["job_id"]
    assert again.headers["Idempotency-Replayed"] == "true"
    assert (other.status_code, other.json()["code"]) == (422, "key_reused")


async def test_one_credit_pays_one_of_64_jobs(api: Api, workspace: str) -> None:
    await api.batch(workspace, operation("charge", "most", 49))

    answers = await asyncio.gather(
        *(api.post(f"{workspace}/jobs", IMAGE, key=f"job-{number}") for number in range(64))
    )

    assert sorted(answer.status_code for answer in answers) == [201] + [402] * 63
    refused = next(answer.json() for answer in answers if answer.status_code == 402)
    told = [refused[name] for name in ("code", "kind", "required", "available", "shortfall")]
    assert told == ["insufficient_credits", "image", 1, 0, 1]
    assert "next_grant_at" in refused
    assert refused["plans"] == PLANS


async def test_the_same_key_from_32_callers_places_one_job(api: Api, workspace: str) -> None:
    answers = await asyncio.gather(
        *(api.post(f"{workspace}/jobs", IMAGE, key="job-1") for _ in range(32))
    )

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["job_id"] for answer in answers}) == 1
    assert sum("Idempotency-Replayed" not in answer.headers for answer in answers) == 1


@pytest.mark.parametrize(
    ("wish", "refused"),
    [
        (CLIP, (422, "source_needed")),
        ({"tool": "pencil", "prompt": "a"}, (422, "unknown_tool")),
        ({**IMAGE, "prompt": " "}, (422, "empty_prompt")),
        ({**IMAGE, "prompt": "a" * 4_001}, (422, "prompt_too_long")),
        ({**IMAGE, "ratio": "7:3"}, (422, "bad_ratio")),
        ({**IMAGE, "images": 900}, (422, "bad_image_count")),
        ({**IMAGE, "duration_s": 5}, (422, "bad_duration")),
        ({**IMAGE, "images": 0}, (400, "malformed")),
        ({**IMAGE, "prompt": "a\0b"}, (400, "malformed")),
        ({**IMAGE, "seed": 2**31}, (400, "malformed")),
        ({**IMAGE, "pictures": 2}, (400, "malformed")),
    ],
)
async def test_a_wish_that_no_tool_grants_is_refused_by_name(
    api: Api, workspace: str, wish: dict[str, object], refused: tuple[int, str]
) -> None:  # fmt: skip
    answer = await api.post(f"{workspace}/jobs", wish, key="job-1")

    balances = (await api.get(f"{workspace}/balances")).json()["balances"]

    assert (answer.status_code, answer.json()["code"]) == refused
    assert balances[0]["spendable"] == 50


async def test_a_live_workspace_has_no_route_to_a_provider(api: Api) -> None:
    live = await api.workspace("Live", is_demo=False)

    answer = await api.post(f"{live}/jobs", IMAGE, key="job-1")

    assert (answer.status_code, answer.json()["code"]) == (409, "tool_unavailable")


async def test_an_estimate_tells_the_price_and_holds_nothing(api: Api, workspace: str) -> None:
    asked = {"tool": "image_generation", "images": 4}

    answer = await api.post(f"{workspace}/estimates", asked)

    told = answer.json()
    assert answer.status_code == 200
    assert (told["price"], told["available"], told["remaining"]) == (4, 50, 46)
    assert told["draws"] == [{"lot": 1, "amount": 4}]


async def test_an_estimate_that_is_not_paid_for_tells_what_is_missing_and_the_way_out(
    api: Api, workspace: str
) -> None:
    answer = await api.post(f"{workspace}/estimates", {"tool": "veo3", "duration_s": 8})

    told = answer.json()
    assert answer.status_code == 200
    assert (told["price"], told["available"], told["shortfall"]) == (250, 0, 250)
    assert told["remedy"] == "start a plan (Essential, Pro or Unlimited) to go on"
    assert told["plans"] == PLANS


@pytest.mark.parametrize("images", [17, 51])
async def test_an_estimate_refuses_what_the_order_would_for_the_same_reason(
    api: Api, workspace: str, images: int
) -> None:
    wish = {"tool": "image_generation", "images": images}

    told = await api.post(f"{workspace}/estimates", wish)
    ordered = await api.post(f"{workspace}/jobs", {**wish, "prompt": "a pier"}, key="job-1")

    assert told.status_code in {409, 422}
    assert told.json() == ordered.json()


async def test_jobs_are_listed_newest_first_page_by_page(api: Api, workspace: str) -> None:
    for number in range(3):
        await api.post(f"{workspace}/jobs", IMAGE, key=f"job-{number}")

    first = (await api.get(f"{workspace}/jobs", params={"limit": 2})).json()
    rest = (await api.get(f"{workspace}/jobs", params={"after": first["next"]})).json()

    keys = [job["key"] for page in (first, rest) for job in page["jobs"]]
    assert keys == ["job-2", "job-1", "job-0"]
    assert rest["next"] is None


async def test_jobs_are_listed_in_one_state(api: Api, workspace: str) -> None:
    placed = [
        await api.post(f"{workspace}/jobs", IMAGE, key=f"job-{number}") for number in range(2)
    ]
    await finished(api, placed[0].json())

    waiting = (await api.get(f"{workspace}/jobs", params={"state": "waiting"})).json()
    ended = (await api.get(f"{workspace}/jobs", params={"state": "succeeded"})).json()

    assert [job["key"] for job in waiting["jobs"]] == ["job-1"]
    assert [job["key"] for job in ended["jobs"]] == ["job-0"]


async def test_a_job_is_cancelled_until_it_has_ended(api: Api, workspace: str) -> None:
    job = (await api.post(f"{workspace}/jobs", IMAGE, key="job-1")).json()
    path = f"{workspace}/jobs/{job['job_id']}/cancel"

    asked = await api.post(path)
    await finished(api, job)
    late = await api.post(path)

    assert (asked.status_code, asked.json()["is_cancel_asked"]) == (200, True)
    assert (late.status_code, late.json()["code"]) == (409, "job_is_final")


async def test_a_delivered_picture_is_shown_but_not_downloaded_on_trial(
    api: Api, workspace: str
) -> None:
    job = (await api.post(f"{workspace}/jobs", IMAGE, key="job-1")).json()
    await finished(api, job)

    detail = (await api.get(f"{workspace}/jobs/{job['job_id']}")).json()
    (output,) = detail["outputs"]
    shown = await api.get(output["url"])
    refused = await api.get(output["url"], params={"is_download": "true"})
    missing = await api.get(output["url"][:-1] + "2")

    assert shown.content.startswith(b"\x89PNG")
    assert shown.headers["Content-Disposition"].startswith("inline")
    assert shown.headers["Content-Type"] == "image/png"
    assert (refused.status_code, refused.json()["code"]) == (403, "not_entitled")
    assert refused.json()["plans"] == PLANS
    assert (missing.status_code, missing.json()["code"]) == (404, "unknown_output")


async def test_what_a_provider_cost_is_told_to_the_house_and_not_on_the_receipt(
    api: Api, workspace: str
) -> None:
    job = (await api.post(f"{workspace}/jobs", IMAGE, key="job-1")).json()
    await finished(api, job)
    path = f"{workspace}/jobs/{job['job_id']}"

    receipt = (await api.get(f"{path}/receipt")).json()
    told = (await api.get(path.replace("/v1/", "/v1/finance/") + "/orders")).json()

    assert receipt["tool_name"] == "Image Generation"
    assert "engine" not in str(receipt)
    assert [(each["provider"], each["cost_micros"]) for each in told["attempts"]] == [("engine", 0)]


async def test_a_plan_opens_the_download_and_another_make(api: Api, workspace: str) -> None:
    job = (await api.post(f"{workspace}/jobs", IMAGE, key="job-1")).json()
    await finished(api, job)
    await api.post(f"{workspace}/plan", {"plan": "pro"}, key="plan-1")
    path = f"{workspace}/jobs/{job['job_id']}"

    downloaded = await api.get(f"{path}/outputs/1", params={"is_download": "true"})
    regenerated = await api.post(f"{path}/regenerate", key="job-2")
    again = await api.post(f"{path}/regenerate", key="job-2")
    receipt = (await api.get(f"{path}/receipt")).json()

    assert downloaded.headers["Content-Disposition"].startswith("attachment")
    assert regenerated.json()["spec"]["seed"] != job["spec"]["seed"]
    assert again.json()["job_id"] == regenerated.json()["job_id"]
    assert [line["operation"] for line in receipt["lines"]] == ["hold", "settle"]
    assert receipt["job"]["captured"] == 1


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""), ("GET", "/receipt"), ("GET", "/outputs/1"), ("POST", "/cancel"),
        ("POST", "/regenerate"),
    ],
)  # fmt: skip
async def test_a_job_of_another_workspace_is_not_there(
    api: Api, workspace: str, method: str, path: str
) -> None:
    job = (await api.post(f"{workspace}/jobs", IMAGE, key="job-1")).json()
    stranger = await api.workspace("Stranger")
    headers = {"Idempotency-Key": "key-1"}

    for owner in (stranger, STRANGER):
        address = f"{owner}/jobs/{job['job_id']}{path}"
        answer = await api.client.request(method, address, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_job")


@pytest.mark.parametrize(
    ("method", "path", "content"),
    [
        ("GET", "", None), ("GET", "/balances", None), ("GET", "/history", None),
        ("GET", "/jobs", None), ("POST", "/plan", {"plan": "pro"}), ("POST", "/jobs", IMAGE),
        ("POST", "/estimates", {"tool": "image_generation"}),
        ("POST", "/ledger/batch", {"operations": [operation("charge", "a", 1)]}),
    ],
)  # fmt: skip
async def test_an_unknown_workspace_is_not_there(
    api: Api, method: str, path: str, content: dict[str, object] | None
) -> None:
    answer = await api.client.request(
        method, STRANGER + path, json=content, headers={"Idempotency-Key": "key-1"}
    )

    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_workspace")


async def test_a_frame_of_another_workspace_starts_nothing(api: Api, workspace: str) -> None:
    job = (await api.post(f"{workspace}/jobs", IMAGE, key="job-1")).json()
    stranger = await api.workspace("Stranger")
    source = {"job_id": job["job_id"], "ordinal": 1}

    edit = {"tool": "edit_open_assistant", "instruction": "at night", "source": source}
    answer = await api.post(f"{stranger}/jobs", edit, key="job-1")

    assert (answer.status_code, answer.json()["code"]) == (422, "no_such_frame")
