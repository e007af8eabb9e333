"""What can be for sale: plans, packs and tools, each with what it gives, takes and costs.

Owns these values and nothing else; which of them are in force when is `domain.catalog`'s matter.
The invariant: a value was checked when the catalog was read, so no one checks it again. The
surprising choice: an allowance that is no number keeps `credits` 0 and says so by its basis, so
that nobody adds "unlimited" to a sum by mistake.
"""

import re
from dataclasses import dataclass
from enum import StrEnum


class Unit(StrEnum):
    """What a rate counts."""

    PER_IMAGE = "per_image"
    PER_SECOND = "per_second"
    PER_VIDEO = "per_video"


class Entitlement(StrEnum):
    """One thing that a plan allows."""

    VIDEO = "video"
    DOWNLOADS = "downloads"
    EXPORTS = "exports"
    PURCHASES = "purchases"


class Basis(StrEnum):
    """How an allowance is measured: a number, metered without limit, or set by staff."""

    FIXED = "fixed"
    UNLIMITED = "unlimited"
    AGREED = "agreed"


CURRENCY = re.compile(r"[A-Z]{3}")
"""The form of a currency's code in ISO 4217."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """An amount in minor units (cents) of a currency of ISO 4217."""

    amount: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of credit: kinds are never interchangeable."""

    key: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """Credits of one kind that a plan or trial gives; `credits` is 0 unless the basis is fixed."""

    kind: str
    basis: Basis
    credits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What a newcomer gets once, whatever plan was picked."""

    days: int
    allowances: tuple[Allowance, ...]
    entitlements: frozenset[Entitlement]
    jobs_max: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanPrice:
    """What a plan costs; an example is the shipped catalog's guess, not the operator's price."""

    monthly: Money
    annual: Money
    is_example: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A subscription for sale; `agreed` lists what staff decide for each workspace.

    `jobs_max` counts jobs at work at once; a plan without a price is sold by agreement.
    """

    key: str
    name: str
    allowances: tuple[Allowance, ...]
    entitlements: frozenset[Entitlement]
    agreed: frozenset[Entitlement]
    jobs_max: int
    price: PlanPrice | None

    @property
    def can_be_picked(self) -> bool:
        """Tell whether a creator can start it alone: nothing of it is left to agree on."""
        is_open = any(one.basis is Basis.AGREED for one in self.allowances)
        return self.price is not None and not is_open

    def allowance(self, *, kind: str) -> Allowance | None:
        """Return the monthly credits of a kind, or None when the plan gives none."""
        return next((one for one in self.allowances if one.kind == kind), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """Something that spends credits, with its rate and what it can be asked for.

    The first of `durations_s`, `ratios` and `resolutions_px` (the shorter side) is the default;
    still pictures have no durations. `quality_rank` 1 is the best tool of its kind.
    """

    key: str
    name: str
    description: str
    kind: str
    unit: Unit
    credits: int
    durations_s: tuple[int, ...]
    ratios: tuple[str, ...]
    resolutions_px: tuple[int, ...]
    images_max: int
    quality_rank: int
    needs_source_frame: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """Credits for sale that do not lapse while the account is active."""

    key: str
    name: str
    kind: str
    credits: int
    price: Money

    @property
    def price_per_1000(self) -> Money:
        """Return what 1,000 of its credits cost, rounded half up."""
        amount = (2_000 * self.price.amount + self.credits) // (2 * self.credits)
        return Money(amount=amount, currency=self.price.currency)


@dataclass(frozen=True, slots=True, kw_only=True)
class FreeAmount:
    """The price of an amount of credits that the buyer chooses."""

    kind: str
    price_per_1000: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast credits of a kind may be used where use is unlimited; beyond it jobs wait."""

    kind: str
    credits_per_hour: int
