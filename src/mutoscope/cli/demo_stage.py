"""The stage of the demo: where chapters speak, place jobs, and show balances.

Owns what chapters pass on to one another. Invariant: a balance that is shown was read at that
moment; nothing is counted along.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table

from mutoscope.app.generate import Wish, place
from mutoscope.app.verify import Verification
from mutoscope.bootstrap import House
from mutoscope.cli.screen import balances_table, bars, table
from mutoscope.cli.waiting import until_final
from mutoscope.domain.balance import Balance
from mutoscope.domain.jobs import FrameName
from mutoscope.domain.shots import Shot
from mutoscope.storage import balances, jobs
from mutoscope.storage.jobs import Job
from mutoscope.storage.workspaces import Workspace

ZONE: Final = "Europe/Berlin"
INDENT: Final = 2
RULE_MAX: Final = 100
"""Columns of the rule above a chapter, however wide the screen."""


@dataclass(slots=True, kw_only=True)
class Stage:
    """What has happened so far: the workspace, the jobs by their keys, and moments to go back to.

    `jobs` are in the order in which they were placed, `outputs` their pictures by the same keys;
    `written` are all files. `simulators` is the address of the simulated providers, whose books
    `are_books_right` compares with the studio's; `is_sent_once` says that nothing was bought twice.
    """

    house: House
    screen: Console
    folder: Path
    shots: tuple[Shot, ...]
    workspace: Workspace | None = None
    jobs: dict[str, Job] = field(default_factory=dict)
    moments: dict[str, datetime] = field(default_factory=dict)
    outputs: dict[str, list[Path]] = field(default_factory=dict)
    written: list[Path] = field(default_factory=list)
    verification: Verification | None = None
    chapters: int = 0
    simulators: str = ""
    are_books_right: bool = True
    is_sent_once: bool = True

    @property
    def owner(self) -> Workspace:
        """Return the workspace that the first chapter opened."""
        assert self.workspace is not None, "the first chapter opens it"
        return self.workspace

    @property
    def is_clean(self) -> bool:
        """Tell whether the last chapter's verification found nothing, and all books agree."""
        is_proved = self.verification is not None and self.verification.is_clean
        return is_proved and self.are_books_right and self.is_sent_once

    def begin(self, title: str) -> None:
        """Begin a chapter."""
        self.chapters += 1
        self.screen.print()
        rule = Rule(f"[bold]{self.chapters}. {title}[/]", align="left", style="dim")
        self.screen.print(rule, width=min(self.screen.width, RULE_MAX))

    def say(self, text: str) -> None:
        """Say something to the spectator."""
        self.screen.print(text)

    def show(self, made: Table) -> None:
        """Show a table."""
        self.screen.print(Padding(made, (0, INDENT), expand=False))

    async def place(self, key: str, wish: Wish) -> tuple[Job, bool]:
        """Place a job under a key of the story's."""
        job, is_replay = await place(
            self.house.studio, workspace_id=self.owner.workspace_id, wish=wish, key=key
        )
        self.jobs[key] = job
        return job, is_replay

    async def read(self, job: Job) -> Job:
        """Return a job as it stands."""
        async with self.house.studio.reading() as connection:
            return await jobs.get(connection, workspace_id=job.workspace_id, job_id=job.job_id)

    async def wait(self, keys: Sequence[str]) -> tuple[Job, ...]:
        """Wait until some jobs are final, behind one progress bar."""
        placed = [self.jobs[key] for key in keys]
        with bars() as progress:
            task = progress.add_task("rendering", total=len(placed))

            def hear(looked: tuple[Job, ...]) -> None:
                progress.update(task, completed=sum(job.progress for job in looked))

            final = await until_final(self.house, placed=placed, hear=hear)
        self.jobs.update(zip(keys, final, strict=True))
        return final

    async def balances(self, *, at: datetime | None = None) -> tuple[Balance, ...]:
        """Return the balances now, or at another instant."""
        now = self.house.studio.clock.now()
        async with self.house.studio.reading() as connection:
            return await balances.balances(
                connection, workspace_id=self.owner.workspace_id, at=at or now, now=now
            )

    async def show_balances(self, title: str) -> None:
        """Show what can be spent and is held now."""
        found = await self.balances()
        made = balances_table(balances=found, zone=ZONE, title=f"[bold cyan]Balance[/] {title}")
        self.screen.print()
        self.show(made)

    def remember(self, moment: str) -> None:
        """Keep the instant, to go back to it."""
        self.moments[moment] = self.house.studio.clock.now()

    def list_files(self) -> None:
        """Show what was written."""
        self.begin("What lies in the folder")
        made = table("file", ">bytes")
        for path in self.written:
            made.add_row(str(path.relative_to(self.folder)), f"{path.stat().st_size:,}")
        self.show(made)

    def summary(self) -> dict[str, Any]:
        """Return the outcome as plain data."""
        return {
            "workspace_id": self.owner.workspace_id,
            "jobs": {key: {"state": job.state, "charged": job.captured, "held": job.price}
                     for key, job in self.jobs.items()},
            "files": [path.relative_to(self.folder) for path in self.written],
            "is_clean": self.is_clean,
        }  # fmt: skip


def frame_of(job: Job) -> FrameName:
    """Name the first still of a job."""
    return FrameName(str(job.job_id), 1)
