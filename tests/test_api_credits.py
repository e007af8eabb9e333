"""Credits over HTTP: balances with tags, history by cursor, and the ledger by batch."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from api_client import Api, open_api, operation


@pytest.fixture
async def api(database_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    async with open_api(database_url, tmp_path) as api:
        yield api


@pytest.fixture
async def workspace(api: Api) -> str:
    return await api.workspace()


async def test_a_tag_stays_while_nothing_has_changed(api: Api, workspace: str) -> None:
    first = await api.get(f"{workspace}/balances")
    tag = {"If-None-Match": first.headers["ETag"]}

    unchanged = await api.get(f"{workspace}/balances", headers=tag)
    await api.batch(workspace, operation("hold", "clip-1", 5))
    changed = await api.get(f"{workspace}/balances", headers=tag)

    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert unchanged.headers["ETag"] == first.headers["ETag"]
    assert changed.status_code == 200
    assert changed.json()["balances"][0]["held"] == 5


async def test_a_balance_is_told_of_the_past_and_the_future(api: Api, workspace: str) -> None:
    now = datetime.now(UTC)

    instants = (now - timedelta(days=1), now, now + timedelta(days=15))
    told = [
        (await api.get(f"{workspace}/balances", params={"at": at.isoformat()})).json()["balances"]
        for at in instants
    ]

    assert [balances[0]["spendable"] for balances in told] == [0, 50, 0]
    assert told[2][0]["due"][0]["words"] == "50 credits lapsed"


@pytest.mark.parametrize(
    ("at", "code"),
    [
        ("2026-01-31T09:00:00", "naive_instant"),
        ("2026-01-31", "malformed"),
        ("1769850000", "malformed"),
        ("2026-02-31T09:00:00Z", "malformed"),
        ("0001-01-01T00:00:00+14:00", "instant_out_of_reach"),
        ("9999-12-31T23:59:59-14:00", "instant_out_of_reach"),
        ("2199-01-01T00:00:00Z", "too_far_ahead"),
    ],
)
async def test_an_instant_that_means_none_is_refused(
    api: Api, workspace: str, at: str, code: str
) -> None:
    answer = await api.get(f"{workspace}/balances", params={"at": at})

    assert (answer.status_code, answer.json()["code"]) == (400, code)


async def test_history_is_read_to_its_end_by_cursor(api: Api, workspace: str) -> None:
    await api.batch(workspace, *(operation("charge", f"charge-{n}", 1) for n in range(6)))
    found: list[int] = []
    params: dict[str, str | int] = {"limit": 3, "kind": "image", "is_oldest_first": "true"}

    has_more = True
    while has_more:
        page = (await api.get(f"{workspace}/history", params=params)).json()
        found += [line["sequence"] for line in page["lines"]]
        params["after"], has_more = page["after"], page["has_more"]

    assert found == [1, 2, 3, 4, 5, 6, 7]


async def test_history_of_a_kind_is_refused_unless_the_catalog_or_a_wallet_has_it(
    api: Api, workspace: str
) -> None:
    await api.batch(workspace, {**operation("grant", "tokens", 5), "kind": "token"})

    path = f"{workspace}/history"
    none, unused, own = [
        await api.get(path, params={"kind": kind, "due_until": "2020-01-01T00:00:00Z"})
        for kind in ("foo", "video", "token")
    ]

    assert (none.status_code, none.json()["code"]) == (422, "unknown_kind")
    assert none.json()["detail"].endswith("take one of image, token, video")
    assert (unused.json()["lines"], own.json()["lines"]) == ([], [])


async def test_history_is_narrowed_by_its_filters(api: Api, workspace: str) -> None:
    project = "00000000-0000-0000-0000-00000000000a"
    await api.batch(
        workspace,
        operation("charge", "poster", 2, project_id=project, reason="poster"),
        operation("charge", "sketch", 1),
    )
    path = f"{workspace}/history"

    async def keys(**params: str) -> list[str]:
        return [line["key"] for line in (await api.get(path, params=params)).json()["lines"]]

    assert await keys(project_id=project) == ["poster"]
    assert await keys(reason="poster") == ["poster"]
    assert await keys(operation="charge") == ["sketch", "poster"]
    assert await keys(namespace="api", key="sketch") == ["sketch"]
    assert await keys(due_until="2020-01-01T00:00:00Z") == []


async def test_credits_are_held_in_one_request_and_settled_in_another(
    api: Api, workspace: str
) -> None:
    (held,) = await api.batch(workspace, operation("hold", "clip-1", 10))

    (settled,) = await api.batch(workspace, operation("settle", "clip-1-done", 7, hold="clip-1"))

    assert (held["entry"]["available"], held["entry"]["held"]) == (40, 10)
    assert (settled["entry"]["available"], settled["entry"]["held"]) == (43, 0)


async def test_each_operation_of_a_batch_has_an_outcome_of_its_own(
    api: Api, workspace: str
) -> None:
    outcomes = await api.batch(
        workspace,
        operation("charge", "cheap", 20),
        operation("charge", "dear", 1_000),
        operation("settle", "odd", 1, hold="nothing"),
        operation("charge", "a key with spaces", 1),
        operation("charge", "cheap", 20),
    )

    problems = [outcome["problem"] and outcome["problem"]["code"] for outcome in outcomes]
    assert problems == [None, "insufficient_credits", "unknown_reference", "bad_key", None]
    assert outcomes[4]["is_replay"]
    assert outcomes[4]["entry"] == outcomes[0]["entry"]
    dear = outcomes[1]["problem"]
    assert (dear["required"], dear["available"], dear["shortfall"]) == (1_000, 30, 970)


async def test_every_operation_can_be_told_again(api: Api, workspace: str) -> None:
    operations = [
        operation("grant", "order-1", 700, source="pack", expires_at="2030-01-01T00:00:00Z"),
        operation("hold", "clip-1", 10),
        operation("hold", "clip-2", 10),
        operation("settle", "clip-1-done", 10, hold="clip-1"),
        operation("release", "clip-2-off", hold="clip-2"),
        operation("charge", "poster", 5),
        operation("refund", "poster-back", of="poster"),
        operation("meter", "free-use", 3),
        operation("void", "order-1-off", grant="order-1"),
    ]

    first = await api.batch(workspace, *operations)
    again = await api.batch(workspace, *operations)

    assert [outcome["problem"] for outcome in first + again] == [None] * 18
    assert [outcome["entry"] for outcome in again] == [outcome["entry"] for outcome in first]
    assert all(outcome["is_replay"] for outcome in again)


async def test_a_thousand_operations_are_one_call_and_one_more_is_refused(
    api: Api, workspace: str
) -> None:
    grant = operation("grant", "order-1", 10_000)
    charges = [operation("charge", f"charge-{number}", 1) for number in range(1_000)]

    outcomes = await api.batch(workspace, grant, *charges[:999])
    body = {"operations": [grant, *charges]}
    refused = await api.post(f"{workspace}/ledger/batch", body)

    assert all(outcome["problem"] is None for outcome in outcomes)
    assert outcomes[-1]["entry"]["available"] == 50 + 10_000 - 999
    assert (refused.status_code, refused.json()["code"]) == (400, "malformed")


@pytest.mark.parametrize("amount", [0, -1, 1.5, "1", True, None, 10**12 + 1, 2**70])
async def test_an_amount_is_a_positive_whole_number(
    api: Api, workspace: str, amount: object
) -> None:
    wanted = {"operation": "charge", "kind": "image", "key": "charge-1", "amount": amount}

    refused = await api.post(f"{workspace}/ledger/batch", {"operations": [wanted]})

    assert (refused.status_code, refused.json()["code"]) == (400, "malformed")


async def test_a_batch_of_no_workspace_opens_no_wallet(api: Api) -> None:
    nowhere = "/v1/workspaces/00000000-0000-0000-0000-000000000001"
    body = {"operations": [operation("grant", "order-1", 5)]}

    answer = await api.post(f"{nowhere}/ledger/batch", body)

    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_workspace")
