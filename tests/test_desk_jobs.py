"""Credits of a job given back at the desk: once, to the lots they came from, and no money lost."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from business_stage import spend, spendable, tick
from desk_stage import Desk, lose_card
from money_desk_stage import at_work, granted, refunds
from mutoscope.app import disputes, money_back, proposals
from mutoscope.app.desk import AlreadyDone, Done, Proposed
from mutoscope.app.desk_jobs import NothingCaptured
from mutoscope.app.gateway import GatewayDispute
from mutoscope.app.generate import Wish
from mutoscope.app.receipt import receipt
from mutoscope.domain.desk import goodwill_offer
from mutoscope.domain.ledger import RefundExceedsCapture
from mutoscope.domain.offers import Money
from mutoscope.domain.purchases import Purchase, PurchaseNotInThisState
from mutoscope.domain.spending import AlreadyRefunded
from mutoscope.storage import payments, purchases
from mutoscope.storage.jobs import Job, UnknownJob
from mutoscope.storage.session import SideRowRefused
from studio_fixture import deliver_clip, drive, frame, place

PACK = 1_500
CLIP = 50


async def clip(desk: Desk, folder: Path, *, key: str = "clip", is_done: bool = True) -> Job:
    """Make a clip for 50 credits; its workspace is a demo by now, so that the engine works."""
    await desk.fetch(
        "UPDATE workspaces SET is_demo = TRUE WHERE workspace_id = $1", desk.workspace_id
    )
    mine, desk.stage.workspace_id = desk.stage.workspace_id, desk.workspace_id
    try:
        source = await frame(desk.stage)
    finally:
        desk.stage.workspace_id = mine
    wish = Wish(tool="kling_pro", prompt="", source=source, duration_s=5)
    deliver_clip(desk.stage, folder, duration_s=5.0)
    job = await place(desk.stage, wish, key=key, workspace_id=desk.workspace_id)
    return await drive(desk.stage, job) if is_done else job


async def of_a_pack(desk: Desk, folder: Path) -> tuple[Purchase, Job]:
    """Return a purchase, and a clip that was paid with credits of it alone."""
    purchase_id = await granted(desk)
    await spend(desk.stage, desk.workspace_id, 1_500)
    return await bought(desk, purchase_id), await clip(desk, folder)


async def bought(desk: Desk, purchase_id: object) -> Purchase:
    async with desk.studio.reading() as connection:
        return await purchases.get(
            connection, workspace_id=desk.workspace_id, purchase_id=purchase_id
        )


async def total_of(desk: Desk, purchase: Purchase) -> int:
    async with desk.studio.reading() as connection:
        request = await payments.request(
            connection, workspace_id=desk.workspace_id, request_id=purchase.request_id
        )
    return request.taxed.total


async def give_back(desk: Desk, job: Job, key: str = "press-1", **more: object) -> dict[str, Any]:
    done = await desk.act(desk.grace, "refund_job", key=key, job_id=str(job.job_id), **more)
    assert isinstance(done, Done), done
    found: dict[str, Any] = json.loads(done.line.data)
    return found


async def left(desk: Desk) -> int:
    return await spendable(desk.stage, desk.workspace_id)


async def test_a_refund_gives_all_of_a_job_back_and_its_receipt_says_so(
    desk: Desk, tmp_path: Path
) -> None:
    job = await clip(desk, tmp_path)
    before = await left(desk)

    told = await give_back(desk, job)

    assert await left(desk) == before + CLIP
    assert told == {"job_id": str(job.job_id), "kind": "video", "credits": CLIP}
    found = await receipt(desk.studio, workspace_id=desk.workspace_id, job_id=job.job_id)
    assert found.refunded == CLIP
    last = found.lines[-1]
    assert (last.words, last.note.actor) == ("50 credits refunded", "grace hopper")
    assert (last.job.job_id, last.job.tool) == (job.job_id, "kling_pro")


async def test_a_part_is_given_back_once_and_no_more_of_it(desk: Desk, tmp_path: Path) -> None:
    job = await clip(desk, tmp_path)
    before = await left(desk)

    await give_back(desk, job, credits=20)

    for more in ({}, {"credits": 30}):
        with pytest.raises(AlreadyRefunded):
            await give_back(desk, job, key="another", **more)
    assert await left(desk) == before + 20


async def test_no_more_is_given_back_than_was_captured(desk: Desk, tmp_path: Path) -> None:
    job = await clip(desk, tmp_path)

    with pytest.raises(RefundExceedsCapture):
        await give_back(desk, job, credits=CLIP + 1)


async def test_a_job_that_captured_nothing_has_nothing_to_give_back(
    desk: Desk, tmp_path: Path
) -> None:
    job = await clip(desk, tmp_path, is_done=False)

    with pytest.raises(NothingCaptured, match="is waiting"):
        await give_back(desk, job)
    with pytest.raises(UnknownJob):
        await desk.act(desk.grace, "refund_job", job_id=str(desk.workspace_id))


async def test_two_of_staff_who_press_at_once_give_one_refund(desk: Desk, tmp_path: Path) -> None:
    job = await clip(desk, tmp_path)
    before, data = await left(desk), {"job_id": str(job.job_id)}

    same = await asyncio.gather(
        desk.act(desk.grace, "refund_job", key="one", **data),
        desk.act(desk.ada, "refund_job", key="one", **data),
        desk.act(desk.ada, "refund_job", key="other", **data),
        return_exceptions=True,
    )

    assert sum(isinstance(each, Done) for each in same) == 1
    assert {type(each) for each in same} <= {Done, AlreadyDone, AlreadyRefunded}
    assert await left(desk) == before + CLIP


async def test_above_the_limit_a_second_person_decides(desk: Desk, tmp_path: Path) -> None:
    job = await clip(desk, tmp_path)
    desk.rule(above=CLIP - 1)
    before = await left(desk)
    grace, ada = at_work(desk, desk.grace), at_work(desk, desk.ada)

    found = await desk.act(grace, "refund_job", job_id=str(job.job_id))

    assert isinstance(found, Proposed)
    assert (found.proposal.data["credits"], await left(desk)) == (CLIP, before)
    await proposals.approve(
        desk.studio, ada, proposal_id=found.proposal.proposal_id, reason="the clip is black"
    )
    assert await left(desk) == before + CLIP


async def test_credits_of_a_period_that_is_over_lapse_and_goodwill_is_offered_once(
    desk: Desk, tmp_path: Path, database_url: str
) -> None:
    job = await clip(desk, tmp_path)
    desk.stage.clock.move(days=31)
    await tick(desk.stage, database_url)
    before = await left(desk)

    told = await give_back(desk, job)

    assert (told["lapsed"], await left(desk)) == (CLIP, before)
    offer = goodwill_offer(told)
    assert offer is not None
    await desk.act(desk.grace, offer.action, key=offer.key, **offer.data)
    with pytest.raises(AlreadyDone):
        await desk.act(desk.ada, offer.action, key=offer.key, **offer.data)
    assert await left(desk) == before + CLIP


async def test_credits_of_a_refunded_purchase_become_the_rest_of_its_money(
    desk: Desk, tmp_path: Path
) -> None:
    purchase, job = await of_a_pack(desk, tmp_path)
    total = await total_of(desk, purchase)
    await desk.act(desk.grace, "refund", key="money", purchase_id=str(purchase.purchase_id))
    before = await left(desk)

    told = await give_back(desk, job)

    assert (told["voided"], await left(desk)) == (CLIP, before)
    sent = sorted(each.amount for each in await refunds(desk))
    assert sent == sorted([total * 1_450 // PACK, total - total * 1_450 // PACK])
    assert told["amount"] == sent[0]
    after = await bought(desk, purchase.purchase_id)
    assert (after.taken_back, after.refunded) == (PACK, total)
    with pytest.raises(AlreadyRefunded):
        await give_back(desk, job, key="another")


async def test_money_that_staff_gave_for_spent_credits_is_not_given_twice(
    desk: Desk, tmp_path: Path
) -> None:
    purchase, job = await of_a_pack(desk, tmp_path)
    await spend(desk.stage, desk.workspace_id, PACK - CLIP)
    total = await total_of(desk, purchase)
    about = {"purchase_id": str(purchase.purchase_id)}
    await desk.act(desk.grace, "refund", key="money", **about, amount=total)

    told = await give_back(desk, job)

    assert told["voided"] == CLIP
    assert "amount" not in told
    assert await left(desk) == 0
    assert [each.amount for each in await refunds(desk)] == [total]


async def test_a_refund_that_fails_gives_only_its_own_credits_again(
    desk: Desk, tmp_path: Path
) -> None:
    purchase, job = await of_a_pack(desk, tmp_path)
    await desk.act(desk.grace, "refund", key="money", purchase_id=str(purchase.purchase_id))
    await give_back(desk, job)
    later = min(await refunds(desk), key=lambda each: each.amount)

    await money_back.confirm(
        desk.studio, workspace_id=desk.workspace_id, refund_id=later.refund_id, is_sent=False
    )

    after = await bought(desk, purchase.purchase_id)
    assert (await left(desk), after.taken_back) == (CLIP, PACK - CLIP)


async def test_credits_of_a_lost_dispute_lessen_the_debt(desk: Desk, tmp_path: Path) -> None:
    purchase, job = await of_a_pack(desk, tmp_path)
    total = await total_of(desk, purchase)
    await dispute(desk, purchase, is_won=False)
    owed = (await bought(desk, purchase.purchase_id)).debt

    await give_back(desk, job)

    assert owed == total * CLIP // PACK
    assert (await bought(desk, purchase.purchase_id)).debt == 0
    assert (await left(desk), await refunds(desk)) == (0, ())


async def test_an_open_dispute_is_decided_before_credits_come_back_to_what_was_taken_back(
    desk: Desk, tmp_path: Path
) -> None:
    purchase, job = await of_a_pack(desk, tmp_path)
    asked = await money_back.refund(
        desk.studio, workspace_id=desk.workspace_id, purchase_id=purchase.purchase_id, reason="x"
    )
    await money_back.confirm(
        desk.studio, workspace_id=desk.workspace_id, refund_id=asked.refund_id, is_sent=False
    )
    await dispute(desk, purchase)

    with pytest.raises(PurchaseNotInThisState):
        await give_back(desk, job)


async def dispute(desk: Desk, purchase: Purchase, *, is_won: bool | None = None) -> None:
    """Let the bank tell a dispute of the purchase's payment."""
    async with desk.studio.reading() as connection:
        payment = await payments.payment_of_request(
            connection, workspace_id=desk.workspace_id, request_id=purchase.request_id
        )
    assert payment is not None
    told = GatewayDispute(
        reference="dp-1", payment_reference=payment.reference,
        total=Money(amount=payment.amount, currency=payment.currency), is_won=is_won,
    )  # fmt: skip
    await disputes.dispute_told(desk.studio, gateway=payment.gateway, dispute=told)


async def test_the_card_of_a_refund_that_cannot_be_written_undoes_it(
    desk: Desk, tmp_path: Path
) -> None:
    job = await clip(desk, tmp_path)
    before = await left(desk)
    desk.stage.studio = replace(desk.studio, post_card=lose_card)

    with pytest.raises(SideRowRefused):
        await give_back(desk, job)

    assert await left(desk) == before
