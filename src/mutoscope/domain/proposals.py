"""Proposals: what one person of the staff proposes, for another to decide.

Invariant: a proposal leaves `open` once, for ever; it is dead at `lapses_at` to the microsecond.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

PROPOSAL_LASTS: Final = timedelta(days=7)


class ProposalState(StrEnum):
    """Where a proposal stands."""

    OPEN = "open"
    APPROVED = "approved"
    REFUSED = "refused"
    LAPSED = "lapsed"
    WITHDRAWN = "withdrawn"


def state_at(*, state: ProposalState, lapses_at: datetime, at: datetime) -> ProposalState:
    """Return the state at an instant: one that nobody decided in time has lapsed."""
    is_over = state is ProposalState.OPEN and at >= lapses_at
    return ProposalState.LAPSED if is_over else state
