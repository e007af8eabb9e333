"""Google's Gemini API, simulated: images at once, clips as interactions, files behind the key.

A file's address is the key's own and leads on to a store that asks for nothing.
"""

from typing import Final

from mutoscope.simulators import google_clips, google_images
from mutoscope.simulators.exchange import Act, Answer, Call, Refused, Route
from mutoscope.simulators.faults import Fault
from mutoscope.simulators.files import addresses
from mutoscope.simulators.google_terms import error, refused_by
from mutoscope.simulators.simulator import Simulator
from mutoscope.simulators.tasks import Stage, Task, World

_OPEN: Final = frozenset({Stage.QUEUED, Stage.RUNNING, Stage.UNKNOWN})


class GoogleSimulator(Simulator):
    """Google's API for images and clips."""

    name = "google"
    key = "AIza-simulator"

    def __init__(self, *, world: World) -> None:
        self.world = world
        begun, file = r"/v1beta/interactions/([^/]+)", r"/v1beta/files/([^/:]+)"
        drawn = r"/v1beta/models/([^/]+):generateContent"
        self.routes = (
            Route(method="POST", pattern=drawn, act=Act.CREATE, handler=self._image),
            Route(
                method="POST", pattern="/v1beta/interactions", act=Act.CREATE, handler=self._clip
            ),
            Route(method="GET", pattern=begun, act=Act.POLL, handler=self._task),
            Route(method="POST", pattern=f"{begun}/cancel", act=Act.CANCEL, handler=self._cancel),
            Route(method="GET", pattern=file, act=Act.OTHER, handler=self._file),
            Route(method="GET", pattern=f"{file}:download", act=Act.OTHER, handler=self._download),
            Route(method="GET", pattern="/v1beta/models", act=Act.OTHER, handler=self._models),
        )

    def refusal(self, fault: Fault) -> Answer | None:
        """Return the answer to a creation that a fault refuses; moderation comes as a result."""
        match fault:
            case Fault.AUTH:
                return error(400, "API key not valid. Please pass a valid API key.")
            case Fault.INSUFFICIENT_FUNDS:
                return error(429, "Your prepayment credits are depleted.")
            case Fault.MODERATED_INPUT:
                return None
            case _:
                return refused_by(fault)

    def created(self, task: Task) -> Answer:
        """Return the image, or the beginning of an interaction."""
        return google_images.answer(task) if task.is_instant else self.shown(task)

    def shown(self, task: Task) -> Answer:
        """Return an interaction."""
        url = f"{self.world.address}/google/v1beta/files/sim-{task.id}:download?alt=media"
        return Answer(content=google_clips.told(task, file_url=url))

    def cost_micros(self, task: Task) -> int:
        """Return what the tokens of a task cost."""
        if task.is_instant:
            return google_images.cost_micros(task)
        return google_clips.cost_micros(task)

    def trouble(self) -> Answer:
        """Return the answer of a server that broke down."""
        return error(500, "An internal error has occurred.")

    def _image(self, call: Call, model: str) -> Task:
        self._authorise(call)
        return google_images.ordered(call, model)

    def _clip(self, call: Call) -> Task:
        try:
            self._authorise(call)
            return google_clips.ordered(call)
        except Refused as refused:
            raise google_clips.respelled(refused) from refused

    def _task(self, call: Call, name: str) -> Task:
        try:
            self._authorise(call)
            return self._begun(name)
        except Refused as refused:
            raise google_clips.respelled(refused) from refused

    def _begun(self, name: str) -> Task:
        task = self.world.task(provider=self.name, text=name.removeprefix("v1_"))
        if task is None or task.is_instant:
            raise Refused(error(400, f"Invalid interaction name {name!r}."))
        return task

    def _cancel(self, call: Call, name: str) -> Answer:
        task = self._task(call, name)
        if task.stage not in _OPEN:
            refused = Refused(error(400, "The interaction is not running."))
            raise google_clips.respelled(refused)
        task.stop()
        return self.shown(task)

    def _file(self, call: Call, name: str) -> Answer:
        """Return what is known of a file; the first look finds it still in the works."""
        task = self._filed(call, name)
        is_first = "seen" not in task.asked
        task.asked["seen"] = True
        told = {"name": f"files/{name}", "mimeType": "video/mp4", "source": "GENERATED"}
        return Answer(content={**told, "state": "PROCESSING" if is_first else "ACTIVE"})

    def _download(self, call: Call, name: str) -> Answer:
        task = self._filed(call, name)
        if call.asked().get("alt") != "media" or "seen" not in task.asked:
            raise Refused(error(400, f"The file {name} is not ready, or not asked for as media."))
        (address,) = addresses(world=self.world, provider=self.name, task=task)
        return Answer(status=302, headers={"location": address})

    def _filed(self, call: Call, name: str) -> Task:
        self._authorise(call)
        task = self.world.task(provider=self.name, text=name.removeprefix("sim-"))
        if task is None or task.stage is not Stage.SUCCEEDED:
            raise Refused(error(403, "You do not have permission to access this file."))
        return task

    def _models(self, call: Call) -> Answer:
        self._authorise(call)
        names = (*google_images.DOLLARS_PER_MILLION, google_clips.MODEL)
        return Answer(content={"models": [{"name": f"models/{name}"} for name in names]})

    def _authorise(self, call: Call) -> None:
        key = call.headers.get("x-goog-api-key")
        if key is None:
            raise Refused(error(403, "Method doesn't allow unregistered callers."))
        if key != self.key:
            raise Refused(error(400, "API key not valid. Please pass a valid API key."))
