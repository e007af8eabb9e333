"""`mutoscope export` writes files, and tells in one line why it did not."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest
from pypdf import PdfReader

from api_client import open_api
from command_line import run_here
from export_stage import Board, drawn

NOBODY = UUID(int=1)


@pytest.fixture
async def board(database_url: str, tmp_path: Path) -> AsyncIterator[Board]:
    async with open_api(database_url, tmp_path) as api:
        address = await api.workspace()
        assert (await api.post(f"{address}/plan", {"plan": "pro"}, key="plan")).is_success
        yield Board(api, await drawn(api.house.studio, address, tmp_path))


@pytest.fixture
def place(board: Board, database_url: str, tmp_path: Path) -> dict[str, object]:
    assert board
    return {"database_url": database_url, "data": tmp_path}


async def test_the_command_line_prints_what_was_chosen(
    board: Board, place: dict[str, object], tmp_path: Path
) -> None:
    out = tmp_path / "board.pdf"
    command = ("export", "pdf", *board.names, "--out", str(out), "--fields", "number", "--json")

    printed = await asyncio.to_thread(run_here, *command, **place)

    assert printed.json()["export"]["state"] == "succeeded"
    assert "keeper" not in PdfReader(out).pages[0].extract_text()


async def test_the_command_line_films_and_packs(
    board: Board, place: dict[str, object], tmp_path: Path
) -> None:
    for form, begin in (("animatic", b"ftyp"), ("zip", b"PK")):
        out = tmp_path / form
        command = ("export", form, *board.names, "--out", str(out))

        done = await asyncio.to_thread(run_here, *command, **place)

        assert done.code == 0
        assert f"{out.stat().st_size:,} bytes" in done.output.replace("\n", "")
        assert begin in out.read_bytes()[:8]


async def test_the_command_line_tells_why_an_export_failed(
    board: Board, place: dict[str, object], tmp_path: Path
) -> None:
    await board.execute("UPDATE frames SET description = $1", "\U00020000")
    folder = tmp_path / "folder"
    folder.mkdir()

    for form, out, code in (("pdf", "a.pdf", "export_failed"), ("zip", "folder", "out_unwritable")):
        command = ("export", form, *board.names, "--out", str(tmp_path / out))
        done = await asyncio.to_thread(run_here, *command, **place)
        assert (done.code, done.errors.strip().partition(":")[0]) == (1, code)


async def test_the_command_line_refuses_with_a_code(
    board: Board, place: dict[str, object], tmp_path: Path
) -> None:
    workspace, project = board.names
    cases = [
        (("pdf", workspace, project, "--grid", "9x9", "--out", "a.pdf"), 1, "bad_export"),
        (("zip", workspace, str(NOBODY), "--out", "a.zip"), 3, "unknown_project"),
        (("zip", workspace, project, "--out", str(tmp_path / "no" / "a.zip")), 1, "out_unwritable"),
    ]

    for arguments, code, reason in cases:
        done = await asyncio.to_thread(run_here, "export", *arguments, **place)
        assert (done.code, done.errors.partition(":")[0]) == (code, reason)
