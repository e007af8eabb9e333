"""The campaigns: every proof that is too long for the test run, each by one command.

`python tests/campaigns.py` lists them. A campaign is played in parts, each with a seed of its own
that follows the one before, and a fresh database; what a part found is repeated by its own seed.
The default test run takes a small, fixed sample of each.
"""

import argparse
import asyncio
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import campaign_parts as parts
from mutoscope.bootstrap import prepare_database
from mutoscope.storage.benchmark import fresh_database
from pipeline_stage import aside
from servers import own_server

PROGRESS_S = 10
COMMAND = "python tests/campaigns.py"


class Campaign(NamedTuple):
    """A campaign: its unit, the size asked of it, the size of a part, and its speed."""

    does: str
    unit: str
    size: int
    part: int
    units_a_second: float
    play: Callable[..., Counter[str]]
    has_database: bool = True


CAMPAIGNS = {
    "simulation": Campaign(
        "the planner against the model in memory, every invariant after each operation",
        "operations", 100_000_000, 50_000, 9_000, parts.simulation, has_database=False,
    ),
    "machine": Campaign(
        "the real storage against the model", "steps", 1_000_000, 5_000, 60, parts.machine
    ),
    "hammer": Campaign(
        "48 callers in 3 processes on 3 wallets, 2 processes killed in each 200 rounds",
        "rounds", 10_000, 200, 10, parts.hammering,
    ),
    "one-credit": Campaign(
        "1 credit, 64 callers at once", "rounds", 10_000, 250, 17, parts.one_credit
    ),
    "crash-points": Campaign(
        "a process dies around a commit, and its caller comes again",
        "deaths", 10_000, 96, 2, parts.crash_points,
    ),
    "database-kills": Campaign(
        "kill -9 of the database under load", "kills", 1_000, 10, 0.5, parts.database_kills,
        has_database=False,
    ),
    "pipeline-deaths": Campaign(
        "a worker dies between an order's intent and its capture",
        "deaths", 1_000, 1_000, 0.1, parts.pipeline_deaths,
    ),
    "webhook-deliveries": Campaign(
        "a payment's events in every order, each told one to five times, in three ways",
        "deliveries", 1_000_000, 450, 25, parts.webhook_deliveries,
    ),
    "fuzz": Campaign(
        "requests to every route of the API: no 5xx, no undocumented status",
        "requests", 1_000_000, 1_460, 50, parts.fuzzing,
    ),
    "tampers": Campaign(
        "a falsified ledger is found", "tampers", 10_000, 10_000, 20, parts.tampers
    ),
}  # fmt: skip


def listed() -> str:
    """Return the list of campaigns, each with its size, its seconds, and its command."""
    return "\n".join(
        f"{name}: {each.does}\n"
        f"    {each.size:,} {each.unit}, about {each.size / each.units_a_second:,.0f} s\n"
        f"    {COMMAND} {name} --size {each.size} --seed 1"
        for name, each in CAMPAIGNS.items()
    )


def run(name: str, *, size: int, seed: int, server: str) -> str:
    """Play a campaign part by part; return its line of figures."""
    campaign, figures = CAMPAIGNS[name], Counter[str]()
    began = told_at = time.monotonic()
    number = 0
    while figures[campaign.unit] < size:
        share = min(campaign.part, size - figures[campaign.unit])
        try:
            figures += _part(campaign, server=server, size=share, seed=seed + number)
        except Exception as trouble:
            trouble.add_note(f"again: {COMMAND} {name} --size {share} --seed {seed + number}")
            raise
        number += 1
        if time.monotonic() - told_at > PROGRESS_S:
            told_at = time.monotonic()
            _say(f"{figures[campaign.unit]:,} of {size:,} {campaign.unit}, {told_at - began:.0f} s")
    counted = ", ".join(f"{count:,} {what}" for what, count in figures.items())
    seeds = f"seeds {seed} to {seed + number - 1}" if number > 1 else f"seed {seed}"
    return f"{name}: {counted}; no difference; {seeds}; {time.monotonic() - began:.0f} s"


def _part(campaign: Campaign, *, server: str, size: int, seed: int) -> Counter[str]:
    with tempfile.TemporaryDirectory() as folder, _database(campaign, server) as url:
        return campaign.play(url, Path(folder), size=size, seed=seed)


@contextmanager
def _database(campaign: Campaign, server: str) -> Iterator[str]:
    if not campaign.has_database:
        yield ""
        return
    name = f"campaign_{uuid4().hex[:12]}"
    with aside(partial(fresh_database, url=server, name=name)) as url:
        asyncio.run(prepare_database(url))
        yield url


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 -- what a program says


def main() -> None:
    """List the campaigns, or run one."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("name", nargs="?", choices=CAMPAIGNS)
    asked.add_argument("--size", type=int, help="how many; without it, the size that is asked")
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--database-url", help="a server for its databases; else one of its own")
    given = asked.parse_args()
    if given.name is None:
        _say(listed())
        return
    campaign = CAMPAIGNS[given.name]
    lent = given.database_url or not campaign.has_database
    with nullcontext(given.database_url or "") if lent else aside(own_server) as server:
        size = campaign.size if given.size is None else given.size
        _say(run(given.name, size=size, seed=given.seed, server=server))


if __name__ == "__main__":
    main()
