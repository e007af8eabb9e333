"""Subscriptions as rows: written whole, under their revision, each with a line of what happened."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from mutoscope.domain.actions import Reference
from mutoscope.domain.agreed import Agreed, OfferChange, OwnOffers
from mutoscope.domain.lots import LotState, Source
from mutoscope.domain.offers import FreeAmount, Money, Pack
from mutoscope.domain.plan_changes import ScheduledChange, scheduled_change
from mutoscope.domain.subscriptions import (
    Event,
    RenewalGrant,
    Scheduled,
    State,
    Subscription,
)
from mutoscope.storage.database import queries
from mutoscope.storage.session import SideRow

if TYPE_CHECKING:
    from mutoscope.domain.catalog import Version
    from mutoscope.storage.database import Connection

_SQL: Final = queries("subscriptions")
NONE: Final = -1
"""The revision that a workspace without a plan is expected to have."""

BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)
NOBODY: Final = UUID(int=0)

_Told = tuple[datetime, datetime, str | None, ScheduledChange | None]
"""Of a change: when it took effect, when it was made, its key, and what was scheduled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What happened to a subscription: when it took effect, and when it was done.

    `scheduled` is what it has scheduled; or what was until then, and began or was taken back.
    """

    subscription_id: UUID
    ordinal: int
    event: Event
    state_before: State
    state_after: State
    plan: str
    due_at: datetime
    changed_at: datetime
    scheduled: ScheduledChange | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What waits for the clock, and since when."""

    charges: int
    ends: int
    since: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """A lot that was granted for something; `left_over` is available or frozen."""

    kind: str
    lot: int
    grant: Reference
    granted: int
    left_over: int
    held: int
    captured: int
    voided: int
    state: LotState
    expires_at: datetime | None


def subscription_from(row: Mapping[str, Any]) -> Subscription:
    """Return the subscription of a row."""
    scheduled = None
    if row["scheduled_at"] is not None:
        scheduled = Scheduled(
            at=row["scheduled_at"], plan=row["scheduled_plan"],
            months_per_charge=row["scheduled_months"], zone=row["scheduled_zone"],
            agreed=_agreed_from(row["scheduled_agreed"]),
        )  # fmt: skip
    price = None
    if row["price"] is not None:
        price = Money(amount=row["price"], currency=row["currency"])
    plain = (
        "workspace_id", "subscription_id", "plan", "version", "anchor_at", "zone", "begins_at",
        "months_per_charge", "change", "revision", "can_purchase", "gateway", "charge_index",
        "charge_at", "paid_index", "cancels_at", "past_due_at", "suspended_at", "ends_at",
    )  # fmt: skip
    return Subscription(
        **{name: row[name] for name in plain},
        state=State(row["state"]), renewal_grant=RenewalGrant(row["renewal_grant"]),
        allowances=json.loads(row["allowances"]), price=price, scheduled=scheduled,
        offers=_offers_from(json.loads(row["offers"])),
    )  # fmt: skip


def added(new: Subscription, *, event: Event, before: State, at: datetime) -> SideRow:
    """Return the side row that writes a new subscription."""
    return SideRow(add_subscriptions, _row(new, event, before, (at, at, None, None)))


def changed(
    before: Subscription, after: Subscription, *, event: Event, due_at: datetime, at: datetime,
    request_key: str | None = None,
) -> SideRow:  # fmt: skip
    """Return the side row that writes a change, unless another one came before it.

    `request_key` is that of a change which is found by it again.
    """
    new = replace(after, revision=before.revision + 1)
    noted = scheduled_change(before, after, event=event)
    told = (due_at, at, request_key, noted)
    return SideRow(change_subscriptions, _row(new, event, before.state, told))


def expected(workspace_id: UUID, subscription: Subscription | None) -> SideRow:
    """Return the side row that lets a request pass only while the plan is as it was read."""
    revision = NONE if subscription is None else subscription.revision
    return SideRow(expect_subscriptions, (workspace_id, revision))


async def expect_emptied(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
    """Count (workspace id, kind, lot, voided) where that is voided, and nothing left or held."""
    workspaces, kinds, lots, voided = zip(*rows, strict=True)
    found: int = await _SQL.expect_emptied(
        connection, workspaces=workspaces, kinds=kinds, lots=lots, voided=voided
    )
    return found


async def add_subscriptions(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
    """Write new subscriptions with their first grants; a second current one is not written."""
    written: int = await _SQL.add_subscriptions(connection, subscriptions=rows)
    return written


async def change_subscriptions(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
    """Write subscriptions as they are from now on, where nobody else has changed them."""
    written: int = await _SQL.change_subscriptions(connection, subscriptions=rows)
    return written


async def expect_subscriptions(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
    """Count the plans that are as they were read, and keep them so for the transaction."""
    workspaces, revisions = zip(*rows, strict=True)
    found: int = await _SQL.expect_subscriptions(
        connection, workspaces=workspaces, revisions=revisions
    )
    return found


async def close_workspaces(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
    """Close (workspace id, since when, key or None); one that is closed is not written again."""
    workspaces, closed, keys = zip(*rows, strict=True)
    written: int = await _SQL.close_workspaces(
        connection, workspaces=workspaces, closed=closed, keys=keys
    )
    return written


async def is_closed_by(connection: Connection, *, workspace_id: UUID, key: str) -> bool:
    """Tell whether a workspace was closed under a key."""
    found: bool = await _SQL.is_closed_by(connection, workspace_id=workspace_id, key=key)
    return found


async def get(
    connection: Connection, *, workspace_id: UUID, subscription_id: UUID
) -> Subscription | None:
    """Return a subscription, also one that is over."""
    row = await _SQL.subscription(
        connection, workspace_id=workspace_id, subscription_id=subscription_id
    )
    return None if row is None else subscription_from(row["subscription"])


async def changes(connection: Connection, *, workspace_id: UUID, limit: int) -> tuple[Change, ...]:
    """Return what happened to the plans of a workspace, the newest first."""
    rows = _SQL.changes(connection, workspace_id=workspace_id, limit=limit)
    return tuple(
        [
            Change(
                **dict(row)
                | {
                    "event": Event(row["event"]),
                    "state_before": State(row["state_before"]),
                    "state_after": State(row["state_after"]),
                    "scheduled": _scheduled_from(row["scheduled"]),
                }
            )
            async for row in rows
        ]
    )


async def plan_by_key(
    connection: Connection, *, workspace_id: UUID, request_key: str
) -> str | None:
    """Return the plan to which a change under a key led, if there was one."""
    found: str | None = await _SQL.plan_by_key(
        connection, workspace_id=workspace_id, request_key=request_key
    )
    return found


async def to_charge(
    connection: Connection, *, at: datetime, reached: Subscription | None, size: int
) -> tuple[Subscription, ...]:
    """Return subscriptions whose charge has come due, after the one that was reached."""
    reached_at = BEGINNING if reached is None or reached.charge_at is None else reached.charge_at
    rows = _SQL.take_to_charge(
        connection, at=at, reached_at=reached_at, size=size,
        reached_id=NOBODY if reached is None else reached.workspace_id,
    )  # fmt: skip
    return tuple([subscription_from(row["subscription"]) async for row in rows])


async def to_end(
    connection: Connection, *, at: datetime, reached: Subscription | None, size: int
) -> tuple[Subscription, ...]:
    """Return subscriptions that were cancelled for a date which has come."""
    reached_at = BEGINNING if reached is None or reached.cancels_at is None else reached.cancels_at
    rows = _SQL.take_to_end(
        connection, at=at, reached_at=reached_at, size=size,
        reached_id=NOBODY if reached is None else reached.workspace_id,
    )  # fmt: skip
    return tuple([subscription_from(row["subscription"]) async for row in rows])


async def of_other_version(
    connection: Connection, *, plan: str, version: Version, until: datetime,
    reached: Subscription | None, size: int,
) -> tuple[Subscription, ...]:  # fmt: skip
    """Return subscriptions of a plan whose next charge lies in the time of another version.

    Those whose next date lies in a later version's time yet are looked at with that one as well.
    """
    reached_at = BEGINNING if reached is None or reached.charge_at is None else reached.charge_at
    rows = _SQL.of_other_version(
        connection, plan=plan, version=version.key, effective_at=version.effective_at,
        until=until, reached_at=reached_at, size=size,
        reached_id=NOBODY if reached is None else reached.workspace_id,
    )  # fmt: skip
    return tuple([subscription_from(row["subscription"]) async for row in rows])


async def waiting(connection: Connection, *, at: datetime) -> Waiting:
    """Return what waits for the clock."""
    return Waiting(**await _SQL.count_to_charge(connection, at=at))


async def pack_kinds(
    connection: Connection, *, workspace_id: UUID, state: LotState
) -> tuple[str, ...]:
    """Return the kinds of which a workspace has purchased lots in a state, with something left."""
    rows = _SQL.pack_kinds(connection, workspace_id=workspace_id, state=state)
    return tuple([row["kind"] async for row in rows])


async def grants_for(
    connection: Connection, *, workspace_id: UUID, source: Source, reference: str
) -> tuple[Granted, ...]:
    """Return the lots that were granted for something: a period of a plan, a purchase."""
    rows = _SQL.grants_for(
        connection, workspace_id=workspace_id, source=source, reference=reference
    )
    return tuple([
        Granted(
            kind=row["kind"], lot=row["lot"], grant=Reference(row["namespace"], row["key"]),
            granted=row["granted"], left_over=row["left_over"], held=row["held"],
            captured=row["captured"], voided=row["voided"], state=LotState(row["state"]),
            expires_at=row["expires_at"],
        )
        async for row in rows
    ])  # fmt: skip


async def wallet_kinds(connection: Connection, *, workspace_id: UUID) -> tuple[str, ...]:
    """Return the kinds of which a workspace has a wallet."""
    rows = _SQL.wallet_kinds(connection, workspace_id=workspace_id)
    return tuple([row["kind"] async for row in rows])


def _scheduled_from(text: str | None) -> ScheduledChange | None:
    if text is None:
        return None
    told = json.loads(text)
    agreed = told["agreed"] and _agreed_of(told["agreed"])
    return ScheduledChange(
        **told | {"at": datetime.fromisoformat(told["at"]), "agreed": agreed}
    )  # fmt: skip


def _agreed_text(scheduled: Scheduled | None) -> str | None:
    if scheduled is None or scheduled.agreed is None:
        return None
    return json.dumps(asdict(scheduled.agreed))


def _agreed_from(text: str | None) -> Agreed | None:
    return None if text is None else _agreed_of(json.loads(text))


def _agreed_of(told: Mapping[str, Any]) -> Agreed:
    return Agreed(**{**told, "price": told["price"] and Money(**told["price"])})


def _offers_from(told: Mapping[str, Any]) -> OwnOffers:
    return OwnOffers(
        packs=tuple(map(_pack_from, told.get("packs", ()))),
        free_amounts=tuple(map(_free_amount_from, told.get("free_amounts", ()))),
        coming=tuple(map(_change_from, told.get("coming", ()))),
    )


def _pack_from(told: Mapping[str, Any]) -> Pack:
    return Pack(**{**told, "price": Money(**told["price"])})


def _free_amount_from(told: Mapping[str, Any]) -> FreeAmount:
    return FreeAmount(kind=told["kind"], price_per_1000=Money(**told["price_per_1000"]))


def _change_from(told: Mapping[str, Any]) -> OfferChange:
    sold, priced = told["sold"], told["priced"]
    return OfferChange(
        begins_at=datetime.fromisoformat(told["begins_at"]), pack=told["pack"], kind=told["kind"],
        sold=sold and _pack_from(sold), priced=priced and _free_amount_from(priced),
    )  # fmt: skip


def _row(new: Subscription, event: Event, before: State, told: _Told) -> tuple[Any, ...]:
    due_at, changed_at, request_key, noted = told
    price, scheduled = new.price, new.scheduled
    return (
        new.workspace_id, new.subscription_id, new.plan, new.version, new.anchor_at, new.zone,
        new.begins_at, new.months_per_charge, new.state, new.change, new.revision,
        json.dumps(dict(new.allowances)), price and price.amount, price and price.currency,
        new.can_purchase, new.gateway, new.renewal_grant, new.charge_index, new.charge_at,
        new.paid_index, scheduled and scheduled.at, scheduled and scheduled.plan,
        scheduled and scheduled.months_per_charge, scheduled and scheduled.zone, new.cancels_at,
        new.past_due_at, new.suspended_at, new.ends_at, event, before, due_at, changed_at,
        request_key, json.dumps(asdict(new.offers), default=datetime.isoformat),
        _agreed_text(scheduled), noted and json.dumps(asdict(noted), default=datetime.isoformat),
    )  # fmt: skip
