"""A company as a generator: everything around an adapter, written once for all of them.

Owns the order of things: stills are made alike before the one request that begins work; what comes
is fetched at once, decoded to its end and measured; only then is a job a success. Invariant: a
file that is broken is never a success, and an order that was answered is never sent again.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

from mutoscope.app.ports import (
    Capabilities,
    ErrorCode,
    Failure,
    Funds,
    Order,
    Output,
    ProviderError,
    Render,
    RenderState,
    Submitted,
)
from mutoscope.providers.adapter import Adapter, Created, Delivery, Standing
from mutoscope.providers.download import AddressExpired, AddressRefused, Downloads
from mutoscope.providers.kept import (
    discard,
    keep_render,
    keep_submitted,
    kept_render,
    kept_submitted,
    settle_file,
)
from mutoscope.providers.pictures import prepared
from mutoscope.providers.probe import BrokenFile, measured, suffix
from mutoscope.providers.wire import refusal
from mutoscope.providers.wording import asked

LOOPBACK_POLL_S: Final = 0.5
"""Seconds between questions to a provider that is played on this machine, and needs no sparing."""

COLLECT_TRIES: Final = 2
"""How often what was delivered is fetched in one poll, each time from fresh addresses."""


class RemoteGenerator:
    """Carries orders out through one adapter; what comes is kept under `folder` by job."""

    def __init__(self, *, adapter: Adapter, folder: Path, downloads: Downloads) -> None:
        self._adapter = adapter
        self._folder = folder
        self._downloads = downloads
        self._provider = adapter.wire.site.provider

    def capabilities(self, *, model: str) -> Capabilities:
        """Return what a model can do.

        :raises ProviderError: when the adapter knows no such model.
        """
        able = self._adapter.capabilities(model=model)
        if not self._adapter.wire.site.is_loopback:
            return able
        return replace(able, poll_s=min(able.poll_s, LOOPBACK_POLL_S))

    async def submit(self, *, order: Order) -> Submitted:
        """Hand an order over, once; a repeat returns the first answer and sends nothing.

        :raises ProviderError: when it is refused, or nobody can tell (`submit_unknown`).
        """
        folder = self._job_folder(order.job_id)
        kept = await asyncio.to_thread(kept_submitted, folder=folder)
        if kept is not None:
            return kept
        able = self._adapter.capabilities(model=order.model)
        _check(order, able)
        pictures = await asyncio.to_thread(prepared, order=order, bytes_max=able.image_bytes_max)
        created = await self._adapter.create(order=order, pictures=pictures)
        submitted = await self._answered(created, folder, is_clip=order.duration_s is not None)
        with suppress(OSError):  # a full disk: the answer still goes to the caller, who records it
            await asyncio.to_thread(keep_submitted, folder=folder, submitted=submitted)
        return submitted

    async def poll(self, *, provider_job_id: str, job_id: UUID, is_clip: bool) -> Render:
        """Tell where the work stands; what was delivered is fetched at once.

        :raises ProviderError: when the provider cannot be asked, or its file not be fetched, now.
        """
        folder = self._job_folder(job_id)
        kept = await asyncio.to_thread(kept_render, folder=folder)
        if kept is not None:
            return kept
        render = await self._looked(provider_job_id, folder, is_clip=is_clip)
        if render.state in _FINAL:
            await asyncio.to_thread(keep_render, folder=folder, render=render)
        return render

    async def cancel(self, *, provider_job_id: str) -> bool:
        """Ask the provider to stop; true only when it confirms that it stopped."""
        return await self._adapter.cancel(provider_job_id=provider_job_id)

    async def find(self, *, job_id: UUID) -> str | None:
        """Return the provider's id of a job: from its answer here, or by asking the provider."""
        kept = await asyncio.to_thread(kept_submitted, folder=self._job_folder(job_id))
        if kept is not None:
            return kept.provider_job_id
        return await self._adapter.find(job_id=job_id)

    async def discard(self, *, job_id: UUID) -> None:
        """Remove the files of a job, once they were stored elsewhere."""
        await asyncio.to_thread(discard, folder=self._job_folder(job_id))

    async def funds(self) -> Funds:
        """Return what is left at the provider, or what a simulator says in its place.

        :raises ProviderError: when it does not answer, or refuses the key.
        """
        funds = await self._adapter.funds()
        if not self._adapter.wire.is_simulated:
            return funds
        return replace(funds, sentence=f"{funds.sentence} (simulator)")

    async def parse_webhook(
        self, *, headers: Mapping[str, str], body: bytes, secret: str, at: datetime
    ) -> str:
        """Return whose work a call back is about, once its signature was verified.

        :raises ProviderError: when the signature or the body is not the provider's.
        """
        return await self._adapter.parse_webhook(headers=headers, body=body, secret=secret, at=at)

    async def close(self) -> None:
        """Drop the connections."""
        await self._adapter.wire.close()
        await self._downloads.close()

    def _job_folder(self, job_id: UUID) -> Path:
        return self._folder / str(job_id)

    async def _answered(self, created: Created, folder: Path, *, is_clip: bool) -> Submitted:
        """Return the answer to an order, whatever becomes of files that came along with it."""
        submitted = Submitted(
            provider_job_id=created.provider_job_id, cost_micros=created.cost_micros
        )
        if created.standing is None:
            return submitted
        try:
            render = await self._rendered(created.standing, folder, is_clip=is_clip)
        except ProviderError:
            return submitted  # the work is done: a poll fetches what did not come through
        return replace(submitted, render=render)

    async def _looked(self, provider_job_id: str, folder: Path, *, is_clip: bool) -> Render:
        """Ask, and ask again when what was delivered is gone or broken: an address may be stale."""
        for turn in range(1, COLLECT_TRIES):
            standing = await self._adapter.poll(provider_job_id=provider_job_id)
            try:
                return await self._concluded(standing, folder, is_clip=is_clip)
            except (AddressExpired, AddressRefused, BrokenFile):
                await self._adapter.wire.pause(turn)
        standing = await self._adapter.poll(provider_job_id=provider_job_id)
        return await self._rendered(standing, folder, is_clip=is_clip)

    async def _rendered(self, standing: Standing, folder: Path, *, is_clip: bool) -> Render:
        """Return where work stands; what is gone or broken for good is a failure."""
        try:
            return await self._concluded(standing, folder, is_clip=is_clip)
        except AddressExpired:
            sentence = f"{self._provider} no longer has the file."
            return _failed(standing, Failure(code=ErrorCode.OUTPUT_LOST, sentence=sentence))
        except AddressRefused as refused:
            failure = Failure(code=ErrorCode.PROVIDER_FAILED, sentence=str(refused))
            return _failed(standing, failure)
        except BrokenFile as broken:
            sentence = f"{self._provider} delivered a file that is broken: {broken.reason}."
            return _failed(standing, Failure(code=ErrorCode.PROVIDER_FAILED, sentence=sentence))

    async def _concluded(self, standing: Standing, folder: Path, *, is_clip: bool) -> Render:
        outputs: tuple[Output, ...] = ()
        if standing.state is RenderState.SUCCEEDED:
            outputs = await self._collected(standing, folder, is_clip=is_clip)
        return Render(
            state=standing.state,
            progress=standing.progress,
            outputs=outputs,
            failure=standing.failure,
            cost_micros=standing.cost_micros,
            provider_state=standing.provider_state,
        )

    async def _collected(
        self, standing: Standing, folder: Path, *, is_clip: bool
    ) -> tuple[Output, ...]:
        if not standing.deliveries:
            raise BrokenFile(reason="nothing was delivered")
        try:
            await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
            return tuple(
                [
                    await self._received(delivery, folder / str(ordinal), is_clip=is_clip)
                    for ordinal, delivery in enumerate(standing.deliveries, 1)
                ]
            )
        except OSError as error:
            sentence = f"What {self._provider} delivered cannot be kept: {error.strerror}."
            raise refusal(ErrorCode.TRANSIENT, sentence) from error

    async def _received(self, delivery: Delivery, stem: Path, *, is_clip: bool) -> Output:
        partial = stem.with_suffix(".part")
        try:
            if delivery.url:
                headers = self._adapter.wire.headers() if delivery.is_keyed else {}
                await self._downloads.fetch(url=delivery.url, path=partial, headers=headers)
            else:
                await asyncio.to_thread(partial.write_bytes, delivery.content)
            output = await asyncio.to_thread(measured, path=partial, is_clip=is_clip)
            final = stem.with_suffix(suffix(output.media_type))
            await asyncio.to_thread(settle_file, partial=partial, final=final)
        except (AddressExpired, AddressRefused, BrokenFile, ProviderError, OSError):
            await asyncio.to_thread(partial.unlink, missing_ok=True)
            raise
        return replace(output, path=final)


_FINAL: Final = frozenset(
    {RenderState.SUCCEEDED, RenderState.FAILED, RenderState.CANCELLED, RenderState.LOST}
)


def _failed(standing: Standing, failure: Failure) -> Render:
    return Render(
        state=RenderState.FAILED,
        failure=failure,
        cost_micros=standing.cost_micros,
        provider_state=standing.provider_state,
    )


def _check(order: Order, able: Capabilities) -> None:
    """Refuse an order that the model cannot carry out, before anything is sent.

    :raises ProviderError: `bad_input`, with what would do.
    """
    units = len(asked(order).encode("utf-16-le")) // 2  # the strictest count of characters
    if units > able.prompt_max:
        sentence = f"The description has more than {able.prompt_max:,} characters: shorten it."
        raise refusal(ErrorCode.BAD_INPUT, sentence)
    if order.duration_s is not None and order.duration_s not in able.durations_s:
        lengths = ", ".join(str(each) for each in able.durations_s) or "no clips at all"
        raise refusal(ErrorCode.BAD_INPUT, f"The model makes clips of {lengths} seconds.")
    if order.images > able.images_max:
        sentence = f"The model makes at most {able.images_max} pictures at once."
        raise refusal(ErrorCode.BAD_INPUT, sentence)
    if len(order.reference_paths) > able.references_max:
        sentence = f"The model takes at most {able.references_max} reference pictures."
        raise refusal(ErrorCode.BAD_INPUT, sentence)
    if order.mask_path is not None and not able.takes_mask:
        raise refusal(ErrorCode.BAD_INPUT, "The model takes no mask.")
