"""fal, simulated: a queue whose addresses are given back, signed call backs, units billed."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mutoscope.simulators.exchange import Act, Answer, Call, Refused, Route
from mutoscope.simulators.fal_apps import APPS
from mutoscope.simulators.faults import Fault
from mutoscope.simulators.files import addresses
from mutoscope.simulators.simulator import Hook, Simulator
from mutoscope.simulators.tasks import Stage, Task, World

BALANCE_MICROS: Final = 1_000_000_000
_OPEN: Final = {
    Stage.QUEUED: "IN_QUEUE", Stage.RUNNING: "IN_PROGRESS", Stage.UNKNOWN: "REHEARSING",
}  # fmt: skip
_ERRORS: Final = {
    Stage.FAILED: ("The runner failed.", "runner_server_error"),
    Stage.CANCELLED: ("The request was cancelled.", "client_cancelled"),
}


def _key(seed: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(sha256(seed.encode()).digest())


def _public(key: Ed25519PrivateKey) -> dict[str, str]:
    x = urlsafe_b64encode(key.public_key().public_bytes_raw()).decode().rstrip("=")
    return {"kty": "OKP", "crv": "Ed25519", "use": "sig", "x": x}


_SIGNING, _RETIRED, _STRANGER = _key("signing"), _key("retired"), _key("stranger")


class FalSimulator(Simulator):
    """fal's queue, its keys and its billing."""

    name = "fal"
    key = "simulator:secret"
    keys = json.dumps({"keys": [_public(_RETIRED), _public(_SIGNING)]})
    """The public keys of call backs, as they are published; any of them may have signed."""

    def __init__(self, *, world: World) -> None:
        self.world = world
        request = r"/[^/]+/[^/]+/requests/([^/]+)"
        keys = r"/\.well-known/jwks\.json"
        self.routes = (
            Route(method="GET", pattern=keys, act=Act.OTHER, handler=self._keys),
            Route(
                method="GET", pattern="/v1/account/billing", act=Act.OTHER, handler=self._billing
            ),
            Route(method="GET", pattern=f"{request}/status", act=Act.POLL, handler=self._task),
            Route(method="GET", pattern=request, act=Act.OTHER, handler=self._result),
            Route(method="PUT", pattern=f"{request}/cancel", act=Act.CANCEL, handler=self._cancel),
            Route(method="POST", pattern=r"/([^/]+/.+)", act=Act.CREATE, handler=self._submit),
        )

    def refusal(self, fault: Fault) -> Answer | None:
        """Return the answer to a creation that a fault refuses; moderation comes at the end."""
        match fault:
            case Fault.AUTH:
                return _said(401, "Authentication is required to access this application.")
            case Fault.INSUFFICIENT_FUNDS:
                return _said(403, "User is locked. Reason: Exhausted balance.")
            case Fault.RATE_LIMITED:
                busy = _said(429, "Too many requests.")
                return Answer(status=429, content=busy.content, headers={"retry-after": "7"})
            case Fault.CONCURRENCY:
                return _said(429, "Too many concurrent requests.")
            case Fault.RETIRED_MODEL:
                return _said(404, "Application not found.")
            case _:
                return None if fault is Fault.MODERATED_INPUT else _wrong("prompt", "value_error")

    def created(self, task: Task) -> Answer:
        """Return the answer to a creation."""
        owner, alias, *_ = task.asked["app"].split("/")
        request = f"{self.world.address}/{self.name}/{owner}/{alias}/requests/{task.id}"
        return Answer(content={
            "status": "IN_QUEUE", "request_id": str(task.id), "queue_position": 0,
            "response_url": request, "status_url": f"{request}/status",
            "cancel_url": f"{request}/cancel",
        })  # fmt: skip

    def shown(self, task: Task) -> Answer:
        """Return the answer to a poll."""
        stage = task.stage
        content: dict[str, Any] = {"request_id": str(task.id), "logs": None}
        if stage in _OPEN:
            content.update(status=_OPEN[stage])
            if stage is Stage.QUEUED:
                content.update(queue_position=0)
            return Answer(status=202, content=content)
        content.update(status="COMPLETED", metrics={"inference_time": 3.7})
        if stage in _ERRORS:
            content["error"], content["error_type"] = _ERRORS[stage]
        return Answer(content=content)

    def cost_micros(self, task: Task) -> int:
        """Return what a task costs: successes, and what was refused after it had been made."""
        is_made = task.script.fault is Fault.MODERATED_OUTPUT and not task.is_stopped
        return int(task.asked["micros"]) if is_made or task.is_charged_as_a_success else 0

    def webhook(self, task: Task, *, is_forged: bool) -> Hook:
        """Return the call back about a task that ended, signed by one of the published keys."""
        is_good = task.stage is Stage.SUCCEEDED
        content = {
            "request_id": str(task.id), "gateway_request_id": str(task.id),
            "status": "OK" if is_good else "ERROR", "payload": self._outcome(task).content,
        }  # fmt: skip
        body = json.dumps(content).encode()
        parts = (str(task.id), "user", str(int(self.world.now().timestamp())))
        message = "\n".join((*parts, sha256(body).hexdigest())).encode()
        signature = (_STRANGER if is_forged else _SIGNING).sign(message).hex()
        names = ("Request-Id", "User-Id", "Timestamp", "Signature")
        headers = {
            f"X-Fal-Webhook-{name}": value
            for name, value in zip(names, (*parts, signature), strict=True)
        }
        return Hook(headers={**headers, "Content-Type": "application/json"}, body=body)

    def _submit(self, call: Call, name: str) -> Task:
        self._authorise(call)
        app = APPS.get(name)
        if app is None:
            raise Refused(_said(404, f"Application '{name}' not found."))
        arguments = call.json()
        wrong = app.wrong(arguments)
        if wrong is not None:
            raise Refused(_wrong(wrong, "value_error"))
        made = app.made(arguments)
        return Task(
            prompt=arguments["prompt"], width=made.width, height=made.height,
            duration_s=made.duration_s, images=made.images,
            webhook_url=call.asked().get("fal_webhook"),
            asked={"app": name, "micros": app.micros(arguments), "unit": app.unit_micros},
        )  # fmt: skip

    def _task(self, call: Call, request_id: str) -> Task:
        self._authorise(call)
        task = self.world.task(provider=self.name, text=request_id)
        if task is None or not call.path.startswith(f"/{_root(task.asked['app'])}/"):
            raise Refused(_said(404, "Request not found."))
        return task

    def _result(self, call: Call, request_id: str) -> Answer:
        task = self._task(call, request_id)
        if task.stage in _OPEN:
            return _said(400, "Request is still in progress.")
        return self._outcome(task)

    def _outcome(self, task: Task) -> Answer:
        """Return the result, or the error that the app answered instead of one."""
        units = self.cost_micros(task) / task.asked["unit"]
        billed = {"x-fal-billable-units": str(round(units, 6))} if units else {}
        if task.stage is Stage.SUCCEEDED:
            return Answer(content=self._product(task), headers=billed)
        if task.stage is Stage.MODERATED:
            refused = _wrong("prompt", "content_policy_violation")
            return Answer(
                status=422, content=refused.content, headers={**refused.headers, **billed}
            )
        text, kind = _ERRORS.get(task.stage, _ERRORS[Stage.FAILED])
        return Answer(status=500, content={"detail": text}, headers={"x-fal-error-type": kind})

    def _product(self, task: Task) -> dict[str, object]:
        kind = "video/mp4" if task.duration_s else "image/png"
        files = [
            {"url": url, "content_type": kind, "file_name": url.rpartition("/")[2]}
            for url in addresses(world=self.world, provider=self.name, task=task)
        ]
        return {"video": files[0]} if task.duration_s else {"images": files}

    def _cancel(self, call: Call, request_id: str) -> Answer:
        task = self._task(call, request_id)
        if task.stage not in _OPEN:
            return Answer(status=400, content={"status": "ALREADY_COMPLETED"})
        if task.stage is Stage.QUEUED:
            task.stop()  # what runs is told, and goes on: how it stops is the app's own choice
        return Answer(status=202, content={"status": "CANCELLATION_REQUESTED"})

    def _keys(self, call: Call) -> Answer:
        assert call
        return Answer(content=self.keys.encode())

    def _billing(self, call: Call) -> Answer:
        self._authorise(call)
        tasks = self.world.tasks.get(self.name, {}).values()
        left = (BALANCE_MICROS - sum(self.cost_micros(task) for task in tasks)) / 1_000_000
        content: dict[str, object] = {"username": "simulator"}
        if call.asked().get("expand") == "credits":
            content["credits"] = {"current_balance": left, "currency": "USD"}
        return Answer(content=content)

    def _authorise(self, call: Call) -> None:
        if call.headers.get("authorization") != f"Key {self.key}":
            raise Refused(_said(401, "Authentication is required to access this application."))


def _root(app: str) -> str:
    return "/".join(app.split("/")[:2])


def _said(status: int, detail: str) -> Answer:
    return Answer(status=status, content={"detail": detail})


def _wrong(name: str, kind: str) -> Answer:
    details: list[Mapping[str, object]] = [
        {"loc": ["body", name], "msg": "It was refused.", "type": kind, "input": None}
    ]
    return Answer(status=422, content={"detail": details}, headers={"x-fal-error-type": kind})
