"""Raw operations of a studio's ledger leave no money behind: refunds of what was bought, grants."""

import asyncio
from dataclasses import replace
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest

from business_stage import bought, open_paying, order, pay, spendable
from mutoscope.app import credits_back, finance, money_back, raw_ledger
from mutoscope.app.credits_back import CreditsBack
from mutoscope.app.disputes import dispute_told
from mutoscope.app.gateway import GatewayDispute
from mutoscope.app.raw_ledger import PaidReference, perform
from mutoscope.domain import actions as ask
from mutoscope.domain.ledger import RefundExceedsCapture
from mutoscope.domain.lots import Terms
from mutoscope.domain.offers import Money
from mutoscope.domain.planner import Answer, Outcome
from mutoscope.domain.purchases import Purchase, PurchaseNotInThisState
from mutoscope.domain.requests import Request
from mutoscope.domain.spending import AlreadyRefunded
from mutoscope.storage import payments, purchases
from mutoscope.storage.journal import JournalClosed
from mutoscope.storage.purchases import Refund
from mutoscope.storage.session import SideRowRefused
from overtaking import overtake
from studio_stage import Stage

PLAN, PACK = 1_500, 1_500
CLIP = 50


async def do(stage: Stage, workspace_id: UUID, **operations: ask.Action) -> list[Outcome]:
    """Do raw operations, each under its key."""
    requests = [
        Request(workspace_id, "video", "api", key, action) for key, action in operations.items()
    ]
    return await perform(stage.studio, workspace_id=workspace_id, requests=requests)


def back(key: str, amount: int | None = None) -> ask.Refund:
    return ask.Refund(ask.Reference("api", key), amount)


async def used(stage: Stage, *clips: str) -> Purchase:
    """Return a purchase of which each clip has used 50 credits, after those of the plan."""
    workspace_id = await open_paying(stage)
    purchase = await bought(stage, workspace_id)
    charges = {key: ask.Charge(CLIP) for key in clips}
    outcomes = await do(stage, workspace_id, plan=ask.Charge(PLAN), **charges)
    assert all(isinstance(each, tuple) for each in outcomes)
    return purchase


async def refunded(stage: Stage, purchase: Purchase) -> Refund:
    """Send what is left of a purchase back."""
    asked = await money_back.refund(
        stage.studio, workspace_id=purchase.workspace_id, purchase_id=purchase.purchase_id,
        reason="asked",
    )  # fmt: skip
    return await money_back.confirm(
        stage.studio, workspace_id=purchase.workspace_id, refund_id=asked.refund_id
    )


async def now(stage: Stage, purchase: Purchase) -> Purchase:
    async with stage.studio.reading() as connection:
        return await purchases.get(
            connection, workspace_id=purchase.workspace_id, purchase_id=purchase.purchase_id
        )


async def sent(stage: Stage, purchase: Purchase) -> list[int]:
    async with stage.studio.reading() as connection:
        found = await purchases.refunds(connection, workspace_id=purchase.workspace_id, limit=99)
    return [each.amount for each in found]


async def total_of(stage: Stage, purchase: Purchase) -> int:
    async with stage.studio.reading() as connection:
        request = await payments.request(
            connection, workspace_id=purchase.workspace_id, request_id=purchase.request_id
        )
    return request.taxed.total


async def voided_of(stage: Stage, purchase: Purchase) -> int:
    async with stage.studio.reading() as connection:
        found: int = await connection.fetchval(
            "SELECT sum(voided)::bigint FROM lots WHERE reference = $1", str(purchase.purchase_id)
        )
    return found


async def assert_books_agree(stage: Stage, purchase: Purchase) -> None:
    """Fail where the purchase, the ledger and the books of finance do not tell the same."""
    at = stage.clock.now()
    after, total = await now(stage, purchase), await total_of(stage, purchase)
    assert after.taken_back == await voided_of(stage, purchase)
    assert after.refunded == total * after.taken_back // after.credits
    month = await finance.month(stage.studio, year=at.year, month=at.month, zone="UTC")
    for row in month.revenue:
        kept = row.deferred_before + row.sold - row.total - row.taken_back
        assert kept == row.deferred_after, row


def only(outcomes: list[Outcome]) -> Answer:
    (outcome,) = outcomes
    assert isinstance(outcome, tuple), outcome
    return outcome[0]


async def test_a_raw_refund_of_a_purchase_whose_money_went_back_sends_the_rest_of_it(
    stage: Stage,
) -> None:
    purchase = await used(stage, "clip")
    first = await refunded(stage, purchase)

    whose = purchase.workspace_id
    done = only(await do(stage, whose, back=back("clip")))
    again = only(await do(stage, whose, back=back("clip")))
    (other,) = await do(stage, whose, other=back("clip"))

    assert (done.is_replay, again.is_replay, again.entry) == (False, True, done.entry)
    assert isinstance(other, AlreadyRefunded)
    total = await total_of(stage, purchase)
    assert sorted(await sent(stage, purchase)) == sorted([first.amount, total - first.amount])
    assert (await now(stage, purchase)).taken_back == PACK
    assert await spendable(stage, whose) == 0
    await assert_books_agree(stage, purchase)


async def test_credits_that_come_back_to_a_purchase_that_stands_move_no_money(
    stage: Stage,
) -> None:
    purchase = await used(stage, "clip")

    await do(stage, purchase.workspace_id, back=back("clip", 20))

    assert await spendable(stage, purchase.workspace_id) == PACK - CLIP + 20
    assert await sent(stage, purchase) == []
    asked = await refunded(stage, purchase)
    assert asked.credits == PACK - CLIP + 20
    await assert_books_agree(stage, purchase)


async def test_many_refunds_of_one_batch_each_move_their_money_once(stage: Stage) -> None:
    clips = [f"clip-{number}" for number in range(5)]
    purchase = await used(stage, *clips)
    await refunded(stage, purchase)

    refunds = {f"back-{key}": back(key) for key in clips}
    outcomes = await do(stage, purchase.workspace_id, meter=ask.Meter(1), **refunds)

    assert all(isinstance(each, tuple) for each in outcomes), outcomes
    assert sum(await sent(stage, purchase)) == await total_of(stage, purchase)
    await assert_books_agree(stage, purchase)


async def test_refunds_at_once_with_that_of_the_purchase_lose_nothing(stage: Stage) -> None:
    clips = [f"clip-{number}" for number in range(6)]
    purchase = await used(stage, *clips)

    await asyncio.gather(
        *(do(stage, purchase.workspace_id, **{f"back-{key}": back(key)}) for key in clips),
        refunded(stage, purchase), return_exceptions=True,
    )  # fmt: skip
    for key in clips:
        await do(stage, purchase.workspace_id, **{f"back-{key}": back(key)})
    if not await sent(stage, purchase):
        await refunded(stage, purchase)

    assert sum(await sent(stage, purchase)) == await total_of(stage, purchase)
    await assert_books_agree(stage, purchase)


async def test_a_refund_of_the_purchase_that_overtakes_is_followed_by_its_money(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    purchase = await used(stage, "clip")
    overtake(
        monkeypatch, credits_back.desk, "origins", is_read_first=True,
        again=partial(refunded, stage, purchase),
    )  # fmt: skip

    only(await do(stage, purchase.workspace_id, back=back("clip")))

    assert sum(await sent(stage, purchase)) == await total_of(stage, purchase)
    await assert_books_agree(stage, purchase)


async def test_a_refund_that_is_never_as_it_was_read_is_refused(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    purchase = await used(stage, "clip")
    read = raw_ledger.credits_back

    async def stale(*given: Any, **named: Any) -> CreditsBack:  # noqa: ANN401 -- any call
        return replace(await read(*given, **named), voided=1)

    monkeypatch.setattr(raw_ledger, "credits_back", stale)
    (outcome,) = await do(stage, purchase.workspace_id, back=back("clip"))

    assert isinstance(outcome, SideRowRefused)
    assert await spendable(stage, purchase.workspace_id) == PACK - CLIP


async def test_a_ledger_that_is_away_refuses_the_whole_batch(stage: Stage) -> None:
    purchase = await used(stage, "clip")
    await stage.studio.journal.close()

    with pytest.raises(JournalClosed):
        await do(stage, purchase.workspace_id, back=back("clip"))

    await stage.studio.journal.open()
    only(await do(stage, purchase.workspace_id, back=back("clip")))


async def test_a_charge_and_its_refund_go_in_one_batch(stage: Stage) -> None:
    purchase = await used(stage)

    outcomes = await do(
        stage, purchase.workspace_id, clip=ask.Charge(CLIP), back=back("clip"),
        more=ask.Charge(PACK), none=ask.Charge(1), far=back("more", PACK + 1),
    )  # fmt: skip

    assert [isinstance(each, tuple) for each in outcomes] == [True, True, True, False, False]
    assert isinstance(outcomes[-1], RefundExceedsCapture)
    assert await spendable(stage, purchase.workspace_id) == 0


async def test_what_comes_back_after_a_lost_dispute_lessens_the_debt(stage: Stage) -> None:
    purchase = await used(stage, "clip")
    total = await total_of(stage, purchase)
    told = GatewayDispute(
        reference="dp-1", payment_reference=f"transfer {purchase.request_id}", is_won=False,
        total=Money(amount=total, currency="USD"),
    )  # fmt: skip
    await dispute_told(stage.studio, gateway="manual", dispute=told)
    owed = (await now(stage, purchase)).debt

    await do(stage, purchase.workspace_id, back=back("clip"))

    after = await now(stage, purchase)
    assert (owed, after.debt, after.taken_back) == (total * CLIP // PACK, 0, PACK)
    assert await sent(stage, purchase) == []


async def test_an_open_dispute_of_what_was_taken_back_is_decided_first(stage: Stage) -> None:
    purchase = await used(stage, "clip")
    asked = await money_back.refund(
        stage.studio, workspace_id=purchase.workspace_id, purchase_id=purchase.purchase_id,
        reason="asked",
    )  # fmt: skip
    await money_back.confirm(
        stage.studio, workspace_id=purchase.workspace_id, refund_id=asked.refund_id, is_sent=False
    )
    told = GatewayDispute(
        reference="dp-1", payment_reference=f"transfer {purchase.request_id}",
        total=Money(amount=asked.amount, currency="USD"),
    )  # fmt: skip
    await dispute_told(stage.studio, gateway="manual", dispute=told)

    (outcome,) = await do(stage, purchase.workspace_id, back=back("clip"))

    assert isinstance(outcome, PurchaseNotInThisState)
    assert (await now(stage, purchase)).taken_back == 0


def gift(stage: Stage, source: str, reference: str) -> ask.Grant:
    at = stage.clock.now()
    return ask.Grant(10, Terms(source=source, effective_at=at, reference=reference))


async def test_no_raw_grant_is_named_after_what_was_paid(stage: Stage) -> None:
    workspace_id = await open_paying(stage)
    made = await order(stage, workspace_id)
    await pay(stage, made.request)
    async with stage.studio.reading() as connection:
        plan_id = await connection.fetchval("SELECT subscription_id FROM subscriptions")
    purchase_id, grant = str(made.purchase.purchase_id), partial(gift, stage)

    outcomes = await do(
        stage, workspace_id, bought=grant("pack", purchase_id), mine=grant("pack", "order 7"),
        plan=grant("plan", f"{plan_id}/3"), other=grant("pack", str(uuid4())),
        gift=grant("gift", purchase_id),
    )  # fmt: skip

    is_refused = [isinstance(each, PaidReference) for each in outcomes]
    assert is_refused == [True, False, True, False, False]
    assert await spendable(stage, workspace_id) == PLAN + 30
    assert all("`desk add-credits`" in str(outcomes[number]) for number in (0, 2))
