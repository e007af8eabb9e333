"""A refund that was told as sent and comes back: told both times, owed, sent another way once."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from business_stage import documents, order, spendable
from desk_stage import Desk
from money_desk_stage import at_work, open_money_desk, refunds
from mutoscope.app import fulfil, money_back
from mutoscope.app.desk import Done
from mutoscope.app.desk_money import RefundFinished
from mutoscope.app.desk_waiting import waiting
from mutoscope.app.gateway import PaymentState
from mutoscope.app.pay_links import checkout
from mutoscope.app.payment_desk import HANDLERS
from mutoscope.app.payment_events import hear, process_pending
from mutoscope.app.reconcile import Reconciliation, reconcile
from mutoscope.storage.purchases import Refund
from payment_stage import FAILING_REFUNDS, Till, open_till, signed
from soundness import assert_sound
from test_books import balances, written

STRIPE, SENT = "stripe", {"outcome": "sent", "reference": "RF18"}
FIRST, UNTIL = date(2025, 1, 1), date(2025, 12, 1)


@dataclass
class Play:
    """A desk whose customer has paid a pack by a card that refuses refunds after a while."""

    desk: Desk
    till: Till

    async def refunded(self) -> Refund:
        """Refund the pack: the simulator says that the money has gone."""
        stage, workspace_id = self.desk.stage, self.desk.workspace_id
        made = await order(stage, workspace_id)
        opened = await checkout(stage.studio, made.request)
        await self.till.control("pay", session=opened.reference, card=FAILING_REFUNDS)
        await self.compare()
        about = {"workspace_id": workspace_id, "purchase_id": made.purchase.purchase_id}
        await fulfil.add_credits(stage.studio, **about)
        return await money_back.refund(stage.studio, **about, reason="asked")

    async def compare(self) -> Reconciliation:
        since = self.desk.stage.clock.now() - timedelta(days=1)
        return await reconcile(self.desk.studio, gateway=STRIPE, since=since, handlers=HANDLERS)

    async def came_back(self) -> Refund:
        """Let the refund fail after it had succeeded; every event is heard twice."""
        refund = await self.refunded()
        self.desk.stage.clock.move(days=5)
        await self.till.control("refund", refund=refund.reference, outcome="failed")
        for event in (await self.till.events()) * 2:
            await hear(self.desk.studio, gateway=STRIPE, **signed(event, at=self.now()))
        await process_pending(self.desk.studio, handlers=HANDLERS)
        return refund

    def now(self) -> datetime:
        return self.desk.stage.clock.now()

    async def send(self, refund: Refund, *, key: str = "1") -> Done:
        """Tell that staff have sent it by a transfer."""
        done = await self.desk.act(
            at_work(self.desk, self.desk.ada), "confirm_refund", key=key,
            refund_id=str(refund.refund_id), **SENT,
        )  # fmt: skip
        assert isinstance(done, Done)
        return done

    async def outcomes(self) -> list[tuple[int, str, str]]:
        query = "SELECT ordinal, outcome, gateway FROM refund_outcomes ORDER BY told_at, ordinal"
        async with self.desk.studio.reading() as connection:
            return [tuple(row) for row in await connection.fetch(query)]


@pytest.fixture
async def play(database_url: str, tmp_path: Path) -> AsyncIterator[Play]:
    async with (
        open_money_desk(database_url, tmp_path) as desk,
        open_till(desk.stage.clock.now) as till,
    ):
        desk.stage.studio = replace(desk.studio, gateways={STRIPE: till.gateway}, gateway=STRIPE)
        yield Play(desk, till)
        await assert_sound(database_url)


async def test_it_is_noted_as_sent_and_as_come_back(play: Play) -> None:
    refund = await play.came_back()

    (owed,) = await refunds(play.desk)
    (listed,) = (await waiting(play.desk.studio)).refunds
    assert (refund.state, owed.state) == ("succeeded", "owed")
    assert await play.outcomes() == [(1, "succeeded", STRIPE), (2, "failed", STRIPE)]
    assert (listed.refund, listed.is_by_hand) == (owed, True)
    assert (await play.compare()).is_equal
    letter = await play.desk.fetch("SELECT body FROM outbox WHERE subject LIKE 'Your refund%'")
    assert "We sent 47.97 USD back to you, and the bank returned it to us." in letter


async def test_that_it_came_back_is_found_in_their_book_when_no_event_came(play: Play) -> None:
    refund = await play.refunded()
    play.desk.stage.clock.move(hours=5)
    await play.till.control("refund", refund=refund.reference, outcome="failed")

    compared = await play.compare()

    (owed,) = await refunds(play.desk)
    assert (compared.is_equal, owed.state) == (True, "owed")
    assert await play.outcomes() == [(1, "succeeded", STRIPE), (2, "failed", STRIPE)]
    assert (await play.compare()).is_equal


async def test_the_credit_note_stands_and_the_money_is_sent_another_way(play: Play) -> None:
    refund = await play.came_back()

    done = await play.send(refund)

    (sent,) = await refunds(play.desk)
    notes = [each for each in await documents(play.desk.stage, play.desk.workspace_id)
             if each.refers_to is not None]  # fmt: skip
    assert (sent.state, sent.reference) == ("succeeded", "RF18")
    assert (await play.outcomes())[2:] == [(3, "succeeded", "manual")]
    assert [each.taxed.total for each in notes] == [refund.amount]
    assert await spendable(play.desk.stage, play.desk.workspace_id) == 1_500
    assert done.line.action == "confirm_refund"
    assert (await waiting(play.desk.studio)).refunds == ()
    assert (await play.compare()).is_equal


async def test_it_is_sent_another_way_once(play: Play) -> None:
    refund = await play.came_back()

    answers = await asyncio.gather(
        *(play.send(refund, key=f"press-{n}") for n in range(5)), return_exceptions=True
    )

    assert sum(isinstance(each, Done) for each in answers) == 1
    assert {type(each) for each in answers} == {Done, RefundFinished}
    assert len(await play.outcomes()) == 3


async def test_what_was_sent_by_hand_may_come_back_as_well(play: Play) -> None:
    refund = await play.came_back()
    with pytest.raises(RefundFinished, match="is owed"):
        await play.desk.act(
            play.desk.ada, "confirm_refund", key="no", refund_id=str(refund.refund_id),
            outcome="failed",
        )  # fmt: skip
    await play.send(refund)

    await play.desk.act(
        play.desk.ada, "confirm_refund", key="back", refund_id=str(refund.refund_id),
        outcome="failed",
    )  # fmt: skip

    assert (await refunds(play.desk))[0].state == "owed"
    assert (await play.outcomes())[3:] == [(4, "failed", "manual")]


async def test_a_gateway_s_refund_is_not_told_as_come_back_by_hand(play: Play) -> None:
    refund = await play.refunded()

    with pytest.raises(RefundFinished, match="has succeeded already"):
        await play.desk.act(
            play.desk.ada, "confirm_refund", refund_id=str(refund.refund_id), outcome="failed"
        )

    assert await play.outcomes() == [(1, "succeeded", STRIPE)]


async def test_the_books_tell_each_time_where_the_money_was(play: Play, tmp_path: Path) -> None:
    refund = await play.came_back()
    stage, path = play.desk.stage, tmp_path / "books"
    owed = play.now().date()
    play.desk.stage.clock.move(days=40)
    await play.send(refund)

    sums = []
    for until in (owed, owed + timedelta(days=1), UNTIL):
        await written(stage, path, first=FIRST, until=until)
        found = balances(path)
        names = ("Assets:Stripe", "Assets:Bank", "Liabilities:Refunds")
        sums.append([found.get((name, "USD"), Decimal(0)) for name in names])

    money, net = Decimal("47.97"), Decimal("39.00")
    assert sums == [[0, 0, 0], [money, 0, -net], [money, -money, 0]]


async def test_a_payment_that_went_back_whole_and_came_again_waits_again(play: Play) -> None:
    made = await order(play.desk.stage, play.desk.workspace_id)
    paid = await play.till.pay(FAILING_REFUNDS, request_id=made.request.request_id)
    await HANDLERS.receive(play.desk.studio, gateway=STRIPE, payment=paid)
    (parked,) = (await waiting(play.desk.studio)).payments
    about = {"payment_id": str(parked.payment.payment_id)}
    await play.desk.act(play.desk.ada, "return_payment", **about)
    (refund,) = await refunds(play.desk)

    for state in (PaymentState.FAILED, PaymentState.FAILED):
        await money_back.refund_told(
            play.desk.studio, gateway=STRIPE, reference=refund.reference or "", state=state
        )

    (again,) = (await waiting(play.desk.studio)).payments
    assert (again.payment.reason, again.payment.refunded) == ("refund_failed", 0)
    assert [each[:2] for each in await play.outcomes()] == [(1, "succeeded"), (2, "failed")]
    assert (await refunds(play.desk))[0].state == "failed"
