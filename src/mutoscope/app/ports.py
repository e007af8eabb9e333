"""What the use cases need of the outside world: a generator, a clock, ids.

Each Protocol has at least two implementations; storage has none, since the tests use the real
database.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Protocol
from uuid import UUID

from mutoscope.app.export_board import ExportBoard, ExportOptions
from mutoscope.app.letter import Letter


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a generator is asked to make for one job.

    `images` counts stills; `duration_s` is set for a clip alone; `source_path` is the still that
    an edit or a clip starts from; `adjustments` are the structured changes of a fine-tune.
    `model` and `parameters` are the route's. A mask is white where an edit may change the source.
    `history` are the earlier instructions of an edit's conversation, oldest first.
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
    model: str = ""
    parameters: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    reference_paths: tuple[Path, ...] = ()
    mask_path: Path | None = None
    history: tuple[str, ...] = ()
    callback_url: str | None = None


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
    """Why a generator did not deliver: a stored code and a sentence for the creator.

    `provider_code` is the provider's own, for staff alone.
    """

    code: str
    sentence: str
    provider_code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Render:
    """A provider's answer about an order: its state, progress from 0 to 1, and the outcome.

    `cost_micros` is what the provider charges for it, in millionths of a US dollar, where it says
    so; `provider_state` is its own word for the state.
    """

    state: RenderState
    progress: float = 0.0
    outputs: tuple[Output, ...] = ()
    failure: Failure | None = None
    cost_micros: int | None = None
    provider_state: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """What a provider answered to an order; one that works at once answers with the render.

    `cost_micros` is what it says beforehand that the order will cost.
    """

    provider_job_id: str
    render: Render | None = None
    cost_micros: int | None = None


class ErrorCode(StrEnum):
    """Why a provider did not do what it was asked; stored, and never changed."""

    BAD_INPUT = "bad_input"
    MODERATED = "moderated"
    AUTH = "auth"
    INSUFFICIENT_FUNDS = "insufficient_funds"
    RATE_LIMITED = "rate_limited"
    CONCURRENCY = "concurrency"
    TRANSIENT = "transient"
    NOT_CREATED = "not_created"
    SUBMIT_UNKNOWN = "submit_unknown"
    PROVIDER_FAILED = "provider_failed"
    RETIRED_MODEL = "retired_model"
    TIMEOUT = "timeout"
    OUTPUT_LOST = "output_lost"
    CANCELLED = "cancelled"


UNCREATED = frozenset({ErrorCode.RATE_LIMITED, ErrorCode.CONCURRENCY, ErrorCode.NOT_CREATED})
"""After these a provider has certainly begun nothing: the order may be handed over again."""

TEMPORARY = UNCREATED | {ErrorCode.TRANSIENT, ErrorCode.SUBMIT_UNKNOWN}


class ProviderError(Exception):
    """A call to a provider that failed.

    `permanent` says that the same call will fail again; `code` is stored and never changes;
    `provider_code` is the provider's own. A `cost_micros` is charged all the same.
    """

    def __init__(
        self,
        sentence: str,
        *,
        code: str,
        permanent: bool,
        retry_after_s: float | None = None,
        provider_code: str | None = None,
        cost_micros: int | None = None,
    ) -> None:
        super().__init__(sentence)
        self.code = code
        self.permanent = permanent
        self.retry_after_s = retry_after_s
        self.provider_code = provider_code
        self.cost_micros = cost_micros


class CancelRule(StrEnum):
    """When a provider stops work that was begun."""

    ALWAYS = "always"
    QUEUED_ONLY = "queued_only"
    NONE = "none"


class Reconcile(StrEnum):
    """How it is learned what became of an order whose answer was lost.

    The provider is asked by our id, or its call back tells, at an address made for the order; else
    staff look it up.
    """

    BY_ID = "by_id"
    BY_CALL_BACK = "by_call_back"
    BY_STAFF = "by_staff"


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a provider's model can do, as data for estimates and screens.

    Without `durations_s` it makes stills; without `ratios` a picture has its source's. From a still
    it makes `edits_max` pictures at once (None: as many as of words), and changes `adjustments`
    (None: all that fine-tuning has). `wording` judges an instruction: it returns the remedy for one
    that the model does not understand, else nothing (None: it takes any). `id_form` makes our id of
    an order of the provider's own `id` and its list price in `micros`; it is empty where
    nothing can be followed, since the answer to an order is all that there ever is.
    """

    durations_s: tuple[int, ...] = ()
    ratios: tuple[str, ...] = ()
    resolutions_px: tuple[int, ...] = ()
    prompt_max: int
    images_max: int = 1
    edits_max: int | None = None
    adjustments: frozenset[str] | None = None
    wording: Callable[[str], str] | None = None
    image_bytes_max: int = 5_000_000
    references_max: int = 0
    takes_mask: bool = False
    has_seed: bool = False
    has_negative_prompt: bool = False
    cancel: CancelRule = CancelRule.NONE
    has_webhook: bool = False
    reconcile: Reconcile = Reconcile.BY_STAFF
    id_form: str = "{id}"
    poll_s: float = 5
    output_ttl_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Funds:
    """What is left at a provider, in millionths of a US dollar where it tells, and in words."""

    micros: int | None = None
    sentence: str


class Generator(Protocol):
    """A company's API, or the built-in engine, that turns orders into files."""

    def capabilities(self, *, model: str) -> Capabilities:
        """Return what a model can do.

        :raises ProviderError: when there is no such model.
        """
        ...

    async def submit(self, *, order: Order) -> Submitted:
        """Begin the work and return what the provider answered.

        :raises ProviderError: when the order is refused (`permanent`) or could not be handed over.
        """
        ...

    async def poll(self, *, provider_job_id: str, job_id: UUID, is_clip: bool) -> Render:
        """Tell where the work stands; what was delivered is kept until the job is discarded.

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


class Provider(Generator, Protocol):
    """A generator that is a company: it has money, and may call back."""

    async def funds(self) -> Funds:
        """Return what is left at the provider; an answer also proves that the key is good.

        :raises ProviderError: when it does not answer, or refuses the key.
        """
        ...

    async def parse_webhook(
        self, *, headers: Mapping[str, str], body: bytes, secret: str, at: datetime
    ) -> str:
        """Return whose work a call back is about; it moves nothing, it is a reason to poll.

        :raises ProviderError: when the signature or the body is not the provider's.
        """
        ...

    async def close(self) -> None:
        """Drop the connections."""
        ...


class Mailer(Protocol):
    """What hands letters over; without one they lie in the outbox, where they can be read."""

    async def send(self, *, letter: Letter) -> None:
        """Hand a letter over.

        :raises MailError: when it was not taken, or nobody knows whether it was.
        """
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


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptFile:
    """A file of the asset store, and when it came there."""

    digest: bytes
    size_bytes: int
    kept_at: datetime


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

    def chunks(self, *, digest: bytes) -> Iterator[bytes]:
        """Return a file piece by piece.

        :raises Refusal: when it is not there.
        """
        ...

    def link(self, *, digest: bytes, lasts: timedelta) -> str | None:
        """Return an address of the store's own that serves a file for a time, if it has any.

        :raises Refusal: when it is not there.
        """
        ...

    def kept(self) -> Iterator[KeptFile]:
        """Return every file of the store."""
        ...

    def remove(self, *, digest: bytes, before: datetime) -> None:
        """Remove a file that came before an instant, and has not come again since."""
        ...


class Exporter(Protocol):
    """What makes one file of a storyboard: a PDF, a film, an archive."""

    suffix: str
    media_type: str

    def write(
        self, *, board: ExportBoard, options: ExportOptions, path: Path,
        hear: Callable[[float], None],
    ) -> None:  # fmt: skip
        """Write a board to a file, telling how far it is from 0 to 1; `hear` may raise to stop it.

        :raises Refusal: when the board cannot be shown so.
        """
        ...
