"""A generator whose outcome a test writes down; it keeps the port's rules and refuses to bend them.

It counts what it was asked for, so that a test can say "exactly once". A second order of the same
job is a bug of the caller, and raises.
"""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from mutoscope.app.ports import (
    Capabilities,
    Failure,
    Order,
    Output,
    ProviderError,
    Render,
    RenderState,
    Submitted,
)

ALL_ABLE = Capabilities(
    durations_s=tuple(range(1, 61)), prompt_max=100_000, images_max=50, takes_mask=True,
    references_max=10, poll_s=0.5, output_ttl_s=3_600,
)  # fmt: skip
RUNNING = Render(state=RenderState.RUNNING, progress=0.5)
PIXEL = bytes.fromhex("89504e470d0a1a0a")
BUSY = ProviderError("The provider is busy.", code="busy", permanent=False)
REFUSED = ProviderError("The provider refuses this.", code="moderated", permanent=True)


@dataclass
class ScriptedGenerator:
    """What to answer: `render` to a poll; `trouble` before, `mishap` after an order is taken,
    `poll_trouble` to a poll."""

    folder: Path
    render: Render = RUNNING
    trouble: ProviderError | None = None
    mishap: ProviderError | None = None
    poll_trouble: ProviderError | None = None
    can_cancel: bool = True
    able: Capabilities = ALL_ABLE
    gate: asyncio.Event | None = None
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    orders: list[Order] = field(default_factory=list)
    calls: int = 0

    def capabilities(self, *, model: str) -> Capabilities:
        assert model
        return self.able

    async def submit(self, *, order: Order) -> Submitted:
        self.calls += 1
        self.reached.set()
        if self.gate is not None:
            await self.gate.wait()
        if self.trouble is not None:
            raise self.trouble
        assert order.job_id not in {each.job_id for each in self.orders}, "ordered twice"
        self.orders.append(order)
        if self.mishap is not None:
            raise self.mishap
        return Submitted(provider_job_id=str(order.job_id))

    async def poll(self, *, provider_job_id: str, job_id: UUID, is_clip: bool) -> Render:
        assert provider_job_id == str(job_id)
        assert is_clip in {each.duration_s is not None for each in self.orders}
        assert job_id in {each.job_id for each in self.orders}
        if self.poll_trouble is not None:
            raise self.poll_trouble
        return self.render

    async def cancel(self, *, provider_job_id: str) -> bool:
        assert provider_job_id
        return self.can_cancel

    async def find(self, *, job_id: UUID) -> str | None:
        found = [each for each in self.orders if each.job_id == job_id]
        return str(job_id) if found else None

    async def discard(self, *, job_id: UUID) -> None:
        assert job_id

    def succeed(self, *, images: int) -> None:
        """Deliver small files from now on."""
        outputs = []
        for number in range(images):
            path = self.folder / f"{number}.png"
            path.write_bytes(PIXEL + bytes([number]))
            outputs.append(Output(path=path, media_type="image/png", width=2, height=2))
        self.render = Render(state=RenderState.SUCCEEDED, progress=1.0, outputs=tuple(outputs))

    def fail(self, *, state: RenderState, code: str) -> None:
        """End without a result from now on."""
        failure = Failure(code=code, sentence="It did not work.")
        self.render = Render(state=state, failure=failure)
