"""The staff of the business demo: who they are, and a day of theirs at the desk.

Owns what staff do of themselves and with what waits for them. Invariant: each act is a button of
the desk; what gives or takes more than the catalog's limit is proposed, and decided by the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mutoscope.app import desk_chat, desk_waiting, disputes, proposals
from mutoscope.app.desk_credits import DOWN, UP
from mutoscope.app.desk_money import NOT_SENT, SENT
from mutoscope.app.passwords import change_password
from mutoscope.app.staff import NewStaff, add_staff, authorised
from mutoscope.cli.business_buying import CODE
from mutoscope.cli.business_care import care
from mutoscope.cli.business_town import OFTEN, Town, happens, subject
from mutoscope.domain.chat import Words
from mutoscope.domain.staff import Role
from mutoscope.storage import payments
from mutoscope.storage.payments import NOBODY

if TYPE_CHECKING:
    from mutoscope.app.desk_waiting import Waiting, WaitingRefund
    from mutoscope.app.studio import Studio
    from mutoscope.domain.staff import Actor
    from mutoscope.storage.disputes import Dispute
    from mutoscope.storage.inbox import CreditRequest
    from mutoscope.storage.payments import Payment, PaymentRequest
    from mutoscope.storage.proposals import Proposal

NAMES: Final = ("ada", "grace")
WHY: Final = "as the story tells it"
DECISIONS: Final = ("approved", "refused", "withdrawn", "left")
DECISION_WEIGHTS: Final = (15, 2, 2, 1)
"""What becomes of a proposal in a day."""


async def hire(studio: Studio) -> tuple[Actor, Actor]:
    """Take two people on the staff, who choose passwords of their own and give them."""
    ada = await _hired(studio, None, NAMES[0])
    return ada, await _hired(studio, ada, NAMES[1])


async def _hired(studio: Studio, by: Actor | None, name: str) -> Actor:
    given, own = f"given to {name} once", f"the own one of {name}"
    new = NewStaff(name=name, email=f"{name}@studio.example", password=given, roles=tuple(Role))
    await add_staff(studio, by, new=new, reason=WHY)
    await change_password(studio, name=name, password=given, new_password=own)
    return await authorised(studio, name=name, password=own)


async def serve(town: Town) -> None:
    """Let the staff work through what waits for them, and do a thing or two of themselves."""
    waiting = await desk_waiting.waiting(town.house.studio)
    town.proposed = {
        subject(each.action, each.workspace_id, each.data) for each in waiting.proposals
    }
    await _offer_code(town)
    for request in waiting.credit_requests:
        await _answer(town, request)
    for proposal in waiting.proposals:
        await _decide(town, proposal)
    await _add_credits(town, waiting)
    for refund in waiting.refunds:
        if refund.is_by_hand:
            await _send(town, refund)
    for disputed in waiting.disputes:
        if disputed.is_by_hand:
            await _hear_of(town, disputed.dispute)
    for parked in waiting.payments:
        await _look_at(town, parked.payment, is_noted=parked.note is not None)
    await _of_themselves(town)
    await care(town)


async def _offer_code(town: Town) -> None:
    """Offer a promo code to whoever knows it, for most of the two years; some proposals fail."""
    if town.seen["desk: offer_promo"]:
        return
    await town.press(
        "offer_promo", NOBODY, promo_code=CODE, kind="video", credits=100, redemptions_max=50,
        lasts_days=30, open_days=600,
    )  # fmt: skip


async def _answer(town: Town, request: CreditRequest) -> None:
    """Let a customer buy who asked for it in the chat, and tell them so."""
    if await town.press("enable_purchases", request.workspace_id):
        await town.tried("answered in the chat", desk_chat.answer(
            town.house.studio, town.at_work(0), workspace_id=request.workspace_id,
            thread_id=request.thread_id, words=Words(body="You may buy credits in Settings now."),
            key=f"answer-{request.ordinal}",
        ))  # fmt: skip


async def _decide(town: Town, proposal: Proposal) -> None:
    """Let the second person agree or refuse, the first think better of it, or both forget it."""
    own = [each.staff_id for each in town.staff].index(proposal.proposed_by)
    first, second = town.at_work(own), town.at_work(1 - own)
    studio, proposal_id = town.house.studio, proposal.proposal_id
    (decided,) = town.chance.choices(DECISIONS, weights=DECISION_WEIGHTS)
    if decided == "approved":
        doing = proposals.approve(studio, second, proposal_id=proposal_id, reason=WHY)
        if await town.tried(f"approved: {proposal.action}", doing) is not None:
            town.seen[f"desk: {proposal.action}"] += 1
    elif decided == "refused":
        refusing = proposals.refuse(studio, second, proposal_id=proposal_id, reason=WHY)
        await town.tried("proposal refused", refusing)
    elif decided == "withdrawn":
        withdrawing = proposals.withdraw(studio, first, proposal_id=proposal_id, reason=WHY)
        await town.tried("proposal withdrawn", withdrawing)


async def _add_credits(town: Town, waiting: Waiting) -> None:
    """Add what is paid; whose account is closed gets the money back."""
    for each in waiting.purchases:
        action = "refund" if each.is_closed else "add_credits"
        purchase = each.purchase
        await town.press(action, purchase.workspace_id, purchase_id=str(purchase.purchase_id))


async def _send(town: Town, waiting: WaitingRefund) -> None:
    """Send money back by a transfer, which some banks refuse."""
    refund = waiting.refund
    is_sent = happens(town.chance, OFTEN)
    await town.press(
        "confirm_refund", refund.workspace_id, refund_id=str(refund.refund_id),
        outcome=SENT if is_sent or refund.state != "asked" else NOT_SENT,
        reference=f"back/{refund.refund_id}/{town.presses}",
    )  # fmt: skip


async def _hear_of(town: Town, dispute: Dispute) -> None:
    """Read how the bank decided about a transfer that its payer takes back."""
    await town.press(
        "close_dispute", dispute.workspace_id, payment_id=str(dispute.payment_id),
        outcome=town.chance.choice((disputes.WON, disputes.LOST)),
    )  # fmt: skip


async def _look_at(town: Town, payment: Payment, *, is_noted: bool) -> None:
    """Decide about money that waits: use it for what it pays, keep it a while, or send it back."""
    found = await _fitting(town.house.studio, payment)
    named = {"payment_id": str(payment.payment_id)}
    if found is not None:
        source = None if payment.workspace_id == found.workspace_id else str(payment.workspace_id)
        await town.press(
            "use_payment", found.workspace_id, **named, request_id=str(found.request_id),
            from_workspace_id=source,
        )  # fmt: skip
    elif not is_noted:
        await town.press("keep_payment", payment.workspace_id, **named)
    elif happens(town.chance, 0.2):
        await town.press("return_payment", payment.workspace_id, **named)


async def _fitting(studio: Studio, payment: Payment) -> PaymentRequest | None:
    """Return what a payment that waits may have been meant for, or None."""
    async with studio.reading() as connection:
        if payment.workspace_id != NOBODY:
            found = await payments.open_requests(connection, workspace_id=payment.workspace_id)
        else:
            found = await payments.open_requests_of_all(connection, limit=200)
    return next(
        (
            each for each in found
            if (each.money().amount, each.taxed.currency) == (payment.amount, payment.currency)
        ),
        None,
    )  # fmt: skip


async def _of_themselves(town: Town) -> None:
    """Give goodwill, put a balance right, or disable and close what has to be."""
    chance = town.chance
    joined = [each.whose for each in town.customers if each.workspace_id is not None]
    if not joined:
        return
    whose, kind = chance.choice(joined), chance.choice(("image", "video"))
    given: dict[str, object] = {"kind": kind, "credits": chance.choice((20, 60, 150))}
    acts: tuple[tuple[float, str, dict[str, object]], ...] = (
        (0.3, "goodwill", given),
        (0.05, "adjust", {**given, "direction": chance.choice((UP, DOWN))}),
        (0.03, "disable_purchases", {}),
        (0.01, "close", {}),
    )
    drawn = chance.random()
    for share, action, data in acts:
        if drawn < share:
            await town.press(action, whose, **data)
            return
        drawn -= share
