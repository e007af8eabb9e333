"""Which routes may be taken now: health, breaker, parking, and the day's limit of money.

A route that fails several times in a row rests for a while; one whose key, money or model is gone
is parked until staff say so. Staff are told once of each trouble.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from mutoscope.app.acts import NOBODYS, Act
from mutoscope.app.doubts import what_to_do
from mutoscope.app.fitting import fits
from mutoscope.app.ports import ProviderError
from mutoscope.app.studio import ENGINE
from mutoscope.domain.credits import Refusal
from mutoscope.domain.offers import Unit
from mutoscope.domain.routes import ListPrice, Route
from mutoscope.storage import routes
from mutoscope.storage.routes import Alert, Health
from mutoscope.storage.session import write_side_rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mutoscope.app.ports import Provider
    from mutoscope.app.studio import Studio
    from mutoscope.storage.attempts import Attempt
    from mutoscope.storage.jobs import Job

FAILURES_MAX: Final = 3
"""Failures in a row after which a route rests."""

REST_FIRST: Final = timedelta(seconds=30)
REST_MAX: Final = timedelta(minutes=10)
ENGINE_DEADLINE: Final = timedelta(hours=24)
_EVER: Final = datetime(2000, 1, 1, tzinfo=UTC)


class RouteNotParked(Refusal):
    """Staff let orders over a route that was never stopped."""

    code = "route_not_parked"

    def __init__(self, *, route: str) -> None:
        super().__init__(f"the route {route!r} is not parked: `providers check` tells which are")
        self.route = route


class UnknownRoute(Refusal):
    """A route that the routes file does not have."""

    code = "unknown_route"

    def __init__(self, *, route: str) -> None:
        super().__init__(f"there is no route {route!r}: `providers routes` lists what there is")
        self.route = route


def engine_route(tool: str) -> Route:
    """Return the built-in engine's way to make a tool's jobs: free, and without a limit."""
    return Route(
        key=ENGINE, tool=tool, provider=ENGINE, model="animatic", effective_at=_EVER,
        ends_at=None, parameters={}, price=ListPrice(unit=Unit.PER_VIDEO, micros=0),
        jobs_max=1_000_000, deadline=ENGINE_DEADLINE,
    )  # fmt: skip


def state_of(studio: Studio, route: Route, health: Health | None, *, at: datetime) -> str:
    """Return whether orders go over a route, or what is held against it."""
    if route.provider not in studio.generators:
        return "not set up"
    company = studio.providers.get(route.provider)
    if company is not None and not _knows(company, route):
        return "unknown model"
    if not route.is_in_force(at=at):
        return "not in force"
    if health is not None and health.parked_at is not None:
        return f"parked: {health.parked_reason}"
    return "open" if _is_usable(health, at) else "resting"


def usable_routes(
    studio: Studio, job: Job, *, is_demo: bool, known: Mapping[str, Health], at: datetime
) -> tuple[Route, ...] | None:
    """Return the routes over which a job may be ordered now, the preferred ones first.

    None of them while all rest; None instead of routes when every one is parked or gone. The
    built-in engine makes all jobs of a demo workspace.
    """
    if is_demo:
        return (engine_route(job.tool),)
    found = studio.routes.of(tool=job.tool, providers=studio.generators, at=at)
    alive = [
        route
        for route in found
        if not _is_parked(known.get(route.key)) and fits(studio, route, job.spec)
    ]
    if not alive:
        return None
    return tuple(route for route in alive if _is_usable(known.get(route.key), at))


NO_LIMIT: Final = 2**62
"""Millionths of a dollar that no day comes near, and the database still holds."""


async def claimed(studio: Studio, route: Route, *, micros: int, at: datetime) -> bool:
    """Claim an order's list price from the day's limit; tell staff when it is used up.

    Without a limit it is counted all the same: one may be set later in the day.
    """
    if not micros:
        return True
    limit = studio.routes.daily_micros_max or NO_LIMIT
    async with studio.reading() as connection:
        is_within = await routes.claim_spend(
            connection, spent_on=at.date(), micros=micros, micros_max=limit
        )
        if not is_within:
            sentence = (
                f"the day's limit of {limit / 1_000_000:,.2f} USD leaves no room for an order over "
                f"{route.key}: jobs wait for tomorrow (UTC), or raise daily_micros_max"
            )
            alert = _alert(studio, "spend_limit_reached", f"{at.date()}", sentence)
            await routes.raise_alert(connection, alert)
    return is_within


async def failed(studio: Studio, route: str) -> None:
    """Count a failure of a route, and let it rest after several in a row."""
    at = studio.clock.now()
    async with studio.reading() as connection:
        failures = await routes.note_failure(connection, route=route, at=at)
        over = failures - FAILURES_MAX
        if over >= 0:
            rest = min(REST_FIRST * 2 ** min(over, 10), REST_MAX)
            await routes.open_breaker(connection, route=route, until=at + rest, at=at)


async def park(studio: Studio, attempt: Attempt, error: ProviderError) -> None:
    """Stop orders over a route until staff say so, and tell them why."""
    at = studio.clock.now()
    trouble = str(error).rstrip(".")
    sentence = f"{trouble}: put it right, then `mutoscope providers unpark {attempt.route}`"
    async with studio.reading() as connection:
        await routes.park(connection, route=attempt.route, reason=str(error.code), at=at)
        alert = _alert(studio, str(error.code), attempt.route, sentence)
        await routes.raise_alert(connection, alert)


async def unpark(studio: Studio, *, route: str, act: Act = NOBODYS) -> None:
    """Let orders over a parked route again; what the act brings along commits with it.

    :raises UnknownRoute: when there is none of that name.
    :raises RouteNotParked: when it was not parked.
    """
    at = studio.clock.now()
    async with studio.reading() as connection, connection.transaction():
        if not await routes.unpark(connection, route=route, at=at):
            known = studio.routes.route(key=route)
            raise UnknownRoute(route=route) if known is None else RouteNotParked(route=route)
        await routes.resolve_alerts(connection, subject=route, at=at)
        await write_side_rows(connection, act.telling(route=route))


async def tell_unknown(studio: Studio, attempt: Attempt) -> None:
    """Tell staff of an order of which nobody knows whether it was taken."""
    sentence = (
        f"{attempt.provider} never said what became of job {attempt.job_id} "
        f"(`mutoscope providers resolve`): {what_to_do(studio, attempt)}"
    )
    async with studio.reading() as connection:
        alert = _alert(studio, "submit_unknown", str(attempt.job_id), sentence)
        await routes.raise_alert(connection, alert)


def _alert(studio: Studio, code: str, subject: str, sentence: str) -> Alert:
    return Alert(
        alert_id=studio.ids.new(), code=code, subject=subject, sentence=sentence,
        raised_at=studio.clock.now(),
    )  # fmt: skip


def _knows(company: Provider, route: Route) -> bool:
    try:
        company.capabilities(model=route.model)
    except ProviderError:
        return False
    return True


def _is_parked(health: Health | None) -> bool:
    return health is not None and health.parked_at is not None


def _is_usable(health: Health | None, at: datetime) -> bool:
    return health is None or health.is_usable(at=at)
