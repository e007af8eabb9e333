"""Packs and prices of one workspace begin, and end, on the date that staff agree, or are undone."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from business_stage import pay, pay_all, read, tick
from desk_stage import Desk
from money_desk_stage import (
    PACK,
    at_work,
    open_agreeing_desk,
    shop_of,
)
from mutoscope.app import buy, change_plan
from mutoscope.app.buy import Order, Wish
from mutoscope.app.change_plan import NothingScheduled
from mutoscope.app.desk import Done, Proposed
from mutoscope.domain.catalog import UnknownPack
from mutoscope.domain.desk import BadDeskData
from mutoscope.domain.estimate import NotForSale

AMOUNTS: dict[str, Any] = {"kind": "video", "price_per_1000": 1_500}
LATER = {"begins": "billing_date"}
INSTANT = timedelta(microseconds=1)


@pytest.fixture
async def desk(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_agreeing_desk(database_url, tmp_path) as desk:
        yield desk


async def sold(desk: Desk) -> dict[str, int]:
    """Return the packs that are for sale to the workspace, with their prices."""
    return {pack.key: pack.price.amount for pack in (await shop_of(desk)).packs}


async def coming(desk: Desk) -> list[tuple[datetime, str | None, bool]]:
    """Return what is told to change: when, which pack, and whether it is sold then."""
    workspace = await read(desk.stage, desk.workspace_id)
    found = desk.studio.coming_to(workspace, at=desk.stage.clock.now())
    return [(each.begins_at, each.pack or each.kind, each.offer is not None) for each in found]


async def billing_date(desk: Desk) -> datetime:
    subscription = (await read(desk.stage, desk.workspace_id)).subscription
    assert subscription is not None
    return subscription.period_at(at=desk.stage.clock.now()).ends_at


async def ordered(desk: Desk, *, key: str = "own", **wish: Any) -> Order:  # noqa: ANN401 -- a wish
    return await buy.buy(
        desk.studio, workspace_id=desk.workspace_id, wish=Wish(**wish), key=key
    )  # fmt: skip


async def test_a_pack_for_the_billing_date_is_shown_and_sold_from_then_on(
    desk: Desk, database_url: str
) -> None:
    date = await billing_date(desk)

    done = await desk.act(desk.ada, "agree_pack", **PACK, **LATER)

    assert isinstance(done, Done)
    assert f'"begins_at": "{date.isoformat()}"' in done.line.data
    assert await coming(desk) == [(date, "house_9000", True)]
    desk.stage.clock.at = date - INSTANT
    with pytest.raises(UnknownPack):
        await ordered(desk, pack="house_9000")
    desk.stage.clock.at = date
    assert (await ordered(desk, pack="house_9000")).purchase.price.amount == 15_000
    await tick(desk.stage, database_url)
    assert (await sold(desk))["house_9000"] == 15_000
    assert await coming(desk) == []


async def test_a_new_price_takes_the_old_one_s_place_on_its_day(desk: Desk) -> None:
    await desk.act(desk.ada, "agree_pack", **PACK)
    cheap = PACK | {"price": 12_000, "begins": "2025-03-01"}
    await desk.act(desk.ada, "agree_pack", key="2", **cheap)
    await desk.act(desk.ada, "agree_free_amount", key="3", **AMOUNTS, begins="2025-03-01")

    before = await ordered(desk, pack="house_9000")
    desk.stage.clock.at = datetime(2025, 3, 1, tzinfo=UTC) - INSTANT
    assert (await sold(desk))["house_9000"] == 15_000
    desk.stage.clock.at += INSTANT

    assert (await sold(desk))["house_9000"] == 12_000
    amount = await ordered(desk, key="2", kind="video", credits=1_000)
    assert amount.purchase.price.amount == 1_500
    await pay(desk.stage, before.request)
    assert before.purchase.price.amount == 15_000


async def test_a_date_begins_in_the_zone_of_the_billing_dates(
    desk: Desk, database_url: str
) -> None:
    await desk.act(desk.ada, "change_zone", key="zone", zone="Asia/Tokyo")
    await pay_all(desk.stage, desk.workspace_id)
    desk.stage.clock.at = await billing_date(desk)
    await tick(desk.stage, database_url)

    await desk.act(desk.ada, "agree_pack", **PACK, begins="2025-04-01")

    assert await coming(desk) == [(datetime(2025, 3, 31, 15, tzinfo=UTC), "house_9000", True)]


async def test_a_pack_and_a_price_end_on_a_day(desk: Desk) -> None:
    await desk.act(desk.ada, "agree_pack", **PACK)
    await desk.act(desk.ada, "agree_free_amount", key="2", **AMOUNTS)
    catalogs = {each.kind: each for each in desk.studio.catalog.versions[0].free_amounts}
    await desk.act(desk.ada, "withdraw_pack", key="3", pack="house_9000", **LATER)
    await desk.act(desk.ada, "withdraw_free_amount", key="4", kind="video", **LATER)

    assert "house_9000" in await sold(desk)
    desk.stage.clock.at = await billing_date(desk)

    assert "house_9000" not in await sold(desk)
    assert {each.kind: each for each in (await shop_of(desk)).free_amounts} == catalogs


async def test_what_is_to_come_is_undone_and_what_holds_stays(desk: Desk) -> None:
    await desk.act(desk.ada, "agree_pack", **PACK)
    await desk.act(desk.ada, "withdraw_pack", key="2", pack="house_9000", **LATER)
    await desk.act(desk.ada, "agree_free_amount", key="3", **AMOUNTS, **LATER)

    await desk.act(desk.grace, "undo_offers", key="undo")

    assert (await sold(desk))["house_9000"] == 15_000
    assert await coming(desk) == []
    desk.stage.clock.at = await billing_date(desk)
    assert "house_9000" in await sold(desk)
    with pytest.raises(NothingScheduled):
        await desk.act(desk.grace, "undo_offers", key="again")


async def test_the_last_that_is_agreed_of_a_pack_is_what_comes(desk: Desk) -> None:
    await desk.act(desk.ada, "agree_pack", **PACK, **LATER)
    await desk.act(desk.ada, "agree_pack", key="2", **PACK | {"price": 12_000}, **LATER)
    assert len(await coming(desk)) == 1

    await desk.act(desk.ada, "withdraw_pack", key="3", pack="house_9000")

    assert await coming(desk) == []
    desk.stage.clock.at = await billing_date(desk)
    assert "house_9000" not in await sold(desk)
    with pytest.raises(UnknownPack):
        await desk.act(desk.ada, "withdraw_pack", key="4", pack="house_9000", **LATER)
    with pytest.raises(NotForSale):
        await desk.act(desk.ada, "withdraw_free_amount", key="5", kind="video", **LATER)


@pytest.mark.parametrize(
    "begins",
    [
        "tomorrow",
        "2025-01-30",
        "2025-01-31T09:00:00Z",
        "2025-03-01T09:00:00",
        "2031-01-01",
        "now!",
        "9999-12-31",
    ],
)
async def test_a_day_that_is_none_to_come_is_refused(desk: Desk, begins: str) -> None:
    with pytest.raises(BadDeskData, match="begins"):
        await desk.act(desk.ada, "agree_pack", **PACK, begins=begins)
    assert await coming(desk) == []


async def test_terms_and_packs_for_the_same_day_are_no_hindrance(
    desk: Desk, database_url: str
) -> None:
    await desk.act(desk.ada, "terms", key="1", allowances="video=9000", **LATER)
    await desk.act(desk.ada, "agree_pack", key="2", **PACK, **LATER)
    await change_plan.cancel(desk.studio, workspace_id=desk.workspace_id)
    await change_plan.undo(desk.studio, workspace_id=desk.workspace_id)
    await pay_all(desk.stage, desk.workspace_id)

    desk.stage.clock.at = await billing_date(desk)
    await tick(desk.stage, database_url)

    found = (await read(desk.stage, desk.workspace_id)).subscription
    assert found is not None
    assert found.allowances["video"] == 9_000
    assert "house_9000" in await sold(desk)


async def test_what_is_to_come_ends_with_the_plan(desk: Desk, database_url: str) -> None:
    await desk.act(desk.ada, "agree_pack", **PACK, begins="2025-06-01")
    await pay_all(desk.stage, desk.workspace_id)
    await change_plan.schedule(desk.studio, workspace_id=desk.workspace_id, plan="pro")

    desk.stage.clock.at = await billing_date(desk)
    await tick(desk.stage, database_url)

    assert await coming(desk) == []
    desk.stage.clock.at = datetime(2025, 6, 2, tzinfo=UTC)
    assert "house_9000" not in await sold(desk)


async def test_a_pack_for_later_counts_its_credits_as_well(desk: Desk) -> None:
    desk.rule(above=8_999)

    proposed = await desk.act(at_work(desk, desk.ada), "agree_pack", **PACK, **LATER)

    assert isinstance(proposed, Proposed)
    assert await coming(desk) == []
