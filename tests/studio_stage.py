"""A studio on the real database with a scripted generator and a clock that the test moves."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from mutoscope.app import generate, sign_up
from mutoscope.app.advance import advance
from mutoscope.app.asset_rules import AssetRules
from mutoscope.app.generate import Wish
from mutoscope.app.studio import ENGINE, Studio
from mutoscope.assets.folder import AssetFolder
from mutoscope.bootstrap import RandomIds, prepare_database, read_catalog
from mutoscope.domain.jobs import FINAL
from mutoscope.domain.routes import RouteTable
from mutoscope.storage import balances, jobs
from mutoscope.storage.attempts import Orders
from mutoscope.storage.database import open_pool
from mutoscope.storage.jobs import Job, StoredOutput
from mutoscope.storage.journal import Journal
from scripted_generator import ScriptedGenerator

STEPS_MAX = 200
FRAME = Wish(tool="image_generation", prompt="a lighthouse at dusk")


@dataclass
class MovableClock:
    """A clock that stands until it is moved."""

    at: datetime

    def now(self) -> datetime:
        return self.at

    def move(self, **span: float) -> None:
        self.at += timedelta(**span)


@dataclass
class Stage:
    """A demo workspace in its trial, and what plays on it."""

    studio: Studio
    generator: ScriptedGenerator
    clock: MovableClock
    workspace_id: UUID

    async def place(self, *, images: int = 1, key: str = "job-1") -> Job:
        wish = Wish(tool=FRAME.tool, prompt=FRAME.prompt, images=images)
        job, _ = await generate.place(
            self.studio, workspace_id=self.workspace_id, wish=wish, key=key
        )
        return job

    async def step(self, job: Job) -> float | None:
        step = await advance(self.studio, workspace_id=self.workspace_id, job_id=job.job_id)
        return step.wait_s

    async def lose_steps(self) -> None:
        """Clear the queue, as an operator might."""
        async with self.studio.reading() as connection:
            await connection.execute("DELETE FROM pgqueuer")

    async def play(self, job: Job) -> Job:
        """Take steps until the job is final, moving the clock as long as each wants to wait."""
        for _ in range(STEPS_MAX):
            wait_s = await self.step(job)
            if wait_s is None:
                break
            self.clock.move(seconds=wait_s)
        found = await self.read(job)
        assert found.state in FINAL
        return found

    async def read(self, job: Job) -> Job:
        async with self.studio.reading() as connection:
            return await jobs.get(connection, workspace_id=job.workspace_id, job_id=job.job_id)

    async def outputs(self, job: Job) -> tuple[StoredOutput, ...]:
        async with self.studio.reading() as connection:
            return await jobs.outputs_of(
                connection, workspace_id=job.workspace_id, job_id=job.job_id
            )

    async def credits(self) -> tuple[int, int]:
        """Return the image credits that can be spent, and those that are held."""
        at = self.clock.now()
        async with self.studio.reading() as connection:
            found = await balances.balances(
                connection, workspace_id=self.workspace_id, at=at, now=at
            )
        (image,) = (each for each in found if each.kind == "image")
        return image.spendable, image.held


@asynccontextmanager
async def open_stage(url: str, folder: Path) -> AsyncIterator[Stage]:
    """Set the stage on a fresh database."""
    await prepare_database(url)
    clock = MovableClock(datetime(2025, 1, 20, 12, tzinfo=UTC))
    generator = ScriptedGenerator(folder)
    async with AsyncExitStack() as stack:
        pool = await open_pool(url, connections_max=5)
        stack.push_async_callback(pool.close)
        journal = Journal(url=url, now=clock.now)
        await journal.open()
        stack.push_async_callback(journal.close)
        studio = Studio(
            journal=journal, pool=pool, orders=Orders(pool), catalog=read_catalog(None),
            clock=clock, ids=RandomIds(), assets=AssetFolder(folder=folder / "assets"),
            generators={ENGINE: generator},
            routes=RouteTable(routes=()), email_key=b"key",
            asset_rules=AssetRules(link_key=b"links"),
        )  # fmt: skip
        workspace = await sign_up.create(studio, name="Aurora", zone="UTC", is_demo=True)
        yield Stage(studio, generator, clock, workspace.workspace_id)
