"""What a gateway tells of one payment: every order of its events, each told one to five times.

Run it at any length by `python tests/campaigns.py webhook-deliveries`. A paid checkout makes three
events; they are told in all six orders, with all 125 combinations of repeats, in each of three
ways: one after the other under their own ids, one after the other under ids of their own each, and
all of them at once while several workers look into them. Each case is a purchase of its own, paid
at a simulated Stripe.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import permutations, product
from pathlib import Path
from random import Random
from typing import Any, NamedTuple
from uuid import UUID

from business_stage import open_paying, order, spendable
from mutoscope.app import pay_links
from mutoscope.app.payment_desk import HANDLERS
from mutoscope.app.payment_events import process_pending
from mutoscope.app.reconcile import reconcile
from mutoscope.domain.catalog import Fulfilment
from mutoscope.storage import payment_events
from payment_stage import GOOD, Till, deliver, open_till
from soundness import assert_sound
from studio_stage import Stage, open_stage

EVENTS = ("charge.succeeded", "payment_intent.succeeded", "checkout.session.completed")
TIMES = range(1, 6)
WAYS = ("same_ids", "other_ids", "at_once")
WORKERS = 3
CREDITS = 1_500
CASES_A_WORKSPACE = 125
CASES_A_TURN = 50


class Case(NamedTuple):
    """In which order the events are told, how often each, and in which way."""

    places: tuple[int, ...]
    times: tuple[int, ...]
    way: str


CASES = tuple(
    Case(*case) for case in product(permutations(range(3)), product(TIMES, repeat=3), WAYS)
)


BOOKED = """
    SELECT
        (SELECT count(*) FROM payments) AS payments,
        (SELECT count(*) FROM payments WHERE state <> 'applied') AS others,
        (SELECT count(*) FROM purchases WHERE state = 'granted') AS granted,
        (SELECT count(*) FROM invoices) - (SELECT count(*) FROM subscriptions) AS invoices
"""


class Shop(NamedTuple):
    """A studio that sells credits by card, and the simulated Stripe."""

    stage: Stage
    till: Till


@asynccontextmanager
async def open_shop(url: str, folder: Path) -> AsyncIterator[Shop]:
    """Open a studio whose purchases are granted when they are paid."""
    async with open_stage(url, folder) as stage, open_till(stage.clock.now) as till:
        gateways = {"stripe": till.gateway}
        stage.studio = replace(stage.studio, gateways=gateways, gateway="stripe")
        for version in stage.studio.catalog.versions:
            object.__setattr__(version, "fulfilment", Fulfilment.AUTOMATIC)
        yield Shop(stage, till)


async def play(shop: Shop, cases: Sequence[Case]) -> Counter[str]:
    """Play cases, each on a purchase of its own; return how many there were, and deliveries."""
    counted: Counter[str] = Counter()
    for number, case in enumerate(cases):
        if number % CASES_A_WORKSPACE == 0:
            workspace_id = await open_paying(shop.stage)
            granted = await spendable(shop.stage, workspace_id)
        told = await paid(shop, workspace_id, key=str(number))
        counted["deliveries"] += await tell(shop.stage, case, told)
        counted[case.way] += 1
        granted += CREDITS
        assert await spendable(shop.stage, workspace_id) == granted, case
    await check_booked_once(shop, len(cases))
    return counted


async def check_booked_once(shop: Shop, cases: int) -> None:
    """Fail when a purchase was not paid, granted and invoiced once, here and at Stripe."""
    async with shop.stage.studio.reading() as connection:
        booked = await connection.fetchrow(BOOKED)
    assert tuple(booked) == (cases, 0, cases, cases)
    charged = [each["amount"] for each in await shop.till.books()]
    assert len(charged) == cases
    found = await reconcile(
        shop.stage.studio, gateway="stripe", since=shop.stage.clock.now() - timedelta(days=1),
        handlers=HANDLERS,
    )  # fmt: skip
    assert found.is_equal


async def paid(shop: Shop, workspace_id: UUID, *, key: str) -> list[dict[str, Any]]:
    """Order a pack and pay it at the simulated Stripe; return what Stripe has to tell of it."""
    made = await order(shop.stage, workspace_id, key=key)
    opened = await pay_links.checkout(shop.stage.studio, made.request)
    known = {each["id"] for each in await shop.till.events()}
    await shop.till.control("pay", session=opened.reference, card=GOOD)
    told = {each["type"]: each for each in await shop.till.events() if each["id"] not in known}
    assert told.keys() == set(EVENTS), told.keys()
    return [told[name] for name in EVENTS]


async def tell(stage: Stage, case: Case, told: Sequence[dict[str, Any]]) -> int:
    """Deliver events as a case has it, until none of them waits; return how many were told."""
    sent = [told[place] for place in case.places for _ in range(case.times[place])]
    if case.way != "same_ids":
        sent = [event | {"id": f"{event['id']}_{number}"} for number, event in enumerate(sent)]
    if case.way == "at_once":
        await asyncio.gather(*(_heard(stage, event) for event in sent), *_workers(stage))
    else:
        for event in sent:
            await _heard(stage, event)
    processed = await process_pending(stage.studio, handlers=HANDLERS)
    assert not processed.failed, case
    async with stage.studio.reading() as connection:
        waiting = await payment_events.latest(connection, limit=10, is_waiting=True)
    assert waiting == (), case
    return len(sent)


def _workers(stage: Stage) -> list[Any]:
    return [process_pending(stage.studio, handlers=HANDLERS) for _ in range(WORKERS)]


async def _heard(stage: Stage, event: dict[str, Any]) -> None:
    """Keep an event, and look into what waits, as after each call of the gateway."""
    await deliver(stage.studio, event)
    processed = await process_pending(stage.studio, handlers=HANDLERS)
    assert not processed.failed, event["type"]


def cases_of_turn(turn: int) -> list[Case]:
    """Return the cases of a turn: each goes on where the turn before ended, all round."""
    first = turn * CASES_A_TURN % len(CASES)
    return sample(size=len(CASES), seed=2027)[first : first + CASES_A_TURN]


def sample(*, size: int, seed: int) -> list[Case]:
    """Return some of the cases."""
    return Random(seed).sample(CASES, size)


async def campaign(url: str, folder: Path, cases: Sequence[Case]) -> Counter[str]:
    """Play cases on a database; return how many there were of each way, and deliveries."""
    async with open_shop(url, folder) as shop:
        counted = await play(shop, cases)
    await assert_sound(url)
    return counted
