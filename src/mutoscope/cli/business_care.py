"""What the staff of the business demo do for one customer: own offers, a zone, what comes back.

Owns the acts that need a customer of a certain standing. Invariant: each is a button of the desk,
as the others are; a few regulars are served again and again, so that there is something to undo.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final
from uuid import UUID

from mutoscope.app.terms import BILLING_DATE, NOW
from mutoscope.cli.business_life import AGREED
from mutoscope.cli.business_town import OFTEN, Town, happens
from mutoscope.domain.invoices import DocumentKind
from mutoscope.storage import invoices, workspaces
from mutoscope.storage.place import LAST

if TYPE_CHECKING:
    from collections.abc import Sequence

REGULARS: Final = 4
"""Customers with terms of their own for whom staff do more than for others."""

PRESSES: Final = 0.8
"""The share of days on which staff do something for one customer."""

OWN_PACK: Final = "own_video"
ZONES: Final = ("UTC", "Europe/Berlin", "Asia/Kolkata")
LOOKED_AT: Final = 50
"""Of a customer's papers, so many of the newest are looked at."""

CREDITED: Final = 100
"""Minor units that a credit note by hand is about."""


async def care(town: Town) -> None:
    """Do something for one customer, on some days."""
    joined = [each for each in town.customers if each.workspace_id is not None]
    agreeing = [each.whose for each in joined if each.plan == AGREED]
    if not happens(town.chance, PRESSES):
        return
    act, is_of_own_terms = town.chance.choice(_ACTS)
    whose = agreeing[:REGULARS] if is_of_own_terms else [each.whose for each in joined]
    if whose:
        await act(town, whose)


async def _agree_pack(town: Town, whose: Sequence[UUID]) -> None:
    """Sell a pack that nobody else is sold, now or later; some think better of what is to come."""
    begins, one = town.chance.choice((NOW, BILLING_DATE)), town.chance.choice(whose)
    is_agreed = await town.press(
        "agree_pack", one, pack=OWN_PACK, kind="video", credits=2_000, price=4_500,
        currency="USD", begins=begins,
    )  # fmt: skip
    if is_agreed and begins == BILLING_DATE and happens(town.chance, OFTEN):
        await town.press("undo_offers", one)


async def _withdraw_pack(town: Town, whose: Sequence[UUID]) -> None:
    """Sell a pack no more, to the first who is sold one."""
    for one in town.chance.sample(whose, len(whose)):
        if await town.press("withdraw_pack", one, pack=OWN_PACK):
            return


async def _agree_free_amount(town: Town, whose: Sequence[UUID]) -> None:
    await town.press(
        "agree_free_amount", town.chance.choice(whose), kind="video", price_per_1000=2_500,
        currency="USD",
    )  # fmt: skip


async def _withdraw_free_amount(town: Town, whose: Sequence[UUID]) -> None:
    """Let the catalog's price count again, for the first who has one of its own."""
    for one in town.chance.sample(whose, len(whose)):
        if await town.press("withdraw_free_amount", one, kind="video"):
            return


async def _change_zone(town: Town, whose: Sequence[UUID]) -> None:
    """Let a customer's dates follow another clock; some think better of it."""
    one = town.chance.choice(whose)
    if await town.press("change_zone", one, zone=town.chance.choice(ZONES)) and happens(
        town.chance, 0.5
    ):
        await town.press("undo_change", one)


async def _credit_invoice(town: Town, whose: Sequence[UUID]) -> None:
    """Credit a part of a bill."""
    one = town.chance.choice(whose)
    async with town.house.studio.reading() as connection:
        found = await invoices.page(
            connection, workspace_id=one, before_at=LAST.at, before_id=LAST.item_id,
            limit=LOOKED_AT,
        )  # fmt: skip
    bills = [each for each in found if each.kind is DocumentKind.INVOICE]
    if bills:
        invoice_id = str(town.chance.choice(bills).invoice_id)
        await town.press("credit_invoice", one, invoice_id=invoice_id, amount=CREDITED)


async def _refund_job(town: Town, _: Sequence[UUID]) -> None:
    """Give back what a job cost, of which nobody is proud."""
    made = [(each.whose, job) for each in town.customers for job in each.stills]
    if made:
        one, job_id = town.chance.choice(made)
        await town.press("refund_job", one, job_id=str(job_id))


async def _erase(town: Town, whose: Sequence[UUID]) -> None:
    """Forget the people of an account that was closed."""
    async with town.house.studio.reading() as connection:
        found = [await workspaces.get(connection, workspace_id=each) for each in whose]
    closed = [each.workspace_id for each in found if each.closed_at is not None]
    if closed:
        await town.press("erase_workspace", town.chance.choice(closed))


_Act = Callable[[Town, "Sequence[UUID]"], Awaitable[None]]
_ACTS: Final[tuple[tuple[_Act, bool], ...]] = (
    (_agree_pack, True), (_withdraw_pack, True), (_agree_free_amount, True),
    (_withdraw_free_amount, True), (_change_zone, False), (_credit_invoice, False),
    (_refund_job, False), (_erase, False),
)  # fmt: skip
"""What is done for a customer, and whether for those alone who have terms of their own."""
