"""Charging by the clock: renewals, what is scheduled for a date, and the ends of plans.

Invariant: a period is charged once for ever, under the key of its subscription, index and change of
terms; a run that is killed, repeated or doubled changes nothing twice, since each subscription is
written under its revision. One that cannot be charged fails alone, stays due, and staff are told.
The surprising choice: no credits are granted here. They stand in the ledger (`domain.standing`) and
come at their instant, before or after the clock has looked at the money; only what waits for its
payment ends there until it is paid.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from time import monotonic
from typing import TYPE_CHECKING, Final, NamedTuple
from uuid import UUID

from mutoscope.app import invoicing
from mutoscope.app.billing import Bill, request_of, rows_on_account
from mutoscope.app.packs import freezes
from mutoscope.app.terms import (
    AllowanceNotAgreed,
    charge_line,
    charge_of,
    monthly,
    restated,
    standing,
    terms_at,
)
from mutoscope.domain.credits import Refusal
from mutoscope.domain.planner import Submission
from mutoscope.domain.requests import checked
from mutoscope.domain.subscriptions import Event, RenewalGrant, State, Subscription
from mutoscope.storage import routes, subscriptions
from mutoscope.storage.database import BUGS
from mutoscope.storage.journal import AWAY
from mutoscope.storage.payments import Purpose
from mutoscope.storage.routes import Alert
from mutoscope.storage.session import SideRow, SideRowRefused

if TYPE_CHECKING:
    from datetime import datetime

    from mutoscope.app.studio import Studio
    from mutoscope.domain.catalog import Catalog, Version
    from mutoscope.domain.invoices import Party
    from mutoscope.domain.requests import Request

ALERTS_MAX: Final = 1_000
"""Open alerts that a run looks through for those that are over."""

NOT_CHARGED: Final = "plan_not_charged"
SUBJECT: Final = "subscription "
"""How the alerts for staff are called, and what their subject begins with."""

CHUNK: Final = 100
"""Subscriptions read at once; what they write goes into the journal's transactions together."""


class Failure(NamedTuple):
    """A plan that could not be charged or ended, and why; it stays due."""

    workspace_id: UUID
    subscription_id: UUID
    reason: str

    @property
    def subject(self) -> str:
        """Return what staff are told it is about."""
        return f"{SUBJECT}{self.subscription_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Charged:
    """What a run has done so far, or in all; `skipped` were changed by somebody else meanwhile.

    Each of the `failures` is told to staff, and failed alone.
    """

    charges: int = 0
    ends: int = 0
    skipped: int = 0
    failures: tuple[Failure, ...] = ()
    elapsed_s: float = 0.0

    @property
    def per_s(self) -> float:
        """Return the subscriptions that were looked at a second."""
        done = self.charges + self.ends + self.skipped + len(self.failures)
        return done / self.elapsed_s if self.elapsed_s else 0.0


Progress = Callable[[Charged], None]


def unheard(_: Charged) -> None:
    """Tell nobody how the run goes."""


async def run(studio: Studio, *, progress: Progress = unheard) -> Charged:
    """Charge all that is due and end what is over, in due order, a chunk at a time."""
    began_s, done = monotonic(), Charged()
    passes = ((subscriptions.to_end, "ends"), (subscriptions.to_charge, "charges"))
    for take, counted in passes:
        reached: Subscription | None = None
        while chunk := await _taken(studio, take, reached):
            found = await _all(studio, chunk)
            reached = chunk[-1]
            failures = tuple(each for each in found if isinstance(each, Failure))
            done = replace(
                done, elapsed_s=monotonic() - began_s, skipped=done.skipped + found.count(False),
                failures=done.failures + failures,
                **{counted: getattr(done, counted) + found.count(True)},
            )  # fmt: skip
            progress(done)
    await _tell_staff(studio, done.failures)
    return done


async def charge_due(studio: Studio, subscription: Subscription) -> bool:
    """Charge one subscription of which something is due; tell whether it was done here.

    :raises Refusal: when it cannot be charged.
    """
    buyers = await invoicing.buyers(studio, workspaces=(subscription.workspace_id,))
    return await _one(studio, subscription, buyers[subscription.workspace_id], studio.clock.now())


async def _taken(
    studio: Studio, take: Callable[..., Awaitable[tuple[Subscription, ...]]],
    reached: Subscription | None,
) -> tuple[Subscription, ...]:  # fmt: skip
    async with studio.reading() as connection:
        return await take(connection, at=studio.clock.now(), reached=reached, size=CHUNK)


async def _all(studio: Studio, chunk: Sequence[Subscription]) -> list[bool | Failure]:
    """Handle each of some subscriptions; tell of each whether it was done here, or why not."""
    at = studio.clock.now()
    buyers = await invoicing.buyers(studio, workspaces=[each.workspace_id for each in chunk])
    return await asyncio.gather(
        *(_alone(studio, each, buyers[each.workspace_id], at) for each in chunk)
    )


async def _alone(
    studio: Studio, subscription: Subscription, buyer: Party, at: datetime
) -> bool | Failure:
    """Do what is due on a subscription; what goes wrong is its own matter, and is told."""
    try:
        return await _one(studio, subscription, buyer, at)
    except AWAY:
        raise
    except (Refusal, *BUGS) as error:
        reason = str(error) if isinstance(error, Refusal) else repr(error)
        return Failure(subscription.workspace_id, subscription.subscription_id, reason)


async def _tell_staff(studio: Studio, failures: tuple[Failure, ...]) -> None:
    """Tell staff of each plan that cannot be charged, once, and note which trouble is over."""
    at, failed = studio.clock.now(), {each.subject for each in failures}
    async with studio.reading() as connection:
        for told in await routes.open_alerts(connection, limit=ALERTS_MAX):
            if told.code == NOT_CHARGED and told.subject not in failed:
                await routes.resolve_alerts(connection, subject=told.subject, at=at)
        for each in failures:
            sentence = (
                f"the plan of workspace {each.workspace_id} cannot be charged: {each.reason}; put "
                "it right: until then it stays due and is tried again"
            )
            await routes.raise_alert(connection, Alert(
                alert_id=studio.ids.new(), code=NOT_CHARGED, subject=each.subject,
                sentence=sentence, raised_at=at,
            ))  # fmt: skip


async def _one(studio: Studio, subscription: Subscription, buyer: Party, at: datetime) -> bool:
    """Do what is due on a subscription, period by period; tell whether it was done here."""
    try:
        while True:
            if _is_over(subscription, at=at):
                await end(studio, subscription, at=at)
                return True
            if subscription.charge_at is None or subscription.charge_at > at:
                return True
            subscription = await _charged(studio, subscription, buyer, at)
    except SideRowRefused:
        return False  # another run, or a person, was first: what is still due is found again


def _is_over(subscription: Subscription, *, at: datetime) -> bool:
    """Tell whether a plan has ended: cancelled for a date, or not paid until its period's end."""
    if subscription.cancels_at is not None and subscription.cancels_at <= at:
        charge_at = subscription.charge_at
        return charge_at is None or subscription.cancels_at <= charge_at
    is_suspended = subscription.state is State.SUSPENDED
    return is_suspended and subscription.charge_at is not None and subscription.charge_at <= at


async def end(studio: Studio, subscription: Subscription, *, at: datetime) -> None:
    """End a plan at its date; purchased credits freeze until another is started.

    :raises SideRowRefused: when it has been changed in the meantime.
    """
    ends_at = subscription.cancels_at or subscription.charge_at or at
    after = replace(
        subscription.moved(event=Event.END), ends_at=ends_at, charge_at=None, scheduled=None,
        past_due_at=None, suspended_at=None,
    )  # fmt: skip
    row = subscriptions.changed(subscription, after, event=Event.END, due_at=ends_at, at=at)
    frozen = await freezes(
        studio, workspace_id=after.workspace_id, key=f"end/{after.subscription_id}"
    )
    await studio.journal.submit(Submission(tuple(map(checked, frozen))), side_rows=(row,))


async def _charged(
    studio: Studio, before: Subscription, buyer: Party, at: datetime
) -> Subscription:
    """Write what is due next on a subscription, and return it as it is then."""
    assert before.charge_at is not None
    due_at = before.charge_at
    after = terms_at(before, catalog=studio.catalog, at=due_at)
    rows: tuple[SideRow, ...] = ()
    is_charge = before.start(index=before.charge_index) <= due_at
    if is_charge:
        version = _version_due(studio.catalog, after, due_at)
        after, rows = _renewed(studio, replace(after, version=version.key), buyer, at)
    after = replace(after, charge_at=after.next_look(), revision=before.revision)
    stands, after = _stands(studio.catalog, before, after)
    row = subscriptions.changed(before, after, event=Event.RENEW, due_at=due_at, at=at)
    submission = Submission(tuple(map(checked, stands)))
    await studio.journal.submit(submission, side_rows=(row, *rows))
    return replace(after, revision=before.revision + 1)


def _version_due(catalog: Catalog, terms: Subscription, due_at: datetime) -> Version:
    """Return the version by which a term is charged: one whose credits the ledger grants.

    A change of credits that came too late to be scheduled begins with the charge after this one.
    """
    version = catalog.version_of(plan=terms.plan, at=due_at)
    with suppress(AllowanceNotAgreed):
        if monthly(version=version, plan=terms.plan, agreed=terms.allowances) == terms.allowances:
            return version
    return catalog.version(key=terms.version)


def _stands(
    catalog: Catalog, before: Subscription, after: Subscription
) -> tuple[tuple[Request, ...], Subscription]:
    """Return what lets grants that wait for a payment go on when a term costs nothing."""
    is_waiting = after.renewal_grant is RenewalGrant.WHEN_PAID
    if not is_waiting or after.paid_index == before.paid_index:
        return (), after
    if after.scheduled is None:
        return standing(after, next_index=before.charge_index), after
    requests, change = restated(after, catalog=catalog, next_index=before.charge_index)
    return requests, replace(after, change=change)


def _renewed(
    studio: Studio, subscription: Subscription, buyer: Party, at: datetime
) -> tuple[Subscription, tuple[SideRow, ...]]:
    """Return a subscription whose next term is charged, and the rows that bill it."""
    months, index = subscription.months_per_charge, subscription.charge_index
    version = studio.catalog.version(key=subscription.version)
    price = charge_of(version=version, subscription=subscription)
    after = replace(
        subscription.moved(event=Event.RENEW), charge_index=index + months,
    )  # fmt: skip
    if price is None or not price.amount:
        return replace(after, paid_index=index + months), ()
    line = charge_line(version=version, subscription=subscription, amount=price.amount)
    bill = Bill(
        workspace_id=after.workspace_id, purpose=Purpose.RENEWAL,
        key=f"renewal/{after.subscription_id}/{index}/{after.change}",
        subject_id=after.subscription_id, gateway=after.gateway, title=line.text, lines=(line,),
        currency=price.currency, wish={"index": index, "until": index + months},
    )  # fmt: skip
    taxed = studio.seller.taxed(buyer=buyer, lines=bill.lines, currency=bill.currency)
    request = request_of(studio, bill, taxed=taxed, at=at)
    return after, rows_on_account(
        studio, request, subscription=after, is_due_now=studio.can_charge(after.gateway)
    )
