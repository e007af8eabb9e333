"""Disputes told by hand: what comes of them is what comes of one that a gateway tells, once."""

import asyncio
from dataclasses import replace
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest

from alert_stage import hold, submit
from business_stage import bought, open_paying, operations, spend, spendable, to_pay
from business_stage import pay as transfer
from desk_stage import REASON, Desk, join
from money_desk_stage import at_work, paid
from mutoscope.app import desk_disputes, disputes, proposals
from mutoscope.app.confirm import BadReference
from mutoscope.app.desk import AlreadyDone, Done, Proposed
from mutoscope.app.desk_disputes import (
    DisputeAtGateway,
    DisputeFinished,
    DisputeKnown,
    UnknownDispute,
)
from mutoscope.app.desk_waiting import waiting
from mutoscope.app.disputes import dispute_told
from mutoscope.app.fulfil import PaymentDisputed
from mutoscope.app.gateway import GatewayDispute
from mutoscope.app.raw_ledger import perform
from mutoscope.app.unspent import CreditsHeld
from mutoscope.domain import actions as ask
from mutoscope.domain.credits import Refusal
from mutoscope.domain.desk import BadDeskData
from mutoscope.domain.offers import Money
from mutoscope.domain.purchases import Purchase, PurchaseState
from mutoscope.domain.requests import Request
from mutoscope.domain.staff import Role
from mutoscope.storage import disputes as stored
from mutoscope.storage import finance, payments, purchases
from mutoscope.storage.payments import Payment, UnknownPayment
from mutoscope.storage.session import SideRowRefused
from overtaking import overtake

LETTER = "RF18-LETTER"


async def payment_of(desk: Desk, purchase: Purchase) -> Payment:
    async with desk.studio.reading() as connection:
        found = await payments.payment_of_request(
            connection, workspace_id=purchase.workspace_id, request_id=purchase.request_id
        )
    assert found is not None
    return found


async def bought_here(desk: Desk, *, key: str = "1") -> tuple[Purchase, str]:
    """Return a purchase with its credits, and the id of its payment."""
    purchase = await bought(desk.stage, desk.workspace_id, key=key)
    return purchase, str((await payment_of(desk, purchase)).payment_id)


async def press_open(desk: Desk, payment_id: str, *, key: str = "open", **data: object) -> object:
    about = {"payment_id": payment_id, "reference": LETTER} | data
    return await desk.act(at_work(desk, desk.ada), "open_dispute", key=key, **about)


async def press_end(desk: Desk, payment_id: str, outcome: str, *, key: str = "end") -> object:
    return await desk.act(
        at_work(desk, desk.ada), "close_dispute", key=key, payment_id=payment_id, outcome=outcome
    )


async def by_hand(desk: Desk, payment: Payment, outcome: str) -> None:
    """Let staff tell a dispute and its end."""
    await press_open(desk, str(payment.payment_id))
    await press_end(desk, str(payment.payment_id), outcome)


async def by_gateway(
    desk: Desk, payment: Payment, outcome: str, *, reference: str = LETTER
) -> None:
    """Let a gateway tell a dispute and its end."""
    total = Money(amount=payment.amount, currency=payment.currency)
    told = GatewayDispute(reference=reference, payment_reference=payment.reference, total=total)
    for is_won in (None, outcome == "won"):
        at_end = replace(told, is_won=is_won)
        await dispute_told(desk.studio, gateway=payment.gateway, dispute=at_end)


async def books_of(desk: Desk, purchase: Purchase) -> dict[str, Any]:
    """Return all that a dispute may leave behind, without ids and instants."""
    whose, at = purchase.workspace_id, desk.stage.clock.now()
    async with desk.studio.reading() as connection:
        after = await purchases.get(
            connection, workspace_id=whose, purchase_id=purchase.purchase_id
        )
        told = await stored.of_workspace(connection, workspace_id=whose)
        debts = await stored.debts(connection, workspace_id=whose, limit=9)
        back = await finance.money_back(connection, at=at)
    return {
        "purchase": (after.state, after.taken_back, after.refunded, after.debt),
        "disputes": [(each.state, each.amount, each.reference) for each in told],
        "debts": [(each.amount, each.title) for each in debts],
        "back": [(b.amount, b.gateway, b.is_dispute) for b in back if b.workspace_id == whose],
        "ledger": (await operations(desk.stage, whose))[-3:],
        "spendable": await spendable(desk.stage, whose),
    }


@pytest.mark.parametrize("outcome", ["won", "lost"])
@pytest.mark.parametrize("spent", [0, 2_000, 3_000])
async def test_a_dispute_by_hand_leaves_what_one_of_a_gateway_leaves(
    desk: Desk, outcome: str, spent: int
) -> None:
    left: list[dict[str, Any]] = []
    for tell in (by_hand, by_gateway):
        desk.workspace_id = await open_paying(desk.stage)
        purchase, _ = await bought_here(desk)
        if spent:
            await spend(desk.stage, desk.workspace_id, spent)
        await tell(desk, await payment_of(desk, purchase), outcome)
        left.append(await books_of(desk, purchase))

    assert left[0] == left[1]
    assert left[0]["purchase"][0] is not PurchaseState.DISPUTED


async def test_what_is_left_is_frozen_until_the_bank_decides(desk: Desk) -> None:
    _, payment_id = await bought_here(desk)
    await spend(desk.stage, desk.workspace_id, 2_000)

    opened = await press_open(desk, payment_id)
    frozen = await spendable(desk.stage, desk.workspace_id)
    (waits,) = (await waiting(desk.studio)).disputes
    ended = await press_end(desk, payment_id, "won")

    assert isinstance(opened, Done)
    assert isinstance(ended, Done)
    assert '"credits": 1000' in opened.line.data
    assert (frozen, await spendable(desk.stage, desk.workspace_id)) == (0, 1_000)
    assert (str(waits.dispute.payment_id), waits.is_by_hand) == (payment_id, True)
    assert (await waiting(desk.studio)).disputes == ()


async def test_a_payment_is_disputed_once_whatever_the_letter_says(desk: Desk) -> None:
    _, payment_id = await bought_here(desk)
    _, other = await bought_here(desk, key="2")

    presses = [
        press_open(desk, payment_id, key=f"press-{n}", reference=f"{LETTER}-{n}") for n in range(6)
    ]
    answers = await asyncio.gather(*presses, return_exceptions=True)
    with pytest.raises(DisputeKnown, match="`desk dispute won`"):
        await press_open(desk, payment_id, key="late", reference="another")
    reference = await desk.fetch("SELECT reference FROM disputes")
    with pytest.raises(DisputeKnown, match=payment_id):
        await press_open(desk, other, key="same", reference=reference)

    assert sum(isinstance(each, Done) for each in answers) == 1
    assert all(isinstance(each, Done | Refusal) for each in answers), answers
    await press_end(desk, payment_id, "won")
    with pytest.raises(DisputeKnown, match="disputed once"):
        await press_open(desk, payment_id, key="again", reference="again")
    await press_open(desk, other, key="other", reference="other")


async def test_a_plan_s_transfer_is_disputed_once_by_many_at_once(desk: Desk) -> None:
    (request,) = await to_pay(desk.stage, desk.workspace_id)
    payment_id = str((await transfer(desk.stage, request)).payment_id)

    presses = [
        press_open(desk, payment_id, key=f"press-{n}", reference=f"{LETTER}-{n}") for n in range(6)
    ]
    answers = await asyncio.gather(*presses, return_exceptions=True)
    await press_end(desk, payment_id, "lost")

    assert sum(isinstance(each, Done) for each in answers) == 1
    assert all(isinstance(each, Done | DisputeKnown) for each in answers), answers
    async with desk.studio.reading() as connection:
        (debt,) = await stored.debts(connection, limit=9)
    assert (debt.amount, debt.purchase_id) == (request.taxed.total, None)


async def test_the_end_of_what_is_not_disputed_is_refused(desk: Desk) -> None:
    _, payment_id = await bought_here(desk)

    with pytest.raises(UnknownDispute, match="`desk dispute open`"):
        await press_end(desk, payment_id, "lost")
    with pytest.raises(UnknownPayment):
        await press_open(desk, str(uuid4()))
    await press_open(desk, payment_id)
    await press_end(desk, payment_id, "won")
    with pytest.raises(DisputeFinished, match="won already"):
        await press_end(desk, payment_id, "lost", key="other")


async def test_a_refund_that_overtakes_a_dispute_stops_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    purchase, payment_id = await bought_here(desk)
    refund = partial(desk.act, desk.grace, "refund", purchase_id=str(purchase.purchase_id))
    overtake(monkeypatch, disputes, "_purchase_of", again=refund, is_read_first=True)

    with pytest.raises(SideRowRefused):
        await press_open(desk, payment_id)
    assert await desk.fetch("SELECT count(*) FROM disputes") == 0


async def test_events_of_a_dispute_that_come_at_once_are_told_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    purchase, _ = await bought_here(desk)
    payment = await payment_of(desk, purchase)
    again = partial(by_gateway, desk, payment, "lost")
    overtake(monkeypatch, disputes, "_purchase_of", again=again, is_read_first=True)
    await again()
    other, _ = await bought_here(desk, key="2")
    payment = await payment_of(desk, other)
    again = partial(by_gateway, desk, payment, "lost", reference="other")
    overtake(monkeypatch, disputes, "_lost", again=again, is_read_first=True)

    await again()

    assert [each[0] for each in (await books_of(desk, other))["disputes"]] == ["lost", "lost"]
    assert (await books_of(desk, other))["purchase"][1:] == (1_500, 4_797, 0)


async def test_of_two_who_tell_an_end_at_once_one_is_told_of_the_other(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, payment_id = await bought_here(desk)
    await press_open(desk, payment_id)
    first = partial(press_end, desk, payment_id, "won", key="first")
    overtake(monkeypatch, desk_disputes, "_open_one", again=first, is_read_first=True)

    with pytest.raises(DisputeFinished, match="won already"):
        await press_end(desk, payment_id, "won", key="second")


async def test_a_press_that_is_overtaken_while_it_is_counted_is_told_who_was_first(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, payment_id = await bought_here(desk)
    await press_open(desk, payment_id)
    lost = {"payment_id": payment_id, "outcome": "lost"}
    first = partial(desk.act, desk.grace, "close_dispute", **lost)
    overtake(monkeypatch, desk_disputes, "_by_hand", again=first)

    with pytest.raises(AlreadyDone):
        await desk.act(desk.ada, "close_dispute", **lost)


async def test_credits_that_come_back_while_a_dispute_is_lost_are_taken_with_the_rest(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    purchase, payment_id = await bought_here(desk)
    charge = Request(desk.workspace_id, "video", "api", "clip", ask.Charge(1_600))
    back = charge._replace(key="back", action=ask.Refund(ask.Reference("api", "clip")))
    give = partial(perform, desk.studio, workspace_id=desk.workspace_id)
    await give(requests=[charge])
    await press_open(desk, payment_id)
    overtake(
        monkeypatch, disputes, "read_paid", is_read_first=True,
        again=partial(give, requests=[back]),
    )  # fmt: skip

    with pytest.raises(SideRowRefused):
        await press_end(desk, payment_id, "lost")
    await press_end(desk, payment_id, "lost")

    assert (await books_of(desk, purchase))["purchase"][1:] == (1_500, 4_797, 0)


async def test_a_dispute_is_lost_by_hand_once_no_job_holds_its_credits(desk: Desk) -> None:
    purchase, payment_id = await bought_here(desk)
    await hold(desk.stage, desk.workspace_id, 1_500 + 1_000, key="clip")
    await press_open(desk, payment_id)

    with pytest.raises(CreditsHeld):
        await press_end(desk, payment_id, "lost")
    await submit(desk.stage, desk.workspace_id, ask.Settle(ask.Reference("api", "clip"), 1_800))
    ended = await press_end(desk, payment_id, "lost")

    after = (await books_of(desk, purchase))["purchase"]
    assert isinstance(ended, Done)
    assert (after[1], f'"debt": {after[3]}' in ended.line.data) == (1_200, True)


async def test_a_gateway_that_tells_disputes_is_left_to_tell_them(desk: Desk) -> None:
    _, payment_id = await bought_here(desk)
    await desk.fetch("UPDATE payments SET gateway = 'stripe'")
    away = desk.studio
    desk.stage.studio = replace(away, gateways={**away.gateways, "stripe": object()})

    with pytest.raises(DisputeAtGateway, match="stripe"):
        await press_open(desk, payment_id)
    desk.stage.studio = away  # the gateway is not set up any more: its letters are read by staff
    await press_open(desk, payment_id)

    assert await spendable(desk.stage, desk.workspace_id) == 1_500


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"amount": 4_798}, BadDeskData), ({"amount": 0}, BadDeskData),
        ({"reference": "x" * 141}, BadReference),
    ],
)  # fmt: skip
async def test_what_is_no_dispute_is_not_opened(
    desk: Desk, change: dict[str, object], refusal: type[Refusal]
) -> None:
    _, payment_id = await bought_here(desk)

    with pytest.raises(refusal):
        await press_open(desk, payment_id, **change)
    assert await spendable(desk.stage, desk.workspace_id) == 3_000


@pytest.mark.parametrize(
    ("above", "outcome", "answer"),
    [(1_500, "lost", Done), (1_499, "lost", Proposed), (1_499, "won", Done)],
)
async def test_what_a_lost_dispute_takes_may_take_two_people(
    desk: Desk, above: int, outcome: str, answer: type
) -> None:
    _, payment_id = await bought_here(desk)
    await press_open(desk, payment_id)
    desk.rule(above=above)

    done = await press_end(desk, payment_id, outcome)
    if isinstance(done, Proposed):
        assert await desk.fetch("SELECT state FROM disputes") == "open"
        await proposals.approve(
            desk.studio, at_work(desk, desk.grace), proposal_id=done.proposal.proposal_id,
            reason=REASON,
        )  # fmt: skip

    assert type(done) is answer
    assert await desk.fetch("SELECT state FROM disputes") == outcome


async def test_admins_and_finance_tell_disputes_and_support_does_not(desk: Desk) -> None:
    _, payment_id = await bought_here(desk)
    desk.ada = await join(desk.stage, "root", Role.ADMIN)

    assert isinstance(await press_open(desk, payment_id), Done)


async def test_credits_that_wait_are_neither_added_nor_refunded_in_a_dispute(desk: Desk) -> None:
    purchase_id = str(await paid(desk))
    payment_id = str(await desk.fetch("SELECT payment_id FROM payments"))
    await press_open(desk, payment_id)

    for action in ("add_credits", "refund"):
        with pytest.raises(PaymentDisputed):
            await desk.act(desk.ada, action, purchase_id=purchase_id)
    await press_end(desk, payment_id, "lost")

    state = await desk.fetch(
        "SELECT state FROM purchases WHERE purchase_id = $1", UUID(purchase_id)
    )
    assert (state, await spendable(desk.stage, desk.workspace_id)) == ("refunded", 1_500)
