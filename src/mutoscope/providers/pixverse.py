"""PixVerse: clips from a still that was uploaded before, as numbers that are asked about.

Wire facts: errors come with status 200; a trace that is used twice leaves a clip unfinished for
ever, so each request has its own; credits of failures and moderated work come back. Call backs go
to the hook that a route's parameter `webhook_id` names, as its web site numbers them.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from random import Random
from typing import Any, Final
from uuid import UUID

import msgspec

from mutoscope.app.ports import Capabilities, ErrorCode, Funds, Order, RenderState
from mutoscope.providers.adapter import Adapter, Created, Delivery, Standing, known
from mutoscope.providers.pictures import Pictures, Still
from mutoscope.providers.pixverse_answers import (
    FAILURES,
    Answer,
    Hook,
    Made,
    Uploaded,
    Video,
    explain,
)
from mutoscope.providers.pixverse_models import MODELS
from mutoscope.providers.pixverse_signature import is_signed
from mutoscope.providers.wire import Site, Wire, refusal
from mutoscope.providers.wording import asked

BASE_URL: Final = "https://app-api.pixverse.ai"
CREDIT_MICROS: Final = 10_000
SEEDS: Final = 2**31
QUALITY: Final = "720p"
"""What is asked for where a route says nothing: PixVerse wants to be told."""

_API: Final = "/openapi/v2"
_STATES: Final = {1: RenderState.SUCCEEDED, 5: RenderState.RUNNING}
_FREE: Final = frozenset({7, 8})
"""States whose credits come back by themselves, whatever the answer tells of them."""


class PixVerse(Adapter):
    """PixVerse's protocol."""

    def __init__(self, *, site: Site, key: str, new_id: Callable[[], UUID], random: Random) -> None:
        def headers() -> Mapping[str, str]:
            return {"API-KEY": key, "Ai-trace-id": str(new_id())}

        self.wire = Wire(site=site, headers=headers, explain=explain, random=random)

    def capabilities(self, *, model: str) -> Capabilities:
        """Return what a model can do."""
        return known(MODELS, model=model, provider="PixVerse")

    async def create(self, *, order: Order, pictures: Pictures) -> Created:
        """Upload the still, then begin a clip of it."""
        if pictures.source is None or order.duration_s is None:
            sentence = "PixVerse makes a clip from a still: choose a frame."
            raise refusal(ErrorCode.BAD_INPUT, sentence)
        body = {
            "img_id": await self._uploaded(pictures.source), "model": order.model,
            "prompt": asked(order), "duration": order.duration_s, "quality": QUALITY,
            "seed": order.seed % SEEDS, **order.parameters,
        }  # fmt: skip
        reply = await self.wire.create(f"{_API}/video/img/generate", json=body)
        made = reply.read(Answer[Made]).content
        return Created(provider_job_id=str(made.video_id), cost_micros=_micros(made.credits))

    async def poll(self, *, provider_job_id: str) -> Standing:
        """Read a clip's status; its address counts only once the clip is done."""
        reply = await self.wire.ask(f"{_API}/video/result/{provider_job_id}")
        video = reply.read(Answer[Video]).content
        failure = FAILURES.get(video.status)
        state = RenderState.FAILED if failure else _STATES.get(video.status, RenderState.RUNNING)
        is_done = state is RenderState.SUCCEEDED
        return Standing(
            state=state,
            deliveries=(Delivery(url=video.url),) if is_done and video.url else (),
            failure=failure,
            cost_micros=_cost_micros(video, state),
            provider_state=str(video.status),
        )

    async def funds(self) -> Funds:
        """Read the credits of all kinds."""
        reply = await self.wire.ask(f"{_API}/account/balance")
        told = reply.read(Answer[dict[str, Any]]).content
        kinds = [left for name, left in told.items() if name.startswith("credit")]
        left = sum(kind for kind in kinds if isinstance(kind, int | float))
        return Funds(micros=_micros(left), sentence=f"{left:,.0f} PixVerse credits")

    async def parse_webhook(
        self, *, headers: Mapping[str, str], body: bytes, secret: str, at: datetime
    ) -> str:
        """Return whose work a call back is about, once its signature was verified."""
        if not is_signed(headers=headers, body=body, secret=secret, at=at):
            raise refusal(ErrorCode.BAD_INPUT, "The call back is not signed by PixVerse.")
        try:
            return str(msgspec.json.decode(body, type=Hook).id)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise refusal(ErrorCode.BAD_INPUT, "The call back names no clip.") from error

    async def _uploaded(self, still: Still) -> int:
        name = "frame." + still.media_type.removeprefix("image/")
        files = {"image": (name, still.content, still.media_type)}
        reply = await self.wire.prepare(f"{_API}/image/upload", files=files)
        told = reply.read(Answer[Uploaded]).content
        return told.img_id or told.img_id_too


def _cost_micros(video: Video, state: RenderState) -> int | None:
    """Return what a clip cost, once it has ended; until then its credits are only set aside."""
    if video.status in _FREE:
        return 0
    return None if state is RenderState.RUNNING else _micros(video.credits)


def _micros(told: float | None) -> int | None:
    return None if told is None else round(told * CREDIT_MICROS)
