"""Parked payments whose payer disputes them: their money does not go back twice, nor stay."""

from datetime import date
from decimal import Decimal
from functools import partial
from pathlib import Path
from uuid import UUID

import pytest

from desk_stage import Desk
from money_desk_stage import ordered, parked, refunds
from mutoscope.app import confirm
from mutoscope.app.confirm import NotParked
from mutoscope.app.desk import Done
from mutoscope.app.desk_waiting import waiting
from mutoscope.app.fulfil import PaymentDisputed
from mutoscope.app.inbox import facts_of
from mutoscope.storage import payments
from mutoscope.storage.payments import Payment
from overtaking import overtake
from test_books import balances, written
from test_desk_disputes import press_end, press_open

PAID, PART = 4_797, 1_000


async def waits(desk: Desk) -> str:
    """Return the id of a payment that is parked."""
    return str((await parked(desk)).payment_id)


async def read(desk: Desk, payment_id: str) -> Payment:
    async with desk.studio.reading() as connection:
        return await payments.payment_of_anybody(connection, payment_id=UUID(payment_id))


async def became(desk: Desk, payment_id: str) -> tuple[str, str | None]:
    found = await read(desk, payment_id)
    return found.state, found.reason


async def give_back(desk: Desk, payment_id: str, *, key: str = "back") -> object:
    return await desk.act(desk.ada, "return_payment", key=key, payment_id=payment_id)


async def unused(desk: Desk, folder: Path) -> Decimal:
    """Return what the books of all days say is kept of money that paid nothing."""
    path = folder / "books.beancount"
    await written(desk.stage, path, first=date(2025, 1, 1), until=date(2026, 1, 1))
    found = balances(path)
    return -found.get(("Liabilities:Unapplied", "USD"), Decimal(0))


async def test_a_parked_payment_goes_back_once_its_dispute_is_won(desk: Desk) -> None:
    payment_id = await waits(desk)
    await press_open(desk, payment_id)

    with pytest.raises(PaymentDisputed, match="`desk waiting` tells the next step"):
        await give_back(desk, payment_id)
    await press_end(desk, payment_id, "won")

    assert isinstance(await give_back(desk, payment_id), Done)
    assert [each.amount for each in await refunds(desk)] == [PAID]


async def test_a_parked_payment_pays_again_once_its_dispute_is_won(desk: Desk) -> None:
    payment_id = await waits(desk)
    request_id = str((await ordered(desk, key="2")).request.request_id)
    use = partial(desk.act, desk.ada, "use_payment", payment_id=payment_id, request_id=request_id)
    await press_open(desk, payment_id)
    with pytest.raises(PaymentDisputed):
        await use()
    await press_end(desk, payment_id, "won")

    assert isinstance(await use(), Done)
    assert (await became(desk, payment_id))[0] == "applied"


async def test_a_parked_payment_that_a_lost_dispute_takes_waits_no_more(
    desk: Desk, tmp_path: Path
) -> None:
    payment_id = await waits(desk)
    await press_open(desk, payment_id)
    (before,) = (await waiting(desk.studio)).payments
    kept = await unused(desk, tmp_path)
    ended = await press_end(desk, payment_id, "lost")

    assert isinstance(ended, Done)
    assert (before.is_disputed, kept) == (True, Decimal("47.97"))
    assert (await waiting(desk.studio)).payments == ()
    assert await became(desk, payment_id) == ("returned", "dispute_lost")
    assert await unused(desk, tmp_path) == 0
    facts = await facts_of(desk.studio, workspace_id=desk.workspace_id)
    assert (facts.parked, facts.debts) == ((), ())
    assert [(each.state, each.amount) for each in facts.disputes] == [("lost", PAID)]
    with pytest.raises(NotParked, match=r"is returned \(dispute lost\)"):
        await give_back(desk, payment_id)


async def test_of_a_dispute_of_a_part_that_is_lost_the_rest_goes_back(
    desk: Desk, tmp_path: Path
) -> None:
    payment_id = await waits(desk)
    request_id = str((await ordered(desk, key="2")).request.request_id)
    await press_open(desk, payment_id, amount=PART)
    await press_end(desk, payment_id, "lost")

    with pytest.raises(PaymentDisputed, match=r"10\.00 USD of it back.*`desk return-payment`"):
        await desk.act(desk.ada, "use_payment", payment_id=payment_id, request_id=request_id)
    assert isinstance(await give_back(desk, payment_id), Done)
    (asked,) = await refunds(desk)
    sent = {"outcome": "sent", "reference": "RF18-REST", "refund_id": str(asked.refund_id)}
    await desk.act(desk.ada, "confirm_refund", key="sent", **sent)

    assert asked.amount == PAID - PART
    assert await unused(desk, tmp_path) == 0


@pytest.mark.parametrize(
    ("amount", "after"),
    [(PAID, ("returned", "dispute_lost")), (PART, ("parked", "refund_failed"))],
)
async def test_a_return_that_fails_after_its_dispute_was_lost_waits_for_the_rest_alone(
    desk: Desk, tmp_path: Path, amount: int, after: tuple[str, str]
) -> None:
    payment_id = await waits(desk)
    await give_back(desk, payment_id)
    await press_open(desk, payment_id, amount=amount)
    await press_end(desk, payment_id, "lost")
    (asked,) = await refunds(desk)

    failed = {"outcome": "failed", "refund_id": str(asked.refund_id)}
    await desk.act(desk.ada, "confirm_refund", key="failed", **failed)

    assert await became(desk, payment_id) == after
    assert await unused(desk, tmp_path) == Decimal(PAID - amount) / 100
    assert (await read(desk, payment_id)).refunded == 0


async def test_a_dispute_that_is_lost_while_a_return_is_judged_stops_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment_id = await waits(desk)

    async def lose() -> None:
        await press_open(desk, payment_id, amount=PART)
        await press_end(desk, payment_id, "lost")

    overtake(monkeypatch, confirm, "disputes_of", again=lose, is_read_first=True)

    with pytest.raises(confirm.SideRowRefused):
        await give_back(desk, payment_id, key="first")
    await give_back(desk, payment_id)

    assert [each.amount for each in await refunds(desk)] == [PAID - PART]
