"""PixVerse, simulated: errors with status 200, a new trace for each request, ids as large numbers.

A trace that was used before is taken, and its clip is never finished. Call backs go where its web
site was told, `POST /platform/webhooks` here, and to the hook that an order names.
"""

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from mutoscope.simulators.exchange import Act, Answer, Call, Refused, Route
from mutoscope.simulators.faults import Fault
from mutoscope.simulators.files import addresses
from mutoscope.simulators.received import Received, received
from mutoscope.simulators.simulator import Hook, Simulator
from mutoscope.simulators.tasks import Stage, Task, World

CREDIT_MICROS: Final = 10_000
BALANCE_CREDITS: Final = 100_000
PROMPT_MAX: Final = 2_048
SEED_MAX: Final = 2**31 - 1
UPLOAD_BYTES_MAX: Final = 20 * 1024 * 1024
SIDE_PX_MAX: Final = 10_000
RETRY_AFTER_S: Final = 7
ID_BITS: Final = 48

_CREDITS: Final = {"360p": 45, "540p": 45, "720p": 60, "1080p": 120}
"""Of each quality: credits for five seconds; twice as many for eight, or for fast motion."""

_MODELS: Final = ("v3.5", "v4", "v4.5", "v5")
_DURATIONS: Final = (5, 8)
_STYLES: Final = ("anime", "3d_animation", "clay", "comic", "cyberpunk")
_MOVEMENTS: Final = (
    "horizontal_left", "horizontal_right", "vertical_up", "vertical_down", "zoom_in", "zoom_out",
    "crane_up", "quickly_zoom_in", "quickly_zoom_out", "smooth_zoom_in", "camera_rotation",
    "robo_arm", "super_dolly_out", "whip_pan", "hitchcock", "left_follow", "right_follow",
    "pan_left", "pan_right", "fix_bg",
)  # fmt: skip
_REFUSALS: Final = {
    Fault.AUTH: (10005, "API key is expired"),
    Fault.INSUFFICIENT_FUNDS: (500090, "insufficient balance"),
    Fault.CONCURRENCY: (500044, "reached the limit for concurrent generations"),
    Fault.MODERATED_INPUT: (500063, "content moderation failed"),
    Fault.RETIRED_MODEL: (400017, "Invalid parameter: model"),
}
_KINDS: Final = ("PNG", "JPEG", "WEBP")
_STATUS: Final = {
    Stage.QUEUED: 5, Stage.RUNNING: 5, Stage.UNKNOWN: 4, Stage.SUCCEEDED: 1, Stage.MODERATED: 7,
    Stage.FAILED: 8, Stage.CANCELLED: 6,
}  # fmt: skip


class PixVerseSimulator(Simulator):
    """PixVerse's platform API."""

    name = "pixverse"
    key = "key_simulator"
    signing_key = "whsec_simulator"

    def __init__(self, *, world: World) -> None:
        self.world = world
        self._pictures: dict[int, Received] = {}
        self._hooks: list[str] = []
        api = "/openapi/v2"
        result = f"{api}/video/result/([0-9]+)"
        self.routes = (
            Route(
                method="POST", pattern=f"{api}/video/img/generate",
                act=Act.CREATE, handler=self._clip,
            ),
            Route(method="GET", pattern=result, act=Act.POLL, handler=self._task),
            Route(
                method="POST", pattern=f"{api}/image/upload", act=Act.OTHER, handler=self._upload
            ),
            Route(
                method="GET", pattern=f"{api}/account/balance", act=Act.OTHER, handler=self._funds
            ),
            Route(method="POST", pattern="/platform/webhooks", act=Act.OTHER, handler=self._hook),
        )  # fmt: skip

    def refusal(self, fault: Fault) -> Answer:
        """Return the answer to a creation that a fault refuses."""
        if fault is Fault.RATE_LIMITED:
            busy = {"retry-after": str(RETRY_AFTER_S)}
            return Answer(status=429, content={"message": "slow down"}, headers=busy)
        return _error(*_REFUSALS.get(fault, (400017, "Invalid parameter: quality")))

    def created(self, task: Task) -> Answer:
        """Return the answer to a creation."""
        return _answer({"video_id": _number(task), "credits": task.asked["credits"]})

    def shown(self, task: Task) -> Answer:
        """Return the answer to a poll."""
        stage = Stage.RUNNING if task.asked["is_stuck"] else task.stage
        is_done = stage is Stage.SUCCEEDED
        return _answer({
            "id": _number(task), "status": _STATUS[stage], "url": self._url(task, stage),
            "outputWidth": task.width if is_done else 0,
            "outputHeight": task.height if is_done else 0,
            "resolution_ratio": 0, "size": 0, "seed": task.asked["seed"], "style": "",
            "prompt": task.prompt, "negative_prompt": "", "has_audio": False,
            "credits": task.asked["credits"],
        })  # fmt: skip

    def trouble(self) -> Answer:
        """Return the answer of a server that broke down."""
        return _error(500100, "internal database error")

    def webhook(self, task: Task, *, is_forged: bool) -> Hook:
        """Return the call back, signed over an instant, a nonce, and the body's fields."""
        content: dict[str, Any] = {
            "id": str(_number(task)), "status": _STATUS[task.stage], "size": 10.5,
            "url": self._url(task, task.stage), "has_audio": False,
            "credits": task.asked["credits"],
        }  # fmt: skip
        stamp, nonce = str(int(self.world.now().timestamp())), self.world.new_id().hex
        secret = "another" if is_forged else self.signing_key
        headers = {
            "content-type": "application/json", "webhook-timestamp": stamp,
            "webhook-nonce": nonce, "ai-trace-id": str(self.world.new_id()),
            "webhook-signature": _signature(secret, f"{stamp}\n{nonce}\n{_query(content)}"),
        }  # fmt: skip
        return Hook(headers=headers, body=Answer(content=content).body())

    def cost_micros(self, task: Task) -> int:
        """Return what a task costs: for failures and moderated work the credits come back."""
        is_charged = task.is_charged_as_a_success and not task.asked["is_stuck"]
        return int(task.asked["credits"]) * CREDIT_MICROS if is_charged else 0

    def _url(self, task: Task, stage: Stage) -> str:
        (url,) = addresses(world=self.world, provider=self.name, task=task)
        return url if stage is Stage.SUCCEEDED else ""

    def _clip(self, call: Call) -> Task:
        is_stuck = self._authorise(call)
        body = call.json()
        picture = self._picture(body.get("img_id"))
        credits_asked = _priced(body)
        _require_texts(body)
        _require_rest(body)
        width, height = picture.sized(short_px=int(body["quality"].removesuffix("p")))
        return Task(
            prompt=body["prompt"], width=width, height=height, duration_s=body["duration"],
            webhook_url=self._hook_named(body.get("webhook_id")),
            asked={
                "credits": credits_asked, "seed": body.get("seed", 0), "is_stuck": is_stuck,
            },
        )  # fmt: skip

    def _picture(self, number: object) -> Received:
        if type(number) is not int:
            raise Refused(_error(400013, "Invalid parameter type: img_id"))
        if number not in self._pictures:
            raise Refused(_error(400032, "Invalid image id"))
        return self._pictures[number]

    def _hook_named(self, number: object) -> str | None:
        if number is None:
            return None
        is_known = type(number) is int and 1 <= number <= len(self._hooks)
        _require("webhook_id", is_right=is_known)
        assert isinstance(number, int)
        return self._hooks[number - 1]

    def _task(self, call: Call, number: str) -> Task:
        self._authorise(call)
        tasks = self.world.tasks.get(self.name, {}).values()
        found = next((task for task in tasks if _number(task) == int(number)), None)
        if found is None:
            raise Refused(_error(400017, "Invalid parameter: video_id"))
        return found

    def _upload(self, call: Call) -> Answer:
        self._authorise(call)
        content = dict(call.parts()).get("image")
        if content is None:
            return _error(400011, "Empty parameter: image")
        if len(content) > UPLOAD_BYTES_MAX:
            return _error(500030, "image is too large")
        picture = received(content)
        if picture is None:
            return _error(500031, "image cannot be read")
        if picture.kind not in _KINDS:
            return _error(500032, "image format is not supported")
        if max(picture.width, picture.height) > SIDE_PX_MAX:
            return _error(500033, "image dimensions are too large")
        number = len(self._pictures) + 1
        self._pictures[number] = picture
        return _answer({"img_id": number, "img_url": f"{self.world.address}/pictures/{number}"})

    def _funds(self, call: Call) -> Answer:
        self._authorise(call)
        tasks = self.world.tasks.get(self.name, {}).values()
        spent = sum(self.cost_micros(task) for task in tasks) // CREDIT_MICROS
        return _answer(
            {"account_id": 1, "credit_monthly": 500, "credit_package": BALANCE_CREDITS - spent}
        )

    def _hook(self, call: Call) -> Answer:
        """Take an address down, as the platform's web site does."""
        self._authorise(call)
        self._hooks.append(str(call.json().get("url")))
        return _answer({"webhook_id": len(self._hooks)})

    def _authorise(self, call: Call) -> bool:
        """Check key and trace; tell whether the trace was used before."""
        if "api-key" not in call.headers:
            raise Refused(_error(10001, "API key is missing"))
        if call.headers["api-key"] != self.key:
            raise Refused(_error(10003, "API key is invalid"))
        trace = call.headers.get("ai-trace-id", "")
        if not _is_uuid(trace):
            raise Refused(_error(400011, "Empty parameter: Ai-trace-id"))
        return sum(self._traces(trace)) > 1

    def _traces(self, trace: str) -> list[bool]:
        mine = (each for each in self.world.requests if each.provider == self.name)
        return [each.call.headers.get("ai-trace-id") == trace for each in mine]


def _priced(body: Mapping[str, Any]) -> int:
    """Return the credits of an order whose length, quality and motion go together."""
    _require("model", is_right=body.get("model") in _MODELS)
    quality, duration = body.get("quality"), body.get("duration")
    if type(duration) is not int:
        raise Refused(_error(400013, "Invalid parameter type: duration"))
    _require("duration", is_right=duration in _DURATIONS)
    _require("quality", is_right=isinstance(quality, str) and quality in _CREDITS)
    motion = body.get("motion_mode", "normal")
    is_fast, is_long = motion == "fast", duration != _DURATIONS[0]
    is_known = motion in ("normal", "fast") and not (is_fast and body["model"] == "v5")
    _require("motion_mode", is_right=is_known and not (is_fast and is_long))
    _require("quality", is_right=quality != "1080p" or not (is_fast or is_long))
    return _CREDITS[str(quality)] * (2 if is_fast or is_long else 1)


def _require_texts(body: Mapping[str, Any]) -> None:
    for name, code, length_min in (("prompt", 400018, 1), ("negative_prompt", 400019, 0)):
        text = body.get(name, "")
        if not isinstance(text, str):
            raise Refused(_error(400013, f"Invalid parameter type: {name}"))
        if len(text) < length_min:
            raise Refused(_error(400011, f"Empty parameter: {name}"))
        if len(text) > PROMPT_MAX:
            raise Refused(_error(code, f"{name} is too long"))


def _require_rest(body: Mapping[str, Any]) -> None:
    seed = body.get("seed", 0)
    _require("seed", is_right=type(seed) is int and 0 <= seed <= SEED_MAX)
    _require("style", is_right=body.get("style", "anime") in _STYLES)
    has_movement = "camera_movement" in body
    can_move = body["model"] in ("v4", "v4.5") and body.get("camera_movement") in _MOVEMENTS
    _require("camera_movement", is_right=can_move or not has_movement)


def _number(task: Task) -> int:
    """Return a task's id as PixVerse spells ids: a number beyond 32 bits."""
    return 1 << ID_BITS | task.id.int & (1 << ID_BITS) - 1


def _query(content: Mapping[str, Any]) -> str:
    spelled = {
        name: str(value).lower() if isinstance(value, bool) else value
        for name, value in content.items()
    }
    return urlencode(sorted(spelled.items()))


def _signature(secret: str, text: str) -> str:
    return b64encode(hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()).decode()


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False


def _require(name: str, *, is_right: bool) -> None:
    if not is_right:
        raise Refused(_error(400017, f"Invalid parameter: {name}"))


def _answer(content: Mapping[str, Any]) -> Answer:
    return Answer(content={"ErrCode": 0, "ErrMsg": "Success", "Resp": content})


def _error(code: int, message: str) -> Answer:
    return Answer(content={"ErrCode": code, "ErrMsg": message, "Resp": None})
