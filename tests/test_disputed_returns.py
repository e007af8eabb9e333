"""Parked payments whose payer disputes them: their money does not go back twice."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from desk_stage import Desk
from money_desk_stage import open_money_desk, parked
from mutoscope.app.desk import Done
from mutoscope.app.fulfil import PaymentDisputed
from soundness import assert_sound
from test_desk_disputes import press_end, press_open


@pytest.fixture
async def desk(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_money_desk(database_url, tmp_path) as desk:
        yield desk
        await assert_sound(database_url)


async def test_a_parked_payment_goes_back_once_its_dispute_is_won_alone(desk: Desk) -> None:
    payment_id = str((await parked(desk)).payment_id)
    await press_open(desk, payment_id)

    with pytest.raises(PaymentDisputed, match="`desk waiting` tells the next step"):
        await desk.act(desk.ada, "return_payment", payment_id=payment_id)
    await press_end(desk, payment_id, "won")

    assert isinstance(await desk.act(desk.ada, "return_payment", payment_id=payment_id), Done)
    assert await desk.fetch("SELECT count(*) FROM refunds") == 1


async def test_what_a_lost_dispute_has_taken_cannot_be_returned_again(desk: Desk) -> None:
    payment_id = str((await parked(desk)).payment_id)
    await press_open(desk, payment_id)
    await press_end(desk, payment_id, "lost")

    with pytest.raises(PaymentDisputed, match="bank has taken it back"):
        await desk.act(desk.ada, "return_payment", payment_id=payment_id)

    assert isinstance(await desk.act(desk.ada, "keep_payment", payment_id=payment_id), Done)
    assert await desk.fetch("SELECT count(*) FROM refunds") == 0
