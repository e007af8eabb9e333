"""What fal's errors mean: refusals of a request, and errors that are the outcome of one."""

from typing import Final

import msgspec

from mutoscope.app.ports import ErrorCode, Failure, ProviderError
from mutoscope.providers.wire import Reply, refusal, status_code

_POLICY: Final = "content_policy_violation"
_BROKEN: Final = ("internal", "request_timeout", "runner", "startup")
"""How errors of fal's own begin; they are never charged."""

_WORDS: Final = (
    (403, "balance", ErrorCode.INSUFFICIENT_FUNDS), (403, "locked", ErrorCode.INSUFFICIENT_FUNDS),
    (429, "concurren", ErrorCode.CONCURRENCY), (422, _POLICY, ErrorCode.MODERATED),
)  # fmt: skip
_SENTENCES: Final = {
    ErrorCode.MODERATED: "The model's safety system refused this.",
    ErrorCode.BAD_INPUT: "The model cannot use this picture or description.",
    ErrorCode.PROVIDER_FAILED: "The model could not make this.",
}


class _Wrong(msgspec.Struct):
    message: str = msgspec.field(name="msg")
    type: str = ""


class _Said(msgspec.Struct):
    detail: str | tuple[_Wrong, ...]


def explain(reply: Reply) -> ProviderError | None:
    """Return what an answer refuses, or None when it refuses nothing.

    What is answered 400 or 422 to a question is no refusal: it is how the work stands.
    """
    code = status_code(reply)
    is_outcome = code is ErrorCode.BAD_INPUT and reply.doubt is ErrorCode.TRANSIENT
    if code is None or is_outcome:
        return None
    text, kind = _told(reply)
    return refusal(
        _meant(reply.status, f"{kind} {text}", otherwise=code), f"fal: {text}",
        retry_after_s=reply.retry_after_s, provider_code=kind or None,
    )  # fmt: skip


def is_broken(error_type: str | None) -> bool:
    """Tell whether an error is fal's own."""
    return error_type is not None and error_type.startswith(_BROKEN)


def is_for_administrators(error: ProviderError) -> bool:
    """Tell whether a key is refused only because it is not an administrator's."""
    return error.permanent and "admin" in str(error).lower()


def broken(error_type: str | None) -> Failure:
    """Return the failure of a request that broke on fal's side."""
    code = ErrorCode.PROVIDER_FAILED
    return Failure(code=code, sentence=_SENTENCES[code], provider_code=error_type)


def failed(reply: Reply) -> Failure:
    """Return the failure that was answered in place of a result."""
    text, kind = _told(reply)
    code = _meant(reply.status, f"{kind} {text}", otherwise=ErrorCode.BAD_INPUT)
    return Failure(code=code, sentence=_SENTENCES[code], provider_code=kind or None)


def _told(reply: Reply) -> tuple[str, str]:
    """Return an error in words, and its type where it has one."""
    said = reply.peek(_Said)
    kind = reply.headers.get("x-fal-error-type", "")
    if said is None or not said.detail:
        return f"status {reply.status}", kind
    if isinstance(said.detail, str):
        return said.detail, kind
    return said.detail[0].message, said.detail[0].type or kind


def _meant(status: int, text: str, *, otherwise: ErrorCode) -> ErrorCode:
    return next(
        (code for at, word, code in _WORDS if at == status and word in text.lower()), otherwise
    )
