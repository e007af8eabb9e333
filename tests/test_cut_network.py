"""The network between the ledger and its database is cut: nothing is lost, nothing doubled."""

from collections.abc import AsyncIterator
from uuid import UUID, uuid5

import pytest

from crash_points import NOW, STUDIO, lines, play, script
from cut_network import Cut, Side, relayed
from mutoscope.domain.planner import Answer
from mutoscope.storage.database import DatabaseUnreachable
from mutoscope.storage.journal import Journal
from soundness import assert_sound


@pytest.fixture(autouse=True)
async def sound(database_url: str) -> AsyncIterator[None]:
    yield
    await assert_sound(database_url)


async def play_through(url: str, cut: Cut, *, at: int, workspace_id: UUID) -> list[Answer]:
    """Submit the script; the network is cut at a sending, counted from the first submission."""
    journal = Journal(url=url, now=lambda: NOW)
    try:
        await journal.open()
    except DatabaseUnreachable:  # a machine that stalls beyond the timeout; nothing is sent yet
        await journal.open()
    cut.sendings, cut.at = 0, at
    answers = [await journal.submit(each) for each in script(workspace_id, seed=0)]
    cut.at = 0
    await journal.close()
    return [each for answer in answers for each in answer]


@pytest.mark.parametrize("side", Side)
async def test_a_cut_at_any_moment_loses_and_doubles_nothing(side: Side, database_url: str) -> None:
    undisturbed = uuid5(STUDIO, "undisturbed")
    await play(url=database_url, workspace_id=undisturbed, notes=None)
    expected = await lines(database_url, undisturbed)

    replays = 0
    async with relayed(database_url) as (url, cut):
        cut.side = side
        await play_through(url, cut, at=0, workspace_id=uuid5(STUDIO, "counted"))
        for at in range(1, cut.sendings + 1):
            workspace_id = uuid5(STUDIO, f"cut {at}")
            answers = await play_through(url, cut, at=at, workspace_id=workspace_id)
            replays += sum(each.is_replay for each in answers)
            assert await lines(database_url, workspace_id) == expected, at

    assert cut.made >= len(script(undisturbed, seed=0))
    assert bool(replays) == (side is Side.BEFORE_THE_ANSWER)
