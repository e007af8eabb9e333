"""Attempts: one order to one provider each, its states, and the moves between them, as data.

Invariant: an order is intended in the database before it is sent, and sent once. What a provider
answered is always recorded, whoever waited for it and however late; only an order of which it is
certain that nothing was begun lets the job try again.
"""

from enum import StrEnum
from typing import NamedTuple
from uuid import UUID


class OrderName(NamedTuple):
    """Which order of which job it is, at which provider; in an address it is told so."""

    provider: str
    workspace_id: UUID
    job_id: UUID
    ordinal: int

    def __str__(self) -> str:
        """Return it as parts of a path."""
        return "/".join(map(str, self))


class AttemptState(StrEnum):
    """What is known of an order.

    `intended`: about to be sent, or being sent. `unknown`: nobody can tell whether work began, or
    what became of it. `refused`: nothing was begun, certainly. `created`: work goes on. `ended`:
    its outcome and its cost are known.
    """

    INTENDED = "intended"
    UNKNOWN = "unknown"
    REFUSED = "refused"
    CREATED = "created"
    ENDED = "ended"


_ = AttemptState

TRANSITIONS: dict[AttemptState, frozenset[AttemptState]] = {
    _.INTENDED: frozenset({_.UNKNOWN, _.REFUSED, _.CREATED}),
    _.UNKNOWN: frozenset({_.REFUSED, _.CREATED, _.ENDED}),  # the last by staff alone
    _.REFUSED: frozenset({_.CREATED}),  # an answer came after all
    _.CREATED: frozenset({_.ENDED, _.UNKNOWN}),  # the last when the provider lost it
    _.ENDED: frozenset(),
}

OPEN = frozenset({_.INTENDED, _.UNKNOWN, _.CREATED})
"""Orders that may still cost something."""


def states_before(state: AttemptState) -> list[str]:
    """Return the states from which a state is reached, for the fence of a writing."""
    return [before for before, after in TRANSITIONS.items() if state in after]
