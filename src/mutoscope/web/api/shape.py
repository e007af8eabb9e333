"""The shape of requests: what any route refuses before it looks at the content.

Owns the refusal of unknown query parameters, of bodies that are not JSON and of missing keys, and
the limits of texts and instants. Invariant: nothing that was sent is silently ignored.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cache
from typing import Annotated, Any, Final, NamedTuple

import msgspec
from litestar import Request
from litestar.connection import ASGIConnection
from litestar.di import NamedDependency, Provide
from litestar.handlers import BaseRouteHandler
from litestar.params import HeaderParameter, QueryParameter, SkipValidation
from litestar.typing import FieldDefinition
from msgspec import Meta

from mutoscope.bootstrap import House
from mutoscope.domain.credits import checked_instant
from mutoscope.web.errors import IdempotencyKeyMissing, Malformed, NotJson
from mutoscope.web.places import in_body, in_query

REPLAYED: Final = "Idempotency-Replayed"
"""The header that tells that an answer was given before."""

TEXT_MAX: Final = 4_096
"""Characters of a text: a prompt's limit and room to be told that it is too long."""

Text = Annotated[str, Meta(max_length=TEXT_MAX, pattern=r"^[^\x00]*$")]
"""A text without the one character that no database keeps."""


class Why(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why staff do it: it is kept in the audit."""

    reason: Text


Ordinal = Annotated[int, Meta(ge=1, le=1_000)]
"""The place of an output among those of its job."""

HouseHere = NamedDependency[SkipValidation[House]]
"""The house, as every route is given it."""

IdempotencyKey = Annotated[
    str,
    HeaderParameter(
        name="Idempotency-Key",
        description="a key of your own, unique to this request for ever; repeat it with a repeat",
    ),
]

Instant = Annotated[
    str | None,
    QueryParameter(
        description="an instant of RFC 3339, with its offset",
        max_length=40,
        schema_extra={"examples": ["2026-01-31T09:00:00Z"]},
    ),
]
"""A query parameter that names an instant: text here, since a bare number is none."""

_DATE_TIME: Final = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}")
_JSON: Final = "application/json"
_Connection = ASGIConnection[Any, Any, Any, Any]


class StrictRequest(Request[Any, Any, Any]):
    """A request whose body is read once, straight into its route's type: "1" is no number."""

    async def json(self) -> Any:  # noqa: ANN401  # the route's own type
        """Return the body.

        :raises Malformed: when it is no JSON, or of another shape; the place is told.
        """
        field = self.route_handler.parsed_data_field
        assert field is not None, self.route_handler
        try:
            return _decoder(field.annotation).decode(await self.body())
        except msgspec.DecodeError as error:
            raise Malformed(errors=(in_body(str(error)),)) from error


def instant_of(text: str, *, name: str) -> datetime:
    """Return the instant that a query parameter names, in UTC.

    :raises Malformed: when it is no instant of RFC 3339.
    :raises NaiveInstant: when it has no zone.
    :raises InstantOutOfReach: when its year is not from 1970 to 8999.
    """
    instant = _parsed(text) if _DATE_TIME.match(text) else None
    if instant is None:
        remedy = "write it as 2026-01-31T09:00:00Z, with %2B for a plus sign"
        raise Malformed(errors=(in_query(name, remedy),))
    return checked_instant(instant, name=name)


async def check_shape(connection: _Connection, handler: BaseRouteHandler) -> None:
    """Pass a request whose parameters, media type and key are as its route documents them.

    :raises Malformed: when a query parameter is not one of the route's.
    :raises NotJson: when the body is of another media type.
    :raises IdempotencyKeyMissing: when the route needs a key.
    """
    expected = _expected(handler)
    if connection.scope["query_string"]:
        _check_query(connection, expected.names)
    headers = connection.headers
    if expected.has_body and headers.get("content-type", "").partition(";")[0].strip() != _JSON:
        raise NotJson
    if expected.is_keyed and not headers.get("idempotency-key"):
        raise IdempotencyKeyMissing


def _parsed(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


@cache
def _decoder(shape: Any) -> msgspec.json.Decoder[Any]:  # noqa: ANN401  # any type may be asked for
    return msgspec.json.Decoder(shape)


class _Expected(NamedTuple):
    """What a route takes: its query parameters, a body, a key."""

    names: frozenset[str]
    has_body: bool
    is_keyed: bool


def _check_query(connection: _Connection, names: frozenset[str]) -> None:
    unknown = dict.fromkeys(name for name in connection.query_params if name not in names)
    if unknown:
        remedy = f"this route has no such parameter: it takes {', '.join(sorted(names)) or 'none'}"
        places = [in_query(name[:80], remedy) for name in unknown]
        raise Malformed(errors=tuple(places[:10]))


@cache
def _expected(handler: BaseRouteHandler) -> _Expected:
    parameters = handler.parsed_fn_signature.parameters
    names = frozenset(_query_names(parameters, handler.resolve_dependencies()))
    return _Expected(names, "data" in parameters, "idempotency_key" in parameters)


def _query_names(
    parameters: Mapping[str, FieldDefinition], dependencies: Mapping[str, Provide]
) -> Iterator[str]:
    for name, parameter in parameters.items():
        if name in dependencies:
            yield from _query_names(dependencies[name].parsed_fn_signature.parameters, dependencies)
        elif isinstance(parameter.kwarg_definition, QueryParameter):
            yield parameter.kwarg_definition.name or name
