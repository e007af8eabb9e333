"""Many callers on few wallets at once, from one process and from several, some of them killed."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hammer import (
    CALLERS,
    NOW,
    Sizes,
    Worker,
    balances,
    fill,
    hammer,
    outcome_of,
    race_for_one_credit,
    submit,
    workspaces,
)
from mutoscope.domain import actions as ask
from mutoscope.domain.planner import Submission
from mutoscope.domain.requests import Request
from mutoscope.storage.journal import Journal
from soundness import assert_sound

SAMPLE = Sizes(processes=3, callers=8, rounds=30, workspaces=3, kills=1, seed=1)


@pytest.fixture(autouse=True)
async def sound(database_url: str) -> AsyncIterator[None]:
    yield
    await assert_sound(database_url)


@pytest.fixture
async def journals(database_url: str) -> AsyncIterator[list[Journal]]:
    """Give two journals, which know as little of one another as two processes."""
    both = [Journal(url=database_url, now=lambda: NOW) for _ in range(2)]
    for journal in both:
        await journal.open()
    yield both
    for journal in both:
        await journal.close()


async def test_of_64_callers_for_one_credit_exactly_one_gets_it(database_url: str) -> None:
    rounds = 10

    await race_for_one_credit(url=database_url, rounds=rounds, seed=0)

    assert await balances(database_url) == [0] * rounds


async def test_of_64_callers_in_two_processes_exactly_one_gets_the_credit(
    journals: list[Journal], database_url: str
) -> None:
    ids = workspaces(count=10, seed=1)
    await fill(journals[0], workspace_ids=ids, amount=1)
    job = {"url": database_url, "workspaces": list(map(str, ids))}
    halves = [[f"clip-{side}-{number}" for number in range(CALLERS // 2)] for side in "ab"]

    workers = [await Worker.started("race", job | {"keys": keys}) for keys in halves]
    for worker in workers:
        worker.begin()
    counts = [await worker.result() for worker in workers]

    for workspace in job["workspaces"]:
        outcomes = sum((Counter(count[workspace]) for count in counts), Counter())
        assert outcomes == {"done": 1, "insufficient_credits": CALLERS - 1}
    assert await balances(database_url) == [0] * len(ids)


async def test_the_same_key_from_32_callers_is_one_entry_and_31_replays(
    journals: list[Journal], database_url: str
) -> None:
    (workspace_id,) = workspaces(count=1, seed=1)
    await fill(journals[0], workspace_ids=[workspace_id], amount=100)

    answers = await asyncio.gather(
        *(submit(journals[number % 2], workspace_id, "clip", ask.Charge(3)) for number in range(32))
    )

    assert Counter(answer.is_replay for answer in answers) == {False: 1, True: 31}
    assert len({answer.entry for answer in answers}) == 1
    assert await balances(database_url) == [97]


async def test_the_same_key_with_other_content_is_refused_at_once(journals: list[Journal]) -> None:
    (workspace_id,) = workspaces(count=1, seed=1)
    await fill(journals[0], workspace_ids=[workspace_id], amount=100)
    requests = [
        Request(workspace_id, "video", "api", "clip", ask.Charge(1 + number % 2))
        for number in range(32)
    ]

    halves = await asyncio.gather(
        *(journal.submit_all([Submission((each,)) for each in requests]) for journal in journals)
    )

    outcomes = Counter(outcome_of(outcome) for half in halves for outcome in half)
    assert outcomes == {"done": 1, "replayed": 31, "key_reused": 32}


async def test_what_was_acknowledged_survives_processes_that_are_killed(
    database_url: str, tmp_path: Path
) -> None:
    report = await hammer(url=database_url, folder=tmp_path, sizes=SAMPLE)

    assert report.killed == SAMPLE.kills
    assert report.acknowledged > SAMPLE.callers * SAMPLE.rounds
    assert report.deadlocks == 0
