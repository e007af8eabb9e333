"""What the staff of the business demo do for one customer: own offers, a zone, what comes back.

Owns the acts that need a customer of a certain standing. Invariant: each is a button of the desk,
as the others are; a few regulars are served again and again, so that there is something to undo.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final
from uuid import UUID

from mutoscope.app.terms import BILLING_DATE, NOW
from mutoscope.cli.business_town import Town, happens
from mutoscope.domain.invoices import DocumentKind
from mutoscope.domain.jobs import JobState
from mutoscope.storage import invoices, jobs, workspaces
from mutoscope.storage.place import LAST

if TYPE_CHECKING:
    from collections.abc import Sequence

REGULARS: Final = 8
"""Customers for whom staff do more than for others."""

PRESSES: Final = 0.4
"""The share of days on which staff do something for one customer."""

OWN_PACK: Final = "own_video"
ZONES: Final = ("UTC", "Europe/Berlin", "Asia/Kolkata")
LOOKED_AT: Final = 50
"""Of a customer's papers and jobs, so many of the newest are looked at."""

CREDITED: Final = 100
"""Minor units that a credit note by hand is about."""


async def care(town: Town) -> None:
    """Do something for one customer, on some days."""
    joined = [each.whose for each in town.customers if each.workspace_id is not None]
    if joined and happens(town.chance, PRESSES):
        await town.chance.choice(_ACTS)(town, joined)


async def _agree_pack(town: Town, joined: Sequence[UUID]) -> None:
    """Sell a pack that nobody else is sold, now or later; some think better of what is to come."""
    whose, begins = _regular(town, joined), town.chance.choice((NOW, BILLING_DATE))
    is_agreed = await town.press(
        "agree_pack", whose, pack=OWN_PACK, kind="video", credits=2_000, price=4_500,
        currency="USD", begins=begins,
    )  # fmt: skip
    if is_agreed and begins == BILLING_DATE and happens(town.chance, 0.5):
        await town.press("undo_offers", whose)


async def _withdraw_pack(town: Town, joined: Sequence[UUID]) -> None:
    await town.press("withdraw_pack", _regular(town, joined), pack=OWN_PACK)


async def _agree_free_amount(town: Town, joined: Sequence[UUID]) -> None:
    await town.press(
        "agree_free_amount", _regular(town, joined), kind="video", price_per_1000=2_500,
        currency="USD",
    )  # fmt: skip


async def _withdraw_free_amount(town: Town, joined: Sequence[UUID]) -> None:
    await town.press("withdraw_free_amount", _regular(town, joined), kind="video")


async def _change_zone(town: Town, joined: Sequence[UUID]) -> None:
    """Let a customer's dates follow another clock; some think better of it."""
    whose = town.chance.choice(joined)
    if await town.press("change_zone", whose, zone=town.chance.choice(ZONES)) and happens(
        town.chance, 0.5
    ):
        await town.press("undo_change", whose)


async def _credit_invoice(town: Town, joined: Sequence[UUID]) -> None:
    """Credit a part of a bill."""
    whose = town.chance.choice(joined)
    async with town.house.studio.reading() as connection:
        found = await invoices.page(
            connection, workspace_id=whose, before_at=LAST.at, before_id=LAST.item_id,
            limit=LOOKED_AT,
        )  # fmt: skip
    bills = [each for each in found if each.kind is DocumentKind.INVOICE]
    if bills:
        invoice_id = str(town.chance.choice(bills).invoice_id)
        await town.press("credit_invoice", whose, invoice_id=invoice_id, amount=CREDITED)


async def _refund_job(town: Town, joined: Sequence[UUID]) -> None:
    """Give back what a job cost, of which nobody is proud."""
    whose = town.chance.choice(joined)
    async with town.house.studio.reading() as connection:
        page = await jobs.page(connection, workspace_id=whose, limit=LOOKED_AT)
    made = [each for each in page.jobs if each.state is JobState.SUCCEEDED]
    if made:
        await town.press("refund_job", whose, job_id=str(town.chance.choice(made).job_id))


async def _erase(town: Town, joined: Sequence[UUID]) -> None:
    """Forget the people of an account that was closed."""
    async with town.house.studio.reading() as connection:
        found = [await workspaces.get(connection, workspace_id=each) for each in joined]
    closed = [each.workspace_id for each in found if each.closed_at is not None]
    if closed:
        await town.press("erase_workspace", town.chance.choice(closed))


def _regular(town: Town, joined: Sequence[UUID]) -> UUID:
    return town.chance.choice(joined[:REGULARS])


_ACTS: Final[tuple[Callable[[Town, Sequence[UUID]], Awaitable[None]], ...]] = (
    _agree_pack, _withdraw_pack, _agree_free_amount, _withdraw_free_amount, _change_zone,
    _credit_invoice, _refund_job, _erase,
)  # fmt: skip
