"""Gemini Omni's clips, as interactions in the background.

Wire facts: a clip that was completed without a video was refused; its file may still be in the
works, and wants the key. A completed answer tells its tokens, which are what Google charges.
"""

from typing import Final

import msgspec

from mutoscope.app.ports import ErrorCode, Failure, Order, RenderState
from mutoscope.providers.adapter import Delivery, Standing
from mutoscope.providers.google_errors import BROKEN, MODERATED, Fault
from mutoscope.providers.google_models import MODELS, PRICES
from mutoscope.providers.pictures import Pictures, nearest_ratio
from mutoscope.providers.wording import asked

_STATES: Final = {
    "queued": RenderState.QUEUED, "in_progress": RenderState.RUNNING,
    "completed": RenderState.SUCCEEDED, "cancelled": RenderState.CANCELLED,
    "failed": RenderState.FAILED, "incomplete": RenderState.FAILED,
    "budget_exceeded": RenderState.FAILED, "requires_action": RenderState.FAILED,
    "requires_continuation": RenderState.FAILED,
}  # fmt: skip
_OPEN: Final = frozenset({RenderState.QUEUED, RenderState.RUNNING})


class _Content(msgspec.Struct):
    type: str
    uri: str = ""
    data: bytes = b""


class _Step(msgspec.Struct):
    type: str
    content: tuple[_Content, ...] = ()


class _Tokens(msgspec.Struct):
    modality: str = ""
    tokens: int = 0


class _Usage(msgspec.Struct):
    total_input_tokens: int = 0
    total_output_tokens: int = 0
    output_tokens_by_modality: tuple[_Tokens, ...] = ()

    @property
    def drawn(self) -> int:
        """Return the tokens of the clip; the others of the output are words and thoughts."""
        each_of = self.output_tokens_by_modality
        return sum(each.tokens for each in each_of if each.modality.lower() == "video")


class Interaction(msgspec.Struct):
    """An order, and what became of it."""

    id: str
    status: str = ""
    model: str = ""
    steps: tuple[_Step, ...] = ()
    errors: tuple[Fault, ...] = ()
    usage: _Usage = msgspec.field(default_factory=_Usage)


class File(msgspec.Struct):
    """A file of Google's, by how far it is."""

    state: str = ""


def ordered(*, order: Order, pictures: Pictures) -> dict[str, object]:
    """Return the body that orders a clip, from a still if there is one."""
    source = pictures.source
    image = [{"type": "image", "data": source.base64, "mime_type": source.media_type}
             ] if source else []  # fmt: skip
    ratio = nearest_ratio(order=order, ratios=MODELS[order.model].ratios)
    return {
        "model": order.model, "background": True, "store": True,
        "input": [{"type": "user_input",
                   "content": [*image, {"type": "text", "text": asked(order)}]}],
        "response_format": {"type": "video", "aspect_ratio": ratio, "resolution": "720p",
                            "duration": f"{order.duration_s}s", "delivery": "uri",
                            **order.parameters},
        "generation_config": {
            "video_config": {"task": "image_to_video" if source else "text_to_video"}},
    }  # fmt: skip


def standing(told: Interaction) -> Standing:
    """Return where a clip stands; its file may not be ready yet."""
    state = _STATES.get(told.status, RenderState.RUNNING)  # a state to come is no end
    made = [each for step in told.steps if step.type == "model_output" for each in step.content]
    clips = tuple(
        Delivery(url=each.uri, content=each.data, is_keyed=True)
        for each in made
        if each.type == "video"
    )
    if state is RenderState.SUCCEEDED and not clips:
        state = RenderState.FAILED
    return Standing(
        state=state,
        deliveries=clips,
        failure=_failure(told) if state is RenderState.FAILED else None,
        cost_micros=None if state in _OPEN else _micros(told),
        provider_state=told.status,
    )


def _failure(told: Interaction) -> Failure:
    """Return why there is no clip; completed without one, and none counted, it was refused."""
    is_unsafe = any(fault.is_unsafe for fault in told.errors)
    code = ", ".join([told.status, *(str(fault.code) for fault in told.errors)])
    if is_unsafe or (told.status == "completed" and not told.usage.drawn):
        return Failure(code=ErrorCode.MODERATED, sentence=MODERATED, provider_code=code)
    return Failure(code=ErrorCode.PROVIDER_FAILED, sentence=BROKEN, provider_code=code)


def _micros(told: Interaction) -> int | None:
    """Return what the tokens cost that an answer tells; None where no price is known."""
    usage, prices = told.usage, PRICES.get(told.model)
    if prices is None:
        return None
    return prices.micros(
        sent=usage.total_input_tokens, drawn=usage.drawn,
        told=usage.total_output_tokens - usage.drawn,
    )  # fmt: skip
