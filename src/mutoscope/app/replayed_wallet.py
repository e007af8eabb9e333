"""One wallet of a rate-card replay: its entries as they were, and once more under a draft.

Invariant: what was captured before and after is counted of the same jobs, those that were ordered
in the span, and a credit of a paid lot counts what it had cost in both.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from uuid import UUID

from mutoscope.app.generate import NAMESPACE
from mutoscope.domain.catalog import NoVersionInForce, UnknownPlan, UnknownTool, UnknownVersion
from mutoscope.domain.chart import Account, Operation
from mutoscope.domain.deferred import part_of
from mutoscope.domain.draft import captured_under, granted_under, held_under
from mutoscope.domain.lots import Source, Terms
from mutoscope.domain.offers import Money
from mutoscope.domain.rewriting import Rewriting, Shortage, as_it_was

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from mutoscope.domain.catalog import Catalog, Version
    from mutoscope.domain.draft import PastJob
    from mutoscope.domain.journal import Entry
    from mutoscope.domain.offers import Allowance, Tool
    from mutoscope.domain.planner import WalletName
    from mutoscope.storage.finance import Span

_CAPTURED: Final = Account.CAPTURED


@dataclass
class Takings:
    """What a tool captured, what that had cost by currency, and what providers charged."""

    credits: int = 0
    worth: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    cost_micros: int = 0

    def revenue(self) -> tuple[Money, ...]:
        """Return the worth of the captured credits."""
        return tuple(
            Money(amount=worth, currency=name) for name, worth in sorted(self.worth.items())
        )


@dataclass
class ToolTally:
    """A tool as it was, and under the draft."""

    jobs: int = 0
    unpaid: int = 0
    withdrawn: int = 0
    before: Takings = field(default_factory=Takings)
    after: Takings = field(default_factory=Takings)


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftSpan:
    """A span's jobs and plans, the catalog that held, and the version that is tried."""

    catalog: Catalog
    version: Version
    span: Span
    jobs: Mapping[UUID, PastJob]
    plans: Mapping[str, list[tuple[datetime, str]]]

    def tallies(self) -> dict[str, ToolTally]:
        """Return a tally for each tool, with its jobs and what they cost."""
        tallies: dict[str, ToolTally] = defaultdict(ToolTally)
        for job in self.jobs.values():
            tally = tallies[job.tool]
            tally.jobs += 1
            tally.before.cost_micros += job.cost_micros
            tally.after.cost_micros += job.cost_micros
        return tallies

    def tool_then(self, job: PastJob) -> Tool | None:
        """Return the tool under the version that a job was ordered under, if it is still known."""
        try:
            return self.catalog.version(key=job.version).tool(key=job.tool)
        except (UnknownVersion, UnknownTool):
            return None

    def tool_now(self, job: PastJob) -> Tool | None:
        """Return the draft's tool, or None where it was withdrawn or makes another kind."""
        try:
            tool = self.version.tool(key=job.tool)
        except UnknownTool:
            return None
        return tool if tool.kind == job.kind else None

    def held(self, job: PastJob) -> int:
        """Return what a job would hold; 0 where it is not for sale."""
        draft = self.tool_now(job)
        held = None if draft is None else held_under(job=job, then=self.tool_then(job), draft=draft)
        return held or 0

    def captured(self, job: PastJob) -> int:
        """Return what a job would capture."""
        draft = self.tool_now(job)
        if draft is None:
            return 0
        return captured_under(job=job, then=self.tool_then(job), draft=draft, held=self.held(job))

    def granted(self, terms: Terms, *, kind: str, amount: int, at: datetime) -> int:
        """Return what a plan's grant would be; another grant stays as it was.

        So does that of a plan that the draft sells no more: who has it keeps it.
        """
        plan = self._plan(terms, at)
        if plan is None or plan not in {each.key for each in self.version.plans}:
            return amount
        try:
            then = self.catalog.version_at(at=at)
        except NoVersionInForce:
            return amount
        return granted_under(
            amount=amount, then=_allowance(then, plan, kind),
            draft=_allowance(self.version, plan, kind),
        )  # fmt: skip

    def _plan(self, terms: Terms, at: datetime) -> str | None:
        """Return the plan that a grant is of: the one that its subscription had at the instant."""
        if terms.source != Source.PLAN:
            return None
        times = self.plans.get((terms.reference or "").partition("/")[0], [])
        began = [plan for since_at, plan in times if since_at <= at] or [p for _, p in times[:1]]
        return began[-1] if began else None


class ReplayedWallet:
    """A wallet as its entries come; `shortages` are those that it could not have paid for."""

    def __init__(
        self, *, draft: DraftSpan, name: WalletName, tallies: dict[str, ToolTally]
    ) -> None:
        self.draft = draft
        self.name = name
        self.shortages: list[tuple[Shortage, PastJob | None]] = []
        self._tallies = tallies
        self._rewriting = Rewriting(workspace_id=name[0], kind=name[1])
        self._jobs: dict[int, PastJob] = {}
        self._lots_before: dict[int, _LotWorth] = {}
        self._lots_after: dict[int, _LotWorth] = {}

    def follow(self, entry: Entry) -> None:
        """Follow an entry as it was, and ask for it under the draft."""
        is_in_span = entry.due_at >= self.draft.span.starts_at
        job = self._job_of(entry) if is_in_span else None
        made, shortage = self._rewriting.follow(entry, self._amount if is_in_span else as_it_was)
        tally = ToolTally() if job is None else self._tallies[job.tool]
        _take(entry, self._lots_before, tally.before)
        if made is not None:
            _take(made, self._lots_after, tally.after)
        if entry.operation == Operation.HOLD and job is not None and made is None:
            tally.after.cost_micros -= job.cost_micros
            tally.unpaid += shortage is not None
            tally.withdrawn += shortage is None
        if shortage is not None:
            self.shortages.append((shortage, job))

    def needed_by(self, shortage: Shortage, job: PastJob | None) -> int:
        """Return what a job that was left out would have captured."""
        return shortage.required if job is None else self.draft.captured(job)

    def _job_of(self, entry: Entry) -> PastJob | None:
        """Return the job that an entry is about, if it was ordered in the span."""
        if entry.operation == Operation.HOLD and entry.namespace == NAMESPACE:
            job = self.draft.jobs.get(_job_id(entry))
        else:
            job = self._jobs.get(entry.refers_to or 0)
        if job is not None:
            self._jobs[entry.sequence] = job
        return job

    def _amount(self, entry: Entry, amount: int) -> int:
        if entry.terms is not None:
            return self.draft.granted(
                entry.terms, kind=self.name[1], amount=amount, at=entry.due_at
            )
        job = self._jobs.get(entry.sequence)
        if job is None:
            return amount
        is_hold = entry.operation == Operation.HOLD
        return self.draft.held(job) if is_hold else self.draft.captured(job)


@dataclass
class _LotWorth:
    """What was paid for a lot, and how many of its credits are captured by now."""

    terms: Terms
    granted: int
    captured: int = 0

    def take(self, amount: int) -> int:
        """Capture an amount, below 0 to give it back; return what its worth changed by."""
        paid = self.terms.paid_amount or 0
        before = part_of(paid=paid, credits_used=self.captured, granted=self.granted)
        self.captured += amount
        return part_of(paid=paid, credits_used=self.captured, granted=self.granted) - before


def _take(entry: Entry, lots: dict[int, _LotWorth], takings: Takings) -> None:
    """Count what an entry captured, or gave back."""
    if entry.terms is not None:
        granted = sum(posting.amount for posting in entry.postings)
        lots[entry.sequence] = _LotWorth(entry.terms, granted)
    for posting in entry.postings:
        if _CAPTURED not in {posting.source, posting.target} or posting.lot is None:
            continue
        amount = posting.amount if posting.target == _CAPTURED else -posting.amount
        lot = lots[posting.lot]
        worth = lot.take(amount)
        takings.credits += amount
        if lot.terms.currency is not None:
            takings.worth[lot.terms.currency.upper()] += worth


def _allowance(version: Version, plan: str, kind: str) -> Allowance | None:
    try:
        return version.plan(key=plan).allowance(kind=kind)
    except UnknownPlan:
        return None


def _job_id(entry: Entry) -> UUID:
    text = entry.key.partition("/")[2]
    try:
        return UUID(text)
    except ValueError:
        return UUID(int=0)  # an embedder's own hold, under our namespace
