"""What PixVerse answers: the shapes of it, and what its codes mean, which come with status 200."""

import re
from types import MappingProxyType
from typing import Final, Generic, TypeVar

import msgspec

from mutoscope.app.ports import ErrorCode, Failure, ProviderError
from mutoscope.providers.wire import Reply, refusal, status_code

T = TypeVar("T")

_CODES: Final = MappingProxyType(
    dict.fromkeys((*range(10001, 10006), 500020), ErrorCode.AUTH)
    | dict.fromkeys((400011, 400013, 400017, 400018, 400019, 400032), ErrorCode.BAD_INPUT)
    | dict.fromkeys((*range(500030, 500034), 500042, 500070, 500071), ErrorCode.BAD_INPUT)
    | dict.fromkeys((500054, 500063), ErrorCode.MODERATED)
    | {
        500044: ErrorCode.CONCURRENCY,
        500064: ErrorCode.OUTPUT_LOST,
        500069: ErrorCode.NOT_CREATED,  # too busy to begin
        500090: ErrorCode.INSUFFICIENT_FUNDS,
    }
)
"""Any other code, of an upload or a database that failed, is a server's error."""

_OF_A_QUESTION: Final = MappingProxyType(
    {ErrorCode.BAD_INPUT: ErrorCode.OUTPUT_LOST, ErrorCode.NOT_CREATED: ErrorCode.TRANSIENT}
)
"""What a code means that answers a question: what is asked about is not there, or not now."""

FAILURES: Final = MappingProxyType(
    {
        6: Failure(code=ErrorCode.OUTPUT_LOST, sentence="PixVerse deleted this."),
        7: Failure(code=ErrorCode.MODERATED, sentence="PixVerse's safety system refused this."),
        8: Failure(code=ErrorCode.PROVIDER_FAILED, sentence="PixVerse could not make this."),
    }
)


class Answer(msgspec.Struct, Generic[T]):
    """What all answers have in common."""

    content: T = msgspec.field(name="Resp")


class Uploaded(msgspec.Struct):
    """A still that was uploaded; its number has two spellings."""

    img_id: int = 0
    img_id_too: int = msgspec.field(name="ImgID", default=0)


class Made(msgspec.Struct):
    """A clip that was begun."""

    video_id: int
    credits: float | None = None


class Video(msgspec.Struct):
    """A clip that was asked about; it may have an address before it is done."""

    status: int
    url: str | None = None
    credits: float | None = None


class Hook(msgspec.Struct):
    """A call back."""

    id: str | int


class _Said(msgspec.Struct):
    code: int = msgspec.field(name="ErrCode")
    message: str = msgspec.field(name="ErrMsg", default="")


def explain(reply: Reply) -> ProviderError | None:
    """Return what an answer refuses, or None when it refuses nothing."""
    said = reply.peek(_Said) or _Said(code=0, message=f"status {reply.status}")
    code = status_code(reply)
    if said.code:
        code = _CODES.get(said.code, code or ErrorCode.TRANSIENT)
    if code is None:
        return None
    if reply.doubt is ErrorCode.TRANSIENT:
        code = _OF_A_QUESTION.get(code, code)
    elif code is ErrorCode.BAD_INPUT and re.search(r"\bmodel\b", said.message):
        code = ErrorCode.RETIRED_MODEL
    return refusal(
        code,
        f"PixVerse: {said.message}",
        retry_after_s=reply.retry_after_s,
        provider_code=str(said.code or reply.status),
    )
