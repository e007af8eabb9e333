"""Gemini's images, simulated: one synchronous call, answered and charged by the token.

Beside the picture comes a draft among the model's thoughts, which is no result. A refused prompt
is answered with 200 and charged for its words; an answer in words is charged as words.
"""

from base64 import b64encode
from math import sqrt
from typing import Any, Final

from mutoscope.simulators import pictures
from mutoscope.simulators.exchange import Answer, Call, Refused
from mutoscope.simulators.faults import Fault
from mutoscope.simulators.files import content
from mutoscope.simulators.google_terms import cost, error, is_base64, only, require, words
from mutoscope.simulators.tasks import Stage, Task

DOLLARS_PER_MILLION: Final = {
    "gemini-3.1-flash-image": ("0.5", "3", "60"),
    "gemini-3-pro-image": ("2", "12", "120"),
    "gemini-nano-banana-2.1": ("1.5", "7.5", "30"),
}
"""Of each model: what a million tokens cost of the input, of words and of pictures."""

IMAGE_TOKENS: Final = {"512": 747, "1K": 1_120, "2K": 1_680, "4K": 2_520}
SIDES: Final = {"512": 512, "1K": 1_024, "2K": 2_048, "4K": 4_096}
SOURCE_TOKENS: Final = 560
THOUGHT_TOKENS: Final = 120
PARTS_MAX: Final = 15
BODY_MAX: Final = 20 * 1024 * 1024
ANSWER: Final = "I can describe a lamp, but not draw one."

_RATIOS: Final = frozenset(
    (
        "1:1", "1:4", "1:8", "2:3", "3:2", "3:4", "4:1", "4:3", "4:5", "5:4", "8:1", "9:16",
        "16:9", "21:9",
    )
)  # fmt: skip
_MEDIA: Final = frozenset({"image/png", "image/jpeg", "image/webp"})
_STEP: Final = 32


def ordered(call: Call, model: str) -> Task:
    """Return the picture that a call orders.

    :raises Refused: when it is not as the API wants it.
    """
    if model not in DOLLARS_PER_MILLION:
        raise Refused(error(404, f"models/{model} is not found for API version v1beta."))
    require("body", is_right=len(call.body) <= BODY_MAX)
    body = only(
        call.json(), names=("contents", "generationConfig", "safetySettings"), where="request"
    )
    texts, sources = _parts(body.get("contents"))
    ratio, size = _shape(body.get("generationConfig"))
    width, height = _sides(ratio, size)
    asked = {
        "model": model, "size": size, "words": sum(words(text) for text in texts),
        "sources": sources,
    }  # fmt: skip
    return Task(prompt=" ".join(texts), width=width, height=height, is_instant=True, asked=asked)


def answer(task: Task) -> Answer:
    """Return the answer with the picture, or with what came instead."""
    told: dict[str, Any] = {
        "usageMetadata": _usage(task), "modelVersion": task.asked["model"],
        "responseId": f"sim-{task.id}",
    }  # fmt: skip
    if task.script.fault is Fault.MODERATED_INPUT:
        told["promptFeedback"] = {"blockReason": "PROHIBITED_CONTENT"}
    else:
        told["candidates"] = [_candidate(task)]
    return Answer(content=told)


def cost_micros(task: Task) -> int:
    """Return what the tokens cost, a begun millionth of a dollar in full."""
    usage = _usage(task)
    drawn = sum(each["tokenCount"] for each in usage.get("candidatesTokensDetails", ()))
    told = usage.get("candidatesTokenCount", 0) - drawn + usage.get("thoughtsTokenCount", 0)
    counts = (usage["promptTokenCount"], told, drawn)
    return cost(counts, DOLLARS_PER_MILLION[task.asked["model"]])


def _parts(contents: object) -> tuple[list[str], int]:
    require("contents", is_right=isinstance(contents, list) and len(contents) == 1)
    assert isinstance(contents, list)
    turn = only(contents[0], names=("role", "parts"), where="contents[0]")
    require("contents[0].role", is_right=turn.get("role", "user") == "user")
    parts = turn.get("parts")
    require("parts", is_right=isinstance(parts, list) and 0 < len(parts) <= PARTS_MAX)
    assert isinstance(parts, list)
    texts: list[str] = []
    sources = 0
    for part in parts:
        only(part, names=("text", "inlineData"), where="parts")
        if "inlineData" in part:
            names = (
                "mimeType",
                "mime_type",
                "data",
            )  # either spelling of a field, as Google reads JSON
            data = only(part["inlineData"], names=names, where="inlineData")
            media_type = data.get("mimeType", data.get("mime_type"))
            is_right = media_type in _MEDIA and is_base64(data.get("data"))
            require("inlineData", is_right=is_right)
            sources += 1
        else:
            require("text", is_right=isinstance(part.get("text"), str))
            texts.append(part["text"])
    require("parts", is_right=any(text.strip() for text in texts))
    return texts, sources


def _shape(config: object) -> tuple[str, str]:
    where = "generationConfig"
    told = only(config, names=("responseModalities", "imageConfig", "seed"), where=where)
    modalities = told.get("responseModalities")
    is_right = isinstance(modalities, list) and {"IMAGE"} <= {*modalities} <= {"IMAGE", "TEXT"}
    require("responseModalities", is_right=is_right)
    names = ("aspectRatio", "imageSize")
    image = only(told.get("imageConfig", {}), names=names, where="imageConfig")
    ratio, size = image.get("aspectRatio", "1:1"), image.get("imageSize", "1K")
    require("aspectRatio", is_right=ratio in _RATIOS)
    require("imageSize", is_right=size in IMAGE_TOKENS)
    return ratio, size


def _sides(ratio: str, size: str) -> tuple[int, int]:
    wide, high = (int(part) for part in ratio.split(":"))
    root = sqrt(wide / high)
    sides = (SIDES[size] * root, SIDES[size] / root)
    width, height = (max(_STEP, round(side / _STEP) * _STEP) for side in sides)
    return width, height


def _candidate(task: Task) -> dict[str, Any]:
    if task.stage is Stage.MODERATED:
        return {"finishReason": "IMAGE_SAFETY", "finishMessage": "Unable to show the image."}
    if task.stage is not Stage.SUCCEEDED:
        parts: list[dict[str, Any]] = [{"text": ANSWER}]
        return {"content": {"role": "model", "parts": parts}, "finishReason": "NO_IMAGE"}
    draft = pictures.still(width=64, height=64)
    parts = [
        {"text": "The lamp stands on a table.", "thought": True},
        {"inlineData": _inline("image/png", draft), "thought": True},
        {"inlineData": _inline("image/png", content(task=task))},
    ]
    return {"content": {"role": "model", "parts": parts}, "finishReason": "STOP"}


def _inline(media_type: str, data: bytes) -> dict[str, str]:
    return {"mimeType": media_type, "data": b64encode(data).decode()}


def _usage(task: Task) -> dict[str, Any]:
    asked = task.asked
    prompt = asked["words"] + asked["sources"] * SOURCE_TOKENS
    if task.end is Stage.MODERATED:
        return {"promptTokenCount": prompt, "totalTokenCount": prompt}
    usage: dict[str, Any] = {"promptTokenCount": prompt, "thoughtsTokenCount": THOUGHT_TOKENS}
    if task.end is Stage.SUCCEEDED:
        drawn = IMAGE_TOKENS[asked["size"]]
        usage["candidatesTokenCount"] = drawn
        usage["candidatesTokensDetails"] = [{"modality": "IMAGE", "tokenCount": drawn}]
    else:
        usage["candidatesTokenCount"] = words(ANSWER)
    usage["totalTokenCount"] = prompt + THOUGHT_TOKENS + usage["candidatesTokenCount"]
    return usage
