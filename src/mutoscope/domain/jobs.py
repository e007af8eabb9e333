"""Jobs: one generation each, its states, and the moves between them, as data.

Invariant: a job ends once, in the transaction that settles its hold. `submitting` is the intent,
committed before the provider is called: a step that finds it asks the provider what became of the
order, and never blindly orders again.
"""

from enum import StrEnum
from hashlib import sha256
from typing import NamedTuple

from mutoscope.domain.credits import Refusal


class JobState(StrEnum):
    """Where a job stands; the last four are final: its hold is settled."""

    WAITING = "waiting"
    SUBMITTING = "submitting"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"


FINAL = frozenset(
    {JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED, JobState.LOST}
)  # fmt: skip

_LATE = frozenset({JobState.SUCCEEDED})
"""What a job may become that was given up: its provider delivers after all, at no charge."""

TRANSITIONS: dict[JobState, frozenset[JobState]] = {
    JobState.WAITING: FINAL - _LATE | {JobState.SUBMITTING},
    JobState.SUBMITTING: FINAL - _LATE | {JobState.RUNNING, JobState.WAITING},
    JobState.RUNNING: FINAL,
    JobState.SUCCEEDED: frozenset(),
    JobState.FAILED: _LATE,
    JobState.CANCELLED: frozenset(),
    JobState.LOST: _LATE,
}
"""Which states may follow each; the table refuses every other move (`jobs_move_as_they_may`)."""


class EmptyPrompt(Refusal):
    """A job without words to work from."""

    code = "empty_prompt"

    def __init__(self) -> None:
        super().__init__("the prompt is empty: describe the picture in a few words")


class PromptTooLong(Refusal):
    """A prompt beyond what any tool takes."""

    code = "prompt_too_long"

    def __init__(self, *, length: int, length_max: int) -> None:
        super().__init__(
            f"the prompt has {length:,} characters: shorten it to at most {length_max:,}"
        )
        self.length = length
        self.length_max = length_max


PROMPT_MAX = 4_000
"""Characters in a prompt or an instruction."""


LATER = frozenset({"references", "history"})
"""Fields that came later: left out of the digest when empty, so that elder digests stay equal."""


class FrameName(NamedTuple):
    """A still: which job delivered it, and its place among the outputs, from 1."""

    job_id: str
    ordinal: int


class JobSpec(NamedTuple):
    """What a job is asked to make: fixed when it is placed, and kept for regenerating.

    Sizes are pixels. `source` is the frame that an edit or a clip starts from; `references` are
    digests of pictures of the cast, `history` the earlier instructions of a conversation.
    """

    prompt: str
    seed: int
    ratio: str
    width: int
    height: int
    images: int = 1
    duration_s: int | None = None
    source: FrameName | None = None
    instruction: str | None = None
    adjustments: dict[str, str | float] | None = None
    references: tuple[str, ...] = ()
    history: tuple[str, ...] = ()

    def digest(self, *, tool: str) -> bytes:
        """Return 16 bytes that are equal for repeats of the same request."""
        adjustments = self.adjustments and dict(sorted(self.adjustments.items()))
        fields = self._replace(adjustments=adjustments)._asdict()
        told = [f"{name}={each!r}" for name, each in fields.items() if each or name not in LATER]
        text = f"({tool!r}, JobSpec({', '.join(told)}))"
        return sha256(text.encode()).digest()[:16]


def checked_prompt(prompt: str) -> str:
    """Return a prompt without surrounding space.

    :raises EmptyPrompt: when nothing is left.
    :raises PromptTooLong: when it is longer than `PROMPT_MAX`.
    """
    text = prompt.strip()
    if not text:
        raise EmptyPrompt
    if len(text) > PROMPT_MAX:
        raise PromptTooLong(length=len(text), length_max=PROMPT_MAX)
    return text
