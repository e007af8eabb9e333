"""What staff do beside the desk is in the audit, with who and why, in the act's own transaction."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from company_stage import UNANSWERED, Companies, open_companies
from desk_stage import join
from mutoscope.app import promo, routing
from mutoscope.app.acts import Act, act_of
from mutoscope.app.promo import PromoTaken
from mutoscope.app.resolve import Finding, resolve
from mutoscope.app.routing import RouteNotParked
from mutoscope.domain.audit import BadReason
from mutoscope.domain.credits import Refusal
from mutoscope.domain.staff import NotAllowed, Role, StaffAction
from mutoscope.storage import routes
from mutoscope.storage.offers import PromoCode
from soundness import assert_sound

REASON = "looked up on their pages"
ROUTE = "image_acme"
CLOSED = "ALTER TABLE audit_lines ADD CONSTRAINT closed CHECK (false) NOT VALID"


@pytest.fixture
async def companies(database_url: str, tmp_path: Path) -> AsyncIterator[Companies]:
    async with open_companies(database_url, tmp_path) as companies:
        yield companies
        await assert_sound(database_url)


async def act(companies: Companies, action: StaffAction) -> Act:
    actor = await join(companies.stage, "grace", Role.FINANCE)
    return act_of(companies.studio, actor, action=action, workspace_id=None, reason=REASON)


async def fetch(companies: Companies, query: str) -> Any:  # noqa: ANN401 -- a value
    async with companies.studio.reading() as connection:
        return await connection.fetchval(query)


async def line(companies: Companies) -> tuple[str, str, dict[str, Any]]:
    """Return the only line of the audit: what was done, why, and its data."""
    query = "SELECT (action, reason, data) FROM audit_lines JOIN audit_reasons USING (sequence)"
    action, reason, data = await fetch(companies, query)
    return action, reason, json.loads(data)


async def park(companies: Companies) -> None:
    async with companies.studio.reading() as connection:
        at = companies.studio.clock.now()
        await routes.park(connection, route=ROUTE, reason="no_funds", at=at)


def code(companies: Companies, name: str = "SPRING") -> PromoCode:
    return PromoCode(
        code=name, kind="video", credits=50, lasts_days=30, redemptions_max=9, redeemed=0,
        ends_at=None, created_at=companies.studio.clock.now(),
    )  # fmt: skip


async def test_a_route_is_unparked_with_its_line_once(companies: Companies) -> None:
    await park(companies)
    bringing = await act(companies, StaffAction.UNPARK_ROUTE)

    await routing.unpark(companies.studio, route=ROUTE, act=bringing)
    with pytest.raises(RouteNotParked):
        await routing.unpark(companies.studio, route=ROUTE, act=bringing)

    assert await line(companies) == ("unpark_route", REASON, {"route": ROUTE})


async def test_a_promo_code_is_offered_with_its_line_once(companies: Companies) -> None:
    bringing = await act(companies, StaffAction.OFFER_PROMO)

    await promo.offer(companies.studio, code(companies), act=bringing)
    with pytest.raises(PromoTaken):
        await promo.offer(companies.studio, code(companies), act=bringing)

    told = {"promo_code": "SPRING", "kind": "video", "credits": 50, "redemptions_max": 9}
    assert await line(companies) == ("offer_promo", REASON, told)


@pytest.mark.parametrize(
    ("cost_micros", "is_found", "outcome"),
    [(0, False, "refused"), (60_000, False, "ended"), (0, True, "created")],
)
async def test_an_order_in_doubt_is_resolved_with_its_line(
    companies: Companies, cost_micros: int, outcome: str, *, is_found: bool
) -> None:
    companies.acme.mishap = UNANSWERED
    job = await companies.place()
    await companies.step(job)
    companies.acme.succeed(images=1)
    found_id = str(job.job_id) if is_found else None
    finding = Finding(staff="grace", provider_job_id=found_id, cost_micros=cost_micros)
    bringing = await act(companies, StaffAction.RESOLVE_ORDER)

    place = {"workspace_id": job.workspace_id, "job_id": job.job_id}
    await resolve(companies.studio, **place, finding=finding, act=bringing)

    action, reason, data = await line(companies)
    assert (action, reason, data["outcome"]) == ("resolve_order", REASON, outcome)
    assert (data["job_id"], data["cost_micros"]) == (str(job.job_id), cost_micros)


async def unparked(companies: Companies, bringing: Act) -> None:
    await park(companies)
    await routing.unpark(companies.studio, route=ROUTE, act=bringing)


async def offered(companies: Companies, bringing: Act) -> None:
    await promo.offer(companies.studio, code(companies), act=bringing)


@pytest.mark.parametrize(
    ("do", "left"),
    [
        (unparked, "SELECT count(*) FROM route_health WHERE parked_at IS NULL"),
        (offered, "SELECT count(*) FROM promo_codes"),
    ],
)
async def test_nothing_happens_without_its_line(
    companies: Companies, do: Callable[[Companies, Act], Awaitable[None]], left: str
) -> None:
    bringing = await act(companies, StaffAction.OFFER_PROMO)
    await fetch(companies, CLOSED)

    with pytest.raises(asyncpg.CheckViolationError):
        await do(companies, bringing)

    assert await fetch(companies, left) == 0


@pytest.mark.parametrize(
    ("role", "reason", "refusal"),
    [(Role.SUPPORT, REASON, NotAllowed), (Role.ADMIN, REASON, NotAllowed),
     (Role.FINANCE, "short", BadReason)],
)  # fmt: skip
async def test_who_may_not_or_says_no_reason_brings_no_act(
    companies: Companies, role: Role, reason: str, refusal: type[Refusal]
) -> None:
    actor = await join(companies.stage, "eve", role)

    with pytest.raises(refusal):
        act_of(
            companies.studio, actor, action=StaffAction.OFFER_PROMO, workspace_id=None,
            reason=reason,
        )  # fmt: skip
