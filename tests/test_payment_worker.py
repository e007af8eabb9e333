"""Payments by the clock: the worker looks into events, compares books, and tells staff."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from mutoscope.app.live import Live
from mutoscope.app.reconcile import watch_books
from mutoscope.bootstrap import House
from mutoscope.payments.manual import ManualGateway
from mutoscope.payments.stripe import StripeGateway
from mutoscope.storage import routes
from mutoscope.worker import payments
from payment_stage import Desk, Till, account, deliver, open_till
from studio_stage import Stage, open_stage


@dataclass(frozen=True)
class Play:
    stage: Stage
    till: Till
    desk: Desk

    @property
    def house(self) -> House:
        studio = self.stage.studio
        live = Live(url="", now=studio.clock.now)
        return House(
            studio=studio, live=live, database_url="", signing_key=b"", fonts=Path("fonts")
        )

    async def alerts(self) -> list[str]:
        async with self.stage.studio.reading() as connection:
            return [each.code for each in await routes.open_alerts(connection, limit=10)]


@pytest.fixture
async def play(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Play]:
    async with open_stage(database_url, tmp_path) as stage, open_till(stage.clock.now) as till:
        gateways = {"manual": ManualGateway(), "stripe": till.gateway}
        stage.studio = replace(stage.studio, gateways=gateways)
        desk = Desk(stage.workspace_id)
        monkeypatch.setattr(payments, "HANDLERS", desk.handlers())
        yield Play(stage, till, desk)


async def test_more_events_than_fit_a_round_are_all_looked_into(play: Play) -> None:
    paid = await play.till.pay()
    event = (await play.till.events())[1]
    for number in range(101):
        await deliver(play.stage.studio, event | {"id": f"evt_{number}"})

    await payments.take_events(play.house)

    assert play.desk.received == {paid.reference: 101}
    assert play.desk.counted == {paid.reference: 3_900}


async def test_an_event_that_fails_ends_no_round(play: Play) -> None:
    lost = {"object": "payment_intent", "id": "pi_lost"}
    event = {"id": "evt_1", "object": "event", "type": "x", "created": 1, "data": {"object": lost}}
    await deliver(play.stage.studio, event)

    await payments.take_events(play.house)

    assert play.desk.counted == {}


async def test_a_missed_payment_is_counted_by_the_clock(play: Play) -> None:
    paid = await play.till.pay()

    await payments.compare_books(play.house)
    await payments.compare_books(play.house)

    assert play.desk.counted == {paid.reference: 3_900}
    assert play.desk.received == {paid.reference: 1}
    assert await play.alerts() == []


async def test_staff_are_told_once_while_books_differ(play: Play) -> None:
    paid = await play.till.pay()

    await watch_books(play.stage.studio)
    await watch_books(play.stage.studio)
    assert await play.alerts() == ["books_differ"]

    await play.desk.receive(play.stage.studio, gateway="stripe", payment=paid)
    (found,) = await watch_books(play.stage.studio)
    assert found.is_equal
    assert await play.alerts() == []


async def test_staff_are_told_of_a_gateway_that_does_not_answer(play: Play) -> None:
    away = StripeGateway(account=account("http://127.0.0.1:9"))
    studio = replace(play.stage.studio, gateways={"stripe": away})

    assert await watch_books(studio) == ()

    assert await play.alerts() == ["gateway_failed"]
    await away.close()
