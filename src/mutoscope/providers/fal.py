"""fal: one queue in front of many models; an app's name is the model.

Wire facts: a request is asked about at the address that was given back, which its id alone does not
tell, and no answer names a price. So our id of a job is fal's own, as call backs name it, with a
note of the list price and the address: `0e8a…#280000:/fal-ai/kling-video/requests/0e8a…`. A
completed request may hold an error; one that counts billed units was charged all the same.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from random import Random
from typing import Final

import msgspec

from mutoscope.app.ports import Capabilities, Funds, Order, ProviderError, RenderState
from mutoscope.providers.adapter import Adapter, Created, Delivery, Standing, known
from mutoscope.providers.fal_bill import billed, listed, noted, requests_of
from mutoscope.providers.fal_errors import broken, explain, failed, is_broken, is_for_administrators
from mutoscope.providers.fal_keys import KeyList
from mutoscope.providers.fal_models import CLIPS
from mutoscope.providers.fal_stills import STILLS
from mutoscope.providers.pictures import Pictures
from mutoscope.providers.wire import Reply, Site, Wire, status_code

BASE_URL: Final = "https://queue.fal.run"
API_URL: Final = "https://api.fal.ai"
REST_URL: Final = "https://rest.fal.ai"
APPS: Final = {**CLIPS, **STILLS}
ABLE: Final = {
    name: replace(app.able, id_form=f"{{id}}#{{micros}}:{requests_of(name)}/{{id}}")
    for name, app in APPS.items()
}
_STATES: Final = {"IN_QUEUE": RenderState.QUEUED, "COMPLETED": RenderState.SUCCEEDED}
_CANCELLED: Final = "client_cancelled"


class _Taken(msgspec.Struct):
    request_id: str
    response_url: str


class _Status(msgspec.Struct):
    status: str
    error_type: str | None = None


class _File(msgspec.Struct):
    url: str


class _Product(msgspec.Struct):
    video: _File | None = None
    images: tuple[_File, ...] = ()


class _Credits(msgspec.Struct):
    current_balance: float


class _Billing(msgspec.Struct):
    credits: _Credits


class Fal(Adapter):
    """fal's protocol."""

    def __init__(
        self, *, site: Site, key: str, random: Random,
        api_url: str = API_URL, rest_url: str = REST_URL,
    ) -> None:  # fmt: skip
        headers = {"Authorization": f"Key {key}"}
        self.wire = Wire(site=site, headers=lambda: headers, explain=explain, random=random)
        self._api_url = api_url
        self._rest_url = rest_url
        self._keys = KeyList(fetch=self._published)

    def capabilities(self, *, model: str) -> Capabilities:
        """Return what a model can do."""
        return known(ABLE, model=model, provider="fal")

    async def create(self, *, order: Order, pictures: Pictures) -> Created:
        """Put a request into the queue."""
        app = APPS[order.model]
        arguments = {**app.arguments(order, pictures), **order.parameters}
        micros = listed(app, arguments)
        params = {"fal_webhook": order.callback_url} if order.callback_url else {}
        reply = await self.wire.create(f"/{order.model}", json=arguments, params=params)
        taken = reply.read(_Taken)
        path = taken.response_url.removeprefix(self.wire.site.base_url)
        return Created(provider_job_id=f"{taken.request_id}#{micros}:{path}", cost_micros=micros)

    async def poll(self, *, provider_job_id: str) -> Standing:
        """Read a request's status, and its result once it is completed."""
        micros, path = noted(provider_job_id)
        told = (await self.wire.ask(f"{path}/status")).read(_Status)
        state = _STATES.get(told.status, RenderState.RUNNING)  # a state to come is no end
        if state is not RenderState.SUCCEEDED:
            return Standing(state=state, provider_state=told.status)
        if told.error_type == _CANCELLED:
            return Standing(state=RenderState.CANCELLED, cost_micros=0)
        if is_broken(told.error_type):
            failure = broken(told.error_type)
            return Standing(state=RenderState.FAILED, failure=failure, cost_micros=0)
        reply = await self.wire.ask(path)
        return _concluded(reply, billed(reply, path=path, list_micros=micros))

    async def cancel(self, *, provider_job_id: str) -> bool:
        """Take a request out of the queue; one that runs is let go on, since it may be charged."""
        _, path = noted(provider_job_id)
        if (await self.poll(provider_job_id=provider_job_id)).state is not RenderState.QUEUED:
            return False
        await self.wire.tell("PUT", f"{path}/cancel")
        return (await self.poll(provider_job_id=provider_job_id)).state is RenderState.CANCELLED

    async def funds(self) -> Funds:
        """Read the account's balance; fal tells it to the keys of administrators alone."""
        try:
            reply = await self.wire.ask(f"{self._api_url}/v1/account/billing?expand=credits")
        except ProviderError as error:
            if not is_for_administrators(error):
                raise
            return Funds(sentence="fal takes the key; its balance wants an administrator's.")
        left = reply.read(_Billing).credits.current_balance
        return Funds(micros=round(left * 1_000_000), sentence=f"${left:,.2f} of fal credits")

    async def parse_webhook(
        self, *, headers: Mapping[str, str], body: bytes, secret: str, at: datetime
    ) -> str:
        """Return fal's own id of a request, once its signature was verified by fal's keys."""
        del secret
        return await self._keys.verified(headers=headers, body=body, at=at)

    async def _published(self) -> bytes:
        """Fetch the public keys that call backs are signed with."""
        reply = await self.wire.ask(f"{self._rest_url}/.well-known/jwks.json")
        return reply.content


def _concluded(reply: Reply, cost_micros: int) -> Standing:
    """Return the outcome of a completed request."""
    if status_code(reply) is not None:
        failure = failed(reply)
        return Standing(state=RenderState.FAILED, failure=failure, cost_micros=cost_micros)
    made = reply.read(_Product)
    files = (*made.images, *([made.video] if made.video else []))
    deliveries = tuple(Delivery(url=file.url) for file in files)
    return Standing(state=RenderState.SUCCEEDED, deliveries=deliveries, cost_micros=cost_micros)
