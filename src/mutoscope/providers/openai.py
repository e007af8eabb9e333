"""OpenAI's images: stills from words, and edits with and without a mask, answered at once.

Wire facts: an answer holds the pictures and its tokens, so that the cost is exact; nothing can be
asked about later, and nothing is kept. Being out of money is a 429, like being too fast.
"""

from random import Random
from typing import Final

import msgspec

from mutoscope.app.ports import (
    Capabilities,
    ErrorCode,
    Failure,
    Funds,
    Order,
    ProviderError,
    RenderState,
)
from mutoscope.providers.adapter import Adapter, Created, Delivery, Standing, known
from mutoscope.providers.openai_models import IMAGE_MICROS, MODELS, OUTPUT_MICROS, TEXT_MICROS
from mutoscope.providers.pictures import Pictures, nearest_ratio, see_through
from mutoscope.providers.wire import Reply, Site, Wire, refusal, status_code
from mutoscope.providers.wording import asked

BASE_URL: Final = "https://api.openai.com"

_LOST: Final = Failure(
    code=ErrorCode.OUTPUT_LOST, sentence="OpenAI keeps no pictures: this one did not come through."
)
_CODES: Final = {
    "moderation_blocked": ErrorCode.MODERATED, "model_not_found": ErrorCode.RETIRED_MODEL,
    "billing_hard_limit_reached": ErrorCode.INSUFFICIENT_FUNDS,
    "insufficient_quota": ErrorCode.INSUFFICIENT_FUNDS,
}  # fmt: skip


class _Picture(msgspec.Struct):
    b64_json: bytes = b""


class _Sent(msgspec.Struct):
    text_tokens: int
    image_tokens: int


class _Usage(msgspec.Struct):
    output_tokens: int
    input_tokens_details: _Sent


class _Made(msgspec.Struct):
    data: tuple[_Picture, ...] | None = None
    usage: _Usage | None = None


class _Error(msgspec.Struct):
    message: str
    param: str | None = None
    code: str | None = None


class _Refused(msgspec.Struct):
    error: _Error


class OpenAI(Adapter):
    """OpenAI's protocol of images."""

    def __init__(self, *, site: Site, key: str, random: Random) -> None:
        headers = {"Authorization": f"Bearer {key}"}
        self.wire = Wire(site=site, headers=lambda: headers, explain=explain, random=random)

    def capabilities(self, *, model: str) -> Capabilities:
        """Return what a model can do."""
        return known(MODELS, model=model, provider="OpenAI")

    async def create(self, *, order: Order, pictures: Pictures) -> Created:
        """Make the pictures."""
        size = nearest_ratio(order=order, ratios=MODELS[order.model].ratios).replace(":", "x")
        fields = {
            "prompt": asked(order), "model": order.model, "quality": "medium", "size": size,
            "n": order.images, "output_format": "png", **order.parameters,
        }  # fmt: skip
        files = _files(pictures)
        if files:
            reply = await self.wire.create("/v1/images/edits", data=fields, files=files)
        else:
            reply = await self.wire.create("/v1/images/generations", json=fields)
        made = reply.read(_Made)
        cost_micros = _micros(made.usage)
        standing = Standing(
            state=RenderState.SUCCEEDED,
            progress=1.0,
            deliveries=tuple(Delivery(content=each.b64_json) for each in made.data or ()),
            cost_micros=cost_micros,
        )
        request_id = reply.headers.get("x-request-id", str(order.job_id))
        return Created(provider_job_id=request_id, standing=standing, cost_micros=cost_micros)

    async def poll(self, *, provider_job_id: str) -> Standing:
        """Tell that what was not kept of an answer is lost."""
        assert provider_job_id
        return Standing(state=RenderState.LOST, failure=_LOST)

    async def funds(self) -> Funds:
        """Prove the key; what is left is on OpenAI's own pages alone."""
        await self.wire.ask("/v1/models")
        return Funds(sentence="OpenAI takes the key; it tells no balance.")


def explain(reply: Reply) -> ProviderError | None:
    """Return what an answer refuses, or None when it refuses nothing."""
    if (code := status_code(reply)) is None:
        return None
    error = (reply.peek(_Refused) or _Refused(_Error(f"status {reply.status}"))).error
    if code is ErrorCode.BAD_INPUT and (error.code, error.param) == ("invalid_value", "model"):
        code = ErrorCode.RETIRED_MODEL
    elif code is not ErrorCode.TRANSIENT:
        code = _CODES.get(error.code or "", code)
    is_moderated = code is ErrorCode.MODERATED
    sentence = (
        "OpenAI's safety system refused this." if is_moderated else f"OpenAI: {error.message}"
    )
    return refusal(code, sentence, retry_after_s=reply.retry_after_s, provider_code=error.code)


def _files(pictures: Pictures) -> list[tuple[str, tuple[str, bytes, str]]]:
    """Return what an edit starts from; the mask lies on the first picture."""
    stills = (*([pictures.source] if pictures.source else []), *pictures.references)
    files = [
        ("image[]", (f"picture{number}", each.content, each.media_type))
        for number, each in enumerate(stills, 1)
    ]
    if pictures.mask is None:
        return files
    if pictures.source is None:
        raise refusal(ErrorCode.BAD_INPUT, "A mask needs the frame that it lies on.")
    mask = see_through(pictures.mask)
    return [*files, ("mask", ("mask.png", mask.content, mask.media_type))]


def _micros(usage: _Usage | None) -> int | None:
    if usage is None:
        return None
    sent = usage.input_tokens_details
    spent = sent.text_tokens * TEXT_MICROS + sent.image_tokens * IMAGE_MICROS
    return spent + usage.output_tokens * OUTPUT_MICROS
