"""Orders of one board at the same moment: no shot is ordered twice, from whatever process."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from mutoscope.app.storyboard_estimate import NothingLacking
from mutoscope.app.storyboard_orders import BoardWish, order_board
from mutoscope.domain.storyboard import Wanted
from mutoscope.storage.journal import Journal
from storyboard_stage import begin, look, order
from studio_stage import Stage


@pytest.fixture
async def other(stage: Stage, database_url: str) -> AsyncIterator[Journal]:
    """Open the ledger a second time, as another process does."""
    journal = Journal(url=database_url, now=stage.clock.now)
    await journal.open()
    yield journal
    await journal.close()


def stages(stage: Stage, other: Journal) -> list[Stage]:
    """Return who orders: three in each of two processes."""
    return [stage, replace(stage, studio=replace(stage.studio, journal=other))] * 3


async def test_an_order_at_the_same_time_under_one_key_is_placed_once(
    stage: Stage, other: Journal
) -> None:
    project = await begin(stage)

    found = await asyncio.gather(*(order(each, project) for each in stages(stage, other)))

    assert len({each.order_id for each in found}) == 1
    assert [each.is_replay for each in found].count(False) == 1
    assert await stage.credits() == (47, 3)


async def test_orders_at_the_same_time_under_different_keys_order_each_shot_once(
    stage: Stage, other: Journal
) -> None:
    project = await begin(stage)

    found = await asyncio.gather(
        *(order(each, project, key=f"board-{n}") for n, each in enumerate(stages(stage, other))),
        return_exceptions=True,
    )

    placed = [each for each in found if not isinstance(each, BaseException)]
    assert [len(each.jobs) for each in placed] == [3]
    assert [type(each) for each in found].count(NothingLacking) == 5
    assert await stage.credits() == (47, 3)


async def test_orders_of_some_frames_at_the_same_time_share_what_is_lacking(stage: Stage) -> None:
    project = await begin(stage)
    frames = [frame.frame_id for frame in (await look(stage, project)).frames]
    wish = BoardWish(project_id=project.project_id, wanted=Wanted.STILL)
    name = {"workspace_id": stage.workspace_id}

    found = await asyncio.gather(*(
        order_board(stage.studio, **name, wish=replace(wish, frame_ids=some), key=f"{number}")
        for number, some in enumerate([tuple(frames[:2]), tuple(frames[1:]), ()])
    ), return_exceptions=True)  # fmt: skip

    placed = [each for each in found if not isinstance(each, BaseException)]
    ordered = [job.spec.prompt for each in placed for job in each.jobs]
    assert sorted(ordered) == sorted(
        frame.description for frame in (await look(stage, project)).frames
    )
    assert await stage.credits() == (47, 3)
