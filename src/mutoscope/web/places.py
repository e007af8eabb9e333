"""Where a request is wrong: the place of each error, in the words of its sender.

A place in a body is a path of its fields, as JSON Pointer (RFC 6901) writes it; the body as a
whole is `/`. A parameter of the query is `?name`, a header its name. The words of the framework are
put into those of JSON.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

_AT: Final = re.compile(r"^(?P<message>.*) - at (?P<key>`key` in )?`\$(?P<path>.*)`$", re.DOTALL)
_FIELD: Final = re.compile(r"^Object (?:contains unknown|missing required) field `(?P<name>.*)`$")
_MISSING: Final = re.compile(
    r"^Missing required (?P<source>\w+) parameter '(?P<name>[^']+)' for path "
)
_STEP: Final = re.compile(r"\.([^.\[]+)|\[(\d+|\.\.\.)\]")
_TYPES: Final = {"str": "string", "int": "integer", "float": "number", "bool": "boolean"}
_TYPE: Final = re.compile(rf"(?<=[` ])({'|'.join(_TYPES)})(?=[` ])")

ErrorPlace = dict[str, str]
"""One error: `at`, where it is, and its `message`."""


def in_body(told: str) -> ErrorPlace:
    """Return the place and words of an error that the decoder of a body told."""
    found = _AT.match(told)
    message = found["message"] if found else told
    steps = [name or number for name, number in _STEP.findall(found["path"])] if found else []
    field = _FIELD.match(message)
    if field:
        steps.append(field["name"])
    at = "/".join(("", *(step for step in steps if step != "...")))
    whose = "the name of a field: " if found and found["key"] else ""
    return {"at": at or "/", "message": whose + _TYPE.sub(_of_json, message)}


def in_query(name: str, message: str) -> ErrorPlace:
    """Return the place and words of an error in a parameter of the query."""
    return {"at": f"?{name}", "message": message}


def in_whole(told: str) -> ErrorPlace:
    """Return the place and words of an error that the framework told of no parameter it named."""
    found = _MISSING.match(told)
    if found is None:
        return {"at": "/", "message": told}
    at = f"?{found['name']}" if found["source"] == "query" else found["name"]
    return {"at": at, "message": "it is missing, and has to be there"}


def in_request(
    found: Any,  # noqa: ANN401  # the framework's own
    *, names: Mapping[str, str], otherwise: str,
) -> ErrorPlace:  # fmt: skip
    """Return the place and words of an error that the framework told of a parameter.

    `names` are what callers call those that the code calls otherwise.
    """
    if not isinstance(found, dict):
        return {"at": "/", "message": str(found) or otherwise}
    message = _TYPE.sub(_of_json, str(found.get("message", otherwise)))
    own = str(found.get("key", ""))
    name, source = names.get(own, own), str(getattr(found.get("source"), "value", ""))
    return in_query(name, message) if source == "query" else {"at": name or "/", "message": message}


def _of_json(found: re.Match[str]) -> str:
    return _TYPES[found[0]]
