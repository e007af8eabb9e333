"""The status page: what a house holds, escaped, and the first commands for an empty one."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from api_client import IMAGE, Api, open_api, operation
from mutoscope.app.checkpoint import take
from mutoscope.domain import actions as ask
from mutoscope.domain.planner import Submission
from mutoscope.domain.requests import Request
from mutoscope.web.pages.status import SHOWN_MAX


@pytest.fixture
async def api(database_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    async with open_api(database_url, tmp_path) as api:
        yield api


def figures(page: str) -> dict[str, str]:
    return dict(re.findall(r"<dt>([^<]+)</dt><dd>([^<]+)</dd>", page))


def cells(page: str, row: str) -> dict[str, str]:
    """Return the cells of a row by their heads."""
    _, _, rest = page.partition(f'<th scope="row">{row}</th>')
    return dict(
        re.findall(r'<td data-label="([^"]+)"[^>]*>([^<]*)</td>', rest.partition("</tr>")[0])
    )


async def test_an_empty_house_teaches_the_first_commands(api: Api) -> None:
    page = await api.get("/")

    assert page.status_code == 200
    assert page.headers["Content-Type"].startswith("text/html")
    assert "mutoscope workspace create" in page.text


async def test_the_page_counts_jobs_and_credits(api: Api) -> None:
    workspace = await api.workspace()
    await api.post(f"{workspace}/jobs", {**IMAGE, "images": 3}, key="job-1")

    page = (await api.get("/")).text

    assert figures(page) == {
        "Workspaces": "1", "Jobs at work": "1", "Open holds": "1", "Jobs delivered": "0",
        "Not charged": "0",
    }  # fmt: skip
    assert "47 image" in page
    assert "mutoscope workspace create" not in page


async def test_figures_are_of_the_whole_house_and_not_of_what_is_listed(api: Api) -> None:
    for number in range(SHOWN_MAX + 2):
        workspace = await api.workspace(f"studio-{number}")
        await api.post(f"{workspace}/jobs", IMAGE, key="job-1")

    page = (await api.get("/")).text

    assert figures(page)["Workspaces"] == figures(page)["Open holds"] == str(SHOWN_MAX + 2)
    assert cells(page, "Image") == {
        "Spendable": "686",
        "Held": "14",
        "Frozen": "0",
        "In all": "700",
    }


async def test_frozen_credits_are_outstanding(api: Api) -> None:
    workspace = await api.workspace()
    pack = operation("grant", "pack", 30, source="pack")
    await api.batch(workspace, pack, operation("hold", "hold", 5, hold_s=60))
    await api.house.studio.journal.submit(
        Submission((Request(UUID(workspace[-36:]), "image", "api", "left", ask.Freeze()),))
    )

    page = (await api.get("/")).text

    assert cells(page, "Image") == {"Spendable": "45", "Held": "5", "Frozen": "30", "In all": "80"}


async def test_the_last_checkpoint_is_named(api: Api) -> None:
    before = (await api.get("/")).text
    async with api.house.studio.reading() as connection:
        at = datetime(2027, 5, 1, 12, 30, tzinfo=UTC)
        await take(connection, private_key=bytes(32), at=at)

    after = (await api.get("/")).text

    assert "No checkpoint was signed yet" in before
    assert "Checkpoint 1 was signed on <time>01 May 2027, 12:30 UTC</time>." in after


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
