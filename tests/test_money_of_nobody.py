"""Money that came for nobody: given to whom it belongs, sent back, or kept open, each once."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from business_stage import open_paying
from desk_stage import Desk, join
from money_desk_stage import open_money_desk, ordered, parked
from mutoscope.app import audit, proposals
from mutoscope.app.buy import Order
from mutoscope.app.confirm import NotParked, PaymentOfAnother
from mutoscope.app.desk import AlreadyDone, DeskOrder, Done, Proposed
from mutoscope.app.desk_waiting import waiting
from mutoscope.app.disputes import dispute_told
from mutoscope.app.fulfil import PaymentDisputed
from mutoscope.app.payment_desk import HANDLERS
from mutoscope.app.receive import PaymentDoesNotFit, Received, receive
from mutoscope.app.reconcile import Reconciliation, reconcile
from mutoscope.app.send_refund import send_all
from mutoscope.domain.credits import Refusal
from mutoscope.domain.offers import Money
from mutoscope.domain.staff import Actor, NotAllowed, Role
from mutoscope.storage import payments
from mutoscope.storage.payments import NOBODY, UnknownPayment
from mutoscope.storage.workspaces import UnknownWorkspace
from payment_stage import GOOD, PENDING_REFUNDS, Till, open_till
from soundness import assert_sound

PRICE = Money(amount=4_797, currency="USD")
STRIPE = "stripe"
WHY = "nobody knows who this is"
PARKED, GIVEN, BACK = "parked", "applied", "returned"


@dataclass
class Play:
    """A desk with a customer, and the simulated Stripe over which money of nobody comes."""

    desk: Desk
    till: Till

    async def came(self, *, card: str = GOOD, total: Money = PRICE) -> Received:
        """Let a payment come that names a request which is not here."""
        paid = await self.till.pay(card, total=total)
        found = await receive(self.desk.studio, gateway=STRIPE, payment=paid)
        assert (found.workspace_id, found.reason) == (NOBODY, "unknown_request")
        return found

    async def press(
        self, actor: Actor, action: str, *, of: UUID = NOBODY, key: str = "1", **data: object
    ) -> Done | Proposed:
        """Press a button of the desk, for a workspace or for nobody."""
        texts = {name: str(value) for name, value in data.items()}
        order = DeskOrder(action=action, workspace_id=of, data=texts, reason=WHY, key=key)
        return await proposals.act(self.desk.studio, actor, order=order)

    async def use(
        self, actor: Actor, came: Received, made: Order, *, key: str = "1"
    ) -> Done | Proposed:  # fmt: skip
        """Give a payment of nobody to the workspace of an order."""
        request = made.request
        return await self.press(
            actor, "use_payment", of=request.workspace_id, key=key, payment_id=came.payment_id,
            request_id=request.request_id,
        )  # fmt: skip

    async def stored(self, payment: Received) -> payments.Payment:
        assert payment.payment_id is not None
        async with self.desk.studio.reading() as connection:
            return await payments.payment_of_anybody(connection, payment_id=payment.payment_id)

    async def compare(self) -> Reconciliation:
        since = self.desk.stage.clock.now() - timedelta(hours=1)
        return await reconcile(self.desk.studio, gateway=STRIPE, since=since, handlers=HANDLERS)

    async def sent_back(self) -> list[int]:
        """Return what Stripe really gave back of each payment."""
        return [each["refunded"] for each in await self.till.books()]


@pytest.fixture
async def play(database_url: str, tmp_path: Path) -> AsyncIterator[Play]:
    async with (
        open_money_desk(database_url, tmp_path) as desk,
        open_till(desk.stage.clock.now) as till,
    ):
        desk.stage.studio = replace(desk.studio, gateways={STRIPE: till.gateway})
        yield Play(desk, till)
        await assert_sound(database_url)


def told(done: Done | Proposed) -> dict[str, Any]:
    assert isinstance(done, Done), done
    found: dict[str, Any] = json.loads(done.line.data)
    return found


async def test_it_is_given_to_the_order_that_it_belongs_to(play: Play) -> None:
    came, made = await play.came(), await ordered(play.desk)

    done = await play.use(play.desk.ada, came, made)

    found = await play.stored(came)
    assert (found.workspace_id, found.state) == (play.desk.workspace_id, GIVEN)
    assert (told(done)["outcome"], done.line.workspace_id) == (GIVEN, play.desk.workspace_id)
    assert await play.desk.fetch("SELECT state FROM purchases") == "paid"
    assert (await waiting(play.desk.studio)).payments == ()
    assert (await play.compare()).is_equal


async def test_told_again_it_is_the_payment_that_was_given(play: Play) -> None:
    came, made = await play.came(), await ordered(play.desk)
    as_nobodys = (await play.stored(came)).row()
    await play.use(play.desk.ada, came, made)

    paid = await play.till.gateway.payment(reference=str(as_nobodys[3]))
    again = await receive(play.desk.studio, gateway=STRIPE, payment=paid)
    async with play.desk.studio.reading() as connection:
        written = await payments.add_payments(connection, [as_nobodys])

    assert (again.outcome, again.workspace_id) == (GIVEN, play.desk.workspace_id)
    assert (again.is_replay, written) == (True, 0)
    assert await play.desk.fetch("SELECT count(*) FROM payments") == 1


@pytest.mark.parametrize(
    ("total", "reason"),
    [
        (Money(amount=4_798, currency="USD"), "other amount"),
        (Money(amount=4_797, currency="EUR"), "other currency"),
    ],
)
async def test_what_does_not_fit_stays_nobody_s(play: Play, total: Money, reason: str) -> None:
    came, made = await play.came(total=total), await ordered(play.desk)

    with pytest.raises(PaymentDoesNotFit, match=reason):
        await play.use(play.desk.ada, came, made)

    found = await play.stored(came)
    assert (found.workspace_id, found.state) == (NOBODY, PARKED)


async def test_what_its_payer_takes_back_is_given_to_nobody(play: Play) -> None:
    came, made = await play.came(), await ordered(play.desk)
    reference = (await play.stored(came)).reference
    opened = await play.till.control("dispute", payment_intent=reference)
    dispute = await play.till.gateway.dispute_now(reference=opened["id"])
    await dispute_told(play.desk.studio, gateway=STRIPE, dispute=dispute)

    with pytest.raises(PaymentDisputed):
        await play.use(play.desk.ada, came, made)
    await dispute_told(play.desk.studio, gateway=STRIPE, dispute=replace(dispute, is_won=True))
    await play.use(play.desk.ada, came, made)

    whose = await play.desk.fetch("SELECT workspace_id FROM disputes")
    assert whose == play.desk.workspace_id


async def test_it_goes_back_over_its_gateway(play: Play) -> None:
    came = await play.came()
    cards = (await play.desk.counts())[0]

    done = await play.press(play.desk.ada, "return_payment", payment_id=came.payment_id)

    found = await play.stored(came)
    assert (found.state, found.refunded) == (BACK, PRICE.amount)
    assert await play.sent_back() == [PRICE.amount]
    assert (done.line.workspace_id, told(done)["amount"]) == (None, PRICE.amount)
    assert (await play.desk.counts())[0] == cards
    assert (await play.compare()).is_equal


@pytest.mark.parametrize("again", ["compared", "sent"])
async def test_a_return_that_nobody_answered_is_one_return(play: Play, again: str) -> None:
    came = await play.came()
    await play.till.fault("http500_on_create_but_task_created", times=9)
    await play.press(play.desk.ada, "return_payment", payment_id=came.payment_id)
    (asked,) = (await waiting(play.desk.studio)).refunds
    await play.till.client.post("/_sim/reset")
    play.desk.stage.clock.move(minutes=10)

    found = await play.compare()
    if again == "sent":
        await send_all(play.desk.studio)

    assert (asked.refund.workspace_id, asked.is_by_hand) == (NOBODY, False)
    assert len(found.refunds) == 1
    assert (await waiting(play.desk.studio)).refunds == ()
    assert await play.sent_back() == [PRICE.amount]


async def test_a_return_that_fails_waits_again_and_is_tried_under_another_key(play: Play) -> None:
    came = await play.came(card=PENDING_REFUNDS)
    first = await play.press(play.desk.ada, "return_payment", payment_id=came.payment_id)
    (asked,) = (await waiting(play.desk.studio)).refunds
    await play.till.control("refund", refund=asked.refund.reference, outcome="failed")
    play.desk.stage.clock.move(minutes=10)
    await play.compare()
    waits = await play.stored(came)

    second = await play.press(
        play.desk.grace, "return_payment", key="2", payment_id=came.payment_id
    )

    assert (waits.state, waits.reason, waits.refunded) == (PARKED, "refund_failed", 0)
    assert told(first)["refund_id"] != told(second)["refund_id"]


async def test_it_is_kept_open_with_a_note(play: Play) -> None:
    came = await play.came()
    await play.press(play.desk.ada, "keep_payment", payment_id=came.payment_id)
    play.desk.stage.clock.move(minutes=1)

    done = await play.press(play.desk.grace, "keep_payment", key="2", payment_id=came.payment_id)

    (kept,) = (await waiting(play.desk.studio)).payments
    assert kept.note == ("grace hopper", play.desk.stage.clock.now(), WHY)
    assert kept.payment == await play.stored(came)
    await audit.erase_reason(
        play.desk.studio, replace(play.desk.ada, authenticated_at=play.desk.stage.clock.now()),
        sequence=done.line.sequence, reason="it names the payer",
    )  # fmt: skip
    (erased,) = (await waiting(play.desk.studio)).payments
    assert erased.note is not None
    assert erased.note.text is None


async def test_of_two_staff_who_decide_differently_one_is_told_so(play: Play) -> None:
    came, made = await play.came(), await ordered(play.desk)
    elsewhere = await open_paying(play.desk.stage)
    other = await ordered(replace(play.desk, workspace_id=elsewhere))

    answers = await asyncio.gather(
        play.press(play.desk.ada, "return_payment", payment_id=came.payment_id),
        play.use(play.desk.grace, came, made, key="2"),
        play.use(play.desk.ada, came, other, key="3"),
        return_exceptions=True,
    )

    assert sum(isinstance(each, Done) for each in answers) == 1
    assert {type(each) for each in answers} == {Done, NotParked}
    assert await play.desk.fetch("SELECT count(*) FROM payments") == 1
    with pytest.raises(NotParked):
        await play.press(play.desk.grace, "keep_payment", key="late", payment_id=came.payment_id)


async def test_of_two_staff_with_one_button_one_acts(play: Play) -> None:
    came = await play.came()

    answers = await asyncio.gather(
        *(
            play.press(who, "return_payment", payment_id=came.payment_id)
            for who in (play.desk.ada, play.desk.grace)
        ),
        return_exceptions=True,
    )

    assert {type(each) for each in answers} == {Done, AlreadyDone}
    assert await play.desk.fetch("SELECT count(*) FROM refunds") == 1


async def test_a_decision_is_not_made_while_the_payment_is_told_again(play: Play) -> None:
    came, made = await play.came(), await ordered(play.desk)
    paid = await play.till.gateway.payment(reference=(await play.stored(came)).reference)

    answers = await asyncio.gather(
        *(receive(play.desk.studio, gateway=STRIPE, payment=paid) for _ in range(6)),
        play.use(play.desk.ada, came, made),
    )

    assert isinstance(answers[-1], Done)
    assert await play.desk.fetch("SELECT count(*) FROM payments") == 1


async def misdirected(play: Play) -> tuple[Received, UUID, dict[str, Any]]:
    """Park a payment that was meant for another workspace, and return that with what is pressed."""
    found = await parked(play.desk)
    elsewhere = await open_paying(play.desk.stage)
    made = await ordered(replace(play.desk, workspace_id=elsewhere))
    about = {"payment_id": found.payment_id, "request_id": made.request.request_id}
    return found, elsewhere, about


async def test_what_waits_for_another_workspace_is_not_taken_by_a_slip(play: Play) -> None:
    found, elsewhere, about = await misdirected(play)

    for named in ({}, {"from_workspace_id": elsewhere}, {"from_workspace_id": NOBODY}):
        with pytest.raises(PaymentOfAnother, match=str(play.desk.workspace_id)):
            await play.press(play.desk.ada, "use_payment", of=elsewhere, **about, **named)

    assert (await play.stored(found)).workspace_id == play.desk.workspace_id
    assert await play.desk.fetch("SELECT count(*) FROM audit_lines") == 0


async def test_what_waits_for_another_workspace_is_taken_from_it_by_name(play: Play) -> None:
    found, elsewhere, about = await misdirected(play)
    home = play.desk.workspace_id

    done = await play.press(
        play.desk.ada, "use_payment", of=elsewhere, from_workspace_id=home, **about
    )

    moved = await play.stored(found)
    assert (moved.workspace_id, moved.state, told(done)["outcome"]) == (elsewhere, GIVEN, GIVEN)
    query = "SELECT array_agg(workspace_id) FROM audit_lines WHERE action = 'use_payment'"
    assert set(await play.desk.fetch(query)) == {home, elsewhere}
    assert (await waiting(play.desk.studio)).payments == ()


async def test_only_finance_decides_and_only_about_money(play: Play) -> None:
    came = await play.came()
    linus = await join(play.desk.stage, "linus", Role.SUPPORT, Role.ADMIN)
    refusals: list[type[Refusal]] = []
    for actor, action, data in (
        (linus, "return_payment", {"payment_id": came.payment_id}),
        (linus, "keep_payment", {"payment_id": came.payment_id}),
        (play.desk.ada, "enable_purchases", {}),
        (play.desk.ada, "return_payment", {"payment_id": play.desk.workspace_id}),
    ):
        with pytest.raises(Refusal) as refused:
            await play.press(actor, action, **data)
        refusals.append(refused.type)

    assert refusals == [NotAllowed, NotAllowed, UnknownWorkspace, UnknownPayment]
    with pytest.raises(UnknownPayment):
        await play.press(
            play.desk.ada, "return_payment", of=play.desk.workspace_id, payment_id=came.payment_id
        )
