"""Google's Vertex, simulated: Veo's clips as operations, behind a token that lives an hour.

A clip comes inside the answer, in base64. A clip that is filtered is told of and not charged.
"""

import re
from base64 import b64encode
from fractions import Fraction
from typing import Any, Final

from mutoscope.simulators.exchange import Act, Answer, Call, Refused, Route
from mutoscope.simulators.faults import Fault
from mutoscope.simulators.files import content
from mutoscope.simulators.google_account import Tokens, account
from mutoscope.simulators.google_terms import error, is_base64, only, refused_by, require
from mutoscope.simulators.simulator import Simulator
from mutoscope.simulators.tasks import Stage, Task, World

DOLLARS_PER_SECOND: Final = {
    "veo-3.1-generate-001": {"720p": "0.40", "1080p": "0.40", "4k": "0.60"},
    "veo-3.1-fast-generate-001": {"720p": "0.10", "1080p": "0.12", "4k": "0.30"},
    "veo-3.1-lite-generate-001": {"720p": "0.05", "1080p": "0.08"},
}
"""Of each model: what a second with sound costs, by its height."""

HEIGHTS: Final = {"720p": 720, "1080p": 1_080, "4k": 2_160}
SECONDS: Final = (4, 6, 8)
SEEDS: Final = 2**32
SUPPORT_CODE: Final = "Your prompt violates Vertex AI's usage guidelines. Support codes: 29310472."

_PARAMETERS: Final = (
    "sampleCount", "durationSeconds", "aspectRatio", "resolution", "seed", "generateAudio",
    "personGeneration", "negativePrompt", "enhancePrompt",
)  # fmt: skip
_PARENT: Final = r"/v1(?:beta1)?/(projects/[^/]+/locations/[^/]+/publishers/google/models/([^/:]+))"
_NAME: Final = re.compile(r"projects/.+/models/([^/]+)/operations/([^/]+)")
_OPEN: Final = frozenset({Stage.QUEUED, Stage.RUNNING, Stage.UNKNOWN})


class VertexSimulator(Simulator):
    """Google's API for Veo, and its sign-in at `/token`."""

    name = "vertex"

    def __init__(self, *, world: World) -> None:
        self.world = world
        self.key = account(token_uri=f"{world.address}/vertex/token")
        self._tokens = Tokens()
        create, fetch = f"{_PARENT}:predictLongRunning", f"{_PARENT}:fetchPredictOperation"
        models = r"/v1beta1/publishers/google/models"
        self.routes = (
            Route(method="POST", pattern="/token", act=Act.OTHER, handler=self._token),
            Route(method="POST", pattern=create, act=Act.CREATE, handler=self._clip),
            Route(method="POST", pattern=fetch, act=Act.POLL, handler=self._operation),
            Route(method="GET", pattern=models, act=Act.OTHER, handler=self._models),
        )

    def refusal(self, fault: Fault) -> Answer | None:
        """Return the answer to a creation that a fault refuses."""
        match fault:
            case Fault.AUTH:
                return error(401, "Request had invalid authentication credentials.")
            case Fault.INSUFFICIENT_FUNDS:
                return error(403, "This API method requires billing to be enabled.")
            case Fault.MODERATED_INPUT:
                return error(400, SUPPORT_CODE)
            case _:
                return refused_by(fault)

    def created(self, task: Task) -> Answer:
        """Return the operation's name, and nothing else."""
        return Answer(content={"name": self._named(task)})

    def shown(self, task: Task) -> Answer:
        """Return the operation, with its clip once it is done."""
        told: dict[str, Any] = {"name": self._named(task), "done": task.stage not in _OPEN}
        match task.stage:
            case Stage.SUCCEEDED:
                clip = b64encode(content(task=task)).decode()
                video = {"bytesBase64Encoded": clip, "mimeType": "video/mp4"}
                told["response"] = {"raiMediaFilteredCount": 0, "videos": [video]}
            case Stage.MODERATED:
                told["response"] = {
                    "raiMediaFilteredCount": 1, "raiMediaFilteredReasons": [SUPPORT_CODE],
                }  # fmt: skip
            case Stage.FAILED:
                told["error"] = {"code": 13, "message": "Video generation failed."}
            case Stage.CANCELLED:
                told["error"] = {"code": 1, "message": "The operation was cancelled."}
            case _:
                pass
        return Answer(content=told)

    def cost_micros(self, task: Task) -> int:
        """Return what a clip costs by its seconds; one that is filtered costs nothing."""
        price = Fraction(task.asked["price"]) * 1_000_000
        return round(price * Fraction(task.duration_s)) if task.is_charged_as_a_success else 0

    def trouble(self) -> Answer:
        """Return the answer of a server that broke down."""
        return error(500, "Internal error encountered.")

    def _named(self, task: Task) -> str:
        return f"{task.asked['parent']}/operations/{task.id}"

    def _token(self, call: Call) -> Answer:
        return self._tokens.exchanged(call, at=self.world.now())

    def _clip(self, call: Call, parent: str, model: str) -> Task:
        self._authorise(call)
        prices = DOLLARS_PER_SECOND.get(model)
        if prices is None:
            raise Refused(error(404, f"Publisher Model `{parent}` is not found."))
        body = only(call.json(), names=("instances", "parameters"), where="request")
        instances = body.get("instances")
        require("instances", is_right=isinstance(instances, list) and len(instances) == 1)
        assert isinstance(instances, list)
        instance = only(instances[0], names=("prompt", "image"), where="instances[0]")
        prompt = instance.get("prompt", "")
        require("prompt", is_right=isinstance(prompt, str) and bool(prompt or "image" in instance))
        if "image" in instance:
            names = ("bytesBase64Encoded", "mimeType")
            image = only(instance["image"], names=names, where="image")
            is_kind = image.get("mimeType") in ("image/png", "image/jpeg")
            require("image", is_right=is_kind and is_base64(image.get("bytesBase64Encoded")))
        told = only(body.get("parameters", {}), names=_PARAMETERS, where="parameters")
        _check(told, prices)
        resolution = told.get("resolution", "720p")
        short = HEIGHTS[resolution]
        sides = (short * 16 // 9, short)
        width, height = sides if told.get("aspectRatio", "16:9") == "16:9" else sides[::-1]
        return Task(
            prompt=prompt, width=width, height=height, duration_s=told.get("durationSeconds", 8),
            asked={"parent": parent, "price": prices[resolution]},
        )  # fmt: skip

    def _operation(self, call: Call, _parent: str, model: str) -> Task:
        self._authorise(call)
        body = only(call.json(), names=("operationName",), where="request")
        found = _NAME.fullmatch(str(body.get("operationName")))
        require("operationName", is_right=found is not None and found[1] == model)
        assert found is not None
        task = self.world.task(provider=self.name, text=found[2])
        if task is None:
            raise Refused(error(404, "The operation is not found."))
        return task

    def _models(self, call: Call) -> Answer:
        self._authorise(call)
        names = [f"publishers/google/models/{model}" for model in DOLLARS_PER_SECOND]
        return Answer(content={"publisherModels": [{"name": name} for name in names]})

    def _authorise(self, call: Call) -> None:
        header = call.headers.get("authorization", "")
        if not self._tokens.is_good(header, at=self.world.now()):
            raise Refused(error(401, "Request had invalid authentication credentials."))


def _check(told: dict[str, Any], prices: dict[str, str]) -> None:
    """Go on when the parameters are right; a length is a whole number, never a text."""
    seconds = told.get("durationSeconds", 8)
    require("durationSeconds", is_right=type(seconds) is int and seconds in SECONDS)
    require("aspectRatio", is_right=told.get("aspectRatio", "16:9") in ("16:9", "9:16"))
    require("resolution", is_right=told.get("resolution", "720p") in prices)
    require("sampleCount", is_right=told.get("sampleCount", 1) == 1)
    seed = told.get("seed", 0)
    require("seed", is_right=type(seed) is int and 0 <= seed < SEEDS)
    person = told.get("personGeneration", "allow_adult")
    require("personGeneration", is_right=person in ("allow_adult", "dont_allow"))
    for name in ("generateAudio", "enhancePrompt"):
        require(name, is_right=type(told.get(name, True)) is bool)
