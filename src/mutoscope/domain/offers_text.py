"""Plans, packs and tools, read from the tables of the catalog's text.

Owns the keys of these tables and their limits. The invariant: every reader closes its table, so a
misspelt key is never ignored. The surprising choice: a kind is only checked against the kinds
when those could be read, so that one mistake in them is told once and not for every tool.
"""

import re

from mutoscope.domain.desk import Budget, DeskRules
from mutoscope.domain.offers import (
    CURRENCY,
    Allowance,
    Basis,
    Entitlement,
    FreeAmount,
    Kind,
    Money,
    Pace,
    Pack,
    Plan,
    PlanPrice,
    Tool,
    Trial,
    Unit,
)
from mutoscope.domain.toml_table import CREDITS_MAX, KEY, Table

AMOUNT_MAX = 1_000_000_000  # minor units: ten million dollars
DURATION_S_MAX = 600
RESOLUTION_PX_MAX = 4_320  # 8K
IMAGES_MAX = 1_000  # of one job
JOBS_MAX = 1_000  # at once
DAYS_MAX = 366
RANK_MAX = 100

RATIO = re.compile(r"[1-9][0-9]?:[1-9][0-9]?")


def read_kinds(*, table: Table) -> tuple[Kind, ...]:
    """Read the kinds of credit: a table of keys and names."""
    inner = table.table(key="kinds")
    return tuple(
        Kind(key=key, name=inner.text(key=key, example="Image credits"))
        for key in _keys(inner, frozenset())
    )


def read_trial(*, table: Table, kinds: frozenset[str]) -> Trial:
    """Read what a newcomer gets once."""
    trial = Trial(
        days=table.whole(key="days", at_most=DAYS_MAX),
        allowances=_amounts(table, "credits", kinds),
        entitlements=table.choices(key="entitlements", choices=Entitlement),
        jobs_max=table.whole(key="jobs_max", at_most=JOBS_MAX),
    )
    table.close()
    return trial


def read_plan(*, table: Table, key: str, kinds: frozenset[str]) -> Plan:
    """Read a subscription."""
    plan = Plan(
        key=key,
        name=table.text(key="name", example="Pro"),
        allowances=_allowances(table, kinds),
        entitlements=table.choices(key="entitlements", choices=Entitlement),
        agreed=table.choices(key="agreed", choices=Entitlement),
        jobs_max=table.whole(key="jobs_max", at_most=JOBS_MAX),
        price=_plan_price(table.table(key="price")) if table.has(key="price") else None,
    )
    if plan.entitlements & plan.agreed:
        table.complain(key="agreed", remedy="name nothing that entitlements names as well")
    table.close()
    return plan


def read_tool(*, table: Table, key: str, kinds: frozenset[str]) -> Tool:
    """Read a tool; still pictures have a number of images, clips have durations."""
    unit = table.choice(key="unit", choices=Unit)
    is_still = unit is Unit.PER_IMAGE
    tool = Tool(
        key=key,
        name=table.text(key="name", example="Runway Gen-4 Turbo"),
        description=table.text(key="description", example="A fast clip from one frame."),
        kind=_kind(table, kinds),
        unit=unit,
        credits=table.whole(key="credits"),
        durations_s=() if is_still else table.wholes(key="durations_s", at_most=DURATION_S_MAX),
        ratios=table.texts(key="ratios", example="16:9", pattern=RATIO),
        resolutions_px=table.wholes(key="resolutions_px", at_most=RESOLUTION_PX_MAX),
        images_max=table.whole(key="images_max", at_most=IMAGES_MAX) if is_still else 1,
        quality_rank=table.whole(key="quality_rank", at_most=RANK_MAX),
        needs_source_frame=table.flag(key="needs_source_frame"),
    )
    if any(side % 2 for side in tool.resolutions_px):
        table.complain(key="resolutions_px", remedy="give even numbers, as encoders need them")
    table.close()
    return tool


def read_pack(*, table: Table, key: str, kinds: frozenset[str]) -> Pack:
    """Read credits for sale."""
    pack = Pack(
        key=key,
        name=table.text(key="name", example="1,500 video credits"),
        kind=_kind(table, kinds),
        credits=table.whole(key="credits"),
        price=Money(
            amount=table.whole(key="price_minor", at_most=AMOUNT_MAX), currency=_currency(table)
        ),
    )
    table.close()
    return pack


def read_free_amounts(*, table: Table, kinds: frozenset[str]) -> tuple[FreeAmount, ...]:
    """Read the prices of amounts that the buyer chooses."""
    inner = table.table(key="price_minor_per_1000")
    currency = _currency(table)
    return tuple(
        FreeAmount(
            kind=kind,
            price_per_1000=Money(
                amount=inner.whole(key=kind, at_most=AMOUNT_MAX), currency=currency
            ),
        )
        for kind in _keys(inner, kinds)
    )


def read_paces(*, table: Table, kinds: frozenset[str]) -> tuple[Pace, ...]:
    """Read how fast unlimited credits may be used."""
    inner = table.table(key="fair_use_per_hour")
    return tuple(
        Pace(kind=kind, credits_per_hour=inner.whole(key=kind)) for kind in _keys(inner, kinds)
    )


def read_desk(*, table: Table, kinds: frozenset[str]) -> DeskRules:
    """Read the operator's rules for the desk; each may be left out."""
    inner = table.table(key="desk")
    above = (
        inner.whole(key="four_eyes_above", at_least=0) if inner.has(key="four_eyes_above") else None
    )
    budgets: tuple[Budget, ...] = ()
    if inner.has(key="goodwill_per_month"):
        monthly = inner.table(key="goodwill_per_month")
        budgets = tuple(
            Budget(kind=kind, credits=monthly.whole(key=kind, at_least=0))
            for kind in _keys(monthly, kinds)
        )
    inner.close()
    return DeskRules(four_eyes_above=above, budgets=budgets)


def _allowances(table: Table, kinds: frozenset[str]) -> tuple[Allowance, ...]:
    """Read monthly credits: numbers, or the word for another basis."""
    inner = table.table(key="monthly_credits")
    words = {Basis.UNLIMITED.value: Basis.UNLIMITED, Basis.AGREED.value: Basis.AGREED}
    found = []
    for kind in _keys(inner, kinds):
        value = inner.content[kind]
        if isinstance(value, str):
            if value not in words:
                remedy = f'give a whole number from 1 to {CREDITS_MAX}, "unlimited" or "agreed"'
                inner.complain(key=kind, remedy=remedy)
            found.append(Allowance(kind=kind, basis=words.get(value, Basis.AGREED), credits=0))
        else:
            amount = inner.whole(key=kind)
            found.append(Allowance(kind=kind, basis=Basis.FIXED, credits=amount))
    return tuple(found)


def _amounts(table: Table, key: str, kinds: frozenset[str]) -> tuple[Allowance, ...]:
    """Read credits that are numbers alone."""
    inner = table.table(key=key)
    return tuple(
        Allowance(kind=kind, basis=Basis.FIXED, credits=inner.whole(key=kind))
        for kind in _keys(inner, kinds)
    )


def _plan_price(table: Table) -> PlanPrice:
    """Read what a plan costs."""
    currency = _currency(table)
    price = PlanPrice(
        monthly=Money(
            amount=table.whole(key="monthly_minor", at_most=AMOUNT_MAX), currency=currency
        ),
        annual=Money(amount=table.whole(key="annual_minor", at_most=AMOUNT_MAX), currency=currency),
        is_example=table.flag(key="is_example"),
    )
    table.close()
    return price


def _currency(table: Table) -> str:
    return table.text(key="currency", example="USD", pattern=CURRENCY)


def _kind(table: Table, kinds: frozenset[str]) -> str:
    """Read the kind of credit that something spends or gives."""
    kind = table.text(key="kind", example="image", pattern=KEY)
    if kinds and kind not in kinds and table.content.get("kind") == kind:
        table.complain(key="kind", remedy=_kind_remedy(kinds))
    return kind


def _keys(table: Table, kinds: frozenset[str]) -> tuple[str, ...]:
    """Return the keys of a table that are kinds of credit, or good names when none are known."""
    for key in table.content:
        if kinds and key not in kinds:
            table.complain(key=key, remedy=_kind_remedy(kinds))
        elif not KEY.fullmatch(key):
            table.complain(key=key, remedy="name it with small letters, digits and _")
    return tuple(key for key in table.content if KEY.fullmatch(key) and key in (kinds or {key}))


def _kind_remedy(kinds: frozenset[str]) -> str:
    return f"choose a kind of credit out of {', '.join(sorted(kinds))}"
