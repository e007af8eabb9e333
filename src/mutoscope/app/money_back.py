"""Money that goes back: refunds of purchases, parked payments that are returned (rule 17).

Invariant: credits leave in the transaction that asks for the refund, then the money is sent, which
is the matter of `app.send_refund`; how it ends is that of `app.refund_end`. What there is to take
is told by `app.unspent`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from mutoscope.app.acts import NOBODYS, Act
from mutoscope.app.fulfil import require_undisputed, undisputed
from mutoscope.app.gateway import PaymentState
from mutoscope.app.refund_end import ASKED, FAILED, OWED, SUCCEEDED, finish, read_refund, sent_over
from mutoscope.app.send_refund import send
from mutoscope.app.unspent import (
    ALL,
    NothingToRefund,
    Paid,
    RefundTooSmall,
    Wanted,
    read_paid,
)
from mutoscope.domain.credits import Refusal
from mutoscope.domain.ledger import InsufficientCredits
from mutoscope.domain.offers import Money
from mutoscope.domain.planner import Submission
from mutoscope.domain.purchases import PurchaseState, credits_worth, money_back, unpaid_use
from mutoscope.storage import disputes, payments, purchases
from mutoscope.storage.payments import Payment
from mutoscope.storage.purchases import Refund
from mutoscope.storage.session import SideRow, SideRowRefused

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from mutoscope.app.studio import Studio

PRINTED: Final = "refund of purchased credits"
"""Why, on a credit note: the reason of staff is theirs, a customer reads this."""


class RefundAtGateway(Refusal):
    """A decision by hand about a refund that a gateway is yet to be asked for."""

    code = "refund_at_gateway"

    def __init__(self, *, refund_id: UUID, gateway: str) -> None:
        super().__init__(
            f"the refund {refund_id} goes over {gateway}, which is asked for it by itself and "
            "tells what came of it: wait for that"
        )
        self.refund_id = refund_id
        self.gateway = gateway


async def refund(
    studio: Studio, *, workspace_id: UUID, purchase_id: UUID, reason: str, wanted: Wanted = ALL,
    act: Act = NOBODYS,
) -> Refund:  # fmt: skip
    """Take back what is left of a purchase or a part of it, and send its money.

    Staff may decide on more money than its credits were paid with.

    :raises UnknownPurchase: when the workspace has none of that id.
    :raises PurchaseNotInThisState: when it is not paid, or over; of a part, when it is not granted.
    :raises PaymentDisputed: when its payer takes the money back through the bank.
    :raises RefundExceedsUnspent: when fewer credits are unspent than are named.
    :raises CreditsHeld: when all is to be taken back, and jobs hold some of its credits.
    :raises NothingToRefund: when nothing is left, or the amount is more than is left of the money.
    :raises RefundTooSmall: when the amount is less than its credits were paid with.
    :raises SideRowRefused: when it, or what is left of it, has been changed at this moment.
    """
    paid, part = await _to_refund(studio, workspace_id, purchase_id, wanted)
    try:
        asked = _asked(studio, paid, part=part, amount=wanted.amount, reason=reason)
        await _ask(studio, paid, asked, is_part=part is not None, act=act)
    except (SideRowRefused, NothingToRefund, InsufficientCredits):  # perhaps another was first
        await _to_refund(studio, workspace_id, purchase_id, wanted)
        raise
    await send(studio, asked)
    return await read_refund(studio, workspace_id, asked.refund_id)


async def _to_refund(
    studio: Studio, workspace_id: UUID, purchase_id: UUID, wanted: Wanted
) -> tuple[Paid, int | None]:
    """Return a purchase that can be refunded, and the part of it, where not all is meant."""
    paid = await read_paid(studio, workspace_id=workspace_id, purchase_id=purchase_id)
    paid.purchase.require(PurchaseState.PAID, PurchaseState.GRANTED)
    await require_undisputed(studio, paid.purchase)
    return paid, paid.part(wanted.credits)


async def _ask(studio: Studio, paid: Paid, asked: Refund, *, is_part: bool, act: Act) -> None:
    """Take the credits of a refund back, and write it; all that is left ends the purchase."""
    key = f"refund/{asked.refund_id}"
    after = replace(
        paid.purchase, taken_back=paid.purchase.taken_back + asked.credits,
        refunded=paid.purchase.refunded + asked.amount,
    )  # fmt: skip
    emptied: tuple[SideRow, ...] = ()
    if is_part:
        requests = paid.lessenings(key=key, part=asked.credits)
    else:
        requests, emptied = paid.voids(key=key), paid.emptied()
        after = replace(after, state=PurchaseState.REFUNDED, ended_at=asked.asked_at)
    told = act.telling(
        refund_id=str(asked.refund_id), amount=asked.amount, currency=asked.currency,
        kind=paid.purchase.kind, credits=asked.credits,
    )  # fmt: skip
    rows = (
        undisputed(paid.payment), *emptied, purchases.changed(paid.purchase, after),
        SideRow(purchases.add_refunds, asked.row()), *told,
    )  # fmt: skip
    await studio.journal.submit(Submission(act.noted(requests)), side_rows=rows)


def _asked(
    studio: Studio, paid: Paid, *, part: int | None, amount: int | None, reason: str
) -> Refund:
    """Return the refund of what is taken back, or of the amount that staff decided."""
    purchase, total = paid.purchase, paid.request.taxed.total
    taken = paid.left() if part is None else part
    most = total - purchase.refunded
    due = money_back(
        paid=total, granted=purchase.credits, taken_back=purchase.taken_back + taken,
        refunded=purchase.refunded,
    )  # fmt: skip
    wanted = due if amount is None else amount
    if not 0 < wanted <= most:
        left = Money(amount=most, currency=paid.payment.currency)
        raise NothingToRefund(purchase_id=purchase.purchase_id, wanted=wanted, most=left)
    if wanted < due:
        worth = credits_worth(
            paid=total, granted=purchase.credits, money=purchase.refunded + wanted
        )
        raise RefundTooSmall(
            purchase_id=purchase.purchase_id, taken=taken, worth=worth - purchase.taken_back,
            least=Money(amount=due, currency=paid.payment.currency),
        )  # fmt: skip
    asked = whole(studio, paid.payment, reason=reason, at=studio.clock.now())
    return replace(asked, purchase_id=purchase.purchase_id, credits=taken, amount=wanted)


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyAfter:
    """What follows for a purchase from credits of it that came back after its end."""

    rows: tuple[SideRow, ...]
    refund: Refund | None


async def after_return(
    studio: Studio, *, workspace_id: UUID, purchase_id: UUID, returned: int
) -> MoneyAfter:
    """Return what follows from credits that come back to a purchase whose credits were taken back.

    They are taken back with the rest. Their money goes back, too, as far as it has not yet; of a
    purchase that its payer took back through the bank it lessens the debt instead.

    :raises PurchaseNotInThisState: when a dispute of it is open.
    """
    paid = await read_paid(studio, workspace_id=workspace_id, purchase_id=purchase_id)
    purchase, total = paid.purchase, paid.request.taxed.total
    purchase.require(PurchaseState.REFUNDED, PurchaseState.GRANTED)
    async with studio.reading() as connection:
        of_all = await disputes.of_workspace(connection, workspace_id=workspace_id)
    taken_back = purchase.taken_back + returned
    back = money_back(
        paid=total, granted=purchase.credits, taken_back=taken_back, refunded=purchase.refunded
    )
    after = replace(purchase, taken_back=taken_back, refunded=purchase.refunded + back)
    if any(each.purchase_id == purchase_id and each.state == "lost" for each in of_all):
        debt = unpaid_use(
            paid=total, granted=purchase.credits, spent=purchase.credits - taken_back,
            refunded=after.refunded,
        )  # fmt: skip
        return MoneyAfter(
            rows=(purchases.changed(purchase, replace(after, debt=debt)),), refund=None
        )
    row = purchases.changed(purchase, after)
    if not back:
        return MoneyAfter(rows=(row,), refund=None)
    asked = replace(
        whole(studio, paid.payment, reason=PRINTED, at=studio.clock.now()),
        purchase_id=purchase_id, credits=returned, amount=back,
    )  # fmt: skip
    return MoneyAfter(
        rows=(SideRow(purchases.add_refunds, asked.row()), row), refund=asked
    )  # fmt: skip


def returned(studio: Studio, payment: Payment, *, reason: str, at: datetime) -> tuple[SideRow, ...]:
    """Return the rows of a payment that goes back whole, since nobody can use it."""
    asked = whole(studio, payment, reason=reason, at=at)
    kept = replace(payment, state="returned", reason=reason, settled_at=at)
    return (
        SideRow(payments.add_payments, kept.row()), SideRow(purchases.add_refunds, asked.row())
    )  # fmt: skip


def whole(studio: Studio, payment: Payment, *, reason: str, at: datetime) -> Refund:
    """Return the refund of all of a payment."""
    return Refund(
        workspace_id=payment.workspace_id, refund_id=studio.ids.new(),
        payment_id=payment.payment_id, purchase_id=None, credits=0, amount=payment.amount,
        currency=payment.currency, state=ASKED, reason=reason, reference=None, asked_at=at,
        finished_at=None,
    )  # fmt: skip


async def confirm(
    studio: Studio, *, workspace_id: UUID, refund_id: UUID, is_sent: bool = True,
    reference: str | None = None, act: Act = NOBODYS,
) -> Refund:  # fmt: skip
    """Note that staff sent a refund by hand, or that it failed; what was noted before stays.

    `reference` is the bank's own of the transfer back. What was sent by hand may come back; what a
    gateway sent comes back by its own word alone.

    :raises UnknownRefund: when the workspace has none of that id.
    :raises RefundAtGateway: when its gateway has not been asked for it yet, and will be.
    """
    asked = await read_refund(studio, workspace_id, refund_id)
    gateway = await sent_over(studio, asked)
    is_by_hand = studio.is_by_hand(gateway)
    if asked.state == ASKED and asked.reference is None and not is_by_hand:
        raise RefundAtGateway(refund_id=refund_id, gateway=gateway)
    if asked.state != SUCCEEDED or is_by_hand:
        sent = replace(asked, reference=_own(asked, reference))
        await finish(studio, sent, state=SUCCEEDED if is_sent else FAILED, act=act)
    return await read_refund(studio, workspace_id, refund_id)


def _own(asked: Refund, reference: str | None) -> str | None:
    """Return the reference of a refund: what its gateway called it, unless it is sent anew."""
    return reference if asked.state == OWED else asked.reference or reference


async def refund_told(
    studio: Studio, *, gateway: str, reference: str, state: PaymentState, act: Act = NOBODYS
) -> bool:
    """Note what a gateway tells of a refund; tell whether it was one of ours."""
    if state is PaymentState.PENDING:
        return True
    async with studio.reading() as connection:
        asked = await purchases.refund_by_reference(
            connection, gateway=gateway, reference=reference
        )
    if asked is None:
        return False
    ended = SUCCEEDED if state is PaymentState.SUCCEEDED else FAILED
    await finish(studio, asked, state=ended, act=act)
    return True
