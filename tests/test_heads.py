"""HEAD: the headers of GET, no body, and an end to what never ends."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from api_client import Api, open_api


@pytest.fixture
async def api(database_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    async with open_api(database_url, tmp_path) as api:
        yield api


@pytest.mark.parametrize("path", ["/", "/healthz", "/v1/catalog", "/v1/nothing", "/v1/pay/torn"])
async def test_a_head_is_answered_as_a_get_without_its_body(api: Api, path: str) -> None:
    got, head = await api.client.get(path), await api.client.head(path)

    assert head.status_code == got.status_code
    assert head.headers["Content-Type"] == got.headers["Content-Type"]
    assert "Content-Length" in head.headers
    assert head.content == b""


async def test_a_head_changes_nothing_and_is_no_other_method(api: Api) -> None:
    refused = await api.client.head("/v1/sign-ups")

    assert (refused.status_code, refused.content) == (405, b"")


@pytest.mark.parametrize(
    ("path", "methods"),
    [("/healthz", "GET, HEAD, OPTIONS"), ("/v1/sign-ups", "OPTIONS, POST")],
)  # fmt: skip
async def test_who_asks_for_the_methods_is_told_of_head_where_there_is_get(
    api: Api, path: str, methods: str
) -> None:
    asked, refused = await api.client.options(path), await api.client.delete(path)

    assert (asked.status_code, asked.headers["Allow"]) == (204, methods)
    assert refused.headers["Allow"] == methods


async def test_a_head_of_a_stream_ends(api: Api) -> None:
    workspace = await api.workspace()

    head = await asyncio.wait_for(api.client.head(f"{workspace}/live"), timeout=5)

    assert head.headers["Content-Type"].startswith("text/event-stream")
