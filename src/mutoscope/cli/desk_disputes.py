"""`mutoscope desk dispute`: disputes that no gateway tells, as staff read of them in a letter.

The group is given to the desk's by `attach`. Amounts are in minor units.
"""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

import typer

from mutoscope.app.disputes import LOST, WON
from mutoscope.cli.desk_acting import Acting, act
from mutoscope.cli.desk_money import Amount, OwnerId
from mutoscope.cli.options import id_of, takes

PaymentId = Annotated[
    UUID,
    typer.Argument(
        metavar="PAYMENT", help="The payment's id: `mutoscope payments list WORKSPACE`.",
        parser=id_of("payment", remedy="`mutoscope payments list WORKSPACE` tells them"),
    ),
]  # fmt: skip
dispute = typer.Typer(
    help="Tell a dispute that no gateway tells, and how the bank decides it.", no_args_is_help=True
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenOptions(Acting):
    """Which payment its payer takes back."""

    workspace_id: OwnerId
    payment_id: PaymentId
    reference: Annotated[str, typer.Argument(help="The bank's own reference of the dispute.")]
    amount: Amount = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DecidedOptions(Acting):
    """The dispute of which payment was decided."""

    workspace_id: OwnerId
    payment_id: PaymentId


@dispute.command(name="open")
@takes(OpenOptions)
def open_one(asked: OpenOptions) -> None:
    """Freeze what is left of a payment that its payer disputes, all of it or an --amount."""
    data = {
        "payment_id": str(asked.payment_id), "reference": "".join(asked.reference.split()),
        "amount": asked.amount,
    }  # fmt: skip
    act(asked, "open_dispute", data)


@dispute.command()
@takes(DecidedOptions)
def won(asked: DecidedOptions) -> None:
    """Tell that the payment stands: what was frozen can be spent again."""
    _decided(asked, WON)


@dispute.command()
@takes(DecidedOptions)
def lost(asked: DecidedOptions) -> None:
    """Tell that the bank took the money back: what is left goes, what was spent is a debt."""
    _decided(asked, LOST)


def attach(group: typer.Typer) -> None:
    """Give these commands to a group."""
    group.add_typer(dispute, name="dispute")


def _decided(asked: DecidedOptions, outcome: str) -> None:
    act(asked, "close_dispute", {"payment_id": str(asked.payment_id), "outcome": outcome})
