"""Glances: what has changed in the wallets and jobs of the workspaces that somebody follows.

Invariant: a change that stays is told, at the latest at the next look after it; changes that follow
one another within a look are told as one. The surprising choice: what is seen of a workspace for
the first time is told as well, so that nothing falls between a reader's page and the first look.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final
from uuid import UUID

from mutoscope.domain.jobs import FINAL
from mutoscope.storage import balances, live
from mutoscope.storage.live import JobGlance, WalletName

if TYPE_CHECKING:
    from datetime import datetime

    from mutoscope.storage.database import Connection

FIRST_LOOK: Final = timedelta(days=1)
"""How far the first look at a workspace goes back; its open jobs are told."""

OVERLAP: Final = timedelta(minutes=1)
"""How far a look goes back behind the one before: a job's row has an instant before its commit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceMoved:
    """A wallet that has changed, as it is now; `version` counts its changes."""

    workspace_id: UUID
    kind: str
    version: int
    sequence: int
    spendable: int
    held: int
    frozen: int


class Glances:
    """What was seen last of the workspaces that are followed."""

    def __init__(self) -> None:
        """Begin without having seen anything."""
        self._versions: dict[WalletName, int] = {}
        self._jobs: dict[UUID, dict[UUID, JobGlance]] = {}
        self._looked_at: dict[UUID, datetime] = {}

    async def look(
        self, connection: Connection, *, workspaces: Collection[UUID], at: datetime
    ) -> list[BalanceMoved | JobGlance]:
        """Return what has changed since the last look."""
        self._forget(workspaces)
        found = await live.versions(connection, workspaces=list(workspaces))
        moved = [name for name, version in found.items() if self._versions.get(name) != version]
        told: list[BalanceMoved | JobGlance] = []
        if moved:
            told += await self._balances(connection, moved, at)
        told += await self._moved_jobs(connection, {name.workspace_id for name in moved}, at)
        return told

    def _forget(self, workspaces: Collection[UUID]) -> None:
        followed = set(workspaces)
        for workspace_id in self._looked_at.keys() - followed:
            del self._looked_at[workspace_id]
            self._jobs.pop(workspace_id, None)
        self._versions = {
            name: version
            for name, version in self._versions.items()
            if name.workspace_id in followed
        }

    async def _balances(
        self, connection: Connection, moved: list[WalletName], at: datetime
    ) -> list[BalanceMoved]:
        """Read the wallets that moved; their versions are read again before them, to be no newer.

        A change between the two readings is seen as another at the next look.
        """
        kinds: dict[UUID, set[str]] = defaultdict(set)
        for name in moved:
            kinds[name.workspace_id].add(name.kind)
        versions = await live.versions(connection, workspaces=list(kinds))
        told = []
        for workspace_id, its_kinds in kinds.items():
            found = await balances.balances(connection, workspace_id=workspace_id, at=at, now=at)
            for each in found:
                version = versions.get(WalletName(workspace_id, each.kind), 0)
                if each.kind in its_kinds:
                    told.append(
                        BalanceMoved(
                            workspace_id=workspace_id, kind=each.kind, version=version,
                            sequence=each.sequence, spendable=each.spendable, held=each.held,
                            frozen=each.frozen,
                        )
                    )  # fmt: skip
                    self._versions[WalletName(workspace_id, each.kind)] = version
        return told

    async def _moved_jobs(
        self, connection: Connection, moved: set[UUID], at: datetime
    ) -> list[JobGlance]:
        """Look at the jobs of wallets that moved (each new job moves one), and at open ones."""
        since = {
            workspace_id: self._looked_at.get(workspace_id, at - FIRST_LOOK) - OVERLAP
            for workspace_id in moved
        }
        known = {
            (each.workspace_id, each.job_id)
            for jobs in self._jobs.values()
            for each in jobs.values()
            if each.state not in FINAL
        }
        newer = await live.jobs_since(connection, since=since) if since else ()
        found = {each.job_id: each for each in newer}
        rest = [name for name in known if name[1] not in found]
        if rest:
            found |= {each.job_id: each for each in await live.jobs_named(connection, names=rest)}
        told = [each for each in found.values() if self._is_news(each)]
        for workspace_id in moved:
            self._looked_at[workspace_id] = at
            self._prune(workspace_id, at)
        return sorted(told, key=lambda each: (each.created_at, each.job_id))

    def _is_news(self, job: JobGlance) -> bool:
        seen = self._jobs.setdefault(job.workspace_id, {})
        before = seen.get(job.job_id)
        seen[job.job_id] = job
        if before is None:
            is_first_look = job.workspace_id not in self._looked_at
            return not (is_first_look and job.state in FINAL)
        return before != job

    def _prune(self, workspace_id: UUID, at: datetime) -> None:
        """Forget jobs that are over and that no later look will meet again."""
        jobs = self._jobs.get(workspace_id, {})
        for job_id, job in list(jobs.items()):
            if job.state in FINAL and job.created_at < at - OVERLAP:
                del jobs[job_id]
