"""The simulators' own routes under `/_sim`: scripted faults, books, and the requests so far."""

import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

from mutoscope.simulators.exchange import Answer, Call
from mutoscope.simulators.faults import Fault, UnknownFault, named
from mutoscope.simulators.simulator import Played, Simulator
from mutoscope.simulators.tasks import Recorded, World

TEXT_MAX: Final = 80
"""Characters of a value that are told: a picture in base64 is not."""

_SECRET: Final = ("authorization", "api-key", "x-key", "x-goog-api-key")
_FORM: Final = "application/x-www-form-urlencoded"


def control(*, call: Call, world: World, simulators: Mapping[str, Played]) -> Answer:
    """Answer a call to the simulators themselves."""
    match call.method, call.path:
        case "GET", "/_sim":
            return Answer(content=_listed(world, simulators))
        case "POST", "/_sim/next":
            return _scripted(call, world, simulators)
        case "POST", "/_sim/clear":
            world.clear()
            for each in simulators.values():
                each.clear()
            return Answer(content={})
        case "GET", "/_sim/charges":
            return Answer(content=_charges(world, simulators))
        case "GET", "/_sim/requests":
            return Answer(content=[_told(each) for each in world.requests])
        case _:
            return Answer(status=404, content={"error": "no such route", "routes": list(_ROUTES)})


_ROUTES: Final = (
    "GET /_sim", "POST /_sim/next", "POST /_sim/clear", "GET /_sim/charges", "GET /_sim/requests",
)  # fmt: skip


def _listed(world: World, simulators: Mapping[str, Played]) -> dict[str, Any]:
    listed = [
        {"provider": each.name, "base_url": f"{world.address}/{each.name}", "key": each.key}
        for each in simulators.values()
    ]
    return {"simulators": listed, "faults": list(Fault)}


def _scripted(call: Call, world: World, simulators: Mapping[str, Played]) -> Answer:
    asked = call.json()
    provider, times = str(asked.get("provider")), asked.get("n", 1)
    if provider not in simulators or not isinstance(times, int) or times < 1:
        remedy = f"name a provider of {', '.join(simulators)}, an outcome, and a positive n"
        return Answer(status=400, content={"error": remedy})
    try:
        script = named(str(asked.get("outcome")), times)
    except UnknownFault as unknown:
        return Answer(status=400, content={"error": str(unknown)})
    world.scripts.setdefault(provider, []).append(script)
    return Answer(content={})


def _charges(world: World, simulators: Mapping[str, Played]) -> list[dict[str, Any]]:
    return [
        {
            "provider": provider, "id": str(task.id), "prompt": task.prompt, "end": task.end,
            "micros": simulator.cost_micros(task),
        }
        for provider, tasks in world.tasks.items()
        if isinstance(simulator := simulators[provider], Simulator)
        for task in tasks.values()
    ]  # fmt: skip


def _told(recorded: Recorded) -> dict[str, Any]:
    call = recorded.call
    return {
        "number": recorded.number, "provider": recorded.provider, "act": recorded.act,
        "method": call.method, "path": call.path, "query": call.query,
        "status": recorded.status,
        "headers": {
            name: "(a key)" if name in _SECRET else value for name, value in call.headers.items()
        },
        "body": _shortened(_read(call)),
    }  # fmt: skip


def _read(call: Call) -> Any:  # noqa: ANN401 -- JSON
    if call.headers.get("content-type") == _FORM:
        return dict(parse_qsl(call.body.decode("utf-8", "replace")))
    if parts := call.parts():
        return [{name: value.decode("utf-8", "replace")} for name, value in parts]
    try:
        return json.loads(call.body or b"null")
    except (json.JSONDecodeError, UnicodeDecodeError):
        return f"{len(call.body)} bytes"


def _shortened(value: Any) -> Any:  # noqa: ANN401 -- JSON
    if isinstance(value, dict):
        return {name: _shortened(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_shortened(each) for each in value]
    if isinstance(value, str) and len(value) > TEXT_MAX:
        return f"{value[:TEXT_MAX]}… {len(value):,} characters"
    return value
