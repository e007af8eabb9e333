"""The stage of tests of card payments: a studio whose customers pay over a simulated Stripe."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from business_stage import enable_purchases
from mutoscope.app import pay_links, sign_up
from mutoscope.app.payment_desk import HANDLERS
from mutoscope.app.reconcile import reconcile
from mutoscope.app.subscribe import NewPlan, order_plan
from mutoscope.storage.payments import PaymentRequest
from payment_stage import GOOD, Till, open_till
from soundness import assert_sound
from studio_stage import Stage, open_stage

STRIPE = "stripe"


@dataclass
class Shop:
    """A studio whose customers pay by card, and the simulated Stripe."""

    stage: Stage
    till: Till

    async def pay(self, request: PaymentRequest, *, card: str = GOOD) -> None:
        """Pay a request on Stripe's page, and let the comparison of the books find it."""
        checkout = await pay_links.checkout(self.stage.studio, request)
        await self.till.control("pay", session=checkout.reference, card=card)
        await self.compare()

    async def compare(self) -> bool:
        since = self.stage.clock.now() - timedelta(days=40)
        found = await reconcile(self.stage.studio, gateway=STRIPE, since=since, handlers=HANDLERS)
        return found.is_equal

    async def customer(
        self, plan: str = "pro", *, card: str = GOOD, is_annual: bool = False,
        email: str = "c@example.com",
    ) -> UUID:  # fmt: skip
        """Open a workspace whose plan was paid by card, and may buy credits."""
        studio = self.stage.studio
        opened = await sign_up.create(studio, name="Corona", zone="UTC", email=email)
        request = await order_plan(
            studio, workspace_id=opened.workspace_id, key="first",
            new=NewPlan(plan=plan, is_annual=is_annual, gateway=STRIPE),
        )  # fmt: skip
        await self.pay(request, card=card)
        await enable_purchases(self.stage, opened.workspace_id)
        return opened.workspace_id

    async def charges(self) -> list[int]:
        """Return what the simulated Stripe really charged."""
        return [each["amount"] for each in await self.till.books()]


@asynccontextmanager
async def open_shop(url: str, folder: Path) -> AsyncIterator[Shop]:
    """Open a studio on a database, and a simulated Stripe; in the end its ledger is sound."""
    async with open_stage(url, folder) as stage, open_till(stage.clock.now) as till:
        gateways = {STRIPE: till.gateway}
        stage.studio = replace(stage.studio, gateways=gateways, gateway=STRIPE)
        yield Shop(stage, till)
        await assert_sound(url)
