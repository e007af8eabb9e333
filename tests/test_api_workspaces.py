"""Workspaces over HTTP: opened once a key, listed page by page, given a plan once."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from api_client import Api, open_api
from mutoscope.app import sign_up, subscribe
from overtaking import overtake


@pytest.fixture
async def api(database_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    async with open_api(database_url, tmp_path) as api:
        yield api


async def test_a_repeat_returns_the_workspace_that_was_opened(api: Api) -> None:
    wanted = {"name": "Aurora", "zone": "Europe/Berlin", "email": "ann@example.com"}
    first = await api.post("/v1/workspaces", wanted, key="open-1")

    again = await api.post("/v1/workspaces", wanted, key="open-1")

    assert first.status_code == again.status_code == 201
    assert again.json() == first.json()
    assert again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers


async def test_a_key_opens_one_workspace_only(api: Api) -> None:
    await api.post("/v1/workspaces", {"name": "Aurora"}, key="open-1")

    other = await api.post("/v1/workspaces", {"name": "Borealis"}, key="open-1")

    assert (other.status_code, other.json()["code"]) == (422, "key_reused")


async def test_spaces_around_a_name_and_an_address_are_no_part_of_them(api: Api) -> None:
    wanted = {"name": " Aurora ", "email": " ann@example.com "}
    first = await api.post("/v1/workspaces", wanted, key="open-1")

    again = await api.post("/v1/workspaces", wanted, key="open-1")

    assert (first.status_code, first.json()["name"]) == (201, "Aurora")
    assert again.json() == first.json()


async def test_spaces_alone_are_no_name(api: Api) -> None:
    refused = await api.post("/v1/workspaces", {"name": "  "}, key="open-1")

    assert (refused.status_code, refused.json()["code"]) == (422, "bad_name")
    assert (await api.get("/v1/workspaces")).json()["workspaces"] == []


async def test_a_person_has_one_trial(api: Api) -> None:
    await api.post("/v1/workspaces", {"name": "One", "email": "ann@example.com"}, key="one")

    second = await api.post(
        "/v1/workspaces", {"name": "Two", "email": "Ann@example.com"}, key="two"
    )

    assert (second.status_code, second.json()["code"]) == (403, "trial_taken")


async def test_an_unknown_zone_opens_nothing(api: Api) -> None:
    refused = await api.post("/v1/workspaces", {"name": "Aurora", "zone": "Mars/Base"}, key="open")

    listed = await api.get("/v1/workspaces")

    assert (refused.status_code, refused.json()["code"]) == (422, "unknown_zone")
    assert listed.json() == {"workspaces": [], "next": None}


async def test_pages_list_every_workspace_once(api: Api) -> None:
    names = [f"Studio {number}" for number in range(5)]
    for name in names:
        await api.workspace(name.replace(" ", "-"))
    found: list[str] = []
    after: dict[str, str] = {}

    while True:
        page = (await api.get("/v1/workspaces", params={"limit": 2, **after})).json()
        found += [each["name"] for each in page["workspaces"]]
        if page["next"] is None:
            break
        after = {"after": page["next"]}

    assert found == [name.replace(" ", "-") for name in names]


@pytest.mark.parametrize("cursor", ["x", "=", "MjAyNg", "MjAyNi0wMS0wMS8x", "é"])
async def test_a_made_up_cursor_is_refused(api: Api, cursor: str) -> None:
    answer = await api.get("/v1/workspaces", params={"after": cursor})

    assert (answer.status_code, answer.json()["code"]) == (400, "bad_cursor")


async def test_a_plan_is_started_once_and_told_again(api: Api) -> None:
    workspace = await api.workspace()
    first = await api.post(f"{workspace}/plan", {"plan": "pro"}, key="plan-1")

    again = await api.post(f"{workspace}/plan", {"plan": "pro"}, key="plan-1")
    another = await api.post(f"{workspace}/plan", {"plan": "pro"}, key="plan-2")
    changed = await api.post(f"{workspace}/plan", {"plan": "essential"}, key="plan-1")

    assert first.status_code == 201
    assert first.json()["subscription"]["plan"] == "pro"
    assert (again.json(), again.headers["Idempotency-Replayed"]) == (first.json(), "true")
    assert (another.status_code, another.json()["code"]) == (409, "already_subscribed")
    assert (changed.status_code, changed.json()["code"]) == (422, "key_reused")


async def test_a_plan_with_open_credits_needs_them_agreed(api: Api) -> None:
    workspace = await api.workspace()

    refused = await api.post(f"{workspace}/plan", {"plan": "enterprise"}, key="plan-1")
    agreed = {"plan": "enterprise", "agreed": {"image": 5_000, "video": 9_000}}
    begun = await api.post(f"{workspace}/plan", agreed, key="plan-1")

    assert (refused.status_code, refused.json()["code"]) == (422, "allowance_not_agreed")
    assert begun.status_code == 201


async def test_a_workspace_is_shown_by_its_id_alone(api: Api) -> None:
    workspace = await api.workspace()

    shown = await api.get(workspace)
    unknown = await api.get("/v1/workspaces/00000000-0000-0000-0000-000000000001")

    assert shown.json()["name"] == "Aurora"
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_workspace")


@pytest.mark.parametrize("is_read_first", [True, False])
async def test_a_workspace_opened_twice_at_one_moment_is_one(
    api: Api, monkeypatch: pytest.MonkeyPatch, *, is_read_first: bool
) -> None:
    async def opened() -> httpx.Response:
        return await api.post("/v1/workspaces", {"name": "Aurora"}, key="open-1")

    winner = overtake(monkeypatch, sign_up, "opened_before", opened, is_read_first=is_read_first)

    assert (await opened()).json() == winner[0].json()


async def test_one_key_for_two_workspaces_at_one_moment_opens_the_first(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def opened(name: str) -> httpx.Response:
        return await api.post("/v1/workspaces", {"name": name}, key="open-1")

    winner = overtake(
        monkeypatch, sign_up, "opened_before", lambda: opened("Aurora"), is_read_first=True
    )
    other = await opened("Borealis")

    assert winner[0].json()["name"] == "Aurora"
    assert (other.status_code, other.json()["code"]) == (422, "key_reused")


async def test_a_plan_started_twice_at_one_moment_is_one(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = await api.workspace()

    async def started() -> httpx.Response:
        return await api.post(f"{workspace}/plan", {"plan": "pro"}, key="plan-1")

    winner = overtake(monkeypatch, subscribe, "startable", started, is_read_first=True)

    again = await started()

    assert again.json() == winner[0].json()
    assert again.headers["Idempotency-Replayed"] == "true"
