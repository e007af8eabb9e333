"""Purchases of credits, and money that goes back, as rows.

The writers whose names end in a plural commit together with the ledger's entries.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from mutoscope.domain.credits import Refusal
from mutoscope.domain.offers import Money
from mutoscope.domain.purchases import Purchase, PurchaseState
from mutoscope.storage.database import queries
from mutoscope.storage.payments import NEWEST, Place
from mutoscope.storage.session import SideRow

if TYPE_CHECKING:
    from mutoscope.storage.database import Connection

_SQL: Final = queries("purchases")


class UnknownPurchase(Refusal):
    """An id that names no purchase of the workspace."""

    code = "unknown_purchase"

    def __init__(self, *, purchase_id: UUID) -> None:
        super().__init__(
            f"there is no purchase {purchase_id} in this workspace: `purchase list` names them"
        )
        self.purchase_id = purchase_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """Money that goes back, tax and all, for credits that were taken back.

    It is `asked`, then `succeeded` or `failed`; one that came back after it had succeeded is `owed`
    until staff have sent it another way.
    """

    workspace_id: UUID
    refund_id: UUID
    payment_id: UUID
    purchase_id: UUID | None
    credits: int
    amount: int
    currency: str
    state: str
    reason: str
    reference: str | None
    asked_at: datetime
    finished_at: datetime | None

    def row(self) -> tuple[Any, ...]:
        """Return its columns in the table's order."""
        return tuple(getattr(self, name) for name in self.__dataclass_fields__)


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundOutcome:
    """What was told of a refund, and over which gateway its money went or came back."""

    ordinal: int
    outcome: str
    gateway: str
    reference: str | None
    told_at: datetime


def changed(before: Purchase, after: Purchase) -> SideRow:
    """Return the side row that writes a change, unless another one came before it."""
    was = (before.state, before.taken_back, before.refunded)
    return SideRow(change_purchases, (row_of(after), *was))


def row_of(purchase: Purchase) -> tuple[Any, ...]:
    """Return a purchase's columns in the table's order."""
    return (
        purchase.workspace_id, purchase.purchase_id, purchase.request_id, purchase.pack,
        purchase.kind, purchase.credits, purchase.price.amount, purchase.price.currency,
        purchase.version, purchase.state, purchase.is_refill, purchase.ordered_by,
        purchase.ordered_at, purchase.paid_at, purchase.granted_at, purchase.ended_at,
        purchase.taken_back, purchase.refunded, purchase.debt,
    )  # fmt: skip


async def add_purchases(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
    """Write new orders."""
    written: int = await _SQL.add_purchases(connection, purchases=rows)
    return written


async def change_purchases(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
    """Write (purchase; its state, credits taken back, money refunded before) where these hold."""
    purchases, states, taken_back, refunded = zip(*rows, strict=True)
    written: int = await _SQL.change_purchases(
        connection, purchases=purchases, before=states, taken_back=taken_back, refunded=refunded
    )
    return written


async def get(connection: Connection, *, workspace_id: UUID, purchase_id: UUID) -> Purchase:
    """Return a purchase.

    :raises UnknownPurchase: when the workspace has none of that id.
    """
    row = await _SQL.purchase(connection, workspace_id=workspace_id, purchase_id=purchase_id)
    if row is None:
        raise UnknownPurchase(purchase_id=purchase_id)
    return purchase_from(row["found"])


async def page(
    connection: Connection, *, workspace_id: UUID, limit: int, before: Place = NEWEST
) -> tuple[Purchase, ...]:
    """Return purchases of a workspace, the newest first, before the one that was reached."""
    rows = _SQL.list_purchases(
        connection, workspace_id=workspace_id, limit=limit, before_at=before[0],
        before_id=before[1],
    )  # fmt: skip
    return tuple([purchase_from(row["found"]) async for row in rows])


async def waiting(connection: Connection, *, limit: int) -> tuple[tuple[Purchase, bool], ...]:
    """Return what is paid and waits for staff, the eldest first, and if its workspace is closed."""
    rows = _SQL.waiting_purchases(connection, limit=limit)
    return tuple([(purchase_from(row["found"]), row["is_closed"]) async for row in rows])


async def disputed(connection: Connection, *, workspace_id: UUID) -> tuple[tuple[UUID, str], ...]:
    """Return the purchases whose lots stay frozen while they are disputed, and their kinds."""
    rows = _SQL.disputed_purchases(connection, workspace_id=workspace_id)
    return tuple([(row["purchase_id"], row["kind"]) async for row in rows])


async def bought_captures(
    connection: Connection, *, workspace_id: UUID, namespace: str, keys: Sequence[str]
) -> frozenset[str]:
    """Return the keys of entries, of those named, that captured credits of a purchase."""
    rows = _SQL.bought_captures(
        connection, workspace_id=workspace_id, namespace=namespace, keys=list(keys)
    )
    return frozenset([row["key"] async for row in rows])


async def paid_names(
    connection: Connection, *, workspace_id: UUID, names: Sequence[UUID]
) -> frozenset[UUID]:
    """Return the ids, of those named, that are purchases or subscriptions of a workspace."""
    rows = _SQL.paid_names(connection, workspace_id=workspace_id, names=list(names))
    return frozenset([row["name"] async for row in rows])


async def add_refunds(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
    """Write money that is to go back, counted against its payment at once."""
    written: int = await _SQL.add_refunds(connection, refunds=rows)
    return written


async def finish_refunds(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
    """Note (workspace id, refund id, state before, state, outcome, gateway, reference, instant)."""
    workspaces, refunds, before, states, outcomes, gateways, names, instants = zip(
        *rows, strict=True
    )
    written: int = await _SQL.finish_refunds(
        connection, workspaces=workspaces, refunds=refunds, before=before, states=states,
        outcomes=outcomes, gateways=gateways, names=names, instants=instants,
    )  # fmt: skip
    return written


async def note_refund(connection: Connection, refund: Refund, *, reference: str) -> None:
    """Note what a gateway calls a refund."""
    await _SQL.note_refund(
        connection, workspace_id=refund.workspace_id, refund_id=refund.refund_id,
        reference=reference,
    )  # fmt: skip


async def refund_by_reference(
    connection: Connection, *, gateway: str, reference: str
) -> Refund | None:
    """Return the refund that a gateway calls so, if there is one."""
    row = await _SQL.refund_by_reference(connection, gateway=gateway, reference=reference)
    return None if row is None else Refund(**row["found"])


async def refund(connection: Connection, *, workspace_id: UUID, refund_id: UUID) -> Refund | None:
    """Return money of a workspace that goes back."""
    row = await _SQL.refund(connection, workspace_id=workspace_id, refund_id=refund_id)
    return None if row is None else Refund(**row["found"])


async def asked_refunds(connection: Connection, *, limit: int) -> tuple[Refund, ...]:
    """Return refunds whose outcome is not known, the eldest first."""
    return tuple(
        [Refund(**row["found"]) async for row in _SQL.asked_refunds(connection, limit=limit)]
    )


async def owed_refunds(connection: Connection, *, limit: int) -> tuple[Refund, ...]:
    """Return refunds of which the money came back, the eldest first."""
    return tuple(
        [Refund(**row["found"]) async for row in _SQL.owed_refunds(connection, limit=limit)]
    )


async def refund_outcomes(
    connection: Connection, *, workspace_id: UUID, refund_id: UUID
) -> tuple[RefundOutcome, ...]:
    """Return what was told of a refund, in order."""
    rows = _SQL.refund_outcomes(connection, workspace_id=workspace_id, refund_id=refund_id)
    return tuple([RefundOutcome(**row) async for row in rows])


async def refunds(connection: Connection, *, workspace_id: UUID, limit: int) -> tuple[Refund, ...]:
    """Return money of a workspace that went back, or is to, the newest first."""
    rows = _SQL.refunds_of(connection, workspace_id=workspace_id, limit=limit)
    return tuple([Refund(**row["found"]) async for row in rows])


def purchase_from(row: Mapping[str, Any]) -> Purchase:
    """Return the purchase of a row."""
    told = dict(row)
    price = Money(amount=told.pop("price"), currency=told.pop("currency"))
    return Purchase(**told | {"state": PurchaseState(told["state"]), "price": price})
