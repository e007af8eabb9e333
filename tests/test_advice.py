"""Advice about a board: nothing, the cheapest purchase, a larger plan, or a plan at all."""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alert_stage import spend
from mutoscope.app import storyboard
from mutoscope.app.advice import Advice, advise
from mutoscope.bootstrap import read_catalog
from mutoscope.domain.offers import FreeAmount, Money, Pack
from mutoscope.domain.pack_advice import cheapest
from mutoscope.domain.storyboard import Project
from storyboard_stage import begin, start
from studio_stage import Stage

VERSION = read_catalog(None).version_at(at=datetime(2026, 1, 1, tzinfo=UTC))


async def board(stage: Stage, *, clips: int = 3, tool: str = "veo3", seconds: int = 8) -> Project:
    """Begin a board of three frames whose clips cost 250 video credits each."""
    project = await begin(stage)
    found = await storyboard.read_board(
        stage.studio, workspace_id=stage.workspace_id, project_id=project.project_id
    )
    async with stage.studio.reading() as connection:
        for frame in found.frames[:clips]:
            await connection.execute(
                "UPDATE frames SET tool = $3, duration_s = $4"
                " WHERE workspace_id = $1 AND frame_id = $2",
                stage.workspace_id, frame.frame_id, tool, seconds,
            )  # fmt: skip
    return project


async def advice(stage: Stage, project: Project) -> Advice:
    return await advise(
        stage.studio, workspace_id=stage.workspace_id, project_id=project.project_id
    )


async def test_a_trial_is_told_to_start_the_cheapest_plan_that_covers(stage: Stage) -> None:
    project = await board(stage, clips=2)

    found = await advice(stage, project)

    assert (found.action, found.plan and found.plan.plan) == ("start_plan", "essential")
    assert all(each.basket is None for each in found.kinds)
    assert found.sentence.endswith("Start the plan Essential: its monthly credits cover the board.")


async def test_where_no_plan_covers_the_largest_is_named(stage: Stage) -> None:
    project = await board(stage)
    async with stage.studio.reading() as connection:
        await connection.execute("UPDATE frames SET duration_s = 8, tool = 'veo3'")
    small = replace(VERSION, plans=tuple(plan for plan in VERSION.plans if plan.key == "essential"))
    stage.studio = replace(stage.studio, catalog=replace(stage.studio.catalog, versions=(small,)))

    found = await advice(stage, project)

    assert (found.plan and found.plan.covers, found.action) == (False, "start_plan")
    assert found.sentence.endswith("it gives the most, and more may be bought with it.")


async def test_a_balance_that_covers_needs_nothing(stage: Stage) -> None:
    project = await board(stage)
    await start(stage, "pro")

    found = await advice(stage, project)

    assert (found.action, found.sentence) == (
        "nothing", "Nothing is needed: the balance covers the board.",
    )  # fmt: skip


async def test_what_is_short_is_bought_at_the_lowest_price(stage: Stage) -> None:
    project = await board(stage)
    await start(stage, "unlimited")
    await spend(stage, stage.workspace_id, 2_900)

    found = await advice(stage, project)

    (video,) = [each for each in found.kinds if each.kind == "video"]
    assert (found.action, video.shortfall) == ("buy", 650)
    assert video.basket is not None
    assert (video.basket.credits, video.basket.price.amount) == (700, 1_820)
    assert (video.next_grant_amount, video.shortfall_then) == (3_000, 0)
    assert found.sentence == (
        "650 video credits are short. What comes on 20 February 2025, 12:00 UTC covers the rest. "
        "The cheapest purchase is 700 video credits."
    )


async def test_a_larger_plan_that_is_cheaper_now_is_advised(stage: Stage) -> None:
    project = await board(stage, clips=2)
    await start(stage, "essential")
    await spend(stage, stage.workspace_id, 500)
    stage.clock.move(days=15)

    found = await advice(stage, project)

    assert found.action == "upgrade"
    assert found.plan is not None
    assert found.plan.plan == "pro"
    assert found.plan.credits["video"] == 413
    assert (found.plan.price_now.amount, found.plan.price_monthly.amount) == (1_032, 3_900)


async def test_image_credits_that_are_not_for_sale_take_a_larger_plan(stage: Stage) -> None:
    project = await begin(stage)
    await start(stage, "essential")
    await spend(stage, stage.workspace_id, 200, kind="image")

    found = await advice(stage, project)

    assert (found.action, found.plan and found.plan.plan) == ("upgrade", "pro")


async def test_who_has_the_largest_plan_asks(stage: Stage) -> None:
    project = await begin(stage)
    await start(stage, "pro")
    await spend(stage, stage.workspace_id, 700, kind="image")
    plans = tuple(plan for plan in VERSION.plans if plan.key != "unlimited")
    only = replace(VERSION, plans=plans)
    stage.studio = replace(stage.studio, catalog=replace(stage.studio.catalog, versions=(only,)))

    found = await advice(stage, project)

    assert (found.action, found.plan) == ("ask", None)
    assert found.sentence == (
        "3 image credits are short. What comes on 20 February 2025, 12:00 UTC covers the rest. "
        "Ask support for more."
    )


@pytest.mark.parametrize(
    ("shortfall", "bought", "price"),
    [(1, 700, 1_820), (700, 700, 1_820), (701, 701, 1_823), (1_500, 1_500, 3_900),
     (1_501, 1_501, 3_903), (2_200, 2_200, 5_720), (125_000, 125_000, 325_000)],
)  # fmt: skip
def test_the_shipped_packs_are_bought_to_the_credit(
    shortfall: int, bought: int, price: int
) -> None:
    found = cheapest(version=VERSION, kind="video", shortfall=shortfall)

    assert found is not None
    assert (found.credits, found.price.amount) == (bought, price)


def test_nothing_is_advised_of_a_kind_that_is_not_sold() -> None:
    assert cheapest(version=VERSION, kind="image", shortfall=10) is None


packs = st.lists(st.tuples(st.integers(3, 12), st.integers(1, 60)), min_size=0, max_size=3)


@given(packs, st.none() | st.integers(100, 9_000), st.integers(1, 40))
def test_nothing_that_covers_is_cheaper_than_what_is_advised(
    sold: list[tuple[int, int]], per_1000: int | None, shortfall: int
) -> None:
    free = () if per_1000 is None else (FreeAmount(kind="video", price_per_1000=usd(per_1000)),)
    version = replace(
        VERSION, free_amounts=free, purchase_credits_min=3,
        packs=tuple(
            Pack(key=f"p{n}", name=f"p{n}", kind="video", credits=size, price=usd(amount))
            for n, (size, amount) in enumerate(sold)
        ),
    )  # fmt: skip

    found = cheapest(version=version, kind="video", shortfall=shortfall)

    expected = brute_force(sold, per_1000, shortfall)
    assert (found.price.amount if found else None) == expected
    assert found is None or found.credits >= shortfall


def usd(amount: int) -> Money:
    return Money(amount=amount, currency="USD")


def brute_force(sold: list[tuple[int, int]], per_1000: int | None, shortfall: int) -> int | None:
    """Return the lowest price by trying everything."""
    found = []
    for counts in product(*(range(-(-shortfall // size) + 1) for size, _ in sold)):
        covered = sum(count * size for count, (size, _) in zip(counts, sold, strict=True))
        price = sum(count * amount for count, (_, amount) in zip(counts, sold, strict=True))
        if covered < shortfall and per_1000 is not None:
            price += (max(3, shortfall - covered) * per_1000 + 500) // 1_000
        elif covered < shortfall:
            continue
        found.append(price)
    return min(found, default=None)
