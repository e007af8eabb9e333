"""A live studio with two scripted companies behind its routes, and a clock that the test moves."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from mutoscope.app.advance import advance
from mutoscope.app.generate import Wish, place
from mutoscope.app.ports import Capabilities, Funds, ProviderError, Render, RenderState
from mutoscope.app.studio import Studio
from mutoscope.domain.offers import Unit
from mutoscope.domain.routes import ListPrice, Route, RouteTable
from mutoscope.storage import attempts, balances
from mutoscope.storage.attempts import Attempt
from mutoscope.storage.jobs import Job
from scripted_generator import ScriptedGenerator
from studio_fixture import open_workspace
from studio_stage import Stage, open_stage

EVER = datetime(2025, 1, 1, tzinfo=UTC)
MICROS = 60_000
ABLE = Capabilities(prompt_max=1_000, output_ttl_s=3_600, poll_s=5, images_max=50)
UNANSWERED = ProviderError("It did not answer.", code="submit_unknown", permanent=False)
TOO_FAST = ProviderError("Slow down.", code="rate_limited", permanent=False, retry_after_s=7)
UNREACHED = ProviderError("It cannot be reached.", code="not_created", permanent=False)
RETIRED = ProviderError("The model is gone.", code="retired_model", permanent=True)


@dataclass
class ScriptedCompany(ScriptedGenerator):
    """A scripted generator that is a company; it knows our ids only when it is told them."""

    able: Capabilities = ABLE
    known: dict[UUID, str] = field(default_factory=dict)

    async def find(self, *, job_id: UUID) -> str | None:
        return self.known.get(job_id)

    async def funds(self) -> Funds:
        return Funds(micros=1, sentence="a little")

    async def parse_webhook(
        self, *, headers: Mapping[str, str], body: bytes, secret: str, at: datetime
    ) -> str:
        assert headers is not None
        assert (secret, at.tzinfo)[1] is not None
        return body.decode()

    async def close(self) -> None:
        return


def route(provider: str, *, jobs_max: int = 5) -> Route:
    return Route(
        key=f"image_{provider}", tool="image_generation", provider=provider, model="m-1",
        effective_at=EVER, ends_at=None, parameters={},
        price=ListPrice(unit=Unit.PER_IMAGE, micros=MICROS), jobs_max=jobs_max,
        deadline=timedelta(minutes=20),
    )  # fmt: skip


@dataclass
class Companies:
    """The stage with a live workspace on the Pro plan, and the companies `acme` and `bell`."""

    stage: Stage
    studio: Studio
    acme: ScriptedCompany
    bell: ScriptedCompany
    workspace_id: UUID

    def with_routes(self, *routes: Route, daily_micros_max: int | None = None) -> "Companies":
        table = RouteTable(routes=routes, daily_micros_max=daily_micros_max)
        return replace(self, studio=replace(self.studio, routes=table))

    async def place(
        self, key: str = "job-1", *, images: int = 1, workspace_id: UUID | None = None,
        references: tuple[str, ...] = (),
    ) -> Job:  # fmt: skip
        wish = Wish(
            tool="image_generation", prompt="a lighthouse", images=images, references=references
        )
        whose = workspace_id or self.workspace_id
        job, _ = await place(self.studio, workspace_id=whose, wish=wish, key=key)
        return job

    async def step(self, job: Job) -> float | None:
        step = await advance(self.studio, workspace_id=job.workspace_id, job_id=job.job_id)
        return step.wait_s

    async def play(self, job: Job, *, steps: int = 200) -> Job:
        """Take steps while the job wants any, moving the clock as long as each waits."""
        for _ in range(steps):
            wait_s = await self.step(job)
            if wait_s is None:
                break
            self.stage.clock.move(seconds=wait_s)
        return await self.stage.read(job)

    async def attempts(self, job: Job) -> tuple[Attempt, ...]:
        async with self.studio.reading() as connection:
            return await attempts.attempts_of(
                connection, workspace_id=job.workspace_id, job_id=job.job_id
            )

    async def states(self, job: Job) -> list[str]:
        return [str(each.state) for each in await self.attempts(job)]

    async def held(self) -> int:
        at = self.stage.clock.now()
        async with self.studio.reading() as connection:
            found = await balances.balances(
                connection, workspace_id=self.workspace_id, at=at, now=at
            )
        (image,) = (each for each in found if each.kind == "image")
        return 700 - image.spendable


def costing(render: Render, micros: int) -> Render:
    """Return what a company tells together with what it charges."""
    return replace(render, cost_micros=micros)


RUNNING = Render(state=RenderState.RUNNING, progress=0.5)


@asynccontextmanager
async def open_companies(url: str, folder: Path) -> AsyncIterator[Companies]:
    """Set the stage on a fresh database."""
    async with open_stage(url, folder) as stage:
        acme, bell = ScriptedCompany(folder), ScriptedCompany(folder)
        companies = {"acme": acme, "bell": bell}
        studio = replace(
            stage.studio, generators={**stage.studio.generators, **companies}, providers=companies,
            routes=RouteTable(routes=(route("acme"), route("bell"))),
        )  # fmt: skip
        stage.studio = studio
        workspace_id = await open_workspace(stage, plan="pro", is_demo=False)
        yield Companies(stage, studio, acme, bell, workspace_id)
