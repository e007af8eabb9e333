"""The books over HTTP: the same figures as the reports, and no books of no day."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest

from api_client import Api, open_api, operation
from desk_stage import token_of_new
from mutoscope.domain.staff import Role
from test_books import check


@pytest.fixture
async def api(database_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    async with open_api(database_url, tmp_path) as api:
        yield api


async def test_what_is_outstanding_is_told_by_kind_source_and_age(api: Api) -> None:
    workspace = await api.workspace(is_demo=False)
    demo = await api.workspace("Borealis")
    for each in (workspace, demo):
        await api.batch(each, operation("grant", "gift", 30, source="goodwill"))

    answer = await api.get("/v1/finance/outstanding")

    rows = [(row["source"], row["age"], row["available"]) for row in answer.json()["rows"]]
    assert rows == [("goodwill", "0-29 days", 30), ("trial", "0-29 days", 50)]


async def test_nothing_is_outstanding_before_anything_was_granted(api: Api) -> None:
    await api.workspace(is_demo=False)

    answer = await api.get("/v1/finance/outstanding", params={"at": "2020-01-01T00:00:00Z"})

    assert answer.json()["rows"] == []


async def test_deferred_revenue_and_a_month_are_told(api: Api) -> None:
    deferred = await api.get("/v1/finance/deferred")
    month = await api.get("/v1/finance/months/2025/3", params={"zone": "Asia/Tokyo"})

    assert deferred.json()["rows"] == []
    assert (month.json()["is_final"], month.json()["starts_at"]) == (True, "2025-02-28T15:00:00Z")


async def test_books_are_text_that_beancount_accepts(api: Api, tmp_path: Path) -> None:
    days = {"first_on": "2025-01-01", "until_on": "2025-02-01"}

    answer = await api.get("/v1/finance/books", params=days)

    assert answer.headers["Content-Type"].startswith("text/plain")
    assert check(tmp_path / "books", answer.text) == (0, "", "")


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("months/2025/13", "bad_month"),
        ("months/2025/1?zone=Nowhere", "unknown_zone"),
        ("books?first_on=2025-01-01&until_on=2025-01-01", "bad_days"),
        ("books?first_on=soon&until_on=2025-01-01", "malformed"),
        ("books?first_on=0001-01-01&until_on=2025-01-01", "instant_out_of_reach"),
    ],
)
async def test_what_there_is_not_is_refused_by_name(api: Api, path: str, code: str) -> None:
    answer = await api.get(f"/v1/finance/{path}")

    assert answer.json()["code"] == code


@pytest.mark.parametrize(("role", "status"), [(Role.SUPPORT, 403), (Role.FINANCE, 200)])
async def test_staff_read_the_books_by_their_role(api: Api, role: Role, status: int) -> None:
    _, token = await token_of_new(api.house, "ada", role)
    api.client.headers["Authorization"] = f"Bearer {token}"

    for path in (
        "outstanding",
        "deferred",
        "months/2025/3",
        "books?first_on=2025-01-01&until_on=2025-02-01",
    ):
        assert (await api.get(f"/v1/finance/{path}")).status_code == status


@pytest.mark.parametrize(("role", "status"), [(Role.SUPPORT, 403), (Role.FINANCE, 404)])
async def test_staff_read_what_a_job_cost_by_their_role(api: Api, role: Role, status: int) -> None:
    _, token = await token_of_new(api.house, "ada", role)
    api.client.headers["Authorization"] = f"Bearer {token}"

    answer = await api.get(f"/v1/finance/workspaces/{uuid4()}/jobs/{uuid4()}/orders")

    assert answer.status_code == status
