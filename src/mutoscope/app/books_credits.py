"""Used credits as transactions: each entry that drew from paid lots releases what they had cost.

Invariant: what the entries of a span release is what the lots' values changed by, whatever was
released before it.
"""

from __future__ import annotations

from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING, Final, NamedTuple
from uuid import UUID

from mutoscope.domain.beancount import Fact, Leg, Transaction, money_leg
from mutoscope.domain.deferred import NOTHING, LotUse, LotValue, lot_value, summed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mutoscope.app.books_money import Drawer
    from mutoscope.storage.finance import LotMove, PaidLot

DEFERRED_CREDITS: Final = "Liabilities:Deferred:Credits"
_TARGETS: Final = ("Income:Credits", "Income:Breakage", "Liabilities:Refunds")
_PLACES: Final = {"captured": "captured", "expired": "ended", "forfeited": "ended",
                  "voided": "voided"}  # fmt: skip


class Name(NamedTuple):
    """A lot's or an entry's: its wallet and its number."""

    workspace_id: UUID
    kind: str
    number: int

    def __str__(self) -> str:
        return f"{self.workspace_id}/{self.kind}/{self.number}"


def lot_transactions(
    drawer: Drawer, before: Iterable[PaidLot], after: Iterable[PaidLot], moves: Iterable[LotMove]
) -> Iterator[Transaction]:
    """Yield what was released before a span, for each lot, and what each entry in it released."""
    currencies = {_name(lot): lot.currency for lot in after}
    uses = {_name(lot): lot.use._replace(captured=0, ended=0, voided=0) for lot in after}
    for lot in before:
        uses[_name(lot)] = lot.use
        released = lot_value(lot.use).less(LotValue(0, 0, 0, lot.use.paid))
        if any(released):
            yield _transaction(drawer, lot.granted_at, _name(lot), {lot.currency: [released]})
    for (at, name), found in groupby(moves, key=_entry):
        changes = _changes(list(found), uses, currencies)
        transaction = _transaction(drawer, at, name, changes)
        if transaction.legs:
            yield transaction


def _changes(
    moves: Sequence[LotMove], uses: dict[Name, LotUse], currencies: dict[Name, str]
) -> dict[str, list[LotValue]]:
    """Move the lots of one entry; return what their values changed by, in each currency."""
    changes: dict[str, list[LotValue]] = {}
    for move in moves:
        name = Name(move.workspace_id, move.kind, move.lot)
        before = uses[name]
        uses[name] = _moved(before, move)
        change = lot_value(uses[name]).less(lot_value(before))
        changes.setdefault(currencies[name], []).append(change)
    return changes


def _moved(use: LotUse, move: LotMove) -> LotUse:
    fields = use._asdict()
    for account, sign in ((move.source, -1), (move.target, 1)):
        if account in _PLACES:
            fields[_PLACES[account]] += sign * move.amount
    return LotUse(**fields)


def _transaction(
    drawer: Drawer, at: datetime, name: Name, changes: dict[str, list[LotValue]]
) -> Transaction:
    legs: list[Leg] = []
    for currency, values in sorted(changes.items()):
        change = summed(values) if values else NOTHING
        legs.append(money_leg(DEFERRED_CREDITS, -change.deferred, currency))
        legs += [
            money_leg(account, -amount, currency)
            for account, amount in zip(_TARGETS, change[:3], strict=True)
        ]
    return Transaction(
        fact=Fact(at, f"use {name}"),
        on=drawer.day(at),
        text=f"Credits were {_verb(changes)}",
        legs=tuple(leg for leg in legs if leg.amount),
        links=(f"entry-{name}",),
        notes=(("workspace", str(name.workspace_id)),),
    )


def _verb(changes: dict[str, list[LotValue]]) -> str:
    total = summed([value for values in changes.values() for value in values])
    if total.taken_back:
        return "taken back"
    if total.breakage:
        return "left unused"
    return "given back" if total.recognised < 0 else "used"


def _name(lot: PaidLot) -> Name:
    return Name(lot.workspace_id, lot.kind, lot.lot)


def _entry(move: LotMove) -> tuple[datetime, Name]:
    return move.posted_at, Name(move.workspace_id, move.kind, move.sequence)
