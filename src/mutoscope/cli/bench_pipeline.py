"""`mutoscope bench pipeline`: jobs a second through one worker, and looks that keep their schedule.

Owns a provider that answers at once, in this process, so that nothing is measured but the studio:
hold, order, look and settlement, with the worker's own loops over a durable PostgreSQL. Invariant:
after the run every job has its end or its look, and what was captured is what was delivered.
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from itertools import cycle
from pathlib import Path
from typing import Annotated, Final, NamedTuple
from uuid import UUID

import typer

from mutoscope.app.generate import Wish, place
from mutoscope.app.live import Live
from mutoscope.app.ports import Capabilities, Funds, Order, Output, Render, RenderState, Submitted
from mutoscope.app.sign_up import create
from mutoscope.app.studio import Studio
from mutoscope.app.subscribe import start_plan
from mutoscope.assets.folder import AssetFolder
from mutoscope.bootstrap import (
    CONNECTIONS_MAX,
    House,
    RandomIds,
    SystemClock,
    calm_collector,
    prepare_database,
)
from mutoscope.cli import bench_engine
from mutoscope.cli.bench import bench
from mutoscope.cli.files import scratch_folder
from mutoscope.cli.logs import configure
from mutoscope.cli.options import Json
from mutoscope.cli.plain import print_json
from mutoscope.cli.screen import bars, console, table
from mutoscope.domain.catalog import Catalog
from mutoscope.domain.catalog_text import parse_catalog
from mutoscope.domain.offers import Unit
from mutoscope.domain.routes import ListPrice, Route, RouteTable
from mutoscope.storage.attempts import Orders
from mutoscope.storage.benchmark import count_jobs
from mutoscope.storage.database import open_pool
from mutoscope.storage.embedded import EmbeddedPostgres
from mutoscope.storage.event_loop import run_long
from mutoscope.storage.journal import Journal
from mutoscope.worker.steps import work

__all__ = ("bench", "bench_engine", "pipeline")  # each bench adds its command to the group

PROVIDER: Final = "instant"
TOOL: Final = "image_generation"
JOBS_A_WORKSPACE: Final = 200
CALLERS: Final = 32
POLL_S: Final = 5.0
WATCH_S: Final = 30.0
"""Seconds in which looks at the jobs in flight are timed."""

MINUTE_S: Final = 60
LOOK_S: Final = 0.1
PIXEL: Final = bytes.fromhex("89504e470d0a1a0a")
EVER: Final = datetime(2025, 1, 1, tzinfo=UTC)


class ThroughputRow(NamedTuple):
    """How many jobs a second went from the hold to the settlement, and how long holding took."""

    jobs: int
    jobs_per_s: float
    held_per_s: float
    cpu_ms_a_job: float


class ScheduleRow(NamedTuple):
    """How late looks came, when so many jobs were at work."""

    jobs: int
    looks_per_s: float
    late_p50_ms: float
    late_p99_ms: float
    cpu_share: float


@dataclass(slots=True, kw_only=True)
class InstantProvider:
    """Takes every order at once; ends it at the first look, or never, and notes the looks."""

    picture: Path
    is_endless: bool = False
    begun_at: dict[UUID, float] = field(default_factory=dict)
    looked_at: dict[UUID, float] = field(default_factory=dict)
    late_s: list[float] = field(default_factory=list)
    is_timing: bool = False

    async def submit(self, *, order: Order) -> Submitted:
        """Take an order."""
        self.begun_at[order.job_id] = self.looked_at[order.job_id] = time.monotonic()
        return Submitted(provider_job_id=str(order.job_id))

    async def poll(self, *, provider_job_id: str, job_id: UUID, is_clip: bool) -> Render:
        """Tell of work that has ended, or goes on for ever."""
        assert provider_job_id
        assert not is_clip
        if not self.is_endless:
            picture = Output(path=self.picture, media_type="image/png", width=2, height=2)
            return Render(state=RenderState.SUCCEEDED, progress=1.0, outputs=(picture,))
        now = time.monotonic()
        if self.is_timing:
            before = self.looked_at[job_id]
            age_s = before - self.begun_at[job_id]
            self.late_s.append(now - before - scheduled_s(job_id, age_s=age_s))
        self.looked_at[job_id] = now
        return Render(state=RenderState.RUNNING, progress=0.5)

    async def cancel(self, *, provider_job_id: str) -> bool:
        """Stop nothing."""
        return not provider_job_id

    async def find(self, *, job_id: UUID) -> str | None:
        """Return what was taken."""
        return str(job_id) if job_id in self.looked_at else None

    async def discard(self, *, job_id: UUID) -> None:
        """Keep nothing."""
        self.looked_at.pop(job_id, None)

    def capabilities(self, *, model: str) -> Capabilities:
        """Return what every model can do."""
        assert model
        poll_s = POLL_S if self.is_endless else 0.0
        return Capabilities(prompt_max=1_000, output_ttl_s=3_600, poll_s=poll_s)

    async def funds(self) -> Funds:
        """Return that it is free."""
        return Funds(sentence="free")

    async def parse_webhook(
        self, *, headers: Mapping[str, str], body: bytes, secret: str, at: datetime
    ) -> str:
        """Read a call back, of which there is none."""
        assert headers is not None
        assert (secret, at) is not None
        return body.decode()

    async def close(self) -> None:
        """Close nothing."""


def scheduled_s(job_id: UUID, *, age_s: float) -> float:
    """Return the seconds between looks at a job, told apart from the studio's own reckoning."""
    return POLL_S * (0.75 + 0.5 * (job_id.int % 997) / 997) * (1 if age_s < MINUTE_S else 2)


@bench.command()
def pipeline(
    *,
    jobs: Annotated[int, typer.Option(min=10, help="Jobs to run, and to have in flight.")] = 10_000,
    is_json: Json = False,
) -> None:
    """Measure one worker: jobs a second from hold to settlement, and how late it looks at many.

    JSON is {"throughput": {jobs, jobs_per_s, held_per_s, cpu_ms_a_job},
    "schedule": {jobs, looks_per_s, late_p50_ms, late_p99_ms, cpu_share}}.
    """
    configure()
    with bars() as progress:
        task = progress.add_task("jobs through the worker", total=2)
        throughput = run_long(_throughput(jobs))
        progress.update(task, advance=1, description="jobs in flight")
        schedule = run_long(_schedule(jobs))
        progress.update(task, advance=1)
    if is_json:
        print_json({"throughput": throughput._asdict(), "schedule": schedule._asdict()})
        return
    for row in (throughput, schedule):
        shown = table("what", ">measured")
        for name, value in row._asdict().items():
            shown.add_row(name, f"{value:,.2f}" if isinstance(value, float) else f"{value:,}")
        console().print(shown)


async def _throughput(jobs: int) -> ThroughputRow:
    async with _house(is_endless=False) as (house, _):
        owners = await _owners(house.studio, jobs)
        calm_collector()
        began, cpu = time.monotonic(), time.process_time()
        async with _working(house):
            await _placed(house.studio, owners, jobs)
            held_s = time.monotonic() - began
            await _until(house.studio, state="succeeded", jobs=jobs)
            total_s = time.monotonic() - began
        used = time.process_time() - cpu
    return ThroughputRow(jobs, jobs / total_s, jobs / held_s, used / jobs * 1_000)


async def _schedule(jobs: int) -> ScheduleRow:
    async with _house(is_endless=True) as (house, provider):
        owners = await _owners(house.studio, jobs)
        calm_collector()
        async with _working(house):
            await _placed(house.studio, owners, jobs)
            await _until(house.studio, state="running", jobs=jobs)
            provider.is_timing, cpu = True, time.process_time()
            await asyncio.sleep(WATCH_S)
            provider.is_timing, used = False, time.process_time() - cpu
    late = sorted(provider.late_s)
    return ScheduleRow(
        jobs, len(late) / WATCH_S, late[len(late) // 2] * 1_000,
        late[len(late) * 99 // 100] * 1_000, used / WATCH_S,
    )  # fmt: skip


@asynccontextmanager
async def _house(*, is_endless: bool) -> AsyncIterator[tuple[House, InstantProvider]]:
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(scratch_folder())
        url = (await stack.enter_async_context(EmbeddedPostgres(folder=folder / "server"))).dsn
        await prepare_database(url)
        pool = await open_pool(url, connections_max=CONNECTIONS_MAX)
        stack.push_async_callback(pool.close)
        journal = Journal(url=url, now=SystemClock().now)
        await journal.open()
        stack.push_async_callback(journal.close)
        picture = folder / "picture.png"
        picture.write_bytes(PIXEL)
        provider = InstantProvider(picture=picture, is_endless=is_endless)
        companies = {PROVIDER: provider}
        studio = Studio(
            journal=journal, pool=pool, orders=Orders(pool), catalog=_catalog(),
            clock=SystemClock(), ids=RandomIds(),
            assets=AssetFolder(folder=folder / "assets"), generators=companies,
            providers=companies, routes=RouteTable(routes=(_route(),)), email_key=b"bench",
        )  # fmt: skip
        live = Live(url=url, now=studio.clock.now)
        house = House(
            studio=studio, live=live, database_url=url, signing_key=bytes(32), fonts=folder
        )
        yield house, provider


def _catalog() -> Catalog:
    """Return the shipped catalog without limits of jobs at work: the worker is measured."""
    text = files("mutoscope").joinpath("catalog.toml").read_text(encoding="utf-8")
    return parse_catalog(text=re.sub(r"jobs_max = \d+", "jobs_max = 1000", text), source="bench")


def _route() -> Route:
    return Route(
        key=PROVIDER, tool=TOOL, provider=PROVIDER, model="instant", effective_at=EVER,
        ends_at=None, parameters={}, price=ListPrice(unit=Unit.PER_IMAGE, micros=0),
        jobs_max=1_000_000, deadline=timedelta(hours=1),
    )  # fmt: skip


async def _owners(studio: Studio, jobs: int) -> list[UUID]:
    found = []
    for number in range(-(-jobs // JOBS_A_WORKSPACE)):
        opened = await create(studio, name=f"bench {number}", zone="UTC", is_demo=False)
        await start_plan(studio, workspace_id=opened.workspace_id, plan="pro")
        found.append(opened.workspace_id)
    return found


async def _placed(studio: Studio, owners: list[UUID], jobs: int) -> None:
    """Place jobs of all workspaces in turn, by callers that each wait for their answer."""
    waiting = iter(list(zip(range(jobs), cycle(owners), strict=False)))

    async def call() -> None:
        for number, owner in waiting:
            wish = Wish(tool=TOOL, prompt="a lighthouse")
            await place(studio, workspace_id=owner, wish=wish, key=f"job-{number}")

    await asyncio.gather(*(call() for _ in range(CALLERS)))


@asynccontextmanager
async def _working(house: House) -> AsyncIterator[None]:
    worker = asyncio.create_task(work(house))
    try:
        yield
    finally:
        worker.cancel()
        with suppress(asyncio.CancelledError):
            await worker


async def _until(studio: Studio, *, state: str, jobs: int) -> None:
    while True:
        async with studio.reading() as connection:
            if await count_jobs(connection, state=state) == jobs:
                return
        await asyncio.sleep(LOOK_S)
