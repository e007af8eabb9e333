"""Kling, simulated: signed tokens, raw base64, customers' own ids, and prices in parts of units."""

import hashlib
import hmac
import json
from base64 import b64decode, urlsafe_b64decode
from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

from mutoscope.simulators.exchange import Act, Answer, Call, Refused, Route
from mutoscope.simulators.faults import Fault
from mutoscope.simulators.files import addresses
from mutoscope.simulators.received import Received, received
from mutoscope.simulators.simulator import Hook, Simulator
from mutoscope.simulators.tasks import Stage, Task, World

UNIT_MICROS: Final = 140_000
TENTHS: Final = 10
"""Prices are tenths of a unit here: a professional clip costs three and a half."""

PACK_UNITS: Final = 10_000
PROMPT_MAX: Final = 2_500
PICTURE_BYTES_MAX: Final = 10 * 1024 * 1024
SIDE_PX_MIN: Final = 300
RATIO_MAX: Final = 2.5
PAGES_MAX: Final = 1_000
PAGE_MAX: Final = 500

_DEAR: Final = MappingProxyType({"pro": 100})
_CLASSIC: Final = MappingProxyType({"std": 20, "pro": 35})
_TURBO: Final = MappingProxyType({"std": 15, "pro": 25})
_MODELS: Final[Mapping[str, Mapping[str, int]]] = MappingProxyType(
    {
        "kling-v1": MappingProxyType({"std": 10, "pro": 35}),
        "kling-v1-5": _CLASSIC,
        "kling-v1-6": _CLASSIC,
        "kling-v2-master": _DEAR,
        "kling-v2-1": _CLASSIC,
        "kling-v2-1-master": _DEAR,
        "kling-v2-5-turbo": _TURBO,
        "kling-v2-6": _TURBO,
    }
)
"""Of each model: its modes, and tenths of a unit for five seconds."""

_SHORT_PX: Final = {"std": 720, "pro": 1080}
_STATUS: Final = {
    Stage.QUEUED: "submitted", Stage.RUNNING: "processing", Stage.UNKNOWN: "polishing",
    Stage.SUCCEEDED: "succeed", Stage.MODERATED: "failed", Stage.FAILED: "failed",
    Stage.CANCELLED: "failed",
}  # fmt: skip
_REASONS: Final = {
    Stage.MODERATED: "Failure to pass the risk control system",
    Stage.FAILED: "Internal inference error",
    Stage.CANCELLED: "Task was terminated",
}
_REFUSALS: Final = {
    Fault.AUTH: (401, 1002, "access key not found"),
    Fault.INSUFFICIENT_FUNDS: (429, 1102, "Account balance not enough"),
    Fault.RATE_LIMITED: (429, 1302, "API rate limit exceeded"),
    Fault.CONCURRENCY: (429, 1303, "parallel task over resource pack limit"),
    Fault.MODERATED_INPUT: (400, 1301, "Request content did not pass the safety check"),
    Fault.RETIRED_MODEL: (404, 1203, "model not found"),
}
_OPEN_URL: Final = ("https://", "http://")


class KlingSimulator(Simulator):
    """Kling's API."""

    name = "kling"
    access_key = "access_simulator"
    signing_key = "secret_simulator"
    key = f"{access_key}:{signing_key}"

    def __init__(self, *, world: World) -> None:
        self.world = world
        clips = "/v1/videos/image2video"
        self.routes = (
            Route(method="POST", pattern=clips, act=Act.CREATE, handler=self._clip),
            Route(method="GET", pattern=f"{clips}/([^/]+)", act=Act.POLL, handler=self._task),
            Route(method="GET", pattern=clips, act=Act.OTHER, handler=self._list),
            Route(method="GET", pattern="/account/costs", act=Act.OTHER, handler=self._costs),
        )

    def refusal(self, fault: Fault) -> Answer:
        """Return the answer to a creation that a fault refuses."""
        return _error(*_REFUSALS.get(fault, (400, 1201, "prompt is invalid")))

    def created(self, task: Task) -> Answer:
        """Return the answer to a creation."""
        return self.shown(task)

    def shown(self, task: Task) -> Answer:
        """Return the answer to a poll."""
        return _answer(self._told(task))

    def trouble(self) -> Answer:
        """Return the answer of a server that broke down."""
        return _error(500, 5000, "Internal server error")

    def webhook(self, task: Task, *, is_forged: bool) -> Hook:
        """Return the call back, which nothing signs."""
        assert is_forged is not None
        content = Answer(content=self._told(task)).body()
        return Hook(headers={"content-type": "application/json"}, body=content)

    def cost_micros(self, task: Task) -> int:
        """Return what a task costs: failures and moderated work nothing."""
        tenths = int(task.asked["tenths"]) if task.is_charged_as_a_success else 0
        return tenths * UNIT_MICROS // TENTHS

    def _told(self, task: Task) -> dict[str, Any]:
        assert task.created_at is not None
        stage, at_ms = task.stage, round(task.created_at.timestamp() * 1_000)
        content: dict[str, Any] = {
            "task_id": str(task.id), "task_status": _STATUS[stage], "created_at": at_ms,
            "task_info": {"external_task_id": task.asked["external_task_id"]},
            "updated_at": at_ms + 1_000 * task.polls,
        }  # fmt: skip
        if stage in _REASONS:
            content["task_status_msg"] = _REASONS[stage]
        if stage is Stage.SUCCEEDED:
            (url,) = addresses(world=self.world, provider=self.name, task=task)
            made = {"id": str(task.id), "url": url, "duration": f"{task.duration_s:.1f}"}
            content["task_result"] = {"videos": [made]}
            content["final_unit_deduction"] = _units(int(task.asked["tenths"]))
        return content

    def _clip(self, call: Call) -> Task:
        self._authorise(call)
        body = call.json()
        model, mode = body.get("model_name", "kling-v1"), body.get("mode", "std")
        if not isinstance(model, str) or model not in _MODELS:
            raise Refused(_error(404, 1203, f"model {model} not found"))
        _require("mode", is_right=isinstance(mode, str) and mode in _MODELS[model])
        duration = body.get("duration", "5")
        _require("duration", is_right=duration in ("5", "10"))
        for name in ("prompt", "negative_prompt"):
            text = body.get(name, "")
            _require(name, is_right=isinstance(text, str) and len(text) <= PROMPT_MAX)
        is_old = model.startswith("kling-v1")
        _require("cfg_scale", is_right=is_old or "cfg_scale" not in body)
        callback = body.get("callback_url")
        is_address = isinstance(callback, str) and callback.startswith(_OPEN_URL)
        _require("callback_url", is_right=callback is None or is_address)
        own_id = self._own_id(body)
        width, height = _picture(body.get("image")).sized(short_px=_SHORT_PX[mode])
        return Task(
            prompt=body.get("prompt", ""), width=width, height=height, duration_s=int(duration),
            webhook_url=callback, asked={
                "tenths": _MODELS[model][mode] * int(duration) // 5, "external_task_id": own_id,
            },
        )  # fmt: skip

    def _own_id(self, body: Mapping[str, Any]) -> str:
        own_id = body.get("external_task_id", "")
        _require("external_task_id", is_right=isinstance(own_id, str))
        taken = own_id and self._found(own_id) is not None
        _require("external_task_id", is_right=not taken)
        return str(own_id)

    def _task(self, call: Call, task_id: str) -> Task:
        self._authorise(call)
        task = self._found(task_id)
        if task is None:
            raise Refused(_error(404, 1203, "task not found"))
        return task

    def _found(self, name: str) -> Task | None:
        """Return a task by Kling's id or by its customer's own."""
        tasks = self.world.tasks.get(self.name, {}).values()
        own = (task for task in tasks if task.asked["external_task_id"] == name)
        return self.world.task(provider=self.name, text=name) or next(own, None)

    def _list(self, call: Call) -> Answer:
        self._authorise(call)
        asked = call.asked()
        page, size = asked.get("pageNum", "1"), asked.get("pageSize", "30")
        _require("pageNum", is_right=page.isdecimal() and 1 <= int(page) <= PAGES_MAX)
        _require("pageSize", is_right=size.isdecimal() and 1 <= int(size) <= PAGE_MAX)
        newest = list(reversed(self.world.tasks.get(self.name, {}).values()))
        first = (int(page) - 1) * int(size)
        return _answer([self._told(task) for task in newest[first : first + int(size)]])

    def _costs(self, call: Call) -> Answer:
        """Tell of the packs that were bought within the asked time, and of no others."""
        self._authorise(call)
        asked = call.asked()
        for name in ("start_time", "end_time"):
            _require(name, is_right=asked.get(name, "").isdecimal())
        tasks = self.world.tasks.get(self.name, {}).values()
        spent = sum(self.cost_micros(task) for task in tasks) / UNIT_MICROS
        now = self.world.now()
        packs = [
            _pack("Video pack", PACK_UNITS - spent, "online", now - timedelta(days=100)),
            _pack("Trial pack", 37.5, "expired", now - timedelta(days=300)),
        ]
        told = [
            pack for pack in packs
            if int(asked["start_time"]) <= pack["purchase_time"] <= int(asked["end_time"])
        ]  # fmt: skip
        return _answer({"code": 0, "msg": "success", "resource_pack_subscribe_infos": told})

    def _authorise(self, call: Call) -> None:
        scheme, _, token = call.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or not token:
            raise Refused(_error(401, 1001, "Authorization is empty"))
        claims = self._claims(token)
        if claims is None:
            raise Refused(_error(401, 1002, "Authorization is invalid"))
        now_s = self.world.now().timestamp()
        if claims["nbf"] > now_s:
            raise Refused(_error(401, 1003, "Authorization is not yet valid"))
        if claims["exp"] <= now_s:
            raise Refused(_error(401, 1004, "Authorization has expired"))

    def _claims(self, token: str) -> dict[str, Any] | None:
        """Return what a token claims, or None when our customer did not sign it."""
        try:
            head, claimed, signature = token.split(".")
            made = hmac.new(self.signing_key.encode(), f"{head}.{claimed}".encode(), hashlib.sha256)
            if not hmac.compare_digest(made.digest(), _unpacked(signature)):
                return None
            header, claims = json.loads(_unpacked(head)), json.loads(_unpacked(claimed))
        except ValueError:
            return None
        is_own = header.get("alg") == "HS256" and claims.get("iss") == self.access_key
        is_dated = all(type(claims.get(name)) is int for name in ("exp", "nbf"))
        return claims if is_own and is_dated else None


def _picture(value: object) -> Received:
    """Return what a picture is that came as base64 without any prefix, or as an address."""
    if isinstance(value, str) and value.startswith(_OPEN_URL):
        return Received(kind="PNG", width=1280, height=720)
    try:
        content = b64decode(value, validate=True) if isinstance(value, str) else b""
    except ValueError:
        content = b""
    picture = received(content)
    if picture is None or picture.kind not in ("PNG", "JPEG"):
        raise Refused(_error(400, 1201, "File is not in a valid base64 format"))
    is_small = len(content) <= PICTURE_BYTES_MAX
    is_large = min(picture.width, picture.height) >= SIDE_PX_MIN
    is_shaped = 1 / RATIO_MAX <= picture.ratio <= RATIO_MAX
    _require("image", is_right=is_small and is_large and is_shaped)
    return picture


def _pack(name: str, left: float, status: str, bought_at: datetime) -> dict[str, Any]:
    bought_ms = round(bought_at.timestamp() * 1_000)
    return {
        "resource_pack_name": name, "resource_pack_type": "decreasing_total", "status": status,
        "total_quantity": PACK_UNITS, "remaining_quantity": left, "purchase_time": bought_ms,
        "effective_time": bought_ms,
        "invalid_time": round((bought_at + timedelta(days=180)).timestamp() * 1_000),
    }  # fmt: skip


def _units(tenths: int) -> str:
    return f"{tenths / TENTHS:g}"


def _unpacked(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _require(name: str, *, is_right: bool) -> None:
    if not is_right:
        raise Refused(_error(400, 1201, f"{name} is invalid"))


def _answer(data: object) -> Answer:
    content = {"code": 0, "message": "SUCCEED", "request_id": "simulator", "data": data}
    return Answer(content=content)


def _error(status: int, code: int, message: str) -> Answer:
    content = {"code": code, "message": message, "request_id": "simulator"}
    return Answer(status=status, content=content)
