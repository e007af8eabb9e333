"""What the use cases need of the outside world: a generator, a clock, ids.

Each Protocol has at least two implementations; storage has none, since the tests use the real
database.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a generator is asked to make for one job.

    `images` counts stills; `duration_s` is set for a clip alone; `source_path` is the still that
    an edit or a clip starts from; `adjustments` are the structured changes of a fine-tune.
    """

    job_id: UUID
    tool: str
    prompt: str
    seed: int
    width: int
    height: int
    images: int = 1
    duration_s: int | None = None
    source_path: Path | None = None
    instruction: str | None = None
    adjustments: Mapping[str, str | float] | None = None
    is_demo: bool = False


class RenderState(StrEnum):
    """Where a provider's work on an order stands."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One file that a generator delivered, measured on the file itself.

    `duration_s` and `frames` are of a clip; a still has neither.
    """

    path: Path
    media_type: str
    width: int
    height: int
    duration_s: float | None = None
    frames: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a generator did not deliver: a stored code and a sentence for the creator."""

    code: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Render:
    """A provider's answer about an order: its state, progress from 0 to 1, and the outcome."""

    state: RenderState
    progress: float = 0.0
    outputs: tuple[Output, ...] = ()
    failure: Failure | None = None


class ProviderError(Exception):
    """A call to a provider that failed.

    `permanent` says that the same call will fail again; `code` is stored and never changes.
    """

    def __init__(self, sentence: str, *, code: str, permanent: bool) -> None:
        super().__init__(sentence)
        self.code = code
        self.permanent = permanent


class Generator(Protocol):
    """A company's API, or the built-in engine, that turns orders into files."""

    async def submit(self, *, order: Order) -> str:
        """Begin the work and return the provider's id of it.

        :raises ProviderError: when the order is refused (`permanent`) or could not be handed over.
        """
        ...

    async def poll(self, *, provider_job_id: str) -> Render:
        """Tell where the work stands.

        :raises ProviderError: when the provider cannot be asked just now.
        """
        ...

    async def cancel(self, *, provider_job_id: str) -> bool:
        """Ask the provider to stop; true only when it confirms that it stopped."""
        ...

    async def find(self, *, job_id: UUID) -> str | None:
        """Return the provider's id of the work begun for a job, or None when it never began."""
        ...

    async def discard(self, *, job_id: UUID) -> None:
        """Remove what was only needed until its outputs were stored."""
        ...


class Clock(Protocol):
    """Where the time comes from."""

    def now(self) -> datetime:
        """Return the instant, aware and in UTC."""
        ...


class Ids(Protocol):
    """Where new identifiers come from."""

    def new(self) -> UUID:
        """Return an identifier that was never returned before."""
        ...

    def code(self) -> str:
        """Return a code of six digits that nobody can guess."""
        ...


class AssetStore(Protocol):
    """Where delivered files are kept, each by the SHA-256 of its content."""

    def put(self, *, path: Path) -> bytes:
        """Keep a copy of a file and return its digest.

        :raises Refusal: when it cannot be written; nothing is left half-done.
        """
        ...

    def path(self, *, digest: bytes) -> Path:
        """Return a file that can be read.

        :raises Refusal: when it is not there.
        """
        ...
