"""A plan's life: its states as data, changes at once and on the billing date, and its end."""

from datetime import UTC, datetime, timedelta

import pytest

from business_stage import (
    bought,
    changes,
    documents,
    open_paying,
    operations,
    pay,
    pay_all,
    read,
    spend,
    spendable,
    state,
    tick,
    to_pay,
)
from mutoscope.app import change_plan, suspend, upgrade
from mutoscope.app.change_plan import AlreadyScheduled, NothingScheduled
from mutoscope.app.subscribe import start_plan
from mutoscope.app.upgrade import NotAnUpgrade
from mutoscope.domain.plan_changes import ScheduledChange
from mutoscope.domain.subscriptions import TRANSITIONS, Event, NotInThisState, State, after
from studio_stage import Stage


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("event", list(Event))
def test_an_event_leads_where_the_table_says_or_is_refused_by_name(
    state: State, event: Event
) -> None:
    if (state, event) in TRANSITIONS:
        assert after(state=state, event=event) is TRANSITIONS[state, event]
    else:
        with pytest.raises(NotInThisState, match=state.value.replace("_", " ")):
            after(state=state, event=event)


def test_a_closed_workspace_stays_closed() -> None:
    assert not [event for found, event in TRANSITIONS if found is State.CLOSED]


async def test_a_plan_on_account_is_invoiced_at_once(stage: Stage) -> None:
    workspace_id = await open_paying(stage, "pro")

    (invoice,) = await documents(stage, workspace_id)
    (request,) = await to_pay(stage, workspace_id)
    assert invoice.taxed.net == 3_900
    assert request.invoice_id == invoice.invoice_id
    assert invoice.billing_at == datetime(2025, 2, 28, 9, tzinfo=UTC)


async def test_an_upgrade_prorates_price_and_credits_alike(stage: Stage) -> None:
    workspace_id = await open_paying(stage, "essential")
    stage.clock.at = datetime(2025, 2, 14, 9, tzinfo=UTC)  # half of 28 days are left

    made = await upgrade.upgrade(stage.studio, workspace_id=workspace_id, plan="pro", key="a")

    assert made is not None
    assert made.taxed.net == (3_900 - 1_900) // 2
    assert await spendable(stage, workspace_id) == 700 + (1_500 - 700) // 2
    assert await spendable(stage, workspace_id, kind="image") == 200 + (700 - 200) // 2


async def test_an_upgrade_asked_for_again_is_the_same(stage: Stage) -> None:
    workspace_id = await open_paying(stage, "essential")
    first = await upgrade.upgrade(stage.studio, workspace_id=workspace_id, plan="pro", key="a")

    again = await upgrade.upgrade(stage.studio, workspace_id=workspace_id, plan="pro", key="a")

    assert first == again
    assert await spendable(stage, workspace_id) == 1_500
    assert len(await documents(stage, workspace_id)) == 2


async def test_after_an_upgrade_the_larger_allowance_comes_on_the_same_date(
    stage: Stage, database_url: str
) -> None:
    workspace_id = await open_paying(stage, "essential")
    await pay_all(stage, workspace_id)
    stage.clock.move(days=10)
    await upgrade.upgrade(stage.studio, workspace_id=workspace_id, plan="pro", key="a")
    stage.clock.at = datetime(2025, 2, 28, 9, tzinfo=UTC)

    await tick(stage, database_url)

    assert await spendable(stage, workspace_id) == 1_500
    assert (await documents(stage, workspace_id))[-1].taxed.net == 3_900


async def test_two_upgrades_never_grant_more_than_the_largest_allowance(stage: Stage) -> None:
    workspace_id = await open_paying(stage, "essential")
    stage.clock.move(seconds=1)

    await upgrade.upgrade(stage.studio, workspace_id=workspace_id, plan="pro", key="a")
    stage.clock.move(seconds=1)
    await upgrade.upgrade(stage.studio, workspace_id=workspace_id, plan="unlimited", key="b")

    assert await spendable(stage, workspace_id) == 3_000


async def test_an_annual_upgrade_is_prorated_over_the_rest_of_its_year(stage: Stage) -> None:
    workspace_id = await open_paying(stage, "essential", is_annual=True)
    stage.clock.at = datetime(2025, 8, 1, 21, tzinfo=UTC)  # 182.5 of 365 days are over

    made = await upgrade.preview_upgrade(stage.studio, workspace_id=workspace_id, plan="pro")

    assert made.price.amount == (39_000 - 19_000) // 2
    assert made.lapses_at == datetime(2025, 8, 31, 9, tzinfo=UTC)


async def test_a_smaller_plan_is_no_upgrade(stage: Stage) -> None:
    workspace_id = await open_paying(stage, "pro")

    with pytest.raises(NotAnUpgrade, match="schedule it"):
        await upgrade.upgrade(stage.studio, workspace_id=workspace_id, plan="essential", key="a")


async def test_a_downgrade_begins_on_the_billing_date(stage: Stage, database_url: str) -> None:
    workspace_id = await open_paying(stage, "pro")
    await pay_all(stage, workspace_id)
    await change_plan.schedule(stage.studio, workspace_id=workspace_id, plan="essential")
    assert await spendable(stage, workspace_id) == 1_500
    stage.clock.at = datetime(2025, 2, 28, 9, tzinfo=UTC)

    await tick(stage, database_url)

    assert await spendable(stage, workspace_id) == 700
    found = (await read(stage, workspace_id)).subscription
    assert found is not None
    assert (found.plan, found.scheduled) == ("essential", None)
    assert (await documents(stage, workspace_id))[-1].taxed.net == 1_900
    *_, scheduled, renewed = await changes(stage, workspace_id)
    assert (scheduled.event, renewed.event) == (Event.SCHEDULE, Event.RENEW)
    smaller = ScheduledChange(at=scheduled.due_at, plan="essential")
    assert scheduled.scheduled == renewed.scheduled == smaller


async def test_the_ledger_grants_what_is_scheduled_before_the_clock_has_looked(
    stage: Stage,
) -> None:
    workspace_id = await open_paying(stage, "pro")
    await change_plan.schedule(stage.studio, workspace_id=workspace_id, plan="essential")
    stage.clock.at = datetime(2025, 2, 28, 9, tzinfo=UTC)

    await spend(stage, workspace_id, 700)

    assert await spendable(stage, workspace_id) == 0
    subscription = (await read(stage, workspace_id)).subscription
    assert subscription is not None
    assert subscription.plan_at(at=stage.clock.now()) == "essential"


async def test_an_undo_restores_the_plan_and_its_date(stage: Stage, database_url: str) -> None:
    workspace_id = await open_paying(stage, "pro")
    await pay_all(stage, workspace_id)
    before = (await read(stage, workspace_id)).subscription
    await change_plan.schedule(stage.studio, workspace_id=workspace_id, plan="essential")

    await change_plan.undo(stage.studio, workspace_id=workspace_id)

    stage.clock.at = datetime(2025, 2, 28, 9, tzinfo=UTC)
    await tick(stage, database_url)
    found = (await read(stage, workspace_id)).subscription
    assert before is not None
    assert found is not None
    assert (found.plan, found.anchor_at) == ("pro", before.anchor_at)
    assert await spendable(stage, workspace_id) == 1_500


async def test_one_thing_is_scheduled_at_a_time(stage: Stage) -> None:
    workspace_id = await open_paying(stage, "pro")
    await change_plan.cancel(stage.studio, workspace_id=workspace_id)

    with pytest.raises(AlreadyScheduled, match="28 February 2025"):
        await change_plan.schedule(stage.studio, workspace_id=workspace_id, plan="essential")

    await change_plan.undo(stage.studio, workspace_id=workspace_id)
    with pytest.raises(NothingScheduled):
        await change_plan.undo(stage.studio, workspace_id=workspace_id)


async def test_a_cancelled_plan_runs_out_and_purchased_credits_freeze(
    stage: Stage, database_url: str
) -> None:
    workspace_id = await open_paying(stage, "pro")
    await pay_all(stage, workspace_id)
    await bought(stage, workspace_id)
    await change_plan.cancel(stage.studio, workspace_id=workspace_id)
    stage.clock.at = datetime(2025, 2, 28, 9, tzinfo=UTC)

    await tick(stage, database_url)

    assert await state(stage, workspace_id) is State.CANCELLED
    assert await spendable(stage, workspace_id) == 0
    assert ("freeze", 1_500) in await operations(stage, workspace_id)
    assert (await changes(stage, workspace_id))[-1].event is Event.END


async def test_a_return_thaws_what_was_bought_under_a_new_billing_date(
    stage: Stage, database_url: str
) -> None:
    workspace_id = await open_paying(stage, "pro")
    await pay_all(stage, workspace_id)
    await bought(stage, workspace_id)
    await change_plan.cancel(stage.studio, workspace_id=workspace_id)
    stage.clock.at = datetime(2025, 3, 10, 9, tzinfo=UTC)
    await tick(stage, database_url)

    again = await start_plan(stage.studio, workspace_id=workspace_id, plan="essential")

    assert again.subscription is not None
    assert again.subscription.anchor_at == stage.clock.now()
    assert await spendable(stage, workspace_id) == 700 + 1_500


async def test_a_closed_workspace_forfeits_on_a_line(stage: Stage) -> None:
    workspace_id = await open_paying(stage, "pro")
    await bought(stage, workspace_id)

    await suspend.close(stage.studio, workspace_id=workspace_id)

    assert await state(stage, workspace_id) is State.CLOSED
    assert (await operations(stage, workspace_id))[-1] == ("forfeit", 3_000)
    with pytest.raises(NotInThisState):
        await suspend.close(stage.studio, workspace_id=workspace_id)


async def test_no_credits_come_to_a_closed_workspace(stage: Stage, database_url: str) -> None:
    workspace_id = await open_paying(stage, "pro")
    await suspend.close(stage.studio, workspace_id=workspace_id)
    stage.clock.move(days=90)

    await tick(stage, database_url)

    assert (await operations(stage, workspace_id))[-1][0] == "forfeit"


async def test_a_zone_changes_on_the_billing_date_and_leaves_no_gap(
    stage: Stage, database_url: str
) -> None:
    workspace_id = await open_paying(stage, "pro")
    await pay_all(stage, workspace_id)
    await change_plan.schedule(stage.studio, workspace_id=workspace_id, zone="Asia/Tokyo")
    for at in (datetime(2025, 2, 28, 9, tzinfo=UTC), datetime(2025, 4, 2, tzinfo=UTC)):
        stage.clock.at = at
        await tick(stage, database_url)

    found = (await read(stage, workspace_id)).subscription

    assert found is not None
    assert found.zone == "Asia/Tokyo"
    assert found.start(index=1) == datetime(2025, 2, 28, 9, tzinfo=UTC)
    assert [line for line in await operations(stage, workspace_id) if line[0] == "grant"] == [
        ("grant", 1_500)
    ] * 3


async def test_a_zone_with_other_hours_begins_where_the_period_before_it_ends(
    stage: Stage, database_url: str
) -> None:
    workspace_id = await open_paying(stage, "pro")
    stage.clock.at = datetime(2025, 3, 10, tzinfo=UTC)
    await tick(stage, database_url)
    await pay_all(stage, workspace_id)
    await change_plan.schedule(stage.studio, workspace_id=workspace_id, zone="Europe/Berlin")
    stage.clock.at = datetime(2025, 4, 2, tzinfo=UTC)

    await tick(stage, database_url)

    found = (await read(stage, workspace_id)).subscription
    assert found is not None
    assert [found.start(index=index) for index in (2, 3)] == [
        datetime(2025, 3, 31, 9, tzinfo=UTC),  # as it was told, not an hour before by the new clock
        datetime(2025, 4, 30, 8, tzinfo=UTC),
    ]


async def test_an_unpaid_renewal_is_past_due_then_suspended_then_over(
    stage: Stage, database_url: str
) -> None:
    workspace_id = await open_paying(stage, "pro")
    await pay_all(stage, workspace_id)
    seen = []
    for _ in range(70):
        stage.clock.move(days=1)
        await tick(stage, database_url)
        seen.append(await state(stage, workspace_id))

    told = [each for number, each in enumerate(seen) if number == 0 or seen[number - 1] != each]
    assert told == [State.ACTIVE, State.PAST_DUE, State.SUSPENDED, State.CANCELLED]


async def test_past_due_still_spends_and_suspended_does_not(
    stage: Stage, database_url: str
) -> None:
    workspace_id = await open_paying(stage, "pro")
    await bought(stage, workspace_id)
    stage.clock.move(days=15)
    await tick(stage, database_url)
    assert await state(stage, workspace_id) is State.PAST_DUE
    await spend(stage, workspace_id, 100)

    stage.clock.move(days=7)
    await tick(stage, database_url)

    assert await state(stage, workspace_id) is State.SUSPENDED
    assert await spendable(stage, workspace_id) == 0
    assert ("void", 1_400) in await operations(stage, workspace_id)


async def test_a_payment_resumes_a_suspended_plan_with_its_rest_and_packs(
    stage: Stage, database_url: str
) -> None:
    workspace_id = await open_paying(stage, "pro")
    await bought(stage, workspace_id)
    (request,) = await to_pay(stage, workspace_id)
    for _ in range(24):
        stage.clock.move(days=1)
        await tick(stage, database_url)
    assert await state(stage, workspace_id) is State.SUSPENDED

    await pay(stage, request)

    assert await state(stage, workspace_id) is State.ACTIVE
    assert await spendable(stage, workspace_id) == 1_500 + 1_500
    found = (await read(stage, workspace_id)).subscription
    assert found is not None
    assert found.charge_at == datetime(2025, 2, 28, 9, tzinfo=UTC)


async def test_downtime_charges_every_period_once_and_in_order(
    stage: Stage, database_url: str
) -> None:
    workspace_id = await open_paying(stage, "pro")
    await pay_all(stage, workspace_id)
    stage.clock.at = datetime(2025, 6, 30, 12, tzinfo=UTC)

    await tick(stage, database_url)
    await tick(stage, database_url)

    spans = [line.starts_at for each in await documents(stage, workspace_id) for line in each.lines]
    assert [at and (at.month, at.day) for at in spans] == [
        (1, 31), (2, 28), (3, 31), (4, 30), (5, 31), (6, 30)
    ]  # fmt: skip


async def test_an_annual_plan_is_charged_once_a_year_and_grants_monthly(
    stage: Stage, database_url: str
) -> None:
    workspace_id = await open_paying(stage, "pro", is_annual=True)
    await pay_all(stage, workspace_id)
    stage.clock.at += timedelta(days=366)

    await tick(stage, database_url)

    assert [each.taxed.net for each in await documents(stage, workspace_id)] == [39_000, 39_000]
    grants = [line for line in await operations(stage, workspace_id) if line[0] == "grant"]
    assert grants == [("grant", 1_500)] * 13


async def test_a_scheduled_change_outlives_a_suspension(stage: Stage, database_url: str) -> None:
    workspace_id = await open_paying(stage, "pro", is_annual=True)
    (request,) = await to_pay(stage, workspace_id)
    await change_plan.schedule(stage.studio, workspace_id=workspace_id, plan="essential")
    for _ in range(23):
        stage.clock.move(days=1)
        await tick(stage, database_url)
    assert await state(stage, workspace_id) is State.SUSPENDED
    await pay(stage, request)
    stage.clock.at = datetime(2026, 2, 1, tzinfo=UTC)

    await tick(stage, database_url)

    found = (await read(stage, workspace_id)).subscription
    assert found is not None
    assert found.plan == "essential"
    assert await spendable(stage, workspace_id) == 700
