"""What was played is counted from what is stored, also where nobody writes that it happened."""

from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from business_stage import BEGINNING, open_paying, order, pay
from mutoscope.app import money_back, sign_up, suspend
from mutoscope.app.fulfil import add_credits
from mutoscope.app.subscribe import start_plan
from mutoscope.domain.subscriptions import Event, State
from mutoscope.storage import played
from soundness import assert_sound
from studio_stage import Stage, open_stage

TRIAL = timedelta(days=14)
DAY = timedelta(days=1)


@pytest.fixture
async def stage(database_url: str, tmp_path: Path) -> AsyncIterator[Stage]:
    async with open_stage(database_url, tmp_path) as stage:
        stage.clock.at = BEGINNING
        yield stage
        await assert_sound(database_url)


async def join(stage: Stage, name: str) -> UUID:
    opened = await sign_up.create(
        stage.studio, name=name, zone="UTC", email=f"{name.lower()}@example.com"
    )
    return opened.workspace_id


async def transitions(stage: Stage) -> Mapping[tuple[State, Event], int]:
    async with stage.studio.reading() as connection:
        return await played.transitions(connection, at=stage.clock.now())


async def test_a_trial_lapses_once_its_days_are_over_unless_a_plan_or_a_closing_came_first(
    stage: Stage,
) -> None:
    await join(stage, "Borealis")
    started, closed = await join(stage, "Cygnus"), await join(stage, "Draco")
    await start_plan(stage.studio, workspace_id=started, plan="pro")
    await suspend.close(stage.studio, workspace_id=closed)

    stage.clock.at += TRIAL - DAY
    before = await transitions(stage)
    stage.clock.at += DAY
    after = await transitions(stage)

    assert before[State.TRIAL, Event.LAPSE] == 1, "the stage's own trial"
    assert after[State.TRIAL, Event.LAPSE] == 2, "and that of Borealis"
    assert after[State.TRIAL, Event.START] == 1


@pytest.mark.parametrize(
    ("days", "plans", "state"),
    [(0, 0, State.TRIAL), (15, 0, State.FREE), (0, 1, State.ACTIVE)],
)
async def test_a_closing_is_told_of_the_state_in_which_it_came(
    stage: Stage, days: int, plans: int, state: State
) -> None:
    workspace_id = await join(stage, "Eridanus")
    for _ in range(plans):
        await start_plan(stage.studio, workspace_id=workspace_id, plan="pro")
    stage.clock.at += days * DAY

    await suspend.close(stage.studio, workspace_id=workspace_id)

    closings = {
        before: times
        for (before, event), times in (await transitions(stage)).items()
        if event is Event.CLOSE
    }
    assert closings == {state: 1}


async def test_money_is_counted_as_it_came_and_went_back(stage: Stage) -> None:
    workspace_id = await open_paying(stage)
    made = await order(stage, workspace_id)
    await pay(stage, made.request)
    whose = {"workspace_id": workspace_id, "purchase_id": made.purchase.purchase_id}
    await add_credits(stage.studio, **whose)
    asked = await money_back.refund(stage.studio, **whose, reason="asked for")
    await money_back.confirm(stage.studio, workspace_id=workspace_id, refund_id=asked.refund_id)

    async with stage.studio.reading() as connection:
        found = await played.money(connection)
        ledger = await played.acts(connection)

    assert found == {
        "request purchase paid": 1, "payment applied": 1, "purchase automatic refunded": 1,
        "refund succeeded 1": 1, "document invoice": 2, "document credit_note": 1,
    }  # fmt: skip
    assert ledger["ledger void"] == 1
    assert ledger["terms 2025-01 1"] == 1
