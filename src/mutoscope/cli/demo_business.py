"""`mutoscope demo --business`: two years of a studio's business, with a clock that is played.

Owns the calendar of the story. Invariant: nothing is written but by the use cases. The surprising
choice: the service is down for weeks in between, and all that was due then is made up for in due
order.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Final
from uuid import uuid4

import httpx
import uvicorn

from mutoscope.app import catalog_change, charge, dunning, refill, renew, send_refund
from mutoscope.app.alerts import alert
from mutoscope.app.payment_desk import HANDLERS
from mutoscope.app.payment_events import process_pending
from mutoscope.bootstrap import House, open_house
from mutoscope.cli.business_buying import PACK_PRICE
from mutoscope.cli.business_catalog import write_catalog
from mutoscope.cli.business_life import CALL_FAULTS, CARDS, HOOK_FAULTS, PLANS, ZONES, live
from mutoscope.cli.business_proof import Proof, prove
from mutoscope.cli.business_staff import hire, serve
from mutoscope.cli.business_town import DAY, STRIPE, Customer, Town, happens
from mutoscope.cli.screen import bars
from mutoscope.cli.simulate import environment
from mutoscope.settings import read_settings
from mutoscope.simulators.server import running
from mutoscope.storage import offers
from mutoscope.web.application import build_app, listening

if TYPE_CHECKING:
    from rich.console import Console


BEGINS: Final = datetime(2027, 1, 29, 12, tzinfo=UTC)
"""Before a leap year, with anchors on the 29th, 30th and 31st."""

JOIN_DAYS: Final = 400
DOWN: Final = (range(155, 176), range(424, 468))
"""Days on which the service is down: three weeks, and six weeks over a change of clocks."""

STOPS: Final = 0.2
ANNUAL: Final = 0.25
HESITATES: Final = 0.25
"""Shares of customers who stop paying one day, who pay by the year, and who try before they buy."""

CUSTOMERS: Final = 200
DAYS: Final = 731
"""The full size, at which everything there is has to be played."""

AT_ONCE: Final = 16
"""Customers who act at the same time."""

SETTLE_DAYS: Final = 3


class PlayedClock:
    """A clock that shows what the story says."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        """Return the story's instant."""
        return self.at


async def perform(
    folder: Path, *, customers: int, days: int, seed: int, screen: Console, programs: Path | None
) -> Proof:  # fmt: skip
    """Play the years, and prove the books."""
    clock = PlayedClock(BEGINS)
    async with running(port=0, now=clock.now, new_id=uuid4) as world:
        given = environment(world) | {"MUTOSCOPE_GATEWAY": "manual"}
        settings = replace(
            read_settings(given), data=folder / "data", postgres_bin=programs,
            catalog=write_catalog(folder),
        )  # fmt: skip
        async with open_house(settings, clock=clock) as house, _listening(house) as address:
            async with httpx.AsyncClient(base_url=world.address, trust_env=False) as client:
                town = Town(
                    house=house, client=client, chance=Random(seed),  # noqa: S311 -- a story
                    customers=_customers(customers, seed, days), staff=await hire(house.studio),
                )  # fmt: skip
                await town.control("/stripe/_sim/webhooks", url=address)
                await _play(town, clock, days=days, screen=screen)
                await _settle(town, clock)
            is_full = customers >= CUSTOMERS and days >= DAYS
            return await prove(town, folder, screen, since=BEGINS - DAY, is_full=is_full)


@asynccontextmanager
async def _listening(house: House) -> AsyncIterator[str]:
    """Serve the API for what Stripe tells by itself; return the address of events."""
    listener = listening(host="127.0.0.1", port=0)
    port = listener.getsockname()[1]
    config = uvicorn.Config(
        build_app(house=house, api_key=""), log_config=None, access_log=False, lifespan="off"
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield f"http://127.0.0.1:{port}/v1/payments/{STRIPE}/events"
    finally:
        server.should_exit = True
        await serving


def _customers(count: int, seed: int, days: int) -> tuple[Customer, ...]:
    made = []
    for number in range(count):
        chance = Random(f"{seed}/{number}")  # noqa: S311 -- a story
        joins_on = BEGINS + DAY * chance.randrange(max(1, min(JOIN_DAYS, days // 2)))
        stops = happens(chance, STOPS)
        made.append(
            Customer(
                number=number, chance=chance, gateway=chance.choice(("manual", STRIPE)),
                plan=chance.choice(PLANS), is_annual=happens(chance, ANNUAL),
                is_hesitant=happens(chance, HESITATES), zone=chance.choice(ZONES),
                joins_on=joins_on, card=chance.choice(CARDS),
                pays_after_days=chance.choice((0, 1, 5, 12, 16)),
                stops_paying_on=joins_on + DAY * chance.randrange(30, 500) if stops else None,
            )
        )  # fmt: skip
    return tuple(made)


async def _play(town: Town, clock: PlayedClock, *, days: int, screen: Console) -> None:
    with bars() as progress:
        task = progress.add_task("business", total=days)
        for day in range(days):
            clock.at = BEGINS + DAY * day
            progress.update(task, completed=day, description=f"{clock.at:%d %b %Y}")
            if any(day in each for each in DOWN):
                town.seen["days down"] += 1
                continue
            await _trouble(town)
            await _tick(town)
            for chunk in _chunks(town.customers):
                await asyncio.gather(*(live(town, each) for each in chunk))
            await serve(town)
    screen.print(f"{days} days of {len(town.customers)} customers, up to {clock.at:%d %B %Y}.")


async def _tick(town: Town) -> None:
    """Do all that is due by the clock; every seventh time by two workers at once."""
    house = town.house
    both = 2 if happens(town.chance, 1 / 7) else 1
    await asyncio.gather(*(_work(house) for _ in range(both)))
    town.seen["ticks"] += 1
    town.seen["refill at its cap"] += await _capped(house)


async def _work(house: House) -> None:
    studio = house.studio
    await process_pending(studio, handlers=HANDLERS)
    await renew.run(url=house.database_url, at=studio.clock.now())
    await charge.run(studio)
    await dunning.run(studio)
    await send_refund.send_all(studio)
    await catalog_change.run(studio)
    await refill.run(replace(studio, gateway=STRIPE))
    await alert(studio)


async def _capped(house: House) -> int:
    """Return how many refills have run low and may buy nothing more this month."""
    at = house.studio.clock.now()
    async with house.studio.reading() as connection:
        low = await offers.low_refills(connection, at=at, limit=refill.LIMIT)
    return sum(each.spent + PACK_PRICE > each.refill.monthly_max for each in low)


async def _trouble(town: Town) -> None:
    """Let something go wrong at Stripe on many days."""
    for faults, share in ((HOOK_FAULTS, 0.3), (CALL_FAULTS, 0.1)):
        if happens(town.chance, share):
            await town.trouble(town.chance.choice(faults))


async def _settle(town: Town, clock: PlayedClock) -> None:
    """Let the last days pass without new acts, so that what is under way comes to its end."""
    for _ in range(SETTLE_DAYS):
        clock.at += timedelta(days=1)
        await asyncio.sleep(0.5)  # events that are late by themselves
        await _tick(town)
        await serve(town)


def _chunks(customers: Sequence[Customer]) -> list[Sequence[Customer]]:
    return [customers[start : start + AT_ONCE] for start in range(0, len(customers), AT_ONCE)]
