"""Exports are ordered once, made in the background, kept as files; a stopped one leaves nothing."""

import asyncio
import io
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID
from zipfile import ZipFile

import pytest
from pypdf import PdfReader

from api_client import open_api
from board_fixture import picture
from export_stage import Board, Gate, drawn
from mutoscope.app import export, export_run, storyboard
from mutoscope.app.export_board import Form
from mutoscope.cli.waiting import working
from mutoscope.storage import exports
from mutoscope.storage.exports import Export, ExportState

AGE = "UPDATE exports SET stepped_at = stepped_at - interval '1 hour'"
NOBODY = UUID(int=1)


@pytest.fixture
async def board(database_url: str, tmp_path: Path) -> AsyncIterator[Board]:
    async with open_api(database_url, tmp_path) as api:
        address = await api.workspace()
        assert (await api.post(f"{address}/plan", {"plan": "pro"}, key="plan")).is_success
        yield Board(api, await drawn(api.house.studio, address, tmp_path))


async def fetched(board: Board, ordered: Export) -> bytes:
    shown = (await board.api.get(f"{board.address}/exports/{ordered.export_id}")).json()
    answer = await board.api.get(shown["link"]["url"])
    assert answer.headers["Content-Disposition"].startswith("attachment")
    return answer.content


async def test_an_export_is_ordered_once_a_key(board: Board) -> None:
    path = f"{board.address}/projects/{board.project.project_id}/exports"

    first = await board.api.post(path, {"form": "pdf", "grid": "list"}, key="one")
    again = await board.api.post(path, {"form": "pdf", "grid": "list"}, key="one")
    other = await board.api.post(path, {"form": "zip"}, key="one")

    listed = (await board.api.get(path)).json()["exports"]
    shown = await board.api.get(first.headers["Location"])
    assert (first.status_code, again.headers["Idempotency-Replayed"]) == (201, "true")
    assert first.json() == again.json() == shown.json() == listed[0]
    assert (first.json()["state"], first.json()["link"]) == ("waiting", None)
    assert (other.status_code, other.json()["code"], len(listed)) == (422, "key_reused", 1)


async def test_a_worker_makes_what_was_ordered(board: Board) -> None:
    ordered = [await board.order(form, key=form) for form in Form]

    async with working(board.api.house):
        done = [await board.ended(each) for each in ordered]

    contents = [await fetched(board, each) for each in done]
    assert {(each.state, each.progress) for each in done} == {(ExportState.SUCCEEDED, 1.0)}
    assert [each.name for each in done] == [
        "the-lighthouse.pdf",
        "the-lighthouse.mp4",
        "the-lighthouse.zip",
    ]
    assert "The keeper climbs." in PdfReader(io.BytesIO(contents[0])).pages[0].extract_text()
    assert contents[1][4:8] == b"ftyp"
    assert "frames/001.png" in ZipFile(io.BytesIO(contents[2])).namelist()


async def test_what_was_exported_stays_downloadable_when_the_plan_is_over(board: Board) -> None:
    done = await board.run(await board.order())
    await board.api.end_plans()

    content = await fetched(board, done)
    refused = await board.api.post(
        f"{board.address}/projects/{board.project.project_id}/exports", {"form": "pdf"}, key="two"
    )

    assert content.startswith(b"%PDF")
    assert (refused.status_code, refused.json()["code"]) == (403, "not_entitled")
    assert "start a plan (Essential, Pro or Unlimited)" in refused.json()["detail"]


async def test_a_trial_is_told_which_plan_opens_exports(board: Board, tmp_path: Path) -> None:
    trial = await board.api.workspace("Trial")
    project = await drawn(board.studio, trial, tmp_path)

    path = f"{trial}/projects/{project.project_id}/exports"
    answer = await board.api.post(path, {"form": "zip"}, key="one")

    assert (answer.status_code, answer.json()["entitlement"]) == (403, "exports")


async def test_what_cannot_be_exported_is_refused_before_it_begins(board: Board) -> None:
    empty = await storyboard.create_project(
        board.studio, workspace_id=board.project.workspace_id, name="Empty"
    )
    cases = [
        (empty.project_id, {"form": "pdf"}, 422, "nothing_to_export"),
        (NOBODY, {"form": "pdf"}, 404, "unknown_project"),
        (board.project.project_id, {"form": "gif"}, 400, "malformed"),
        (board.project.project_id, {"form": "pdf", "grid": "9x9"}, 400, "malformed"),
    ]

    for project_id, content, status, code in cases:
        path = f"{board.address}/projects/{project_id}/exports"
        answer = await board.api.post(path, content, key="one")
        assert (answer.status_code, answer.json()["code"]) == (status, code)
    missing = await board.api.get(f"{board.address}/exports/{NOBODY}")
    assert (missing.status_code, missing.json()["code"]) == (404, "unknown_export")


async def test_a_running_export_is_stopped_and_leaves_nothing(board: Board) -> None:
    ordered, gate = await board.order(), Gate()
    running = asyncio.create_task(board.run(ordered, exporters={Form.PDF: gate}))
    await board.until(ordered, lambda found: found.progress > 0.4)

    path = f"{board.address}/exports/{ordered.export_id}/cancel"
    asked = await board.api.post(path)
    ended = await running
    late = await board.api.post(path)

    assert (asked.status_code, asked.json()["is_cancel_asked"]) == (200, True)
    assert (ended.state, ended.asset, ended.reason) == (ExportState.CANCELLED, None, "cancelled")
    assert (late.status_code, late.json()["code"]) == (409, "export_is_final")
    assert len(list(board.studio.assets.kept())) == 1  # the picture that was brought


async def test_an_export_that_waits_is_stopped_at_once(board: Board) -> None:
    ordered = await board.order()

    stopped = await export.cancel(
        board.studio, workspace_id=ordered.workspace_id, export_id=ordered.export_id
    )
    never = await board.run(ordered, exporters={Form.PDF: Gate()})

    assert stopped.state is ExportState.CANCELLED
    assert never == stopped


async def test_an_export_whose_process_was_killed_is_made_again(board: Board) -> None:
    ordered = await board.order()
    async with board.studio.reading() as connection:
        await exports.begin(connection, export=ordered, at=board.studio.clock.now())
    assert await export.sweep_exports(board.studio) == 0
    await board.execute(AGE)

    assert await export.sweep_exports(board.studio) == 1
    assert await export.sweep_exports(board.studio) == 0
    done = await board.run(ordered)

    assert (done.state, done.tries) == (ExportState.SUCCEEDED, 2)


async def test_an_export_that_kills_its_process_is_given_up(board: Board) -> None:
    ordered, gate = await board.order(), Gate()
    async with board.studio.reading() as connection:
        for _ in range(export_run.TRIES_MAX):
            await exports.begin(connection, export=ordered, at=board.studio.clock.now())

    ended = await board.run(ordered, exporters={Form.PDF: gate})

    assert (ended.state, ended.reason, gate.calls) == (ExportState.FAILED, "not_finished", 0)


async def test_two_workers_end_an_export_once(board: Board) -> None:
    ordered = await board.order()

    both = await asyncio.gather(board.run(ordered), board.run(ordered))

    assert both[0] == both[1]
    assert (both[0].state, both[0].tries) == (ExportState.SUCCEEDED, 2)
    assert len(list(board.studio.assets.kept())) == 2


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        (OSError(28, "No space left on device"), "export_unwritable"),
        (export.NothingToExport(), "nothing_to_export"),
    ],
)
async def test_an_export_that_fails_says_why(board: Board, trouble: Exception, reason: str) -> None:
    ended = await board.run(await board.order(), exporters={Form.PDF: Gate(trouble=trouble)})

    assert (ended.state, ended.reason, ended.asset) == (ExportState.FAILED, reason, None)
    assert ended.sentence
    assert ended.finished_at is not None


async def test_an_export_beyond_the_quota_is_not_kept(board: Board) -> None:
    rules = replace(board.studio.asset_rules, quota_bytes=5_000)

    ended = await board.run(await board.order(), asset_rules=rules)

    assert (ended.state, ended.reason) == (ExportState.FAILED, "quota_exceeded")
    assert len(list(board.studio.assets.kept())) == 1


async def test_an_export_that_breaks_is_given_up_after_a_few_tries(board: Board) -> None:
    ordered, gate = await board.order(), Gate(trouble=ZeroDivisionError("a bug"))

    for _ in range(export_run.TRIES_MAX):
        with pytest.raises(ZeroDivisionError):
            await board.run(ordered, exporters={Form.PDF: gate})
    ended = await board.run(ordered, exporters={Form.PDF: gate})

    assert (ended.state, ended.reason, gate.calls) == (ExportState.FAILED, "not_finished", 3)


async def test_an_export_that_was_left_behind_is_found_by_a_worker(board: Board) -> None:
    ordered = await board.order()
    await board.execute("DELETE FROM pgqueuer")
    await board.execute(AGE)

    async with working(board.api.house):
        done = await board.ended(ordered)

    assert done.state is ExportState.SUCCEEDED


async def test_two_orders_at_once_under_one_key_are_one(board: Board) -> None:
    first, second = await asyncio.gather(board.order(), board.order())

    assert first.export_id == second.export_id


async def test_a_file_that_was_given_up_has_no_link(board: Board) -> None:
    done = await board.run(await board.order())

    await board.execute("DELETE FROM assets")

    assert await export.link_of(board.studio, done) is None


async def test_what_comes_after_the_end_is_not_kept(board: Board, tmp_path: Path) -> None:
    ordered, late = await board.order(), picture(tmp_path / "late.png", "teal")
    await export.cancel(
        board.studio, workspace_id=ordered.workspace_id, export_id=ordered.export_id
    )

    await export_run._keep(board.studio, ordered, late, "late.pdf")

    found = await board.read(ordered)
    assert (found.state, found.asset) == (ExportState.CANCELLED, None)


async def test_a_tool_is_told_by_its_name_as_long_as_any_catalog_has_it(board: Board) -> None:
    assert export_run._tool(board.studio, "kling_pro") == ("Kling Pro", "video")
    assert export_run._tool(board.studio, "gone") == ("gone", "")


async def test_a_frame_with_a_clip_tells_the_clip_s_tool_and_length(board: Board) -> None:
    named = {
        "workspace_id": board.project.workspace_id, "project_id": board.project.project_id
    }  # fmt: skip
    shown = await storyboard.read_board(board.studio, **named)
    frame = replace(shown.scenes[0].frames[0], tool="kling_pro", duration_s=5, clips=())
    assert frame.still is not None
    clip = replace(frame.still, tool="veo3", media_type="video/mp4", duration_ms=8_040)

    planned = export_run._frame(board.studio, frame)
    filmed = export_run._frame(board.studio, replace(frame, clips=(clip,)))

    assert (planned.tool, planned.duration_s, planned.clip_s) == ("Kling Pro", 5, None)
    assert (filmed.tool, filmed.duration_s, filmed.clip_s) == ("Google Veo 3", 8, 8.04)
