"""One request to a simulated provider and its answer, without any server around them."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final
from urllib.parse import parse_qs

_NAME: Final = re.compile(r'name="([^"]*)"')


class Act(StrEnum):
    """What a request does to the provider's work."""

    CREATE = "create"
    POLL = "poll"
    CANCEL = "cancel"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request: `path` begins after the provider's own prefix, names of headers are lower case."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def json(self) -> dict[str, Any]:
        """Return the body as a JSON object, an empty one when it is something else."""
        try:
            value = json.loads(self.body)
        except (json.JSONDecodeError, UnicodeDecodeError):
            return {}
        return value if isinstance(value, dict) else {}

    def asked(self) -> dict[str, str]:
        """Return the first value of each parameter in the address."""
        return {name: values[0] for name, values in parse_qs(self.query).items()}

    def parts(self) -> tuple[tuple[str, bytes], ...]:
        """Return the fields of a multipart form in order, by name; a name may repeat."""
        _, _, boundary = self.headers.get("content-type", "").partition("boundary=")
        if not boundary:
            return ()
        found = []
        for piece in self.body.split(b"--" + boundary.strip('"').encode())[1:-1]:
            head, _, content = piece.partition(b"\r\n\r\n")
            if name := _NAME.search(head.decode("utf-8", "replace")):
                found.append((name[1], content.removesuffix(b"\r\n")))
        return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A response; a dictionary or list in `content` travels as JSON."""

    status: int = 200
    content: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    media_type: str = "application/json"

    def body(self) -> bytes:
        """Return the bytes that travel."""
        if self.content is None:
            return b""
        if isinstance(self.content, bytes):
            return self.content
        return json.dumps(self.content, separators=(",", ":")).encode()


class Refused(Exception):
    """A request that the simulated provider refuses, with the answer that it gives."""

    code = "refused"

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"refused with {answer.status}: {answer.body()[:200]!r}")
        self.answer = answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A method and a pattern of paths, and what they lead to.

    `handler` takes the call and the pattern's groups. It returns a task to create or to poll, and
    an answer otherwise; one that plays its faults itself may be asynchronous.
    """

    method: str
    pattern: str
    act: Act
    handler: Callable[..., Any]

    def match(self, call: Call) -> tuple[str, ...] | None:
        """Return the pattern's groups when a call takes this route."""
        found = re.fullmatch(self.pattern, call.path) if call.method == self.method else None
        return None if found is None else found.groups()
