"""Points between the intent and the capture where a worker can die, and a campaign of deaths.

Run it at any length by `python tests/campaigns.py pipeline-deaths`. Each round has a database of
its own, into which jobs are placed between the deaths. Workers are forked one after another; each
kills itself with SIGKILL at its point, and the next one goes on, at once or after a while, here or
on a machine that has none of the files. After each death the books of both sides are compared.
"""

import asyncio
import os
import shutil
import signal
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from mutoscope.app import conclude
from mutoscope.app.cancel import JobIsFinal, cancel
from mutoscope.app.generate import Wish, place
from mutoscope.app.sign_up import create
from mutoscope.app.studio import Studio
from mutoscope.app.subscribe import start_plan
from mutoscope.app.webhooks import add_endpoint
from mutoscope.bootstrap import prepare_database
from mutoscope.domain.jobs import FrameName
from mutoscope.providers.download import Downloads
from mutoscope.providers.remote import RemoteGenerator
from mutoscope.providers.wire import Wire
from mutoscope.storage import attempts
from mutoscope.storage.attempts import Orders
from mutoscope.storage.benchmark import fresh_database
from mutoscope.storage.session import Session
from pipeline_books import check_ended, check_running, close_doubts
from pipeline_stage import Scene, SharedClock, aside, forked, open_studio, simulators, work

AMID_S = 0.02
"""Seconds into a call at which a worker dies amid it."""

POINTS: dict[str, tuple[Any, str, str]] = {
    "before_intent": (Orders, "intend", "before"),
    "after_intent": (Orders, "intend", "after"),
    "before_create": (Wire, "create", "before"),
    "amid_create": (Wire, "create", "amid"),
    "after_create": (Wire, "create", "after"),
    "after_answer": (RemoteGenerator, "submit", "after"),
    "before_created": (Orders, "mark_created", "before"),
    "after_created": (Orders, "mark_created", "after"),
    "before_doubt": (attempts, "mark_unknown", "before"),
    "after_doubt": (attempts, "mark_unknown", "after"),
    "before_refused": (attempts, "mark_refused", "before"),
    "after_refused": (attempts, "mark_refused", "after"),
    "after_wait_again": (attempts, "wait_again", "after"),
    "after_take": (attempts, "take_looks", "after"),
    "before_poll": (RemoteGenerator, "poll", "before"),
    "amid_poll": (RemoteGenerator, "poll", "amid"),
    "after_poll": (RemoteGenerator, "poll", "after"),
    "amid_download": (Downloads, "fetch", "amid"),
    "after_download": (Downloads, "fetch", "after"),
    "before_settle": (conclude, "_submit", "before"),
    "amid_settle": (Session, "_apply_changes", "after"),
    "before_commit": (Session, "_write_beside", "after"),
    "after_settle": (conclude, "_submit", "after"),
    "before_discard": (RemoteGenerator, "discard", "before"),
    "after_discard": (RemoteGenerator, "discard", "after"),
    "before_looks_noted": (attempts, "note_looks", "before"),
    "before_cancel": (RemoteGenerator, "cancel", "before"),
    "after_cancel": (RemoteGenerator, "cancel", "after"),
}
"""The names of the points: before, amid or after which call."""

TOOLS = (
    "image_generation", "image_generation", "image_generation", "kling_standard", "kling_standard",
    "runway_gen4_turbo", "wan_i2v",
)  # fmt: skip
FAULTS = (
    "ok", "ok", "ok", "ok", "slow", "slow", "moderated_input", "moderated_output", "failed",
    "rate_limited", "http500_on_create_but_task_created", "http500_on_create_nothing_created",
    "drop_connection_after_accept", "create_answers_no_json", "http500_on_poll:2", "broken_file",
    "expired_output_url_once", "never_finishes",
)  # fmt: skip
PAUSES_S = (0, 0, 0, 10, 130, 800, 4_000)
"""Seconds until another worker goes on."""

KILLS_A_ROUND = 20
JOBS_A_DEATH = 3
DEATHS_A_WORKSPACE = 2


class Death(NamedTuple):
    """Where a worker dies, when it passes there for the n-th time."""

    point: str
    passing: int


def arm(death: Death) -> None:
    """Let this process die at a point."""
    target, name, moment = POINTS[death.point]
    whole = getattr(target, name)
    passings = 0

    async def wrapped(*given: Any, **named: Any) -> Any:  # noqa: ANN401 -- any call
        nonlocal passings
        passings += 1
        if passings != death.passing:
            return await whole(*given, **named)
        if moment == "after":
            await whole(*given, **named)
        elif moment == "amid":
            with suppress(TimeoutError):
                await asyncio.wait_for(whole(*given, **named), AMID_S)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("a dead worker goes on")

    setattr(target, name, wrapped)


class Shift(NamedTuple):
    """A worker's life: whose jobs are placed before it, on which machine, and how it ends."""

    number: int
    owner: UUID
    source: FrameName
    machine: str
    seed: int
    death: Death


async def open_workspace(scene: Scene) -> tuple[UUID, FrameName]:
    """Open a workspace with a still of its own to start from."""
    async with open_studio(scene, machine="first") as studio:
        opened = await create(studio, name="Aurora", zone="UTC", is_demo=False)
        await start_plan(studio, workspace_id=opened.workspace_id, plan="pro")
        await add_endpoint(
            studio, workspace_id=opened.workspace_id, url="http://127.0.0.1:9/", key="hook",
            event_types=("job.finished",),
        )  # fmt: skip
        key = f"shot-0-{opened.workspace_id.int % 10**9}"
        wish = Wish(tool="image_generation", prompt=key)
        job, _ = await place(studio, workspace_id=opened.workspace_id, wish=wish, key=key)
        await work(scene, studio, passes=60)
    return opened.workspace_id, FrameName(str(job.job_id), 1)


async def serve(scene: Scene, shift: Shift) -> None:
    """Place a few jobs, and work until death, or until there is nothing more to do for a while."""
    async with open_studio(scene, machine=shift.machine) as studio:
        await place_jobs(studio, shift)
        arm(shift.death)
        await work(scene, studio, passes=12)


async def place_jobs(studio: Studio, shift: Shift) -> None:
    """Place jobs of several tools, which meet several faults; one in eight is cancelled."""
    chance = Random(shift.seed)
    for ordinal in range(JOBS_A_DEATH):
        name, tool = f"shot-{shift.number}-{ordinal}", chance.choice(TOOLS)
        wish = Wish(tool=tool, prompt=f"{name} [[sim:{chance.choice(FAULTS)}]]")
        if tool != "image_generation":
            wish = replace(wish, source=shift.source, duration_s=5)
        job, _ = await place(studio, workspace_id=shift.owner, wish=wish, key=name)
        if chance.random() < 1 / 8:
            with suppress(JobIsFinal):
                await cancel(studio, workspace_id=shift.owner, job_id=job.job_id)


def play_round(scene: Scene, deaths: Sequence[Death], *, chance: Random) -> Counter[str]:
    """Let workers die one after another, then let the last one finish; return who died where."""
    died: Counter[str] = Counter()
    for number, death in enumerate(deaths):
        if number % DEATHS_A_WORKSPACE == 0:
            owner, source = asyncio.run(open_workspace(scene))
        machine = chance.choice(("first", "first", "second"))
        shift = Shift(number + 1, owner, source, machine, chance.getrandbits(32), death)
        code = forked(partial(serve, scene, shift))
        assert code in {0, -signal.SIGKILL}, (death, code)
        died[death.point] += code != 0
        asyncio.run(check_running(scene))
        scene.clock.move(seconds=chance.choice(PAUSES_S))
    asyncio.run(_finish(scene))
    return died


async def _finish(scene: Scene) -> None:
    async with open_studio(scene, machine="second") as studio:
        for pass_s in (20, 600, 3_600, 3_600):
            await work(scene, studio, passes=30, pass_s=pass_s)
            await close_doubts(scene, studio)
    await check_ended(scene)


def deaths_of(chance: Random, *, kills: int) -> list[Death]:
    """Return deaths at points in turn, each at one of its first passings."""
    names = list(POINTS)
    chance.shuffle(names)
    return [
        Death(names[each % len(names)], chance.choice((1, 1, 1, 2, 3))) for each in range(kills)
    ]


def campaign(server: str, *, kills: int, seed: int, folder: Path) -> Counter[str]:
    """Kill at least so many workers; return how many died at each point."""
    died: Counter[str] = Counter()
    chance = Random(seed)
    began, number = time.monotonic(), 0
    while died.total() < kills:
        number += 1
        deaths = deaths_of(chance, kills=min(KILLS_A_ROUND, kills - died.total()))
        database = partial(fresh_database, url=server, name=f"round_{uuid4().hex[:12]}")
        with aside(database) as url, aside(simulators) as address:
            asyncio.run(prepare_database(url))
            scene = Scene(
                url=url, address=address, folder=folder / str(number), clock=SharedClock()
            )
            died += play_round(scene, deaths, chance=chance)
        shutil.rmtree(scene.folder)
        took_s = time.monotonic() - began
        told = f"round {number}: {died.total()} deaths, {took_s:.0f} s"
        print(told, flush=True)  # noqa: T201 -- the result
    return died
