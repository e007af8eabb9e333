"""The books on a screen, and as CSV.

Invariant: CSV has the same figures as `--json`, in minor units and micros, a column for each
currency, so that nothing has to be read out of a text.
"""

import csv
import sys
from collections.abc import Iterable, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any, Final

from rich.markup import escape
from rich.table import Table

from mutoscope.app.finance import Deferred, Month, Outstanding
from mutoscope.app.margin import ToolMonth
from mutoscope.app.rate_card_replay import RateCardReplay
from mutoscope.cli.plain import plain
from mutoscope.cli.screen import counted, micros, table, told
from mutoscope.domain.draft import Packs
from mutoscope.domain.money import money_text
from mutoscope.domain.offers import Money
from mutoscope.storage.disputes import Debt

NO_TOOL: Final = "(no job)"


def outstanding_table(found: Outstanding) -> Table:
    """Return the credits outstanding."""
    made = table(
        "kind", "source", "cost", "age", ">available", ">frozen", ">held", ">lots",
        title=f"Credits outstanding at {told(found.at, zone='UTC')}",
    )  # fmt: skip
    for row in found.rows:
        made.add_row(
            row.kind, row.source, "paid" if row.is_paid else "free", row.age,
            f"{row.available:,}", f"{row.frozen:,}", f"{row.held:,}", f"{row.lots:,}",
        )  # fmt: skip
    return made


def debts_table(found: Iterable[Debt]) -> Table:
    """Return what lost disputes left unpaid."""
    made = table("!workspace", "for", ">debt", "gateway", "!dispute", "lost", title="Debts")
    for each in found:
        made.add_row(
            str(each.workspace_id), escape(each.title), money_text(each.amount, each.currency),
            each.gateway, escape(each.reference), told(each.closed_at, zone="UTC"),
        )  # fmt: skip
    return made


def deferred_table(found: Deferred) -> Table:
    """Return what was paid, by what had become of it."""
    made = table(
        "currency", "for", "?>count", ">paid", ">recognised", ">breakage", ">taken back",
        ">deferred", title=f"Deferred revenue at {told(found.at, zone='UTC')}",
    )  # fmt: skip
    for row in found.rows:
        parts = (row.paid, row.recognised, row.breakage, row.taken_back, row.deferred)
        made.add_row(
            row.currency, row.item, f"{row.count:,}",
            *(money_text(part, row.currency) for part in parts),
        )  # fmt: skip
    return made


def revenue_table(found: Month) -> Table:
    """Return what a month earned."""
    made = table(
        "currency", ">plans", ">credits", ">breakage", ">revenue",
        title=f"{found.year}-{found.month:02} in {found.zone}, {_state(found)}",
    )  # fmt: skip
    for row in found.revenue:
        parts = (row.plans, row.credits, row.breakage, row.total)
        made.add_row(row.currency, *(money_text(part, row.currency) for part in parts))
    return made


def deferral_table(found: Month) -> Table:
    """Return how deferred revenue came from what it was to what it is."""
    made = table(
        "currency", ">deferred before", ">+ sold", ">- revenue", ">- taken back",
        ">= deferred after",
    )  # fmt: skip
    for row in found.revenue:
        parts = (row.deferred_before, row.sold, row.total, row.taken_back, row.deferred_after)
        made.add_row(row.currency, *(money_text(part, row.currency) for part in parts))
    return made


def margin_table(tools: Sequence[ToolMonth]) -> Table:
    """Return what each tool used, earned and cost."""
    made = table(
        "tool", "?kind", ">paid", ">plan", "?>free", "?>metered", "?>absorbed", ">worth",
        "?>orders", ">provider cost", ">margin",
    )  # fmt: skip
    for row in tools:
        amounts = (row.paid_credits, row.plan_credits, row.free_credits, row.metered_credits,
                   row.absorbed_credits)  # fmt: skip
        made.add_row(
            row.tool or NO_TOOL, row.kind, *(f"{amount:,}" for amount in amounts),
            moneys(row.revenue), f"{row.orders:,}", micros(row.cost_micros),
            micros(row.margin_micros),
        )  # fmt: skip
    return made


def replay_table(found: RateCardReplay) -> Table:
    """Return each tool as it was, and under the draft."""
    made = table(
        "tool", ">jobs", ">unpaid", ">withdrawn", ">credits", ">draft", ">worth", ">draft",
        ">margin", ">draft",
        title=f"{found.starts_at:%Y-%m-%d} to {found.ends_at:%Y-%m-%d} under {found.version}",
    )  # fmt: skip
    for row in found.tools:
        made.add_row(
            row.tool, f"{row.jobs:,}", f"{row.unpaid:,}", f"{row.withdrawn:,}",
            f"{row.credits_before:,}", f"{row.credits_after:,}", moneys(row.revenue_before),
            moneys(row.revenue_after), micros(row.margin_before_micros),
            micros(row.margin_after_micros),
        )  # fmt: skip
    return made


def ran_out_table(found: RateCardReplay) -> Table:
    """Return who would run out."""
    made = table(
        "!workspace", "kind", "first at", "tool", ">required", ">available", ">short", ">jobs",
        ">needed", "would pay", title=f"Would run out: {counted(len(found.ran_out), 'wallet')}",
    )  # fmt: skip
    for row in found.ran_out:
        amounts = (row.required, row.available, row.shortfall, row.jobs, row.needed)
        made.add_row(
            str(row.workspace_id), row.kind, told(row.at, zone="UTC"), row.tool or NO_TOOL,
            *(f"{amount:,}" for amount in amounts), _packs(row.packs),
        )  # fmt: skip
    return made


def write_csv(rows: Iterable[Any], *, of: type[Any]) -> None:
    """Write rows of one kind to the output stream, with a line of names first.

    Where there is no row the names are there all the same, but for those of currencies.
    """
    flat = [_flat(row) for row in rows]
    names = dict.fromkeys(name for row in flat for name in row)
    known = names or [each.name for each in fields(of) if "Money" not in str(each.type)]
    writer = csv.DictWriter(sys.stdout, fieldnames=list(known), restval=0, lineterminator="\n")
    writer.writeheader()
    writer.writerows(flat)


def moneys(amounts: Iterable[Money]) -> str:
    """Return amounts in several currencies beside one another."""
    return ", ".join(money_text(each.amount, each.currency) for each in amounts) or "-"


def _state(found: Month) -> str:
    if found.is_final:
        return "final"
    is_over = found.reached_at == found.ends_at
    reached = "its end" if is_over else told(found.reached_at, zone=found.zone)
    return f"up to {reached}, not final yet"


def _packs(packs: Packs | None) -> str:
    if packs is None:
        return "nothing is for sale"
    bought = f"{packs.number:,} credits" if packs.pack is None else f"{packs.number} {packs.pack}"
    return f"{bought}: {money_text(packs.price.amount, packs.price.currency)}"


def _flat(row: Any) -> dict[str, Any]:  # noqa: ANN401  # rows of many reports
    found: dict[str, Any] = {}
    for field in fields(row):
        value = getattr(row, field.name)
        if isinstance(value, tuple) and not hasattr(value, "_asdict"):
            found |= {f"{field.name}_{each.currency}": each.amount for each in value}
        elif isinstance(value, Packs):
            price = {"price": value.price.amount, "currency": value.price.currency}
            found |= {"pack": value.pack, "number": value.number, **price}
        elif isinstance(value, datetime):
            found[field.name] = value.isoformat()
        else:
            found[field.name] = plain(value)
    return found
