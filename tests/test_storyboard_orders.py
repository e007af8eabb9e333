"""A whole board: estimated, quoted, mixed and ordered; all of it is held, or nothing."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from mutoscope.app import storyboard
from mutoscope.app.generate import ToolUnavailable
from mutoscope.app.ports import RenderState
from mutoscope.app.shortage import NotEnoughCredits
from mutoscope.app.storyboard import FrameText
from mutoscope.app.storyboard_estimate import (
    NothingLacking,
    estimate_board,
    mix_board,
    quote_board,
    tools_for,
)
from mutoscope.app.storyboard_orders import BoardWish, order_board
from mutoscope.app.studio import Studio
from mutoscope.domain.access import NotEntitled
from mutoscope.domain.best_mix import BudgetTooSmall
from mutoscope.domain.board_price import NoToolFits
from mutoscope.domain.catalog import Catalog, UnknownTool
from mutoscope.domain.offers import Tool
from mutoscope.domain.planner import KeyReused
from mutoscope.domain.quote import QuoteExpired, QuoteOutdated
from mutoscope.domain.storyboard import FrameNotFinal, FrameNotMade, Wanted
from mutoscope.storage.board import UnknownQuote
from mutoscope.storage.storyboard import UnknownFrame
from storyboard_stage import begin, look, order, start, with_stills
from studio_fixture import deliver_clip, drive, lines, open_workspace
from studio_stage import Stage

HOLDS = [("grant", 1_500), ("hold", 25), ("hold", 25), ("hold", 25)]


def changed_catalog(studio: Studio, *, tool: str, rate: int | None) -> Catalog:
    """Return the catalog with a version from in a minute on: a tool has another rate, or none."""
    (version,) = studio.catalog.versions
    tools: list[Tool] = []
    for each in version.tools:
        if each.key != tool:
            tools.append(each)
        elif rate is not None:
            tools.append(replace(each, credits=rate))
    at = studio.clock.now() + timedelta(minutes=1)
    later = replace(version, key="later", effective_at=at, tools=tuple(tools))
    return Catalog(versions=(version, later))


async def test_an_estimate_tells_what_is_lacking_who_pays_and_what_remains(stage: Stage) -> None:
    await start(stage)
    project = await begin(stage)

    found = await estimate_board(
        stage.studio, workspace_id=stage.workspace_id, project_id=project.project_id
    )

    image, video = found.totals
    assert [item.price for item in found.items] == [1, 25, 1, 25, 1, 25]
    assert (image.kind, image.required, video.kind, video.required) == ("image", 3, "video", 75)
    assert (video.available, video.remaining, video.shortfall) == (1_500, 1_425, 0)
    assert [draw.amount for draw in video.draws] == [75]
    assert (video.lapsing, video.next_grant_amount, video.remaining_then) == (1_425, 1_500, 1_500)
    assert video.next_at is not None
    assert video.next_at.day == 20
    assert not video.should_confirm
    assert found.items[0].swaps == ()


async def test_an_estimate_names_cheaper_tools_that_make_the_same(stage: Stage) -> None:
    project = await begin(stage)
    frame = (await look(stage, project)).frames[0]
    text = FrameText(description="A lamp.", tool="pixverse_v4")
    await storyboard.change_frame(
        stage.studio, workspace_id=stage.workspace_id, frame_id=frame.frame_id, text=text
    )

    found = await estimate_board(
        stage.studio, workspace_id=stage.workspace_id, project_id=project.project_id
    )

    assert [(swap.tool, swap.price, swap.saved) for swap in found.items[1].swaps] == [
        ("kling_pro", 50, 30), ("runway_gen4_turbo", 25, 55),  # others are worse, and no cheaper
    ]  # fmt: skip


async def test_an_estimate_in_the_trial_tells_what_is_missing(stage: Stage) -> None:
    project = await begin(stage)

    found = await estimate_board(
        stage.studio, workspace_id=stage.workspace_id, project_id=project.project_id
    )

    image, video = found.totals
    assert (image.remaining, image.lapsing, image.remaining_then) == (47, 47, 0)
    assert (video.available, video.shortfall, video.draws) == (0, 75, ())


async def test_unlimited_use_is_metered(stage: Stage) -> None:
    await start(stage, "unlimited")
    project = await begin(stage)

    found = await estimate_board(
        stage.studio, workspace_id=stage.workspace_id, project_id=project.project_id
    )

    assert (found.totals[0].required, found.totals[0].metered) == (0, 3)


async def test_an_order_holds_each_shot_and_each_is_settled_alone(
    stage: Stage, tmp_path: Path
) -> None:
    await start(stage)
    project = await with_stills(stage)
    deliver_clip(stage, tmp_path, duration_s=5)
    placed = await order(stage, project, wanted=Wanted.CLIP, is_confirmed=True)
    assert await lines(stage, kind="video") == HOLDS

    await drive(stage, placed.jobs[1])

    board = await look(stage, project)
    assert (await lines(stage, kind="video"))[-1] == ("settle", 25)
    assert [len(frame.clips) for frame in board.frames] == [0, 1, 0]
    assert [bool(frame.pending) for frame in board.frames] == [True, False, True]
    with pytest.raises(NothingLacking):
        await order(stage, project, key="more", wanted=Wanted.CLIP, is_confirmed=True)


async def test_a_repeat_of_an_order_returns_the_same_jobs(stage: Stage) -> None:
    project = await begin(stage)
    placed = await order(stage, project)

    again = await order(stage, project)

    assert not placed.is_replay
    assert again.is_replay
    assert [job.job_id for job in again.jobs] == [job.job_id for job in placed.jobs]
    assert await stage.credits() == (47, 3)
    with pytest.raises(KeyReused):
        await order(stage, project, wanted=Wanted.CLIP)


async def test_what_failed_can_be_ordered_again(stage: Stage) -> None:
    project = await begin(stage)
    stage.generator.fail(state=RenderState.FAILED, code="provider_failed")
    for job in (await order(stage, project)).jobs:
        assert (await drive(stage, job)).captured == 0

    assert len((await order(stage, project, key="again")).jobs) == 3


async def test_an_order_that_the_balance_does_not_pay_holds_nothing(stage: Stage) -> None:
    project = await begin(stage, text="EXT. SEA\n\n" + "A wave.\n\n" * 51)

    with pytest.raises(NotEnoughCredits) as refusal:
        await order(stage, project)

    found = refusal.value
    assert (found.required, found.available, found.shortfall) == (51, 50, 1)
    assert await lines(stage) == [("grant", 50)]
    assert not any(frame.pending for frame in (await look(stage, project)).frames)


async def test_clips_need_stills_that_are_final_or_confirmed(stage: Stage) -> None:
    await start(stage)
    project = await begin(stage)
    with pytest.raises(FrameNotMade, match="1, 2, 3"):
        await order(stage, project, wanted=Wanted.CLIP)

    made = await with_stills(stage)
    with pytest.raises(FrameNotFinal, match="1, 2, 3"):
        await order(stage, made, wanted=Wanted.CLIP)
    for frame in (await look(stage, made)).frames:
        await storyboard.mark_final(
            stage.studio, workspace_id=stage.workspace_id, frame_id=frame.frame_id, is_final=True
        )

    assert len((await order(stage, made, wanted=Wanted.CLIP)).jobs) == 3


async def test_an_order_of_some_frames_leaves_the_others(stage: Stage) -> None:
    project = await begin(stage)
    frame = (await look(stage, project)).frames[2]
    wish = BoardWish(
        project_id=project.project_id, wanted=Wanted.STILL, frame_ids=(frame.frame_id,)
    )

    placed = await order_board(stage.studio, workspace_id=stage.workspace_id, wish=wish, key="one")
    with pytest.raises(UnknownFrame):
        await order_board(
            stage.studio, workspace_id=stage.workspace_id,
            wish=replace(wish, frame_ids=(uuid4(),)), key="none",
        )  # fmt: skip

    assert [job.spec.prompt for job in placed.jobs] == [frame.description]


@pytest.mark.parametrize("is_confirmed", [True, False])
async def test_the_trial_makes_no_clips_of_a_board(stage: Stage, *, is_confirmed: bool) -> None:
    project = await with_stills(stage)

    with pytest.raises(NotEntitled):
        await order(stage, project, wanted=Wanted.CLIP, is_confirmed=is_confirmed)


async def test_a_live_board_whose_tool_has_no_route_is_refused_whole(stage: Stage) -> None:
    live = await open_workspace(stage, is_demo=False)
    project = await begin(replace(stage, workspace_id=live))

    with pytest.raises(ToolUnavailable):
        await order(replace(stage, workspace_id=live), project)

    assert await lines(stage, workspace_id=live) == [("grant", 50)]


async def test_a_large_board_of_unlimited_stills_starts_at_the_fair_use_pace(
    stage: Stage,
) -> None:
    await start(stage, "unlimited")
    project = await begin(stage, text="EXT. SEA\n\n" + "A wave.\n\n" * 250)

    placed = await order(stage, project)

    at = stage.clock.now()
    waits = [(job.starts_at - at) / timedelta(hours=1) for job in placed.jobs]
    assert (waits.count(0), waits.count(1), waits.count(2)) == (120, 120, 10)
    assert {job.deadline_at - job.starts_at for job in placed.jobs} == {timedelta(minutes=30)}


async def test_a_quote_keeps_its_price_while_the_catalog_changes(stage: Stage) -> None:
    await start(stage)
    project = await with_stills(stage)
    quoted = await quote_board(
        stage.studio, workspace_id=stage.workspace_id, project_id=project.project_id
    )
    catalog = changed_catalog(stage.studio, tool="runway_gen4_turbo", rate=7)
    later = replace(stage, studio=replace(stage.studio, catalog=catalog))
    stage.clock.move(minutes=14)

    placed = await order(
        later, project, wanted=Wanted.CLIP, quote_id=quoted.quote_id, is_confirmed=True
    )

    assert [(job.price, job.version) for job in placed.jobs] == [(25, "2025-01")] * 3


async def test_a_lower_current_price_wins_over_the_quote(stage: Stage) -> None:
    await start(stage)
    project = await with_stills(stage)
    quoted = await quote_board(
        stage.studio, workspace_id=stage.workspace_id, project_id=project.project_id
    )
    catalog = changed_catalog(stage.studio, tool="runway_gen4_turbo", rate=4)
    later = replace(stage, studio=replace(stage.studio, catalog=catalog))
    stage.clock.move(minutes=2)

    placed = await order(
        later, project, wanted=Wanted.CLIP, quote_id=quoted.quote_id, is_confirmed=True
    )

    assert [(job.price, job.version) for job in placed.jobs] == [(20, "later")] * 3


async def test_a_tool_that_was_withdrawn_is_refused_though_quoted(stage: Stage) -> None:
    await start(stage)
    project = await with_stills(stage)
    quoted = await quote_board(
        stage.studio, workspace_id=stage.workspace_id, project_id=project.project_id
    )
    catalog = changed_catalog(stage.studio, tool="runway_gen4_turbo", rate=None)
    later = replace(stage, studio=replace(stage.studio, catalog=catalog))
    stage.clock.move(minutes=2)

    with pytest.raises(UnknownTool):
        await order(later, project, wanted=Wanted.CLIP, quote_id=quoted.quote_id)


async def test_a_quote_is_over_after_its_time_to_the_instant(stage: Stage) -> None:
    project = await begin(stage)
    quoted = await quote_board(
        stage.studio, workspace_id=stage.workspace_id, project_id=project.project_id
    )

    stage.clock.move(minutes=15)
    with pytest.raises(QuoteExpired):
        await order(stage, project, quote_id=quoted.quote_id)
    stage.clock.move(microseconds=-1)

    assert len((await order(stage, project, quote_id=quoted.quote_id)).jobs) == 3


async def test_a_quote_of_another_board_or_of_other_frames_is_refused(stage: Stage) -> None:
    project = await begin(stage)
    quoted = await quote_board(
        stage.studio, workspace_id=stage.workspace_id, project_id=project.project_id
    )
    scene_id = (await look(stage, project)).scenes[0].scene_id
    await storyboard.add_frame(
        stage.studio, project=project, scene_id=scene_id, text=FrameText(description="A moth.")
    )

    with pytest.raises(QuoteOutdated, match="frame 3 "):
        await order(stage, project, quote_id=quoted.quote_id)
    with pytest.raises(UnknownQuote):
        await order(stage, await begin(stage), quote_id=quoted.quote_id)


async def test_the_best_mix_is_chosen_when_that_is_asked_for(stage: Stage) -> None:
    await start(stage)
    project = await begin(stage)
    name = {"workspace_id": stage.workspace_id, "project_id": project.project_id}

    told = await mix_board(stage.studio, **name, budget=100)
    before = [frame.tool for frame in (await look(stage, project)).frames]
    chosen = await mix_board(stage.studio, **name, budget=100, is_chosen=True)

    assert (told.price, told.rank_sum) == (100, 8)
    assert [frame.tool for frame in told.frames] == [
        "kling_pro", "runway_gen4_turbo", "runway_gen4_turbo",
    ]  # fmt: skip
    assert before == ["runway_gen4_turbo"] * 3
    assert chosen == replace(told, is_chosen=True)
    assert [f.tool for f in (await look(stage, project)).frames] == [f.tool for f in told.frames]


async def test_a_mix_without_a_budget_spends_what_is_there(stage: Stage) -> None:
    await start(stage)
    project = await begin(stage)
    name = {"workspace_id": stage.workspace_id, "project_id": project.project_id}

    rich = await mix_board(stage.studio, **name)
    with pytest.raises(BudgetTooSmall) as refusal:
        await mix_board(stage.studio, **name, budget=74)

    assert (rich.budget, rich.price) == (1_500, 150)
    assert (refusal.value.required, refusal.value.shortfall) == (75, 1)


async def test_a_mix_that_no_tool_can_make_names_the_frame(stage: Stage) -> None:
    project = await begin(stage)
    name = {"workspace_id": stage.workspace_id, "project_id": project.project_id}
    frame = (await look(stage, project)).frames[0]
    await storyboard.change_frame(
        stage.studio, workspace_id=stage.workspace_id, frame_id=frame.frame_id,
        text=FrameText(description="A lamp.", tool="veo3", duration_s=8),
    )  # fmt: skip
    await storyboard.change_project(stage.studio, **name, ratio="21:9")

    with pytest.raises(NoToolFits, match="frame 1, 8 s in 21:9"):
        await mix_board(stage.studio, **name)


async def test_an_empty_board_lacks_nothing(stage: Stage) -> None:
    project = await storyboard.create_project(
        stage.studio, workspace_id=stage.workspace_id, name="Blank"
    )
    name = {"workspace_id": stage.workspace_id, "project_id": project.project_id}

    assert (await estimate_board(stage.studio, **name)).totals == ()
    for asked in (quote_board, mix_board):
        with pytest.raises(NothingLacking):
            await asked(stage.studio, **name)
    with pytest.raises(NothingLacking):
        await order(stage, project)


async def test_the_table_of_tools_tells_what_a_balance_buys(stage: Stage) -> None:
    await start(stage)
    tools = {
        row.tool: row for row in await tools_for(stage.studio, workspace_id=stage.workspace_id)
    }

    runway = tools["runway_gen4_turbo"]
    assert (runway.available, runway.seconds_affordable, runway.clips_affordable) == (
        1_500,
        300,
        60,
    )
    assert [clip.credits_per_100_s for clip in tools["veo3"].clips] == [3_125]
    assert (tools["kling_pro"].clips_affordable, tools["kling_pro"].seconds_affordable) == (30, 300)
    assert tools["image_generation"].images_affordable == 700
    wide = await tools_for(stage.studio, workspace_id=stage.workspace_id, available=250)
    assert {row.tool: row.clips_affordable for row in wide}["veo3"] == 1
