"""The sweep removes what nobody names, and never a file that a row names."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from board_fixture import picture
from command_line import run_here
from mutoscope.app.asset_sweep import GRACE, Swept, sweep_assets
from mutoscope.app.downloads import keep
from mutoscope.storage import assets
from mutoscope.storage.assets import Asset, Origin
from mutoscope.storage.database import queries
from studio_fixture import frame
from studio_stage import Stage, open_stage

AFTER_GRACE = GRACE + timedelta(seconds=1)
NAMING = ["asset", "pictures"]
COLUMNS = "SELECT table_name FROM information_schema.columns WHERE column_name = ANY ($1)"


@pytest.fixture
async def stage(database_url: str, tmp_path: Path) -> AsyncIterator[Stage]:
    async with open_stage(database_url, tmp_path) as stage:
        await frame(stage)
        stage.clock.at = datetime.now(UTC)  # files bear the machine's time
        yield stage


def stored(stage: Stage, folder: Path, content: bytes) -> bytes:
    path = folder / "file.pdf"
    path.write_bytes(content)
    return stage.studio.assets.put(path=path)


async def swept(stage: Stage, *, is_dry_run: bool = False) -> Swept:
    return await sweep_assets(stage.studio, is_dry_run=is_dry_run)


async def exported(stage: Stage, digest: bytes) -> None:
    asset = Asset(
        workspace_id=stage.workspace_id, asset=digest, origin=Origin.EXPORT, name="board.pdf",
        media_type="application/pdf", size_bytes=5, added_at=stage.clock.now(),
    )  # fmt: skip
    await keep(stage.studio, asset)


async def test_a_file_that_nobody_names_goes_after_its_grace(stage: Stage, tmp_path: Path) -> None:
    stored(stage, tmp_path, b"nobody's")

    assert (await swept(stage)).orphans == 0
    stage.clock.at += AFTER_GRACE
    looked = await swept(stage, is_dry_run=True)
    removed = await swept(stage)
    again = await swept(stage)

    assert (looked.files, looked.orphans, looked.orphans_bytes) == (2, 1, 8)
    assert replace(looked, is_dry_run=False) == removed
    assert (again.files, again.orphans) == (1, 0)


async def test_a_file_that_a_row_names_stays_for_ever(stage: Stage, tmp_path: Path) -> None:
    await exported(stage, stored(stage, tmp_path, b"board"))
    stage.clock.at += timedelta(days=10_000)

    assert (await swept(stage)).orphans == 0
    assert len(list(stage.studio.assets.kept())) == 2


async def test_an_exported_file_is_given_up_after_its_time(stage: Stage, tmp_path: Path) -> None:
    rules = replace(stage.studio.asset_rules, keep_exports=timedelta(days=30))
    stage.studio = replace(stage.studio, asset_rules=rules)
    digest = stored(stage, tmp_path, b"board")
    await exported(stage, digest)

    stage.clock.at += timedelta(days=30)
    assert (await swept(stage)).exports == 0
    stage.clock.at += timedelta(seconds=1)
    assert (await swept(stage, is_dry_run=True)).exports == 1
    async with stage.studio.reading() as connection:
        found = await assets.find(connection, workspace_id=stage.workspace_id, asset=digest)
    assert found is not None

    assert (await swept(stage)).exports == 1
    assert digest not in {each.digest for each in stage.studio.assets.kept()}


async def test_equal_files_of_a_workspace_count_once(stage: Stage, tmp_path: Path) -> None:
    for _ in range(2):
        await exported(stage, stored(stage, tmp_path, b"board"))

    async with stage.studio.reading() as connection:
        used = await assets.used_bytes(connection, workspace_id=stage.workspace_id)

    assert used == len(b"board") + 9  # the frame's nine bytes


async def test_the_sweep_asks_every_table_that_names_files(connection: asyncpg.Connection) -> None:
    tables = {row["table_name"] for row in await connection.fetch(COLUMNS, NAMING)}
    asked = queries("assets").orphans.sql

    assert {"outputs", "assets", "exports", "uploads", "cast_parts"} == tables
    assert [table for table in tables - {"exports"} if f"FROM {table} AS" not in asked] == []


async def test_the_plan_of_an_instant_is_the_one_that_ran(stage: Stage) -> None:
    async with stage.studio.reading() as connection:
        plan = await assets.plan_at(
            connection, workspace_id=stage.workspace_id, at=stage.clock.now()
        )

    assert plan is None


def test_the_command_line_shows_brings_and_sweeps(database_url: str, tmp_path: Path) -> None:
    place = {"database_url": database_url, "data": tmp_path / "data"}
    made = run_here("workspace", "create", "Ada", "--demo", "--json", **place).json()
    workspace = made["workspace"]["workspace_id"]
    bad = tmp_path / "notes.txt"
    bad.write_text("no picture")

    shown = run_here("assets", "show", "--json", **place).json()
    swept = run_here("assets", "sweep", "--dry-run", **place)
    refused = run_here("assets", "bring", workspace, str(bad), **place)
    missing = run_here("assets", "bring", workspace, str(tmp_path / "gone.png"), **place)

    assert (shown["files"], swept.code, missing.code) == (0, 0, 3)
    assert "named by nobody" in swept.output
    assert "removed" not in swept.output
    assert (refused.code, refused.errors.partition(":")[0]) == (1, "not_a_picture")


def test_the_command_line_brings_a_picture_and_counts_it(database_url: str, tmp_path: Path) -> None:
    place = {"database_url": database_url, "data": tmp_path / "data"}
    made = run_here("workspace", "create", "Ada", "--demo", "--json", **place).json()
    workspace, still = made["workspace"]["workspace_id"], picture(tmp_path / "still.png", "teal")

    told = run_here("assets", "bring", workspace, str(still), **place)
    brought = run_here("assets", "bring", workspace, str(still), "--json", **place).json()
    used = run_here("assets", "used", workspace, "--json", **place).json()
    words = run_here("assets", "used", workspace, **place)
    swept = run_here("assets", "sweep", **place)

    assert brought["asset"] in told.output
    assert used == {"used_bytes": brought["size_bytes"], "quota_bytes": None}
    assert f"{brought['size_bytes']:,} bytes are in use" in words.output
    assert "were removed" in swept.output
