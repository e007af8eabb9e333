"""Errors over HTTP: each refusal has a status and a page of the docs, and nothing leaks."""

import importlib
import json
import pkgutil
import re
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
from mutoscope.web.malformed_ids import CODES

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


async def test_another_method_is_told_which_there_are(api: Api) -> None:
    answer = await api.client.delete("/v1/workspaces")

    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert answer.headers["Allow"] == "GET, HEAD, OPTIONS, POST"


async def test_an_address_without_get_has_no_head(api: Api) -> None:
    answer = await api.get("/v1/sign-ups")

    assert answer.status_code == 405
    assert answer.headers["Allow"] == "OPTIONS, POST"


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


@pytest.mark.parametrize(
    ("sent", "at", "message"),
    [
        ('{"name": 1}', "/name", "Expected `string`, got `integer`"),
        ("{}", "/name", "Object missing required field `name`"),
        ('{"name": "A", "colour": 1}', "/colour", "Object contains unknown field `colour`"),
        ("[]", "/", "Expected `object`, got `array`"),
        ("{", "/", "Input data was truncated"),
    ],
)
async def test_each_error_of_a_body_names_its_field(
    api: Api, sent: str, at: str, message: str
) -> None:
    headers = {"Idempotency-Key": "key-1", "Content-Type": "application/json"}

    answer = (await api.client.post("/v1/workspaces", content=sent, headers=headers)).json()

    assert answer["errors"] == [{"at": at, "message": message}]
    assert answer["detail"].startswith(f"{at}: {message}")


async def test_a_field_deep_in_a_body_is_named_by_its_path(api: Api) -> None:
    workspace = await api.workspace()
    wish = {**IMAGE, "source": {"job_id": "nope", "ordinal": 1}}

    answer = await api.post(f"{workspace}/jobs", wish, key="job-1")

    assert answer.json()["errors"] == [{"at": "/source/job_id", "message": "Invalid UUID"}]


async def test_a_parameter_out_of_bounds_is_named_without_the_words_of_the_framework(
    api: Api,
) -> None:
    answer = (await api.get("/v1/workspaces", params={"limit": 1_000})).json()

    assert answer["errors"] == [{"at": "?limit", "message": "Expected `integer` <= 200"}]
    assert "ParamType" not in answer["detail"]


async def test_a_parameter_that_is_missing_is_named(api: Api) -> None:
    workspace = await api.workspace()

    answer = (await api.get(f"{workspace}/subscription/upgrade")).json()

    missing = {"at": "?plan", "message": "it is missing, and has to be there"}
    assert answer["errors"] == [missing]
    assert answer["detail"].startswith("?plan: it is missing")


async def test_a_parameter_is_called_as_its_caller_calls_it(api: Api) -> None:
    workspace = await api.workspace()

    answer = (await api.get(f"{workspace}/jobs", params={"state": "odd"})).json()

    assert answer["errors"] == [{"at": "?state", "message": "Invalid enum value 'odd'"}]


@pytest.mark.parametrize(
    ("path", "code", "at"),
    [
        ("/v1/workspaces/nope", "unknown_workspace", "workspace_id"),
        ("/v1/workspaces/nope/jobs/nope", "unknown_workspace", "workspace_id"),
        (f"/v1/workspaces/{UUID(int=1)}/jobs/nope/receipt", "unknown_job", "job_id"),
        (f"/v1/workspaces/{UUID(int=1)}/invoices/nope", "unknown_invoice", "invoice_id"),
        ("/v1/proposals/nope", "unknown_proposal", "proposal_id"),
        ("/v1/workspaces/nope/nothing", "no_such_route", None),
    ],
)
async def test_an_id_that_is_none_names_nothing_as_one_that_is_unknown_does(
    api: Api, path: str, code: str, at: str | None
) -> None:
    answer = await api.get(path)

    assert (answer.status_code, answer.json()["code"]) == (404, code)
    assert answer.json().get("at") == at


async def test_every_id_of_an_address_has_a_code_for_what_it_does_not_name(api: Api) -> None:
    paths = (await api.get("/openapi.json")).json()["paths"]

    named = {name for path in paths for name in re.findall(r"{(\w+_id)}", path)}

    assert named == CODES.keys()
    assert set(CODES.values()) <= codes()


async def test_an_unknown_parameter_is_refused_by_its_name(api: Api) -> None:
    answer = await api.get("/v1/workspaces", params={"colour": 3})

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["at"] == "?colour"


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
