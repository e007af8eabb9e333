"""Runway: clips from a still, and stills from words, as tasks that are asked about.

Wire facts: a task's `cost.credits` is what is charged in the end, moderated work too; a deleted
task that was running may be charged; being out of credits is a 400 with a sentence.
"""

from random import Random
from typing import Any, Final

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
from mutoscope.providers.pictures import Pictures, nearest_ratio
from mutoscope.providers.runway_models import MODELS
from mutoscope.providers.wire import Reply, Site, Wire, refusal, status_code
from mutoscope.providers.wording import asked

BASE_URL: Final = "https://api.dev.runwayml.com"
VERSION: Final = "2024-11-06"
CREDIT_MICROS: Final = 10_000
SEEDS: Final = 2**32
_STATES: Final = {
    "PENDING": RenderState.QUEUED, "THROTTLED": RenderState.QUEUED,
    "RUNNING": RenderState.RUNNING, "SUCCEEDED": RenderState.SUCCEEDED,
    "FAILED": RenderState.FAILED, "CANCELLED": RenderState.CANCELLED,
}  # fmt: skip

_FAILURES: Final = (
    ("SAFETY", ErrorCode.MODERATED, "Runway's safety system refused this."),
    ("ASSET.INVALID", ErrorCode.BAD_INPUT, "Runway cannot use this picture."),
    ("BAD_OUTPUT", ErrorCode.PROVIDER_FAILED, "Runway made nothing usable: is text in the frame?"),
    ("", ErrorCode.PROVIDER_FAILED, "Runway could not make this."),
)


class _Credits(msgspec.Struct):
    credits: float


class _Task(msgspec.Struct, rename="camel"):
    id: str
    status: str = ""
    progress: float = 0.0
    output: tuple[str, ...] = ()
    cost: _Credits | None = None
    estimated_cost: _Credits | None = None
    failure_code: str | None = None


class _Said(msgspec.Struct):
    error: str
    issues: Any = None


class _Organization(msgspec.Struct, rename="camel"):
    credit_balance: float


class Runway(Adapter):
    """Runway's protocol."""

    def __init__(self, *, site: Site, key: str, random: Random) -> None:
        headers = {"Authorization": f"Bearer {key}", "X-Runway-Version": VERSION}
        self.wire = Wire(site=site, headers=lambda: headers, explain=explain, random=random)

    def capabilities(self, *, model: str) -> Capabilities:
        """Return what a model can do."""
        return known(MODELS, model=model, provider="Runway")

    async def create(self, *, order: Order, pictures: Pictures) -> Created:
        """Begin a task."""
        is_clip = order.duration_s is not None
        body = {
            "model": order.model, "promptText": asked(order), "seed": order.seed % SEEDS,
            "ratio": nearest_ratio(order=order, ratios=MODELS[order.model].ratios),
            **(_moving(order, pictures) if is_clip else _still(pictures)), **order.parameters,
        }  # fmt: skip
        path = "/v1/image_to_video" if is_clip else "/v1/text_to_image"
        task = (await self.wire.create(path, json=body)).read(_Task)
        return Created(provider_job_id=task.id, cost_micros=_micros(task.estimated_cost))

    async def poll(self, *, provider_job_id: str) -> Standing:
        """Read a task."""
        task = (await self.wire.ask(f"/v1/tasks/{provider_job_id}")).read(_Task)
        state = _STATES.get(task.status, RenderState.RUNNING)  # a state to come is no end
        return Standing(
            state=state,
            progress=task.progress,
            deliveries=tuple(Delivery(url=url) for url in task.output),
            failure=_failure(task) if state is RenderState.FAILED else None,
            cost_micros=_micros(task.cost),
            provider_state=task.status,
        )

    async def cancel(self, *, provider_job_id: str) -> bool:
        """Delete a task that has not begun; one that runs is charged all the same."""
        standing = await self.poll(provider_job_id=provider_job_id)
        if standing.state is RenderState.QUEUED:
            await self.wire.tell("DELETE", f"/v1/tasks/{provider_job_id}")
        return standing.state in (RenderState.QUEUED, RenderState.CANCELLED)

    async def funds(self) -> Funds:
        """Read the organization's credits."""
        told = (await self.wire.ask("/v1/organization")).read(_Organization)
        left = told.credit_balance
        return Funds(micros=round(left * CREDIT_MICROS), sentence=f"{left:,.0f} Runway credits")


def explain(reply: Reply) -> ProviderError | None:
    """Return what an answer refuses, or None when it refuses nothing."""
    if (code := status_code(reply)) is None:
        return None
    said = reply.peek(_Said) or _Said(error=f"status {reply.status}")
    if "not have enough credits" in said.error.lower():
        code = ErrorCode.INSUFFICIENT_FUNDS
    elif code is ErrorCode.BAD_INPUT and "'model'" in str(said.issues):
        code = ErrorCode.RETIRED_MODEL
    return refusal(code, f"Runway: {said.error}", retry_after_s=reply.retry_after_s)


def _moving(order: Order, pictures: Pictures) -> dict[str, object]:
    if pictures.source is None:
        raise refusal(ErrorCode.BAD_INPUT, "Runway makes a clip from a still: choose a frame.")
    first = {"uri": pictures.source.data_uri, "position": "first"}
    return {"promptImage": [first], "duration": order.duration_s}


def _still(pictures: Pictures) -> dict[str, object]:
    stills = (*([pictures.source] if pictures.source else []), *pictures.references)
    tagged = [{"uri": each.data_uri, "tag": f"picture{n}"} for n, each in enumerate(stills, 1)]
    return {"referenceImages": tagged} if tagged else {}


def _failure(task: _Task) -> Failure:
    told = task.failure_code or ""
    code, sentence = next(meaning for word, *meaning in _FAILURES if word in told)
    return Failure(code=code, sentence=sentence, provider_code=task.failure_code)


def _micros(cost: _Credits | None) -> int | None:
    return None if cost is None else round(cost.credits * CREDIT_MICROS)
