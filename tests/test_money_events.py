"""Every invoice and every purchase's credits are told to webhooks once, in their transaction."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest

from business_stage import bought, documents, open_paying, operations, order, pay, tick
from hook_receiver import Receiver, receiving
from hook_stage import NOWHERE, add, deliver_all, open_hooked, told
from invoice_stage import draft, issue, read
from mutoscope.app import money_back, upgrade
from mutoscope.app.disputes import dispute_told
from mutoscope.app.fulfil import add_credits
from mutoscope.app.gateway import GatewayDispute
from mutoscope.domain.catalog import Fulfilment
from mutoscope.domain.offers import Money
from mutoscope.domain.purchases import Purchase
from mutoscope.storage import history
from mutoscope.storage.webhooks import Endpoint
from studio_stage import Stage

INVOICE, PURCHASE = "invoice.issued", "purchase.granted"


@pytest.fixture
async def stage(database_url: str, tmp_path: Path) -> AsyncIterator[Stage]:
    async with open_hooked(database_url, tmp_path) as stage:
        yield stage


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


async def test_an_invoice_is_told_with_its_number_and_in_minor_units(
    stage: Stage, receiver: Receiver
) -> None:
    endpoint = await add(stage, receiver.url, INVOICE)
    made = await draft(stage)
    await issue(stage, made)
    await issue(stage, made)

    await deliver_all(stage)

    invoice = await read(stage, made)
    assert receiver.ids() == [str(invoice.invoice_id)]
    assert receiver.verified(endpoint.secret)["data"] == {
        "invoice_id": str(invoice.invoice_id), "kind": "invoice", "number": invoice.number,
        "currency": "USD", "net": 3_900, "tax": invoice.taxed.tax, "total": invoice.taxed.total,
        "treatment": invoice.taxed.treatment, "issued_at": stage.clock.now().isoformat(),
        "due_at": None, "paid_at": None, "refers_to": None, "reason": None,
    }  # fmt: skip


async def numbers(stage: Stage, endpoint: Endpoint) -> list[tuple[str, int]]:
    return [(each["number"], each["total"]) for each in await told(stage, endpoint)]


async def issued(stage: Stage, workspace_id: UUID) -> list[tuple[str, int]]:
    found = await documents(stage, workspace_id)
    return [(each.number, each.taxed.total) for each in found]


async def test_renewals_that_are_charged_together_tell_each_workspace_its_own_invoice(
    stage: Stage, database_url: str
) -> None:
    owners = [await open_paying(stage) for _ in range(3)]
    endpoints = [await add(stage, NOWHERE, INVOICE, workspace_id=each) for each in owners]
    stage.clock.move(days=31)

    for _ in range(2):
        await tick(stage, database_url)

    for endpoint in endpoints:
        assert await numbers(stage, endpoint) == (await issued(stage, endpoint.workspace_id))[1:]
    assert len({*(await numbers(stage, endpoints[0])), *(await numbers(stage, endpoints[1]))}) == 2


async def send_back(stage: Stage, purchase: Purchase, *, is_sent: bool = True) -> None:
    """Refund what is left of a purchase, and tell twice whether the money went."""
    name = {"workspace_id": purchase.workspace_id}
    refund = await money_back.refund(
        stage.studio, **name, purchase_id=purchase.purchase_id, reason="asked"
    )
    for _ in range(2):
        await money_back.confirm(stage.studio, **name, refund_id=refund.refund_id, is_sent=is_sent)


async def test_every_document_of_an_upgrade_a_purchase_and_its_refund_is_told_once(
    stage: Stage,
) -> None:
    workspace_id = await open_paying(stage, "essential")
    endpoint = await add(stage, NOWHERE, INVOICE, workspace_id=workspace_id)
    stage.clock.move(days=3)
    await upgrade.upgrade(stage.studio, workspace_id=workspace_id, plan="pro", key="u")
    stage.clock.move(days=1)
    purchase = await bought(stage, workspace_id)
    stage.clock.move(days=1)

    await send_back(stage, purchase)

    assert await numbers(stage, endpoint) == (await issued(stage, workspace_id))[1:]
    events = await told(stage, endpoint)
    assert [each["kind"] for each in events] == ["invoice", "invoice", "credit_note"]
    assert events[2]["refers_to"] == events[1]["invoice_id"]


async def test_credits_that_staff_add_are_told_with_their_lot_and_once(
    stage: Stage, receiver: Receiver
) -> None:
    workspace_id = await open_paying(stage)
    endpoint = await add(stage, receiver.url, PURCHASE, workspace_id=workspace_id)
    made = await order(stage, workspace_id)
    await pay(stage, made.request)
    name = {"workspace_id": workspace_id, "purchase_id": made.purchase.purchase_id}
    await asyncio.gather(
        *(add_credits(stage.studio, **name) for _ in range(8)), return_exceptions=True
    )

    await deliver_all(stage)

    assert receiver.ids() == [str(made.purchase.purchase_id)]
    assert receiver.verified(endpoint.secret)["data"] == {
        "purchase_id": str(made.purchase.purchase_id), "pack": "video_1500", "kind": "video",
        "credits": 1_500, "lot": await newest_lot(stage, workspace_id), "price": 3_900,
        "currency": "USD", "is_refill": False, "granted_at": stage.clock.now().isoformat(),
    }  # fmt: skip


async def newest_lot(stage: Stage, workspace_id: UUID) -> int:
    async with stage.studio.reading() as connection:
        found = await history.page(
            connection, workspace_id=workspace_id, kind="video", window=history.Window()
        )
    lot = found.lines[0].entry.postings[0].lot
    assert lot is not None
    return lot


async def test_credits_that_come_with_their_payment_are_told(stage: Stage) -> None:
    workspace_id = await open_paying(stage)
    endpoint = await add(stage, NOWHERE, PURCHASE, workspace_id=workspace_id)
    (version,) = stage.studio.catalog.versions
    automatic = replace(version, fulfilment=Fulfilment.AUTOMATIC)
    stage.studio = replace(
        stage.studio, catalog=replace(stage.studio.catalog, versions=(automatic,))
    )
    made = await order(stage, workspace_id)

    for _ in range(2):
        await pay(stage, made.request)

    (event,) = await told(stage, endpoint)
    assert event["purchase_id"] == str(made.purchase.purchase_id)
    assert event["lot"] == await newest_lot(stage, workspace_id)


async def dispute(stage: Stage, purchase: Purchase, *, is_won: bool | None) -> None:
    told_of = GatewayDispute(
        reference="dispute-1", payment_reference=f"transfer {purchase.request_id}",
        is_won=is_won, total=Money(amount=4_641, currency="USD"),
    )  # fmt: skip
    await dispute_told(stage.studio, gateway="manual", dispute=told_of)


async def test_credits_that_come_back_are_not_told_as_granted(stage: Stage) -> None:
    workspace_id = await open_paying(stage)
    purchase = await bought(stage, workspace_id)
    endpoint = await add(stage, NOWHERE, PURCHASE, workspace_id=workspace_id)
    await dispute(stage, purchase, is_won=None)
    await dispute(stage, purchase, is_won=True)

    await send_back(stage, purchase, is_sent=False)

    assert [name for name, _ in await operations(stage, workspace_id)] == [
        "grant", "grant", "freeze", "thaw", "void", "grant",
    ]  # fmt: skip
    assert await told(stage, endpoint) == []
