"""Advice about what to buy: the cheapest packs, or the plan, that cover what a board lacks.

Owns the search and the arithmetic of an upgrade. Invariant: nothing that is for sale and covers the
shortfall costs less than what is advised; of two at one price, fewer purchases win, then more
credits. Of free amounts at most one is bought, since two are never cheaper but for their rounding.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, gcd
from typing import NamedTuple

from mutoscope.domain.catalog import Version
from mutoscope.domain.estimate import NotForSale, purchase_price
from mutoscope.domain.offers import Basis, Money, Pack, Plan
from mutoscope.domain.proration import prorated_credits, prorated_money


@dataclass(frozen=True, slots=True, kw_only=True)
class BasketItem:
    """A pack so many times, or a free amount once (`pack` is None); the price is that of all."""

    pack: str | None
    name: str
    quantity: int
    credits: int
    price: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Basket:
    """What to buy of one kind of credit."""

    kind: str
    credits: int
    price: Money
    items: tuple[BasketItem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanOffer:
    """A plan that would cover it: what it brings now and costs now, and its price a month.

    For who has a plan both are the rest of the period's share of the difference.
    """

    plan: str
    name: str
    credits: Mapping[str, int]
    unlimited: tuple[str, ...]
    price_now: Money
    price_monthly: Money
    covers: bool


class _Way(NamedTuple):
    """Packs of some credits in all, by the order in which ways are preferred."""

    cost: int
    purchases: int
    last: int
    before: int


class _End(NamedTuple):
    """Packs of a sum, and what they leave open for a free amount."""

    way: _Way
    number: int
    lack: int
    free: Money | None

    def preference(self) -> tuple[int, int, int]:
        """Return the price, the purchases, and how few credits go beyond what is needed."""
        free = 0 if self.free is None else self.free.amount
        return (self.way.cost + free, self.way.purchases + (free > 0), self.lack)


def cheapest(*, version: Version, kind: str, shortfall: int) -> Basket | None:
    """Return the cheapest purchases that cover a shortfall, or None when there are none."""
    assert shortfall > 0
    currency = _currency(version, kind)
    packs = [
        each for each in version.packs if each.kind == kind and each.price.currency == currency
    ]
    step = gcd(*(pack.credits for pack in packs)) if packs else 1
    ways = _ways(packs, step, shortfall)
    is_sold = _is_sold_freely(version, kind, currency)
    ends = [
        _End(ways[number], number, lack, _free_price(version, kind, lack))
        for number in ways
        if (lack := shortfall - number * step) <= 0 or is_sold
    ]
    best = min(ends, key=lambda end: end.preference(), default=None)
    return None if best is None else _basket(version, kind, packs, (ways, best))


def upgrades(
    *, version: Version, current: Plan, shortfalls: Mapping[str, int], rest: Fraction
) -> tuple[PlanOffer, ...]:
    """Return the larger plans that cover all shortfalls at once, the cheapest first.

    `rest` is the share of the period that is left: credits are rounded up, the price half up.
    """
    if current.price is None:
        return ()
    found = []
    for plan in version.plans:
        price = plan.price
        if price is None or price.monthly.currency != current.price.monthly.currency:
            continue
        difference = price.monthly.amount - current.price.monthly.amount
        brings = {kind: _more(current, plan, kind, rest) for kind in shortfalls}
        covers = all(_is_enough(brings[kind], lack) for kind, lack in shortfalls.items())
        if difference > 0 and covers:
            due = prorated_money(amount=difference, share=rest)
            now = Money(amount=due, currency=price.monthly.currency)
            found.append(_offer(plan, brings, now, price.monthly))
    return tuple(sorted(found, key=lambda offer: offer.price_monthly.amount))


def starts(*, version: Version, required: Mapping[str, int]) -> tuple[PlanOffer, ...]:
    """Return the plans with a price that somebody may start, those that cover all first.

    Credits of a trial lapse when a plan starts, so that the whole board has to be covered.
    """
    found = []
    for plan in version.plans:
        if plan.price is None:
            continue
        brings = {each.kind: _given(plan, each.kind) for each in plan.allowances}
        covers = all(_is_enough(_given(plan, kind), amount) for kind, amount in required.items())
        monthly = plan.price.monthly
        found.append(_offer(plan, brings, monthly, monthly, covers=covers))
    return tuple(
        sorted(
            found,
            key=lambda offer: (
                not offer.covers,
                offer.price_now.amount if offer.covers else -offer.price_now.amount,
            ),
        )
    )


def _ways(packs: list[Pack], step: int, shortfall: int) -> dict[int, _Way]:
    """Return the best way to each sum of packs, in steps, up to the first beyond the shortfall."""
    ways = {0: _Way(0, 0, -1, -1)}
    sizes = [pack.credits // step for pack in packs]
    enough = ceil(shortfall / step)
    for number in range(1, enough + max(sizes, default=0)):
        for index, (pack, size) in enumerate(zip(packs, sizes, strict=True)):
            before = number - size
            if before not in ways or before >= enough:
                continue
            way = _Way(
                ways[before].cost + pack.price.amount, ways[before].purchases + 1, index, before
            )
            if number not in ways or way[:2] < ways[number][:2]:
                ways[number] = way
    return ways


def _basket(
    version: Version, kind: str, packs: list[Pack], found: tuple[Mapping[int, _Way], _End]
) -> Basket:
    """Return the packs of a way, with a free amount for what they leave open."""
    ways, end = found
    number = end.number
    counts: dict[int, int] = {}
    while number:
        way = ways[number]
        counts[way.last] = counts.get(way.last, 0) + 1
        number = way.before
    items = [_packs(packs[index], count) for index, count in sorted(counts.items())]
    if end.free is not None:
        amount = max(end.lack, version.purchase_credits_min)
        name = f"{amount:,} {kind} credits"
        items.append(BasketItem(pack=None, name=name, quantity=1, credits=amount, price=end.free))
    return Basket(
        kind=kind, credits=sum(each.quantity * each.credits for each in items),
        price=_sum(each.price for each in items), items=tuple(items),
    )  # fmt: skip


def _packs(pack: Pack, quantity: int) -> BasketItem:
    price = Money(amount=pack.price.amount * quantity, currency=pack.price.currency)
    return BasketItem(
        pack=pack.key, name=pack.name, quantity=quantity, credits=pack.credits, price=price
    )


def _free_price(version: Version, kind: str, lack: int) -> Money | None:
    """Return what a free amount for what is open costs, the smallest purchase at least."""
    if lack <= 0:
        return None
    amount = max(lack, version.purchase_credits_min)
    return purchase_price(version=version, kind=kind, amount=amount)


def _sum(prices: Iterable[Money]) -> Money:
    amounts = list(prices)
    return Money(amount=sum(each.amount for each in amounts), currency=amounts[0].currency)


def _currency(version: Version, kind: str) -> str | None:
    """Return the currency of free amounts, else that of the first pack: others do not compare."""
    free = [each.price_per_1000.currency for each in version.free_amounts if each.kind == kind]
    packs = [each.price.currency for each in version.packs if each.kind == kind]
    return next(iter(free + packs), None)


def _is_sold_freely(version: Version, kind: str, currency: str | None) -> bool:
    try:
        price = purchase_price(version=version, kind=kind, amount=version.purchase_credits_min)
    except NotForSale:
        return False
    return price.currency == currency


def _given(plan: Plan, kind: str) -> int | None:
    """Return the monthly credits of a kind; None for no limit."""
    allowance = plan.allowance(kind=kind)
    if allowance is None:
        return 0
    return None if allowance.basis is Basis.UNLIMITED else allowance.credits


def _is_enough(brings: int | None, lack: int) -> bool:
    return brings is None or brings >= lack


def _more(current: Plan, plan: Plan, kind: str, rest: Fraction) -> int | None:
    before, after = _given(current, kind), _given(plan, kind)
    if after is None or before is None:
        return None if after is None else 0
    return prorated_credits(before=before, after=after, share=rest)


def _offer(
    plan: Plan, brings: Mapping[str, int | None], now: Money, monthly: Money, *,
    covers: bool = True,
) -> PlanOffer:  # fmt: skip
    return PlanOffer(
        plan=plan.key, name=plan.name, price_now=now, price_monthly=monthly, covers=covers,
        credits={kind: amount for kind, amount in brings.items() if amount is not None},
        unlimited=tuple(kind for kind, amount in brings.items() if amount is None),
    )  # fmt: skip
