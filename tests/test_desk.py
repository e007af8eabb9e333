"""The desk: every action has a person, a reason, a card and a line, and happens once."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from desk_stage import GOODWILL, REASON, Desk, join, lose_card, open_desk
from money_desk_stage import MONEY
from mutoscope.app.desk import AlreadyDone, Done
from mutoscope.app.desk_credits import GoodwillSpent
from mutoscope.app.desk_facts import WorkspaceClosed
from mutoscope.app.desk_purchases import PurchasesNotAgreed, PurchasesUnchanged
from mutoscope.app.desk_registry import ACTIONS, UnknownDeskAction
from mutoscope.app.subscribe import start_plan
from mutoscope.domain.access import NotEntitled
from mutoscope.domain.audit import BadReason
from mutoscope.domain.credits import BadKey, Refusal
from mutoscope.domain.desk import BadDeskData
from mutoscope.domain.ledger import InsufficientCredits
from mutoscope.domain.planner import KeyReused
from mutoscope.domain.staff import NotAllowed, Role
from mutoscope.storage.session import SideRowRefused
from mutoscope.storage.workspaces import UnknownWorkspace
from soundness import assert_sound
from studio_fixture import open_workspace

ORDERS: dict[str, dict[str, object]] = {
    "enable_purchases": {},
    "disable_purchases": {},
    "goodwill": GOODWILL,
    "adjust": {**GOODWILL, "direction": "up"},
}
"""An order of each action that is granted."""

MOVES = {"goodwill": 1, "adjust": 1}
"""How many entries each action makes; the others move no credits."""


@pytest.fixture
async def desk(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(database_url, tmp_path) as desk:
        yield desk
        await assert_sound(database_url)


async def prepared(desk: Desk, action: str) -> None:
    if action == "disable_purchases":
        await desk.act(desk.grace, "enable_purchases", key="before")


def test_every_action_of_the_registry_is_tried_here() -> None:
    assert {*ORDERS, *MONEY, "offer_promo", "refund_job", "erase_workspace"} == ACTIONS.keys()
    assert [name for name, action in ACTIONS.items() if action.code != name] == []


@pytest.mark.parametrize("action", ORDERS)
async def test_an_action_is_a_card_a_line_and_an_entry_together(desk: Desk, action: str) -> None:
    await prepared(desk, action)
    cards, audited, entries = await desk.counts()

    done = await desk.act(desk.grace, action, **ORDERS[action])

    assert isinstance(done, Done)
    assert await desk.counts() == (cards + 1, audited + 1, entries + MOVES.get(action, 0))
    assert (done.line.action, done.line.workspace_id) == (action, desk.workspace_id)
    assert (done.by, done.is_replay) == ("grace", False)


@pytest.mark.parametrize("action", ORDERS)
async def test_an_action_whose_card_cannot_be_written_is_not_done(desk: Desk, action: str) -> None:
    await prepared(desk, action)
    before = await desk.counts()
    desk.stage.studio = replace(desk.studio, post_card=lose_card)

    with pytest.raises(SideRowRefused):
        await desk.act(desk.grace, action, **ORDERS[action])

    assert await desk.counts() == before


@pytest.mark.parametrize("action", ORDERS)
async def test_a_button_pressed_twice_acts_once(desk: Desk, action: str) -> None:
    await prepared(desk, action)
    first = await desk.act(desk.grace, action, **ORDERS[action])
    after = await desk.counts()
    desk.stage.clock.move(days=40)

    again = await desk.act(desk.grace, action, **ORDERS[action])

    assert isinstance(again, Done)
    assert (again.line, again.is_replay) == (first.line, True)
    assert await desk.counts() == after


@pytest.mark.parametrize("action", ORDERS)
async def test_of_many_presses_at_once_one_acts(desk: Desk, action: str) -> None:
    await prepared(desk, action)
    cards, audited, entries = await desk.counts()
    people = [desk.grace, desk.ada] * 4

    presses = [desk.act(who, action, **ORDERS[action]) for who in people]
    answers = await asyncio.gather(*presses, return_exceptions=True)

    assert await desk.counts() == (cards + 1, audited + 1, entries + MOVES.get(action, 0))
    assert {type(answer) for answer in answers} == {Done, AlreadyDone}
    assert len({answer.line for answer in answers if isinstance(answer, Done)}) == 1


async def test_the_second_of_two_people_is_told_who_was_first(desk: Desk) -> None:
    await desk.act(desk.grace, "goodwill", **GOODWILL)

    with pytest.raises(AlreadyDone) as refused:
        await desk.act(desk.ada, "goodwill", **GOODWILL)

    assert (refused.value.by, refused.value.at) == ("grace", desk.stage.clock.now())
    assert await desk.lines() == [("grant", 40)]


async def test_a_key_that_was_used_for_something_else_is_refused(desk: Desk) -> None:
    await desk.act(desk.grace, "goodwill", **GOODWILL)

    with pytest.raises(KeyReused):
        await desk.act(desk.grace, "goodwill", kind="video", credits=41)


async def test_the_entry_says_who_and_why_beside_the_chain(desk: Desk) -> None:
    await desk.act(desk.grace, "goodwill", **GOODWILL)

    line = await desk.last_line()

    assert line.note is not None
    assert (line.note.actor, line.note.text) == ("grace", REASON)
    assert (line.entry.namespace, line.entry.key) == ("desk", "press-1")


async def test_goodwill_lapses_on_the_next_billing_date(desk: Desk) -> None:
    desk.stage.clock.move(days=3)

    await desk.act(desk.grace, "goodwill", **GOODWILL)

    terms = (await desk.last_line()).entry.terms
    assert terms is not None
    assert (terms.source, terms.expires_at) == ("goodwill", datetime(2025, 2, 20, 12, tzinfo=UTC))


async def test_goodwill_of_a_trial_lapses_with_it(desk: Desk) -> None:
    desk.workspace_id = desk.stage.workspace_id

    await desk.act(desk.grace, "goodwill", **GOODWILL)

    terms = (await desk.last_line()).entry.terms
    assert terms is not None
    assert terms.expires_at == desk.stage.clock.now() + timedelta(days=14)


async def test_goodwill_of_a_free_workspace_needs_an_expiry(desk: Desk) -> None:
    desk.workspace_id = desk.stage.workspace_id
    desk.stage.clock.move(days=14)
    given = "2025-03-01T00:00:00+00:00"

    with pytest.raises(BadDeskData, match="expires_at"):
        await desk.act(desk.grace, "goodwill", **GOODWILL)
    await desk.act(desk.grace, "goodwill", **GOODWILL, expires_at=given)

    terms = (await desk.last_line()).entry.terms
    assert terms is not None
    assert terms.expires_at == datetime.fromisoformat(given)


async def test_goodwill_is_given_up_to_the_month_s_budget(desk: Desk) -> None:
    desk.rule(video=100)
    await desk.act(desk.grace, "goodwill", key="60", kind="video", credits=60)

    with pytest.raises(GoodwillSpent) as refused:
        await desk.act(desk.grace, "goodwill", key="41", kind="video", credits=41)
    await desk.act(desk.ada, "goodwill", key="40", kind="video", credits=40)
    await desk.act(desk.ada, "goodwill", key="image", kind="image", credits=500)

    assert (refused.value.wanted, refused.value.left) == (41, 40)
    assert await desk.lines() == [("grant", 60), ("grant", 40)]


async def test_a_new_month_has_a_budget_of_its_own(desk: Desk) -> None:
    desk.rule(video=40)
    await desk.act(desk.grace, "goodwill", key="january", **GOODWILL)
    desk.stage.clock.at = datetime(2025, 1, 31, 23, 59, 59, tzinfo=UTC)

    with pytest.raises(GoodwillSpent):
        await desk.act(desk.grace, "goodwill", key="late", **GOODWILL)
    desk.stage.clock.move(seconds=1)
    await desk.act(desk.grace, "goodwill", key="february", **GOODWILL)

    assert await desk.lines() == [("grant", 40), ("grant", 40)]


async def test_sixty_four_grants_at_once_stay_within_the_budget(desk: Desk) -> None:
    desk.rule(video=410)
    others = [await open_workspace(desk.stage, plan="pro") for _ in range(7)]
    places = [desk.workspace_id, *others]

    async def give(number: int) -> Done | Refusal:
        mine = Desk(desk.stage, places[number % 8], desk.grace, desk.ada)
        try:
            return await mine.act(desk.grace, "goodwill", key=f"press-{number}", **GOODWILL)
        except GoodwillSpent as refused:
            return refused

    answers = await asyncio.gather(*map(give, range(64)))

    given = await desk.fetch("SELECT sum(amount) FROM grants WHERE source = 'goodwill'")
    assert sum(isinstance(answer, Done) for answer in answers) == 10
    assert (given, (await desk.counts())[1]) == (400, 10)


async def test_an_adjustment_upwards_is_a_lot_and_downwards_the_spend_order(desk: Desk) -> None:
    await desk.act(desk.ada, "adjust", key="up", kind="video", credits=7, direction="up")
    await desk.act(desk.ada, "adjust", key="down", kind="video", credits=9, direction="down")

    line = await desk.last_line()

    assert await desk.lines() == [("adjust", 7), ("adjust", 9)]
    assert line.entry.available == 1500 + 7 - 9


@pytest.mark.parametrize(
    ("data", "refusal"),
    [
        ({"kind": "video", "credits": 5_000, "direction": "down"}, InsufficientCredits),
        ({"kind": "audio", "credits": 1, "direction": "up"}, BadDeskData),
        ({"kind": "video", "credits": 0, "direction": "up"}, BadDeskData),
        ({"kind": "video", "credits": True, "direction": "up"}, BadDeskData),
        ({"kind": "video", "credits": 1, "direction": "sideways"}, BadDeskData),
        ({"kind": "video", "credits": 1}, BadDeskData),
        ({"kind": "video", "credits": 1, "direction": "up", "why": "x"}, BadDeskData),
        ({"kind": "video", "credits": 1, "direction": "up", "expires_at": "soon"}, BadDeskData),
        (
            {"kind": "video", "credits": 1, "direction": "up", "expires_at": "2025-01-20T12:00Z"},
            BadDeskData,
        ),
        (
            {"kind": "video", "credits": 1, "direction": "down", "expires_at": "2025-03-01T12:00Z"},
            BadDeskData,
        ),
    ],
)
async def test_an_adjustment_that_cannot_be_is_refused_and_leaves_nothing(
    desk: Desk, data: dict[str, object], refusal: type[Refusal]
) -> None:
    before = await desk.counts()

    with pytest.raises(refusal):
        await desk.act(desk.ada, "adjust", **data)

    assert await desk.counts() == before


@pytest.mark.parametrize("reason", ["", "because", "  short  ", "x" * 501])
async def test_an_action_without_a_real_reason_is_refused(desk: Desk, reason: str) -> None:
    with pytest.raises(BadReason):
        await desk.act(desk.grace, "goodwill", reason=reason, **GOODWILL)


async def test_an_action_beyond_one_s_role_is_refused_and_says_whose_it_is(desk: Desk) -> None:
    linus = await join(desk.stage, "linus", Role.SUPPORT)

    with pytest.raises(NotAllowed) as refused:
        await desk.act(linus, "adjust", **ORDERS["adjust"])

    assert (refused.value.roles, refused.value.may) == (["support"], ["finance"])


async def test_unknown_actions_workspaces_and_bad_keys_are_refused(desk: Desk) -> None:
    with pytest.raises(UnknownDeskAction):
        await desk.act(desk.grace, "gift", **GOODWILL)
    with pytest.raises(BadKey):
        await desk.act(desk.grace, "goodwill", key="a key", **GOODWILL)
    desk.workspace_id = uuid4()
    with pytest.raises(UnknownWorkspace):
        await desk.act(desk.grace, "goodwill", **GOODWILL)


async def test_purchases_of_a_plan_that_includes_them_are_opened_and_closed(desk: Desk) -> None:
    state = "SELECT purchases_enabled_at FROM workspaces WHERE workspace_id = $1"

    await desk.act(desk.grace, "enable_purchases", key="open")
    opened_at = await desk.fetch(state, desk.workspace_id)
    await desk.act(desk.ada, "disable_purchases", key="close")

    assert opened_at == desk.stage.clock.now()
    assert await desk.fetch(state, desk.workspace_id) is None


async def test_purchases_that_are_as_wanted_are_left(desk: Desk) -> None:
    with pytest.raises(PurchasesUnchanged) as closed:
        await desk.act(desk.grace, "disable_purchases", key="close")
    await desk.act(desk.grace, "enable_purchases", key="open")
    with pytest.raises(PurchasesUnchanged) as opened:
        await desk.act(desk.ada, "enable_purchases", key="again")

    assert (closed.value.is_enabled, opened.value.is_enabled) == (False, True)


@pytest.mark.parametrize("days", [0, 14])
async def test_a_trial_and_a_free_workspace_cannot_buy(desk: Desk, days: int) -> None:
    desk.workspace_id = desk.stage.workspace_id
    desk.stage.clock.move(days=days)

    with pytest.raises(NotEntitled):
        await desk.act(desk.grace, "enable_purchases")


async def test_purchases_that_are_agreed_need_the_agreement(desk: Desk) -> None:
    agreed = {"image": 10, "video": 10}
    desk.workspace_id = await open_workspace(desk.stage)
    await start_plan(desk.studio, workspace_id=desk.workspace_id, plan="enterprise", agreed=agreed)

    with pytest.raises(PurchasesNotAgreed):
        await desk.act(desk.grace, "enable_purchases")
    await desk.fetch(
        "UPDATE subscriptions SET can_purchase = true WHERE workspace_id = $1", desk.workspace_id
    )
    done = await desk.act(desk.grace, "enable_purchases")

    assert isinstance(done, Done)


@pytest.mark.parametrize("action", ["enable_purchases", "goodwill", "adjust"])
async def test_a_closed_workspace_is_given_nothing(desk: Desk, action: str) -> None:
    now = desk.stage.clock.now()
    await desk.fetch(
        "UPDATE workspaces SET closed_at = $1 WHERE workspace_id = $2", now, desk.workspace_id
    )

    with pytest.raises(WorkspaceClosed):
        await desk.act(desk.grace, action, **ORDERS[action])
