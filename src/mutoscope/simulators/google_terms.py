"""What both of Google's simulated APIs have in common: their errors, and rules about a body."""

import re
from collections.abc import Iterable, Mapping
from fractions import Fraction
from math import ceil
from typing import Any, Final

from mutoscope.simulators.exchange import Answer, Refused
from mutoscope.simulators.faults import Fault

_STATUS: Final = {
    400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED", 500: "INTERNAL",
}  # fmt: skip
_BASE64: Final = re.compile(r"[A-Za-z0-9+/_-]+=*")
_RETRY: Final = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "7.5s"}


def error(code: int, message: str, *details: Mapping[str, str]) -> Answer:
    """Return an error as all of Google's APIs spell it."""
    content: dict[str, Any] = {"code": code, "message": message, "status": _STATUS[code]}
    if details:
        content["details"] = list(details)
    return Answer(status=code, content={"error": content})


def busy() -> Answer:
    """Return the answer to one request too many, which says when to come again."""
    return error(429, "Resource has been exhausted (e.g. check quota).", _RETRY)


def refused_by(fault: Fault) -> Answer:
    """Return the answer to a creation that a fault refuses, where both APIs use the same words."""
    match fault:
        case Fault.RATE_LIMITED | Fault.CONCURRENCY:
            return busy()
        case Fault.RETIRED_MODEL:
            return error(404, "The model is not found, or is no longer available to new users.")
        case _:
            return error(400, "Request contains an invalid argument.")


def require(name: str, *, is_right: bool) -> None:
    """Go on when a field is right.

    :raises Refused: when it is not.
    """
    if not is_right:
        raise Refused(error(400, f"Invalid value at '{name}'."))


def only(body: object, *, names: Iterable[str], where: str) -> dict[str, Any]:
    """Return an object that has no other fields than these.

    :raises Refused: when it is no object, or has one that the API does not know.
    """
    require(where, is_right=isinstance(body, dict))
    assert isinstance(body, dict)
    for name in sorted(set(body) - set(names)):
        message = f"Invalid JSON payload received. Unknown name \"{name}\" at '{where}'"
        raise Refused(error(400, f"{message}: Cannot find field."))
    return body


def is_base64(value: object) -> bool:
    """Tell whether a value holds bytes, in either alphabet."""
    return isinstance(value, str) and _BASE64.fullmatch(value) is not None


def words(text: str) -> int:
    """Return how many tokens a text counts for here: its words."""
    return len(text.split())


def cost(counts: tuple[int, ...], prices: tuple[str, ...]) -> int:
    """Return what tokens cost in micros, a begun one in full, by dollars for a million of each."""
    return ceil(sum(Fraction(price) * count for count, price in zip(counts, prices, strict=True)))
