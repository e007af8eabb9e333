"""A plan starts once: its billing date is fixed, the trial lapses, the first credits come."""

import asyncio
from datetime import UTC, datetime

import pytest

from mutoscope.app import promo
from mutoscope.app.sign_up import TrialTaken, create, sign_up
from mutoscope.app.subscribe import (
    AlreadySubscribed,
    NotVerified,
    start_plan,
)
from mutoscope.app.terms import AllowanceNotAgreed
from mutoscope.domain.credits import BadAmount
from mutoscope.storage import balances
from mutoscope.storage.offers import PromoCode
from mutoscope.storage.workspaces import Workspace
from studio_fixture import drive, lines, open_workspace, place
from studio_stage import FRAME, Stage


async def start(
    stage: Stage, plan: str = "essential", *, agreed: dict[str, int] | None = None
) -> Workspace:
    return await start_plan(stage.studio, workspace_id=stage.workspace_id, plan=plan, agreed=agreed)


async def test_a_plan_grants_its_first_credits_and_fixes_the_billing_date(stage: Stage) -> None:
    subscribed = await start(stage)

    assert subscribed.subscription is not None
    assert subscribed.subscription.anchor_at == stage.clock.now()
    assert await lines(stage, kind="video") == [("grant", 700)]
    assert await lines(stage) == [("grant", 50), ("expire", 50), ("grant", 200)]


async def test_trial_credits_lapse_on_a_line_of_their_own(stage: Stage) -> None:
    stage.generator.succeed(images=20)
    await drive(stage, await stage.place(images=20))

    await start(stage)

    assert ("expire", 30) in await lines(stage)
    assert await stage.credits() == (200, 0)


async def test_credits_held_in_the_trial_pay_for_their_job_and_lapse_when_returned(
    stage: Stage,
) -> None:
    job = await stage.place(images=4)
    await start(stage)
    stage.generator.succeed(images=3)

    await drive(stage, job)

    assert ("settle", 4) in await lines(stage)
    assert (await lines(stage))[-1] == ("expire", 1)
    assert await stage.credits() == (200, 0)


async def test_a_trial_that_was_over_does_not_lapse_twice(stage: Stage) -> None:
    stage.clock.move(days=15)

    await start(stage)

    lapsed = [amount for operation, amount in await lines(stage) if operation == "expire"]
    assert sum(lapsed) == 50
    assert await stage.credits() == (200, 0)


async def test_of_two_starts_at_once_one_is_a_plan(stage: Stage) -> None:
    started = await asyncio.gather(
        start(stage, "essential"), start(stage, "pro"), return_exceptions=True
    )

    (winner,) = [each for each in started if isinstance(each, Workspace)]
    (loser,) = [each for each in started if isinstance(each, AlreadySubscribed)]
    assert winner.subscription is not None
    assert loser.plan == winner.subscription.plan
    assert len([line for line in await lines(stage, kind="video") if line[0] == "grant"]) == 1


async def test_a_second_plan_is_refused_by_the_name_of_the_first(stage: Stage) -> None:
    await start(stage, "pro")

    with pytest.raises(AlreadySubscribed, match="has the plan pro"):
        await start(stage, "essential")

    assert await stage.credits() == (700, 0)


async def test_an_unproven_address_starts_no_plan(stage: Stage) -> None:
    newcomer = await sign_up(stage.studio, name="Ada", email="ada@example.com", zone="UTC")

    with pytest.raises(NotVerified):
        await start_plan(stage.studio, workspace_id=newcomer.workspace_id, plan="pro")

    assert await lines(stage, workspace_id=newcomer.workspace_id) == []


async def test_credits_left_open_by_the_plan_are_agreed_first(stage: Stage) -> None:
    with pytest.raises(AllowanceNotAgreed, match="video credits of enterprise"):
        await start(stage, "enterprise", agreed={"image": 9_000})

    await start(stage, "enterprise", agreed={"image": 9_000, "video": 5_000})

    assert await stage.credits() == (9_000, 0)
    assert await lines(stage, kind="video") == [("grant", 5_000)]


@pytest.mark.parametrize("amount", [0, -1, 10**18, True])
async def test_an_agreed_amount_is_a_positive_whole_number(stage: Stage, amount: int) -> None:
    with pytest.raises(BadAmount):
        await start(stage, "enterprise", agreed={"image": amount, "video": 5_000})

    assert await stage.credits() == (50, 0)


async def test_monthly_credits_are_reset_on_the_billing_date(stage: Stage) -> None:
    stage.clock.at = datetime(2025, 1, 31, 9, tzinfo=UTC)
    await start(stage)
    at = datetime(2025, 2, 28, 9, tzinfo=UTC)

    async with stage.studio.reading() as connection:
        image, _ = await balances.balances(
            connection, workspace_id=stage.workspace_id, at=at, now=stage.clock.now()
        )

    assert (image.spendable, image.next_grant_at) == (200, datetime(2025, 3, 31, 9, tzinfo=UTC))


async def test_an_unlimited_plan_works_where_there_never_was_a_trial(stage: Stage) -> None:
    await create(stage.studio, name="First", zone="UTC", email="ada@example.com")
    with pytest.raises(TrialTaken):
        await create(
            stage.studio, name="Second", zone="UTC", email="ada+2@example.com", is_demo=True
        )
    async with stage.studio.reading() as connection:
        second = await connection.fetchval(
            "SELECT workspace_id FROM workspaces WHERE name = $1", "Second"
        )
    await start_plan(stage.studio, workspace_id=second, plan="unlimited")

    job = await place(stage, FRAME, workspace_id=second)

    assert (job.is_metered, await lines(stage, workspace_id=second)) == (True, [("hold", 1)])


async def test_two_workspaces_keep_their_credits_apart(stage: Stage) -> None:
    other = await open_workspace(stage, plan="pro")

    await start(stage)

    assert await stage.credits() == (200, 0)
    assert (await lines(stage, workspace_id=other))[-1] == ("grant", 700)


async def test_the_end_of_a_trial_takes_credits_of_the_trial_alone(stage: Stage) -> None:
    await promo.offer(stage.studio, PromoCode(
        code="SPRING", kind="image", credits=30, lasts_days=90, redemptions_max=1, redeemed=0,
        ends_at=None, created_at=stage.clock.now(),
    ))  # fmt: skip
    await promo.redeem(stage.studio, workspace_id=stage.workspace_id, code="SPRING")

    await start(stage)

    assert await stage.credits() == (200 + 30, 0)
