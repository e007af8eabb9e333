"""Plans at the desk: started on account, agreed with one customer, ended for ever; what waits."""

from pathlib import Path
from typing import Any

import pytest

from business_stage import operations, read, spendable, to_pay
from desk_stage import Desk, open_desk
from money_desk_stage import (
    ALLOWANCES,
    at_work,
    granted,
    newest,
    on_enterprise,
    ordered,
    paid,
    parked,
    prepared,
    refunding,
)
from mutoscope.app.agree import NotToBeAgreed
from mutoscope.app.desk import Done, Proposed
from mutoscope.app.desk_facts import WorkspaceClosed
from mutoscope.app.desk_waiting import waiting
from mutoscope.domain.credits import Refusal
from mutoscope.domain.desk import BadDeskData, Field, FieldKind, desk_data
from mutoscope.domain.purchases import PurchaseState
from mutoscope.domain.subscriptions import State
from mutoscope.storage import purchases


async def test_terms_begin_at_once(desk: Desk) -> None:
    await on_enterprise(desk)

    await desk.act(desk.ada, "terms", allowances="video=9000", can_purchase=True)

    subscription = (await read(desk.stage, desk.workspace_id)).subscription
    assert subscription is not None
    assert subscription.can_purchase
    assert await spendable(desk.stage, desk.workspace_id) == 9_000


@pytest.mark.parametrize(
    ("data", "refusal"),
    [
        ({}, BadDeskData),
        ({"allowances": "video"}, BadDeskData),
        ({"allowances": "video=1,video=2"}, BadDeskData),
        ({"allowances": "audio=5"}, NotToBeAgreed),
        ({"currency": "EUR"}, BadDeskData),
        ({"price": 5, "currency": "euro"}, BadDeskData),
        ({"can_purchase": "yes"}, BadDeskData),
    ],
)
async def test_terms_that_cannot_be_are_refused(
    desk: Desk, data: dict[str, Any], refusal: type[Refusal]
) -> None:
    await on_enterprise(desk)

    with pytest.raises(refusal):
        await desk.act(desk.ada, "terms", **data)


@pytest.mark.parametrize("data", [{"allowances": "video=9"}, {"price": 1}, {"can_purchase": True}])
@pytest.mark.parametrize("action", ["terms", "start_plan"])
async def test_what_the_catalog_sets_for_everybody_is_not_agreed(
    desk: Desk, action: str, data: dict[str, Any]
) -> None:
    given = data if action == "terms" else {**await prepared(desk, action), **data}

    with pytest.raises(NotToBeAgreed):
        await desk.act(desk.ada, action, **given)


async def test_a_plan_that_staff_start_is_invoiced_at_the_agreed_price(desk: Desk) -> None:
    await on_enterprise(desk)

    (request,) = await to_pay(desk.stage, desk.workspace_id)

    assert (request.taxed.net, request.taxed.currency) == (90_000, "USD")
    assert request.invoice_id is not None
    assert await spendable(desk.stage, desk.workspace_id, kind="image") == 10


async def test_a_plan_can_have_begun_before_it_was_typed_in(desk: Desk) -> None:
    data = await prepared(desk, "start_plan")

    await desk.act(desk.ada, "start_plan", **data, anchor_at="2025-01-20T09:00:00+00:00")

    subscription = (await read(desk.stage, desk.workspace_id)).subscription
    assert subscription is not None
    assert subscription.anchor_at.day == 20


async def test_closing_forfeits_every_credit_and_says_who_and_why(desk: Desk) -> None:
    await granted(desk)

    await desk.act(desk.ada, "close")

    line = await newest(desk)
    assert line.note is not None
    assert line.note.actor == "ada lovelace"
    assert (await operations(desk.stage, desk.workspace_id))[-1] == ("forfeit", 3_000)
    workspace = await read(desk.stage, desk.workspace_id)
    assert workspace.state_at(at=desk.stage.clock.now()) is State.CLOSED


async def test_a_closed_workspace_is_sold_nothing(desk: Desk) -> None:
    purchase_id = str(await paid(desk))
    await desk.act(desk.ada, "close", key="end")

    with pytest.raises(WorkspaceClosed):
        await desk.act(desk.ada, "add_credits", purchase_id=purchase_id)
    assert [each.is_closed for each in (await waiting(desk.studio)).purchases] == [True]
    done = await desk.act(desk.ada, "refund", key="back", purchase_id=purchase_id)

    assert isinstance(done, Done)
    assert (await waiting(desk.studio)).purchases == ()


async def test_closing_cancels_the_orders_that_nobody_has_paid(desk: Desk) -> None:
    made = await ordered(desk)

    await desk.act(desk.ada, "close")

    async with desk.studio.reading() as connection:
        found = await purchases.get(
            connection, workspace_id=desk.workspace_id, purchase_id=made.purchase.purchase_id
        )
    assert (found.state, found.ended_at) == (PurchaseState.CANCELLED, desk.stage.clock.now())
    assert made.request not in await to_pay(desk.stage, desk.workspace_id)


@pytest.mark.parametrize(
    ("action", "moved"),
    [("start_plan", 1_500), ("terms", 9_000), ("agree_pack", 9_000), ("close", 1_500)],
)
async def test_plans_count_the_credits_that_they_give_or_take(
    desk: Desk, action: str, moved: int
) -> None:
    data = await prepared(desk, action)
    desk.rule(above=moved - 1)

    proposed = await desk.act(at_work(desk, desk.ada), action, **data)
    desk.rule(above=moved)
    done = await desk.act(desk.ada, action, key="alone", **data)

    assert isinstance(proposed, Proposed)
    assert isinstance(done, Done)


def test_amounts_are_the_same_text_whatever_order_they_came_in() -> None:
    fields = (Field(name="allowances", kind=FieldKind.AMOUNTS),)

    found = desk_data(fields=fields, given={"allowances": "video=9000,image=500"})

    assert found == {"allowances": ALLOWANCES}


async def test_what_waits_for_staff_is_listed_until_it_is_decided(desk: Desk) -> None:
    await parked(desk)
    purchase_id = await paid(desk, key="2")
    asked = await refunding_of(desk)
    desk.rule(above=1)
    await desk.act(desk.ada, "add_credits", purchase_id=str(purchase_id))

    found = await waiting(desk.studio)

    assert purchase_id in {each.purchase.purchase_id for each in found.purchases}
    assert [each.payment.reason for each in found.payments] == ["already_paid"]
    assert [(each.refund.refund_id, each.is_by_hand) for each in found.refunds] == [(asked, True)]
    assert [each.action for each in found.proposals] == ["add_credits"]
    assert found.disputes == ()


async def refunding_of(desk: Desk) -> object:
    """Ask for a refund of a third purchase, and return its id."""
    purchase_id = await granted(desk, key="3")
    await desk.act(desk.ada, "refund", key="third", purchase_id=str(purchase_id))
    return await desk.fetch("SELECT refund_id FROM refunds WHERE state = 'asked'")


async def test_nothing_waits_in_a_studio_that_sold_nothing(
    database_url: str, tmp_path: Path
) -> None:
    async with open_desk(database_url, tmp_path) as desk:
        found = await waiting(desk.studio)

    assert not any((found.purchases, found.payments, found.refunds, found.proposals))


async def test_a_refund_by_hand_waits_no_more_when_it_is_confirmed(desk: Desk) -> None:
    asked = await refunding(desk)
    assert len((await waiting(desk.studio)).refunds) == 1

    await desk.act(
        desk.ada, "confirm_refund", refund_id=str(asked.refund_id), outcome="sent", reference="b-1"
    )

    assert (await waiting(desk.studio)).refunds == ()
