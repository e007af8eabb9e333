"""`mutoscope demo --providers simulated`: every tool over its provider's wire, with faults.

Owns the chapters that are told with simulators in the place of companies. Invariant: the books of
the simulators are read by the spectator's table alone; the studio itself learns a cost only from
what a provider tells it. Everything that is shown says that it was simulated.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

import httpx

from mutoscope.app.generate import Wish
from mutoscope.app.resolve import Finding, resolve
from mutoscope.app.sign_up import create
from mutoscope.app.subscribe import start_plan
from mutoscope.cli.demo_stage import ZONE, Stage, frame_of
from mutoscope.cli.demo_story import prove
from mutoscope.cli.screen import bars, micros, table
from mutoscope.domain.attempts import AttemptState
from mutoscope.storage import attempts
from mutoscope.storage.attempts import Attempt, Costs
from mutoscope.storage.jobs import Job

STILL: Final = "still"
NOBODY_KNOWS: Final = "runway"
"""The provider that cannot be asked about an order by our id: staff have to look it up."""

LOOK_S: Final = 0.2


class Shot(NamedTuple):
    """A job of the story: its key, its tool, the fault that it meets, and its seconds."""

    key: str
    tool: str
    fault: str = ""
    duration_s: int | None = None


CLIPS: Final = (
    Shot("runway", "runway_gen4_turbo", duration_s=5),
    Shot("veo", "veo3", duration_s=8),
    Shot("kling-pro", "kling_pro", duration_s=5),
    Shot("kling-standard", "kling_standard", duration_s=5),
    Shot("pixverse", "pixverse_v4", duration_s=5),
    Shot("wan", "wan_i2v", duration_s=5),
)
FAULTS: Final = (
    Shot("refused", "kling_standard", "moderated_input", 5),
    Shot("failed", "wan_i2v", "failed", 5),
    Shot("billed-refusal", "runway_gen4_turbo", "moderated_output", 5),
    Shot("broken-file", "kling_standard", "broken_file", 5),
    Shot("silent-but-found", "kling_standard", "http500_on_create_but_task_created", 5),
    Shot("silent", "runway_gen4_turbo", "http500_on_create_but_task_created", 5),
    Shot("stale-link", "wan_i2v", "expired_output_url_once", 5),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """What the studio recorded as paid, what is still open, and the simulators' own books."""

    recorded: Costs
    charged_micros: int

    def is_right(self) -> bool:
        """Tell whether the charges lie between what is certain and what is possible."""
        certain, possible = self.recorded.certain_micros, self.recorded.possible_micros
        return certain <= self.charged_micros <= certain + possible


async def open_studio(stage: Stage) -> None:
    """Open a live workspace on the Pro plan: only providers serve it."""
    stage.say(
        "[bold]Mutoscope[/] with [bold]simulated providers[/]: real protocols over the loopback, "
        "strict as the companies are; no key, no bill, and each picture says SIMULATOR."
    )
    stage.begin("A live workspace, whose tools have routes")
    studio = stage.house.studio
    stage.workspace = await create(studio, name="The Last Train", zone=ZONE, is_demo=False)
    stage.workspace = await start_plan(studio, workspace_id=stage.owner.workspace_id, plan="pro")
    made = table("tool", "first route", "model", "list price")
    at = studio.clock.now()
    for tool in studio.catalog.version_at(at=at).tools:
        route = studio.routes.of(tool=tool.key, providers=studio.providers, at=at)[0]
        price = f"{micros(route.price.micros)} {route.price.unit}"
        made.add_row(tool.name, route.provider, route.model, price)
    stage.show(made)


async def make_stills(stage: Stage) -> None:
    """Generate a still, and edit it in both ways."""
    stage.begin("Three image tools over the wire")
    prompt = stage.shots[0].prompt
    await stage.place(STILL, Wish(tool="image_generation", prompt=prompt))
    await stage.wait([STILL])
    source = frame_of(stage.jobs[STILL])
    await stage.place("assistant", Wish(
        tool="edit_open_assistant", prompt="", source=source, instruction="make it night",
    ))  # fmt: skip
    await stage.place("fine-tune", Wish(
        tool="edit_fine_tune", prompt="", source=source, adjustments={"contrast": 0.3},
    ))  # fmt: skip
    await stage.wait(["assistant", "fine-tune"])
    await show_jobs(stage, (STILL, "assistant", "fine-tune"))


async def make_clips(stage: Stage) -> None:
    """Animate the still with every video tool."""
    stage.begin("Six video tools over the wire")
    await _place_all(stage, CLIPS)
    await stage.wait([shot.key for shot in CLIPS])
    await show_jobs(stage, tuple(shot.key for shot in CLIPS))
    await stage.show_balances("after nine tools")


async def meet_faults(stage: Stage) -> None:
    """Let providers misbehave, and see that nobody pays for it and nothing is bought twice."""
    stage.begin("Providers misbehave")
    await _slow_down(stage, "kling")
    await _place_all(stage, FAULTS)
    await _settled(stage, [shot.key for shot in FAULTS])
    await show_jobs(stage, tuple(shot.key for shot in FAULTS))
    await stage.show_balances("after the faults: nobody paid for a failure")


async def close_doubts(stage: Stage) -> None:
    """Compare the books, close what is in doubt as staff would, and compare again."""
    stage.begin("Two sets of books")
    charges = await _charges(stage)
    before = await _books(stage, charges)
    _show_books(stage, before, "with one order in doubt")
    for attempt in await _doubtful(stage):
        found = [each for each in charges if _is_of(stage, each, attempt)]
        finding = Finding(staff="demo", provider_job_id=str(found[0]["id"]) if found else None)
        await resolve(
            stage.house.studio, workspace_id=attempt.workspace_id, job_id=attempt.job_id,
            finding=finding,
        )  # fmt: skip
    await stage.wait(list(stage.jobs))
    after = await _books(stage, charges)
    _show_books(stage, after, "once staff looked it up")
    await _show_creations(stage)
    stage.are_books_right = (
        before.is_right()
        and after.recorded.possible_micros == 0
        and after.recorded.certain_micros == after.charged_micros
    )


async def show_jobs(stage: Stage, keys: tuple[str, ...]) -> None:
    """Show what became of jobs, what was charged, and what their orders cost the operator."""
    made = table("job", "tool", "state", ">held", ">charged", ">cost", "what the creator reads")
    for key in keys:
        job = await _read(stage, key)
        cost = sum(each.cost_micros or 0 for each in await _attempts(stage, job))
        told = job.sentence or ("Delivered." if job.state == "succeeded" else "")
        made.add_row(
            key, job.tool, job.state, str(job.price), "-" if job.captured is None else
            str(job.captured), micros(cost), told,
        )  # fmt: skip
    stage.show(made)


CHAPTERS: Final[tuple[Callable[[Stage], Awaitable[None]], ...]] = (
    open_studio, make_stills, make_clips, meet_faults, close_doubts, prove,
)  # fmt: skip


async def _place_all(stage: Stage, shots: tuple[Shot, ...]) -> None:
    source = frame_of(stage.jobs[STILL])
    for shot in shots:
        marker = f" [[sim:{shot.fault}]]" if shot.fault else ""
        wish = Wish(
            tool=shot.tool, prompt=f"a slow push in{marker}", source=source,
            duration_s=shot.duration_s, ratio="16:9",
        )  # fmt: skip
        await stage.place(shot.key, wish)


async def _slow_down(stage: Stage, provider: str) -> None:
    """Let a simulator refuse its next order as one too many."""
    async with httpx.AsyncClient(trust_env=False) as client:
        asked = {"provider": provider, "outcome": "rate_limited", "n": 1}
        (await client.post(f"{stage.simulators}/_sim/next", json=asked)).raise_for_status()


async def _settled(stage: Stage, keys: list[str]) -> None:
    """Wait until jobs are final, or in doubt."""
    with bars() as progress:
        task = progress.add_task("at work", total=len(keys))
        while True:
            jobs = [await _read(stage, key) for key in keys]
            doubts = {
                each.job_id for each in await _doubtful(stage) if each.provider == NOBODY_KNOWS
            }
            done = [job for job in jobs if job.finished_at is not None or job.job_id in doubts]
            progress.update(task, completed=len(done))
            if len(done) == len(keys):
                return
            await asyncio.sleep(LOOK_S)


async def _read(stage: Stage, key: str) -> Job:
    stage.jobs[key] = await stage.read(stage.jobs[key])
    return stage.jobs[key]


async def _attempts(stage: Stage, job: Job) -> tuple[Attempt, ...]:
    async with stage.house.studio.reading() as connection:
        return await attempts.attempts_of(
            connection, workspace_id=job.workspace_id, job_id=job.job_id
        )


async def _doubtful(stage: Stage) -> tuple[Attempt, ...]:
    async with stage.house.studio.reading() as connection:
        return await attempts.unknown_attempts(connection, limit=100)


async def _told(stage: Stage, what: str) -> list[dict[str, object]]:
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"{stage.simulators}/_sim/{what}")
    told: list[dict[str, object]] = answer.json()
    return told


async def _charges(stage: Stage) -> list[dict[str, object]]:
    return await _told(stage, "charges")


async def _books(stage: Stage, charges: list[dict[str, object]]) -> Books:
    async with stage.house.studio.reading() as connection:
        recorded = await attempts.costs(connection)
    return Books(
        recorded=recorded, charged_micros=sum(int(str(each["micros"])) for each in charges)
    )


def _is_of(stage: Stage, charge: Mapping[str, object], attempt: Attempt) -> bool:
    """Tell whether a charge is of an order in doubt: what staff see on the provider's pages."""
    known = {shot.key: shot.fault for shot in FAULTS}
    key = next(key for key, job in stage.jobs.items() if job.job_id == attempt.job_id)
    return charge["provider"] == attempt.provider and known[key] in str(charge["prompt"])


def _show_books(stage: Stage, books: Books, title: str) -> None:
    made = table("books", ">cost", title=f"[bold cyan]Costs[/] {title}")
    certain, possible = books.recorded.certain_micros, books.recorded.possible_micros
    made.add_row("recorded for certain", micros(certain))
    made.add_row("the simulators' own charges", micros(books.charged_micros))
    made.add_row("certain and possible (open orders at list price)",
                 micros(certain + possible))  # fmt: skip
    stage.show(made)


async def _show_creations(stage: Stage) -> None:
    """Show that no order was sent twice: one creation for each attempt."""
    sent = Counter(
        str(each["provider"]) for each in await _told(stage, "requests") if each["act"] == "create"
    )
    made = table("provider, simulated", ">orders recorded", ">creations on the wire")
    recorded: Counter[str] = Counter()
    for key in stage.jobs:
        for attempt in await _attempts(stage, stage.jobs[key]):
            recorded[attempt.provider] += attempt.state is not AttemptState.INTENDED
    for provider in sorted(recorded):
        made.add_row(provider, str(recorded[provider]), str(sent[provider]))
    stage.show(made)
    stage.is_sent_once = all(recorded[each] == sent[each] for each in recorded)
