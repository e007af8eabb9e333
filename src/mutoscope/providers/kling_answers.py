"""What Kling answers: the shapes of it, and what its codes and its reasons mean."""

import re
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Final, Generic, TypeVar

import msgspec

from mutoscope.app.ports import ErrorCode, Failure, ProviderError
from mutoscope.providers.wire import Reply, refusal, status_code

T = TypeVar("T")

_CODES: Final = MappingProxyType(
    dict.fromkeys((1000, 1001, 1002, 1003, 1004, 1100, 1103, 1304), ErrorCode.AUTH)
    | dict.fromkeys((1101, 1102), ErrorCode.INSUFFICIENT_FUNDS)
    | dict.fromkeys((1200, 1201), ErrorCode.BAD_INPUT)
    | dict.fromkeys((1202, 1203), ErrorCode.RETIRED_MODEL)
    | dict.fromkeys((1300, 1301), ErrorCode.MODERATED)
    | dict.fromkeys((5000, 5001, 5002), ErrorCode.TRANSIENT)
    | {1302: ErrorCode.RATE_LIMITED, 1303: ErrorCode.CONCURRENCY}
)
_MISSING: Final = (ErrorCode.BAD_INPUT, ErrorCode.RETIRED_MODEL)
"""How it says of a question that what is asked about is not there."""

_CLOCK: Final = (1003, 1004)
_FAILURES: Final = (
    ("risk control|sensitive|safety|policy", ErrorCode.MODERATED,
     "Kling's safety system refused this."),
    ("invalid", ErrorCode.BAD_INPUT, "Kling cannot use this picture or description."),
    ("", ErrorCode.PROVIDER_FAILED, "Kling could not make this."),
)  # fmt: skip


class Answer(msgspec.Struct, Generic[T]):
    """What all answers have in common."""

    data: T


class Video(msgspec.Struct):
    """A clip that was made."""

    url: str


class Result(msgspec.Struct):
    """What a task made."""

    videos: tuple[Video, ...] = ()


class Task(msgspec.Struct):
    """A task, in an answer and in a call back; its units are told at its end."""

    id: str = msgspec.field(name="task_id")
    status: str = msgspec.field(name="task_status", default="")
    reason: str | None = msgspec.field(name="task_status_msg", default=None)
    result: Result | None = msgspec.field(name="task_result", default=None)
    final_unit_deduction: str | float | None = None

    @property
    def units(self) -> Decimal | None:
        """Return what was charged, or None where no number is told."""
        try:
            return Decimal(str(self.final_unit_deduction))
        except InvalidOperation:
            return None


class Pack(msgspec.Struct):
    """Units that were bought together."""

    status: str
    remaining_quantity: float


class Packs(msgspec.Struct):
    """All packs that were bought within a time."""

    packs: tuple[Pack, ...] = msgspec.field(name="resource_pack_subscribe_infos")


class _Said(msgspec.Struct):
    code: int
    message: str = ""


def explain(reply: Reply) -> ProviderError | None:
    """Return what an answer refuses, or None when it refuses nothing."""
    said = reply.peek(_Said) or _Said(code=0, message=f"status {reply.status}")
    code = status_code(reply)
    if said.code:
        code = _CODES.get(said.code, code or ErrorCode.TRANSIENT)
    if code is None:
        return None
    if reply.doubt is ErrorCode.TRANSIENT and code in _MISSING:
        code = ErrorCode.OUTPUT_LOST
    hint = " Is the clock of this machine right?" if said.code in _CLOCK else ""
    return refusal(
        code,
        f"Kling: {said.message}{hint}",
        retry_after_s=reply.retry_after_s,
        provider_code=str(said.code or reply.status),
    )


def failure(reason: str) -> Failure:
    """Return what the reason of a failed task means, an empty one included."""
    code, sentence = next(
        meaning for pattern, *meaning in _FAILURES if re.search(pattern, reason, re.IGNORECASE)
    )
    return Failure(code=code, sentence=sentence, provider_code=reason or None)
