"""Runway, simulated: tasks with a version header, sizes as ratios, moderated work charged."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from mutoscope.simulators.exchange import Act, Answer, Call, Refused, Route
from mutoscope.simulators.faults import Fault
from mutoscope.simulators.files import addresses
from mutoscope.simulators.simulator import Simulator
from mutoscope.simulators.tasks import Stage, Task, World

CREDIT_MICROS: Final = 10_000
BALANCE_CREDITS: Final = 100_000
PROMPT_MAX: Final = 1_000
SEEDS: Final = 2**32
URI_MAX: Final = 5 * 1024 * 1024
REFERENCES_MAX: Final = 3

_SIX: Final = ("1280:720", "720:1280", "1104:832", "832:1104", "960:960", "1584:672")
_FOUR: Final = ("1280:720", "720:1280", "1080:1920", "1920:1080")
_CLIPS: Final[Mapping[str, tuple[tuple[str, ...], tuple[int, ...], int]]] = MappingProxyType(
    {
        "gen4_turbo": (_SIX, tuple(range(2, 11)), 5),
        "gen4.5": (_SIX, tuple(range(2, 11)), 12),
        "veo3.1": (_FOUR, (4, 6, 8), 40),
        "veo3.1_fast": (_FOUR, (4, 6, 8), 15),
    }
)
"""Of each model: its ratios, its lengths, and credits per second."""
_STILLS: Final = frozenset(
    (
        "1024:1024", "1080:1080", "1168:880", "1360:768", "1440:1080", "1080:1440", "1808:768",
        "1920:1080", "1080:1920", "2112:912", "1280:720", "720:1280", "720:720", "960:720",
        "720:960", "1680:720",
    )
)  # fmt: skip
_TAG: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{2,15}")
_PICTURE: Final = re.compile(r"data:image/(png|jpeg|webp);base64,[A-Za-z0-9+/]+=*|https://\S+")
_STATUS: Final = {
    Stage.QUEUED: "PENDING", Stage.RUNNING: "RUNNING", Stage.UNKNOWN: "REHEARSING",
    Stage.SUCCEEDED: "SUCCEEDED", Stage.MODERATED: "FAILED", Stage.FAILED: "FAILED",
    Stage.CANCELLED: "CANCELLED",
}  # fmt: skip
_OPEN: Final = frozenset({Stage.QUEUED, Stage.RUNNING, Stage.UNKNOWN})
_FAILURES: Final = {
    Stage.MODERATED: ("SAFETY.OUTPUT.VIDEO", "The output did not pass moderation."),
    Stage.FAILED: ("INTERNAL.BAD_OUTPUT.CODE01", "The model made nothing usable."),
}


class RunwaySimulator(Simulator):
    """Runway's API."""

    name = "runway"
    key = "key_simulator"

    def __init__(self, *, world: World) -> None:
        self.world = world
        task = r"/v1/tasks/([^/]+)"
        self.routes = (
            Route(method="POST", pattern="/v1/image_to_video", act=Act.CREATE, handler=self._clip),
            Route(method="POST", pattern="/v1/text_to_image", act=Act.CREATE, handler=self._still),
            Route(method="GET", pattern=task, act=Act.POLL, handler=self._task),
            Route(method="DELETE", pattern=task, act=Act.CANCEL, handler=self._delete),
            Route(method="GET", pattern="/v1/organization", act=Act.OTHER, handler=self._funds),
        )

    def refusal(self, fault: Fault) -> Answer | None:
        """Return the answer to a creation that a fault refuses; moderation comes with a poll."""
        match fault:
            case Fault.AUTH:
                return _error(401, "Unauthorized.")
            case Fault.INSUFFICIENT_FUNDS:
                return _error(400, "You do not have enough credits to run this task.")
            case Fault.RATE_LIMITED | Fault.CONCURRENCY:
                busy = _error(429, "Too many requests.")
                return Answer(status=429, content=busy.content, headers={"retry-after": "7"})
            case Fault.MODERATED_INPUT:
                return None
            case Fault.RETIRED_MODEL:
                return _invalid("model", "Invalid discriminator value.")
            case _:
                return _invalid("promptText", "Invalid.")

    def created(self, task: Task) -> Answer:
        """Return the answer to a creation."""
        content = {"id": str(task.id), "estimatedCost": {"credits": _credits(task)}}
        return Answer(content=content)

    def shown(self, task: Task) -> Answer:
        """Return the answer to a poll."""
        assert task.created_at is not None
        stage = task.stage
        content: dict[str, Any] = {
            "id": str(task.id), "createdAt": task.created_at.isoformat(), "status": _STATUS[stage],
        }  # fmt: skip
        if stage in _OPEN:
            content["estimatedCost"] = {"credits": _credits(task)}
        else:
            content["cost"] = {"credits": self.cost_micros(task) // CREDIT_MICROS}
        if stage is Stage.RUNNING:
            content["progress"] = 0.4
        if stage is Stage.SUCCEEDED:
            content["output"] = addresses(world=self.world, provider=self.name, task=task)
        if stage in _FAILURES:
            content["failureCode"], content["failure"] = _FAILURES[stage]
            if task.script.fault is Fault.MODERATED_INPUT:
                content["failureCode"] = "SAFETY.INPUT.TEXT"
        return Answer(content=content)

    def cost_micros(self, task: Task) -> int:
        """Return what a task costs: moderated work as much as a success."""
        is_charged = task.is_charged_as_a_success or task.end is Stage.MODERATED
        return _credits(task) * CREDIT_MICROS if is_charged else 0

    def _clip(self, call: Call) -> Task:
        body = self._checked(call)
        model = body.get("model")
        if not isinstance(model, str) or model not in _CLIPS:
            raise Refused(_invalid("model", "Invalid discriminator value."))
        ratios, lengths, credits_per_s = _CLIPS[model]
        duration_s = body.get("duration", 10)
        _require("duration", is_right=type(duration_s) is int and duration_s in lengths)
        _require("ratio", is_right=body.get("ratio") in ratios)
        _require("promptImage", is_right=_is_first_frame(body.get("promptImage")))
        width, height = (int(side) for side in body["ratio"].split(":"))
        return Task(
            prompt=body.get("promptText", ""), width=width, height=height,
            duration_s=duration_s, asked={"credits": credits_per_s * duration_s},
        )  # fmt: skip

    def _still(self, call: Call) -> Task:
        body = self._checked(call)
        if body.get("model") != "gen4_image":
            raise Refused(_invalid("model", "Invalid discriminator value."))
        _require("promptText", is_right="promptText" in body)
        _require("ratio", is_right=body.get("ratio") in _STILLS)
        references = body.get("referenceImages", [])
        _require(
            "references",
            is_right=isinstance(references, list) and len(references) <= REFERENCES_MAX,
        )
        for each in references:
            _require("referenceImages", is_right=_is_picture(each.get("uri")))
            _require("tag", is_right=_TAG.fullmatch(each.get("tag", "tag")) is not None)
        width, height = (int(side) for side in body["ratio"].split(":"))
        asked = {"credits": 8 if min(width, height) > 720 else 5}  # noqa: PLR2004 -- its price list
        return Task(prompt=body["promptText"], width=width, height=height, asked=asked)

    def _task(self, call: Call, task_id: str) -> Task:
        self._authorise(call)
        task = self.world.task(provider=self.name, text=task_id)
        if task is None or "deleted" in task.asked:
            raise Refused(_error(404, "Not found."))
        return task

    def _delete(self, call: Call, task_id: str) -> Answer:
        task = self._task(call, task_id)
        if task.stage in _OPEN:
            task.stop()
        else:
            task.asked["deleted"] = True
        return Answer(status=204)

    def _funds(self, call: Call) -> Answer:
        self._authorise(call)
        tasks = self.world.tasks.get(self.name, {}).values()
        spent = sum(self.cost_micros(task) for task in tasks) // CREDIT_MICROS
        limits = {"maxConcurrentGenerations": 1, "maxDailyGenerations": 50}
        return Answer(content={
            "creditBalance": BALANCE_CREDITS - spent,
            "tier": {"maxMonthlyCreditSpend": 10_000, "models": {"gen4_turbo": limits}},
            "usage": {"models": {"gen4_turbo": {"dailyGenerations": 0}}},
        })  # fmt: skip

    def _authorise(self, call: Call) -> None:
        if call.headers.get("authorization") != f"Bearer {self.key}":
            raise Refused(_error(401, "Unauthorized."))
        if call.headers.get("x-runway-version") != "2024-11-06":
            raise Refused(_error(400, "The X-Runway-Version header is missing or unknown."))

    def _checked(self, call: Call) -> dict[str, Any]:
        """Return the body of a creation, once what all models share is right."""
        self._authorise(call)
        body = call.json()
        prompt = body.get("promptText", "-")
        is_text = isinstance(prompt, str)
        length = len(prompt.encode("utf-16-le")) // 2 if is_text else 0
        _require("promptText", is_right=0 < length <= PROMPT_MAX)
        seed = body.get("seed", 0)
        _require("seed", is_right=type(seed) is int and 0 <= seed < SEEDS)
        return body


def _credits(task: Task) -> int:
    return int(task.asked["credits"])


def _is_first_frame(value: object) -> bool:
    if isinstance(value, list):
        is_one = len(value) == 1 and isinstance(value[0], dict)
        return is_one and value[0].get("position") == "first" and _is_picture(value[0].get("uri"))
    return _is_picture(value)


def _is_picture(value: object) -> bool:
    if not isinstance(value, str) or len(value) > URI_MAX:
        return False
    return _PICTURE.fullmatch(value) is not None


def _require(name: str, *, is_right: bool) -> None:
    if not is_right:
        raise Refused(_invalid(name, "Invalid input."))


def _invalid(name: str, message: str) -> Answer:
    issues = [{"code": "custom", "path": [name], "message": message}]
    return Answer(status=400, content={
        "error": "Validation of body failed", "issues": issues,
        "docUrl": "https://docs.dev.runwayml.com/errors/",
    })  # fmt: skip


def _error(status: int, text: str) -> Answer:
    return Answer(status=status, content={"error": text})
