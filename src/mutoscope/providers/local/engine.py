"""The built-in engine as a generator: orders in, files out, with no company behind it.

Owns the render processes. Each order has a scratch folder named by its job, and each render a
process of its own, as many at once as asked; the rest wait. Files are the only memory: a
restarted host finds its orders again, and asking about one whose render was cut short starts it
anew, which gives the same bytes. After `STARTS_MAX` starts the job fails with `render_failed`.

Failure markers in prompts (`[[fail]]`, `[[moderated]]`, `[[lost]]`, `[[partial:N]]`,
`[[slow:S]]`) are honoured in orders marked demo alone; `markers` tells what each does.
"""

import asyncio
import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Final
from uuid import UUID

from mutoscope.app.ports import (
    CancelRule,
    Capabilities,
    Failure,
    Order,
    ProviderError,
    Reconcile,
    Render,
    RenderState,
    Submitted,
)
from mutoscope.providers.local.adjustments import field_names
from mutoscope.providers.local.orders import (
    DURATION_S_MAX,
    DURATION_S_MIN,
    IMAGES_MAX,
    check,
    understood,
)
from mutoscope.providers.local.refusals import OrderRefused
from mutoscope.providers.local.scratch import (
    LOG,
    STARTS_MAX,
    conclude,
    has_outcome,
    is_held,
    keep_order,
    kept_order,
    outcome,
    progress,
    starts,
)

YEAR_S: Final = 366 * 86_400

ABLE: Final = Capabilities(
    durations_s=tuple(range(DURATION_S_MIN, DURATION_S_MAX + 1)), images_max=IMAGES_MAX,
    edits_max=1,
    prompt_max=1_000_000,  # each of its texts has a limit of its own, and history is not read
    adjustments=frozenset(field_names()), wording=understood, has_seed=True,
    cancel=CancelRule.ALWAYS, reconcile=Reconcile.BY_ID, poll_s=0.5,
    output_ttl_s=YEAR_S,  # on our own disk, until the job is discarded
)  # fmt: skip


class AnimaticEngine:
    """Renders orders in processes of its own, one at a time per core unless told otherwise."""

    def __init__(self, *, folder: Path, renders_max: int | None = None) -> None:
        self._folder = folder
        self._slots = asyncio.Semaphore(renders_max or os.cpu_count() or 1)
        self._tasks: dict[UUID, asyncio.Task[None]] = {}

    def capabilities(self, *, model: str) -> Capabilities:
        """Return what the engine can do."""
        assert model
        return ABLE

    async def submit(self, *, order: Order) -> Submitted:
        """Keep an order and begin its render; a repeat returns the same id and begins nothing.

        :raises ProviderError: when the order cannot be carried out (`bad_input`), the job was
            submitted with another order (`order_differs`), or there is no room to keep it
            (`storage_failed`).
        """
        await asyncio.to_thread(_keep, self._folder / str(order.job_id), order)
        await self._resume(order.job_id)
        return Submitted(provider_job_id=str(order.job_id))

    async def poll(
        self,
        *,
        provider_job_id: str,
        job_id: UUID | None = None,  # noqa: ARG002 -- the engine's own id is the job's
        is_clip: bool = False,  # noqa: ARG002 -- the kept order tells
    ) -> Render:
        """Tell where a render stands, and start it again when it was cut short."""
        ours = _job_id(provider_job_id)
        if ours is None or not await asyncio.to_thread(self._is_known, ours):
            return Render(state=RenderState.LOST)
        await self._resume(ours)
        return await asyncio.to_thread(_standing, self._folder / str(ours))

    async def cancel(self, *, provider_job_id: str) -> bool:
        """Stop a render; true only when it ended by this before it was complete."""
        job_id = _job_id(provider_job_id)
        if job_id is None or not await asyncio.to_thread(self._is_known, job_id):
            return False
        ended = await asyncio.to_thread(_end_by_cancel, self._folder / str(job_id))
        if ended:
            await self._stop(job_id)
        return ended

    async def find(self, *, job_id: UUID) -> str | None:
        """Return the id of the render begun for a job, also after a restart."""
        return str(job_id) if await asyncio.to_thread(self._is_known, job_id) else None

    async def discard(self, *, job_id: UUID) -> None:
        """Delete the scratch files of a job, once its outputs were stored elsewhere."""
        await self._stop(job_id)
        folder = self._folder / str(job_id)
        if await asyncio.to_thread(folder.exists):
            await asyncio.to_thread(shutil.rmtree, folder)

    async def close(self) -> None:
        """Stop every render begun here; their orders stay, and resume when asked about."""
        for job_id in tuple(self._tasks):
            await self._stop(job_id)

    def _is_known(self, job_id: UUID) -> bool:
        return kept_order(folder=self._folder / str(job_id)) is not None

    async def _resume(self, job_id: UUID) -> None:
        folder = self._folder / str(job_id)
        if job_id in self._tasks or not await asyncio.to_thread(_may_start, folder):
            return
        if job_id not in self._tasks:  # another call may have begun it meanwhile
            self._tasks[job_id] = asyncio.create_task(self._run(job_id, folder))

    async def _run(self, job_id: UUID, folder: Path) -> None:
        try:
            async with self._slots:
                if await asyncio.to_thread(_may_start, folder):
                    await _render_in_process(folder)
        finally:
            del self._tasks[job_id]

    async def _stop(self, job_id: UUID) -> None:
        task = self._tasks.get(job_id)
        if task is None:
            return
        task.cancel()
        await asyncio.wait({task})


async def _render_in_process(folder: Path) -> None:
    with (folder / LOG).open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "mutoscope.providers.local.render", str(folder),
            stdin=asyncio.subprocess.PIPE, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def _job_id(provider_job_id: str) -> UUID | None:
    try:
        return UUID(provider_job_id)
    except ValueError:
        return None


def _keep(folder: Path, order: Order) -> None:
    try:
        kept = kept_order(folder=folder)
        if kept is None:
            check(order=order)
            keep_order(folder=folder, order=order)
            return
    except OrderRefused as refusal:
        raise ProviderError(str(refusal), code=refusal.code, permanent=True) from refusal
    except OSError as error:
        sentence = f"the scratch folder does not take the order: {error.strerror}"
        raise ProviderError(sentence, code="storage_failed", permanent=False) from error
    if replace(order, source_path=kept.source_path) != kept:
        sentence = f"job {order.job_id} was submitted before with another order"
        raise ProviderError(sentence, code="order_differs", permanent=True)


def _may_start(folder: Path) -> bool:
    if not folder.exists() or has_outcome(folder=folder) or is_held(folder=folder):
        return False
    if starts(folder=folder) < STARTS_MAX:
        return True
    sentence = f"The render died {STARTS_MAX} times before it was complete."
    failure = Failure(code="render_failed", sentence=sentence)
    conclude(folder=folder, render=Render(state=RenderState.FAILED, failure=failure))
    return False


def _standing(folder: Path) -> Render:
    ended = outcome(folder=folder)
    if ended is not None:
        return ended
    state = RenderState.RUNNING if is_held(folder=folder) else RenderState.QUEUED
    return Render(state=state, progress=progress(folder=folder))


def _end_by_cancel(folder: Path) -> bool:
    if conclude(folder=folder, render=Render(state=RenderState.CANCELLED)):
        return True
    ended = outcome(folder=folder)
    return ended is not None and ended.state is RenderState.CANCELLED
