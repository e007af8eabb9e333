"""Gemini Omni's clips, simulated: interactions in the background, charged by the token.

A finished clip's file is still processed when it is first told of. A clip that is refused is
completed with words alone; a refused prompt fails, and costs nothing.
"""

import re
from dataclasses import replace
from typing import Any, Final

from mutoscope.simulators.exchange import Call, Refused
from mutoscope.simulators.faults import Fault
from mutoscope.simulators.google_terms import cost, error, is_base64, only, require, words
from mutoscope.simulators.tasks import Stage, Task

MODEL: Final = "gemini-omni-1.1-flash"
DOLLARS_PER_MILLION: Final = ("1.5", "9", "17.5")
"""What a million tokens cost of the input, of words and of moving pictures."""

SECOND_TOKENS: Final = {"360p": 1_931, "720p": 5_792, "1080p": 8_688, "4k": 17_376}
HEIGHTS: Final = {"360p": 360, "720p": 720, "1080p": 1_080, "4k": 2_160}
SOURCE_TOKENS: Final = 1_120
THOUGHT_TOKENS: Final = 40
SOURCES_MAX: Final = 6
SECONDS: Final = (3, 10)
REFUSAL: Final = "I cannot make this clip."

_BODY: Final = (
    "model", "input", "background", "store", "stream", "response_format", "generation_config",
)  # fmt: skip
_FORMAT: Final = ("type", "aspect_ratio", "resolution", "duration", "delivery")
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)s")
_STATUS: Final = {
    Stage.QUEUED: "queued", Stage.RUNNING: "in_progress", Stage.UNKNOWN: "rehearsing",
    Stage.SUCCEEDED: "completed", Stage.MODERATED: "completed", Stage.FAILED: "failed",
    Stage.CANCELLED: "cancelled",
}  # fmt: skip
_CODES: Final = {400: "invalid_request", 403: "permission_denied", 404: "not_found"}
_BLOCKED: Final = "The prompt was blocked for safety reasons."
_BROKEN: Final = "The clip could not be generated."


def ordered(call: Call) -> Task:
    """Return the clip that a call orders.

    :raises Refused: when it is not as the API wants it.
    """
    body = only(call.json(), names=_BODY, where="request")
    if body.get("model") != MODEL:
        raise Refused(error(404, f"Model {body.get('model')!r} not found."))
    require("background", is_right=body.get("background") is True)
    texts, sources = _input(body.get("input"))
    told = only(body.get("response_format"), names=_FORMAT, where="response_format")
    resolution, duration_s = _format(told)
    config = only(body.get("generation_config", {}), names=("video_config",), where="config")
    video = only(config.get("video_config", {}), names=("task",), where="video_config")
    _task(video.get("task", "image_to_video" if sources else "text_to_video"), sources)
    short = HEIGHTS[resolution]
    sides = (short * 16 // 9, short)
    width, height = sides if told.get("aspect_ratio", "16:9") == "16:9" else sides[::-1]
    asked = {
        "second_tokens": SECOND_TOKENS[resolution], "sources": sources,
        "words": sum(words(text) for text in texts),
    }  # fmt: skip
    return Task(
        prompt=" ".join(texts), width=width, height=height, duration_s=duration_s, asked=asked
    )


def respelled(refused: Refused) -> Refused:
    """Return a refusal as interactions spell it: with a code in words, and no status."""
    answer = refused.answer
    error = {"code": _CODES[answer.status], "message": answer.content["error"]["message"]}
    return Refused(replace(answer, content={"error": error}))


def told(task: Task, *, file_url: str) -> dict[str, Any]:
    """Return an interaction as it stands; its clip lies at an address."""
    assert task.created_at is not None
    stage = task.stage
    content: dict[str, Any] = {
        "id": f"v1_{task.id}", "object": "interaction", "model": MODEL, "role": "model",
        "status": _STATUS[stage], "created": task.created_at.isoformat(),
        "updated": task.created_at.isoformat(),
    }  # fmt: skip
    if stage is Stage.FAILED:
        content["errors"] = [{"code": "internal", "message": _BROKEN}]
    elif stage is Stage.MODERATED and _is_refused(task):
        content |= {"status": "failed", "errors": [{"code": "blocked", "message": _BLOCKED}]}
    elif stage in (Stage.SUCCEEDED, Stage.MODERATED):
        shown = {"type": "video", "mime_type": "video/mp4", "uri": file_url}
        if stage is Stage.MODERATED:
            shown = {"type": "text", "text": REFUSAL}
        thought = {"type": "thought", "signature": "c2lt"}
        content["steps"] = [thought, {"type": "model_output", "content": [shown]}]
        content["usage"] = _usage(task)
    return content


def cost_micros(task: Task) -> int:
    """Return what the tokens cost, a begun millionth of a dollar in full."""
    is_spoken = task.end is Stage.MODERATED and not _is_refused(task)
    if not task.is_charged_as_a_success and not is_spoken:
        return 0
    usage = _usage(task)
    moving = sum(each["tokens"] for each in usage["output_tokens_by_modality"])
    counts = (usage["total_input_tokens"], usage["total_output_tokens"] - moving, moving)
    return cost(counts, DOLLARS_PER_MILLION)


def _is_refused(task: Task) -> bool:
    return task.script.fault is Fault.MODERATED_INPUT


def _usage(task: Task) -> dict[str, Any]:
    sent = task.asked["words"] + task.asked["sources"] * SOURCE_TOKENS
    is_clip = task.end is not Stage.MODERATED
    moving = round(task.asked["second_tokens"] * task.duration_s) if is_clip else 0
    made = moving + THOUGHT_TOKENS + (0 if is_clip else words(REFUSAL))
    return {
        "total_tokens": sent + made, "total_input_tokens": sent, "total_output_tokens": made,
        "total_thought_tokens": THOUGHT_TOKENS,
        "output_tokens_by_modality": [{"modality": "video", "tokens": moving}] if is_clip else [],
    }  # fmt: skip


def _input(value: object) -> tuple[list[str], int]:
    """Return the texts, and how many pictures: of a text, a list of parts, or one step of them."""
    if isinstance(value, str) and value:
        return [value], 0
    require("input", is_right=isinstance(value, list) and bool(value))
    assert isinstance(value, list)
    parts: list[Any] = value
    if parts[0].get("type") == "user_input":
        require("input", is_right=len(parts) == 1)
        parts = only(parts[0], names=("type", "content"), where="input[0]").get("content", [])
    texts: list[str] = []
    sources = 0
    for part in parts:
        if part.get("type") == "text":
            texts.append(only(part, names=("type", "text"), where="text")["text"])
            continue
        image = only(part, names=("type", "data", "mime_type"), where="image")
        is_image = image.get("type") == "image" and image.get("mime_type", "")[:6] == "image/"
        require("image", is_right=is_image and is_base64(image.get("data")))
        sources += 1
    require("input", is_right=any(texts) and sources <= SOURCES_MAX)
    return texts, sources


def _format(told: dict[str, Any]) -> tuple[str, float]:
    require("response_format.type", is_right=told.get("type") == "video")
    require("aspect_ratio", is_right=told.get("aspect_ratio", "16:9") in ("16:9", "9:16"))
    require("delivery", is_right=told.get("delivery") == "uri")
    resolution = told.get("resolution", "720p")
    require("resolution", is_right=resolution in HEIGHTS)
    spelled = _DURATION.fullmatch(str(told.get("duration")))
    seconds = float(spelled[1]) if spelled else 0
    require("duration", is_right=SECONDS[0] <= seconds <= SECONDS[1])
    return resolution, seconds


def _task(name: object, sources: int) -> None:
    wanted = {"text_to_video": sources == 0, "image_to_video": sources == 1}
    require("video_config.task", is_right=wanted.get(str(name), False))
