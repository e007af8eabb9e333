"""What goes back goes back once: refunds, disputes; and promo codes that give once."""

import asyncio
from datetime import timedelta
from functools import partial
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alert_stage import hold, release, submit
from business_stage import (
    bought,
    documents,
    open_paying,
    operations,
    order,
    pay,
    spend,
    spendable,
    tick,
    to_pay,
)
from mutoscope.app import money_back, promo
from mutoscope.app.disputes import dispute_told
from mutoscope.app.fulfil import PaymentDisputed, add_credits
from mutoscope.app.gateway import GatewayDispute
from mutoscope.app.inbox import facts_of
from mutoscope.app.promo import AlreadyRedeemed, PromoOver
from mutoscope.app.unspent import CreditsHeld, NothingToRefund, RefundTooSmall, Wanted
from mutoscope.domain import actions as ask
from mutoscope.domain.invoices import DocumentKind
from mutoscope.domain.offers import Money
from mutoscope.domain.purchases import (
    Purchase,
    PurchaseState,
    credits_worth,
    unpaid_use,
)
from mutoscope.domain.purchases import (
    money_back as owed,
)
from mutoscope.storage import disputes, purchases
from mutoscope.storage.offers import PromoCode
from overtaking import overtake
from studio_stage import Stage


async def read(stage: Stage, purchase: Purchase) -> Purchase:
    async with stage.studio.reading() as connection:
        return await purchases.get(
            connection, workspace_id=purchase.workspace_id, purchase_id=purchase.purchase_id
        )


async def dispute(
    stage: Stage, purchase: Purchase, *, is_won: bool | None,
    reference: str = "dispute of the bank, 1",
) -> str:  # fmt: skip
    told = GatewayDispute(
        reference=reference, payment_reference=f"transfer {purchase.request_id}", is_won=is_won,
        total=Money(amount=4_641, currency="USD"),
    )  # fmt: skip
    return await dispute_told(stage.studio, gateway="manual", dispute=told)


async def test_a_refund_takes_the_unspent_part_and_its_money(stage: Stage) -> None:
    workspace_id = await open_paying(stage)
    purchase = await bought(stage, workspace_id)
    await spend(stage, workspace_id, 1_500 + 501)

    refund = await money_back.refund(
        stage.studio, workspace_id=workspace_id, purchase_id=purchase.purchase_id, reason="asked"
    )

    total = (await documents(stage, workspace_id))[-1].taxed.total
    assert (refund.credits, refund.amount) == (999, total * 999 // 1_500)
    assert await spendable(stage, workspace_id) == 0
    assert (await read(stage, purchase)).state is PurchaseState.REFUNDED


async def test_a_credit_note_is_issued_when_the_money_has_gone(stage: Stage) -> None:
    workspace_id = await open_paying(stage)
    purchase = await bought(stage, workspace_id)
    refund = await money_back.refund(
        stage.studio, workspace_id=workspace_id, purchase_id=purchase.purchase_id, reason="asked"
    )
    kinds = {each.kind for each in await documents(stage, workspace_id)}
    assert kinds == {DocumentKind.INVOICE}

    await money_back.confirm(stage.studio, workspace_id=workspace_id, refund_id=refund.refund_id)

    (note,) = [
        each for each in await documents(stage, workspace_id)
        if each.kind is DocumentKind.CREDIT_NOTE
    ]  # fmt: skip
    assert note.taxed.total == refund.amount


async def test_a_refund_that_fails_restores_the_credits(stage: Stage) -> None:
    workspace_id = await open_paying(stage)
    purchase = await bought(stage, workspace_id)
    refund = await money_back.refund(
        stage.studio, workspace_id=workspace_id, purchase_id=purchase.purchase_id, reason="asked"
    )
    assert await spendable(stage, workspace_id) == 1_500

    for _ in range(2):
        await money_back.confirm(
            stage.studio, workspace_id=workspace_id, refund_id=refund.refund_id, is_sent=False
        )

    assert await spendable(stage, workspace_id) == 3_000
    assert (await read(stage, purchase)).state is PurchaseState.GRANTED


async def test_spent_credits_are_refunded_by_staff_alone(stage: Stage) -> None:
    workspace_id = await open_paying(stage)
    purchase = await bought(stage, workspace_id)
    await spend(stage, workspace_id, 3_000)
    with pytest.raises(NothingToRefund):
        await money_back.refund(
            stage.studio, workspace_id=workspace_id, purchase_id=purchase.purchase_id, reason="x"
        )

    refund = await money_back.refund(
        stage.studio, workspace_id=workspace_id, purchase_id=purchase.purchase_id,
        reason="goodwill", wanted=Wanted(amount=1_000),
    )  # fmt: skip

    assert (refund.credits, refund.amount) == (0, 1_000)


async def test_no_credits_are_taken_back_for_less_than_they_were_paid_with(stage: Stage) -> None:
    workspace_id = await open_paying(stage)
    purchase = await bought(stage, workspace_id)
    await spend(stage, workspace_id, 1_500 + 501)
    total = (await documents(stage, workspace_id))[-1].taxed.total
    refund = partial(
        money_back.refund, stage.studio, workspace_id=workspace_id,
        purchase_id=purchase.purchase_id, reason="a part of it",
    )  # fmt: skip

    with pytest.raises(RefundTooSmall) as refused:
        await refund(wanted=Wanted(amount=total * 999 // 1_500 - 1))

    assert (refused.value.credits, refused.value.credits_worth) == (999, 998)
    assert await spendable(stage, workspace_id) == 999
    assert (await refund(wanted=Wanted(amount=total))).amount == total


async def test_a_refund_waits_for_the_jobs_that_hold_credits_of_the_purchase(stage: Stage) -> None:
    workspace_id = await open_paying(stage)
    purchase = await bought(stage, workspace_id)
    await hold(stage, workspace_id, 1_500 + 1_000, key="clip")
    refund = partial(
        money_back.refund, stage.studio, workspace_id=workspace_id,
        purchase_id=purchase.purchase_id, reason="asked",
    )  # fmt: skip

    with pytest.raises(CreditsHeld, match=r"1,000 credits .* wait until these end, or cancel them"):
        await refund()
    await release(stage, workspace_id, key="clip")
    done = await refund()

    total = (await documents(stage, workspace_id))[-1].taxed.total
    assert (done.credits, done.amount) == (1_500, total)


async def test_a_hold_that_overtakes_a_refund_stops_it(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace_id = await open_paying(stage)
    purchase = await bought(stage, workspace_id)
    overtake(
        monkeypatch, money_back, "read_paid", is_read_first=True,
        again=partial(hold, stage, workspace_id, 1_500 + 1_000, key="clip"),
    )  # fmt: skip

    with pytest.raises(CreditsHeld):
        await money_back.refund(
            stage.studio, workspace_id=workspace_id, purchase_id=purchase.purchase_id, reason="x"
        )
    assert (await read(stage, purchase)).state is PurchaseState.GRANTED
    assert await spendable(stage, workspace_id) == 500


async def test_a_dispute_freezes_its_purchase_and_no_other(stage: Stage) -> None:
    workspace_id = await open_paying(stage)
    purchase = await bought(stage, workspace_id)
    await bought(stage, workspace_id, key="2")

    await dispute(stage, purchase, is_won=None)

    assert await spendable(stage, workspace_id) == 3_000
    assert (await read(stage, purchase)).state is PurchaseState.DISPUTED


async def test_a_lost_dispute_voids_what_is_left_and_flags_the_rest(stage: Stage) -> None:
    workspace_id = await open_paying(stage)
    purchase = await bought(stage, workspace_id)
    await spend(stage, workspace_id, 2_000)

    states = [await dispute(stage, purchase, is_won=each) for each in (False, None, False)]

    after = await read(stage, purchase)
    total = (await documents(stage, workspace_id))[-1].taxed.total
    assert states == ["lost", "lost", "lost"]
    assert (await operations(stage, workspace_id))[-1] == ("void", 1_000)
    assert (after.taken_back, after.debt) == (1_000, total * 500 // 1_500)


async def test_a_lost_dispute_of_a_plan_leaves_what_the_bank_took_as_a_debt(stage: Stage) -> None:
    workspace_id = await open_paying(stage)
    (request,) = await to_pay(stage, workspace_id)
    await pay(stage, request, reference="for the plan")
    told = GatewayDispute(
        reference="dp-2", payment_reference="for the plan", total=request.money(), is_won=False
    )

    await dispute_told(stage.studio, gateway="manual", dispute=told)

    facts = await facts_of(stage.studio, workspace_id=workspace_id)
    (debt,) = facts.debts
    assert (debt.amount, debt.title) == (request.taxed.total, request.title)
    assert (debt.purchase_id, await spendable(stage, workspace_id)) == (None, 1_500)


async def test_a_purchase_that_is_paid_by_what_is_left_leaves_no_debt(stage: Stage) -> None:
    workspace_id = await open_paying(stage)
    await dispute(stage, await bought(stage, workspace_id), is_won=False)
    purchase = await bought(stage, workspace_id, key="2")
    await spend(stage, workspace_id, 2_000)
    async with stage.studio.reading() as connection:
        assert await disputes.debts(connection, limit=9) == ()

    await dispute(stage, purchase, is_won=False, reference="another dispute")

    async with stage.studio.reading() as connection:
        (debt,) = await disputes.debts(connection, limit=9)
    assert (debt.purchase_id, debt.amount) == (
        purchase.purchase_id, (await read(stage, purchase)).debt,
    )  # fmt: skip


async def test_a_dispute_is_lost_when_no_job_holds_credits_of_its_purchase(stage: Stage) -> None:
    workspace_id = await open_paying(stage)
    purchase = await bought(stage, workspace_id)
    await hold(stage, workspace_id, 1_500 + 1_000, key="clip")

    with pytest.raises(CreditsHeld):
        await dispute(stage, purchase, is_won=False)
    assert (await read(stage, purchase)).state is PurchaseState.DISPUTED
    await submit(stage, workspace_id, ask.Settle(ask.Reference("api", "clip"), 1_500 + 300))
    state = await dispute(stage, purchase, is_won=False)

    after = await read(stage, purchase)
    total = (await documents(stage, workspace_id))[-1].taxed.total
    assert (state, after.taken_back) == ("lost", 1_200)
    assert after.debt == total * 300 // 1_500


async def test_a_dispute_that_is_won_thaws(stage: Stage) -> None:
    workspace_id = await open_paying(stage)
    purchase = await bought(stage, workspace_id)
    await dispute(stage, purchase, is_won=None)

    await dispute(stage, purchase, is_won=True)

    assert await spendable(stage, workspace_id) == 3_000


async def test_what_is_disputed_stays_frozen_through_a_return(
    stage: Stage, database_url: str
) -> None:
    workspace_id = await open_paying(stage)
    purchase = await bought(stage, workspace_id)
    await bought(stage, workspace_id, key="2")
    (request,) = await to_pay(stage, workspace_id)
    await dispute(stage, purchase, is_won=None)
    for _ in range(23):
        stage.clock.move(days=1)
        await tick(stage, database_url)

    await pay(stage, request)

    assert await spendable(stage, workspace_id) == 1_500 + 1_500


async def test_credits_wait_while_their_payment_is_disputed(stage: Stage) -> None:
    workspace_id = await open_paying(stage)
    made = await order(stage, workspace_id)
    await pay(stage, made.request)
    await dispute(stage, made.purchase, is_won=None)

    with pytest.raises(PaymentDisputed):
        await add_credits(
            stage.studio, workspace_id=workspace_id, purchase_id=made.purchase.purchase_id
        )


def code(stage: Stage, **changes: object) -> PromoCode:
    found = PromoCode(
        code="SPRING", kind="video", credits=100, lasts_days=30, redemptions_max=3, redeemed=0,
        ends_at=stage.clock.now() + timedelta(days=10), created_at=stage.clock.now(),
    )  # fmt: skip
    for name, value in changes.items():
        object.__setattr__(found, name, value)
    return found


async def test_a_code_gives_once_to_a_workspace_and_so_often_in_all(stage: Stage) -> None:
    customers = [await open_paying(stage) for _ in range(6)]
    await promo.offer(stage.studio, code(stage))

    async def redeem(workspace_id: UUID) -> object:
        return await promo.redeem(stage.studio, workspace_id=workspace_id, code="spring")

    done = await asyncio.gather(*map(redeem, customers), return_exceptions=True)

    assert sum(isinstance(each, PromoOver) for each in done) == 3
    lucky = next(whose for whose, each in zip(customers, done, strict=True)
                 if not isinstance(each, Exception))  # fmt: skip
    assert await spendable(stage, lucky) == 1_600
    with pytest.raises(AlreadyRedeemed):
        await redeem(lucky)


async def test_a_code_ends_at_its_instant(stage: Stage) -> None:
    workspace_id = await open_paying(stage)
    await promo.offer(stage.studio, code(stage))
    stage.clock.move(days=10)

    with pytest.raises(PromoOver, match="ended"):
        await promo.redeem(stage.studio, workspace_id=workspace_id, code="SPRING")


@given(paid=st.integers(0, 10**9), granted=st.integers(1, 10**6), parts=st.lists(st.integers(0)))
def test_money_that_goes_back_in_parts_never_comes_to_more_than_was_paid(
    paid: int, granted: int, parts: list[int]
) -> None:
    refunded = taken = 0
    for part in parts:
        taken = min(granted, taken + part % (granted + 1))
        refunded += owed(paid=paid, granted=granted, taken_back=taken, refunded=refunded)

    assert refunded == paid * taken // granted
    debt = unpaid_use(paid=paid, granted=granted, spent=granted - taken, refunded=refunded)
    assert 0 <= debt <= paid - refunded


@given(paid=st.integers(1, 10**9), granted=st.integers(1, 10**6), money=st.integers(0))
def test_no_more_credits_are_worth_some_money_than_it_pays(
    paid: int, granted: int, money: int
) -> None:
    money %= paid

    worth = credits_worth(paid=paid, granted=granted, money=money)

    assert owed(paid=paid, granted=granted, taken_back=worth, refunded=0) <= money
    assert owed(paid=paid, granted=granted, taken_back=worth + 1, refunded=0) > money
