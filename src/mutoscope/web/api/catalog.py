"""The catalog: what is for sale at an instant."""

from dataclasses import replace

import msgspec
from litestar import MediaType, Response, get

from mutoscope.domain.catalog import NoVersionInForce, Version
from mutoscope.domain.credits import InstantOutOfReach, NaiveInstant
from mutoscope.domain.desk import NO_RULES
from mutoscope.web.api.shape import HouseHere, Instant, instant_of
from mutoscope.web.errors import documented


@get(
    "/catalog",
    operation_id="showCatalog",
    summary="The plans, tools, packs and rates in force",
    tags=["catalog"],
    responses=documented(NoVersionInForce, NaiveInstant, InstantOutOfReach),
)
async def show_catalog(*, house: HouseHere, at: Instant = None) -> Response[Version]:
    """Tell what is for sale now, or was or will be at an instant; the desk's rules stay inside."""
    studio = house.studio
    asked_at = studio.clock.now() if at is None else instant_of(at, name="at")
    version = replace(studio.catalog.version_at(at=asked_at), desk=NO_RULES)
    body = msgspec.json.encode(version, order="deterministic")
    return Response(body, media_type=MediaType.JSON)  # type: ignore[arg-type]
