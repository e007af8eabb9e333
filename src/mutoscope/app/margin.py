"""Margin per tool: what the credits that it used had cost their buyers, and what providers charged.

Invariant: a captured credit of a paid lot counts what it cost, by its lot alone; credits of plans
and free credits are counted and have no price, since a plan is earned by time. The surprising
choice: what is earned in other currencies than the US dollar stands beside the margin, since
providers charge in dollars and no rate between currencies is assumed.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mutoscope.domain.chart import Account
from mutoscope.domain.lots import Source
from mutoscope.domain.offers import Money

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mutoscope.storage.finance import ToolCost, ToolUse

MICROS_A_CENT: Final = 10_000
_USD: Final = "USD"
_BY_ACCOUNT: Final = {Account.METERED: "metered", Account.ABSORBED: "absorbed"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolMonth:
    """What a tool used of one kind of credit and what it cost; no tool is use without a job.

    Credits are net of refunds. `margin_micros` is the worth of the paid credits in US dollars less
    what providers charged; `revenue` has every currency.
    """

    tool: str | None
    kind: str
    paid_credits: int
    plan_credits: int
    free_credits: int
    metered_credits: int
    absorbed_credits: int
    revenue: tuple[Money, ...]
    orders: int
    cost_micros: int
    margin_micros: int


class _Tally:
    """What is known of a tool so far."""

    def __init__(self) -> None:
        self.credits: dict[str, int] = defaultdict(int)
        self.worth: dict[str, int] = defaultdict(int)
        self.orders = 0
        self.cost_micros = 0


def tool_months(*, uses: Iterable[ToolUse], costs: Iterable[ToolCost]) -> tuple[ToolMonth, ...]:
    """Return a row per tool and kind, those without a tool last."""
    found: dict[tuple[str | None, str], _Tally] = defaultdict(_Tally)
    for use in uses:
        tally = found[use.tool, use.kind]
        tally.credits[_payer(use)] += use.credits
        if use.currency is not None:
            tally.worth[use.currency] += use.worth
    for cost in costs:
        tally = found[cost.tool, cost.kind]
        tally.orders += cost.orders
        tally.cost_micros += cost.cost_micros
    names = sorted(found, key=lambda name: (name[0] is None, name[0] or "", name[1]))
    return tuple(_row(tool, kind, found[tool, kind]) for tool, kind in names)


def margin_micros(*, revenue: Iterable[Money], cost_micros: int) -> int:
    """Return what is earned in US dollars less what providers charged."""
    earned = sum(money.amount for money in revenue if money.currency == _USD)
    return earned * MICROS_A_CENT - cost_micros


def _payer(use: ToolUse) -> str:
    if use.account in _BY_ACCOUNT:
        return _BY_ACCOUNT[Account(use.account)]
    if use.currency is not None:
        return "paid"
    return "plan" if use.source == Source.PLAN else "free"


def _row(tool: str | None, kind: str, tally: _Tally) -> ToolMonth:
    used = tally.credits
    revenue = tuple(
        Money(amount=amount, currency=currency) for currency, amount in sorted(tally.worth.items())
    )
    return ToolMonth(
        tool=tool, kind=kind, paid_credits=used["paid"], plan_credits=used["plan"],
        free_credits=used["free"], metered_credits=used["metered"],
        absorbed_credits=used["absorbed"], revenue=revenue, orders=tally.orders,
        cost_micros=tally.cost_micros,
        margin_micros=margin_micros(revenue=revenue, cost_micros=tally.cost_micros),
    )  # fmt: skip
