"""Lives of customers: what each does on a day of the business demo, drawn from a seed.

Owns the habits of customers. Invariant: every act goes through the same use cases as the API. The
surprising choice: customers live side by side, as in the world, so that what they do meets in the
ledger's transactions.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Final

from mutoscope.app import (
    caps,
    change_plan,
    generate,
    members,
    sign_up,
    subscribe,
    suspend,
    upgrade,
)
from mutoscope.app.advance import advance
from mutoscope.app.generate import Wish
from mutoscope.app.members import InvitationWish
from mutoscope.app.studio import MANUAL
from mutoscope.app.subscribe import NewPlan
from mutoscope.cli import business_buying as buying
from mutoscope.cli.business_town import OFTEN, RARELY, Customer, Late, Town, happens
from mutoscope.domain import actions as ask
from mutoscope.domain.caps import Subject
from mutoscope.domain.desk import amounts_text
from mutoscope.domain.journal import Attribution
from mutoscope.domain.planner import Submission
from mutoscope.domain.requests import Request
from mutoscope.domain.spending import HoldAlreadySettled
from mutoscope.domain.subscriptions import State
from mutoscope.storage import workspaces
from mutoscope.storage.caps import Cap, check_caps
from mutoscope.storage.session import SideRow

AGREED: Final = "enterprise"
PLANS: Final = (*("essential",) * 5, *("pro",) * 5, *("unlimited",) * 3, *(AGREED,) * 2)
ZONES: Final = (
    "UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe",
    "America/Sao_Paulo", "Pacific/Apia",
)  # fmt: skip
CARDS: Final = (
    *("4242424242424242",) * 6, *("4000000000000341",) * 2, "4000000000000259",
    "4000000000005126",
)  # fmt: skip
"""Good cards mostly; some are declined later, one is disputed, one's refunds fail."""

STILL: Final = Wish(tool="image_generation", prompt="a lighthouse at dusk")
STEPS_MAX: Final = 5
"""Steps in which a still is made: more would wait for a provider, and the clock stands."""

CALL_FAULTS: Final = (
    "http500_on_create_but_task_created", "drop_connection_after_accept", "rate_limited"
)  # fmt: skip
HOOK_FAULTS: Final = (
    "duplicate_webhook", "webhook_after_its_successor", "dropped_webhook",
    "webhook_again_with_another_id", "webhook_bad_signature",
)  # fmt: skip


async def live(town: Town, customer: Customer) -> None:
    """Let a customer live a day."""
    studio = town.studio_of(customer)
    if studio.clock.now() < customer.joins_on:
        return
    if customer.workspace_id is None:
        await town.tried("joined", _join(town, customer))
        return
    await buying.pay_bills(town, customer)
    await _deliver_late(town, customer)
    async with studio.reading() as connection:
        workspace = await workspaces.get(connection, workspace_id=customer.workspace_id)
    state = workspace.state_at(at=studio.clock.now())
    chance = customer.chance.random()
    for share, name, act in _habits(customer, state):
        if chance < share:
            await town.tried(name, act(town, customer))
            return
        chance -= share


async def _join(town: Town, customer: Customer) -> None:
    studio = town.studio_of(customer)
    opened = await sign_up.create(
        studio, name=f"Customer {customer.number}", zone=customer.zone,
        email=f"customer{customer.number}@example.com",
    )  # fmt: skip
    customer.workspace_id = opened.workspace_id
    if customer.is_hesitant:
        return
    await _start(town, customer)
    if customer.gateway == MANUAL or happens(customer.chance, OFTEN):
        await buying.ask_for_credits(town, customer)


async def _start(town: Town, customer: Customer) -> None:
    """Start a plan: on account, by a first payment, or as it is agreed with staff."""
    studio = town.studio_of(customer)
    if customer.plan == AGREED:
        await town.press(
            "start_plan", customer.whose, plan=AGREED, is_annual=customer.is_annual,
            **_wanted(customer),
        )  # fmt: skip
        return
    new = NewPlan(plan=customer.plan, is_annual=customer.is_annual, gateway=customer.gateway)
    if customer.gateway == MANUAL:
        await subscribe.start_on_account(studio, workspace_id=customer.whose, new=new)
        return
    request = await subscribe.order_plan(
        studio, workspace_id=customer.whose, new=new, key=customer.key()
    )
    await buying.pay(town, customer, request)


def _wanted(customer: Customer) -> dict[str, object]:
    """Return terms on which a customer and staff agree."""
    video = customer.chance.choice((1_000, 2_000, 4_000))
    return {
        "allowances": amounts_text({"image": video // 4, "video": video}), "price": 3 * video,
        "currency": "USD", "can_purchase": happens(customer.chance, OFTEN),
    }  # fmt: skip


async def _agree(town: Town, customer: Customer) -> None:
    """Agree with staff on other terms."""
    await town.press("terms", customer.whose, **_wanted(customer))


async def _spend(town: Town, customer: Customer) -> None:
    """Spend on a job: hold, then settle for less or more of it."""
    studio, whose, key = town.studio_of(customer), customer.whose, customer.key()
    kind = customer.chance.choice(("video", "video", "image"))
    amount = customer.chance.choice((1, 5, 25, 50, 80, 250))
    deadline_at = studio.clock.now() + timedelta(hours=1)
    member_id = customer.member_id if happens(customer.chance, 0.5) else None
    hold = Request(
        whose, kind, "api", f"hold/{key}", ask.Hold(amount, deadline_at), Attribution(member_id)
    )
    judged = () if member_id is None else (
        SideRow(check_caps, (whose, kind, member_id, None, amount)),
    )  # fmt: skip
    await studio.journal.submit(Submission((hold,)), side_rows=judged)
    captured = amount if happens(customer.chance, OFTEN) else customer.chance.randrange(amount)
    if happens(customer.chance, RARELY):  # the worker was killed: the deadline gives the hold back
        customer.late.append(Late(kind, f"hold/{key}", amount))
        return
    settle = ask.Settle(ask.Reference("api", f"hold/{key}"), captured)
    await studio.journal.submit(Submission((Request(whose, kind, "api", f"settle/{key}", settle),)))


async def _make_still(town: Town, customer: Customer) -> None:
    """Have a still made by the (simulated) provider that answers with the picture itself."""
    studio, whose = town.studio_of(customer), customer.whose
    job, _ = await generate.place(studio, workspace_id=whose, wish=STILL, key=customer.key())
    for _ in range(STEPS_MAX):
        step = await advance(studio, workspace_id=whose, job_id=job.job_id)
        if step.wait_s is None:
            customer.stills.append(job.job_id)
            return


async def _deliver_late(town: Town, customer: Customer) -> None:
    """Let a clip come after all: what was given back is never charged again, but absorbed."""
    studio = town.studio_of(customer)
    for late in customer.late:
        hold = ask.Reference("api", late.key)
        settle, absorb = (
            Request(customer.whose, late.kind, "api", f"{name}/{late.key}", action)
            for name, action in (
                ("settle", ask.Settle(hold, late.amount)), ("late", ask.Absorb(late.amount, hold))
            )
        )  # fmt: skip
        with suppress(HoldAlreadySettled):
            await studio.journal.submit(Submission((settle,)))
            continue
        await studio.journal.submit(Submission((absorb,)))
        town.seen["late success absorbed"] += 1
    customer.late.clear()


async def _upgrade(town: Town, customer: Customer) -> None:
    plan = customer.chance.choice(("pro", "unlimited"))
    await upgrade.upgrade(
        town.studio_of(customer), workspace_id=customer.whose, plan=plan, key=customer.key()
    )


async def _downgrade(town: Town, customer: Customer) -> None:
    plan = customer.chance.choice(("essential", "pro"))
    is_annual = customer.chance.choice((None, None, True, False))
    await change_plan.schedule(
        town.studio_of(customer), workspace_id=customer.whose, plan=plan, is_annual=is_annual
    )


async def _move(town: Town, customer: Customer) -> None:
    zone = customer.chance.choice(ZONES)
    await change_plan.schedule(town.studio_of(customer), workspace_id=customer.whose, zone=zone)


async def _cancel(town: Town, customer: Customer) -> None:
    await change_plan.cancel(town.studio_of(customer), workspace_id=customer.whose)


async def _undo(town: Town, customer: Customer) -> None:
    await change_plan.undo(town.studio_of(customer), workspace_id=customer.whose)


async def _close(town: Town, customer: Customer) -> None:
    """Close the account, or let staff do it."""
    if happens(customer.chance, 0.3):
        await town.press("close", customer.whose)
        return
    await suspend.close(town.studio_of(customer), workspace_id=customer.whose)


async def _invite(town: Town, customer: Customer) -> None:
    """Take a member into the team, who may use so many video credits in a period."""
    studio, whose = town.studio_of(customer), customer.whose
    wish = InvitationWish(email=f"member-{customer.key()}@example.com")
    await members.invite(studio, workspace_id=whose, wish=wish, key=customer.key())
    async with studio.reading() as connection:
        (mail, *_) = await workspaces.outbox(connection, workspace_id=whose, limit=1)
    token = mail.body.split()[-1]
    member = await members.accept(studio, workspace_id=whose, token=token)
    customer.member_id = member.member_id
    cap = Cap(Subject.MEMBER, member.member_id, "video", customer.chance.choice((50, 200, 400)))
    await caps.set_cap(studio, workspace_id=whose, cap=cap)


Act = Callable[[Town, Customer], Awaitable[None]]
_Habits = tuple[tuple[float, str, Act], ...]
_PAYING: Final[_Habits] = (
    (0.05, "spent", _spend), (0.0015, "still made", _make_still),
    (0.012, "bought", buying.buy_credits), (0.004, "upgraded", _upgrade),
    (0.004, "change scheduled", _downgrade), (0.002, "zone scheduled", _move),
    (0.003, "cancelled", _cancel), (0.003, "undone", _undo),
    (0.002, "refund asked for", buying.want_refund), (0.001, "disputed", buying.dispute),
    (0.003, "code redeemed", buying.redeem), (0.0003, "closed", _close),
    (0.003, "asked in the chat", buying.ask_for_credits), (0.003, "refill set", buying.set_refill),
    (0.002, "refund returned", buying.return_refund), (0.002, "member capped", _invite),
)  # fmt: skip
_PAST_DUE: Final[_Habits] = (
    (0.02, "change scheduled", _downgrade), (0.25, "cancelled", _cancel), (0.03, "undone", _undo),
    (0.005, "closed", _close), *_PAYING,
)  # fmt: skip
_HABITS: Final[Mapping[State, _Habits]] = {
    State.TRIAL: ((0.1, "spent", _spend), (0.04, "started", _start), (0.005, "closed", _close)),
    State.FREE: (
        (0.05, "started", _start), (0.02, "spent", _spend), (0.01, "closed", _close)
    ),
    State.ACTIVE: _PAYING,
    State.PAST_DUE: _PAST_DUE,
    State.SUSPENDED: (
        (0.01, "spent", _spend), (0.01, "bought", buying.buy_credits), (0.01, "closed", _close)
    ),
    State.CANCELLED: (
        (0.03, "came back", _start), (0.005, "closed", _close),
        (0.01, "refund returned", buying.return_refund),
    ),
    State.CLOSED: ((0.01, "spent", _spend),),
}  # fmt: skip
"""What a customer does on a day, by its state: each with its share of days."""

_AGREEING: Final[Mapping[State, _Habits]] = {
    State.ACTIVE: ((0.01, "terms asked for", _agree),),
    State.PAST_DUE: ((0.2, "terms asked for", _agree),),
}
"""What those with agreed terms do besides."""


def _habits(customer: Customer, state: State) -> _Habits:
    own = _AGREEING.get(state, ()) if customer.plan == AGREED else ()
    return (*own, *_HABITS[state])
