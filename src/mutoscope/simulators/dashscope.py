"""DashScope, simulated: tasks that must be asked for as asynchronous, billed by the second."""

from base64 import b64decode
from binascii import Error as NoBase64
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from math import sqrt
from types import MappingProxyType
from typing import Any, Final

from PIL import Image, UnidentifiedImageError

from mutoscope.simulators.exchange import Act, Answer, Call, Refused, Route
from mutoscope.simulators.faults import Fault
from mutoscope.simulators.files import addresses
from mutoscope.simulators.simulator import Simulator
from mutoscope.simulators.tasks import Stage, Task, World

SEEDS: Final = 2**31
NEGATIVE_MAX: Final = 500
IMAGE_BYTES_MAX: Final = 10 * 1024 * 1024
SIDES: Final = range(360, 2_001)
"""Pixels that a side of the still may have."""

_FORMATS: Final = ("JPEG", "PNG", "BMP", "WEBP")
_PIXELS: Final = {"480P": 832 * 480, "720P": 1_280 * 720, "1080P": 1_920 * 1_080}
_STATUS: Final = {
    Stage.QUEUED: "PENDING", Stage.RUNNING: "RUNNING", Stage.UNKNOWN: "REHEARSING",
    Stage.SUCCEEDED: "SUCCEEDED", Stage.MODERATED: "FAILED", Stage.FAILED: "FAILED",
    Stage.CANCELLED: "CANCELED",
}  # fmt: skip
_FAILURES: Final = {
    Stage.MODERATED: ("DataInspectionFailed", "Output data may contain inappropriate content."),
    Stage.FAILED: ("InternalError.Algo", "An internal error occurred during the computation."),
}
_REFUSALS: Final = {
    Fault.AUTH: (401, "InvalidApiKey", "Invalid API-key provided."),
    Fault.INSUFFICIENT_FUNDS: (400, "Arrearage", "Access denied, your account is in arrears."),
    Fault.RATE_LIMITED: (429, "Throttling.RateQuota", "Requests rate limit exceeded."),
    Fault.CONCURRENCY: (429, "Throttling.AllocationQuota", "Too many tasks at once."),
    Fault.MODERATED_INPUT: (
        400, "DataInspectionFailed", "Input data may contain inappropriate content.",
    ),
    Fault.RETIRED_MODEL: (404, "ModelNotFound", "Model not exist."),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class _Model:
    """What a model takes; `micros_per_s` is the price list by resolution."""

    micros_per_s: Mapping[str, int]
    durations_s: range
    prompt_max: int
    takes_media: bool


_MODELS: Final[Mapping[str, _Model]] = MappingProxyType(
    {
        "wan2.2-i2v-plus": _Model(
            micros_per_s={"480P": 20_000, "1080P": 100_000}, durations_s=range(5, 6),
            prompt_max=800, takes_media=False,
        ),
        "wan2.7-i2v": _Model(
            micros_per_s={"720P": 100_000, "1080P": 150_000}, durations_s=range(2, 16),
            prompt_max=5_000, takes_media=True,
        ),
    }
)  # fmt: skip


class DashScopeSimulator(Simulator):
    """Alibaba Model Studio's API for clips."""

    name = "dashscope"
    key = "sk-simulator"

    def __init__(self, *, world: World) -> None:
        self.world = world
        tasks = "/api/v1/tasks"
        synthesis = "/api/v1/services/aigc/video-generation/video-synthesis"
        self.routes = (
            Route(method="POST", pattern=synthesis, act=Act.CREATE, handler=self._clip),
            Route(method="GET", pattern=tasks, act=Act.OTHER, handler=self._list),
            Route(method="GET", pattern=f"{tasks}/([^/]+)", act=Act.POLL, handler=self._task),
            Route(
                method="POST", pattern=f"{tasks}/([^/]+)/cancel", act=Act.CANCEL,
                handler=self._cancel,
            ),
        )  # fmt: skip

    def refusal(self, fault: Fault) -> Answer | None:
        """Return the answer to a creation that a fault refuses."""
        return self._error(*_REFUSALS.get(fault, (400, "InvalidParameter", "It is not valid.")))

    def created(self, task: Task) -> Answer:
        """Return the answer to a creation."""
        return self._answer({"output": {"task_id": str(task.id), "task_status": "PENDING"}})

    def shown(self, task: Task) -> Answer:
        """Return the answer to a poll."""
        assert task.created_at is not None
        stage = task.stage
        output: dict[str, Any] = {
            "task_id": str(task.id), "task_status": _STATUS[stage],
            "submit_time": f"{task.created_at:%Y-%m-%d %H:%M:%S.000}",
        }  # fmt: skip
        if stage in _FAILURES:
            output["code"], output["message"] = _FAILURES[stage]
        if stage is not Stage.SUCCEEDED:
            return self._answer({"output": output})
        (url,) = addresses(world=self.world, provider=self.name, task=task)
        output.update(orig_prompt=task.prompt, video_url=url)
        resolution = int(task.asked["resolution"].removesuffix("P"))
        usage = {
            "video_count": 1, "duration": task.duration_s, "SR": resolution,
            "output_video_duration": task.duration_s,
        }  # fmt: skip
        return self._answer({"output": output, "usage": usage})

    def cost_micros(self, task: Task) -> int:
        """Return what a task costs: its seconds, once it succeeds."""
        model = _MODELS[task.asked["model"]]
        seconds = int(task.duration_s) if task.is_charged_as_a_success else 0
        return seconds * model.micros_per_s[task.asked["resolution"]]

    def trouble(self) -> Answer:
        """Return the answer of a server that broke down."""
        return self._error(500, "InternalError", "An internal error occurred.")

    def _clip(self, call: Call) -> Task:
        self._authorise(call)
        if call.headers.get("x-dashscope-async") != "enable":
            message = "current user api does not support synchronous calls."
            raise Refused(self._error(403, "AccessDenied", message))
        body = call.json()
        model = _MODELS.get(str(body.get("model")))
        if model is None:
            raise Refused(self._error(404, "ModelNotFound", "Model not exist."))
        words, parameters = _table(body.get("input")), _table(body.get("parameters"))
        self._check_words(words, model)
        resolution, duration_s = self._checked_length(parameters, model)
        wide, high = self._checked_still(_still(words, model))
        scale = sqrt(_PIXELS[resolution] / (wide * high))
        return Task(
            prompt=words.get("prompt", ""), duration_s=duration_s,
            width=2 * round(wide * scale / 2), height=2 * round(high * scale / 2),
            asked={"model": body["model"], "resolution": resolution},
        )  # fmt: skip

    def _check_words(self, words: Mapping[str, Any], model: _Model) -> None:
        for name, longest in (("prompt", model.prompt_max), ("negative_prompt", NEGATIVE_MAX)):
            text = words.get(name, "")
            self._require(name, is_right=isinstance(text, str) and len(text) <= longest)

    def _checked_length(self, parameters: Mapping[str, Any], model: _Model) -> tuple[str, int]:
        resolution, duration_s = (
            parameters.get("resolution", "1080P"),
            parameters.get("duration", 5),
        )
        self._require("resolution", is_right=resolution in model.micros_per_s)
        is_length = type(duration_s) is int and duration_s in model.durations_s
        self._require("duration", is_right=is_length)
        seed = parameters.get("seed", 0)
        self._require("seed", is_right=type(seed) is int and 0 <= seed < SEEDS)
        return resolution, duration_s

    def _checked_still(self, url: object) -> tuple[int, int]:
        """Return the size of the still to start from; one that lies elsewhere is believed."""
        if not isinstance(url, str) or not url.startswith(("data:image/", "https://")):
            raise Refused(self._error(400, "InvalidURL", "The image URL is invalid."))
        if url.startswith("https://"):
            return 1_280, 720
        try:
            content = b64decode(url.partition(";base64,")[2], validate=True)
            with Image.open(BytesIO(content), formats=_FORMATS) as image:
                size, is_clear = image.size, image.has_transparency_data
        except (NoBase64, UnidentifiedImageError, OSError) as error:
            refused = self._error(400, "InvalidURL", "The image cannot be decoded.")
            raise Refused(refused) from error
        self._require("image", is_right=len(content) <= IMAGE_BYTES_MAX and not is_clear)
        self._require("image", is_right=all(side in SIDES for side in size))
        return size

    def _task(self, call: Call, task_id: str) -> Task:
        self._authorise(call)
        task = self.world.task(provider=self.name, text=task_id)
        if task is None:  # an id that it forgot, after a day, is told as a state
            output = {"task_id": task_id, "task_status": "UNKNOWN"}
            raise Refused(self._answer({"output": output}))
        return task

    def _cancel(self, call: Call, task_id: str) -> Answer:
        task = self._task(call, task_id)
        if task.stage is not Stage.QUEUED:
            message = "Only tasks that are pending can be cancelled."
            return self._error(400, "UnsupportedOperation", message)
        task.stop()
        return self._answer({})

    def _list(self, call: Call) -> Answer:
        self._authorise(call)
        tasks = self.world.tasks.get(self.name, {}).values()
        listed = [{"task_id": str(task.id), "status": _STATUS[task.stage]} for task in tasks]
        return self._answer({"data": listed, "total": len(listed), "page_no": 1})

    def _authorise(self, call: Call) -> None:
        if call.headers.get("authorization") != f"Bearer {self.key}":
            raise Refused(self._error(401, "InvalidApiKey", "Invalid API-key provided."))

    def _require(self, name: str, *, is_right: bool) -> None:
        if not is_right:
            raise Refused(self._error(400, "InvalidParameter", f"{name} is not valid."))

    def _error(self, status: int, code: str, message: str) -> Answer:
        return self._answer({"code": code, "message": message}, status)

    def _answer(self, content: Mapping[str, object], status: int = 200) -> Answer:
        named = {"request_id": str(self.world.new_id()), **content}
        return Answer(status=status, content=named)


def _table(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _still(words: Mapping[str, Any], model: _Model) -> object:
    """Return where the still is, in the place that the model's generation wants it."""
    if not model.takes_media:
        return words.get("img_url")
    media = words.get("media")
    first = _table(media[0] if isinstance(media, list) and len(media) == 1 else None)
    return first.get("url") if first.get("type") == "first_frame" else None
