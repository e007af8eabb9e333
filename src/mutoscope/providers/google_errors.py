"""What Google's APIs refuse, in the terms of this product; the same for Gemini and for Vertex.

The surprising choice: a 400 that answers a question is `transient`, since it was seen on work that
went on and was paid. A 429 that says when to come again is a rate, whatever it says of quotas.
"""

import re
from typing import Final

import msgspec

from mutoscope.app.ports import ErrorCode, ProviderError
from mutoscope.providers.wire import RETRY_AFTER_MAX_S, Reply, refusal, status_code

MODERATED: Final = "Google's safety system refused this."
BROKEN: Final = "Google could not make this."

_UNSAFE: Final = re.compile(
    r"usage guidelines|safety filter|\b(blocked|violat\w*)\b[^.]*\b(safety|polic(y|ies))\b",
    re.IGNORECASE,
)
_UNPAID: Final = re.compile(r"prepay|billing|spend(ing)? (cap|limit)", re.IGNORECASE)
_BAD_KEY: Final = re.compile(r"API key (not valid|expired|not found)", re.IGNORECASE)
_UNKNOWN_WORK: Final = re.compile(r"invalid interaction name", re.IGNORECASE)
_DELAY: Final = re.compile(r"(\d+(?:\.\d+)?)s")


class _Detail(msgspec.Struct, rename="camel"):
    retry_delay: str = ""


class Fault(msgspec.Struct):
    """What Google says about an error: in answers, operations and interactions alike."""

    message: str = ""
    code: int | str = 0
    status: str = ""
    details: tuple[_Detail, ...] = ()

    @property
    def is_unsafe(self) -> bool:
        """Tell whether it was refused for what it shows."""
        return _UNSAFE.search(self.message) is not None

    @property
    def retry_after_s(self) -> float | None:
        """Return how long Google asks us to wait, where it says so."""
        told = [found for each in self.details if (found := _DELAY.fullmatch(each.retry_delay))]
        return min(float(told[0][1]), RETRY_AFTER_MAX_S) if told else None


class _Said(msgspec.Struct):
    error: Fault


def explain(reply: Reply) -> ProviderError | None:
    """Return what an answer refuses, or None when it refuses nothing."""
    if (code := status_code(reply)) is None:
        return None
    fault = _fault(reply)
    waits_s = fault.retry_after_s or reply.retry_after_s
    meant = _meaning(fault, code, waits_s=waits_s)
    if meant is ErrorCode.BAD_INPUT and reply.doubt is ErrorCode.TRANSIENT:
        is_unknown = _UNKNOWN_WORK.search(fault.message)
        meant = ErrorCode.OUTPUT_LOST if is_unknown else ErrorCode.TRANSIENT
    sentence = MODERATED if meant is ErrorCode.MODERATED else f"Google: {fault.message}"
    told = fault.status or str(fault.code)
    return refusal(meant, sentence, retry_after_s=waits_s, provider_code=told)


def _fault(reply: Reply) -> Fault:
    """Return the error of an answer; the front door wraps its own in a list."""
    said = reply.peek(_Said)
    if said is None:
        (said, *_) = reply.peek(tuple[_Said, ...]) or (None,)
    return Fault(message=f"status {reply.status}") if said is None else said.error


def _meaning(fault: Fault, code: ErrorCode, *, waits_s: float | None) -> ErrorCode:
    if code is ErrorCode.TRANSIENT:
        return code
    if _BAD_KEY.search(fault.message):
        return ErrorCode.AUTH
    if "FAILED_PRECONDITION" in (
        fault.status,
        str(fault.code).upper(),
    ):  # no billing, or not in this country
        return ErrorCode.INSUFFICIENT_FUNDS
    if code is not ErrorCode.BAD_INPUT and waits_s is None and _UNPAID.search(fault.message):
        return ErrorCode.INSUFFICIENT_FUNDS
    return ErrorCode.MODERATED if code is ErrorCode.BAD_INPUT and fault.is_unsafe else code
