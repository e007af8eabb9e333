"""Money at the desk: each action is done once, with its line, its card and its entry."""

import asyncio
import json
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from business_stage import documents, spend, spendable
from desk_stage import REASON, Desk, join, lose_card
from money_desk_stage import (
    MONEY,
    at_work,
    granted,
    newest,
    ordered,
    paid,
    parked,
    prepared,
    refunding,
    refunds,
)
from mutoscope.app import proposals
from mutoscope.app.change_plan import AlreadyScheduled, NothingScheduled
from mutoscope.app.confirm import NotParked
from mutoscope.app.desk import AlreadyDone, Done, Proposed
from mutoscope.app.desk_disputes import DisputeFinished, DisputeKnown
from mutoscope.app.desk_money import PaymentKnown, RefundFinished
from mutoscope.app.invoicing import CreditExceedsInvoice
from mutoscope.app.money_back import RefundAtGateway
from mutoscope.app.receive import PaymentDoesNotFit
from mutoscope.app.subscribe import AlreadySubscribed
from mutoscope.domain.catalog import UnknownPack
from mutoscope.domain.credits import Refusal
from mutoscope.domain.desk import BadDeskData
from mutoscope.domain.estimate import NotForSale
from mutoscope.domain.invoices import DocumentKind
from mutoscope.domain.purchases import PurchaseNotInThisState
from mutoscope.domain.staff import NotAllowed, Role
from mutoscope.domain.subscriptions import NotInThisState
from mutoscope.storage.payments import UnknownRequest
from mutoscope.storage.purchases import UnknownPurchase
from mutoscope.storage.session import SideRowRefused

ONE_PERSON = {
    "confirm_payment": Role.SUPPORT, "use_payment": Role.SUPPORT, "return_payment": Role.SUPPORT,
    "keep_payment": Role.SUPPORT, "enter_payment": Role.SUPPORT, "add_credits": Role.ADMIN,
    "refund": Role.SUPPORT, "open_dispute": Role.SUPPORT, "close_dispute": Role.SUPPORT,
    "confirm_refund": Role.ADMIN, "credit_invoice": Role.SUPPORT, "terms": Role.SUPPORT,
    "change_zone": Role.SUPPORT, "undo_change": Role.SUPPORT, "agree_pack": Role.SUPPORT,
    "withdraw_pack": Role.SUPPORT, "agree_free_amount": Role.SUPPORT, "undo_offers": Role.SUPPORT,
    "withdraw_free_amount": Role.SUPPORT, "start_plan": Role.SUPPORT, "close": Role.FINANCE,
}  # fmt: skip
"""Whose role does not include an action."""

OTHERWISE: dict[str, type[Refusal]] = {
    "confirm_payment": PaymentKnown, "enter_payment": PaymentKnown,
    "use_payment": NotParked, "return_payment": NotParked,
    "add_credits": PurchaseNotInThisState, "refund": PurchaseNotInThisState,
    "change_zone": AlreadyScheduled, "undo_change": NothingScheduled,
    "withdraw_pack": UnknownPack, "withdraw_free_amount": NotForSale,
    "open_dispute": DisputeKnown, "close_dispute": DisputeFinished,
    "confirm_refund": RefundFinished, "credit_invoice": CreditExceedsInvoice,
    "start_plan": AlreadySubscribed, "close": NotInThisState, "undo_offers": NothingScheduled,
}  # fmt: skip
"""How an action that was done is refused to somebody who presses another button for it."""


def told(done: Done | Proposed) -> dict[str, Any]:
    assert isinstance(done, Done), done
    found: dict[str, Any] = json.loads(done.line.data)
    return found


async def counts(desk: Desk) -> tuple[int, int, int]:
    """Return how many cards, audit lines and entries there are, whatever made the entries."""
    cards = await desk.fetch("SELECT count(*) FROM outbox WHERE recipient = 'thread'")
    _, audited, _ = await desk.counts()
    return cards, audited, await desk.fetch("SELECT count(*) FROM entries")


@pytest.mark.parametrize("action", MONEY)
async def test_an_action_is_a_card_and_a_line_together(desk: Desk, action: str) -> None:
    data = await prepared(desk, action)
    cards, audited, _ = await counts(desk)

    done = await desk.act(desk.grace, action, **data)

    assert isinstance(done, Done)
    assert (await counts(desk))[:2] == (cards + 1, audited + 1)
    assert (done.line.action, done.line.workspace_id) == (action, desk.workspace_id)
    assert told(done).items() >= data.items()


@pytest.mark.parametrize("action", MONEY)
async def test_an_action_whose_card_cannot_be_written_is_not_done(desk: Desk, action: str) -> None:
    data = await prepared(desk, action)
    before = await counts(desk)
    desk.stage.studio = replace(desk.studio, post_card=lose_card)

    with pytest.raises(SideRowRefused):
        await desk.act(desk.grace, action, **data)

    assert await counts(desk) == before


@pytest.mark.parametrize("action", MONEY)
async def test_a_button_pressed_twice_acts_once(desk: Desk, action: str) -> None:
    data = await prepared(desk, action)
    first = await desk.act(desk.grace, action, **data)
    after = await counts(desk)

    again = await desk.act(desk.grace, action, **data)

    assert isinstance(first, Done)
    assert isinstance(again, Done)
    assert again.line == first.line
    assert await counts(desk) == after


@pytest.mark.parametrize("action", MONEY)
async def test_of_many_presses_at_once_one_acts(desk: Desk, action: str) -> None:
    data = await prepared(desk, action)
    cards, audited, _ = await counts(desk)
    people = [desk.grace, desk.ada] * 3

    presses = [desk.act(who, action, **data) for who in people]
    answers = await asyncio.gather(*presses, return_exceptions=True)

    assert (await counts(desk))[:2] == (cards + 1, audited + 1)
    assert {type(answer) for answer in answers} == {Done, AlreadyDone}


@pytest.mark.parametrize("action", OTHERWISE)
async def test_two_people_with_a_button_each_do_it_once(desk: Desk, action: str) -> None:
    data = await prepared(desk, action)
    cards, audited, _ = await counts(desk)

    answers = await asyncio.gather(
        *(desk.act(desk.ada, action, key=f"press-{n}", **data) for n in range(6)),
        return_exceptions=True,
    )
    with pytest.raises(OTHERWISE[action]):
        await desk.act(desk.grace, action, key="late", **data)

    assert (await counts(desk))[:2] == (cards + 1, audited + 1)
    assert sum(isinstance(answer, Done) for answer in answers) == 1
    assert {type(each) for each in answers} <= {Done, OTHERWISE[action], SideRowRefused}


@pytest.mark.parametrize("action", MONEY)
async def test_an_action_of_another_role_is_refused(desk: Desk, action: str) -> None:
    data = await prepared(desk, action)
    linus = await join(desk.stage, "linus", ONE_PERSON[action])

    with pytest.raises(NotAllowed):
        await desk.act(linus, action, **data)


async def test_the_entry_of_added_credits_says_who_and_why(desk: Desk) -> None:
    purchase_id = await paid(desk)

    done = await desk.act(desk.ada, "add_credits", purchase_id=str(purchase_id))

    line = await newest(desk)
    assert line.note is not None
    assert (line.note.actor, line.note.text) == ("ada lovelace", REASON)
    assert (line.entry.operation, told(done)["credits"]) == ("grant", 1_500)
    assert await spendable(desk.stage, desk.workspace_id) == 3_000


async def test_a_transfer_of_another_amount_is_parked_and_told_so(desk: Desk) -> None:
    made = await ordered(desk)
    request_id = str(made.request.request_id)

    done = await desk.act(
        desk.ada, "confirm_payment", request_id=request_id, reference="RF18-2", amount=4_000
    )

    found = told(done)
    assert (found["outcome"], found["outcome_reason"]) == ("parked", "other_amount")
    assert (found["amount"], found["currency"]) == (4_000, "USD")
    with pytest.raises(PaymentKnown, match=r"parked \(other amount\)"):
        await desk.act(
            desk.grace, "confirm_payment", key="2", request_id=request_id, reference="RF18-2"
        )


async def test_what_is_not_there_is_refused_before_anything_is_done(desk: Desk) -> None:
    before = await counts(desk)

    with pytest.raises(UnknownRequest):
        await desk.act(desk.ada, "confirm_payment", request_id=str(uuid4()), reference="x")
    with pytest.raises(UnknownPurchase):
        await desk.act(desk.ada, "add_credits", purchase_id=str(uuid4()))

    assert await counts(desk) == before


async def test_a_parked_payment_pays_another_order(desk: Desk) -> None:
    data = await prepared(desk, "use_payment")

    done = await desk.act(desk.ada, "use_payment", **data)

    state = "SELECT state FROM payment_requests WHERE request_id = $1"
    assert told(done)["outcome"] == "applied"
    assert await desk.fetch(state, data["request_id"]) == "paid"


async def test_a_parked_payment_that_does_not_fit_stays_parked(desk: Desk) -> None:
    found = await parked(desk)
    paid_already = "SELECT request_id FROM payments WHERE reference = 'first'"
    request_id = str(await desk.fetch(paid_already))

    with pytest.raises(PaymentDoesNotFit):
        await desk.act(
            desk.ada, "use_payment", payment_id=str(found.payment_id), request_id=request_id
        )

    state = "SELECT state FROM payments WHERE payment_id = $1"
    assert await desk.fetch(state, found.payment_id) == "parked"


async def test_a_parked_payment_goes_back_whole(desk: Desk) -> None:
    found = await parked(desk)

    done = await desk.act(desk.ada, "return_payment", payment_id=str(found.payment_id))

    (asked,) = await refunds(desk)
    state = "SELECT state FROM payments WHERE payment_id = $1"
    assert await desk.fetch(state, found.payment_id) == "returned"
    assert (str(asked.refund_id), asked.amount) == (told(done)["refund_id"], 4_797)
    assert (asked.state, asked.reason) == ("asked", "already_paid")


async def test_a_refund_takes_the_unspent_part_and_says_who_and_why(desk: Desk) -> None:
    purchase_id = await granted(desk)
    await spend(desk.stage, desk.workspace_id, 1_500 + 500)

    done = await desk.act(desk.ada, "refund", purchase_id=str(purchase_id))

    found, line = told(done), await newest(desk)
    assert (found["credits"], found["amount"], found["currency"]) == (1_000, 3_198, "USD")
    assert line.note is not None
    assert (line.entry.operation, line.note.actor) == ("void", "ada lovelace")
    assert await spendable(desk.stage, desk.workspace_id) == 0


async def test_the_credit_note_does_not_tell_the_customer_what_staff_think(desk: Desk) -> None:
    done = await desk.act(desk.ada, "refund", purchase_id=str(await granted(desk)))

    await desk.act(
        desk.ada, "confirm_refund", key="2", refund_id=told(done)["refund_id"], outcome="sent",
        reference="RF18-BACK",
    )  # fmt: skip

    issued = await documents(desk.stage, desk.workspace_id)
    (note,) = [each for each in issued if each.kind is DocumentKind.CREDIT_NOTE]
    assert note.reason == "refund of purchased credits"


async def test_a_refund_that_could_not_be_sent_gives_the_credits_back(desk: Desk) -> None:
    asked = await refunding(desk)

    await desk.act(desk.ada, "confirm_refund", refund_id=str(asked.refund_id), outcome="failed")

    line = await newest(desk)
    assert line.note is not None
    assert (line.entry.operation, line.note.actor) == ("grant", "ada lovelace")
    assert await spendable(desk.stage, desk.workspace_id) == 3_000


async def test_a_refund_that_a_gateway_is_yet_to_make_is_not_decided_by_hand(desk: Desk) -> None:
    asked = await refunding(desk)
    await desk.fetch("UPDATE payments SET gateway = 'stripe'")
    desk.stage.studio = replace(desk.studio, gateways={"stripe": object()})

    with pytest.raises(RefundAtGateway):
        await desk.act(
            desk.ada, "confirm_refund", refund_id=str(asked.refund_id), outcome="sent",
            reference="RF18-BACK",
        )  # fmt: skip

    assert (await refunds(desk))[0].state == "asked"


async def test_money_that_was_sent_by_hand_is_known_by_its_reference(desk: Desk) -> None:
    data = await prepared(desk, "confirm_refund")
    unnamed = {name: value for name, value in data.items() if name != "reference"}

    with pytest.raises(BadDeskData, match="reference"):
        await desk.act(desk.ada, "confirm_refund", **unnamed)
    await desk.act(desk.ada, "confirm_refund", **data)

    (sent,) = await refunds(desk)
    assert (sent.state, sent.reference) == ("succeeded", "RF18-BACK")


async def test_a_payment_that_could_not_go_back_waits_again(desk: Desk) -> None:
    payment_id = str((await parked(desk)).payment_id)
    first = await desk.act(desk.ada, "return_payment", payment_id=payment_id)
    await desk.act(
        desk.ada, "confirm_refund", key="2", refund_id=told(first)["refund_id"], outcome="failed"
    )

    again = await desk.act(desk.grace, "return_payment", key="again", payment_id=payment_id)

    assert told(again)["refund_id"] != told(first)["refund_id"]
    assert {each.state for each in await refunds(desk)} == {"asked", "failed"}
    reason = "SELECT state || ' ' || reason FROM payments WHERE payment_id = $1"
    assert await desk.fetch(reason, payment_id) == "returned refund_failed"


@pytest.mark.parametrize(
    ("above", "amount", "answer"),
    [(1_500, None, Done), (1_499, None, Proposed), (1_500, 4_797, Done), (1_499, 4_797, Proposed)],
)
async def test_a_refund_counts_its_credits(
    desk: Desk, above: int, amount: int | None, answer: type
) -> None:
    purchase_id = str(await granted(desk))
    desk.rule(above=above)
    decided = {} if amount is None else {"amount": amount}

    done = await desk.act(at_work(desk, desk.ada), "refund", purchase_id=purchase_id, **decided)

    assert type(done) is answer


@pytest.mark.parametrize(("above", "answer"), [(100, Done), (99, Proposed)])
async def test_the_money_of_spent_credits_counts_too(desk: Desk, above: int, answer: type) -> None:
    purchase_id = str(await granted(desk))
    await spend(desk.stage, desk.workspace_id, 3_000)
    desk.rule(above=above)

    done = await desk.act(desk.ada, "refund", purchase_id=purchase_id, amount=319)

    assert type(done) is answer


async def test_credits_above_the_limit_are_added_once_by_two_people(desk: Desk) -> None:
    purchase_id = str(await paid(desk))
    desk.rule(above=1_499)

    proposed = await desk.act(desk.ada, "add_credits", purchase_id=purchase_id)
    assert isinstance(proposed, Proposed)
    assert proposed.proposal.data["credits"] == 1_500
    approvals = [
        proposals.approve(
            desk.studio, desk.grace, proposal_id=proposed.proposal.proposal_id, reason=REASON
        )
        for _ in range(4)
    ]
    answers = await asyncio.gather(*approvals)

    assert len({answer.line for answer in answers}) == 1
    assert await spendable(desk.stage, desk.workspace_id) == 3_000
    note = (await newest(desk)).note
    assert note is not None
    assert note.text == f"{REASON} (approved: {REASON})"


async def test_an_approval_that_comes_too_late_adds_nothing(desk: Desk) -> None:
    purchase_id = str(await paid(desk))
    desk.rule(above=1_000)
    proposed = await desk.act(desk.ada, "add_credits", purchase_id=purchase_id)
    assert isinstance(proposed, Proposed)
    desk.rule()
    await desk.act(desk.ada, "add_credits", key="alone", purchase_id=purchase_id)

    with pytest.raises(PurchaseNotInThisState):
        await proposals.approve(
            desk.studio, desk.grace, proposal_id=proposed.proposal.proposal_id, reason=REASON
        )

    assert await spendable(desk.stage, desk.workspace_id) == 3_000
