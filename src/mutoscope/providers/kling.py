"""Kling: clips from a still, ordered under our own id, so that a lost answer can be asked after.

Wire facts: a key signs a token for each request; pictures travel as base64 without any prefix; a
clip costs units, told at its end, and failures cost nothing. Call backs carry no signature: their
address is the secret, and whoever receives them compares it.
"""

import hashlib
import hmac
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Final
from uuid import UUID

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
from mutoscope.providers.kling_answers import Answer, Packs, Task, explain, failure
from mutoscope.providers.kling_models import MODELS
from mutoscope.providers.pictures import Pictures
from mutoscope.providers.wire import Site, Wire, refusal
from mutoscope.providers.wording import asked

BASE_URL: Final = "https://api-singapore.klingai.com"
UNIT_MICROS: Final = 140_000
TOKEN_S: Final = 1_800
SKEW_S: Final = 5
"""Seconds by which Kling's clock may be behind ours."""

PACKS_SINCE: Final = timedelta(days=400)
"""How long ago a pack may have been bought: those that last a year are told of too."""

_CLIPS: Final = "/v1/videos/image2video"
_STATES: Final = {
    "submitted": RenderState.QUEUED, "processing": RenderState.RUNNING,
    "succeed": RenderState.SUCCEEDED, "failed": RenderState.FAILED,
}  # fmt: skip


class Kling(Adapter):
    """Kling's protocol."""

    def __init__(
        self, *, site: Site, access_key: str, secret_key: str, now: Callable[[], datetime],
        random: Random,
    ) -> None:  # fmt: skip
        def headers() -> Mapping[str, str]:
            signed = token(access_key=access_key, secret_key=secret_key, at=now())
            return {"Authorization": f"Bearer {signed}"}

        self._now = now
        self.wire = Wire(site=site, headers=headers, explain=explain, random=random)

    def capabilities(self, *, model: str) -> Capabilities:
        """Return what a model can do."""
        return known(MODELS, model=model, provider="Kling")

    async def create(self, *, order: Order, pictures: Pictures) -> Created:
        """Begin a task under our own id."""
        if pictures.source is None or order.duration_s is None:
            raise refusal(ErrorCode.BAD_INPUT, "Kling makes a clip from a still: choose a frame.")
        called = {"callback_url": order.callback_url} if order.callback_url else {}
        body = {
            "model_name": order.model, "duration": str(order.duration_s), "prompt": asked(order),
            "image": pictures.source.base64, "external_task_id": str(order.job_id),
            **called, **order.parameters,
        }  # fmt: skip
        task = (await self.wire.create(_CLIPS, json=body)).read(Answer[Task]).data
        return Created(provider_job_id=task.id)

    async def poll(self, *, provider_job_id: str) -> Standing:
        """Read a task."""
        task = await self._task(provider_job_id)
        state = _STATES.get(task.status, RenderState.RUNNING)  # a state to come is no end
        units = {RenderState.FAILED: Decimal(0), RenderState.SUCCEEDED: task.units}.get(state)
        videos = task.result.videos if task.result else ()
        return Standing(
            state=state,
            deliveries=tuple(Delivery(url=video.url) for video in videos),
            failure=failure(task.reason or "") if state is RenderState.FAILED else None,
            cost_micros=None if units is None else round(units * UNIT_MICROS),
            provider_state=task.status,
        )

    async def find(self, *, job_id: UUID) -> str | None:
        """Return the id of the task that carries our own, or None when Kling knows of none."""
        try:
            return (await self._task(str(job_id))).id
        except ProviderError as error:
            if error.code == ErrorCode.OUTPUT_LOST:
                return None
            raise

    async def funds(self) -> Funds:
        """Read what is left of the packs that can be spent."""
        now = self._now()
        since, until = (round(at.timestamp() * 1_000) for at in (now - PACKS_SINCE, now))
        reply = await self.wire.ask(f"/account/costs?start_time={since}&end_time={until}")
        packs = reply.read(Answer[Packs]).data.packs
        left = sum(pack.remaining_quantity for pack in packs if pack.status == "online")
        return Funds(micros=round(left * UNIT_MICROS), sentence=f"{left:,.1f} Kling units")

    async def parse_webhook(
        self, *, headers: Mapping[str, str], body: bytes, secret: str, at: datetime
    ) -> str:
        """Return whose work a call back is about; nothing in it proves that Kling sent it."""
        del headers, secret, at
        try:
            return msgspec.json.decode(body, type=Task).id
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise refusal(ErrorCode.BAD_INPUT, "The call back is not Kling's.") from error

    async def _task(self, name: str) -> Task:
        """Read a task by Kling's id or by our own."""
        return (await self.wire.ask(f"{_CLIPS}/{name}")).read(Answer[Task]).data


def token(*, access_key: str, secret_key: str, at: datetime) -> str:
    """Return a JSON web token that proves an access key for half an hour."""
    now_s = int(at.timestamp())
    claims = {"iss": access_key, "exp": now_s + TOKEN_S, "nbf": now_s - SKEW_S}
    parts = (msgspec.json.encode(part) for part in ({"alg": "HS256", "typ": "JWT"}, claims))
    signed = ".".join(_packed(part) for part in parts)
    made = hmac.new(secret_key.encode(), signed.encode(), hashlib.sha256)
    return f"{signed}.{_packed(made.digest())}"


def _packed(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()
