"""Rate-card replay: the jobs of a span once more, at the prices of a draft of the catalog.

Every wallet that ordered in the span is lived through again in memory, from its first entry on:
what happened before the span as it was, what happened in it with the draft's prices and the
draft's allowances. Invariant: nothing is written, and under an unchanged catalog nothing differs.
The surprising choice: a job that cannot be paid is left out and the next is tried, as its creator
could have; what was ordered is never guessed at.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from mutoscope.app.margin import margin_micros
from mutoscope.app.replayed_wallet import DraftSpan, ReplayedWallet, ToolTally
from mutoscope.domain.credits import Refusal
from mutoscope.domain.draft import Packs, packs_for
from mutoscope.domain.offers import Money
from mutoscope.storage import finance
from mutoscope.storage.verification import Scope, opened

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mutoscope.app.studio import Studio
    from mutoscope.domain.catalog import Catalog
    from mutoscope.domain.findings import Finding
    from mutoscope.storage.finance import Span
    from mutoscope.storage.session import Connection
    from mutoscope.storage.verification import Reading, WalletRows

Progress = Callable[[int], None]
"""Is told how many entries were lived through so far."""


def unheard(_entries: int) -> None:
    """Tell nobody about progress."""


class LedgerBroken(Refusal):
    """A ledger whose rows do not fit together, so that nothing can be told from them."""

    code = "ledger_broken"

    def __init__(self, *, finding: Finding) -> None:
        super().__init__(
            f"the ledger cannot be lived through ({finding.fault} in {finding.table}): "
            "`mutoscope verify` tells all that is wrong"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RanOut:
    """A wallet that could not have paid: its first such job, and all of them together.

    `needed` is what the jobs that were left out would have captured; `packs` would pay for it.
    """

    workspace_id: UUID
    kind: str
    at: datetime
    job_id: UUID | None
    tool: str | None
    required: int
    available: int
    shortfall: int
    jobs: int
    needed: int
    packs: Packs | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolReplay:
    """A tool as it was, and under the draft: credits captured, what they had cost, and the margin.

    `jobs` were ordered; of them `unpaid` would have been refused, `withdrawn` are not for sale any
    more. Margins are in micros of a US dollar.
    """

    tool: str
    jobs: int
    unpaid: int
    withdrawn: int
    credits_before: int
    credits_after: int
    revenue_before: tuple[Money, ...]
    revenue_after: tuple[Money, ...]
    cost_before_micros: int
    cost_after_micros: int
    margin_before_micros: int
    margin_after_micros: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RateCardReplay:
    """What a span would have been under a version of a draft."""

    version: str
    starts_at: datetime
    ends_at: datetime
    wallets: int
    entries: int
    tools: tuple[ToolReplay, ...]
    ran_out: tuple[RanOut, ...]

    @property
    def withdrawn(self) -> tuple[str, ...]:
        """Return the tools that were used and are not in the draft."""
        return tuple(each.tool for each in self.tools if each.withdrawn)


async def replay(
    studio: Studio, *, connection: Connection, draft: Catalog, span: Span,
    version: str | None = None, progress: Progress = unheard,
) -> RateCardReplay:  # fmt: skip
    """Replay a span under a version of a draft; without a key, its last one.

    The connection is the replay's own for as long as it takes.

    :raises UnknownVersion: when the draft has no version of that key.
    :raises LedgerBroken: when the ledger's rows do not fit together.
    """
    chosen = draft.versions[-1] if version is None else draft.version(key=version)
    async with opened(connection=connection, scope=Scope()) as reading:
        draft_of = DraftSpan(
            catalog=studio.catalog, version=chosen, span=span,
            jobs=await finance.past_jobs(connection, span=span),
            plans=await finance.plan_times(connection),
        )  # fmt: skip
        return await _lived_through(reading, draft_of, progress)


async def _lived_through(reading: Reading, draft: DraftSpan, progress: Progress) -> RateCardReplay:
    ordered = {(job.workspace_id, job.kind) for job in draft.jobs.values()}
    tallies = draft.tallies()
    wallets = entries = 0
    ran_out = []
    async for rows in reading.wallets(_refuse):
        if rows.name not in ordered:
            continue
        wallet = ReplayedWallet(draft=draft, name=rows.name, tallies=tallies)
        async for count in _followed(rows, wallet):
            entries += count
            progress(entries)
        wallets += 1
        if wallet.shortages:
            ran_out.append(_ran_out(draft, wallet))
    return RateCardReplay(
        version=draft.version.key, starts_at=draft.span.starts_at, ends_at=draft.span.ends_at,
        wallets=wallets, entries=entries, ran_out=tuple(ran_out),
        tools=tuple(_tool(name, tallies[name]) for name in sorted(tallies)),
    )  # fmt: skip


async def _followed(rows: WalletRows, wallet: ReplayedWallet) -> AsyncIterator[int]:
    """Follow a wallet's entries up to the end of the span; yield how many, some at a time."""
    async for part in rows.parts():
        told = [entry for entry in part if entry.due_at < wallet.draft.span.ends_at]
        for entry in told:
            wallet.follow(entry)
        yield len(told)


def _refuse(finding: Finding) -> None:
    raise LedgerBroken(finding=finding)


def _ran_out(draft: DraftSpan, wallet: ReplayedWallet) -> RanOut:
    first, job = wallet.shortages[0]
    workspace_id, kind = wallet.name
    needed = sum(wallet.needed_by(*each) for each in wallet.shortages)
    return RanOut(
        workspace_id=workspace_id, kind=kind, at=first.entry.due_at,
        job_id=None if job is None else job.job_id, tool=None if job is None else job.tool,
        required=first.required, available=first.available,
        shortfall=first.required - first.available, jobs=len(wallet.shortages), needed=needed,
        packs=packs_for(version=draft.version, kind=kind, needed=needed),
    )  # fmt: skip


def _tool(name: str, tally: ToolTally) -> ToolReplay:
    before, after = tally.before.revenue(), tally.after.revenue()
    return ToolReplay(
        tool=name, jobs=tally.jobs, unpaid=tally.unpaid, withdrawn=tally.withdrawn,
        credits_before=tally.before.credits, credits_after=tally.after.credits,
        revenue_before=before, revenue_after=after, cost_before_micros=tally.before.cost_micros,
        cost_after_micros=tally.after.cost_micros,
        margin_before_micros=margin_micros(
            revenue=before, cost_micros=tally.before.cost_micros
        ),
        margin_after_micros=margin_micros(revenue=after, cost_micros=tally.after.cost_micros),
    )  # fmt: skip
