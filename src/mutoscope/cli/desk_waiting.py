"""`mutoscope desk waiting`: what waits for staff, since when, and what to type next."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import typer
from rich.markup import escape

from mutoscope.app.desk_waiting import Waiting, WaitingPayment, WaitingRefund
from mutoscope.app.desk_waiting import waiting as what_waits
from mutoscope.app.refund_end import OWED
from mutoscope.bootstrap import House
from mutoscope.cli.desk_acting import Looking, looked
from mutoscope.cli.options import takes
from mutoscope.cli.plain import print_json
from mutoscope.cli.proposals import proposed_told
from mutoscope.cli.screen import console, counted, money, table, tell
from mutoscope.domain.offers import Money
from mutoscope.storage.payments import NOBODY

NOBODYS = "nobody"
"""What is typed in the place of a workspace for money of which nobody knows whose it is."""

_DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)
_MINUTE = timedelta(minutes=1)


class Row(NamedTuple):
    """One thing that waits; `next_step` is a command without its --reason, or who ends it."""

    since: datetime
    what: str
    told: str
    workspace_id: UUID
    next_step: str


@takes(Looking)
def waiting(asked: Looking) -> None:
    """List what waits for staff, and the command for each."""

    async def read(house: House) -> tuple[Waiting, datetime]:
        return await what_waits(house.studio), house.studio.clock.now()

    found, at = looked(asked, read)
    if asked.is_json:
        print_json(found)
        return
    rows = sorted(_rows(found), key=lambda row: row.since)
    if not rows:
        tell("Nothing waits for you.")
        return
    made = table("waiting", "what", "!next, with --reason", title=counted(len(rows), "thing"))
    for row in rows:
        made.add_row(age(row.since, at=at), f"{row.what}: {escape(row.told)}", row.next_step)
    console().print(made)


def attach(group: typer.Typer) -> None:
    """Give this command to a group."""
    group.command()(waiting)


def age(since: datetime, *, at: datetime) -> str:
    """Return how long something waits, in the largest unit that fits."""
    waited = at - since
    for unit, name in ((_DAY, "day"), (_HOUR, "hour"), (_MINUTE, "minute")):
        if waited >= unit:
            return counted(waited // unit, name)
    return "now"


def next_of(waits: WaitingPayment) -> str:
    """Return what can be done about a parked payment."""
    ids = f"{owner(waits.payment.workspace_id)} {waits.payment.payment_id}"
    if waits.is_disputed:
        return f"desk keep-payment {ids}, until its dispute is decided"
    use = "" if waits.taken else "use-payment, or "
    return f"desk return-payment {ids}, or {use}keep-payment"


def owner(workspace_id: UUID) -> str:
    """Return a workspace as it is typed, or that it is none."""
    return NOBODYS if workspace_id == NOBODY else str(workspace_id)


def why(waits: WaitingPayment) -> str:
    """Return why a payment is parked, and what staff noted last."""
    told = (waits.payment.reason or "").replace("_", " ")
    if waits.taken:
        taken = money(Money(amount=waits.taken, currency=waits.payment.currency))
        told += f"; the bank took {taken} back"
    if waits.is_disputed:
        told += "; disputed"
    if waits.note is None:
        return told
    return f"{told}; {waits.note.by}: {waits.note.text or 'erased'}"


def _rows(found: Waiting) -> Iterator[Row]:
    for purchase, is_closed in ((each.purchase, each.is_closed) for each in found.purchases):
        yield Row(
            purchase.paid_at or purchase.ordered_at,
            "money to send back, its workspace is closed" if is_closed else "credits to add",
            f"{purchase.credits:,} {purchase.kind}, {money(purchase.price)} net, paid",
            purchase.workspace_id,
            f"desk {'refund' if is_closed else 'add-credits'} "
            f"{purchase.workspace_id} {purchase.purchase_id}",
        )  # fmt: skip
    for waits in found.payments:
        payment = waits.payment
        total = Money(amount=payment.amount, currency=payment.currency)
        yield Row(
            payment.received_at, "parked payment",
            f"{money(total)} over {payment.gateway}, {payment.reference} ({why(waits)})",
            payment.workspace_id, next_of(waits),
        )  # fmt: skip
    for each in found.refunds:
        total = Money(amount=each.refund.amount, currency=each.refund.currency)
        ids = f"{owner(each.refund.workspace_id)} {each.refund.refund_id}"
        yield Row(
            each.refund.asked_at, _refund_told(each), f"{money(total)} over {each.gateway}",
            each.refund.workspace_id,
            f"desk confirm-refund {ids} sent REFERENCE"
            if each.is_by_hand
            else f"{each.gateway} tells",
        )  # fmt: skip
    yield from _decisions(found)


def _refund_told(each: WaitingRefund) -> str:
    if each.refund.state == OWED:
        return "refund that came back, to send another way"
    return "refund to send" if each.is_by_hand else "refund under way"


def _decisions(found: Waiting) -> Iterator[Row]:
    for each in found.credit_requests:
        yield Row(
            each.asked_at, "asks for more credits", each.workspace, each.workspace_id,
            f"desk enable {each.workspace_id}",
        )  # fmt: skip
    for proposal in found.proposals:
        yield Row(
            proposal.proposed_at, f"proposal, {proposal.action}", proposed_told(proposal.data),
            proposal.workspace_id, f"proposal approve {proposal.proposal_id}",
        )  # fmt: skip
    for dispute, is_by_hand in ((each.dispute, each.is_by_hand) for each in found.disputes):
        total = Money(amount=dispute.amount, currency=dispute.currency)
        ids = f"{owner(dispute.workspace_id)} {dispute.payment_id}"
        yield Row(
            dispute.opened_at, "dispute",
            f"{money(total)} over {dispute.gateway}, {dispute.reference}", dispute.workspace_id,
            f"desk dispute won {ids}, or lost"
            if is_by_hand
            else f"answer it at {dispute.gateway}: {escape(dispute.reference)}",
        )  # fmt: skip
