"""A studio that sells: a live workspace, transfers that staff confirm, a clock that is moved."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID, uuid4

from mutoscope.app import buy, charge, dunning, sign_up
from mutoscope.app.buy import Order, Wish
from mutoscope.app.confirm import confirm_payment
from mutoscope.app.fulfil import add_credits
from mutoscope.app.receive import Received
from mutoscope.app.renew import run as renew
from mutoscope.app.subscribe import start_plan
from mutoscope.domain import actions as ask
from mutoscope.domain.planner import Submission
from mutoscope.domain.purchases import Purchase
from mutoscope.domain.requests import Request
from mutoscope.domain.subscriptions import State
from mutoscope.storage import balances, history, invoices, payments, subscriptions, workspaces
from mutoscope.storage.invoices import Invoice
from mutoscope.storage.payments import PaymentRequest
from mutoscope.storage.subscriptions import Change
from mutoscope.storage.workspaces import Workspace
from studio_stage import Stage

BEGINNING = datetime(2025, 1, 31, 9, tzinfo=UTC)
LATEST = datetime(2100, 1, 1, tzinfo=UTC)
PACK = Wish(pack="video_1500")


async def open_paying(stage: Stage, plan: str = "pro", *, is_annual: bool = False) -> UUID:
    """Open a live workspace with a plan on account that may buy credits."""
    stage.clock.at = max(stage.clock.at, BEGINNING)
    number = uuid4().hex[:8]
    opened = await sign_up.create(
        stage.studio, name="Borealis", zone="UTC", email=f"{number}@example.com"
    )
    await start_plan(stage.studio, workspace_id=opened.workspace_id, plan=plan, is_annual=is_annual)
    await enable_purchases(stage, opened.workspace_id)
    return opened.workspace_id


async def enable_purchases(stage: Stage, workspace_id: UUID) -> None:
    """Let a workspace buy credits."""
    async with stage.studio.reading() as connection:
        await connection.execute(
            "UPDATE workspaces SET purchases_enabled_at = $2 WHERE workspace_id = $1",
            workspace_id, stage.clock.now(),
        )  # fmt: skip


async def read(stage: Stage, workspace_id: UUID) -> Workspace:
    async with stage.studio.reading() as connection:
        return await workspaces.get(connection, workspace_id=workspace_id)


async def state(stage: Stage, workspace_id: UUID) -> State:
    return (await read(stage, workspace_id)).state_at(at=stage.clock.now())


async def tick(stage: Stage, url: str) -> None:
    """Let the clock do all that is due: grants and lapses, charges, reminders."""
    await renew(url=url, at=stage.clock.now())
    await charge.run(stage.studio)
    await dunning.run(stage.studio)


async def spendable(stage: Stage, workspace_id: UUID, *, kind: str = "video") -> int:
    at = stage.clock.now()
    async with stage.studio.reading() as connection:
        found = await balances.balances(connection, workspace_id=workspace_id, at=at, now=at)
    return sum(each.spendable for each in found if each.kind == kind)


async def spend(stage: Stage, workspace_id: UUID, amount: int, *, kind: str = "video") -> None:
    request = Request(workspace_id, kind, "api", uuid4().hex, ask.Charge(amount))
    await stage.studio.journal.submit(Submission((request,)))


async def operations(
    stage: Stage, workspace_id: UUID, *, kind: str = "video"
) -> list[tuple[str, int]]:
    """Return each line of a wallet, oldest first, as its operation and what it moved."""
    window = history.Window(is_oldest_first=True)
    async with stage.studio.reading() as connection:
        found = await history.page(connection, workspace_id=workspace_id, kind=kind, window=window)
    return [
        (str(line.entry.operation), sum(posting.amount for posting in line.entry.postings))
        for line in found.lines
    ]


async def to_pay(stage: Stage, workspace_id: UUID) -> Sequence[PaymentRequest]:
    async with stage.studio.reading() as connection:
        return await payments.open_requests(connection, workspace_id=workspace_id)


async def pay(
    stage: Stage, request: PaymentRequest, *, reference: str = "", amount: int | None = None
) -> Received:
    """Confirm a transfer for a request."""
    return await confirm_payment(
        stage.studio, workspace_id=request.workspace_id, request_id=request.request_id,
        reference=reference or f"transfer {request.request_id}", amount=amount,
    )  # fmt: skip


async def pay_all(stage: Stage, workspace_id: UUID) -> None:
    for request in await to_pay(stage, workspace_id):
        await pay(stage, request)


async def order(stage: Stage, workspace_id: UUID, *, wish: Wish = PACK, key: str = "1") -> Order:
    return await buy.buy(stage.studio, workspace_id=workspace_id, wish=wish, key=key)


async def bought(stage: Stage, workspace_id: UUID, *, key: str = "1") -> Purchase:
    """Order a pack, pay it, and let staff add its credits."""
    made = await order(stage, workspace_id, key=key)
    await pay(stage, made.request)
    return await add_credits(
        stage.studio, workspace_id=workspace_id, purchase_id=made.purchase.purchase_id
    )


async def documents(stage: Stage, workspace_id: UUID) -> list[Invoice]:
    """Return the invoices and credit notes of a workspace, oldest first."""
    async with stage.studio.reading() as connection:
        found = await invoices.page(
            connection, workspace_id=workspace_id, before_at=LATEST, before_id=workspace_id,
            limit=100,
        )  # fmt: skip
        issued = [
            await invoices.get(connection, workspace_id=workspace_id, invoice_id=each.invoice_id)
            for each in found
        ]
    return sorted(issued, key=lambda each: (each.issued_at, each.number))


async def changes(stage: Stage, workspace_id: UUID) -> list[Change]:
    async with stage.studio.reading() as connection:
        found = await subscriptions.changes(connection, workspace_id=workspace_id, limit=100)
    return list(reversed(found))
