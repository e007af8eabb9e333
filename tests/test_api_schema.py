"""The description of the API holds: whatever is sent, the answer is one that it documents."""

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from schemathesis.core.result import Ok

from api_client import Api, open_api

STREAM = "text/event-stream"
CASES = 8
"""Requests a route: a small fixed sample, since each runs against the real database."""


@pytest.fixture
async def api(database_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    async with open_api(database_url, tmp_path) as api:
        yield api


def cases(
    operation: schemathesis.schemas.APIOperation, *, count: int, seed: int
) -> list[schemathesis.Case]:
    """Return requests to a route, made from a seed."""
    found: list[schemathesis.Case] = []

    @seeded(seed)
    @settings(
        max_examples=count, database=None, phases=[Phase.generate], deadline=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(operation.as_strategy())
    def keep(case: schemathesis.Case) -> None:
        found.append(case)

    keep()
    return found


async def sent(api: Api, case: schemathesis.Case, workspace_id: str) -> httpx.Response:
    """Send a request, to a workspace that there is."""
    if "workspace_id" in case.path_parameters:
        case.path_parameters["workspace_id"] = workspace_id
    arguments = case.as_transport_kwargs(base_url="http://localhost")
    wanted = {name: arguments.get(name) for name in ("method", "url", "params", "json")}
    headers = {name: str(value) for name, value in arguments["headers"].items()}
    return await api.client.request(**wanted, headers=headers)


def is_stream(operation: dict[str, Any]) -> bool:
    """Tell whether a route answers as long as it is listened to."""
    return STREAM in operation["responses"].get("200", {}).get("content", {})


async def fuzz(api: Api, *, count: int, seed: int) -> tuple[Counter[str], list[Any]]:
    """Send so many requests to each route; count the answers, and list those not documented."""
    document = (await api.get("/openapi.json")).json()
    workspace_id = (await api.workspace()).rpartition("/")[2]
    schema = schemathesis.openapi.from_dict(document)

    answers: Counter[str] = Counter()
    undocumented = []
    for found in schema.get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()
        allowed = set(operation.definition.raw["responses"])
        if is_stream(operation.definition.raw):
            continue  # it never ends: tests/test_live.py reads it over a real server
        for case in cases(operation, count=count, seed=seed):
            answer = await sent(api, case, workspace_id)
            answers[str(answer.status_code)] += 1
            if str(answer.status_code) not in allowed or answer.status_code >= 500:
                undocumented.append((operation.label, answer.status_code, answer.text))
    return answers, undocumented


async def test_every_answer_is_one_that_is_documented(api: Api) -> None:
    answers, undocumented = await fuzz(api, count=CASES, seed=1)

    assert undocumented == []
    assert answers["200"] > CASES


def choices(node: object) -> Iterator[object]:
    """Yield every shape among which a value may choose."""
    if isinstance(node, dict):
        yield from (*node.get("oneOf", ()), *node.get("anyOf", ()))
    inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    for each in inner:
        yield from choices(each)


async def test_no_choice_of_shapes_lets_anything_in(api: Api) -> None:
    document = (await api.get("/openapi.json")).json()
    order = document["components"]["schemas"]["NewOrder"]["properties"]

    assert {} not in choices(document)
    assert order["frame_ids"]["items"] == {"type": "string", "format": "uuid"}


async def test_the_description_is_openapi_with_every_error_as_a_problem(api: Api) -> None:
    document = (await api.get("/openapi.json")).json()

    errors = [
        response
        for path in document["paths"].values()
        for route in path.values()
        for status, response in route["responses"].items()
        if status >= "400"
    ]
    assert document["openapi"].startswith("3.1")
    assert all(list(error["content"]) == ["application/problem+json"] for error in errors)
