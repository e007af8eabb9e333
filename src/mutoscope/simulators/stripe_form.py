"""Stripe's forms: bracketed names read into nested values, and each name and value judged.

A parameter that a route does not know is refused, as Stripe does; so is a number that is none.
"""

import re
from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import parse_qsl

from mutoscope.simulators.exchange import Answer, Refused

METADATA_MAX: Final = 50
METADATA_KEY_MAX: Final = 40
METADATA_VALUE_MAX: Final = 500
TEXT_MAX: Final = 5_000
_NAME: Final = re.compile(r"([a-z_0-9]+)((?:\[[^\[\]]*\])*)", re.ASCII)


class Leaf(Enum):
    """What a parameter without inner ones may be."""

    TEXT = "text"
    WHOLE = "whole"
    TRUTH = "truth"
    METADATA = "metadata"


Shape = Mapping[str, Any]
EXPANDED: Final[Shape] = MappingProxyType({"expand": [Leaf.TEXT]})
"""What every route takes."""


def read(text: str, shape: Shape) -> dict[str, Any]:
    """Return the values of a form or an address, by their names.

    :raises Refused: when a name is unknown, or a value is not of its kind.
    """
    tree: dict[str, Any] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        found = _NAME.fullmatch(name)
        if found is None:
            raise refused("parameter_unknown", f"Received unknown parameter: {name}", name)
        _put(tree, [found[1], *re.findall(r"\[([^\]]*)\]", found[2])], value)
    return {name: _judged(value, {**EXPANDED, **shape}, name) for name, value in tree.items()}


def require(form: Mapping[str, Any], *names: str) -> None:
    """Go on when a form has all of these.

    :raises Refused: when one is missing.
    """
    for name in names:
        if form.get(name) in (None, ""):
            raise refused("parameter_missing", f"Missing required param: {name}.", name)


def refused(code: str | None, message: str, name: str | None = None, status: int = 400) -> Refused:
    """Return the refusal of a request, as Stripe words it."""
    return Refused(answer_error("invalid_request_error", message, status, code=code, param=name))


def answer_error(kind: str, message: str, status: int, **more: object) -> Answer:
    """Return an error as it travels."""
    told = {name: value for name, value in more.items() if value is not None}
    return Answer(status=status, content={"error": {"type": kind, "message": message, **told}})


def _put(tree: dict[str, Any], path: list[str], value: str) -> None:
    *folders, last = path
    for folder in folders:
        inner = tree.setdefault(folder or str(len(tree)), {})
        if not isinstance(inner, dict):
            raise refused("parameter_invalid", "Invalid object", path[0])
        tree = inner
    tree[last or str(len(tree))] = value


def _judged(value: Any, shape: Shape, path: str) -> Any:  # noqa: ANN401 -- a tree of text
    name = path.rpartition("[")[2].rstrip("]")
    if name not in shape:
        raise refused("parameter_unknown", f"Received unknown parameter: {path}", path)
    return _valued(value, shape[name], path)


def _valued(value: Any, shape: Any, path: str) -> Any:  # noqa: ANN401 -- the same
    if isinstance(shape, Leaf):
        return _metadata(value, path) if shape is Leaf.METADATA else _leaf(value, shape, path)
    if not isinstance(value, dict):
        raise refused("parameter_invalid", f"Invalid {path}", path)
    if isinstance(shape, list):
        if any(not name.isdecimal() for name in value):
            raise refused("parameter_invalid", "Invalid array", path)
        ordered = sorted(value.items(), key=lambda item: int(item[0]))
        return [_valued(each, shape[0], f"{path}[{name}]") for name, each in ordered]
    return {name: _judged(each, shape, f"{path}[{name}]") for name, each in value.items()}


def _leaf(value: Any, kind: Leaf, path: str) -> Any:  # noqa: ANN401 -- the same
    if not isinstance(value, str):
        raise refused("parameter_invalid_string", f"Invalid string: {path}", path)
    if kind is Leaf.WHOLE:
        if re.fullmatch(r"-?[0-9]{1,18}", value) is None:
            raise refused("parameter_invalid_integer", f"Invalid integer: {value[:40]}", path)
        return int(value)
    if kind is Leaf.TRUTH:
        if value not in ("true", "false"):
            raise refused("parameter_invalid_boolean", f"Invalid boolean: {value[:40]}", path)
        return value == "true"
    if len(value) > TEXT_MAX:
        raise refused("parameter_invalid_string", f"Invalid string: {path} is too long", path)
    return value


def _metadata(value: Any, path: str) -> dict[str, str]:  # noqa: ANN401 -- the same
    is_flat = isinstance(value, dict) and all(isinstance(each, str) for each in value.values())
    if not is_flat or len(value) > METADATA_MAX:
        raise refused("parameter_invalid", "Invalid metadata", path)
    for name, each in value.items():
        if len(name) > METADATA_KEY_MAX or len(each) > METADATA_VALUE_MAX:
            raise refused("parameter_invalid", f"Metadata {name[:60]} is too long", path)
    return dict(value)
