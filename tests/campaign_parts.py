"""What each campaign does with one part of its size: a seed of its own, a database of its own.

Each returns what it counted, and fails on any difference.
"""

import asyncio
from collections import Counter
from pathlib import Path
from random import Random

from api_client import open_api
from hammer import CALLERS, Sizes, balances, hammer, race_for_one_credit
from payment_deliveries import campaign, cases_of_turn
from pipeline_points import campaign as pipeline_campaign
from simulation import simulate
from soundness import assert_sound
from tampering import campaign as tamper_campaign
from test_api_schema import fuzz
from test_crashes import check_crashes, check_kills
from test_ledger_machine import Bench, check_machine

CHARGES_A_KILL = 300
ROUNDS_MIN = 50
"""Fewer may be over before the processes that are to die have done enough."""

ROUTES = 146
STEPS_AN_EXAMPLE = 50


def simulation(_: str, __: Path, *, size: int, seed: int) -> Counter[str]:
    """Play operations of the planner in memory."""
    outcomes = simulate(size=size, seed=seed)
    return Counter(operations=outcomes.total(), refused=_refused(outcomes))


def _refused(outcomes: Counter[str]) -> int:
    return outcomes.total() - outcomes["done"] - outcomes["replayed"]


def machine(url: str, _: Path, *, size: int, seed: int) -> Counter[str]:
    """Take steps of the stateful machine on the real storage."""
    bench = Bench(url)
    try:
        steps = min(size, STEPS_AN_EXAMPLE)
        check_machine(bench, examples=-(-size // steps), steps=steps, seed=seed)
    finally:
        bench.close()
    return Counter(steps=bench.steps)


def hammering(url: str, folder: Path, *, size: int, seed: int) -> Counter[str]:
    """Hammer a few wallets from three processes, and kill two of them."""
    rounds = max(size, ROUNDS_MIN)
    sizes = Sizes(processes=3, callers=16, rounds=rounds, workspaces=3, kills=2, seed=seed)
    report = asyncio.run(hammer(url=url, folder=folder, sizes=sizes))
    assert (report.killed, report.deadlocks) == (sizes.kills, 0), report
    asyncio.run(assert_sound(url))
    return Counter(
        rounds=rounds,
        acknowledged=report.acknowledged,
        refused=report.refused,
        killed=report.killed,
    )


def one_credit(url: str, _: Path, *, size: int, seed: int) -> Counter[str]:
    """Let 64 callers race for one credit."""
    asyncio.run(race_for_one_credit(url=url, rounds=size, seed=seed))
    assert asyncio.run(balances(url)) == [0] * size
    asyncio.run(assert_sound(url))
    return Counter(rounds=size, granted=size, refused=size * (CALLERS - 1))


def crash_points(url: str, folder: Path, *, size: int, seed: int) -> Counter[str]:
    """Kill processes around their commits, with a script that the seed changes."""
    passings = Random(seed).sample(range(1, 13), k=min(12, max(1, size // 8)))
    deaths = asyncio.run(check_crashes(url=url, folder=folder, passings=passings, seed=seed))
    asyncio.run(assert_sound(url))
    return Counter(deaths=deaths, tries=8 * len(passings))


def database_kills(_: str, __: Path, *, size: int, seed: int) -> Counter[str]:  # noqa: ARG001 - when it dies is chance
    """Kill a database of our own under load."""
    acknowledged = asyncio.run(check_kills(kills=size, charges_each=CHARGES_A_KILL))
    return Counter(kills=size, acknowledged=acknowledged)


def pipeline_deaths(url: str, folder: Path, *, size: int, seed: int) -> Counter[str]:
    """Kill workers between the intent and the capture."""
    return Counter(deaths=pipeline_campaign(url, kills=size, seed=seed, folder=folder).total())


def webhook_deliveries(url: str, folder: Path, *, size: int, seed: int) -> Counter[str]:  # noqa: ARG001 - a turn is played whole
    """Tell of payments in the cases whose turn it is."""
    cases = cases_of_turn(seed)
    counted = asyncio.run(campaign(url, folder, cases))
    return Counter(deliveries=counted["deliveries"], payments=len(cases))


def fuzzing(url: str, folder: Path, *, size: int, seed: int) -> Counter[str]:
    """Send the API whatever its description allows, and what it does not."""
    return asyncio.run(_fuzzed(url, folder, count=-(-size // ROUTES), seed=seed))


async def _fuzzed(url: str, folder: Path, *, count: int, seed: int) -> Counter[str]:
    async with open_api(url, folder) as api:
        answers, undocumented = await fuzz(api, count=count, seed=seed)
    assert undocumented == [], undocumented
    return Counter(requests=answers.total()) + answers


def tampers(url: str, _: Path, *, size: int, seed: int) -> Counter[str]:
    """Falsify a ledger."""
    outcome = asyncio.run(tamper_campaign(url, rounds=size, seed=seed))
    assert outcome.missed == (), outcome.missed
    return Counter(tampers=outcome.found.total(), refused_by_tables=outcome.refused.total())
