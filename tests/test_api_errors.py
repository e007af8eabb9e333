"""Errors over HTTP: each refusal has a status and a page of the docs, and nothing leaks."""

import importlib
import json
import pkgutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest
from structlog.testing import capture_logs

import mutoscope
from api_client import IMAGE, Api, open_api
from mutoscope.domain.credits import Refusal
from mutoscope.storage.journal import LedgerBusy
from mutoscope.web import errors
from mutoscope.web.errors import STATUSES, problem_of

DOCS = Path(__file__).parent.parent / "docs/reference/api.md"


@pytest.fixture
async def api(database_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    async with open_api(database_url, tmp_path) as api:
        yield api


def refusals(family: type[Refusal] = Refusal) -> Iterator[type[Refusal]]:
    for each in family.__subclasses__():
        yield each
        yield from refusals(each)


def codes() -> set[str]:
    """Return the code of every refusal of the package."""
    for module in pkgutil.walk_packages(mutoscope.__path__, "mutoscope."):
        importlib.import_module(module.name)
    own = [each for each in refusals() if each.__module__.startswith("mutoscope.")]
    return {each.code for each in own if hasattr(each, "code")} | {errors.UNEXPECTED}


def test_every_refusal_has_a_status_and_every_status_a_refusal() -> None:
    assert sorted(codes() ^ STATUSES.keys()) == []


def test_every_code_is_documented_with_its_status() -> None:
    text = DOCS.read_text(encoding="utf-8")

    missing = [code for code, status in STATUSES.items() if f"| {status} | `{code}` |" not in text]

    assert missing == []


def test_a_failure_of_ours_tells_no_data() -> None:
    problem = problem_of(LedgerBusy())

    assert problem["status"] == 503
    assert set(problem) == {"type", "code", "title", "status", "detail"}


async def test_an_address_that_is_no_route_is_a_problem(api: Api) -> None:
    answer = await api.get("/v2/nothing")

    assert (answer.status_code, answer.json()["code"]) == (404, "no_such_route")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["type"] == "/problems/no_such_route"


@pytest.mark.parametrize(
    ("path", "thing"),
    [
        ("/v1/workspaces/ada", "workspace"),
        (f"/v1/workspaces/{UUID(int=1)}/jobs/12", "job"),
        (f"/v1/workspaces/{UUID(int=1)}/projects/rain", "project"),
        (f"/v1/workspaces/{UUID(int=1)}/frames/{UUID(int=2)}x", "frame"),
        (f"/v1/workspaces/{UUID(int=1)}/jobs/{UUID(int=2)}/outputs/first", "ordinal"),
    ],
)
async def test_an_id_that_is_none_is_told_by_what_it_would_name(
    api: Api, path: str, thing: str
) -> None:
    answer = await api.get(path)

    told = answer.json()
    assert (answer.status_code, told["code"], told["thing"]) == (404, "no_such_id", thing)
    assert told["detail"].startswith(f"there is no {thing} '")


async def test_another_method_is_told_which_there_are(api: Api) -> None:
    answer = await api.client.delete("/v1/workspaces")

    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert "GET" in answer.headers["Allow"]


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        (('{"name": "A"}', "text/plain"), 415, "not_json"),
        (("name=A", "application/x-www-form-urlencoded"), 415, "not_json"),
        (("{", "application/json"), 400, "malformed"),
        (("", "application/json"), 400, "malformed"),
        (("[]", "application/json"), 400, "malformed"),
        (('{"name": "\\ud800"}', "application/json"), 400, "malformed"),
        (('{"name": 1}', "application/json"), 400, "malformed"),
        (('{"name": "A", "colour": 1}', "application/json"), 400, "malformed"),
        (('{"name": "' + "A" * 1_100_000 + '"}', "application/json"), 413, "body_too_large"),
    ],
)
async def test_a_body_of_another_shape_is_refused_with_its_place(
    api: Api, sent: tuple[str, str], status: int, code: str
) -> None:  # fmt: skip
    content, media_type = sent
    headers = {"Idempotency-Key": "key-1", "Content-Type": media_type}

    answer = await api.client.post("/v1/workspaces", content=content, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_an_unknown_parameter_is_refused_by_its_name(api: Api) -> None:
    answer = await api.get("/v1/workspaces", params={"colour": 3})

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["place"] == "query colour"


@pytest.mark.parametrize("path", ["", "/plan", "/jobs"])
async def test_a_request_that_makes_something_needs_a_key(api: Api, path: str) -> None:
    workspace = await api.workspace() if path else "/v1/workspaces"

    answer = await api.post(workspace + path, {**IMAGE, "name": "A", "plan": "pro"})

    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_missing")


async def test_what_nobody_expected_is_told_by_an_id_and_logged(
    api: Api, connection: asyncpg.Connection
) -> None:
    await connection.execute("DROP TABLE workspaces CASCADE")

    with capture_logs() as logs:
        answer = await api.get("/v1/workspaces")

    assert (answer.status_code, answer.json()["code"]) == (500, "unexpected")
    assert [log["problem_id"] for log in logs] == [answer.json()["id"]]
    assert "workspaces" not in json.dumps(answer.json())


async def test_a_database_that_is_away_is_told_as_such(api: Api) -> None:
    await api.house.studio.pool.close()

    answer = await api.get("/readyz")
    alive = await api.get("/healthz")

    assert (answer.status_code, answer.json()["code"]) == (503, "database_unreachable")
    assert int(answer.headers["Retry-After"]) > 0
    assert alive.status_code == 200
