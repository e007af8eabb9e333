"""Upgrading a plan at once: price and credits for what is left (rule 11 of the product).

Invariant: what a period grants of a kind never comes to more than the largest allowance that was
held in it. An upgrade drops what was scheduled. Where the gateway charges cards it is paid first,
and carried out when it is, with the share of the day on which it was asked for; its price holds for
the period and the terms that it was asked in, and the request ends with them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING, Any

from mutoscope.app.acts import NOBODYS, Act
from mutoscope.app.billing import (
    Bill,
    asked,
    billed,
    rows_on_account,
    rows_to_pay_first,
)
from mutoscope.app.current_plan import current, write
from mutoscope.app.demo import DEMO, charged
from mutoscope.app.repeats import once
from mutoscope.app.terms import PriceNotAgreed, granted_for_rest, monthly, price_of, standing
from mutoscope.domain.agreed import NO_OFFERS
from mutoscope.domain.credits import Refusal, checked_key
from mutoscope.domain.invoices import InvoiceLine
from mutoscope.domain.offers import Money
from mutoscope.domain.planner import KeyReused
from mutoscope.domain.proration import prorated_credits, prorated_money, remaining
from mutoscope.domain.subscriptions import Event, Subscription
from mutoscope.storage import subscriptions
from mutoscope.storage.payments import PaymentRequest, Purpose
from mutoscope.storage.session import SideRow

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from mutoscope.app.studio import Studio


class NotAnUpgrade(Refusal):
    """A change to a plan that costs less: it takes effect on the billing date."""

    code = "not_an_upgrade"

    def __init__(self, *, plan: str, current: str) -> None:
        super().__init__(
            f"the workspace has {plan} already: name a larger plan"
            if plan == current
            else f"{plan} is no upgrade of {current}: schedule it for the next billing date instead"
        )
        self.plan = plan
        self.current = current


@dataclass(frozen=True, slots=True, kw_only=True)
class Upgrade:
    """What an upgrade costs and grants now, before it is made.

    `share` is how much of the `period` is left, `credits` what is granted for it at once; `price`
    is net, for the rest of the term that is paid, nothing in a demo workspace.
    """

    plan: str
    version: str
    period: int
    share: Fraction
    credits: Mapping[str, int]
    price: Money
    lapses_at: datetime
    zone: str
    line: InvoiceLine
    is_demo: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What came of an upgrade; `request` asks for its price, None when that is nothing."""

    plan: str
    request: PaymentRequest | None


async def preview_upgrade(studio: Studio, *, workspace_id: UUID, plan: str) -> Upgrade:
    """Return what an upgrade would cost and grant if it were made now.

    :raises NotInThisState: when the workspace has no plan that is paid.
    :raises UnknownPlan: when the catalog has no such plan.
    :raises NotAnUpgrade: when the plan costs less, or is the current one.
    :raises PriceNotAgreed: when one of the plans has no price.
    """
    subscription = await current(studio, workspace_id=workspace_id, event=Event.UPGRADE)
    return upgrade_of(studio, subscription, plan=plan, at=studio.clock.now())


async def upgrade(
    studio: Studio, *, workspace_id: UUID, plan: str, key: str, act: Act = NOBODYS
) -> PaymentRequest | None:
    """Upgrade now; return what is to be paid, or None when it is nothing. A repeat is the same.

    On account the plan changes at once; where cards are charged, when the request is paid.

    :raises KeyReused: when the key was used for another plan.
    :raises Refusal: as `preview_upgrade`.
    """
    request_key = upgrade_key(key)
    made = await once(
        before=partial(made_before, studio, workspace_id=workspace_id, request_key=request_key),
        make=partial(_upgrade, studio, workspace_id, plan, request_key, act=act),
    )
    if made.plan != plan:
        raise KeyReused(namespace="upgrade", key=key)
    return made.request


async def made_before(studio: Studio, *, workspace_id: UUID, request_key: str) -> Made | None:
    """Return the upgrade that was made under a key, billed or free, if one was."""
    request = await billed(studio, workspace_id=workspace_id, request_key=request_key)
    if request is not None:
        return Made(plan=request.wish["plan"], request=request)
    async with studio.reading() as connection:
        plan = await subscriptions.plan_by_key(
            connection, workspace_id=workspace_id, request_key=request_key
        )
    return None if plan is None else Made(plan=plan, request=None)


async def _upgrade(
    studio: Studio, workspace_id: UUID, plan: str, request_key: str, *, act: Act
) -> Made:
    at = studio.clock.now()
    subscription = await current(studio, workspace_id=workspace_id, event=Event.UPGRADE)
    made = upgrade_of(studio, subscription, plan=plan, at=at)
    request = await asked(studio, _bill(subscription, made, request_key), at=at)
    told = act.telling(
        subscription_id=str(subscription.subscription_id), event="upgrade", plan=plan,
        amount=made.price.amount, currency=made.price.currency,
    )  # fmt: skip
    if not made.price.amount:
        await carry_out(
            studio, subscription, wish=request.wish, rows=told, at=at, request_key=request_key
        )
        return Made(plan=plan, request=None)
    if studio.can_charge(subscription.gateway):
        request = replace(request, due_at=made.lapses_at)
        rows = rows_to_pay_first(studio, request)
        await write(studio, (), rows=(*rows, *told))
        return Made(plan=plan, request=request)
    rows = rows_on_account(studio, request, subscription=subscription)
    await carry_out(studio, subscription, wish=request.wish, rows=(*rows, *told), at=at)
    invoiced = await billed(studio, workspace_id=workspace_id, request_key=request_key)
    return Made(plan=plan, request=invoiced)


def upgrade_key(key: str) -> str:
    """Return the key under which an upgrade's payment is asked for.

    :raises BadKey: when it cannot stand in the journal.
    """
    return f"upgrade/{checked_key(key)}"


def upgrade_of(studio: Studio, subscription: Subscription, *, plan: str, at: datetime) -> Upgrade:
    """Return what an upgrade costs and grants at an instant.

    :raises Refusal: as `preview_upgrade`.
    """
    version = studio.catalog.version_at(at=at)
    months = subscription.months_per_charge
    kept = studio.catalog.version(key=subscription.version)
    old = price_of(
        version=kept, plan=subscription.plan, months_per_charge=months, agreed=subscription.price
    )
    new = price_of(version=version, plan=plan, months_per_charge=months)
    if old is None or new is None:
        raise PriceNotAgreed(plan=plan if new is None else subscription.plan)
    if plan == subscription.plan or new.amount < old.amount or new.currency != old.currency:
        raise NotAnUpgrade(plan=plan, current=subscription.plan)
    period = subscription.period_at(at=at)
    term = (
        subscription.start(index=subscription.term_start()),
        subscription.start(index=subscription.charge_index),
    )
    share = remaining(starts_at=period.starts_at, ends_at=period.ends_at, at=at)
    rest = remaining(starts_at=term[0], ends_at=term[1], at=at)
    prorated = replace(new, amount=prorated_money(amount=new.amount - old.amount, share=rest))
    price = charged(prorated, gateway=subscription.gateway)
    allowances = monthly(version=version, plan=plan, agreed={})
    credits_now = {
        kind: prorated_credits(
            before=subscription.allowances.get(kind, 0), after=monthly_credits, share=share
        )
        for kind, monthly_credits in allowances.items()
    }
    name = version.plan(key=plan).name
    return Upgrade(
        plan=plan, version=version.key, period=period.index, share=share, price=price,
        lapses_at=period.ends_at, zone=subscription.zone, is_demo=subscription.gateway == DEMO,
        credits={kind: granted for kind, granted in credits_now.items() if granted},
        line=InvoiceLine(
            code="proration", text=f"Upgrade to {name}", amount=price.amount, starts_at=at,
            ends_at=term[1],
        ),
    )  # fmt: skip


def is_still_priced(subscription: Subscription, *, wish: Mapping[str, Any], at: datetime) -> bool:
    """Tell whether the period and the terms that an upgrade was priced for still hold."""
    priced = (wish["period"], wish.get("change"))
    return priced == (subscription.period_at(at=at).index, subscription.change)


async def carry_out(
    studio: Studio, subscription: Subscription, *, wish: Mapping[str, Any],
    rows: tuple[SideRow, ...], at: datetime, request_key: str | None = None,
) -> None:  # fmt: skip
    """Change to a larger plan now, by the version, and for the share of the period, of the wish.

    `request_key` is that of a change which is not billed, so that a repeat finds it.

    :raises SideRowRefused: when the subscription has been changed in the meantime.
    """
    plan, (above, below) = wish["plan"], wish["share"]
    assert is_still_priced(subscription, wish=wish, at=at)
    version = studio.catalog.version(key=wish["version"])
    period, share = subscription.period_at(at=at), Fraction(above, below)
    allowances = monthly(version=version, plan=plan, agreed={})
    after = replace(
        subscription.moved(event=Event.UPGRADE), plan=plan, version=version.key, price=None,
        can_purchase=False, offers=NO_OFFERS, allowances=allowances,
        change=subscription.change + 1, scheduled=None, cancels_at=None,
        charge_at=subscription.start(index=subscription.charge_index),
    )  # fmt: skip
    grants = [
        granted_for_rest(after, kind=kind, amount=amount, at=at, event=Event.UPGRADE)
        for kind, monthly_credits in allowances.items()
        if (amount := prorated_credits(
            before=subscription.allowances.get(kind, 0), after=monthly_credits, share=share
        ))
    ]  # fmt: skip
    stands = standing(after, next_index=period.index + 1, before=subscription.allowances)
    row = subscriptions.changed(
        subscription, after, event=Event.UPGRADE, due_at=at, at=at, request_key=request_key
    )
    await write(studio, (*stands, *grants), rows=(row, *rows))


def _bill(subscription: Subscription, made: Upgrade, request_key: str) -> Bill:
    share = made.share
    return Bill(
        workspace_id=subscription.workspace_id, key=request_key, purpose=Purpose.UPGRADE,
        subject_id=subscription.subscription_id, gateway=subscription.gateway,
        title=made.line.text, lines=(made.line,), currency=made.price.currency,
        wish={
            "plan": made.plan, "version": made.version, "change": subscription.change,
            "period": made.period, "share": [share.numerator, share.denominator],
        },
    )  # fmt: skip
