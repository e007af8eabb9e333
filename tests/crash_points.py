"""Crash points: places around each commit where a process that writes the ledger can die.

As a program this forks one process per crash from a warm one; each plays the script on a workspace
of its own and kills itself with SIGKILL at its point. What it was answered it notes first. The
script has every way of writing: the short one, the locked one, several requests at once, notes.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from random import Random
from typing import Any, NamedTuple
from uuid import UUID, uuid5

from mutoscope.domain import actions as ask
from mutoscope.domain.lots import Terms
from mutoscope.domain.planner import Answer, Submission
from mutoscope.domain.requests import Note, Request
from mutoscope.domain.standing import StandingGrant
from mutoscope.storage import journal as writer
from mutoscope.storage.database import connect
from mutoscope.storage.journal import Journal
from mutoscope.storage.session import Session

NOW = datetime(2025, 1, 20, tzinfo=UTC)
SOON = NOW + timedelta(hours=1)
STUDIO = UUID("6f1d4c1e-0000-4000-8000-00000000dead")
POINTS = {
    "before_load": ("_loaded", False),
    "after_load": ("_loaded", True),
    "before_apply": ("_apply_changes", False),
    "after_apply": ("_apply_changes", True),
    "before_side_rows": ("_write_beside", False),
    "after_side_rows": ("_write_beside", True),
    "before_write": ("write", False),
    "after_write": ("write", True),
}
"""The names of the points: before or after which step of a session."""

_SAY = """
    SELECT sequence, operation, namespace, key, available, held, array_agg(
        (source, target, lot, amount)::text ORDER BY ordinal) AS postings
    FROM entries LEFT JOIN postings USING (workspace_id, kind, sequence)
    WHERE workspace_id = $1 GROUP BY sequence, operation, namespace, key, available, held
    ORDER BY sequence
"""


class Crash(NamedTuple):
    """One death: at a point, when it is passed for the n-th time."""

    point: str
    passing: int

    def workspace_id(self) -> UUID:
        """Return the id of the workspace on which it happens."""
        return uuid5(STUDIO, f"{self.point}/{self.passing}")


def crashes(*, passings: Sequence[int]) -> list[Crash]:
    """Return a crash at every point for each number of passings."""
    return [Crash(point, passing) for point, passing in product(POINTS, passings)]


def script(workspace_id: UUID, *, seed: int) -> list[Submission]:
    """Return what is submitted, one after another; no step depends on the clock.

    Seed 0 is the script alone; another one puts small requests between its steps.
    """

    def request(key: str, action: ask.Action, note: Note | None = None) -> Request:
        return Request(workspace_id, "video", "api", key, action, note=note)

    def hold(name: str, amount: int) -> Request:
        return request(name, ask.Hold(amount, SOON))

    note = Note(b"salt", "ada", "goodwill after a lost clip")
    clip, shot, bought = (ask.Reference("api", key) for key in ("clip", "shot-1", "bought"))
    standing = StandingGrant(STUDIO, 30, NOW, "UTC")
    bought_first, *steps = [
        Submission((request("bought", ask.Grant(100, Terms("pack", NOW))),)),
        Submission((request("essential", ask.Stand(standing)),)),
        Submission((hold("clip", 50),)),
        Submission((request("clip-done", ask.Settle(clip, 45)),)),
        Submission((hold("shot-1", 5), hold("shot-2", 6))),
        Submission((request("shot-1-failed", ask.Release(shot)),)),
        Submission((request("gift", ask.Grant(7, Terms("goodwill", NOW, SOON)), note),)),
        Submission((request("picture", ask.Charge(9)),)),
        Submission((request("again", ask.Refund(ask.Reference("api", "picture"), 3)),)),
        Submission((request("left", ask.Freeze(bought)),)),
        Submission((request("late", ask.Renew(ask.Reference("api", "shot-2"), SOON)),)),
    ]
    chance = Random(seed)
    small = (ask.Charge(1), ask.Meter(1), ask.Grant(2, Terms("promo", NOW, SOON)))
    for number in range(chance.randint(1, 9) if seed else 0):
        between = request(f"small-{number}", chance.choice(small))
        steps.insert(chance.randrange(len(steps)), Submission((between,)))
    return [bought_first, *steps]


async def play(
    *, url: str, workspace_id: UUID, notes: Path | None, seed: int = 0
) -> list[tuple[Answer, ...]]:
    """Submit the script with one call after another; note each answer as it comes."""
    journal = Journal(url=url, now=lambda: NOW)
    await journal.open()
    answers = []
    for number, submission in enumerate(script(workspace_id, seed=seed)):
        answers.append(await journal.submit(submission))
        if notes is not None:
            with notes.open("a", encoding="utf-8") as file:
                file.write(f"{number}\n")
    await journal.close()
    return answers


async def lines(url: str, workspace_id: UUID) -> list[tuple[Any, ...]]:
    """Return the journal of a workspace, without what differs from run to run."""
    connection = await connect(url)
    rows = await connection.fetch(_SAY, workspace_id)
    await connection.close()
    return [tuple(row) for row in rows]


def dying(crash: Crash, *, die: Callable[[], None]) -> type[Session]:
    """Return a session that dies at a point."""
    step, is_after = POINTS[crash.point]
    passings = 0

    async def wrapped(self: Session, *given: Any, **named: Any) -> Any:  # noqa: ANN401 - any step
        nonlocal passings
        passings += 1
        is_here = passings == crash.passing
        if is_here and not is_after:
            die()
        result = await getattr(Session, step)(self, *given, **named)
        if is_here and is_after:
            die()
        return result

    return type("DyingSession", (Session,), {step: wrapped})


def die() -> None:
    """Die at once, as from `kill -9`."""
    os.kill(os.getpid(), signal.SIGKILL)


def crash_each(*, url: str, folder: Path, each: Sequence[Crash], seed: int) -> dict[str, int]:
    """Fork a process for each crash, one at a time; return the signal that ended it."""
    ended = {}
    for crash in each:
        child = os.fork()
        if not child:
            setattr(writer, "Session", dying(crash, die=die))  # noqa: B010 - the seam of this test
            notes = folder / str(crash.workspace_id())
            asyncio.run(play(url=url, workspace_id=crash.workspace_id(), notes=notes, seed=seed))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        ended["/".join(map(str, crash))] = os.waitstatus_to_exitcode(status)
    return ended


async def crashed(
    *, url: str, folder: Path, passings: Sequence[int], seed: int
) -> dict[Crash, int]:
    """Run this program; return the exit code of each crash, 0 when it was never reached."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, __file__, url, str(folder), json.dumps(passings), str(seed),
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    output, _ = await process.communicate()
    assert process.returncode == 0, "the program of the crashes failed"
    ended = json.loads(output)
    return {each: ended["/".join(map(str, each))] for each in crashes(passings=passings)}


def noted(*, folder: Path, crash: Crash) -> list[int]:
    """Return the numbers of the submissions that were answered before a crash."""
    notes = folder / str(crash.workspace_id())
    return [int(line) for line in notes.read_text("utf-8").split()] if notes.exists() else []


if __name__ == "__main__":
    asked = crashes(passings=json.loads(sys.argv[3]))
    url, folder, seed = sys.argv[1], Path(sys.argv[2]), int(sys.argv[4])
    print(json.dumps(crash_each(url=url, folder=folder, each=asked, seed=seed)))  # noqa: T201 - the result
