"""`mutoscope desk`: what one customer alone is sold, as staff agree it.

The commands are functions that `attach` gives to the desk's group. Prices are in minor units.
"""

from dataclasses import dataclass
from typing import Annotated

import typer

from mutoscope.cli.desk_acting import Acting, act
from mutoscope.cli.options import Currency, money_of, takes

Pack = Annotated[str, typer.Argument(help="The pack's key, such as house_9000.")]
Kind = Annotated[str, typer.Argument(help="A kind of credit, such as video.")]
Price = Annotated[int, typer.Argument(**money_of("What it costs, net"))]
Begins = Annotated[
    str | None,
    typer.Option(
        help="now, billing_date, or a date or instant to come, such as 2026-03-01; undone until."
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class PackOptions(Acting):
    """Which pack is sold to which workspace alone, and at what price."""

    pack: Pack
    kind: Kind
    amount: Annotated[int, typer.Argument(metavar="CREDITS", min=1, help="How many it gives.")]
    price: Price
    currency: Currency = None
    begins: Begins = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawPackOptions(Acting):
    """Which pack of its own a workspace is sold no more."""

    pack: Pack
    begins: Begins = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FreeAmountOptions(Acting):
    """At what price a workspace alone is sold amounts of a kind."""

    kind: Kind
    price: Price
    currency: Currency = None
    begins: Begins = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawFreeAmountOptions(Acting):
    """Of which kind a workspace is sold amounts as the catalog says again."""

    kind: Kind
    begins: Begins = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoOffersOptions(Acting):
    """Of which workspace all that is to change of its own offers is taken back."""


@takes(PackOptions)
def agree_pack(asked: PackOptions) -> None:
    """Sell a workspace a pack of its own, in the place of one of its key."""
    data = {
        "pack": asked.pack, "kind": asked.kind, "credits": asked.amount, "price": asked.price,
        "currency": asked.currency, "begins": asked.begins,
    }  # fmt: skip
    act(asked, "agree_pack", data)


@takes(WithdrawPackOptions)
def withdraw_pack(asked: WithdrawPackOptions) -> None:
    """Sell a workspace a pack of its own no more; what is ordered stays so."""
    act(asked, "withdraw_pack", {"pack": asked.pack, "begins": asked.begins})


@takes(FreeAmountOptions)
def agree_free_amount(asked: FreeAmountOptions) -> None:
    """Sell a workspace amounts of a kind at its own price for 1,000 credits."""
    data = {
        "kind": asked.kind, "price_per_1000": asked.price, "currency": asked.currency,
        "begins": asked.begins,
    }  # fmt: skip
    act(asked, "agree_free_amount", data)


@takes(WithdrawFreeAmountOptions)
def withdraw_free_amount(asked: WithdrawFreeAmountOptions) -> None:
    """Sell a workspace amounts of a kind as the catalog says again."""
    act(asked, "withdraw_free_amount", {"kind": asked.kind, "begins": asked.begins})


@takes(UndoOffersOptions)
def undo_offers(asked: UndoOffersOptions) -> None:
    """Take back all that is yet to begin, or to end, of what a workspace alone is sold."""
    act(asked, "undo_offers", {})


def attach(group: typer.Typer) -> None:
    """Give these commands to a group."""
    for command in (
        agree_pack, withdraw_pack, agree_free_amount, withdraw_free_amount, undo_offers
    ):  # fmt: skip
        group.command()(command)
