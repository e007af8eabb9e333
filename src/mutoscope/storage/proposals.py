"""Proposals as rows; `write_proposals` and `decide_proposals` are side writers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from mutoscope.domain.audit import Value, canonical_data
from mutoscope.domain.credits import Refusal
from mutoscope.domain.proposals import ProposalState
from mutoscope.storage.database import queries

if TYPE_CHECKING:
    from mutoscope.storage.database import Connection

RANK: Final = 1
"""Before what an approval does to a budget, and long before the audit."""

LATEST_AT: Final = datetime(9000, 1, 1, tzinfo=UTC)
LATEST_ID: Final = UUID(int=2**128 - 1)
"""Where a page of the newest begins."""

_SQL: Final = queries("proposals")


class UnknownProposal(Refusal):
    """An id that names no proposal."""

    code = "unknown_proposal"

    def __init__(self, *, proposal_id: UUID) -> None:
        super().__init__(f"there is no proposal {proposal_id}: `proposal list` names them")
        self.proposal_id = proposal_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """An action that waits for a second person, or was decided; an erased reason is None."""

    proposal_id: UUID
    action: str
    workspace_id: UUID
    thread_id: UUID | None
    data: Mapping[str, Value]
    reason: str | None
    proposed_by: UUID
    proposed_at: datetime
    lapses_at: datetime
    state: ProposalState
    decided_by: UUID | None = None
    decided_at: datetime | None = None

    def row(self) -> tuple[Any, ...]:
        """Return the columns in the table's order."""
        return (
            self.proposal_id, self.action, self.workspace_id, self.thread_id,
            canonical_data(self.data), self.reason, self.proposed_by, self.proposed_at,
            self.lapses_at, self.state.value, self.decided_by, self.decided_at,
        )  # fmt: skip


async def write_proposals(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
    """Write new proposals."""
    written: int = await _SQL.write_proposals(connection, proposals=rows)
    return written


async def decide_proposals(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
    """Write (proposal id, state, who decided, when) where it is still open at that instant."""
    proposal_ids, states, deciders, instants = zip(*rows, strict=True)
    decided: int = await _SQL.decide_proposals(
        connection, proposal_ids=proposal_ids, states=states, deciders=deciders, instants=instants
    )
    return decided


async def lapse_proposals(connection: Connection, *, at: datetime) -> None:
    """Close what nobody decided in time."""
    await _SQL.lapse_proposals(connection, at=at)


async def get(connection: Connection, *, proposal_id: UUID) -> Proposal:
    """Return a proposal.

    :raises UnknownProposal: when the id names none.
    """
    row = await _SQL.proposal(connection, proposal_id=proposal_id)
    if row is None:
        raise UnknownProposal(proposal_id=proposal_id)
    return _proposal(row)


async def page(
    connection: Connection, *, before_at: datetime, before_id: UUID, state: str | None, limit: int
) -> tuple[Proposal, ...]:
    """Return proposals before the one that is named, the newest first."""
    rows = _SQL.page(connection, before_at=before_at, before_id=before_id, state=state, limit=limit)
    return tuple([_proposal(row) async for row in rows])


def _proposal(row: Any) -> Proposal:  # noqa: ANN401 -- a row of the queries
    state = ProposalState(row["state"])
    return Proposal(**{**row, "data": json.loads(row["data"]), "state": state})
