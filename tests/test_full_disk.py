"""A disk that fills up: callers are told to come again, and all goes on when there is space."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import httpx
import pytest
from PIL import Image

from api_client import Api, open_api, operation
from mutoscope.app import generate, sign_up
from mutoscope.app.advance import advance
from mutoscope.app.renew import run as renew
from mutoscope.app.studio import Studio
from mutoscope.app.verify import examine
from mutoscope.domain.jobs import FINAL, JobState
from mutoscope.storage import jobs, journal
from mutoscope.storage.database import connect
from mutoscope.storage.embedded import EmbeddedPostgres
from mutoscope.storage.jobs import Job
from mutoscope.storage.verification import Scope
from servers import enterable_folder
from small_disk import SmallDisk, small_disk
from soundness import assert_sound
from studio_stage import FRAME

DATABASE_MEBIBYTES = 160
ASSETS_MEBIBYTES = 4
CHARGES = 500
LIMIT_S = 60
COUNT = "SELECT count(*) FROM entries WHERE operation = 'charge'"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "RECONNECT_PAUSES_S", (0.05, 0.05))


@pytest.fixture
async def disk() -> AsyncIterator[SmallDisk]:
    with enterable_folder() as folder, small_disk(folder, mebibytes=DATABASE_MEBIBYTES) as disk:
        yield disk


async def funded(api: Api) -> str:
    workspace = await api.workspace()
    await api.batch(workspace, operation("grant", "many", 1_000_000, source="goodwill"))
    await api.batch(workspace, operation("hold", "held", 5, hold_s=60))
    return workspace


async def charged(api: Api, workspace: str, number: int) -> httpx.Response:
    """Charge many times; a repeat of the number repeats the keys."""
    charges = [operation("charge", f"{number}-{each}", 1) for each in range(CHARGES)]
    return await api.post(f"{workspace}/ledger/batch", {"operations": charges})


async def charged_until_refused(api: Api, workspace: str) -> tuple[int, httpx.Response]:
    number = 1
    while (answer := await charged(api, workspace, number)).status_code == 200:
        number += 1
    return number, answer


async def charged_in_the_end(api: Api, workspace: str, number: int) -> None:
    async with asyncio.timeout(LIMIT_S):
        while (await charged(api, workspace, number)).status_code != 200:  # noqa: ASYNC110 - polls
            await asyncio.sleep(0.1)


async def count_sound(url: str) -> int:
    """Count the charges of a ledger that is sound and whose holds are over."""
    await renew(url=url, at=datetime.now(UTC) + timedelta(minutes=2))
    await assert_sound(url)
    connection = await connect(url)
    examined = await examine(connection, scope=Scope())
    count = await connection.fetchval(COUNT)
    await connection.close()
    assert (examined.findings.listed, examined.holds) == ([], 0)
    return int(count)


@pytest.mark.parametrize(("mebibytes_left", "said"), [(0, "could not extend"), (8, "PANIC")])
async def test_a_full_disk_of_the_database_is_told_and_left_behind(
    disk: SmallDisk, tmp_path: Path, mebibytes_left: int, said: str
) -> None:
    async with (
        EmbeddedPostgres(folder=disk.folder / "server") as server,
        open_api(server.dsn, tmp_path) as api,
    ):
        workspace = await funded(api)
        disk.fill(mebibytes_left=mebibytes_left)
        number, refused = await charged_until_refused(api, workspace)
        disk.free()
        await charged_in_the_end(api, workspace, number)

        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "2")
        assert said in (disk.folder / "server/server.log").read_text(encoding="utf-8")
        assert await count_sound(server.dsn) == number * CHARGES


@pytest.fixture
async def house(database_url: str, tmp_path: Path) -> AsyncIterator[tuple[Api, SmallDisk]]:
    """Give a house whose assets lie on a small disk."""
    with small_disk(tmp_path / "assets", mebibytes=ASSETS_MEBIBYTES) as disk:
        async with open_api(database_url, tmp_path) as api:
            yield api, disk
    await assert_sound(database_url)


async def stepped(studio: Studio, job: Job, until: Callable[[Job], bool]) -> Job:
    """Take the steps of a job until it stands as expected."""
    names = {"workspace_id": job.workspace_id, "job_id": job.job_id}
    async with asyncio.timeout(LIMIT_S):
        while not until(job):
            await advance(studio, **names)
            await asyncio.sleep(0.05)
            async with studio.reading() as connection:
                job = await jobs.get(connection, **names)
    return job


async def test_a_job_waits_until_there_is_space_for_its_frame_and_is_charged_once(
    house: tuple[Api, SmallDisk],
) -> None:
    studio, disk = house[0].house.studio, house[1]
    workspace = await sign_up.create(studio, name="Aurora", zone="UTC", is_demo=True)
    names = {"workspace_id": workspace.workspace_id, "key": "job-1"}
    job, _ = await generate.place(studio, wish=FRAME, **names)
    disk.fill()

    waiting = await stepped(studio, job, lambda job: job.tries > 1)
    left = list(disk.folder.rglob("*.png"))
    disk.free()
    done = await stepped(studio, job, lambda job: job.state in FINAL)

    assert (waiting.state, left) == (JobState.RUNNING, [])
    assert (done.state, done.captured) == (JobState.SUCCEEDED, 1)


async def test_a_picture_that_does_not_fit_is_asked_for_again(
    house: tuple[Api, SmallDisk],
) -> None:
    api, disk = house
    address = f"{await api.workspace()}/pictures"
    file = BytesIO()
    Image.effect_noise((64, 64), 90).save(file, "PNG")
    disk.fill()

    refused = await api.client.post(address, content=file.getvalue())
    disk.free()
    kept = await api.client.post(address, content=file.getvalue())

    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "2")
    assert refused.json()["code"] == "assets_unwritable"
    assert kept.status_code == 201
