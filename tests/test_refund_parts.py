"""A part of a purchase's unspent credits goes back with its money; the rest of its lot stays."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from uuid import UUID

import pytest

from alert_stage import hold, release, submit
from business_stage import bought, documents, open_paying, operations, order, pay, spend, spendable
from card_stage import open_shop
from desk_stage import Desk
from money_desk_stage import at_work, granted, newest, refunds
from mutoscope.app import fulfil, money_back, proposals
from mutoscope.app.desk import Done, Proposed
from mutoscope.app.disputes import dispute_told
from mutoscope.app.finance import CREDITS, deferred
from mutoscope.app.gateway import GatewayDispute
from mutoscope.app.unspent import (
    NothingToRefund,
    RefundExceedsUnspent,
    RefundTooSmall,
    Wanted,
    read_paid,
)
from mutoscope.domain import actions as ask
from mutoscope.domain.invoices import DocumentKind
from mutoscope.domain.lots import LotState
from mutoscope.domain.money import money_text
from mutoscope.domain.money_words import card_words
from mutoscope.domain.offers import Money
from mutoscope.domain.purchases import Purchase, PurchaseNotInThisState, PurchaseState
from mutoscope.storage.invoices import Invoice
from mutoscope.storage.purchases import Refund
from mutoscope.storage.session import SideRowRefused
from overtaking import overtake
from soundness import assert_sound
from studio_stage import Stage, open_stage
from test_books import written

PACK, PLAN, TOTAL = 1_500, 1_500, 4_797


@dataclass
class Sale:
    """A customer with 1,500 video credits of a plan and as many of a purchase, for 47.97."""

    stage: Stage
    workspace_id: UUID
    purchase_id: UUID

    async def refund(self, part: int | None = None, amount: int | None = None) -> Refund:
        return await money_back.refund(
            self.stage.studio, workspace_id=self.workspace_id, purchase_id=self.purchase_id,
            reason="asked", wanted=Wanted(credits=part, amount=amount),
        )  # fmt: skip

    async def confirm(self, refund: Refund, *, is_sent: bool = True) -> None:
        await money_back.confirm(
            self.stage.studio, workspace_id=self.workspace_id, refund_id=refund.refund_id,
            is_sent=is_sent,
        )  # fmt: skip

    async def dispute(self, *, is_won: bool | None = None) -> None:
        paid = await self.paid()
        told = GatewayDispute(
            reference="dp-1", payment_reference=paid.payment.reference, is_won=is_won,
            total=Money(amount=TOTAL, currency="USD"),
        )  # fmt: skip
        await dispute_told(self.stage.studio, gateway="manual", dispute=told)

    async def paid(self) -> money_back.Paid:
        return await read_paid(
            self.stage.studio, workspace_id=self.workspace_id, purchase_id=self.purchase_id
        )

    async def purchase(self) -> Purchase:
        return (await self.paid()).purchase

    async def spendable(self) -> int:
        return await spendable(self.stage, self.workspace_id)

    async def notes(self) -> list[Invoice]:
        issued = await documents(self.stage, self.workspace_id)
        return [each for each in issued if each.kind is DocumentKind.CREDIT_NOTE]


@pytest.fixture
async def sale(database_url: str, tmp_path: Path) -> AsyncIterator[Sale]:
    async with open_stage(database_url, tmp_path) as stage:
        workspace_id = await open_paying(stage)
        yield Sale(stage, workspace_id, (await bought(stage, workspace_id)).purchase_id)
        await assert_sound(database_url)


async def test_a_part_is_taken_of_its_purchase_and_the_rest_stays(sale: Sale) -> None:
    back = await sale.refund(400)

    (lot,), after = (await sale.paid()).lots, await sale.purchase()
    assert (back.credits, back.amount) == (400, TOTAL * 400 // PACK)
    assert (lot.left_over, lot.voided, lot.state) == (1_100, 400, LotState.OPEN)
    assert (after.state, after.ended_at) == (PurchaseState.GRANTED, None)
    assert await sale.spendable() == PLAN + 1_100
    assert (await operations(sale.stage, sale.workspace_id))[-1] == ("adjust", 400)


async def test_parts_come_to_what_was_paid_and_each_has_its_credit_note(sale: Sale) -> None:
    backs = [await sale.refund(part) for part in (401, 7, 500, None)]
    for back in backs:
        await sale.confirm(back)

    notes, (invoice, *_) = await sale.notes(), [
        each for each in await documents(sale.stage, sale.workspace_id)
        if each.kind is DocumentKind.INVOICE and each.taxed.total == TOTAL
    ]  # fmt: skip
    assert [back.credits for back in backs] == [401, 7, 500, 592]
    assert [back.amount for back in backs] == [1_282, 22, 1_599, 1_894]
    assert [note.taxed.total for note in notes] == [1_282, 22, 1_599, 1_894]
    assert sum(note.taxed.tax for note in notes) == invoice.taxed.tax
    assert (await sale.purchase()).state is PurchaseState.REFUNDED


async def test_parts_after_some_were_spent_come_to_the_money_of_the_unspent(sale: Sale) -> None:
    await spend(sale.stage, sale.workspace_id, PLAN + 501)

    backs = [await sale.refund(part) for part in (1, 1, 498, 499)]

    assert sum(back.amount for back in backs) == TOTAL * 999 // PACK
    assert (await sale.purchase()).state is PurchaseState.REFUNDED
    with pytest.raises(PurchaseNotInThisState):
        await sale.refund(1)


async def test_a_part_that_is_all_there_is_is_the_whole(sale: Sale) -> None:
    back = await sale.refund(PACK)

    (lot,) = (await sale.paid()).lots
    assert (back.amount, lot.state) == (TOTAL, LotState.VOIDED)
    assert (await sale.purchase()).state is PurchaseState.REFUNDED


async def test_no_more_credits_are_named_than_are_unspent(sale: Sale) -> None:
    await spend(sale.stage, sale.workspace_id, PLAN + 501)

    with pytest.raises(RefundExceedsUnspent, match="999 are unspent and not held") as refused:
        await sale.refund(1_000)

    assert (refused.value.wanted, refused.value.unspent) == (1_000, 999)
    assert await sale.spendable() == 999


async def test_a_part_does_not_wait_for_jobs_and_what_they_hold_is_theirs(sale: Sale) -> None:
    await hold(sale.stage, sale.workspace_id, PLAN + 600, key="clip")

    with pytest.raises(RefundExceedsUnspent):
        await sale.refund(901)
    back = await sale.refund(900)
    await release(sale.stage, sale.workspace_id, key="clip")

    assert (back.amount, await sale.spendable()) == (TOTAL * 900 // PACK, PLAN + 600)
    assert (await sale.purchase()).state is PurchaseState.GRANTED
    assert (await sale.refund()).amount == TOTAL - back.amount


async def test_what_a_job_takes_at_that_moment_is_not_taken_back(
    sale: Sale, monkeypatch: pytest.MonkeyPatch
) -> None:
    taking = partial(hold, sale.stage, sale.workspace_id, PLAN + 1_200, key="clip")
    overtake(monkeypatch, money_back, "read_paid", is_read_first=True, again=taking)

    with pytest.raises(RefundExceedsUnspent, match="300 are unspent"):
        await sale.refund(400)

    assert ((await sale.purchase()).taken_back, await sale.spendable()) == (0, 300)


async def test_of_two_parts_at_one_moment_no_more_goes_back_than_is_told(sale: Sale) -> None:
    told = await asyncio.gather(*[sale.refund(700) for _ in range(4)], return_exceptions=True)

    backs = [each for each in told if isinstance(each, Refund)]
    after = await sale.purchase()
    assert {type(each) for each in told} <= {Refund, SideRowRefused, RefundExceedsUnspent}
    assert backs
    assert after.taken_back == 700 * len(backs) == 1_500 - (await sale.paid()).left()
    assert after.refunded == sum(back.amount for back in backs) == TOTAL * after.taken_back // PACK


async def test_a_part_of_frozen_credits_goes_back_and_the_rest_stays_frozen(sale: Sale) -> None:
    await submit(sale.stage, sale.workspace_id, ask.Freeze())

    await sale.refund(400)

    (lot,) = (await sale.paid()).lots
    assert (lot.left_over, lot.state) == (1_100, LotState.FROZEN)
    await submit(sale.stage, sale.workspace_id, ask.Thaw())
    assert await sale.spendable() == PLAN + 1_100


async def test_a_part_that_could_not_be_sent_is_given_back_and_refunded_anew(sale: Sale) -> None:
    kept, failed = await sale.refund(400), await sale.refund(500)

    for _ in range(2):
        await sale.confirm(failed, is_sent=False)

    after = await sale.purchase()
    assert (after.state, after.taken_back, after.refunded) == (
        PurchaseState.GRANTED, 400, kept.amount,
    )  # fmt: skip
    assert await sale.spendable() == PLAN + 1_100
    of_both_lots = await sale.refund(700)
    assert [lot.left_over for lot in (await sale.paid()).lots] == [0, 400]
    assert (await sale.refund()).amount + of_both_lots.amount + kept.amount == TOTAL


@pytest.mark.parametrize(("is_won", "left"), [(True, PLAN + PACK), (False, PLAN)])
async def test_a_part_that_fails_in_a_dispute_comes_back_frozen(
    sale: Sale, *, is_won: bool, left: int
) -> None:
    back = await sale.refund(400)
    await sale.dispute()

    await sale.confirm(back, is_sent=False)
    disputed = (await sale.purchase()).state, await sale.spendable()
    await sale.dispute(is_won=is_won)

    assert disputed == (PurchaseState.DISPUTED, PLAN)
    assert await sale.spendable() == left


async def test_a_part_that_fails_after_a_lost_dispute_gives_nothing_back(sale: Sale) -> None:
    back = await sale.refund(400)
    await sale.dispute(is_won=False)

    await sale.confirm(back, is_sent=False)

    after = await sale.purchase()
    assert (after.state, after.taken_back) == (PurchaseState.REFUNDED, PACK)
    assert await sale.spendable() == PLAN


async def test_a_part_of_what_is_not_added_yet_is_not_refunded(sale: Sale) -> None:
    made = await order(sale.stage, sale.workspace_id, key="2")
    await pay(sale.stage, made.request)
    sale.purchase_id = made.purchase.purchase_id

    with pytest.raises(PurchaseNotInThisState, match="is paid, and this is for one that is gran"):
        await sale.refund(400)
    assert (await sale.refund()).amount == TOTAL


async def test_more_money_is_decided_on_for_a_part_and_lessens_the_rest(sale: Sale) -> None:
    with pytest.raises(RefundTooSmall, match="or name the 399 credits") as refused:
        await sale.refund(400, 1_278)
    first = await sale.refund(400, 4_700)
    with pytest.raises(NothingToRefund, match="too few are named"):
        await sale.refund(1)

    assert (refused.value.credits, refused.value.credits_worth) == (400, 399)
    assert (first.amount, (await sale.refund()).amount) == (4_700, TOTAL - 4_700)


async def test_more_money_than_is_left_is_refused_with_what_is(sale: Sale) -> None:
    await sale.refund(400)

    with pytest.raises(NothingToRefund) as refused:
        await sale.refund(10, TOTAL)

    left = (await sale.purchase()).refunded
    assert refused.value.amount_max == TOTAL - left
    assert str(refused.value).startswith(f"{money_text(TOTAL, 'USD')} is more than is left of what")
    assert f"may be up to {money_text(TOTAL - left, 'USD')}" in str(refused.value)


async def test_the_books_tell_of_a_part_what_was_taken_back(sale: Sale, tmp_path: Path) -> None:
    await sale.confirm(await sale.refund(400))

    told = await deferred(sale.stage.studio, at=sale.stage.clock.now())

    net = (await sale.purchase()).price.amount
    (row,) = [each for each in told.rows if each.item == CREDITS]
    assert (row.taken_back, row.deferred) == (net * 400 // PACK, net - net * 400 // PACK)
    day = sale.stage.clock.now().date()
    await written(
        sale.stage, tmp_path / "books", first=date(2025, 1, 1), until=date(day.year + 1, 1, 1)
    )


async def test_parts_go_back_over_a_gateway_and_both_books_agree(
    database_url: str, tmp_path: Path
) -> None:
    async with open_shop(database_url, tmp_path) as shop:
        workspace_id = await shop.customer("pro")
        made = await order(shop.stage, workspace_id)
        await shop.pay(made.request)
        sale = Sale(shop.stage, workspace_id, made.purchase.purchase_id)
        await fulfil.add_credits(
            shop.stage.studio, workspace_id=workspace_id, purchase_id=sale.purchase_id
        )

        backs = [await sale.refund(part) for part in (401, 500, None)]

        sent = [line["refunded"] for line in await shop.till.books()]
        assert [back.state for back in backs] == ["succeeded"] * 3
        assert [note.taxed.total for note in await sale.notes()] == [1_282, 1_599, 1_916]
        assert (sum(sent), await shop.compare()) == (TOTAL, True)


async def test_a_part_at_the_desk_is_taken_once_and_says_who_and_how_much(desk: Desk) -> None:
    wish = {"purchase_id": str(await granted(desk)), "credits": 400}

    done = await desk.act(desk.ada, "refund", **wish)
    desk.stage.clock.move(seconds=1)
    again = await desk.act(desk.ada, "refund", **wish)

    assert isinstance(done, Done)
    assert isinstance(again, Done)
    told, line = json.loads(done.line.data), await newest(desk)
    assert (told["credits"], told["amount"], told["kind"]) == (400, 1_279, "video")
    assert (done.line.sequence, again.is_replay) == (again.line.sequence, True)
    assert line.note is not None
    assert (line.entry.operation, line.note.actor) == ("adjust", "ada lovelace")
    assert [each.amount for each in await refunds(desk)] == [1_279]
    words = "12.79 USD goes back to you. 400 video credits that you have not spent are taken back"
    assert (card_words("refund", told) or "").startswith(words)


@pytest.mark.parametrize(("above", "answers"), [(900, [Done, Done]), (899, [Done, Proposed])])
async def test_the_parts_of_a_purchase_count_together(
    desk: Desk, above: int, answers: list[type]
) -> None:
    wish = {"purchase_id": str(await granted(desk))}
    desk.rule(above=above)

    done = [
        await desk.act(at_work(desk, desk.ada), "refund", key=str(part), credits=part, **wish)
        for part in (400, 500)
    ]

    assert [type(each) for each in done] == answers


async def test_the_money_of_parts_counts_together(desk: Desk) -> None:
    wish = {"purchase_id": str(await granted(desk))}
    desk.rule(above=1_499)
    await desk.act(desk.ada, "refund", credits=400, **wish)

    all_of_the_money = {"credits": 1, "amount": TOTAL - 1_279}
    done = await desk.act(at_work(desk, desk.ada), "refund", key="2", **all_of_the_money, **wish)

    assert isinstance(done, Proposed)


async def test_a_part_above_the_limit_is_taken_when_somebody_else_approves(desk: Desk) -> None:
    wish = {"purchase_id": str(await granted(desk)), "credits": 400}
    desk.rule(above=399)

    proposed = await desk.act(desk.ada, "refund", **wish)
    assert isinstance(proposed, Proposed)
    before = await refunds(desk)
    await proposals.approve(
        desk.studio, at_work(desk, desk.grace), proposal_id=proposed.proposal.proposal_id,
        reason="as agreed",
    )  # fmt: skip

    assert (before, [each.credits for each in await refunds(desk)]) == ((), [400])


async def test_staff_refund_what_was_spent_by_an_amount(desk: Desk) -> None:
    purchase_id = str(await granted(desk))
    await spend(desk.stage, desk.workspace_id, 3_000)

    with pytest.raises(NothingToRefund):
        await desk.act(desk.ada, "refund", purchase_id=purchase_id)
    await desk.act(desk.ada, "refund", purchase_id=purchase_id, amount=1_000)

    assert [(each.credits, each.amount) for each in await refunds(desk)] == [(0, 1_000)]
