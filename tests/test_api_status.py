"""The status page: what a house holds, escaped, and the first commands for an empty one."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from api_client import IMAGE, Api, open_api


@pytest.fixture
async def api(database_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    async with open_api(database_url, tmp_path) as api:
        yield api


async def test_an_empty_house_teaches_the_first_commands(api: Api) -> None:
    page = await api.get("/")

    assert page.status_code == 200
    assert page.headers["Content-Type"].startswith("text/html")
    assert "mutoscope workspace create" in page.text


async def test_the_page_counts_jobs_and_credits(api: Api) -> None:
    workspace = await api.workspace()
    await api.post(f"{workspace}/jobs", {**IMAGE, "images": 3}, key="job-1")

    page = (await api.get("/")).text

    assert "<dt>Jobs at work</dt><dd>1</dd>" in page.replace("\n", "")
    assert "47 image" in page
    assert "mutoscope workspace create" not in page


async def test_a_name_cannot_become_markup(api: Api) -> None:
    await api.post("/v1/workspaces", {"name": "<script>alert(1)</script>"}, key="odd")

    page = (await api.get("/")).text

    assert "<script>" not in page
    assert "&lt;script&gt;" in page


async def test_a_large_house_shows_its_first_workspaces(api: Api) -> None:
    for number in range(13):
        await api.workspace(f"studio-{number}")

    page = (await api.get("/")).text

    assert "studio-11" in page
    assert "studio-12" not in page
    assert "GET /v1/workspaces" in page


async def test_the_page_fetches_nothing(api: Api) -> None:
    page = await api.get("/")

    assert "src=" not in page.text
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'sha")
