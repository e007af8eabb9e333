"""What webhooks need of the outside world: somebody who signs an event and sends it.

A sender never raises for what the other side does: what became of a try is a value.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """One event to send now, signed with each of the secrets."""

    url: str
    event_id: UUID
    body: str
    at: datetime
    secrets: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What became of a try: the status that was answered, and an error unless it was taken."""

    status: int | None = None
    error: str | None = None
    is_gone: bool = False

    @property
    def is_taken(self) -> bool:
        """Tell whether the other side has the event."""
        return self.error is None


class HookSender(Protocol):
    """Who sends events to the addresses that workspaces name."""

    def objection(self, *, url: str) -> str | None:
        """Return why nothing may be sent to an address, or None when it may."""
        ...

    async def send(self, *, hook: Hook) -> Sent:
        """Send an event once, and return what became of it."""
        ...

    async def close(self) -> None:
        """Drop the connections."""
        ...


class NoHooks:
    """Nobody: an embedder's process, which takes no addresses and so has nothing to send."""

    def objection(self, *, url: str) -> str | None:
        """Return that nothing may be sent."""
        return f"this process sends no webhooks, not to {url[:60]} either"

    async def send(self, *, hook: Hook) -> Sent:
        """Return that nothing was sent."""
        return Sent(error=self.objection(url=hook.url))

    async def close(self) -> None:
        """Drop nothing."""


NO_HOOKS: HookSender = NoHooks()
