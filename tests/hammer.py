"""The hammer: processes of many callers on few wallets, some of them killed in the middle.

As a program this is one such process: it takes a job from its first argument, announces that it is
ready, and begins at a line on its standard input. Every acknowledged entry is noted in a file of
the process before the next request of that caller, so that what was acknowledged outlives a kill.
The surprising choice: callers use one another's keys now and then, as clients that retry do.
"""

import asyncio
import json
import random
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID, uuid5

from mutoscope.domain import actions as ask
from mutoscope.domain.credits import Refusal
from mutoscope.domain.lots import Terms
from mutoscope.domain.planner import Answer, Submission
from mutoscope.domain.requests import Request
from mutoscope.storage.database import connect
from mutoscope.storage.journal import Journal

NOW = datetime(2025, 1, 20, tzinfo=UTC)
HOUR = timedelta(hours=1)
GRANTED = 400
CALLERS = 64
STUDIO = UUID("6f1d4c1e-0000-4000-8000-00000000beef")


class Sizes(NamedTuple):
    """How hard to hammer: `kills` processes die of SIGKILL and are followed by another."""

    processes: int
    callers: int
    rounds: int
    workspaces: int
    kills: int
    seed: int


class Report(NamedTuple):
    """What came of it."""

    acknowledged: int
    refused: int
    killed: int
    entries: int
    deadlocks: int


def workspaces(*, count: int, seed: int) -> list[UUID]:
    """Return the ids of the workspaces of a run."""
    return [uuid5(STUDIO, f"{seed}/{number}") for number in range(count)]


async def fill(journal: Journal, *, workspace_ids: Sequence[UUID], amount: int) -> None:
    """Grant credits to each workspace, half of them lapsing soon."""
    for workspace_id in workspace_ids:
        for ends, part in ((None, amount - amount // 2), (NOW + HOUR, amount // 2)):
            if part:
                grant = ask.Grant(part, Terms("pack", NOW, ends))
                key = f"grant-{'pack' if ends is None else 'gift'}"
                await submit(journal, workspace_id, key, grant)


async def submit(journal: Journal, workspace_id: UUID, key: str, action: ask.Action) -> Answer:
    """Submit one request."""
    request = Request(workspace_id, "video", "api", key, action)
    (answer,) = await journal.submit(Submission((request,)))
    return answer


class Caller:
    """One caller of a process: what it holds, what it did, and the keys that it shares."""

    def __init__(self, *, journal: Journal, name: str, job: dict[str, Any]) -> None:
        self.journal = journal
        self.name = name
        self.job = job
        self.chance = random.Random(name)
        self.held: list[tuple[UUID, str, int]] = []
        self.done: list[tuple[UUID, str, ask.Action]] = []
        self.refusals: Counter[str] = Counter()

    async def work(self, notes: Path) -> None:
        """Do the rounds; note what was acknowledged."""
        with notes.open("a", buffering=1, encoding="utf-8") as file:
            for number in range(self.job["rounds"]):
                workspace_id, key, action = self.wish(number)
                try:
                    answer = await submit(self.journal, workspace_id, key, action)
                except Refusal as refusal:
                    self.refusals[refusal.code] += 1
                    continue
                self._remember(workspace_id, key, action)
                assert answer.entry is not None, answer
                amount = sum(posting.amount for posting in answer.entry.postings)
                line = [str(workspace_id), key, answer.entry.operation, amount]
                print(json.dumps([*line, answer.entry.sequence]), file=file)

    def wish(self, number: int) -> tuple[UUID, str, ask.Action]:
        """Choose what to ask for."""
        chance, key = self.chance, f"{self.name}-{number}"
        workspace_id = UUID(chance.choice(self.job["workspaces"]))
        choice = chance.random()
        if self.held and choice < 0.4:
            held_in, hold, amount = self.held.pop(chance.randrange(len(self.held)))
            reference = ask.Reference("api", hold)
            captured = chance.randint(0, amount)
            action = ask.Settle(reference, captured) if captured else ask.Release(reference)
            return held_in, key, action
        if self.done and choice < 0.5:
            return chance.choice(self.done)
        if choice < 0.6:
            shared = chance.randint(1, 40)
            return workspace_id, f"shared-{shared}", ask.Charge(1 + shared % 3)
        amount = chance.randint(1, 5)
        return workspace_id, key, ask.Hold(amount, NOW + HOUR) if choice < 0.9 else _refund(key)

    def _remember(self, workspace_id: UUID, key: str, action: ask.Action) -> None:
        self.done.append((workspace_id, key, action))
        if isinstance(action, ask.Hold) and action.amount:
            self.held.append((workspace_id, key, action.amount))


def _refund(key: str) -> ask.Action:
    shared = f"shared-{1 + sum(key.encode()) % 40}"
    return ask.Refund(ask.Reference("api", shared))


async def mix(job: dict[str, Any]) -> dict[str, Any]:
    """Let the callers of one process do their rounds."""
    async with _journal(job["url"]) as journal:
        await _wait_for_the_start()
        callers = [
            Caller(journal=journal, name=f"{job['name']}-{number}", job=job)
            for number in range(job["callers"])
        ]
        await asyncio.gather(*(caller.work(Path(job["notes"])) for caller in callers))
    return dict(sum((caller.refusals for caller in callers), Counter()))


async def race(job: dict[str, Any]) -> dict[str, Any]:
    """Let all callers ask for the last credit of each workspace at once; count the outcomes."""
    counts: dict[str, dict[str, int]] = {}
    async with _journal(job["url"]) as journal:
        await _wait_for_the_start()
        for workspace in job["workspaces"]:
            outcomes = await journal.submit_all(
                [
                    Submission((Request(UUID(workspace), "video", "api", key, ask.Charge(1)),))
                    for key in job["keys"]
                ]
            )
            counts[workspace] = dict(Counter(map(outcome_of, outcomes)))
    return counts


async def race_for_one_credit(*, url: str, rounds: int, seed: int) -> None:
    """Let all callers ask for the one credit of a workspace at once, and see that one gets it.

    In every other round they come from two journals, which know as little of one another as two
    processes.
    """
    async with _journal(url) as first, _journal(url) as second:
        for number, workspace_id in enumerate(workspaces(count=rounds, seed=seed)):
            await fill(first, workspace_ids=[workspace_id], amount=1)
            journals = (first, second if number % 2 else first)
            outcomes = await asyncio.gather(
                *(
                    submit(journals[caller % 2], workspace_id, f"clip-{caller}", ask.Charge(1))
                    for caller in range(CALLERS)
                ),
                return_exceptions=True,
            )
            counted = Counter(getattr(each, "code", type(each).__name__) for each in outcomes)
            assert counted == {"Answer": 1, "insufficient_credits": CALLERS - 1}, workspace_id


async def balances(url: str) -> list[int]:
    """Return what is left in each wallet."""
    connection = await connect(url)
    rows = await connection.fetch("SELECT available + held AS left FROM wallets")
    await connection.close()
    return [row["left"] for row in rows]


def outcome_of(outcome: tuple[Answer, ...] | Refusal) -> str:
    """Name an outcome: `done`, `replayed`, or the code of the refusal."""
    if isinstance(outcome, Refusal):
        return outcome.code
    return "replayed" if outcome[0].is_replay else "done"


@asynccontextmanager
async def _journal(url: str) -> AsyncIterator[Journal]:
    journal = Journal(url=url, now=lambda: NOW)
    await journal.open()
    try:
        yield journal
    finally:
        await journal.close()


async def _wait_for_the_start() -> None:
    print("ready", flush=True)  # noqa: T201 - the signal to who started us
    await asyncio.to_thread(sys.stdin.readline)


class Worker:
    """A process of the hammer, seen from the one that started it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def started(cls, mode: str, job: dict[str, Any]) -> "Worker":
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            sys.executable, __file__, mode, json.dumps(job), stdin=pipe, stdout=pipe
        )
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
        return cls(process)

    def begin(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(b"begin\n")

    async def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        assert await self._process.wait() == -signal.SIGKILL

    async def result(self) -> dict[str, Any]:
        output, _ = await self._process.communicate()
        assert self._process.returncode == 0, "a process of the hammer failed"
        result: dict[str, Any] = json.loads(output)
        return result


async def hammer(*, url: str, folder: Path, sizes: Sizes) -> Report:
    """Hammer a few wallets from many processes, kill some, and check every note in the end."""
    ids = workspaces(count=sizes.workspaces, seed=sizes.seed)
    async with _journal(url) as journal:
        await fill(journal, workspace_ids=ids, amount=GRANTED)
    jobs = [_job(url, folder, sizes, number) for number in range(sizes.processes + sizes.kills)]
    workers = await asyncio.gather(*(Worker.started("mix", job) for job in jobs))
    for worker in workers[: sizes.processes]:
        worker.begin()
    for number in range(sizes.kills):
        await _until_noted(Path(jobs[number]["notes"]), lines=sizes.callers * sizes.rounds // 4)
        await workers[number].kill()
        workers[sizes.processes + number].begin()
    refusals = [await worker.result() for worker in workers[sizes.kills :]]
    notes = [line for job in jobs for line in _noted(Path(job["notes"]))]
    return await _checked(url, notes, sizes.kills, sum(sum(each.values()) for each in refusals))


def _job(url: str, folder: Path, sizes: Sizes, number: int) -> dict[str, Any]:
    ids = workspaces(count=sizes.workspaces, seed=sizes.seed)
    return {
        "url": url, "name": f"{sizes.seed}-{number}", "notes": str(folder / f"notes-{number}"),
        "callers": sizes.callers, "rounds": sizes.rounds, "workspaces": list(map(str, ids)),
    }  # fmt: skip


async def _until_noted(notes: Path, *, lines: int) -> None:
    while len(_noted(notes)) < lines:  # noqa: ASYNC110 - another process sets no event of ours
        await asyncio.sleep(0.01)


def _noted(notes: Path) -> list[list[Any]]:
    """Read the notes; the last line of a killed process may be torn."""
    text = notes.read_text("utf-8") if notes.exists() else ""
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


async def _checked(url: str, notes: list[list[Any]], killed: int, refused: int) -> Report:
    """Look up every note: an acknowledged entry is there, once, as it was told."""
    connection = await connect(url)
    try:
        rows = await connection.fetch(_ENTRIES)
        deadlocks = await connection.fetchval(
            "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        )
    finally:
        await connection.close()
    written = {
        (str(row["workspace_id"]), row["key"]): [row["operation"], row["amount"], row["sequence"]]
        for row in rows
    }
    for workspace, key, *told in notes:
        assert written.get((workspace, key)) == told, (workspace, key, told)
    return Report(len(notes), refused, killed, len(rows), deadlocks)


_ENTRIES = """
    SELECT workspace_id, key, operation, sequence, coalesce(sum(amount), 0)::bigint AS amount
    FROM entries LEFT JOIN postings USING (workspace_id, kind, sequence)
    GROUP BY workspace_id, key, operation, sequence
"""


if __name__ == "__main__":
    doing = {"mix": mix, "race": race}[sys.argv[1]]
    print(json.dumps(asyncio.run(doing(json.loads(sys.argv[2])))))  # noqa: T201 - the result
