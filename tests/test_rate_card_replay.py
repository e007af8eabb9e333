"""A span once more under a draft: who would run out, and what would be earned and spent."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import asyncpg
import pytest

from finance_stage import BEGINNING, DAY, Till, play
from mutoscope.app.rate_card_replay import LedgerBroken, RateCardReplay, ToolReplay, replay
from mutoscope.app.subscribe import start_plan
from mutoscope.domain import actions as ask
from mutoscope.domain.catalog import Catalog, UnknownVersion, Version
from mutoscope.domain.draft import Packs, PastJob, captured_under, held_under, packs_for
from mutoscope.domain.lots import Terms
from mutoscope.domain.offers import Allowance, Basis, FreeAmount, Money, Unit
from mutoscope.storage.finance import Span
from studio_fixture import drive, place
from studio_stage import FRAME, Stage

YEAR = Span(BEGINNING, datetime(2026, 6, 1, tzinfo=UTC))
NO_DEMOS = "UPDATE workspaces SET is_demo = FALSE"
"""Lets what was made in a demo count as a customer's."""


def version_of(stage: Stage) -> Version:
    return stage.studio.catalog.versions[-1]


def priced(version: Version, **credits_by_tool: int) -> Version:
    """Return a version in which some tools cost other credits; 0 withdraws one."""
    tools = [
        replace(tool, credits=credits_by_tool.get(tool.key, tool.credits)) for tool in version.tools
    ]
    return replace(version, tools=tuple(tool for tool in tools if tool.credits))


async def replayed(
    stage: Stage, connection: asyncpg.Connection, version: Version, *, span: Span = YEAR
) -> RateCardReplay:
    return await replay(
        stage.studio, connection=connection, draft=Catalog(versions=(version,)), span=span
    )


async def paid_workspace(till: Till, amount: int = 1_500) -> UUID:
    """Return a workspace with a lot that cost 39 dollars."""
    workspace_id = till.new_id()
    terms = Terms("pack", till.clock.now(), None, "elsewhere", 3_900, "USD")
    await till.submit(workspace_id, "pack", ask.Grant(amount, terms))
    return workspace_id


def as_before(tool: ToolReplay) -> bool:
    pairs = (
        (tool.credits_before, tool.credits_after), (tool.revenue_before, tool.revenue_after),
        (tool.cost_before_micros, tool.cost_after_micros),
        (tool.margin_before_micros, tool.margin_after_micros), (tool.unpaid, tool.withdrawn),
    )  # fmt: skip
    return all(before == after for before, after in pairs)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("first", [BEGINNING, BEGINNING + 60 * DAY])
async def test_an_unchanged_catalog_changes_nothing(
    stage: Stage, till: Till, connection: asyncpg.Connection, *, seed: int, first: datetime
) -> None:
    await play(till, seed=seed, steps=150)

    told = await replayed(stage, connection, version_of(stage), span=Span(first, YEAR.ends_at))

    assert told.ran_out == ()
    assert all(map(as_before, told.tools))
    assert sum(tool.credits_before for tool in told.tools) > 0


@pytest.mark.parametrize("seed", range(3))
async def test_what_was_captured_is_what_the_ledger_captured(
    stage: Stage, till: Till, connection: asyncpg.Connection, seed: int
) -> None:
    await play(till, seed=seed, steps=150)

    told = await replayed(stage, connection, version_of(stage))

    captured = await connection.fetchval(
        "SELECT sum(CASE WHEN p.target = 'captured' THEN p.amount ELSE -p.amount END)::int "
        "FROM postings p JOIN entries e USING (workspace_id, kind, sequence) "
        "WHERE 'captured' IN (p.source, p.target) AND (e.namespace = 'job' OR e.key LIKE 'refund%')"
    )
    assert sum(tool.credits_after for tool in told.tools) == captured


async def test_a_dearer_tool_captures_more_and_earns_more(
    stage: Stage, till: Till, connection: asyncpg.Connection
) -> None:
    workspace_id = await paid_workspace(till)
    await till.job(workspace_id, tool="kling_pro", held=50, captured=50, cost=900_000)

    told = await replayed(stage, connection, priced(version_of(stage), kling_pro=80))

    (kling,) = told.tools
    assert (kling.credits_before, kling.credits_after) == (50, 80)
    assert kling.revenue_after == (Money(amount=208, currency="USD"),)
    assert (kling.margin_before_micros, kling.margin_after_micros) == (400_000, 1_180_000)


async def test_who_would_run_out_is_told_with_the_job_and_the_packs(
    stage: Stage, till: Till, connection: asyncpg.Connection
) -> None:
    workspace_id = await paid_workspace(till, 700)
    stage.clock.move(hours=1)
    await till.job(workspace_id, tool="kling_pro", held=50, captured=50)
    dear = await till.job(workspace_id, tool="wan_i2v", held=40, captured=40, cost=7)
    await till.job(workspace_id, tool="kling_pro", held=50, captured=50)

    told = await replayed(stage, connection, priced(version_of(stage), wan_i2v=2_000))

    (out,) = told.ran_out
    assert (out.workspace_id, out.at, out.job_id) == (workspace_id, stage.clock.now(), dear)
    assert (out.required, out.available, out.shortfall) == (2_000, 650, 1_350)
    assert (out.jobs, out.needed) == (1, 2_000)
    assert out.packs is not None
    assert (out.packs.number, out.packs.price) == (2, Money(amount=7_800, currency="USD"))
    assert [(t.tool, t.unpaid, t.credits_after, t.cost_after_micros) for t in told.tools] == [
        ("kling_pro", 0, 100, 0), ("wan_i2v", 1, 0, 0),
    ]  # fmt: skip


async def test_a_tool_that_is_not_in_the_draft_is_withdrawn(
    stage: Stage, till: Till, connection: asyncpg.Connection
) -> None:
    workspace_id = await paid_workspace(till)
    await till.job(workspace_id, tool="kling_pro", held=50, captured=50, cost=9)

    told = await replayed(stage, connection, priced(version_of(stage), kling_pro=0))

    assert (told.withdrawn, told.ran_out) == (("kling_pro",), ())
    assert [(t.withdrawn, t.credits_after, t.cost_after_micros) for t in told.tools] == [(1, 0, 0)]


async def test_what_happened_before_the_span_keeps_its_price(
    stage: Stage, till: Till, connection: asyncpg.Connection
) -> None:
    workspace_id = await paid_workspace(till, 100)
    await till.job(workspace_id, tool="kling_pro", held=50, captured=50)
    stage.clock.move(days=1)
    await till.job(workspace_id, tool="kling_pro", held=50, captured=50)
    span = Span(stage.clock.now(), stage.clock.now() + DAY)

    told = await replayed(stage, connection, priced(version_of(stage), kling_pro=60), span=span)

    assert [(out.required, out.available) for out in told.ran_out] == [(60, 50)]
    assert [(tool.jobs, tool.credits_before) for tool in told.tools] == [(1, 50)]


async def test_a_plan_grants_what_the_draft_allows(
    stage: Stage, connection: asyncpg.Connection
) -> None:
    stage.generator.succeed(images=8)
    await start_plan(stage.studio, workspace_id=stage.workspace_id, plan="essential")
    await drive(stage, await stage.place(images=8))
    await connection.execute(NO_DEMOS)
    less = [
        replace(plan, allowances=(Allowance(kind="image", basis=Basis.FIXED, credits=5),))
        for plan in version_of(stage).plans
    ]

    told = await replayed(stage, connection, replace(version_of(stage), plans=tuple(less)))

    assert [(out.required, out.available, out.needed) for out in told.ran_out] == [(8, 5, 8)]


async def test_a_plan_that_is_sold_no_more_is_kept_by_who_has_it(
    stage: Stage, connection: asyncpg.Connection
) -> None:
    stage.generator.succeed(images=1)
    await start_plan(stage.studio, workspace_id=stage.workspace_id, plan="essential")
    await drive(stage, await place(stage, FRAME))
    await connection.execute(NO_DEMOS)
    others = tuple(plan for plan in version_of(stage).plans if plan.key != "essential")

    told = await replayed(stage, connection, replace(version_of(stage), plans=others))

    assert (told.ran_out, [tool.credits_after for tool in told.tools]) == ((), [1])


async def test_a_replay_writes_nothing(
    stage: Stage, till: Till, connection: asyncpg.Connection
) -> None:
    await play(till, seed=5, steps=60)
    rows = (
        "SELECT (SELECT count(*) FROM entries), (SELECT md5(string_agg(l::text, '')) FROM lots l)"
    )
    before = await connection.fetchrow(rows)

    await replayed(stage, connection, priced(version_of(stage), kling_pro=90))

    assert await connection.fetchrow(rows) == before


async def test_progress_is_told_up_to_the_last_entry(
    stage: Stage, till: Till, connection: asyncpg.Connection
) -> None:
    await play(till, seed=5, steps=60)
    heard: list[int] = []

    told = await replay(
        stage.studio, connection=connection, draft=stage.studio.catalog, span=YEAR,
        progress=heard.append,
    )  # fmt: skip

    assert heard == sorted(heard)
    assert heard[-1] == told.entries > 0


async def test_a_version_that_the_draft_has_not_is_refused(
    stage: Stage, connection: asyncpg.Connection
) -> None:
    with pytest.raises(UnknownVersion):
        await replay(
            stage.studio, connection=connection, draft=stage.studio.catalog, span=YEAR, version="x"
        )


async def test_a_ledger_that_does_not_fit_together_is_not_replayed(
    stage: Stage, till: Till, connection: asyncpg.Connection
) -> None:
    workspace_id = await paid_workspace(till)
    await till.job(workspace_id, tool="kling_pro", held=50, captured=50)
    await connection.execute(
        "INSERT INTO further_postings VALUES ($1, 'video', 99, 1, 'issued', 'available', 1, 5)",
        workspace_id,
    )

    with pytest.raises(LedgerBroken, match="mutoscope verify"):
        await replayed(stage, connection, version_of(stage))

    await connection.execute("ALTER TABLE further_postings DISABLE TRIGGER USER")
    await connection.execute("DELETE FROM further_postings WHERE sequence = 99")


def past(**fields: object) -> PastJob:
    job = PastJob(
        UUID(int=1), UUID(int=2), "video", "kling_pro", "v", 50, 50, images=1, duration_s=10,
        outputs=1, duration_ms=5_200, cost_micros=0,
    )  # fmt: skip
    return job._replace(**fields)


@pytest.mark.parametrize(
    ("unit", "rate", "held", "captured"),
    [(Unit.PER_VIDEO, 50, 50, 50), (Unit.PER_VIDEO, 60, 60, 60), (Unit.PER_SECOND, 7, 70, 35),
     (Unit.PER_IMAGE, 9, 9, 9)],
)  # fmt: skip
def test_a_job_is_priced_by_what_it_asked_and_delivered(
    stage: Stage, *, unit: Unit, rate: int, held: int, captured: int
) -> None:
    then = version_of(stage).tool(key="kling_pro")
    draft = replace(then, unit=unit, credits=rate)

    assert held_under(job=past(), then=then, draft=draft) == held
    assert captured_under(job=past(), then=then, draft=draft, held=held) == captured
    assert captured_under(job=past(captured=0), then=then, draft=draft, held=held) == 0


def test_a_job_without_seconds_has_no_price_by_the_second(stage: Stage) -> None:
    draft = replace(version_of(stage).tool(key="kling_pro"), unit=Unit.PER_SECOND)

    assert held_under(job=past(duration_s=None), then=None, draft=draft) is None
    assert captured_under(job=past(outputs=0), then=None, draft=draft, held=70) == 70


def test_what_would_pay_is_the_best_pack_or_a_free_amount(stage: Stage) -> None:
    version = version_of(stage)
    price = Money(amount=3_000, currency="USD")
    free = replace(
        version, packs=(), free_amounts=(FreeAmount(kind="video", price_per_1000=price),)
    )

    assert packs_for(version=replace(free, free_amounts=()), kind="video", needed=5) is None
    assert packs_for(version=free, kind="video", needed=5) == Packs(
        pack=None, number=700, price=Money(amount=2_100, currency="USD")
    )
