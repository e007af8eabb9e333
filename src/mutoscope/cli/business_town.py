"""The town of the business demo: its house, its customers, and what has happened in it so far.

Owns what customers and staff share. Invariant: a refusal is a fact of life that is counted, never
an error.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar
from uuid import UUID

from mutoscope.app.desk import DeskOrder, Done, Proposed
from mutoscope.app.gateway import GatewayError
from mutoscope.app.proposals import act
from mutoscope.domain.credits import Refusal

if TYPE_CHECKING:
    import httpx

    from mutoscope.app.studio import Studio
    from mutoscope.bootstrap import House
    from mutoscope.domain.staff import Actor

T = TypeVar("T")

STRIPE: Final = "stripe"
DAY: Final = timedelta(days=1)
OFTEN: Final = 0.9
RARELY: Final = 0.02


def happens(chance: Random, share: float) -> bool:
    """Tell whether something happens that does so with a share of its chances."""
    return chance.random() < share


class Late(NamedTuple):
    """A job that nobody works on any more: its hold's key, and what it would have captured."""

    kind: str
    key: str
    amount: int


@dataclass(slots=True, kw_only=True)
class Customer:
    """One customer: its habits, and what became of it."""

    number: int
    chance: Random
    gateway: str
    plan: str
    is_annual: bool
    is_hesitant: bool
    zone: str
    joins_on: datetime
    card: str
    pays_after_days: int
    stops_paying_on: datetime | None
    workspace_id: UUID | None = None
    member_id: UUID | None = None
    late: list[Late] = field(default_factory=list)
    stills: list[UUID] = field(default_factory=list)
    acts: int = 0

    @property
    def whose(self) -> UUID:
        """Return the id of its workspace."""
        assert self.workspace_id is not None, "it has joined"
        return self.workspace_id

    def key(self) -> str:
        """Return a key that it has not used before."""
        self.acts += 1
        return f"c{self.number}-{self.acts}"


@dataclass(slots=True, kw_only=True)
class Town:
    """The house, its customers and staff, and what has happened so far.

    `proposed` are acts of the desk that wait for a second person, by what they are about.
    """

    house: House
    client: httpx.AsyncClient
    customers: tuple[Customer, ...]
    chance: Random
    staff: tuple[Actor, Actor]
    proposed: set[tuple[str, ...]] = field(default_factory=set)
    presses: int = 0
    seen: Counter[str] = field(default_factory=Counter)

    def studio_of(self, customer: Customer) -> Studio:
        """Return the studio as a customer meets it: with its own way of paying."""
        return replace(self.house.studio, gateway=customer.gateway)

    def at_work(self, who: int) -> Actor:
        """Return one of the staff who gave the password just now.

        It was proved on the first day; to prove it each day would take minutes of the run.
        """
        return replace(self.staff[who], authenticated_at=self.house.studio.clock.now())

    async def trouble(self, name: str) -> None:
        """Let a fault befall the next call to the simulated Stripe, or its next event."""
        asked = {"provider": STRIPE, "outcome": name, "n": 1}
        answer = await self.client.post("/_sim/next", json=asked)
        assert answer.is_success, answer.text
        self.seen[f"fault: {name}"] += 1

    async def control(self, path: str, **asked: object) -> dict[str, Any]:
        """Do at the simulated Stripe what payers, banks and its dashboard would do."""
        answer = await self.client.post(path, json=asked)
        found: dict[str, Any] = answer.json()
        return found

    async def tried(self, name: str, doing: Awaitable[T]) -> T | None:
        """Count what was done, or why it was refused."""
        try:
            done = await doing
        except (Refusal, GatewayError) as refusal:
            self.seen[f"refused: {refusal.code}"] += 1
            return None
        self.seen[name] += 1
        return done

    async def press(self, action: str, workspace_id: UUID, **data: object) -> bool:
        """Let one of the staff press a button of the desk; tell whether it was done at once.

        What waits for a second person already is not asked for again.
        """
        name = subject(action, workspace_id, data)
        if name in self.proposed:
            return False
        self.presses += 1
        order = DeskOrder(
            action=action, workspace_id=workspace_id, data=data, key=f"press-{self.presses}",
            reason="as the story tells it",
        )  # fmt: skip
        actor = self.at_work(self.presses % len(self.staff))
        found = await self.tried(f"desk: {action}", act(self.house.studio, actor, order=order))
        if isinstance(found, Proposed):
            self.seen[f"desk: {action}"] -= 1
            self.seen[f"proposed: {action}"] += 1
            self.proposed.add(name)
        return isinstance(found, Done)


def subject(action: str, workspace_id: UUID, data: Mapping[str, object]) -> tuple[str, ...]:
    """Return what an act of the desk is about: no two of them wait at once."""
    named = (data.get(field) for field in ("purchase_id", "request_id", "payment_id", "promo_code"))
    return (action, str(workspace_id), *(str(each) for each in named if each is not None))
