"""OpenAI's images, simulated: answers that hold the pictures, and a bill by tokens."""

import re
from base64 import b64encode
from collections.abc import Mapping
from io import BytesIO
from types import MappingProxyType
from typing import Any, Final

from PIL import Image

from mutoscope.simulators.exchange import Act, Answer, Call, Refused, Route
from mutoscope.simulators.faults import Fault
from mutoscope.simulators.files import content
from mutoscope.simulators.simulator import Simulator
from mutoscope.simulators.tasks import Stage, Task, World

MODEL: Final = "gpt-image-2"
PROMPT_MAX: Final = 32_000
IMAGES_MAX: Final = 10
INPUTS_MAX: Final = 16
INPUT_BYTES_MAX: Final = 50 * 1000 * 1000
MASK_BYTES_MAX: Final = 4 * 1000 * 1000
SIDE_MAX, SIDE_STEP, SIDES_RATIO_MAX = 3_840, 16, 3
PIXELS_MIN, PIXELS_MAX = 655_360, 8_294_400
TEXT_MICROS, IMAGE_MICROS, OUTPUT_MICROS = 5, 8, 30
"""Millionths of a dollar for a token of text, of a picture sent, and of one made."""

_SQUARE: Final = 1024 * 1024
_TOKENS: Final = MappingProxyType({"low": 272, "medium": 1_056, "high": 4_160, "auto": 1_056})
"""Tokens of a square of 1024 pixels, by quality."""

_PATCH, _PATCHES_MAX = 32, 1_536
_FIELDS: Final = MappingProxyType[str, tuple[str, ...]](
    {
        "quality": tuple(_TOKENS),
        "output_format": ("png", "jpeg", "webp"),
        "background": ("opaque", "auto"),
        "moderation": ("auto", "low"),
    }
)
_FREE: Final = frozenset({"prompt", "model", "size", "n", "user", "safety_identifier"})


class OpenAISimulator(Simulator):
    """OpenAI's API of images."""

    name = "openai"
    key = "sk-simulator"

    def __init__(self, *, world: World) -> None:
        self.world = world
        images = "/v1/images"
        self.routes = (
            Route(
                method="POST", pattern=f"{images}/generations", act=Act.CREATE, handler=self._make
            ),
            Route(method="POST", pattern=f"{images}/edits", act=Act.CREATE, handler=self._edit),
            Route(method="GET", pattern="/v1/models", act=Act.OTHER, handler=self._models),
        )

    def refusal(self, fault: Fault) -> Answer | None:
        """Return the answer to a creation that a fault refuses."""
        match fault:
            case Fault.AUTH:
                return _error(401, "Incorrect API key provided.", "invalid_api_key")
            case Fault.INSUFFICIENT_FUNDS:
                return _error(429, "You exceeded your current quota.", "insufficient_quota")
            case Fault.RATE_LIMITED | Fault.CONCURRENCY:
                busy = _error(429, "Rate limit reached for gpt-image-2.", "rate_limit_exceeded")
                return Answer(status=429, content=busy.content, headers={"retry-after": "12"})
            case Fault.MODERATED_INPUT:
                return _moderated()
            case Fault.RETIRED_MODEL:
                return _error(404, "The model does not exist.", "model_not_found", "model")
            case _:
                return _invalid("prompt")

    def created(self, task: Task) -> Answer:
        """Return the pictures, or what befell them."""
        if task.stage is Stage.MODERATED:
            return _moderated()
        if task.stage is not Stage.SUCCEEDED:
            return self.trouble()
        text, sent, made = (task.asked[name] for name in ("text", "sent", "made"))
        spelled = b64encode(content(task=task, kind=task.asked["format"].upper())).decode()
        answer = {
            "created": 1_795_000_000, "background": "opaque", "size": task.asked["size"],
            "output_format": task.asked["format"], "quality": task.asked["quality"],
            "data": [{"b64_json": spelled}] * task.images,
            "usage": {
                "total_tokens": text + sent + made, "input_tokens": text + sent,
                "output_tokens": made,
                "input_tokens_details": {"text_tokens": text, "image_tokens": sent},
            },
        }  # fmt: skip
        return Answer(content=answer, headers={"x-request-id": f"req_{task.id.hex}"})

    shown = created  # there are no polls: the answer to a creation is all

    def cost_micros(self, task: Task) -> int:
        """Return what a task costs: its tokens, once its pictures are delivered."""
        if not task.is_charged_as_a_success:
            return 0
        prices = {"text": TEXT_MICROS, "sent": IMAGE_MICROS, "made": OUTPUT_MICROS}
        return sum(int(task.asked[name]) * micros for name, micros in prices.items())

    def trouble(self) -> Answer:
        """Return the answer of a server that broke down."""
        sentence = "The server had an error while processing your request."
        return _error(500, sentence, None, kind="server_error")

    def _make(self, call: Call) -> Task:
        self._authorise(call)
        return _task(call.json(), ())

    def _edit(self, call: Call) -> Task:
        self._authorise(call)
        parts = call.parts()
        pictures = tuple(value for name, value in parts if name in ("image[]", "image"))
        masks = [value for name, value in parts if name == "mask"]
        files = ("image[]", "image", "mask")
        fields: dict[str, Any] = {
            name: value.decode() for name, value in parts if name not in files
        }
        if str(fields.get("n", "")).isdecimal():
            fields["n"] = int(fields["n"])
        _require("image", is_right=0 < len(pictures) <= INPUTS_MAX)
        sizes = tuple(_size_of(picture, "image") for picture in pictures)
        for mask in masks:
            _require("mask", is_right=len(mask) < MASK_BYTES_MAX and _has_alpha(mask))
            _require("mask", is_right=_size_of(mask, "mask") == sizes[0])
        return _task(fields, sizes)

    def _models(self, call: Call) -> Answer:
        self._authorise(call)
        listed = {"id": MODEL, "object": "model", "created": 1_776_700_000, "owned_by": "system"}
        return Answer(content={"object": "list", "data": [listed]})

    def _authorise(self, call: Call) -> None:
        if call.headers.get("authorization") != f"Bearer {self.key}":
            raise Refused(_error(401, "Incorrect API key provided.", "invalid_api_key"))


def _task(fields: Mapping[str, Any], sent: tuple[tuple[int, int], ...]) -> Task:
    """Return a task, once all that both routes share is right."""
    for name, value in fields.items():
        allowed = _FIELDS.get(name)
        if allowed is None and name not in _FREE:
            raise Refused(_error(400, f"Unknown parameter: '{name}'.", "unknown_parameter", name))
        _require(name, is_right=allowed is None or value in allowed)
    _require("model", is_right=fields.get("model") == MODEL)
    prompt, images = fields.get("prompt"), fields.get("n", 1)
    if not isinstance(prompt, str) or not 0 < len(prompt) <= PROMPT_MAX:
        raise Refused(_invalid("prompt"))
    _require("n", is_right=type(images) is int and 0 < images <= IMAGES_MAX)
    size, quality = fields.get("size", "1024x1024"), fields.get("quality", "auto")
    width, height = _sides(size)
    return Task(
        prompt=prompt, width=width, height=height, images=images, is_instant=True,
        asked={
            "size": size, "quality": quality, "format": fields.get("output_format", "png"),
            "text": -(-len(prompt) // 4), "sent": sum(_patches(*each) for each in sent),
            "made": images * -(-width * height * _TOKENS[quality] // _SQUARE),
        },
    )  # fmt: skip


def _sides(size: object) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{2,4})x(\d{2,4})", size) if isinstance(size, str) else None
    if found is None:
        raise Refused(_invalid("size"))
    width, height = int(found[1]), int(found[2])
    _require("size", is_right=width % SIDE_STEP == 0 and height % SIDE_STEP == 0)
    _require("size", is_right=max(width, height) <= SIDE_MAX)
    _require("size", is_right=max(width, height) <= SIDES_RATIO_MAX * min(width, height))
    _require("size", is_right=PIXELS_MIN <= width * height <= PIXELS_MAX)
    return width, height


def _size_of(picture: bytes, name: str) -> tuple[int, int]:
    _require(name, is_right=len(picture) < INPUT_BYTES_MAX)
    try:
        with Image.open(BytesIO(picture), formats=("PNG", "JPEG", "WEBP")) as image:
            return image.size
    except OSError as error:
        raise Refused(_error(400, "Invalid image file.", "invalid_image_file", name)) from error


def _has_alpha(mask: bytes) -> bool:
    try:
        with Image.open(BytesIO(mask), formats=("PNG",)) as image:
            return image.mode in ("LA", "RGBA")
    except OSError:
        return False


def _patches(width: int, height: int) -> int:
    return min(_PATCHES_MAX, -(-width // _PATCH) * -(-height // _PATCH))


def _require(name: str, *, is_right: bool) -> None:
    if not is_right:
        raise Refused(_invalid(name))


def _invalid(name: str) -> Answer:
    return _error(400, f"Invalid value for '{name}'.", "invalid_value", name)


def _moderated() -> Answer:
    sentence = "Your request was rejected by the safety system."
    return _error(400, sentence, "moderation_blocked", kind="image_generation_user_error")


def _error(
    status: int, message: str, code: str | None, param: str | None = None,
    *, kind: str = "invalid_request_error",
) -> Answer:  # fmt: skip
    told = {"message": message, "type": kind, "param": param, "code": code}
    return Answer(status=status, content={"error": told})
