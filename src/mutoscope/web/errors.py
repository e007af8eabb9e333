"""Problems: every refusal's HTTP status, in one table, and its shape by RFC 9457.

Invariant: a refusal that reaches a client has a status here, and nothing of a failure of ours gets
out but an id. The surprising choice: the data of a refusal are its own attributes, so that a
402 carries what is required, available and short without anybody mapping it.
"""

import traceback
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import (
    ClientException,
    HTTPException,
    MethodNotAllowedException,
    NotFoundException,
    ValidationException,
)
from litestar.openapi.datastructures import ResponseSpec

from mutoscope.domain.credits import Refusal
from mutoscope.storage.database import DatabaseUnreachable
from mutoscope.storage.embedded import NOT_READY
from mutoscope.web.heads import ALLOW, allowed
from mutoscope.web.malformed_ids import malformed_id
from mutoscope.web.places import ErrorPlace, in_request, in_whole
from mutoscope.web.statuses import STATUSES

MEDIA_TYPE: Final = "application/problem+json"
UNEXPECTED: Final = "unexpected"
RETRY_AFTER: Final = "Retry-After"
RETRY_AFTER_S: Final = 2
"""Seconds after which a database that restarts is back; a refusal that knows better has its own."""

FAILURES: Final = 500
UNAVAILABLE: Final = 503
ALWAYS: Final = (
    "malformed", "not_authorised", "not_local", "bad_staff_token", "bad_view_token",
    "not_for_staff", "outside_view", "view_is_read_only", UNEXPECTED, "database_unreachable",
)  # fmt: skip
"""What any route may answer."""

_HEADERS: Final = {
    401: {"WWW-Authenticate": "Bearer"},
    429: {RETRY_AFTER: str(RETRY_AFTER_S)},
    UNAVAILABLE: {RETRY_AFTER: str(RETRY_AFTER_S)},
}
_SENTENCES: Final = {
    FAILURES: "the studio failed, and nothing was half-done: tell its operator the id",
    UNAVAILABLE: "the studio cannot answer just now: send the same request again in a moment",
}
_GATEWAYS: Final = {
    "gateway_failed": (
        "the payment company would not prepare the payment, and nothing was charged: ask support "
        "for another way to pay"
    ),
    "gateway_away": (
        "the payment company does not answer just now, and nothing was charged: send the same "
        "request again in a moment"
    ),
}
"""What is told of a payment gateway that fails: no fault of the house, and none of its data."""

_AWAY: Final = ("08", "53", "57")
"""Classes of SQLSTATE that tell of a database that is away, full or restarting."""

_log = structlog.get_logger(__name__)


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """What every error has; the data of its code stand beside these members."""

    type: str
    code: str
    title: str
    status: int
    detail: str


class Malformed(Refusal):
    """A body or a parameter that has not the documented shape; `errors` names each place."""

    code = "malformed"

    def __init__(self, *, errors: tuple[ErrorPlace, ...]) -> None:
        told = "; ".join(f"{each['at']}: {each['message']}" for each in errors)
        super().__init__(f"{told} (/openapi.json has the shape)")
        self.errors = errors


class IdempotencyKeyMissing(Refusal):
    """A request that moves credits or makes something, without the key that makes it repeatable."""

    code = "idempotency_key_missing"

    def __init__(self) -> None:
        super().__init__(
            "the header Idempotency-Key is missing: send a key of your own, unique to this "
            "request, and the same one when you repeat it"
        )


class NotAuthorised(Refusal):
    """A request without the key of this house."""

    code = "not_authorised"

    def __init__(self) -> None:
        super().__init__("send the key of MUTOSCOPE_API_KEY as `Authorization: Bearer KEY`")


class StaffNeeded(Refusal):
    """A route of the desk, asked for by nobody of the staff."""

    code = "staff_needed"

    def __init__(self) -> None:
        super().__init__(
            "this is done in a person's name: sign in at /v1/staff/sign-in, and send the token as "
            "`Authorization: Bearer TOKEN`"
        )


class NotLocal(Refusal):
    """A request from elsewhere, to a house without a key."""

    code = "not_local"

    def __init__(self, *, what: str) -> None:
        super().__init__(
            f"{what} is not of this machine: a house without a key serves its own machine alone; "
            "set MUTOSCOPE_API_KEY to serve others"
        )


class NoSuchRoute(Refusal):
    """An address that is no route."""

    code = "no_such_route"

    def __init__(self) -> None:
        super().__init__("there is nothing at this address: /openapi.json lists what there is")


class MethodNotAllowed(Refusal):
    """A method that a route does not have."""

    code = "method_not_allowed"

    def __init__(self) -> None:
        super().__init__("this address has other methods: the header Allow names them")


class BodyTooLarge(Refusal):
    """A body beyond what any route takes."""

    code = "body_too_large"

    def __init__(self) -> None:
        super().__init__(
            "the body is too large: send at most 1,000 operations and 1 MiB, or a picture of 32 MiB"
        )


class NotJson(Refusal):
    """A body of another media type."""

    code = "not_json"

    def __init__(self) -> None:
        super().__init__("the body has to be JSON: send it with `Content-Type: application/json`")


def status_of(code: str) -> int:
    """Return the HTTP status of a code."""
    return STATUSES.get(code, FAILURES)


def problem_of(refusal: Refusal) -> dict[str, Any]:
    """Return a refusal as the members of a problem; a failure of ours tells none of its data."""
    status = status_of(refusal.code)
    if status >= FAILURES:
        code = UNEXPECTED if status == FAILURES else refusal.code
        return _problem(code, _GATEWAYS.get(code) or _SENTENCES[status])
    problem = _problem(refusal.code, str(refusal))
    data = {name: value for name, value in vars(refusal).items() if _is_plain(value)}
    return problem | {name: value for name, value in data.items() if name not in problem}


def response_of(refusal: Refusal) -> Response[dict[str, Any]]:
    """Return a refusal as a response."""
    return _response(problem_of(refusal))


def answer_error(request: Request[Any, Any, Any], error: Exception) -> Response[dict[str, Any]]:
    """Answer any error of a request: a refusal by its table, the rest by an id in the log."""
    refusal = _refusal_of(request, error)
    if isinstance(refusal, NoSuchRoute):
        return _nothing_there(request, refusal)
    if refusal is not None and status_of(refusal.code) < FAILURES:
        response = response_of(refusal)
        if isinstance(error, HTTPException):
            response.headers.update(_told_headers(error))
        return response
    problem_id = str(request.state.house.studio.ids.new())
    _log_failure(request, error, problem_id)
    problem = _problem(UNEXPECTED, _SENTENCES[FAILURES])
    if refusal is not None:
        problem = problem_of(refusal)
    return _response(problem | {"id": problem_id})


def _told_headers(error: HTTPException) -> dict[str, str]:
    """Return the framework's headers of an error; who has GET has HEAD as well (`heads`)."""
    headers = dict(error.headers or {})
    if ALLOW in headers:
        headers[ALLOW] = allowed(headers[ALLOW])
    return headers


def _nothing_there(
    request: Request[Any, Any, Any], refusal: NoSuchRoute
) -> Response[dict[str, Any]]:
    """Answer an address that no route has: by the id in it that is none, if there is one."""
    found = malformed_id(path=request.url.path, routes=request.app.routes)
    if found is None:
        return response_of(refusal)
    return _response(_problem(found.code(), found.sentence()) | {"at": found.name})


def _log_failure(request: Request[Any, Any, Any], error: Exception, problem_id: str) -> None:
    """Log what failed: a gateway by its reason alone, anything of ours with its traceback."""
    if isinstance(error, Refusal) and error.code in _GATEWAYS:
        _log.warning(error.code, problem_id=problem_id, path=request.url.path, reason=str(error))
        return
    told = "".join(traceback.format_exception(error))
    _log.error("request_failed", problem_id=problem_id, path=request.url.path, traceback=told)


def documented(*refusals: type[Refusal] | str) -> dict[int, ResponseSpec]:
    """Return the errors of a route for its documentation, by status, beside those of any route."""
    codes = [each if isinstance(each, str) else each.code for each in refusals]
    by_status: dict[int, list[str]] = {}
    for code in dict.fromkeys((*ALWAYS, *codes)):
        by_status.setdefault(STATUSES[code], []).append(code)
    return {
        status: ResponseSpec(
            data_container=Problem, media_type=MEDIA_TYPE, generate_examples=False,
            description=", ".join(found),
        )
        for status, found in sorted(by_status.items())
    }  # fmt: skip


def _problem(code: str, detail: str) -> dict[str, Any]:
    return {
        "type": f"/problems/{code}",
        "code": code,
        "title": code.replace("_", " ").capitalize(),
        "status": status_of(code),
        "detail": detail,
    }


def _response(problem: dict[str, Any]) -> Response[dict[str, Any]]:
    status: int = problem["status"]
    headers = dict(_HEADERS.get(status, {}))
    if RETRY_AFTER in headers:
        headers[RETRY_AFTER] = str(problem.get("retry_after_s", RETRY_AFTER_S))
    return Response(problem, status_code=status, media_type=MEDIA_TYPE, headers=headers)


def _is_plain(value: object) -> bool:
    if isinstance(value, tuple):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, str | int | datetime | UUID | dict)


def _refusal_of(request: Request[Any, Any, Any], error: Exception) -> Refusal | None:
    if isinstance(error, Refusal):
        return error
    if isinstance(error, HTTPException):
        return _refused_by_framework(request, error)
    if _is_away(error):
        return DatabaseUnreachable(address="the database", reason=type(error).__name__)
    return None


def _refused_by_framework(request: Request[Any, Any, Any], error: HTTPException) -> Refusal | None:
    if isinstance(error, NotFoundException):
        return NoSuchRoute()
    if isinstance(error, MethodNotAllowedException):
        return MethodNotAllowed()
    if error.status_code == STATUSES[BodyTooLarge.code]:
        return BodyTooLarge()
    if isinstance(error, ValidationException | ClientException):
        found = error.extra if isinstance(error.extra, list) else []
        names = _names(request) if found else {}
        places = tuple(in_request(each, names=names, otherwise=error.detail) for each in found)
        return Malformed(errors=places or (in_whole(error.detail),))
    return None


def _names(request: Request[Any, Any, Any]) -> dict[str, str]:
    """Return what callers call the parameters of a route that have another name in the code."""
    parameters = request.route_handler.parsed_fn_signature.parameters
    named = (
        (own, getattr(each.kwarg_definition, "name", None)) for own, each in parameters.items()
    )
    return {own: name for own, name in named if name}


def _is_away(error: Exception) -> bool:
    """Tell whether an error is that of a database that is away, and not of what was asked."""
    if isinstance(error, OSError):
        return isinstance(error, ConnectionError | TimeoutError)
    state = getattr(error, "sqlstate", None) or _AWAY[0]
    return isinstance(error, NOT_READY) and state[:2] in _AWAY
