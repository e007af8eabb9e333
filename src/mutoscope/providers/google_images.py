"""Gemini's images: one call that answers with the picture, for a description as for an edit.

Wire facts: parts that are thoughts hold drafts; a refused prompt has no candidate at all; an answer
in words alone is no picture. Every token that is told is charged, also those of a refusal.
"""

from typing import Final

import msgspec

from mutoscope.app.ports import ErrorCode, Failure, Order, RenderState
from mutoscope.providers.adapter import Created, Delivery, Standing
from mutoscope.providers.google_errors import MODERATED
from mutoscope.providers.google_models import MODELS, PRICES
from mutoscope.providers.pictures import Pictures, nearest_ratio
from mutoscope.providers.wire import Reply
from mutoscope.providers.wording import asked

WORDS_MAX: Final = 160
"""Characters of an answer in words that are passed on to the creator."""

_UNSAFE: Final = frozenset(
    {
        "SAFETY", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "RECITATION", "IMAGE_SAFETY",
        "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION",
    }
)  # fmt: skip


class _Inline(msgspec.Struct):
    data: bytes


class _Part(msgspec.Struct, rename="camel"):
    text: str = ""
    thought: bool = False
    inline_data: _Inline | None = None


class _Content(msgspec.Struct):
    parts: tuple[_Part, ...] = ()


class _Candidate(msgspec.Struct, rename="camel"):
    content: _Content = msgspec.field(default_factory=_Content)
    finish_reason: str = ""


class _Feedback(msgspec.Struct, rename="camel"):
    block_reason: str = ""


class _Tokens(msgspec.Struct, rename="camel"):
    modality: str = ""
    token_count: int = 0


class _Usage(msgspec.Struct, rename="camel"):
    prompt_token_count: int = 0
    candidates_token_count: int = 0
    thoughts_token_count: int = 0
    candidates_tokens_details: tuple[_Tokens, ...] = ()


class _Answer(msgspec.Struct, rename="camel"):
    response_id: str = "unnamed"  # a picture that was paid is kept, whatever its answer lacks
    candidates: tuple[_Candidate, ...] = ()
    prompt_feedback: _Feedback = msgspec.field(default_factory=_Feedback)
    usage_metadata: _Usage = msgspec.field(default_factory=_Usage)


def ordered(*, order: Order, pictures: Pictures) -> dict[str, object]:
    """Return the body that orders a picture: the words, then the source, then the references."""
    stills = (*([pictures.source] if pictures.source else []), *pictures.references)
    inline = [
        {"inlineData": {"mimeType": still.media_type, "data": still.base64}} for still in stills
    ]
    ratio = nearest_ratio(order=order, ratios=MODELS[order.model].ratios)
    image = {"aspectRatio": ratio, "imageSize": "1K", **order.parameters}
    return {
        "contents": [{"role": "user", "parts": [{"text": asked(order)}, *inline]}],
        "generationConfig": {"responseModalities": ["IMAGE"], "imageConfig": image},
    }


def created(reply: Reply, *, model: str) -> Created:
    """Return what the answer to a creation holds: the picture, or why there is none.

    :raises ProviderError: when it is no answer of this API.
    """
    answer = reply.read(_Answer)
    parts = [part for each in answer.candidates for part in each.content.parts if not part.thought]
    drawn = tuple(Delivery(content=part.inline_data.data) for part in parts if part.inline_data)
    cost = _micros(answer.usage_metadata, model, has_picture=bool(drawn))
    failure = None if drawn else _failure(answer, " ".join(part.text for part in parts))
    state = RenderState.FAILED if failure else RenderState.SUCCEEDED
    standing = Standing(state=state, deliveries=drawn, failure=failure, cost_micros=cost)
    return Created(provider_job_id=answer.response_id, standing=standing, cost_micros=cost)


def _failure(answer: _Answer, words: str) -> Failure:
    reasons = [each.finish_reason for each in answer.candidates]
    blocked = answer.prompt_feedback.block_reason
    told = ", ".join(filter(None, [blocked, *reasons])) or None
    if blocked or not _UNSAFE.isdisjoint(reasons):
        return Failure(code=ErrorCode.MODERATED, sentence=MODERATED, provider_code=told)
    sentence = f"Google drew nothing{f', but said: {words[:WORDS_MAX]}' if words else '.'}"
    return Failure(code=ErrorCode.PROVIDER_FAILED, sentence=sentence, provider_code=told)


def _micros(usage: _Usage, model: str, *, has_picture: bool) -> int:
    """Return what the tokens cost; those of a picture that are not told apart are all drawn."""
    counts = {each.modality: each.token_count for each in usage.candidates_tokens_details}
    made = usage.candidates_token_count
    drawn = counts.get("IMAGE", 0) if counts else made * has_picture
    told = made - drawn + usage.thoughts_token_count
    return PRICES[model].micros(sent=usage.prompt_token_count, told=told, drawn=drawn)
