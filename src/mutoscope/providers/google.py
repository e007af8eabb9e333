"""Google's Gemini API: pictures in one call, clips of Omni as interactions in the background."""

from random import Random
from typing import Final

from mutoscope.app.ports import Capabilities, ErrorCode, Failure, Funds, Order, RenderState
from mutoscope.providers import google_clips, google_images
from mutoscope.providers.adapter import Adapter, Created, Standing, known
from mutoscope.providers.google_clips import File, Interaction
from mutoscope.providers.google_errors import explain
from mutoscope.providers.google_models import MODELS
from mutoscope.providers.pictures import Pictures
from mutoscope.providers.wire import Site, Wire

BASE_URL: Final = "https://generativelanguage.googleapis.com"
BEGUN: Final = "interactions/"
"""How the ids of clips begin; a still was answered at once, and nobody can ask about it again."""

_LOST: Final = Standing(
    state=RenderState.LOST,
    failure=Failure(code=ErrorCode.OUTPUT_LOST, sentence="Google's picture was lost on the way."),
)
_PROCESSING: Final = Standing(
    state=RenderState.RUNNING, progress=0.9, provider_state="completed, file in processing"
)


class Google(Adapter):
    """The Gemini API's protocol."""

    def __init__(self, *, site: Site, key: str, random: Random) -> None:
        headers = {"x-goog-api-key": key}
        self.wire = Wire(site=site, headers=lambda: headers, explain=explain, random=random)

    def capabilities(self, *, model: str) -> Capabilities:
        """Return what a model can do."""
        return known(MODELS, model=model, provider="Google")

    async def create(self, *, order: Order, pictures: Pictures) -> Created:
        """Draw a picture, or begin a clip."""
        if order.duration_s is not None:
            clip = google_clips.ordered(order=order, pictures=pictures)
            begun = (await self.wire.create("/v1beta/interactions", json=clip)).read(Interaction)
            return Created(provider_job_id=f"{BEGUN}{begun.id}")
        image = google_images.ordered(order=order, pictures=pictures)
        path = f"/v1beta/models/{order.model}:generateContent"
        return google_images.created(await self.wire.create(path, json=image), model=order.model)

    async def poll(self, *, provider_job_id: str) -> Standing:
        """Read an interaction, and whether its file is ready."""
        if not provider_job_id.startswith(BEGUN):
            return _LOST
        reply = await self.wire.ask(f"/v1beta/{provider_job_id}")
        standing = google_clips.standing(reply.read(Interaction))
        if standing.state is not RenderState.SUCCEEDED:
            return standing
        return standing if await self._is_ready(standing.deliveries[0].url) else _PROCESSING

    async def cancel(self, *, provider_job_id: str) -> bool:
        """Cancel a clip that has not begun; one that is made may be charged all the same."""
        standing = await self.poll(provider_job_id=provider_job_id)
        if standing.state is RenderState.QUEUED:
            await self.wire.tell("POST", f"/v1beta/{provider_job_id}/cancel")
        return standing.state in (RenderState.QUEUED, RenderState.CANCELLED)

    async def funds(self) -> Funds:
        """Ask for the name of one model, since Google tells no balance: the key is good."""
        await self.wire.ask("/v1beta/models?pageSize=1")
        return Funds(sentence="Google takes the key; it tells no balance.")

    async def _is_ready(self, url: str) -> bool:
        """Tell whether a clip's file can be fetched; a completed one may be in the works yet."""
        file, is_download, _ = url.partition(":download")
        return not is_download or (await self.wire.ask(file)).read(File).state != "PROCESSING"
