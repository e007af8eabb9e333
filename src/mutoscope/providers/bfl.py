"""Black Forest Labs' FLUX: stills from words, edits by words, and edits inside a mask.

Wire facts: a task is found at its `polling_url` alone, which lies on other hosts of theirs, and its
cost is told only when it is created. So our id of a task is that address with the cost as its
fragment, which never travels. A call back would come instead of the address: hence we ask.
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
from mutoscope.providers.bfl_models import CREDIT_MICROS, LIST_MICROS, MODELS
from mutoscope.providers.pictures import Pictures, nearest_ratio
from mutoscope.providers.wire import Reply, Site, Wire, refusal, status_code
from mutoscope.providers.wording import asked

BASE_URL: Final = "https://api.bfl.ai"
KEY_DOMAINS: Final = (".bfl.ai",)
SEEDS: Final = 2**31

_ENDS: Final = {
    "Ready": RenderState.SUCCEEDED, "Error": RenderState.FAILED, "Failed": RenderState.FAILED,
    "Request Moderated": RenderState.FAILED, "Content Moderated": RenderState.FAILED,
    "Task not found": RenderState.LOST,
}  # fmt: skip


class _Begun(msgspec.Struct):
    polling_url: str
    cost: float | None = None


class _Result(msgspec.Struct):
    sample: str = ""


class _Task(msgspec.Struct):
    status: str
    result: _Result | None = None
    progress: float | None = None


class _Issue(msgspec.Struct):
    loc: tuple[str | int, ...]
    message: str = msgspec.field(name="msg")


class _Said(msgspec.Struct):
    detail: str | tuple[_Issue, ...]


class _Credits(msgspec.Struct):
    credits: float


class Bfl(Adapter):
    """Black Forest Labs' protocol."""

    def __init__(self, *, site: Site, key: str, random: Random) -> None:
        headers = {"x-key": key}
        self.wire = Wire(site=site, headers=lambda: headers, explain=explain, random=random)

    def capabilities(self, *, model: str) -> Capabilities:
        """Return what a model can do."""
        return known(MODELS, model=model, provider="Black Forest Labs")

    async def create(self, *, order: Order, pictures: Pictures) -> Created:
        """Begin a task."""
        body = {
            "prompt": asked(order), "seed": order.seed % SEEDS, "output_format": "png",
            **_SHAPED[order.model](order, pictures), **order.parameters,
        }  # fmt: skip
        begun = (await self.wire.create(f"/v1/{order.model}", json=body)).read(_Begun)
        micros = (
            LIST_MICROS[order.model] if begun.cost is None else round(begun.cost * CREDIT_MICROS)
        )
        return Created(provider_job_id=f"{begun.polling_url}#{micros}", cost_micros=micros)

    async def poll(self, *, provider_job_id: str) -> Standing:
        """Ask at a task's own address; what is not delivered costs nothing."""
        address, _, micros = provider_job_id.rpartition("#")
        task = (await self.wire.ask(address)).read(_Task)
        state = _ENDS.get(task.status, RenderState.RUNNING)  # a state to come is no end
        costs = {RenderState.SUCCEEDED: int(micros), RenderState.FAILED: 0}
        return Standing(
            state=state,
            progress=task.progress or 0.0,
            deliveries=(Delivery(url=task.result.sample),) if task.result else (),
            failure=_failure(task.status) if state is RenderState.FAILED else None,
            cost_micros=costs.get(state),
            provider_state=task.status,
        )

    async def funds(self) -> Funds:
        """Read the credits."""
        left = (await self.wire.ask("/v1/credits")).read(_Credits).credits
        return Funds(micros=round(left * CREDIT_MICROS), sentence=f"{left:,.0f} BFL credits")


def explain(reply: Reply) -> ProviderError | None:
    """Return what an answer refuses, or None when it refuses nothing."""
    if (code := status_code(reply)) is None:
        return None
    if code is ErrorCode.RATE_LIMITED:
        code = ErrorCode.CONCURRENCY  # its limit is of tasks at once
    detail = (reply.peek(_Said) or _Said(f"status {reply.status}")).detail
    if not isinstance(detail, str):
        detail = "; ".join(f"{'.'.join(map(str, each.loc[1:]))}: {each.message}" for each in detail)
    return refusal(code, f"Black Forest Labs: {detail}", retry_after_s=reply.retry_after_s)


def _failure(status: str) -> Failure:
    code, sentence = ErrorCode.PROVIDER_FAILED, "Black Forest Labs could not make this."
    if "Moderated" in status:
        code, sentence = ErrorCode.MODERATED, "Black Forest Labs' safety system refused this."
    return Failure(code=code, sentence=sentence, provider_code=status)


def _kontext(order: Order, pictures: Pictures) -> dict[str, object]:
    stills = [one.base64 for one in (pictures.source, *pictures.references) if one]
    names = ("input_image", *(f"input_image_{number}" for number in range(2, len(stills) + 1)))
    ratio = nearest_ratio(order=order, ratios=MODELS[order.model].ratios)
    return {"aspect_ratio": ratio, **dict(zip(names, stills, strict=False))}


def _fill(order: Order, pictures: Pictures) -> dict[str, object]:
    if pictures.source is None or pictures.mask is None:
        raise refusal(ErrorCode.BAD_INPUT, f"{order.model} needs a frame and a mask on it.")
    return {"image": pictures.source.base64, "mask": pictures.mask.base64}


def _plain(order: Order, pictures: Pictures) -> dict[str, object]:
    if pictures.source is not None:
        raise refusal(ErrorCode.BAD_INPUT, f"{order.model} makes stills from words alone.")
    sides = nearest_ratio(order=order, ratios=MODELS[order.model].ratios).split(":")
    return dict(zip(("width", "height"), map(int, sides), strict=True))


_SHAPED: Final = {"flux-kontext-pro": _kontext, "flux-pro-1.0-fill": _fill, "flux-pro-1.1": _plain}
