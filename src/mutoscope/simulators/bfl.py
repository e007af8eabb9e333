"""Black Forest Labs, simulated: each model has an address, each task one to be asked at."""

import re
from base64 import b64decode
from binascii import Error as NoBase64
from collections.abc import Callable, Mapping
from io import BytesIO
from math import sqrt
from types import MappingProxyType
from typing import Any, Final

from PIL import Image

from mutoscope.simulators.exchange import Act, Answer, Call, Refused, Route
from mutoscope.simulators.faults import Fault
from mutoscope.simulators.files import addresses
from mutoscope.simulators.simulator import Simulator
from mutoscope.simulators.tasks import Stage, Task, World

CREDIT_MICROS: Final = 10_000
BALANCE_CREDITS: Final = 10_000
PICTURE_BYTES_MAX: Final = 20 * 1024 * 1024
TOLERANCE_MAX, EDIT_TOLERANCE_MAX = 6, 2
SIDE_MIN, SIDE_MAX, SIDE_STEP = 256, 1_440, 32
RATIO_MAX: Final = 21 / 9
SHARD: Final = "simulator"
"""Where a task lives: it is found at its own address alone."""

_AREA, _STEP = 1024 * 1024, 16
_STATUS: Final = {
    Stage.QUEUED: "Pending", Stage.RUNNING: "Pending", Stage.UNKNOWN: "Drying",
    Stage.SUCCEEDED: "Ready", Stage.MODERATED: "Content Moderated", Stage.FAILED: "Error",
    Stage.CANCELLED: "Error",
}  # fmt: skip


class BflSimulator(Simulator):
    """Black Forest Labs' API."""

    name = "bfl"
    key = "bfl-simulator"

    def __init__(self, *, world: World) -> None:
        self.world = world
        model = r"/v1/(flux-[a-z0-9.-]+)"
        self.routes = (
            Route(method="POST", pattern=model, act=Act.CREATE, handler=self._make),
            Route(method="GET", pattern="/v1/get_result", act=Act.POLL, handler=self._task),
            Route(method="GET", pattern="/v1/credits", act=Act.OTHER, handler=self._funds),
        )

    def refusal(self, fault: Fault) -> Answer | None:
        """Return the answer to a creation that a fault refuses; moderation comes with a poll."""
        match fault:
            case Fault.AUTH:
                return _error(403, "Not authenticated")
            case Fault.INSUFFICIENT_FUNDS:
                return _error(402, "Insufficient credits")
            case Fault.RATE_LIMITED | Fault.CONCURRENCY:
                return _error(429, "Too many active tasks")
            case Fault.MODERATED_INPUT:
                return None
            case Fault.RETIRED_MODEL:
                return _error(404, "Not Found")
            case _:
                return _invalid("prompt")

    def created(self, task: Task) -> Answer:
        """Return the answer to a creation."""
        megapixels = round(task.width * task.height / 1e6, 2)
        return Answer(content={
            "id": str(task.id), "cost": float(task.asked["credits"]),
            "input_mp": 0.0, "output_mp": megapixels,
            "polling_url": f"{self.world.address}/{self.name}/v1/get_result?id={task.id}&s={SHARD}",
        })  # fmt: skip

    def shown(self, task: Task) -> Answer:
        """Return the answer to a poll."""
        stage = task.stage
        status = _STATUS[stage]
        if task.script.fault is Fault.MODERATED_INPUT and stage is Stage.MODERATED:
            status = "Request Moderated"
        result = None
        if stage is Stage.SUCCEEDED:
            (sample,) = addresses(world=self.world, provider=self.name, task=task)
            result = {"sample": sample, "prompt": task.prompt, "seed": 1}
        progress = 0.5 if stage is Stage.RUNNING else None
        return Answer(content={
            "id": str(task.id), "status": status, "result": result, "progress": progress,
            "details": None, "preview": None,
        })  # fmt: skip

    def cost_micros(self, task: Task) -> int:
        """Return what a task costs: nothing unless it is delivered."""
        price = int(task.asked["credits"]) * CREDIT_MICROS
        return price if task.is_charged_as_a_success else 0

    def _make(self, call: Call, model: str) -> Task:
        self._authorise(call)
        if model not in _MODELS:
            raise Refused(_error(404, "Not Found"))
        body = call.json()
        size, price = _MODELS[model]
        _require("prompt", is_right=isinstance(body.get("prompt", ""), str))
        _require("seed", is_right=type(body.get("seed", 0)) is int)
        _require("output_format", is_right=body.get("output_format", "png") in ("png", "jpeg"))
        _require("prompt_upsampling", is_right=type(body.get("prompt_upsampling", False)) is bool)
        tolerance = body.get("safety_tolerance", 2)
        tolerance_max = EDIT_TOLERANCE_MAX if "input_image" in body else TOLERANCE_MAX
        _require(
            "safety_tolerance", is_right=type(tolerance) is int and 0 <= tolerance <= tolerance_max
        )
        width, height = size(body)
        asked = {"credits": price}
        return Task(prompt=body.get("prompt", ""), width=width, height=height, asked=asked)

    def _task(self, call: Call) -> Task:
        self._authorise(call)
        asked = call.asked()
        task = self.world.task(provider=self.name, text=asked.get("id", ""))
        if task is None or asked.get("s") != SHARD:
            missing = {"id": asked.get("id", ""), "status": "Task not found", "result": None}
            raise Refused(Answer(content=missing))
        return task

    def _funds(self, call: Call) -> Answer:
        self._authorise(call)
        tasks = self.world.tasks.get(self.name, {}).values()
        spent = sum(self.cost_micros(task) for task in tasks) / CREDIT_MICROS
        return Answer(content={"credits": BALANCE_CREDITS - spent})

    def _authorise(self, call: Call) -> None:
        if call.headers.get("x-key") != self.key:
            raise Refused(_error(403, "Not authenticated"))


def _kontext(body: Mapping[str, Any]) -> tuple[int, int]:
    _require("prompt", is_right=bool(body.get("prompt")))
    for name in ("input_image", "input_image_2", "input_image_3", "input_image_4"):
        if body.get(name) is not None:
            _size_of(body[name], name)
    ratio = body.get("aspect_ratio", "1:1")
    found = re.fullmatch(r"(\d{1,3}):(\d{1,3})", ratio) if isinstance(ratio, str) else None
    if found is None or not int(found[1]) or not int(found[2]):
        raise Refused(_invalid("aspect_ratio"))
    shape = int(found[1]) / int(found[2])
    _require("aspect_ratio", is_right=1 / RATIO_MAX <= shape <= RATIO_MAX)
    width, height = sqrt(_AREA * shape), sqrt(_AREA / shape)
    return round(width / _STEP) * _STEP, round(height / _STEP) * _STEP


def _fill(body: Mapping[str, Any]) -> tuple[int, int]:
    size = _size_of(body.get("image"), "image")
    _require("mask", is_right=_size_of(body.get("mask"), "mask") == size)
    return size


def _plain(body: Mapping[str, Any]) -> tuple[int, int]:
    sides = body.get("width", 1024), body.get("height", 768)
    for name, side in zip(("width", "height"), sides, strict=True):
        _require(name, is_right=type(side) is int and SIDE_MIN <= side <= SIDE_MAX)
        _require(name, is_right=side % SIDE_STEP == 0)
    return sides


Sized = Callable[[Mapping[str, Any]], tuple[int, int]]
_MODELS: Final[Mapping[str, tuple[Sized, int]]] = MappingProxyType(
    {
        "flux-kontext-pro": (_kontext, 4),
        "flux-pro-1.0-fill": (_fill, 5),
        "flux-pro-1.1": (_plain, 4),
    }
)
"""Of each model: how its size is told, and credits for a picture."""


def _size_of(value: object, name: str) -> tuple[int, int]:
    """Return the size of a picture in bare base64."""
    if not isinstance(value, str):
        raise Refused(_invalid(name))
    try:
        content = b64decode(value, validate=True)
        with Image.open(BytesIO(content), formats=("PNG", "JPEG", "WEBP")) as image:
            size = image.size
    except (NoBase64, OSError) as error:
        raise Refused(_invalid(name)) from error
    _require(name, is_right=len(content) <= PICTURE_BYTES_MAX)
    return size


def _require(name: str, *, is_right: bool) -> None:
    if not is_right:
        raise Refused(_invalid(name))


def _invalid(name: str) -> Answer:
    issue = {"loc": ["body", name], "msg": "Input is not valid", "type": "value_error"}
    return Answer(status=422, content={"detail": [issue]})


def _error(status: int, text: str) -> Answer:
    return Answer(status=status, content={"detail": text})
