"""Routes: through which provider and model a tool is made, in order, from an instant on.

A tool is a product's name; the model behind it comes and goes. So routes are dated data beside the
catalog, and a route that is in force never changes: what was made over it keeps its name and its
list price. Costs are millionths of a US dollar (micros), since providers charge parts of a cent.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from mutoscope.domain.offers import Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class ListPrice:
    """What a provider charges by its own list, in micros of a US dollar a unit."""

    unit: Unit
    micros: int

    def of(self, *, images: int = 1, duration_s: float | None = None) -> int:
        """Return the list price of an order; a begun second counts in full."""
        if self.unit is Unit.PER_IMAGE:
            return images * self.micros
        if self.unit is Unit.PER_SECOND:
            return ceil(duration_s or 0) * self.micros
        return self.micros


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One way to make a tool, in force in [effective_at, ends_at).

    `parameters` go to the provider as they are. A route with a `label` is taken by workers alone
    that bear it, such as those with a graphics card. At most `jobs_max` orders are at work over it
    at once; one that takes longer than `deadline` is given up, and its credits are returned.
    """

    key: str
    tool: str
    provider: str
    model: str
    effective_at: datetime
    ends_at: datetime | None
    parameters: Mapping[str, str | int | float | bool]
    price: ListPrice
    jobs_max: int
    deadline: timedelta
    label: str | None = None

    def is_in_force(self, *, at: datetime) -> bool:
        """Tell whether orders may take it at an instant."""
        return self.effective_at <= at and (self.ends_at is None or at < self.ends_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteTable:
    """All routes, the preferred ones of a tool first.

    Providers may be paid at most `daily_micros_max` a day of UTC in all; None is without a limit.
    """

    routes: tuple[Route, ...]
    daily_micros_max: int | None = None

    def of(self, *, tool: str, providers: Iterable[str], at: datetime) -> tuple[Route, ...]:
        """Return the routes of a tool that are in force, over the providers that are set up."""
        known = frozenset(providers)
        return tuple(
            route
            for route in self.routes
            if route.tool == tool and route.provider in known and route.is_in_force(at=at)
        )

    def route(self, *, key: str) -> Route | None:
        """Return the route of a name; None for one that was taken out of the file."""
        return next((route for route in self.routes if route.key == key), None)
