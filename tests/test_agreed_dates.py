"""When agreed terms begin, at once or on the billing date, and which dates staff may set."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from business_stage import changes, pay_all, spendable, tick, to_pay
from desk_stage import Desk
from money_desk_stage import at_work, on_enterprise, open_enterprise_desk, plan_of
from mutoscope.app import change_plan, proposals
from mutoscope.app.agree import NotToBeAgreed
from mutoscope.app.change_plan import AgreedWithSupport, AlreadyScheduled, NothingScheduled
from mutoscope.app.desk import Proposed
from mutoscope.app.plan_now import plan_now
from mutoscope.app.subscribe import BadStart
from mutoscope.domain.agreed import Agreed
from mutoscope.domain.catalog import RenewalRule
from mutoscope.domain.credits import BadAmount, Refusal
from mutoscope.domain.desk import BadDeskData
from mutoscope.domain.offers import Money
from mutoscope.domain.plan_changes import ScheduledChange
from mutoscope.domain.wall_clock import UnknownZone
from studio_fixture import open_workspace

LATER: dict[str, Any] = {
    "allowances": "image=20,video=9000", "price": 120_000, "can_purchase": True,
    "begins": "billing_date",
}  # fmt: skip
AGREED = Agreed(
    allowances={"image": 20, "video": 9_000}, price=Money(amount=120_000, currency="USD"),
    can_purchase=True,
)  # fmt: skip


@pytest.fixture
async def desk(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_enterprise_desk(database_url, tmp_path) as desk:
        yield desk


async def half_a_period(desk: Desk) -> None:
    """Let the clock stand in the middle of the first period."""
    period = (await plan_of(desk)).period(index=0)
    desk.stage.clock.at = period.starts_at + (period.ends_at - period.starts_at) / 2


async def a_period(desk: Desk, url: str) -> None:
    """Let the clock stand in the next period, with what was billed paid."""
    await pay_all(desk.stage, desk.workspace_id)
    desk.stage.clock.at = (await plan_of(desk)).period_at(at=desk.stage.clock.now()).ends_at
    await tick(desk.stage, url)


async def test_larger_credits_that_begin_now_come_for_the_rest_of_the_period(
    desk: Desk, database_url: str
) -> None:
    await half_a_period(desk)

    await desk.act(desk.ada, "terms", allowances="video=9000", begins="now")

    assert await spendable(desk.stage, desk.workspace_id) == 1_000 + 4_000
    await a_period(desk, database_url)
    assert await spendable(desk.stage, desk.workspace_id) == 9_000


async def test_however_often_terms_begin_a_period_grants_no_more_than_the_largest(
    desk: Desk,
) -> None:
    await half_a_period(desk)

    for key, amount in enumerate((9_000, 1_000, 9_000, 1_000, 9_000, 1_000, 9_000)):
        await desk.act(desk.ada, "terms", key=f"k{key}", allowances=f"video={amount}")

    assert await spendable(desk.stage, desk.workspace_id) == 9_000


async def test_smaller_credits_take_nothing_back_of_the_period(
    desk: Desk, database_url: str
) -> None:
    await desk.act(desk.ada, "terms", allowances="video=400")

    assert await spendable(desk.stage, desk.workspace_id) == 1_000
    await a_period(desk, database_url)
    assert await spendable(desk.stage, desk.workspace_id) == 400


async def test_the_history_keeps_terms_that_were_agreed_and_taken_back(desk: Desk) -> None:
    await desk.act(desk.ada, "terms", **LATER)
    await desk.act(desk.ada, "undo_change", key="2")

    *_, scheduled, undone = await changes(desk.stage, desk.workspace_id)

    begins_at = (await plan_of(desk)).period(index=0).ends_at
    kept = ScheduledChange(at=begins_at, agreed=AGREED)
    assert (scheduled.scheduled, undone.scheduled) == (kept, kept)


async def test_terms_are_proposed_with_the_currency_of_their_price(desk: Desk) -> None:
    desk.rule(above=10)
    found = await desk.act(at_work(desk, desk.ada), "terms", **LATER)
    assert isinstance(found, Proposed)

    await proposals.approve(
        desk.studio, at_work(desk, desk.grace), proposal_id=found.proposal.proposal_id,
        reason="as it was agreed",
    )  # fmt: skip

    assert found.proposal.data["currency"] == "USD"
    assert (await shown(desk))[0] == AGREED


async def shown(desk: Desk) -> tuple[Agreed | None, int | None]:
    """Return the terms that are told to begin, and the price that is told to be charged next."""
    now = await plan_now(desk.studio, workspace_id=desk.workspace_id)
    assert now.subscription is not None
    assert now.subscription.scheduled is not None
    return now.subscription.scheduled.agreed, now.next_charge and now.next_charge.net


async def test_terms_for_the_billing_date_are_shown_and_begin_then(
    desk: Desk, database_url: str
) -> None:
    await desk.act(desk.ada, "terms", **LATER)

    assert await shown(desk) == (AGREED, 120_000)
    assert not (await plan_of(desk)).can_purchase
    assert await spendable(desk.stage, desk.workspace_id) == 1_000
    await a_period(desk, database_url)
    after = await plan_of(desk)
    assert (after.can_purchase, after.scheduled) == (True, None)
    assert await spendable(desk.stage, desk.workspace_id) == 9_000
    assert await spendable(desk.stage, desk.workspace_id, kind="image") == 20
    (request,) = await to_pay(desk.stage, desk.workspace_id)
    assert request.taxed.net == 120_000


async def test_terms_for_the_billing_date_can_be_undone_by_staff_alone(
    desk: Desk, database_url: str
) -> None:
    await desk.act(desk.ada, "terms", **LATER)
    with pytest.raises(AgreedWithSupport):
        await change_plan.undo(desk.studio, workspace_id=desk.workspace_id)

    await desk.act(desk.grace, "undo_change", key="undo")

    assert (await plan_of(desk)).scheduled is None
    await a_period(desk, database_url)
    assert await spendable(desk.stage, desk.workspace_id) == 1_000
    (request,) = await to_pay(desk.stage, desk.workspace_id)
    assert request.taxed.net == 90_000
    with pytest.raises(NothingScheduled):
        await desk.act(desk.grace, "undo_change", key="again")


async def test_terms_begin_on_the_billing_date_within_the_term_of_a_year(
    desk: Desk, database_url: str
) -> None:
    desk.workspace_id = await open_workspace(desk.stage, is_demo=False)
    await desk.act(
        desk.ada, "start_plan", key="year", plan="enterprise", is_annual=True, price=900_000,
        allowances="image=10,video=1000",
    )  # fmt: skip

    await desk.act(desk.ada, "terms", **LATER)
    await a_period(desk, database_url)

    after = await plan_of(desk)
    assert (after.charge_index, after.price) == (12, Money(amount=120_000, currency="USD"))
    assert await spendable(desk.stage, desk.workspace_id) == 9_000
    assert await to_pay(desk.stage, desk.workspace_id) == ()


async def test_what_begins_now_is_not_lost_where_something_is_scheduled(
    desk: Desk, database_url: str
) -> None:
    await desk.act(desk.ada, "terms", allowances="video=9000", begins="billing_date")

    await desk.act(desk.ada, "terms", key="now", allowances="image=30")

    assert await spendable(desk.stage, desk.workspace_id, kind="image") == 30
    assert await spendable(desk.stage, desk.workspace_id) == 1_000
    await a_period(desk, database_url)
    assert await spendable(desk.stage, desk.workspace_id) == 9_000
    assert await spendable(desk.stage, desk.workspace_id, kind="image") == 30


async def unpaid(desk: Desk, url: str) -> None:
    """Let the customer's next period have begun, which is granted when it is paid."""
    (version,) = desk.studio.catalog.versions
    billing = replace(version.billing, renewal_grant=RenewalRule.WHEN_PAID)
    catalog = replace(desk.studio.catalog, versions=(replace(version, billing=billing),))
    desk.stage.studio = replace(desk.studio, catalog=catalog)
    await on_enterprise(desk)
    desk.stage.clock.at = (await plan_of(desk)).period(index=0).ends_at
    await tick(desk.stage, url)


async def test_a_period_that_waits_for_its_payment_is_granted_by_the_new_terms(
    desk: Desk, database_url: str
) -> None:
    await unpaid(desk, database_url)

    await desk.act(desk.ada, "terms", key="unpaid", allowances="video=9000")

    assert await spendable(desk.stage, desk.workspace_id) == 0
    await pay_all(desk.stage, desk.workspace_id)
    assert await spendable(desk.stage, desk.workspace_id) == 9_000


async def test_an_undo_leaves_a_period_that_waits_its_grant(desk: Desk, database_url: str) -> None:
    await unpaid(desk, database_url)
    await desk.act(desk.ada, "terms", key="later", **LATER)

    await desk.act(desk.ada, "undo_change", key="undo")

    await pay_all(desk.stage, desk.workspace_id)
    assert await spendable(desk.stage, desk.workspace_id) == 1_000


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"begins": "yesterday"}, BadDeskData),
        ({"allowances": "audio=5"}, NotToBeAgreed),
        ({"allowances": "video=0"}, BadAmount),
    ],
)
async def test_terms_that_cannot_be_are_not_scheduled(
    desk: Desk, change: dict[str, Any], refusal: type[Refusal]
) -> None:
    with pytest.raises(refusal):
        await desk.act(desk.ada, "terms", **LATER | change)

    assert (await plan_of(desk)).scheduled is None


async def test_one_thing_is_scheduled_at_a_time(desk: Desk) -> None:
    await desk.act(desk.ada, "terms", **LATER)

    with pytest.raises(AlreadyScheduled):
        await desk.act(desk.ada, "terms", key="2", **LATER)
    with pytest.raises(AlreadyScheduled):
        await desk.act(desk.ada, "change_zone", key="3", zone="Asia/Tokyo")


async def test_a_zone_begins_on_the_next_billing_date(desk: Desk, database_url: str) -> None:
    before = await plan_of(desk)
    date = before.period(index=0).ends_at

    await desk.act(desk.ada, "change_zone", zone="Asia/Tokyo")

    waits = await plan_of(desk)
    assert (waits.zone, waits.scheduled and waits.scheduled.at) == (before.zone, date)
    await a_period(desk, database_url)
    after = await plan_of(desk)
    assert (after.zone, after.begins_at) == ("Asia/Tokyo", date)
    assert after.period_at(at=desk.stage.clock.now()).starts_at == date
    assert await spendable(desk.stage, desk.workspace_id) == 1_000


async def test_a_zone_that_cannot_be_is_refused(desk: Desk) -> None:
    with pytest.raises(UnknownZone):
        await desk.act(desk.ada, "change_zone", zone="Europe/Atlantis")
    with pytest.raises(BadDeskData, match="the zone of its billing already"):
        await desk.act(desk.ada, "change_zone", zone=(await plan_of(desk)).zone)


async def test_a_plan_begins_on_the_billing_date_that_staff_state(desk: Desk) -> None:
    desk.workspace_id = await open_workspace(desk.stage, is_demo=False)
    first = datetime(2025, 1, 1, tzinfo=UTC)

    await desk.act(
        desk.ada, "start_plan", key="first", plan="enterprise", allowances="image=10,video=1000",
        price=90_000, anchor_at=first.isoformat(),
    )  # fmt: skip

    now = await plan_now(desk.studio, workspace_id=desk.workspace_id)
    assert now.billing_date is not None
    assert (now.billing_date.day, now.billing_date.next_at) == (1, datetime(2025, 2, 1, tzinfo=UTC))
    assert await spendable(desk.stage, desk.workspace_id) == 1_000


async def test_no_plan_begins_before_the_end_of_the_one_before(
    desk: Desk, database_url: str
) -> None:
    await change_plan.cancel(desk.studio, workspace_id=desk.workspace_id)
    await a_period(desk, database_url)
    ended_at = desk.stage.clock.now()
    desk.stage.clock.at += timedelta(days=3)
    terms: dict[str, Any] = {
        "plan": "enterprise", "allowances": "image=10,video=1000", "price": 90_000
    }  # fmt: skip
    early = (ended_at - timedelta(seconds=1)).isoformat()

    with pytest.raises(BadStart, match="from 28 Feb 2025 09:00 UTC until now"):
        await desk.act(desk.ada, "start_plan", key="early", **terms, anchor_at=early)
    await desk.act(desk.ada, "start_plan", key="late", **terms, anchor_at=ended_at.isoformat())

    assert (await plan_of(desk)).anchor_at == ended_at
    assert await spendable(desk.stage, desk.workspace_id) == 1_000
