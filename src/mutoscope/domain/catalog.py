"""The catalog: all that is for sale, in versions that each take effect at an instant.

Owns the versions and the look-ups in them; the text they are read from belongs to
`domain.catalog_text`. The invariant: a version in force never changes, so a hold that keeps the
version's key keeps its price. The surprising choice: every version is complete. Nothing is
inherited from the version before, so that one block tells all that held on a given day.
"""

from bisect import bisect_right
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import ClassVar, NamedTuple, TypeVar

from mutoscope.domain.credits import Refusal, checked_instant
from mutoscope.domain.desk import NO_RULES, DeskRules
from mutoscope.domain.offers import FreeAmount, Kind, Pace, Pack, Plan, Tool, Trial


class UnknownItem(Refusal):
    """A version of the catalog has nothing of that key; `allowed` lists what it has."""

    noun: ClassVar[str]

    def __init__(self, *, key: str, allowed: tuple[str, ...]) -> None:
        super().__init__(
            f"there is no {self.noun} {key[:80]!r}: choose one of {', '.join(allowed) or 'none'}"
        )
        self.key = key
        self.allowed = allowed


class UnknownTool(UnknownItem):
    """The catalog has no such tool."""

    code = "unknown_tool"
    noun = "tool"


class UnknownPlan(UnknownItem):
    """The catalog has no such plan."""

    code = "unknown_plan"
    noun = "plan"


class UnknownPack(UnknownItem):
    """The catalog has no such pack."""

    code = "unknown_pack"
    noun = "pack"


class UnknownVersion(UnknownItem):
    """The catalog has no version of that key."""

    code = "unknown_version"
    noun = "version of the catalog"


class NoVersionInForce(Refusal):
    """An instant lies before the catalog's first version."""

    code = "no_version_in_force"

    def __init__(self, *, at: datetime, first_at: datetime) -> None:
        super().__init__(
            f"nothing was for sale at {at.isoformat()}: the first version of the catalog takes"
            f" effect at {first_at.isoformat()}; give an earlier effective_at to serve that time"
        )
        self.at = at
        self.first_at = first_at


class RenewalRule(StrEnum):
    """When a renewal grants its credits; by the gateway: cards once paid, transfers when due."""

    BY_GATEWAY = "by_gateway"
    WHEN_PAID = "when_paid"
    WHEN_DUE = "when_due"


class Fulfilment(StrEnum):
    """How paid credits come: staff add them from the chat, or the payment itself does."""

    DESK = "desk"
    AUTOMATIC = "automatic"


@dataclass(frozen=True, slots=True, kw_only=True)
class Billing:
    """When renewals grant, and how payments are waited for, in days.

    What is not paid when it is due is past due; reminders go out `reminder_days` after that, and
    after `grace_days` the plan is suspended. An order that nobody pays lapses after `order_days`.
    """

    renewal_grant: RenewalRule
    grace_days: int
    reminder_days: tuple[int, ...]
    order_days: int

    def suspends_at(self, *, missed_at: datetime) -> datetime:
        """Return when a plan is suspended that nobody pays for."""
        return missed_at + timedelta(days=self.grace_days)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The catalog's figures that stand alone.

    Alerts are told at shares of the last allowance left (percent, 0 is empty) and days before a
    lapse. A quote's price is locked for `price_lock_minutes`; the creator confirms a job that
    takes at least `confirm_percent` of the balance. A hold lives `deadline_minutes`
    unless its job renews it; one whose submission is in doubt is released after
    `submit_unknown_minutes`.
    """

    alert_percents: tuple[int, ...]
    alert_days: tuple[int, ...]
    price_lock_minutes: int
    confirm_percent: int
    deadline_minutes: int
    submit_unknown_minutes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """All that is for sale from one instant until the next version's."""

    key: str
    effective_at: datetime
    kinds: tuple[Kind, ...]
    trial: Trial
    plans: tuple[Plan, ...]
    tools: tuple[Tool, ...]
    packs: tuple[Pack, ...]
    purchase_credits_min: int
    fulfilment: Fulfilment
    billing: Billing
    free_amounts: tuple[FreeAmount, ...]
    paces: tuple[Pace, ...]
    rules: Rules
    desk: DeskRules = NO_RULES

    def tool(self, *, key: str) -> Tool:
        """Return a tool.

        :raises UnknownTool: when this version has none of that key.
        """
        return _found(self.tools, key, UnknownTool)

    def has_plan(self, *, key: str) -> bool:
        """Tell whether this version sells a plan."""
        return any(plan.key == key for plan in self.plans)

    def plan(self, *, key: str) -> Plan:
        """Return a plan.

        :raises UnknownPlan: when this version has none of that key.
        """
        return _found(self.plans, key, UnknownPlan)

    def pack(self, *, key: str) -> Pack:
        """Return a pack.

        :raises UnknownPack: when this version has none of that key.
        """
        return _found(self.packs, key, UnknownPack)


class Withdrawn(NamedTuple):
    """A plan that a version does not sell any more; those who hold it go on by the `kept` one."""

    plan: str
    version: str
    kept: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """The versions, in the order in which they take effect."""

    versions: tuple[Version, ...]

    def version_at(self, *, at: datetime) -> Version:
        """Return the version in force at an instant; a version is in force from its own instant.

        :raises NaiveInstant: when `at` has no offset.
        :raises NoVersionInForce: when `at` lies before the first version.
        """
        at = checked_instant(at, name="at")
        count = bisect_right(self.versions, at, key=lambda version: version.effective_at)
        if count == 0:
            raise NoVersionInForce(at=at, first_at=self.versions[0].effective_at)
        return self.versions[count - 1]

    def version_of(self, *, plan: str, at: datetime) -> Version:
        """Return the version by which those who hold a plan go on from an instant.

        It is the one in force; where that has withdrawn the plan, the last one that had it.

        :raises UnknownPlan: when no version until then had it.
        :raises NoVersionInForce: when `at` lies before the first version.
        """
        current = self.version_at(at=at)
        for version in reversed(self.versions):
            if version.effective_at <= current.effective_at and version.has_plan(key=plan):
                return version
        raise UnknownPlan(key=plan, allowed=tuple(each.key for each in current.plans))

    def withdrawn(self) -> tuple[Withdrawn, ...]:
        """Return the plans that a version had and the next one has not."""
        return tuple(
            Withdrawn(plan=plan.key, version=version.key, kept=kept.key)
            for kept, version in pairwise(self.versions)
            for plan in kept.plans
            if not version.has_plan(key=plan.key)
        )

    def version(self, *, key: str) -> Version:
        """Return the version whose key a hold or a quote has kept.

        :raises UnknownVersion: when there is none of that key.
        """
        return _found(self.versions, key, UnknownVersion)


Item = TypeVar("Item", Tool, Plan, Pack, Version)


def _found(items: tuple[Item, ...], key: str, refusal: type[UnknownItem]) -> Item:
    """Return the item of a key, or refuse with the keys there are."""
    for item in items:
        if item.key == key:
            return item
    raise refusal(key=key, allowed=tuple(item.key for item in items))
