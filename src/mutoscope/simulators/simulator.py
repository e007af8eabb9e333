"""What a simulated provider is: its routes and its words; the faults are played around it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from mutoscope.simulators.exchange import Answer, Route
from mutoscope.simulators.faults import Fault
from mutoscope.simulators.tasks import Task, World


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """A call back: its headers, signed where the provider signs, and its body."""

    headers: Mapping[str, str]
    body: bytes


class Played(Protocol):
    """A company on this machine: where it is called, and with which key."""

    name: str
    key: str
    world: World
    routes: tuple[Route, ...]

    def clear(self) -> None:
        """Forget what is not a task."""
        return

    async def close(self) -> None:
        """Stop what goes on by itself."""
        return


@runtime_checkable
class Simulator(Played, Protocol):
    """One provider, in its own words. Subclass it; what few providers have is answered here.

    A handler of a creation checks the request as strictly as the provider and returns a `Task`,
    one of a poll returns the task that is asked about; any handler may raise `Refused`.
    """

    def refusal(self, fault: Fault) -> Answer | None:
        """Return the answer to a creation that a fault refuses; None where a poll tells it."""
        ...

    def created(self, task: Task) -> Answer:
        """Return the answer to a creation."""
        ...

    def shown(self, task: Task) -> Answer:
        """Return the answer to a poll, by `task.stage`."""
        ...

    def cost_micros(self, task: Task) -> int:
        """Return what a task costs in the end, by the provider's rule of billing."""
        ...

    def trouble(self) -> Answer:
        """Return the answer of a server that broke down."""
        return Answer(status=500, content={"error": "Internal server error"})

    def webhook(self, task: Task, *, is_forged: bool) -> Hook | None:
        """Return the call back about a task that ended; None where there is none."""
        assert task
        assert is_forged is not None
        return None
