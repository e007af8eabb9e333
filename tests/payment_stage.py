"""What the tests of payments share: a simulated Stripe, the gateway before it, a recording desk."""

import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
import stripe

from mutoscope.app.gateway import Demand, GatewayDispute, GatewayPayment, PaymentState
from mutoscope.app.payment_events import Handlers, Heard, hear
from mutoscope.app.studio import Studio
from mutoscope.domain.credits import Refusal
from mutoscope.domain.offers import Money
from mutoscope.payments.stripe import StripeGateway
from mutoscope.payments.stripe_line import StripeAccount
from mutoscope.simulators.server import running
from mutoscope.simulators.stripe import StripeSimulator
from mutoscope.simulators.tasks import World

GOOD, DECLINED, ASKING = "4242424242424242", "4000000000000002", "4000002760003184"
DECLINED_LATER, DISPUTED = "4000000000000341", "4000000000000259"
PENDING_REFUNDS, FAILING_REFUNDS = "4000000000007726", "4000000000005126"
DOLLARS = Money(amount=3_900, currency="USD")
SECRET = StripeSimulator.signing_key
Now = Callable[[], datetime]


def now() -> datetime:
    """Return the machine's instant."""
    return datetime.now(UTC)


def demand(**changes: object) -> Demand:
    """Return a demand of its own."""
    asked = Demand(
        request_id=uuid4(), workspace_id=uuid4(), total=DOLLARS, title="1,500 video credits",
        email="ada@example.com",
    )  # fmt: skip
    return replace(asked, **changes)


@dataclass(frozen=True)
class Till:
    """A simulated Stripe, the gateway that is tested before it, and its control calls."""

    world: World
    gateway: StripeGateway
    client: httpx.AsyncClient

    async def open(self, **changes: object) -> str:
        """Open a checkout, and return its reference."""
        asked = demand(**changes)
        opened = await self.gateway.checkout(demand=asked, key=f"checkout/{asked.request_id}")
        return opened.reference

    async def pay(self, card: str = GOOD, **changes: object) -> GatewayPayment:
        """Open a checkout, pay it with a card, and return the payment."""
        intent = await self.control("pay", session=await self.open(**changes), card=card)
        return await self.gateway.payment(reference=intent["id"])

    async def control(self, what: str, **asked: object) -> dict[str, Any]:
        """Do something in the simulator that its payers, banks or dashboard would do."""
        answer = await self.client.post(f"/stripe/_sim/{what}", json=asked)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def fault(self, name: str, times: int = 1) -> None:
        """Let a fault befall the next calls or events."""
        asked = {"provider": "stripe", "outcome": name, "n": times}
        assert (await self.client.post("/_sim/next", json=asked)).status_code == 200

    def has_fault(self) -> bool:
        """Tell whether a fault has yet to befall a call: one that came too late met none."""
        return bool(self.world.scripts.get(StripeSimulator.name))

    async def books(self) -> list[dict[str, Any]]:
        """Return what the simulator really charged and gave back."""
        found: list[dict[str, Any]] = (await self.client.get("/stripe/_sim/books")).json()
        return found

    async def events(self) -> list[dict[str, Any]]:
        """Return what happened at the simulator, the eldest first."""
        headers = {"Authorization": f"Bearer {StripeSimulator.key}"}
        answer = await self.client.get("/stripe/v1/events?limit=100", headers=headers)
        found: list[dict[str, Any]] = answer.json()["data"]
        return found[::-1]

    def impatient(self) -> StripeGateway:
        """Return a gateway that gives answers up at once."""
        return StripeGateway(account=account(self.world.address, answer_s=0.15))


def till_settings(till: Till) -> dict[str, str]:
    """Return the settings of a house that takes cards at a till."""
    return {
        "MUTOSCOPE_GATEWAY": "stripe", "MUTOSCOPE_STRIPE_KEY": StripeSimulator.key,
        "MUTOSCOPE_STRIPE_SECRET": SECRET, "MUTOSCOPE_STRIPE_URL": f"{till.world.address}/stripe",
    }  # fmt: skip


def account(address: str, **changes: object) -> StripeAccount:
    """Return the simulator's account."""
    found = StripeAccount(
        key=StripeSimulator.key, secret=SECRET, return_url="http://localhost:8420",
        url=f"{address}/stripe", answer_s=5,
    )  # fmt: skip
    return replace(found, **changes)


@asynccontextmanager
async def open_till(now: Now = now) -> AsyncIterator[Till]:
    """Run a simulated Stripe, and put a gateway before it."""
    async with (
        running(port=0, now=now, new_id=uuid4, kinds=(StripeSimulator,)) as world,
        httpx.AsyncClient(base_url=world.address, trust_env=False) as client,
    ):
        gateway = StripeGateway(account=account(world.address))
        yield Till(world, gateway, client)
        await gateway.close()


def signed(event: dict[str, Any], *, at: datetime, secret: str = SECRET) -> dict[str, Any]:
    """Return an event as it travels: what `hear` takes beside the gateway's name."""
    body = json.dumps(event).encode()
    header = stripe.WebhookSignature.generate_signature_header(
        body.decode(), secret, int(at.timestamp())
    )
    return {"headers": {"stripe-signature": header}, "body": body}


async def deliver(studio: Studio, event: dict[str, Any]) -> Heard:
    """Let the studio hear an event."""
    return await hear(studio, gateway="stripe", **signed(event, at=studio.clock.now()))


class Closed(Refusal):
    """A desk that takes nothing just now."""

    code = "desk_closed"


@dataclass
class Desk:
    """Handlers that count each payment once by a claim, and note what they are told."""

    workspace_id: UUID
    received: Counter[str] = field(default_factory=Counter)
    counted: dict[str, int] = field(default_factory=dict)
    refunds: list[tuple[str, PaymentState]] = field(default_factory=list)
    disputes: list[GatewayDispute] = field(default_factory=list)
    trouble: Exception | None = None

    def handlers(self) -> Handlers:
        return Handlers(
            receive=self.receive, refund_told=self.refund_told, dispute_told=self.dispute_told
        )

    async def receive(self, studio: Studio, *, gateway: str, payment: GatewayPayment) -> None:
        if self.trouble is not None:
            raise self.trouble
        self.received[payment.reference] += 1
        if await self.claim(studio, gateway, payment):
            self.counted[payment.reference] = payment.total.amount

    async def claim(self, studio: Studio, gateway: str, payment: GatewayPayment) -> bool:
        payment_id, at = uuid4(), studio.clock.now()
        async with studio.reading() as connection, connection.transaction():
            claimed = await connection.fetchval(
                "INSERT INTO payment_claims VALUES ($1, $2, $3, $4, $5) "
                "ON CONFLICT DO NOTHING RETURNING reference",
                gateway, payment.reference, self.workspace_id, payment_id, at,
            )  # fmt: skip
            if claimed is not None:
                await connection.execute(
                    "INSERT INTO payments (workspace_id, payment_id, gateway, reference, "
                    "request_id, amount, currency, state, received_at, settled_at) "
                    "VALUES ($1, $2, $3, $4, $5, $6, $7, 'applied', $8, $8)",
                    self.workspace_id, payment_id, gateway, payment.reference, payment.request_id,
                    payment.total.amount, payment.total.currency, at,
                )  # fmt: skip
        return claimed is not None

    async def refund_told(
        self, studio: Studio, *, gateway: str, reference: str, state: PaymentState
    ) -> None:
        assert gateway in studio.gateways
        self.refunds.append((reference, state))

    async def dispute_told(self, studio: Studio, *, gateway: str, dispute: GatewayDispute) -> None:
        assert gateway in studio.gateways
        self.disputes.append(dispute)
