"""What was made on a paid plan stays downloadable; a link serves one file for a while."""

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from PIL import Image
from pypdf import PdfReader

from api_client import LOCAL, Api, open_api
from bucket_server import serving
from command_line import run_here
from mutoscope.app import downloads
from mutoscope.app.generate import Wish, place
from mutoscope.app.ports import AssetStore
from mutoscope.app.suspend import close
from mutoscope.assets.bucket import AssetBucket
from mutoscope.bootstrap import House
from mutoscope.cli.waiting import until_final, working
from mutoscope.domain.access import NotEntitled
from mutoscope.domain.offers import Entitlement
from mutoscope.storage import jobs
from mutoscope.web.application import build_app
from studio_stage import MovableClock

NEVER = "0" * 64


@pytest.fixture
async def api(database_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    async with open_api(database_url, tmp_path) as api:
        yield api


@pytest.fixture
async def workspace(api: Api) -> str:
    return await api.workspace()


async def delivered(api: Api, workspace: str, *, key: str) -> dict[str, object]:
    """Make a frame; return its file's name, size and address."""
    wish = Wish(tool="image_generation", prompt="a lighthouse at dusk", seed=len(key))
    job, _ = await place(
        api.house.studio, workspace_id=UUID(workspace.rpartition("/")[2]), wish=wish, key=key
    )
    async with working(api.house):
        await until_final(api.house, placed=[job], hear=lambda _: None)
    async with api.house.studio.reading() as connection:
        (output,) = await jobs.outputs_of(
            connection, workspace_id=job.workspace_id, job_id=job.job_id
        )
    return {
        "sha256": output.asset.hex(), "size_bytes": output.size_bytes,
        "url": f"{workspace}/jobs/{job.job_id}/outputs/1",
    }  # fmt: skip


async def start_plan(api: Api, workspace: str) -> None:
    assert (await api.post(f"{workspace}/plan", {"plan": "pro"}, key="plan")).is_success


async def link(api: Api, workspace: str, sha256: object, **asked: object) -> httpx.Response:
    return await api.post(f"{workspace}/assets/{sha256}/links", asked)


async def fetched(house: House, url: str) -> httpx.Response:
    """Open a link in a house that is set up otherwise."""
    transport = httpx.ASGITransport(app=build_app(house=house, api_key=""), client=LOCAL)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as caller:
        return await caller.get(url)


def redirecting(house: House, store: AssetStore) -> House:
    """Return a house that leads to the store's own addresses, where it has any."""
    rules = replace(house.studio.asset_rules, can_redirect=True)
    return replace(house, studio=replace(house.studio, assets=store, asset_rules=rules))


def picture() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (32, 32), "teal").save(file, "PNG")
    return file.getvalue()


async def bring(api: Api, workspace: str, content: bytes) -> httpx.Response:
    return await api.client.post(f"{workspace}/pictures", content=content)


async def test_work_of_an_earlier_plan_stays_downloadable(api: Api, workspace: str) -> None:
    before = await delivered(api, workspace, key="before")
    await start_plan(api, workspace)
    during = await delivered(api, workspace, key="during-it")
    await api.end_plans()

    kept = await api.get(str(during["url"]), params={"is_download": "true"})
    refused = await api.get(str(before["url"]), params={"is_download": "true"})

    assert kept.status_code == 200
    assert kept.headers["Content-Disposition"].startswith("attachment")
    assert (refused.status_code, refused.json()["code"]) == (403, "not_entitled")
    assert "start a plan (Essential, Pro or Unlimited)" in refused.json()["detail"]


async def test_a_closed_account_downloads_nothing(api: Api, workspace: str) -> None:
    await start_plan(api, workspace)
    output = await delivered(api, workspace, key="during-it")
    handed = (await link(api, workspace, output["sha256"], is_download=True)).json()["url"]
    shown = (await link(api, workspace, output["sha256"])).json()["url"]
    await close(api.house.studio, workspace_id=UUID(workspace.rpartition("/")[2]))

    refused = (
        await api.get(str(output["url"]), params={"is_download": "true"}),
        await link(api, workspace, output["sha256"], is_download=True),
        await api.get(handed),
    )

    assert {answer.status_code for answer in refused} == {403}
    assert {answer.json()["detail"] for answer in refused} == {
        "downloads are not included in closed: the account is closed"
    }
    assert (await api.get(shown)).status_code == 200


async def test_a_link_is_gated_as_the_download_is(api: Api, workspace: str) -> None:
    output = await delivered(api, workspace, key="one")

    shown = await link(api, workspace, output["sha256"])
    refused = await link(api, workspace, output["sha256"], is_download=True)
    await start_plan(api, workspace)
    opened = await link(api, workspace, output["sha256"], is_download=True)

    assert (shown.status_code, refused.status_code, opened.status_code) == (201, 403, 201)
    inline, attachment = [await api.get(each.json()["url"]) for each in (shown, opened)]
    assert inline.content == attachment.content
    assert len(inline.content) == int(inline.headers["Content-Length"]) == output["size_bytes"]
    assert inline.headers["Content-Disposition"].startswith("inline; filename*=")
    assert attachment.headers["Content-Disposition"].endswith(".png")
    assert inline.headers["Content-Type"] == "image/png"


async def test_a_link_needs_no_key_and_the_rest_does(api: Api, workspace: str) -> None:
    output = await delivered(api, workspace, key="one")
    url = (await link(api, workspace, output["sha256"])).json()["url"]
    app = build_app(house=api.house, api_key="sesame")
    transport = httpx.ASGITransport(app=app, client=("192.0.2.1", 50_000))

    async with httpx.AsyncClient(transport=transport, base_url="http://studio.example") as stranger:
        assert (await stranger.get(url)).status_code == 200
        assert (await stranger.get(url + "A")).json()["code"] == "link_forged"
        assert (await stranger.get(str(output["url"]))).status_code == 401


async def test_a_link_leads_to_the_bucket_where_the_operator_allows(
    api: Api, workspace: str, tmp_path: Path
) -> None:
    brought = (await bring(api, workspace, picture())).json()
    url = (await link(api, workspace, brought["sha256"])).json()["url"]
    folder = api.house.studio.assets
    with serving(tmp_path / "buckets") as server:
        store = AssetBucket(
            url=server.bucket("studio"), options=server.options, copies=tmp_path / "copies"
        )
        store.put(path=folder.path(digest=bytes.fromhex(brought["sha256"])))
        led = await fetched(redirecting(api.house, store), url)
        async with httpx.AsyncClient() as caller:
            served = await caller.get(led.headers["Location"])
    own = await fetched(redirecting(api.house, folder), url)

    assert (led.status_code, own.status_code) == (302, 200)
    assert served.content == own.content


async def test_an_old_link_is_refused(api: Api, workspace: str) -> None:
    output = await delivered(api, workspace, key="one")
    handed = (await link(api, workspace, output["sha256"], lasts_s=1)).json()
    clock = MovableClock(datetime.fromisoformat(handed["expires_at"]))
    late = replace(api.house, studio=replace(api.house.studio, clock=clock))

    answer = await fetched(late, handed["url"])

    assert (answer.status_code, answer.json()["code"]) == (403, "link_expired")
    assert answer.json()["expires_at"] == handed["expires_at"]


async def test_a_receipt_saves_what_a_download_would(
    api: Api, workspace: str, database_url: str, tmp_path: Path
) -> None:
    before = await delivered(api, workspace, key="before")
    await start_plan(api, workspace)
    during = await delivered(api, workspace, key="during-it")
    await api.end_plans()

    kept, refused = [
        await asyncio.to_thread(
            run_here, "receipt", workspace.rpartition("/")[2], str(output["url"]).split("/")[-3],
            "--out", str(tmp_path / name), database_url=database_url, data=tmp_path,
        )
        for name, output in (("kept", during), ("refused", before))
    ]  # fmt: skip

    assert kept.code == 0, kept.errors
    assert [path.stat().st_size for path in (tmp_path / "kept").iterdir()] == [during["size_bytes"]]
    assert refused.errors.startswith("not_entitled: ")
    assert not (tmp_path / "refused").exists()


async def test_what_the_plan_of_then_left_out_is_judged_by_the_plan_of_now(
    api: Api, workspace: str
) -> None:
    agreed = {"plan": "enterprise", "agreed": {"image": 1, "video": 1}}
    assert (await api.post(f"{workspace}/plan", agreed, key="plan")).is_success
    studio, workspace_id = api.house.studio, UUID(workspace.rpartition("/")[2])

    async with studio.reading() as connection:
        for needed, is_open in ((Entitlement.DOWNLOADS, True), (Entitlement.PURCHASES, False)):
            with nullcontext() if is_open else pytest.raises(NotEntitled, match="enterprise"):
                await downloads.require(
                    studio, connection, workspace_id=workspace_id, made_at=studio.clock.now(),
                    entitlement=needed,
                )  # fmt: skip


async def test_a_receipt_is_printed(api: Api, workspace: str) -> None:
    output = await delivered(api, workspace, key="one")
    path = str(output["url"]).replace("outputs/1", "receipt.pdf")

    answer = await api.get(path)
    strangers = await api.get(path.replace(workspace, await api.workspace("Stranger")))

    assert answer.headers["Content-Type"] == "application/pdf"
    assert "a lighthouse at dusk" in PdfReader(io.BytesIO(answer.content)).pages[0].extract_text()
    assert strangers.json()["code"] == "unknown_job"


async def test_a_file_of_another_workspace_has_no_link(api: Api, workspace: str) -> None:
    output = await delivered(api, workspace, key="one")
    stranger = await api.workspace("Stranger")

    for whose, name in (
        (stranger, output["sha256"]),
        (workspace, NEVER),
        (workspace, "no-hex"),
        (workspace, "abcd"),
    ):
        answer = await link(api, whose, name)
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_asset")


async def test_a_picture_is_brought_once_and_shown(api: Api, workspace: str) -> None:
    first, again = [await bring(api, workspace, picture()) for _ in range(2)]

    assert first.status_code == again.status_code == 201
    assert first.json() == again.json()
    assert (first.json()["width"], first.json()["media_type"]) == (32, "image/png")
    url = (await link(api, workspace, first.json()["sha256"])).json()["url"]
    assert Image.open(io.BytesIO((await api.get(url)).content)).getpixel((1, 1)) == (0, 128, 128)


async def test_a_picture_that_is_none_is_refused(api: Api, workspace: str) -> None:
    answer = await bring(api, workspace, b"no picture")
    nowhere = await bring(api, f"/v1/workspaces/{UUID(int=1)}", picture())

    assert (answer.status_code, answer.json()["code"]) == (422, "not_a_picture")
    assert (nowhere.status_code, nowhere.json()["code"]) == (404, "unknown_workspace")


async def test_a_workspace_without_room_takes_no_picture(api: Api, workspace: str) -> None:
    rules = replace(api.house.studio.asset_rules, quota_bytes=100)
    studio = replace(api.house.studio, asset_rules=rules)
    workspace_id = UUID(workspace.rpartition("/")[2])

    await downloads.require_room(studio, workspace_id=workspace_id, size_bytes=100)
    with pytest.raises(downloads.QuotaExceeded, match="0 of 100 are in use") as refused:
        await downloads.require_room(studio, workspace_id=workspace_id, size_bytes=101)

    assert refused.value.quota_bytes == 100


async def test_a_store_that_is_full_is_told_with_a_time_to_come_again(
    api: Api, workspace: str, tmp_path: Path
) -> None:
    (tmp_path / "assets").write_text("in the way")

    answer = await bring(api, workspace, picture())

    assert (answer.status_code, answer.json()["code"]) == (503, "assets_unwritable")
    assert answer.headers["Retry-After"] == "2"
