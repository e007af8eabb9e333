"""Purchased credits without a plan: they freeze, thaw on return, and are forfeited at the end.

Invariant: what is disputed stays frozen through a thaw. Each function returns requests, to be
submitted with the change of the plan that they follow from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mutoscope.app.terms import NAMESPACE
from mutoscope.domain import actions as ask
from mutoscope.domain.lots import LotState, Source
from mutoscope.domain.requests import Request
from mutoscope.storage import purchases, subscriptions

if TYPE_CHECKING:
    from uuid import UUID

    from mutoscope.app.studio import Studio
    from mutoscope.storage.subscriptions import Granted


async def freezes(studio: Studio, *, workspace_id: UUID, key: str) -> tuple[Request, ...]:
    """Return the requests that freeze every purchased lot of a workspace."""
    async with studio.reading() as connection:
        kinds = await subscriptions.pack_kinds(
            connection, workspace_id=workspace_id, state=LotState.OPEN
        )
    return tuple(
        Request(workspace_id, kind, NAMESPACE, f"{key}/{kind}/freeze", ask.Freeze())
        for kind in kinds
    )


async def thaws(studio: Studio, *, workspace_id: UUID, key: str) -> tuple[Request, ...]:
    """Return the requests that thaw every purchased lot but those that are disputed."""
    async with studio.reading() as connection:
        kinds = await subscriptions.pack_kinds(
            connection, workspace_id=workspace_id, state=LotState.FROZEN
        )
        disputed = await purchases.disputed(connection, workspace_id=workspace_id)
        still_frozen = [
            lot
            for purchase_id, _ in disputed
            for lot in await subscriptions.grants_for(
                connection, workspace_id=workspace_id, source=Source.PACK,
                reference=str(purchase_id),
            )
        ]  # fmt: skip
    thawed = [
        Request(workspace_id, kind, NAMESPACE, f"{key}/{kind}/thaw", ask.Thaw()) for kind in kinds
    ]
    return (*thawed, *frozen_again(workspace_id, still_frozen, kinds=kinds, key=key))


def frozen_again(
    workspace_id: UUID, lots: list[Granted], *, kinds: tuple[str, ...], key: str
) -> tuple[Request, ...]:
    """Return the requests that freeze some lots which a thaw of their kinds has thawed."""
    return tuple(
        Request(
            workspace_id, lot.kind, NAMESPACE, f"{key}/{lot.kind}/freeze/{lot.lot}",
            ask.Freeze(lot.grant),
        )
        for lot in lots
        if lot.kind in kinds and lot.state is LotState.FROZEN
    )  # fmt: skip


async def forfeits(studio: Studio, *, workspace_id: UUID, key: str) -> tuple[Request, ...]:
    """Return the requests that forfeit all that is left in a workspace's wallets."""
    async with studio.reading() as connection:
        kinds = await subscriptions.wallet_kinds(connection, workspace_id=workspace_id)
    return tuple(
        Request(workspace_id, kind, NAMESPACE, f"{key}/{kind}/forfeit", ask.Forfeit())
        for kind in kinds
    )
