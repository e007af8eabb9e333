"""DashScope (Alibaba Model Studio): WAN makes clips from a still, as tasks that are asked about.

Wire facts: a creation must say that it is asynchronous; a task is cancelled only while it waits;
what is charged are the seconds and the resolution in `usage`, but an answer never names the model.
So our id of a job is the task's, and a note of the model, `0e8a…#wan2.7-i2v`. Keys belong to one
region.
"""

from random import Random
from typing import Final

import msgspec

from mutoscope.app.ports import (
    Capabilities,
    ErrorCode,
    Funds,
    Order,
    ProviderError,
    RenderState,
)
from mutoscope.providers.adapter import Adapter, Created, Delivery, Standing, known
from mutoscope.providers.dashscope_models import MEDIA_MODELS, MODELS, failed, meant, price
from mutoscope.providers.pictures import Pictures
from mutoscope.providers.wire import Reply, Site, Wire, refusal, status_code
from mutoscope.providers.wording import asked

BASE_URL: Final = "https://dashscope-intl.aliyuncs.com"
SEEDS: Final = 2**31
_CREATE: Final = "/api/v1/services/aigc/video-generation/video-synthesis"
_TASKS: Final = "/api/v1/tasks"
_STATES: Final = {
    "PENDING": RenderState.QUEUED, "SUSPENDED": RenderState.QUEUED,
    "RUNNING": RenderState.RUNNING, "SUCCEEDED": RenderState.SUCCEEDED,
    "FAILED": RenderState.FAILED, "CANCELED": RenderState.CANCELLED, "UNKNOWN": RenderState.LOST,
}  # fmt: skip


class _Output(msgspec.Struct):
    task_id: str
    task_status: str
    video_url: str = ""
    code: str = ""


class _Usage(msgspec.Struct):
    duration: float
    resolution: int = msgspec.field(name="SR")


class _Task(msgspec.Struct):
    output: _Output
    usage: _Usage | None = None


class _Said(msgspec.Struct):
    code: str
    message: str = ""


class DashScope(Adapter):
    """DashScope's protocol."""

    def __init__(self, *, site: Site, key: str, random: Random) -> None:
        headers = {"Authorization": f"Bearer {key}"}
        self.wire = Wire(site=site, headers=lambda: headers, explain=explain, random=random)

    def capabilities(self, *, model: str) -> Capabilities:
        """Return what a model can do."""
        return known(MODELS, model=model, provider="DashScope")

    async def create(self, *, order: Order, pictures: Pictures) -> Created:
        """Begin a task."""
        parameters = {
            "resolution": f"{_nearest_px(order)}P", "duration": order.duration_s,
            "seed": order.seed % SEEDS, **order.parameters,
        }  # fmt: skip
        words = {"prompt": asked(order), **_still(order, pictures)}
        if "negative_prompt" in parameters:
            words["negative_prompt"] = parameters.pop("negative_prompt")
        body = {"model": order.model, "input": words, "parameters": parameters}
        reply = await self.wire.create(_CREATE, json=body, headers={"X-DashScope-Async": "enable"})
        return Created(provider_job_id=f"{reply.read(_Task).output.task_id}#{order.model}")

    async def poll(self, *, provider_job_id: str) -> Standing:
        """Read a task."""
        task_id, _, model = provider_job_id.partition("#")
        task = (await self.wire.ask(f"{_TASKS}/{task_id}")).read(_Task)
        output = task.output
        state = _STATES.get(output.task_status, RenderState.RUNNING)  # a state to come is no end
        return Standing(
            state=state,
            deliveries=(Delivery(url=output.video_url),) if output.video_url else (),
            failure=failed(output.code) if state is RenderState.FAILED else None,
            cost_micros=_micros(model, state, task.usage),
            provider_state=output.task_status,
        )

    async def cancel(self, *, provider_job_id: str) -> bool:
        """Cancel a task that waits; one that runs is refused."""
        try:
            await self.wire.tell("POST", f"{_TASKS}/{provider_job_id.partition('#')[0]}/cancel")
        except ProviderError as error:
            if error.permanent:
                return False
            raise
        return True

    async def funds(self) -> Funds:
        """List a task, which proves the key; there is no address that tells what is left."""
        await self.wire.ask(f"{_TASKS}?page_no=1&page_size=1")
        return Funds(sentence="DashScope takes the key; what is left stands in its console.")


def explain(reply: Reply) -> ProviderError | None:
    """Return what an answer refuses, or None when it refuses nothing."""
    if (code := status_code(reply)) is None:
        return None
    said = reply.peek(_Said) or _Said(code=f"status {reply.status}")
    if code is not ErrorCode.TRANSIENT:
        code = meant(said.code, otherwise=code)
    if "model not exist" in said.message.lower():
        code = ErrorCode.RETIRED_MODEL
    sentence = f"DashScope: {said.message or said.code}"
    return refusal(code, sentence, retry_after_s=reply.retry_after_s, provider_code=said.code)


def _still(order: Order, pictures: Pictures) -> dict[str, object]:
    if pictures.source is None:
        raise refusal(ErrorCode.BAD_INPUT, "WAN makes a clip from a still: choose a frame.")
    url = pictures.source.data_uri
    if order.model in MEDIA_MODELS:
        return {"media": [{"type": "first_frame", "url": url}]}
    return {"img_url": url}


def _nearest_px(order: Order) -> int:
    short = min(order.width, order.height)
    return min(MODELS[order.model].resolutions_px, key=lambda px: abs(px - short))


def _micros(model: str, state: RenderState, usage: _Usage | None) -> int | None:
    """Return what a task costs, which is nothing unless it succeeds; None where nobody knows."""
    if state in (RenderState.FAILED, RenderState.CANCELLED):
        return 0
    return None if usage is None else price(model, usage.resolution, usage.duration)
