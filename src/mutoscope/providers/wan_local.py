"""WAN on one's own GPU: a frame becomes a clip, and no company is asked.

Owns what such an order may hold, and what must be there for it. All else is the built-in engine's:
scratch folders, one process for each render, the rest waiting, and files as the only memory. One
clip at a time, because a GPU holds one model.
"""

import asyncio
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Final, Never
from uuid import UUID

from mutoscope.app.ports import Capabilities, ErrorCode, Funds, Order, ProviderError, Submitted
from mutoscope.providers import wan_weights
from mutoscope.providers.adapter import known
from mutoscope.providers.local.engine import AnimaticEngine
from mutoscope.providers.local.scratch import LOG, has_outcome
from mutoscope.providers.wan_models import MODELS, PARAMETERS
from mutoscope.providers.wan_weights import Loader
from mutoscope.providers.wire import refusal

_RENDER: Final = "mutoscope.providers.wan_render"


class WanEngine(AnimaticEngine):
    """Renders clips with weights that lie under a folder by their model's name."""

    def __init__(self, *, folder: Path, weights: Path, loader: Loader = wan_weights) -> None:
        super().__init__(folder=folder, renders_max=1)
        self._weights = weights
        self._loader = loader

    def capabilities(self, *, model: str) -> Capabilities:
        """Return what a model can do.

        :raises ProviderError: when it is none of WAN's.
        """
        return known(MODELS, model=model, provider="WAN")

    async def submit(self, *, order: Order) -> Submitted:
        """Keep an order and begin its render; a repeat returns the same id and begins nothing.

        :raises ProviderError: when the order cannot be carried out, or WAN cannot work here
            (`retired_model`), or there is no room to keep it (`not_created`).
        """
        _check(order, self.capabilities(model=order.model))
        await self._require(order.model)
        try:
            return await super().submit(order=order)
        except ProviderError as error:
            if error.permanent:
                raise
            raise refusal(ErrorCode.NOT_CREATED, str(error)) from error

    async def funds(self) -> Funds:
        """Tell that WAN can work here; nobody is paid.

        :raises ProviderError: when it cannot, with what is missing.
        """
        present = [model for model in MODELS if (self._weights / model).is_dir()]
        await self._require(present[0] if present else next(iter(MODELS)))
        return Funds(sentence=f"this machine's GPU, with {', '.join(present)}")

    async def parse_webhook(
        self, *, headers: Mapping[str, str], body: bytes, secret: str, at: datetime
    ) -> Never:
        """Refuse what is said to be a call back.

        :raises ProviderError: always.
        """
        assert at.tzinfo
        del headers, body, secret
        raise refusal(ErrorCode.BAD_INPUT, "WAN never calls back.")

    async def _require(self, model: str) -> None:
        sentence = await asyncio.to_thread(self._loader.missing, weights=self._weights / model)
        if sentence is not None:
            raise refusal(ErrorCode.RETIRED_MODEL, sentence)  # its route rests until staff acted

    async def _run(self, job_id: UUID, folder: Path) -> None:
        try:
            async with self._slots:
                if not await asyncio.to_thread(has_outcome, folder=folder):
                    await self._in_process(folder)
        finally:
            del self._tasks[job_id]

    async def _in_process(self, folder: Path) -> None:
        with (folder / LOG).open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", _RENDER, str(folder), str(self._weights),
                self._loader.__name__, stdin=asyncio.subprocess.PIPE, stdout=log, stderr=log,
            )  # fmt: skip
        try:
            await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


def _check(order: Order, able: Capabilities) -> None:
    """Refuse an order that WAN cannot carry out.

    :raises ProviderError: `bad_input`, with what would do.
    """
    if order.source_path is None or order.duration_s not in able.durations_s:
        lengths = ", ".join(str(each) for each in able.durations_s)
        raise refusal(ErrorCode.BAD_INPUT, f"WAN makes clips of {lengths} seconds from a frame.")
    if len(order.prompt) > able.prompt_max:
        sentence = f"The description has more than {able.prompt_max:,} characters: shorten it."
        raise refusal(ErrorCode.BAD_INPUT, sentence)
    if order.reference_paths or order.mask_path:
        raise refusal(ErrorCode.BAD_INPUT, "WAN takes a frame alone, no references and no mask.")
    unknown = ", ".join(order.parameters.keys() - PARAMETERS.keys())
    if unknown:
        sentence = f"WAN has no parameter {unknown}: use {', '.join(PARAMETERS)}."
        raise refusal(ErrorCode.BAD_INPUT, sentence)
