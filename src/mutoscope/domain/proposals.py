"""Proposals: what one person of the staff proposes, for another to decide.

Invariant: a proposal leaves `open` once, for ever; it is dead at `lapses_at` to the microsecond.
"""

from datetime import timedelta
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
