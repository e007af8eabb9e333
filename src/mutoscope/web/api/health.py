"""Health: whether this process lives, and whether it can serve."""

import asyncio
from typing import Final

import msgspec
from litestar import get

from mutoscope.storage import workspaces
from mutoscope.storage.database import DatabaseUnreachable
from mutoscope.storage.place import FIRST
from mutoscope.web.api.shape import HouseHere
from mutoscope.web.errors import documented

READY_TIMEOUT_S: Final = 3.0
"""Seconds in which a database answers that can serve."""


class Health(msgspec.Struct, frozen=True):
    """A process that is well."""

    status: str


OK: Final = Health("ok")


@get(
    "/healthz", operation_id="checkHealth", summary="Whether the process lives", tags=["health"],
    responses=documented(),
)  # fmt: skip
async def check_health() -> Health:
    """Tell that the process answers."""
    return OK


@get(
    "/readyz", operation_id="checkReadiness", summary="Whether the database answers",
    tags=["health"], responses=documented(),
)  # fmt: skip
async def check_readiness(*, house: HouseHere) -> Health:
    """Tell that the database answers.

    :raises DatabaseUnreachable: when it does not answer in time.
    """
    try:
        async with asyncio.timeout(READY_TIMEOUT_S), house.studio.reading() as connection:
            await workspaces.page(connection, after_at=FIRST.at, after_id=FIRST.item_id, limit=1)
    except TimeoutError as error:
        raise DatabaseUnreachable(address="the database", reason="no answer in time") from error
    return OK
