"""Values as plain data: what `--json` prints.

Owns the one way from our values to JSON. Invariant: instants are ISO 8601 in UTC, spans are
seconds, ids and digests are text, a field keeps its name. The surprising choice: nothing is left
out or renamed for a command's sake, so that a script reads the same words as the code and the
documentation use.
"""

import json
import sys
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from mutoscope.domain.credits import Refusal


def plain(value: object) -> Any:  # noqa: ANN401 -- JSON has no narrower type
    """Return a value as dictionaries, lists, numbers and text."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, UUID | Path):
        return str(value)
    return _collection(value)


def _collection(value: object) -> Any:  # noqa: ANN401 -- the same
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return plain(value._asdict())
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    assert isinstance(value, tuple | list | set | frozenset), value
    each = [plain(one) for one in value]
    return sorted(each) if isinstance(value, set | frozenset) else each


def problem(*, refusal: Refusal) -> dict[str, Any]:
    """Return a refusal with its code, its sentence and whatever data it carries that is plain."""
    data = {
        name: value
        for name, value in vars(refusal).items()
        if isinstance(value, bool | int | float | str | datetime | UUID | Path | None)
    }
    return {"code": refusal.code, "detail": str(refusal), **plain(data)}


def print_json(value: object) -> None:
    """Print a value on the output stream as indented JSON."""
    sys.stdout.write(json.dumps(plain(value), indent=2, ensure_ascii=False) + "\n")


def json_line(value: object) -> str:
    """Return a value as one line of JSON with its end."""
    return json.dumps(plain(value), ensure_ascii=False, separators=(",", ":")) + "\n"
