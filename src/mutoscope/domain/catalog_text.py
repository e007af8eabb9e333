"""The catalog's TOML text, read into values, or refused with all that is wrong with it.

Owns the names of the keys and the rules between them. The invariant: a catalog that was read is
sound: versions follow each other in time, whatever names a kind names one that exists, and every
rate can be asked for. The surprising choice: the key of a plan, tool or pack is the name of its
table, so that TOML itself forbids two of one name.
"""

import re
from collections.abc import Iterator
from itertools import pairwise

from mutoscope.domain.catalog import Billing, Catalog, Fulfilment, RenewalRule, Rules, Version
from mutoscope.domain.desk import NO_RULES
from mutoscope.domain.offers import Basis
from mutoscope.domain.offers_text import (
    read_desk,
    read_free_amounts,
    read_kinds,
    read_paces,
    read_pack,
    read_plan,
    read_tool,
    read_trial,
)
from mutoscope.domain.toml_file import FileRefused, toml_content
from mutoscope.domain.toml_table import LIST_MAX, NO_INSTANT, Problem, Table

DAYS_MAX = 366
MINUTES_MAX = 1_440  # a day
PERCENT_MAX = 100

VERSION_KEY = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")


class CatalogRefused(FileRefused):
    """A catalog's text is bad."""

    code = "bad_catalog"


def parse_catalog(*, text: str, source: str) -> Catalog:
    """Read a catalog; `source` names the file in the refusal.

    :raises CatalogRefused: when the text is not TOML or anything in it is wrong.
    """
    problems: list[Problem] = []
    content = toml_content(text=text, source=source, shipped="catalog.toml", refusal=CatalogRefused)
    root = Table(path="", content=content, problems=problems)
    versions = tuple(_version(table) for table in _blocks(root))
    root.close()
    _check_order(root, versions)
    if problems:
        raise CatalogRefused(source=source, problems=tuple(problems))
    return Catalog(versions=versions)


def _blocks(root: Table) -> Iterator[Table]:
    """Yield the blocks of the versions, each under a path with its key or else its number."""
    blocks = root.content["versions"] if root.has(key="versions") else None
    if not isinstance(blocks, list) or not 0 < len(blocks) <= LIST_MAX:
        root.complain(key="versions", remedy=f"give 1 to {LIST_MAX} blocks [[versions]]")
        return
    for number, block in enumerate(blocks, start=1):
        content = block if isinstance(block, dict) else {}
        name = content.get("key")
        label = name if isinstance(name, str) and VERSION_KEY.fullmatch(name) else number
        yield Table(path=f"versions[{label}]", content=content, problems=root.problems)


def _version(table: Table) -> Version:
    """Read all that one version sells."""
    kinds = read_kinds(table=table)
    names = frozenset(kind.key for kind in kinds)
    purchases = table.table(key="purchases")
    version = Version(
        key=table.text(key="key", example="2025-01", pattern=VERSION_KEY),
        effective_at=table.instant(key="effective_at"),
        kinds=kinds,
        trial=read_trial(table=table.table(key="trial"), kinds=names),
        plans=tuple(
            read_plan(table=one, key=key, kinds=names) for key, one in table.tables(key="plans")
        ),
        tools=tuple(
            read_tool(table=one, key=key, kinds=names) for key, one in table.tables(key="tools")
        ),
        packs=tuple(
            read_pack(table=one, key=key, kinds=names) for key, one in table.tables(key="packs")
        ),
        purchase_credits_min=purchases.whole(key="credits_min"),
        fulfilment=purchases.choice(key="fulfilment", choices=Fulfilment),
        billing=_billing(table.table(key="billing")),
        free_amounts=read_free_amounts(table=purchases, kinds=names),
        paces=read_paces(table=table, kinds=names),
        rules=_rules(table),
        desk=read_desk(table=table, kinds=names) if table.has(key="desk") else NO_RULES,
    )
    purchases.close()
    _check(table, version)
    table.close()
    return version


def _rules(table: Table) -> Rules:
    """Read the figures that stand alone."""
    alerts, quotes, holds = (table.table(key=key) for key in ("alerts", "quotes", "holds"))
    rules = Rules(
        alert_percents=alerts.wholes(key="percents", at_least=0, at_most=PERCENT_MAX),
        alert_days=alerts.wholes(key="days", at_most=DAYS_MAX),
        price_lock_minutes=quotes.whole(key="price_lock_minutes", at_most=MINUTES_MAX),
        confirm_percent=quotes.whole(key="confirm_percent", at_most=PERCENT_MAX),
        deadline_minutes=holds.whole(key="deadline_minutes", at_most=MINUTES_MAX),
        submit_unknown_minutes=holds.whole(key="submit_unknown_minutes", at_most=MINUTES_MAX),
    )
    for one in (alerts, quotes, holds):
        one.close()
    return rules


def _billing(table: Table) -> Billing:
    """Read how payments are waited for."""
    billing = Billing(
        renewal_grant=table.choice(key="renewal_grant", choices=RenewalRule),
        grace_days=table.whole(key="grace_days", at_least=0, at_most=DAYS_MAX),
        reminder_days=table.wholes(key="reminder_days", at_least=0, at_most=DAYS_MAX),
        order_days=table.whole(key="order_days", at_most=DAYS_MAX),
    )
    table.close()
    return billing


def _check(table: Table, version: Version) -> None:
    """Note what is wrong between the parts of a version."""
    for key in ("kinds", "plans", "tools"):
        if table.content.get(key) == {}:
            table.complain(key=key, remedy="give at least one")
    for pack in version.packs:
        if pack.credits < version.purchase_credits_min:
            table.table(key="packs").table(key=pack.key).complain(
                key="credits", remedy="offer no less than purchases.credits_min"
            )
    paced = {pace.kind for pace in version.paces}
    for plan in version.plans:
        for allowance in plan.allowances:
            if allowance.basis is Basis.UNLIMITED and allowance.kind not in paced:
                table.table(key="fair_use_per_hour").complain(
                    key=allowance.kind,
                    remedy=f"give a pace in credits, since plan {plan.key} has it unlimited",
                )


def _check_order(root: Table, versions: tuple[Version, ...]) -> None:
    """Note versions that share a key, or that do not follow each other in time."""
    dated = (version for version in versions if version.effective_at != NO_INSTANT)
    for earlier, later in pairwise(dated):
        if earlier.effective_at >= later.effective_at:
            _complain_of(root, later, "effective_at", f"take effect after {earlier.key}")
    keys = [version.key for version in versions]
    for number, version in enumerate(versions):
        if version.key in keys[:number]:
            _complain_of(root, version, "key", "give every version a key of its own")


def _complain_of(root: Table, version: Version, key: str, remedy: str) -> None:
    """Note what is wrong with one version among the others."""
    content = {"key": version.key, "effective_at": version.effective_at.isoformat()}
    table = Table(path=f"versions[{version.key}]", content=content, problems=root.problems)
    table.complain(key=key, remedy=remedy)
