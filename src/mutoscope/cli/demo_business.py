"""`mutoscope demo --business`: two years of a studio's business, with a clock that is played.

Owns the calendar of the story and its proofs. Invariant: nothing is written but by the use cases;
what is proved at the end is read from the database, the simulated Stripe and the exported books
alone. The surprising choice: the service is down for weeks in between, and all that was due then is
made up for in due order.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Final
from uuid import uuid4

import httpx
import uvicorn

from mutoscope.app import catalog_change, charge, dunning, money_back, promo, renew
from mutoscope.app.books import Days, books
from mutoscope.app.payment_desk import HANDLERS
from mutoscope.app.payment_events import process_pending
from mutoscope.app.reconcile import Reconciliation, reconcile
from mutoscope.app.verify import Verification
from mutoscope.bootstrap import House, open_house
from mutoscope.cli.business_life import (
    CALL_FAULTS,
    CARDS,
    CODE,
    DAY,
    HOOK_FAULTS,
    PLANS,
    STRIPE,
    ZONES,
    Customer,
    Town,
    happens,
    live,
    serve,
)
from mutoscope.cli.proof import show_verification, verification
from mutoscope.cli.screen import bars, table
from mutoscope.cli.simulate import environment
from mutoscope.domain.beancount import beancount_lines
from mutoscope.settings import read_settings
from mutoscope.simulators.server import running
from mutoscope.storage import invoices
from mutoscope.storage.offers import PromoCode
from mutoscope.storage.verification import Scope
from mutoscope.web.application import build_app, listening

if TYPE_CHECKING:
    from rich.console import Console

    from mutoscope.storage.invoices import Series

BEGINS: Final = datetime(2027, 1, 29, 12, tzinfo=UTC)
"""Before a leap year, with anchors on the 29th, 30th and 31st."""

JOIN_DAYS: Final = 400
DOWN: Final = (range(155, 176), range(424, 468))
"""Days on which the service is down: three weeks, and six weeks over a change of clocks."""

STOPS: Final = 0.2
ANNUAL: Final = 0.25
"""Shares of customers who stop paying one day, and who pay by the year."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What was proved at the end; `bean_check` is None where Beancount is not installed."""

    verification: Verification
    series: tuple[Series, ...]
    reconciliation: Reconciliation
    bean_check: bool | None
    seen: dict[str, int]

    def summary(self) -> dict[str, object]:
        """Return the outcome as plain data."""
        return {
            "is_clean": self.is_clean, "verify": self.verification.is_clean,
            "series": self.series, "payments": self.reconciliation.compared,
            "are_books_equal": self.reconciliation.is_equal, "bean_check": self.bean_check,
            "seen": self.seen,
        }  # fmt: skip

    @property
    def is_clean(self) -> bool:
        """Tell whether everything was proved."""
        return (
            self.verification.is_clean
            and all(each.is_gapless for each in self.series)
            and self.reconciliation.is_equal
            and self.bean_check is not False
        )


async def perform(
    folder: Path, *, customers: int, days: int, seed: int, screen: Console, programs: Path | None
) -> Proof:  # fmt: skip
    """Play the years, and prove the books."""
    clock = PlayedClock(BEGINS)
    async with running(port=0, now=clock.now, new_id=uuid4) as world:
        given = environment(world) | {"MUTOSCOPE_GATEWAY": "manual"}
        settings = replace(read_settings(given), data=folder / "data", postgres_bin=programs)
        async with open_house(settings, clock=clock) as house, _listening(house) as address:
            async with httpx.AsyncClient(base_url=world.address, trust_env=False) as client:
                town = Town(
                    house=house, client=client, chance=Random(seed),  # noqa: S311 -- a story
                    customers=_customers(customers, seed, days),
                )  # fmt: skip
                await town.control("/stripe/_sim/webhooks", url=address)
                await _open_shop(house)
                await _play(town, clock, days=days, screen=screen)
                await _settle(town, clock)
            return await _prove(town, folder, screen)


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
                zone=chance.choice(ZONES), joins_on=joins_on, card=chance.choice(CARDS),
                pays_after_days=chance.choice((0, 1, 5, 12, 16)),
                stops_paying_on=joins_on + DAY * chance.randrange(30, 500) if stops else None,
            )
        )  # fmt: skip
    return tuple(made)


async def _open_shop(house: House) -> None:
    at = house.studio.clock.now()
    await promo.offer(house.studio, PromoCode(
        code=CODE, kind="video", credits=100, lasts_days=30, redemptions_max=50, redeemed=0,
        ends_at=at + DAY * 600, created_at=at,
    ))  # fmt: skip


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


async def _work(house: House) -> None:
    studio = house.studio
    await process_pending(studio, handlers=HANDLERS)
    await renew.run(url=house.database_url, at=studio.clock.now())
    await charge.run(studio)
    await dunning.run(studio)
    await money_back.send_all(studio)
    await catalog_change.run(studio)


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


async def _prove(town: Town, folder: Path, screen: Console) -> Proof:
    house = town.house
    compared = await reconcile(house.studio, gateway=STRIPE, since=BEGINS - DAY, handlers=HANDLERS)
    await process_pending(house.studio, handlers=HANDLERS)
    compared = await reconcile(house.studio, gateway=STRIPE, since=BEGINS - DAY, handlers=HANDLERS)
    found = await verification(house, scope=Scope())
    async with house.studio.reading() as connection:
        series = await invoices.series(connection)
    until = (house.studio.clock.now() + DAY).date()
    told = await books(house.studio, days=Days(BEGINS.date(), until, "UTC"))
    path = folder / "books.beancount"
    with path.open("w", encoding="utf-8") as target:
        target.writelines(beancount_lines(told))
    proof = Proof(
        verification=found, series=series, reconciliation=compared,
        bean_check=await _bean_check(path), seen=dict(sorted(town.seen.items())),
    )  # fmt: skip
    _show(proof, screen, path=path)
    return proof


async def _bean_check(path: Path) -> bool | None:
    """Let Beancount itself read the books; None where it is not installed."""
    beside = Path(sys.executable).with_name("bean-check")
    program = str(beside) if beside.exists() else shutil.which("bean-check")
    if program is None:
        return None
    checking = await asyncio.create_subprocess_exec(program, str(path))
    return await checking.wait() == 0


def _show(proof: Proof, screen: Console, *, path: Path) -> None:
    happened = table("what happened", ">times")
    for name, times in proof.seen.items():
        happened.add_row(name, f"{times:,}")
    screen.print(happened)
    numbers = table("series", ">year", ">issued", ">last number", "gaps")
    for each in proof.series:
        gaps = "none" if each.is_gapless else "[bold red]gaps[/]"
        numbers.add_row(each.series, str(each.year), f"{each.kept:,}", f"{each.last:,}", gaps)
    screen.print(numbers)
    compared = proof.reconciliation
    equal = "equal" if compared.is_equal else f"DIFFER: {compared.differences[:5]}"
    screen.print(f"{compared.compared:,} payments in Stripe's (simulated) book and ours: {equal}.")
    checked = {True: "accepts", False: "REFUSES", None: "is not installed, to check"}
    screen.print(f"bean-check {checked[proof.bean_check]} the books in {path.name}.")
    show_verification(proof.verification, screen=screen)


def _chunks(customers: Sequence[Customer]) -> list[Sequence[Customer]]:
    return [customers[start : start + AT_ONCE] for start in range(0, len(customers), AT_ONCE)]
