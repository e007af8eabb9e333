"""Google's Vertex: clips of Veo as operations, which answer with the clip itself.

Wire facts: an operation's name leads to its model; one that is done without a clip was filtered.
Nothing tells what a clip costs, so its list price travels in our id of the work, after the name.
"""

from collections.abc import Callable
from datetime import datetime
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
from mutoscope.providers.google_account import ServiceAccount
from mutoscope.providers.google_errors import BROKEN, MODERATED, Fault, explain
from mutoscope.providers.google_token import Bearer
from mutoscope.providers.pictures import Pictures, nearest_ratio
from mutoscope.providers.vertex_models import MODELS, clip_micros
from mutoscope.providers.wire import Site, Wire, refusal
from mutoscope.providers.wording import asked

PRICE: Final = "?micros="
SEEDS: Final = 2**32
INVALID_ARGUMENT: Final = 3
"""An operation's error code for what it was asked to show; the others are Google's own trouble."""


class _Video(msgspec.Struct):
    content: bytes = msgspec.field(name="bytesBase64Encoded", default=b"")


class _Response(msgspec.Struct, rename="camel"):
    videos: tuple[_Video, ...] = ()
    rai_media_filtered_reasons: tuple[str, ...] = ()


class _Operation(msgspec.Struct):
    name: str
    done: bool = False
    response: _Response = msgspec.field(default_factory=_Response)
    error: Fault | None = None


def base_url(location: str) -> str:
    """Return where Vertex is reached for a location."""
    host = "aiplatform.googleapis.com"
    return f"https://{host}" if location == "global" else f"https://{location}-{host}"


class Vertex(Adapter):
    """Vertex's protocol; `parent` is a project's location, `projects/…/locations/…`."""

    def __init__(
        self, *, site: Site, parent: str, account: ServiceAccount, now: Callable[[], datetime],
        random: Random,
    ) -> None:  # fmt: skip
        self._models = f"{parent}/publishers/google/models"
        self._bearer = Bearer(account=account, site=site, now=now, random=random)
        self.wire = Wire(
            site=site, headers=lambda: self._bearer.headers, explain=explain, random=random
        )

    def capabilities(self, *, model: str) -> Capabilities:
        """Return what a model can do."""
        return known(MODELS, model=model, provider="Vertex")

    async def create(self, *, order: Order, pictures: Pictures) -> Created:
        """Begin an operation."""
        await self._sign_in()
        parameters = _parameters(order)
        body = {"instances": [_instance(order, pictures)], "parameters": parameters}
        path = f"/v1beta1/{self._models}/{order.model}:predictLongRunning"
        begun = (await self.wire.create(path, json=body)).read(_Operation)
        micros = clip_micros(order.model, parameters)
        price = "" if micros is None else f"{PRICE}{micros}"
        return Created(provider_job_id=f"{begun.name}{price}", cost_micros=micros)

    async def poll(self, *, provider_job_id: str) -> Standing:
        """Fetch an operation; the question is a POST and changes nothing."""
        await self._bearer.renew()
        name, _, price = provider_job_id.partition(PRICE)
        path = f"/v1beta1/{name.partition('/operations/')[0]}:fetchPredictOperation"
        reply = await self.wire.ask(path, "POST", json={"operationName": name})
        told = reply.read(_Operation)
        if not told.done:
            return Standing(state=RenderState.RUNNING)
        clips = told.response.videos
        if told.error or not clips:
            failure = _failure(told)
            return Standing(state=RenderState.FAILED, failure=failure, cost_micros=0)
        return Standing(
            state=RenderState.SUCCEEDED,
            deliveries=tuple(Delivery(content=each.content) for each in clips),
            cost_micros=int(price) if price else None,
        )

    async def funds(self) -> Funds:
        """Ask for the name of one model, since Google tells no balance: the account is good."""
        await self._bearer.renew()
        await self.wire.ask("/v1beta1/publishers/google/models?pageSize=1")
        return Funds(sentence="Google takes the service account; it tells no balance.")

    async def _sign_in(self) -> None:
        """Renew the token before a creation, of which nothing has left yet."""
        try:
            await self._bearer.renew()
        except ProviderError as error:
            if error.code != ErrorCode.TRANSIENT:
                raise
            raise refusal(ErrorCode.NOT_CREATED, str(error)) from error


def _instance(order: Order, pictures: Pictures) -> dict[str, object]:
    if (source := pictures.source) is None:
        return {"prompt": asked(order)}
    image = {"bytesBase64Encoded": source.base64, "mimeType": source.media_type}
    return {"prompt": asked(order), "image": image}


def _parameters(order: Order) -> dict[str, object]:
    ratio = nearest_ratio(order=order, ratios=MODELS[order.model].ratios)
    return {
        "sampleCount": 1, "durationSeconds": order.duration_s, "aspectRatio": ratio,
        "resolution": "720p", "generateAudio": True, "seed": order.seed % SEEDS,
        **order.parameters,
    }  # fmt: skip


def _failure(told: _Operation) -> Failure:
    """Return why there is no clip: it was filtered, or the operation ended with an error."""
    fault = told.error
    if fault is None:
        filtered = "; ".join(told.response.rai_media_filtered_reasons) or None
        return Failure(code=ErrorCode.MODERATED, sentence=MODERATED, provider_code=filtered)
    code, sentence = ErrorCode.PROVIDER_FAILED, BROKEN
    if fault.is_unsafe:
        code, sentence = ErrorCode.MODERATED, MODERATED
    elif fault.code == INVALID_ARGUMENT:
        code, sentence = ErrorCode.BAD_INPUT, f"Google: {fault.message}"
    return Failure(code=code, sentence=sentence, provider_code=str(fault.code))
