"""Payments by hand: transfers that staff saw in the bank's book, and money that is parked.

Invariant: the bank's own reference is the payment's, so that two of the staff who confirm the same
line of the statement confirm one payment. What was parked is used for a request that it fits, goes
back whole, or is kept open: each decision finds it parked, or is refused. A payment of nobody
belongs to the workspace whose request it is used for; so does another workspace's, which has to be
named, so that none is taken by a slip.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from mutoscope.app.acts import NOBODYS, Act
from mutoscope.app.disputes import LOST, OPEN, disputes_of
from mutoscope.app.fulfil import PaymentDisputed, undisputed
from mutoscope.app.gateway import GatewayPayment, PaymentState
from mutoscope.app.money_back import whole
from mutoscope.app.receive import PaymentDoesNotFit, Received, receive, use_parked
from mutoscope.app.send_refund import send
from mutoscope.app.studio import MANUAL
from mutoscope.domain.credits import Refusal, checked_amount
from mutoscope.domain.planner import Submission
from mutoscope.storage import payments, purchases
from mutoscope.storage.payments import NOBODY, Payment, UnknownPayment
from mutoscope.storage.session import SideRow, SideRowRefused

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from mutoscope.app.studio import Studio
    from mutoscope.domain.offers import Money

REFERENCE_MAX: Final = 140
"""Characters of a bank's reference (the remittance text of a SEPA transfer)."""


class BadReference(Refusal):
    """A reference of a payment that is empty or too long."""

    code = "bad_reference"

    def __init__(self, *, reference: str) -> None:
        super().__init__(
            f"{reference[:60]!r} cannot be a payment's reference: copy that of the bank "
            f"statement, 1 to {REFERENCE_MAX} characters"
        )
        self.reference = reference


class NotParked(Refusal):
    """A decision about a payment that does not wait for one."""

    code = "not_parked"

    def __init__(self, *, payment: Payment) -> None:
        payment_id, state = payment.payment_id, payment.state
        why = "" if payment.reason is None else f" ({payment.reason.replace('_', ' ')})"
        super().__init__(f"the payment {payment_id} is {state}{why}: there is nothing to decide")
        self.payment_id = payment_id
        self.state = state


class PaymentOfAnother(Refusal):
    """A parked payment that is another workspace's, and was not said to be taken from there."""

    code = "payment_of_another"

    def __init__(self, *, payment_id: UUID, workspace_id: UUID) -> None:
        super().__init__(
            f"the payment {payment_id} waits for the workspace {workspace_id}: if its payer says "
            "that it was meant for this one, name that workspace as well (`--from`, "
            "`from_workspace_id`); else send it back"
        )
        self.payment_id = payment_id
        self.workspace_id = workspace_id


async def confirm_payment(
    studio: Studio, *, workspace_id: UUID, request_id: UUID, reference: str,
    amount: int | None = None, act: Act = NOBODYS,
) -> Received:  # fmt: skip
    """Confirm that a request was paid by transfer; another amount than asked for is parked.

    :raises UnknownRequest: when the workspace has none of that id.
    :raises BadReference: when the reference is none.
    :raises BadAmount: when the amount is none.
    """
    text = checked_reference(reference)
    async with studio.reading() as connection:
        request = await payments.request(
            connection, workspace_id=workspace_id, request_id=request_id
        )
    money = request.money()
    if amount is not None:
        money = replace(money, amount=checked_amount(amount))
    payment = GatewayPayment(
        reference=text, request_id=request_id, total=money, state=PaymentState.SUCCEEDED,
        created_at=studio.clock.now(),
    )  # fmt: skip
    return await receive(studio, gateway=MANUAL, payment=payment, act=act)


async def enter_payment(
    studio: Studio, *, owner: UUID, reference: str, money: Money, act: Act
) -> Received:
    """Enter a transfer of which nobody knows what it pays: it is parked for its owner, or nobody.

    :raises BadReference: when the reference is none.
    :raises BadAmount: when the amount is none.
    """
    payment = GatewayPayment(
        reference=checked_reference(reference), request_id=None, state=PaymentState.SUCCEEDED,
        total=replace(money, amount=checked_amount(money.amount)), created_at=studio.clock.now(),
    )  # fmt: skip
    return await receive(studio, gateway=MANUAL, payment=payment, act=act, owner=owner)


async def give_back(studio: Studio, *, workspace_id: UUID, payment_id: UUID, act: Act) -> Payment:
    """Send a parked payment back whole, or what lost disputes have left of it.

    :raises UnknownPayment: when the workspace has none of that id.
    :raises NotParked: when it does not wait.
    :raises PaymentDisputed: when its payer takes the money back through the bank.
    :raises SideRowRefused: when its dispute is decided at this moment.
    """
    payment = await _parked(studio, workspace_id, payment_id)
    taken = await _taken_back(studio, payment)
    at = studio.clock.now()
    asked = whole(studio, payment, reason=payment.reason or "parked", at=at)
    asked = replace(asked, amount=asked.amount - taken)
    told = act.telling(refund_id=str(asked.refund_id), amount=asked.amount, currency=asked.currency)
    rows = (
        undisputed(payment, taken=taken), SideRow(purchases.add_refunds, asked.row()), *told
    )  # fmt: skip
    try:
        await _decide(studio, payment, state="returned", settled_at=at, rows=rows)
    except SideRowRefused:  # perhaps its payer was first
        await _taken_back(studio, payment)
        raise
    await send(studio, asked)
    async with studio.reading() as connection:
        return await payments.payment(connection, workspace_id=workspace_id, payment_id=payment_id)


async def keep(studio: Studio, *, workspace_id: UUID, payment_id: UUID, act: Act) -> Payment:
    """Keep a parked payment open: the act says why.

    :raises UnknownPayment: when the workspace has none of that id.
    :raises NotParked: when it does not wait.
    """
    payment = await _parked(studio, workspace_id, payment_id)
    told = act.telling(amount=payment.amount, currency=payment.currency)
    await _decide(studio, payment, state=payment.state, settled_at=None, rows=told)
    return payment


async def use(
    studio: Studio, *, workspace_id: UUID, payment_id: UUID, request_id: UUID, act: Act,
    source: UUID | None = None,
) -> Received:  # fmt: skip
    """Use a parked payment for an open request of the same amount.

    It is the workspace's own or nobody's; or that of the `source`, where one is named.

    :raises UnknownPayment: when there is none of that id.
    :raises PaymentOfAnother: when it is another workspace's.
    :raises UnknownRequest: when the workspace has no such request.
    :raises NotParked: when it does not wait.
    :raises PaymentDoesNotFit: when the request is not open, or asks for another amount.
    :raises PaymentDisputed: when its payer takes the money back through the bank, or has of a part.
    """
    found = await _waiting(studio, payment_id)
    if found.workspace_id not in ({workspace_id, NOBODY} if source is None else {source}):
        raise PaymentOfAnother(payment_id=payment_id, workspace_id=found.workspace_id)
    await _require_whole(studio, found)
    payment = replace(found, workspace_id=workspace_id)
    try:
        return await use_parked(
            studio, payment, before=found.workspace_id, request_id=request_id, act=act
        )
    except (SideRowRefused, PaymentDoesNotFit):  # perhaps somebody else was first
        await _require_whole(studio, await _waiting(studio, payment_id))
        raise


def checked_reference(reference: str) -> str:
    """Return a bank's reference with its spaces made one each.

    :raises BadReference: when it is empty or too long.
    """
    text = " ".join(reference.split())
    if not 0 < len(text) <= REFERENCE_MAX or not text.isprintable():
        raise BadReference(reference=reference)
    return text


async def _decide(
    studio: Studio, payment: Payment, *, state: str, settled_at: datetime | None,
    rows: tuple[SideRow, ...],
) -> None:  # fmt: skip
    """Write what was decided about a payment with its rows, while it is parked.

    :raises NotParked: when somebody else was first.
    """
    whose, payment_id = payment.workspace_id, payment.payment_id
    row = (whose, payment_id, state, None, settled_at, whose)
    try:
        await studio.journal.submit(
            Submission(()), side_rows=(SideRow(payments.settle_payments, row), *rows)
        )
    except SideRowRefused:
        await _parked(studio, whose, payment_id)
        raise


async def _parked(studio: Studio, workspace_id: UUID, payment_id: UUID) -> Payment:
    payment = await _waiting(studio, payment_id)
    if payment.workspace_id != workspace_id:
        raise UnknownPayment(payment=str(payment_id))
    return payment


async def _require_whole(studio: Studio, payment: Payment) -> None:
    for each in await disputes_of(studio, payment):
        if each.state in {OPEN, LOST}:
            raise PaymentDisputed(dispute=each)


async def _taken_back(studio: Studio, payment: Payment) -> int:
    """Return how much of a payment lost disputes have taken back."""
    found = await disputes_of(studio, payment)
    for each in found:
        if each.state == OPEN:
            raise PaymentDisputed(dispute=each)
    lost = [each for each in found if each.state == LOST]
    taken = sum(each.amount for each in lost)
    if taken >= payment.amount:
        raise PaymentDisputed(dispute=lost[0])
    return taken


async def _waiting(studio: Studio, payment_id: UUID) -> Payment:
    """Return a payment that waits, whosever it is; what was given away meanwhile is decided."""
    async with studio.reading() as connection:
        payment = await payments.payment_of_anybody(connection, payment_id=payment_id)
    if payment.state != "parked":
        raise NotParked(payment=payment)
    return payment
