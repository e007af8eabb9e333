"""`mutoscope desk`: what staff do with money and plans, and what waits for them.

The commands are functions that `attach` gives to the desk's group. Amounts of money are in minor
units, as everywhere on the command line.
"""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

import typer

from mutoscope.cli.desk_acting import Acting, act
from mutoscope.cli.desk_waiting import NOBODYS
from mutoscope.cli.options import (
    Allowances,
    Currency,
    Price,
    allowance,
    id_of,
    money_of,
    takes,
)
from mutoscope.domain.desk import amounts_text
from mutoscope.storage.payments import NOBODY


def _id(thing: str, where: str) -> typer.models.ArgumentInfo:
    """Return the argument of an id, with where the ids are told."""
    remedy = f"`mutoscope {where}` tells them"
    found: typer.models.ArgumentInfo = typer.Argument(
        metavar=thing.upper(), help=f"The {thing}'s id: `mutoscope {where}`.",
        parser=id_of(thing, remedy=remedy),
    )  # fmt: skip
    return found


def _owner(text: str) -> UUID:
    """Return a workspace's id, or that of nobody."""
    return NOBODY if text == NOBODYS else _workspace(text)


_workspace = id_of("workspace", remedy=f"`mutoscope payments parked` tells them, or {NOBODYS}")
OwnerId = Annotated[
    UUID,
    typer.Argument(
        metavar="WORKSPACE", help=f"The workspace's id; {NOBODYS} for money of nobody.",
        parser=_owner,
    ),
]  # fmt: skip
RequestId = Annotated[UUID, _id("request", "subscription show WORKSPACE")]
PaymentId = Annotated[UUID, _id("payment", "payments parked")]
PurchaseId = Annotated[UUID, _id("purchase", "purchase list WORKSPACE")]
RefundId = Annotated[UUID, _id("refund", "desk waiting")]
Amount = Annotated[int | None, typer.Option(**money_of("How much"))]
CanPurchase = Annotated[
    bool | None, typer.Option("--purchases/--no-purchases", help="Whether it may buy credits.")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class UseOptions(Acting):
    """Which parked payment, of the workspace or of nobody, pays which request."""

    payment_id: PaymentId
    request_id: RequestId
    source: Annotated[
        UUID | None,
        typer.Option(
            "--from", metavar="WORKSPACE", help="The other workspace for which it waits until now.",
            parser=_workspace,
        ),
    ] = None  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedOptions(Acting):
    """Which parked payment goes back, or is kept open."""

    workspace_id: OwnerId
    payment_id: PaymentId


@dataclass(frozen=True, slots=True, kw_only=True)
class PurchaseOptions(Acting):
    """Which purchase."""

    purchase_id: PurchaseId


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundOptions(Acting):
    """Which purchase is refunded, how much of it, and whether staff decide the amount."""

    purchase_id: PurchaseId
    part: Annotated[
        int | None,
        typer.Option("--credits", min=1, help="A part of the unspent credits; the rest stays."),
    ] = None
    amount: Amount = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmRefundOptions(Acting):
    """What became of a refund that staff sent."""

    workspace_id: OwnerId
    refund_id: RefundId
    outcome: Annotated[str, typer.Argument(help="sent or failed.")]
    reference: Annotated[
        str, typer.Argument(help="The bank's own reference of the transfer that was sent.")
    ] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TermsOptions(Acting):
    """What was agreed with a customer; what is left out stays as it is."""

    allowances: Allowances = None
    price: Price = None
    currency: Currency = None
    can_purchase: CanPurchase = None
    begins: Annotated[
        str | None, typer.Option(help="now, or billing_date: all of it then, and undone until.")
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneOptions(Acting):
    """In which zone a workspace's billing dates are counted."""

    zone: Annotated[str, typer.Argument(help="A zone, such as Europe/Vienna.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoOptions(Acting):
    """For which workspace what is scheduled is taken back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StartOptions(Acting):
    """Which plan is started on account, and on what terms."""

    plan: Annotated[str, typer.Argument(help="A plan's key, such as pro.")]
    is_annual: Annotated[bool, typer.Option("--annual", help="Charged once a year.")] = False
    began: Annotated[
        str | None, typer.Option(help="The past instant that sets the billing date.")
    ] = None
    allowances: Allowances = None
    price: Price = None
    currency: Currency = None
    can_purchase: CanPurchase = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseOptions(Acting):
    """Which workspace is closed, or forgotten, for ever."""

    yes: Annotated[bool, typer.Option("--yes", help="It cannot be undone: it is meant.")] = False


@takes(UseOptions)
def use_payment(asked: UseOptions) -> None:
    """Use a parked payment, also one of nobody, for an open request of the same amount."""
    data = {"payment_id": str(asked.payment_id), "request_id": str(asked.request_id)}
    named = {} if asked.source is None else {"from_workspace_id": str(asked.source)}
    act(asked, "use_payment", data | named)


@takes(ParkedOptions)
def return_payment(asked: ParkedOptions) -> None:
    """Send a parked payment back whole, or what a lost dispute has left of it."""
    act(asked, "return_payment", {"payment_id": str(asked.payment_id)})


@takes(ParkedOptions)
def keep_payment(asked: ParkedOptions) -> None:
    """Keep a parked payment open: the reason is the note that the lists show."""
    act(asked, "keep_payment", {"payment_id": str(asked.payment_id)})


@takes(PurchaseOptions)
def add_credits(asked: PurchaseOptions) -> None:
    """Add the credits of a purchase that is paid."""
    act(asked, "add_credits", {"purchase_id": str(asked.purchase_id)})


@takes(RefundOptions)
def refund(asked: RefundOptions) -> None:
    """Take back what is left of a purchase, or --credits of it, and send its money, or --amount."""
    data = {"credits": asked.part, "amount": asked.amount}
    act(asked, "refund", {"purchase_id": str(asked.purchase_id), **data})


@takes(ConfirmRefundOptions)
def confirm_refund(asked: ConfirmRefundOptions) -> None:
    """Note that money which you sent back by hand has gone, or could not be sent."""
    data = {
        "refund_id": str(asked.refund_id), "outcome": asked.outcome,
        "reference": "".join(asked.reference.split()) or None,
    }  # fmt: skip
    act(asked, "confirm_refund", data)


@takes(TermsOptions)
def terms(asked: TermsOptions) -> None:
    """Set what was agreed with a customer, from now on or from the next billing date."""
    act(asked, "terms", _agreed(asked) | {"begins": asked.begins})


@takes(ZoneOptions)
def zone(asked: ZoneOptions) -> None:
    """Let the billing dates be counted in another zone from the next one on."""
    act(asked, "change_zone", {"zone": asked.zone})


@takes(UndoOptions)
def undo(asked: UndoOptions) -> None:
    """Take back what is scheduled for the billing date: terms, a zone, a plan, an end."""
    act(asked, "undo_change", {})


@takes(StartOptions)
def start(asked: StartOptions) -> None:
    """Start a plan now, on account: its first term is invoiced."""
    data = {"plan": asked.plan, "is_annual": asked.is_annual, "anchor_at": None}
    act(asked, "start_plan", data | _agreed(asked), instants={"anchor_at": asked.began or None})


@takes(CloseOptions)
def close(asked: CloseOptions) -> None:
    """Close a workspace for ever: open jobs settle, all credits are forfeited."""
    if not asked.yes:
        raise typer.BadParameter("closing forfeits every credit for ever: repeat it with --yes")
    act(asked, "close", {})


@takes(CloseOptions)
def erase_workspace(asked: CloseOptions) -> None:
    """Forget who a closed workspace belonged to, and all that they wrote, for ever."""
    if not asked.yes:
        raise typer.BadParameter("nothing of it comes back: repeat it with --yes")
    act(asked, "erase_workspace", {})


def attach(group: typer.Typer) -> None:
    """Give these commands to a group."""
    for command in (
        use_payment, return_payment, keep_payment, add_credits, refund, confirm_refund,
        terms, zone, undo, start, close, erase_workspace,
    ):  # fmt: skip
        group.command()(command)


def _agreed(asked: TermsOptions | StartOptions) -> dict[str, object]:
    amounts = dict(map(allowance, asked.allowances or ()))
    return {
        "allowances": amounts_text(amounts) or None, "price": asked.price,
        "currency": asked.currency, "can_purchase": asked.can_purchase,
    }  # fmt: skip
