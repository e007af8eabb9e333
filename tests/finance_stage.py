"""A studio whose customers pay, spend and get money back, at random but repeatably.

Money's rows are written as they are kept; credits move through the journal alone.
"""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random
from typing import Any
from uuid import UUID

from mutoscope.app.studio import Studio
from mutoscope.domain import actions as ask
from mutoscope.domain.credits import Refusal
from mutoscope.domain.lots import Terms
from mutoscope.domain.planner import Submission
from mutoscope.domain.requests import Request
from studio_stage import MovableClock, Stage

BEGINNING = datetime(2025, 1, 20, 12, tzinfo=UTC)
TOOLS = ("runway_gen4_turbo", "kling_pro", "wan_i2v")
DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Bill:
    """What is asked for: net and tax, and the span that it pays for, from now or later."""

    net: int
    tax: int = 0
    currency: str = "USD"
    span: timedelta | None = None
    starts: timedelta = timedelta(0)

    @property
    def total(self) -> int:
        return self.net + self.tax


@dataclass
class Till:
    """What is done on the stage, with ids that count up."""

    studio: Studio
    clock: MovableClock
    numbers: count = field(default_factory=lambda: count(1))  # type: ignore[type-arg]

    def new_id(self) -> UUID:
        return UUID(int=0xF1 << 120 | next(self.numbers))

    async def run(self, sql: str, *values: object) -> None:
        async with self.studio.reading() as connection:
            await connection.execute(sql, *values)

    async def submit(self, workspace_id: UUID, key: str, action: ask.Action) -> bool:
        """Ask for an action on the video wallet; tell whether it was granted."""
        namespace = "job" if "/" in key else "api"
        request = Request(workspace_id, "video", namespace, key, action)
        try:
            await self.studio.journal.submit(Submission((request,)))
        except Refusal:
            return False
        return True

    async def ask_money(
        self, workspace_id: UUID, bill: Bill, *, purpose: str = "plan"
    ) -> tuple[UUID, UUID]:
        """Write a request that is paid now; return its id and the payment's."""
        at, request_id, payment_id = self.clock.now(), self.new_id(), self.new_id()
        line: dict[str, Any] = {"code": purpose, "text": purpose, "amount": bill.net,
                                "starts_at": None, "ends_at": None}  # fmt: skip
        if bill.span is not None:
            begin = at + bill.starts
            line |= {"starts_at": begin.isoformat(), "ends_at": (begin + bill.span).isoformat()}
        await self.run(
            "INSERT INTO payment_requests VALUES ($1, $2, $3, $4, $2, 'stripe', $5, '{}', $6, $7, "
            "$8, $9, $10, 'paid', $2, $11, $11, $11, NULL, 0, NULL)",
            workspace_id, request_id, str(request_id), purpose, f'A "{purpose}" \\ of {bill.net}',
            json.dumps([line]), bill.net, bill.tax, bill.total, bill.currency, at,
        )  # fmt: skip
        if bill.total:
            await self.run(
                "INSERT INTO payments VALUES ($1, $2, 'stripe', $3, $4, $5, $6, 'applied', NULL, "
                "0, $7, $7)",
                workspace_id, payment_id, str(payment_id), request_id, bill.total, bill.currency,
                at,
            )  # fmt: skip
        return request_id, payment_id

    async def buy(
        self, workspace_id: UUID, *, size: int = 1_500, net: int = 3_900, tax: int = 0,
        currency: str = "USD",
    ) -> tuple[UUID, UUID]:  # fmt: skip
        """Pay for credits; return the purchase's id and the payment's."""
        bill = Bill(net=net, tax=tax, currency=currency)
        request_id, payment_id = await self.ask_money(workspace_id, bill, purpose="purchase")
        purchase_id, at = self.new_id(), self.clock.now()
        await self.run(
            "INSERT INTO purchases VALUES ($1, $2, $3, NULL, 'video', $4, $5, $6, 'v', 'paid', "
            "FALSE, NULL, $7, $7)",
            workspace_id, purchase_id, request_id, size, net, currency, at,
        )  # fmt: skip
        return purchase_id, payment_id

    async def grant(
        self, workspace_id: UUID, purchase_id: UUID, *, size: int = 1_500, net: int = 3_900,
        currency: str = "USD",
    ) -> None:  # fmt: skip
        """Grant the credits of a purchase."""
        terms = Terms("pack", self.clock.now(), None, str(purchase_id), net, currency)
        assert await self.submit(workspace_id, f"lot-{purchase_id}", ask.Grant(size, terms))
        await self.run(
            "UPDATE purchases SET state = 'granted', granted_at = $2 WHERE purchase_id = $1",
            purchase_id, self.clock.now(),
        )  # fmt: skip

    async def give_back(
        self, workspace_id: UUID, payment_id: UUID, *, amount: int, currency: str = "USD"
    ) -> None:
        at, refund_id = self.clock.now(), self.new_id()
        await self.run(
            "INSERT INTO refunds VALUES ($1, $2, $3, NULL, 0, $4, $5, 'succeeded', 'asked', NULL, "
            "$6, $6)",
            workspace_id, refund_id, payment_id, amount, currency, at,
        )  # fmt: skip
        await self.run(
            "INSERT INTO refund_outcomes VALUES ($1, $2, 1, 'succeeded', 'stripe', NULL, $3)",
            workspace_id, refund_id, at,
        )  # fmt: skip

    async def lose_dispute(self, workspace_id: UUID, payment_id: UUID, *, amount: int) -> None:
        await self.run(
            "INSERT INTO disputes VALUES ($1, 'stripe', $2, $3, NULL, $4, 'USD', 'lost', $5, $5)",
            workspace_id, f"dp-{next(self.numbers)}", payment_id, amount, self.clock.now(),
        )  # fmt: skip

    async def job(
        self, workspace_id: UUID, *, tool: str, held: int, captured: int, cost: int = 0,
        version: str = "2025-01",
    ) -> UUID | None:  # fmt: skip
        """Hold, settle and keep a job, when its price is there; return its id."""
        job_id, at = self.new_id(), self.clock.now()
        if not await self.submit(workspace_id, f"hold/{job_id}", ask.Hold(held, at + DAY)):
            return None
        await self.run(_JOB, workspace_id, job_id, str(job_id), tool, held, captured, at, version)
        await self.run(_ATTEMPT, workspace_id, job_id, cost, at)
        settle = ask.Settle(ask.Reference("job", f"hold/{job_id}"), captured)
        assert await self.submit(workspace_id, f"end/{job_id}", settle)
        return job_id


_JOB = """
    INSERT INTO jobs (workspace_id, job_id, request_key, request_digest, tool, kind, version, price,
        is_metered, spec, state, provider, captured, created_at, starts_at, deadline_at,
        submitting_at, submitted_at, finished_at, stepped_at)
    VALUES ($1, $2, $3, '\\x00', $4, 'video', $8, $5, FALSE,
        '{"images": 1, "duration_s": 10, "source": null}', 'succeeded', 'runway', $6, $7, $7, $7,
        $7, $7, $7, $7)
"""
_ATTEMPT = """
    INSERT INTO attempts (workspace_id, job_id, ordinal, route, provider, model, state, list_micros,
        cost_micros, intended_at, answered_at, ended_at)
    VALUES ($1, $2, 1, 'r', 'runway', 'm', 'ended', $3, $3, $4, $4, $4)
"""


def till_of(stage: Stage) -> Till:
    """Return the till of a stage."""
    return Till(stage.studio, stage.clock)


async def play(till: Till, *, seed: int, steps: int, workspaces: int = 3) -> None:
    """Let customers pay, spend and get money back at random."""
    random = Random(seed)
    customers = [_Customer(till, till.new_id(), random) for _ in range(workspaces)]
    for _ in range(steps):
        till.clock.move(hours=random.choice([0, 1, 7, 30, 200]))
        await random.choice(customers).act()


@dataclass
class _Customer:
    """One workspace, and what it can still do something about."""

    till: Till
    workspace_id: UUID
    random: Random
    waiting: list[tuple[UUID, int, int, str]] = field(default_factory=list)
    payments: list[tuple[UUID, int, str]] = field(default_factory=list)
    granted: list[UUID] = field(default_factory=list)
    jobs: list[UUID] = field(default_factory=list)

    async def act(self) -> None:
        acts = [self.buys, self.subscribes, self.is_granted, self.is_granted, self.has_free,
                self.orders, self.orders, self.orders, self.orders, self.charges, self.is_refunded,
                self.is_voided, self.gets_money, self.disputes, self.closes]  # fmt: skip
        await self.random.choice(acts)()

    async def buys(self) -> None:
        amount, net = self.random.randint(700, 2_000), self.random.randint(0, 9_999)
        tax, currency = self.random.choice([0, net // 5]), self.random.choice(["USD", "eur", "JPY"])
        purchase, payment = await self.till.buy(
            self.workspace_id, size=amount, net=net, tax=tax, currency=currency
        )
        self.waiting.append((purchase, amount, net, currency))
        self.payments.append((payment, net + tax, currency))

    async def subscribes(self) -> None:
        net, currency = self.random.randint(0, 50_000), self.random.choice(["USD", "EUR"])
        bill = Bill(
            net=net, tax=net // 7, currency=currency, span=self.random.choice([28, 31, 365]) * DAY,
            starts=self.random.randint(-20, 20) * DAY,
        )  # fmt: skip
        purpose = self.random.choice(["plan", "renewal", "upgrade"])
        _, payment = await self.till.ask_money(self.workspace_id, bill, purpose=purpose)
        self.payments.append((payment, net + net // 7, currency))

    async def is_granted(self) -> None:
        if self.waiting:
            purchase, amount, net, currency = self.waiting.pop()
            await self.till.grant(
                self.workspace_id, purchase, size=amount, net=net, currency=currency
            )
            self.granted.append(purchase)

    async def has_free(self) -> None:
        at = self.till.clock.now()
        paid = self.random.choice([None, 777])  # a promotion that was paid for elsewhere lapses
        terms = Terms("promo", at, at + 9 * DAY, None, paid, None if paid is None else "USD")
        await self.till.submit(
            self.workspace_id, f"promo-{self.till.new_id()}", ask.Grant(60, terms)
        )

    async def orders(self) -> None:
        held = self.random.choice([40, 50, 250])
        job = await self.till.job(
            self.workspace_id, tool=self.random.choice(TOOLS), held=held,
            captured=self.random.choice([0, held // 3, held]),
            cost=self.random.randint(0, 2_000_000),
        )  # fmt: skip
        if job is not None:
            self.jobs.append(job)

    async def charges(self) -> None:
        key = f"charge-{self.till.new_id()}"
        await self.till.submit(self.workspace_id, key, ask.Charge(self.random.randint(1, 90)))

    async def is_refunded(self) -> None:
        if self.jobs:
            of = ask.Reference("job", f"end/{self.jobs.pop()}")
            await self.till.submit(self.workspace_id, f"refund-{of.key[4:]}", ask.Refund(of))

    async def is_voided(self) -> None:
        if self.granted and self.random.random() < 0.5:
            of = ask.Reference("api", f"lot-{self.granted.pop()}")
            await self.till.submit(self.workspace_id, f"void-{of.key}", ask.Void(of))

    async def gets_money(self) -> None:
        if self.payments:
            payment, total, currency = self.payments.pop()
            if total:
                amount = self.random.choice([total, total // 2 + 1])
                await self.till.give_back(
                    self.workspace_id, payment, amount=amount, currency=currency
                )

    async def disputes(self) -> None:
        if self.payments and self.payments[-1][2] == "USD" and self.payments[-1][1]:
            payment, total, _ = self.payments.pop()
            await self.till.lose_dispute(self.workspace_id, payment, amount=total)

    async def closes(self) -> None:
        if self.random.random() < 0.2:
            await self.till.submit(self.workspace_id, f"close-{self.till.new_id()}", ask.Forfeit())
