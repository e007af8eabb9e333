"""The work that a simulated provider was asked for, and its books: what it charges for it.

A task goes on when it is asked about: queued, running, then its end. Its end is known from its
start, so the books also know what a task costs that nobody ever asks about.
"""

from collections.abc import Callable, Container
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import count
from typing import Any, Final
from uuid import UUID

from mutoscope.simulators.exchange import Act, Call
from mutoscope.simulators.faults import Fault, Script


class Stage(StrEnum):
    """How far a task is; the last five are ends."""

    QUEUED = "queued"
    RUNNING = "running"
    UNKNOWN = "unknown"
    SUCCEEDED = "succeeded"
    MODERATED = "moderated"
    FAILED = "failed"
    CANCELLED = "cancelled"
    ENDLESS = "endless"


_ENDS: Final = {
    Fault.MODERATED_INPUT: Stage.MODERATED,
    Fault.MODERATED_OUTPUT: Stage.MODERATED,
    Fault.FAILED: Stage.FAILED,
    Fault.CANCELLED: Stage.CANCELLED,
    Fault.NEVER_FINISHES: Stage.ENDLESS,
}
_UNBORN: Final = UUID(int=0)
_AS_ASKED: Final = Script()
POLLS: Final = (Stage.QUEUED, Stage.RUNNING)
"""What the first polls see before a task ends."""


@dataclass(slots=True, kw_only=True)
class Task:
    """One order at a simulated provider.

    `asked` is the provider's own business, such as the model. A task `is_instant` when its
    provider answers with the result at once.
    """

    prompt: str
    width: int
    height: int
    duration_s: float = 0
    images: int = 1
    is_instant: bool = False
    webhook_url: str | None = None
    asked: dict[str, Any] = field(default_factory=dict)
    id: UUID = _UNBORN
    created_at: datetime | None = None
    script: Script = _AS_ASKED
    polls: int = 0
    is_hurried: bool = False
    is_stopped: bool = False
    is_stopped_free: bool = False
    poll_errors: int = 0
    fetches: int = 0

    @property
    def end(self) -> Stage:
        """Return how the task ends, or has ended."""
        if self.is_stopped:
            return Stage.CANCELLED
        return _ENDS.get(self.script.fault, Stage.SUCCEEDED)

    @property
    def stage(self) -> Stage:
        """Return how far the task is, as the latest poll sees it."""
        if self.is_stopped or self.is_instant or self.is_hurried:
            return Stage.RUNNING if self.end is Stage.ENDLESS else self.end
        if 0 < self.polls <= len(POLLS):
            return POLLS[self.polls - 1]
        if self.polls == 0:
            return Stage.QUEUED
        is_odd = self.script.fault is Fault.UNKNOWN_STATUS and self.polls == len(POLLS) + 1
        if is_odd:
            return Stage.UNKNOWN
        return Stage.RUNNING if self.end is Stage.ENDLESS else self.end

    @property
    def is_begun(self) -> bool:
        """Tell whether work on the task has begun."""
        return self.polls >= len(POLLS) or self.is_instant

    def stop(self) -> None:
        """Cancel the task; whether for nothing depends on how far it is."""
        self.is_stopped_free = not self.is_begun
        self.is_stopped = True

    @property
    def is_charged_as_a_success(self) -> bool:
        """Tell whether the task is charged under the usual rule: what is delivered costs."""
        if self.is_stopped:
            return not self.is_stopped_free
        return self.end is Stage.SUCCEEDED


@dataclass(slots=True, kw_only=True)
class Recorded:
    """A request as it is told to whoever asks: keys are left out, pictures are cut short."""

    number: int
    provider: str
    act: Act
    call: Call
    status: int = 0


@dataclass(slots=True, kw_only=True)
class World:
    """All that the simulated providers share: time, ids, tasks, requests and scripted faults."""

    address: str
    now: Callable[[], datetime]
    new_id: Callable[[], UUID]
    tasks: dict[str, dict[UUID, Task]] = field(default_factory=dict)
    requests: list[Recorded] = field(default_factory=list)
    scripts: dict[str, list[Script]] = field(default_factory=dict)
    numbers: Any = field(default_factory=lambda: count(1))

    def begin(self, *, provider: str, task: Task, script: Script) -> None:
        """Take a task on."""
        task.id, task.created_at, task.script = self.new_id(), self.now(), script
        task.poll_errors = script.times if script.fault is Fault.HTTP500_POLL else 0
        self.tasks.setdefault(provider, {})[task.id] = task

    def task(self, *, provider: str, text: str) -> Task | None:
        """Return a task by its id."""
        try:
            return self.tasks.get(provider, {}).get(UUID(text))
        except ValueError:
            return None

    def scripted(
        self, *, provider: str, among: Container[Fault] = frozenset(Fault)
    ) -> Script | None:
        """Return the fault that was asked for the next creation, and count it."""
        waiting = self.scripts.get(provider, [])
        place = next((n for n, each in enumerate(waiting) if each.fault in among), None)
        if place is None:
            return None
        script = waiting[place]
        if script.times > 1:
            waiting[place] = script._replace(times=script.times - 1)
        else:
            del waiting[place]
        return script._replace(times=1)

    def clear(self) -> None:
        """Forget everything."""
        self.tasks.clear()
        self.requests.clear()
        self.scripts.clear()
