"""Both books beside each other: what was missed is handed over, what differs is listed."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from mutoscope.app.gateway import GatewayPayment, PaymentState, UnknownGateway, refund_key
from mutoscope.app.reconcile import Difference, GatewayFailed, Reconciliation, What, reconcile
from mutoscope.domain.offers import Money
from mutoscope.payments.manual import ManualGateway
from mutoscope.payments.stripe import StripeGateway
from payment_stage import Closed, Desk, Till, account, demand, open_till
from studio_stage import Stage, open_stage

PART = Money(amount=900, currency="USD")


@dataclass(frozen=True)
class Play:
    stage: Stage
    till: Till
    desk: Desk

    async def compare(self, *, gateway: str = "stripe", hours: float = 1) -> Reconciliation:
        since = self.stage.clock.now() - timedelta(hours=hours)
        return await reconcile(
            self.stage.studio, gateway=gateway, since=since, handlers=self.desk.handlers()
        )

    async def receive(self, payment: GatewayPayment) -> None:
        await self.desk.receive(self.stage.studio, gateway="stripe", payment=payment)

    async def change(self, statement: str, *values: object) -> None:
        async with self.stage.studio.reading() as connection:
            await connection.execute(statement, *values)


@pytest.fixture
async def play(database_url: str, tmp_path: Path) -> AsyncIterator[Play]:
    async with open_stage(database_url, tmp_path) as stage, open_till(stage.clock.now) as till:
        gateways = {"manual": ManualGateway(), "stripe": till.gateway}
        stage.studio = replace(stage.studio, gateways=gateways)
        yield Play(stage, till, Desk(stage.workspace_id))


async def test_equal_books_are_equal(play: Play) -> None:
    for _ in range(3):
        await play.receive(await play.till.pay())

    found = await play.compare()

    assert (found.compared, found.handed_over, found.is_equal) == (3, (), True)


async def test_a_payment_whose_event_never_came_is_handed_over(play: Play) -> None:
    await play.receive(await play.till.pay())
    missed = await play.till.pay()

    found = await play.compare()

    assert found.handed_over == (missed.reference,)
    assert (found.compared, found.is_equal) == (2, True)
    assert missed.reference in play.desk.counted
    assert (await play.compare()).handed_over == ()


@pytest.mark.parametrize(
    "fault", ["drop_connection_after_accept", "http500_on_create_but_task_created"]
)
async def test_a_renewal_in_doubt_is_found(play: Play, fault: str) -> None:
    first = await play.till.pay(keeps_method=True)
    await play.receive(first)
    asked = demand(customer=first.customer)
    await play.till.fault(fault)
    with pytest.raises(Exception, match="Nobody knows"):
        await play.till.gateway.charge(demand=asked, method=first.method or "", key="renewal/1")

    found = await play.compare()

    assert len(found.handed_over) == 1
    assert found.is_equal
    assert [line["amount"] for line in await play.till.books()] == [3_900, 3_900]
    assert len(play.desk.counted) == 2


async def test_without_handlers_it_only_compares(play: Play) -> None:
    missed = await play.till.pay()

    found = await reconcile(
        play.stage.studio, gateway="stripe", since=play.stage.clock.now() - timedelta(hours=1)
    )

    (difference,) = found.differences
    assert (difference.reference, difference.what) == (missed.reference, What.NOT_BOOKED)
    assert difference.theirs == "3900 USD"
    assert play.desk.counted == {}


async def test_who_refuses_a_missed_payment_is_told(play: Play) -> None:
    await play.till.pay()
    play.desk.trouble = Closed("come back tomorrow")

    (difference,) = (await play.compare()).differences

    assert difference.what is What.NOT_BOOKED
    assert difference.ours == "desk_closed: come back tomorrow"


@pytest.mark.parametrize(
    ("column", "value", "what"),
    [
        ("amount", 4_000, What.AMOUNT), ("currency", "EUR", What.CURRENCY),
        ("refunded", 100, What.REFUNDED),
    ],
)  # fmt: skip
async def test_what_differs_is_listed_with_both_sides(
    play: Play, column: str, value: object, what: What
) -> None:
    paid = await play.till.pay()
    await play.receive(paid)

    await play.change(f"UPDATE payments SET {column} = $1", value)

    theirs = {What.AMOUNT: "3900", What.CURRENCY: "USD", What.REFUNDED: "0"}[what]
    expected = Difference(reference=paid.reference, what=what, ours=str(value), theirs=theirs)
    assert (await play.compare()).differences == (expected,)


async def test_money_that_went_back_in_their_dashboard_is_listed(play: Play) -> None:
    paid = await play.till.pay()
    await play.receive(paid)
    await play.till.gateway.refund(reference=paid.reference, amount=PART, key="dashboard")

    (difference,) = (await play.compare()).differences

    assert (difference.what, difference.ours, difference.theirs) == (What.REFUNDED, "0", "900")


async def test_a_payment_that_the_gateway_does_not_know_is_listed(play: Play) -> None:
    paid = await play.till.pay()
    await play.receive(replace(paid, reference="pi_invented"))

    differences = {each.reference: each.what for each in (await play.compare()).differences}

    assert differences == {"pi_invented": What.NOT_AT_GATEWAY}


async def test_a_payment_that_began_before_the_instant_is_looked_up(play: Play) -> None:
    paid = await play.till.pay()
    play.stage.clock.move(hours=2)
    await play.receive(paid)

    found = await play.compare(hours=1)

    assert (found.compared, found.is_equal) == (1, True)


async def test_payments_of_another_shop_are_counted_and_left_alone(play: Play) -> None:
    client = play.till.gateway._stripe
    first = await play.till.pay(keeps_method=True)
    await play.receive(first)
    asked = {
        "amount": 700, "currency": "usd", "customer": first.customer, "confirm": True,
        "payment_method": first.method,
    }  # fmt: skip
    await client.payment_intents.create_async(asked)

    found = await play.compare()

    assert (found.foreign, found.compared, found.is_equal) == (1, 1, True)


async def test_a_payment_that_was_counted_before_it_succeeded_is_listed(play: Play) -> None:
    waiting = await play.till.control("pay", session=await play.till.open(), is_away=True)
    await play.receive(await play.till.gateway.payment(reference=waiting["id"]))

    (difference,) = (await play.compare()).differences

    assert (difference.what, difference.theirs) == (What.NOT_AT_GATEWAY, "pending")


async def test_what_cannot_be_looked_up_is_listed_as_such(play: Play) -> None:
    refund_id = await refund_in_doubt(play, is_sent=True)
    await play.change("UPDATE refunds SET reference = 're_invented'")
    await play.change("UPDATE payments SET amount = 4000")
    await lose(play)

    found = {each.reference: each.what for each in (await play.compare()).differences}

    assert found == dict.fromkeys([str(refund_id), *play.desk.counted], What.NOT_LOOKED_UP)


async def lose(play: Play) -> None:
    """Let the gateway list payments, and not answer about one of them."""
    other = StripeGateway(account=account("http://127.0.0.1:9"))
    gateway = play.till.gateway
    gateway.payment = other.payment  # type: ignore[method-assign]


async def test_a_refund_whose_name_is_known_is_looked_up_by_it(play: Play) -> None:
    await refund_in_doubt(play, is_sent=True)
    (line,) = await play.till.books()
    await play.change("UPDATE refunds SET reference = $1", line["refunds"][0]["id"])

    found = await reconcile(play.stage.studio, gateway="stripe", since=play.stage.clock.now())

    assert found.refunds == (line["refunds"][0]["id"],)
    assert play.desk.refunds == []


async def refund_in_doubt(play: Play, *, is_sent: bool) -> UUID:
    """Ask for a refund whose answer nobody heard; return its id, ten minutes later."""
    paid = await play.till.pay()
    await play.receive(paid)
    refund_id, at = uuid4(), play.stage.clock.now()
    await add_refund(play, refund_id, at)
    if is_sent:
        await play.till.fault("http500_on_create_but_task_created")
        with pytest.raises(Exception, match="Nobody knows"):
            await play.till.gateway.refund(
                reference=paid.reference, amount=PART, key=refund_key(refund_id)
            )
        await play.change("UPDATE payments SET refunded = 900")
    play.stage.clock.move(minutes=10)
    return refund_id


async def add_refund(play: Play, refund_id: UUID, at: datetime) -> None:
    await play.change(
        "INSERT INTO refunds (workspace_id, refund_id, payment_id, credits, amount, currency, "
        "state, reason, asked_at) SELECT workspace_id, $1, payment_id, 0, 900, 'USD', 'asked', "
        "'goodwill', $2 FROM payments",
        refund_id,
        at,
    )


async def test_a_refund_in_doubt_that_went_out_is_handed_over(play: Play) -> None:
    await refund_in_doubt(play, is_sent=True)

    found = await play.compare()

    assert play.desk.refunds == [(found.refunds[0], PaymentState.SUCCEEDED)]
    assert found.is_equal
    assert [line["refunded"] for line in await play.till.books()] == [900]


async def test_a_refund_in_doubt_that_never_went_out_is_listed(play: Play) -> None:
    refund_id = await refund_in_doubt(play, is_sent=False)

    (difference,) = (await play.compare()).differences

    assert (difference.reference, difference.what) == (str(refund_id), What.REFUND_NOT_SENT)
    assert play.desk.refunds == []


async def test_a_refund_that_was_asked_for_just_now_is_left_alone(play: Play) -> None:
    await play.receive(await play.till.pay())
    await add_refund(play, uuid4(), play.stage.clock.now())

    assert (await play.compare()).is_equal


async def test_money_that_is_on_its_way_back_is_no_difference(play: Play) -> None:
    paid = await play.till.pay()
    await play.receive(paid)
    await add_refund(play, uuid4(), play.stage.clock.now())
    await play.till.gateway.refund(reference=paid.reference, amount=PART, key="refund/a")

    assert (await play.compare()).is_equal

    await play.till.gateway.refund(reference=paid.reference, amount=PART, key="refund/b")
    assert [each.theirs for each in (await play.compare()).differences] == ["1800"]


async def test_bank_transfers_have_no_other_book(play: Play) -> None:
    found = await play.compare(gateway="manual")

    assert (found.compared, found.is_equal) == (0, True)
    with pytest.raises(UnknownGateway):
        await play.compare(gateway="paypal")


async def test_a_gateway_that_does_not_answer_is_told(play: Play) -> None:
    away = StripeGateway(account=account("http://127.0.0.1:9"))
    studio = replace(play.stage.studio, gateways={"stripe": away})

    with pytest.raises(GatewayFailed, match="cannot be reached"):
        await reconcile(studio, gateway="stripe", since=play.stage.clock.now())

    await away.close()
