"""Promo codes at the desk: all that a code can give is held against the four-eyes limit."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from desk_stage import REASON, Desk, join, open_desk
from mutoscope.app import promo, proposals
from mutoscope.app.desk import AlreadyDone, DeskOrder, Done, Proposed
from mutoscope.app.promo import BadPromo, PromoTaken
from mutoscope.domain.credits import AMOUNT_MAX
from mutoscope.domain.desk import BadDeskData, SecondPersonNeeded
from mutoscope.domain.proposals import ProposalState
from mutoscope.domain.staff import Actor, NotAllowed, Role
from mutoscope.storage import offers
from mutoscope.storage.offers import PromoCode, UnknownCode
from mutoscope.storage.payments import NOBODY
from soundness import assert_sound

CODE: dict[str, object] = {
    "promo_code": "SPRING", "kind": "video", "credits": 50, "redemptions_max": 4, "lasts_days": 30,
}  # fmt: skip


@pytest.fixture
async def desk(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(database_url, tmp_path) as desk:
        yield desk
        await assert_sound(database_url)


async def offer(
    desk: Desk, actor: Actor | None = None, *, key: str = "1", **changes: object
) -> Done | Proposed:
    order = DeskOrder(
        action="offer_promo", workspace_id=NOBODY, data={**CODE, **changes}, reason=REASON, key=key
    )
    return await proposals.act(desk.studio, actor or desk.grace, order=order)


async def propose(desk: Desk, **changes: object) -> Proposed:
    found = await offer(desk, **changes)
    assert isinstance(found, Proposed), found
    return found


async def approve(desk: Desk, actor: Actor, proposed: Proposed) -> Done:
    proposal_id = proposed.proposal.proposal_id
    return await proposals.approve(desk.studio, actor, proposal_id=proposal_id, reason=REASON)


async def offered(desk: Desk) -> PromoCode:
    async with desk.studio.reading() as connection:
        return await offers.promo_code(connection, code="SPRING")


async def test_up_to_the_limit_in_all_one_offers_a_code(desk: Desk) -> None:
    desk.rule(above=200)

    done = await offer(desk, open_days=9)

    found, at = await offered(desk), desk.stage.clock.now()
    assert isinstance(done, Done)
    assert (done.line.action, done.line.workspace_id) == ("offer_promo", None)
    assert (found.credits, found.redemptions_max, found.lasts_days) == (50, 4, 30)
    assert found.ends_at == at + timedelta(days=9)


@pytest.mark.parametrize(
    "more",
    [{"redemptions_max": 5}, {"credits": 51}, {"credits": 1, "redemptions_max": 201},
     {"credits": AMOUNT_MAX, "redemptions_max": promo.REDEMPTIONS_MAX}],
)  # fmt: skip
async def test_above_the_limit_in_all_a_code_waits_for_another(
    desk: Desk, more: dict[str, object]
) -> None:
    desk.rule(above=200)

    proposed = await propose(desk, **more)
    with pytest.raises(UnknownCode):
        await offered(desk)
    with pytest.raises(SecondPersonNeeded):
        await approve(desk, desk.grace, proposed)
    with pytest.raises(UnknownCode):
        await offered(desk)
    done = await approve(desk, desk.ada, proposed)

    found = await offered(desk)
    assert (done.by, done.line.action) == ("ada", "offer_promo")
    wanted = {**CODE, **more}
    assert (found.credits, found.redemptions_max) == (wanted["credits"], wanted["redemptions_max"])


async def test_a_code_that_was_approved_opens_at_its_approval(desk: Desk) -> None:
    desk.rule(above=0)
    proposed = await propose(desk, open_days=9)
    desk.stage.clock.move(days=6)
    at = desk.stage.clock.now()
    ada = await join(desk.stage, "ada lovelace", Role.FINANCE)

    await approve(desk, ada, proposed)

    assert (await offered(desk)).ends_at == at + timedelta(days=9)


async def test_who_may_not_offer_may_not_approve(desk: Desk) -> None:
    desk.rule(above=0)
    linus = await join(desk.stage, "linus", Role.SUPPORT, Role.ADMIN)

    proposed = await propose(desk)
    with pytest.raises(NotAllowed):
        await offer(desk, linus, key="2")
    with pytest.raises(NotAllowed):
        await approve(desk, linus, proposed)

    with pytest.raises(UnknownCode):
        await offered(desk)


async def test_a_code_that_was_refused_is_not_offered(desk: Desk) -> None:
    desk.rule(above=0)
    proposal_id = (await propose(desk)).proposal.proposal_id

    ended = await proposals.refuse(desk.studio, desk.ada, proposal_id=proposal_id, reason=REASON)

    assert ended.state is ProposalState.REFUSED
    with pytest.raises(UnknownCode):
        await offered(desk)


async def test_of_many_offers_under_one_key_one_is_made(desk: Desk) -> None:
    people = [desk.grace, desk.ada] * 3

    answers = await asyncio.gather(*(offer(desk, who) for who in people), return_exceptions=True)

    assert {type(answer) for answer in answers} == {Done, AlreadyDone}
    assert len({answer.line for answer in answers if isinstance(answer, Done)}) == 1
    with pytest.raises(PromoTaken):
        await offer(desk, key="2")


@pytest.mark.parametrize(
    "wrong",
    [{"promo_code": "spring"}, {"kind": "sound"}, {"lasts_days": promo.DAYS_MAX + 1},
     {"redemptions_max": promo.REDEMPTIONS_MAX + 1}, {"open_days": promo.DAYS_MAX + 1}],
)  # fmt: skip
async def test_a_code_that_cannot_be_is_refused_by_name(
    desk: Desk, wrong: dict[str, object]
) -> None:
    with pytest.raises(BadPromo):
        await offer(desk, **wrong)

    assert await desk.fetch("SELECT count(*) FROM audit_lines") == 0


@pytest.mark.parametrize("name", ["credits", "redemptions_max", "lasts_days", "open_days"])
async def test_a_figure_below_one_is_refused(desk: Desk, name: str) -> None:
    with pytest.raises(BadDeskData, match=name):
        await offer(desk, **{name: 0})


async def test_a_code_is_offered_for_no_workspace_alone(desk: Desk) -> None:
    with pytest.raises(BadDeskData, match="workspace"):
        await desk.act(desk.grace, "offer_promo", **CODE)


async def test_a_proposed_code_is_in_the_audit_without_a_workspace(desk: Desk) -> None:
    desk.rule(above=0)
    proposed = await propose(desk)

    await approve(desk, desk.ada, proposed)

    query = "SELECT string_agg(action, ' ' ORDER BY sequence) FROM audit_lines"
    assert await desk.fetch(f"{query} WHERE workspace_id IS NULL") == "propose offer_promo"
