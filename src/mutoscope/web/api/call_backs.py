"""Call backs: a provider says that work has moved on; we look, and believe only what we see."""

from typing import Any
from uuid import UUID

import msgspec
from litestar import Request, post
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, SkipValidation

from mutoscope.app.call_backs import CallBackRefused
from mutoscope.app.hear import hear
from mutoscope.domain.attempts import OrderName
from mutoscope.web.api.shape import HouseHere
from mutoscope.web.errors import documented


class HeardShape(msgspec.Struct, frozen=True, kw_only=True):
    """How many jobs are looked at because of a call back; 0 for one about work that has ended."""

    jobs: int


def named_order(
    *, provider: FromPath[str], workspace_id: FromPath[UUID], job_id: FromPath[UUID],
    ordinal: FromPath[int],
) -> OrderName:  # fmt: skip
    """Return the order with which the address was given."""
    return OrderName(provider, workspace_id, job_id, ordinal)


OrderHere = NamedDependency[SkipValidation[OrderName]]


@post(
    "/call-backs/{provider:str}/{workspace_id:uuid}/{job_id:uuid}/{ordinal:int}/{token:str}",
    operation_id="hearProvider", tags=["providers"],
    summary="What a provider calls when work has moved on; it moves nothing by itself",
    status_code=200, responses=documented(CallBackRefused),
    dependencies={"order": Provide(named_order, sync_to_thread=False)},
)  # fmt: skip
async def hear_provider(
    *, house: HouseHere, request: Request[Any, Any, Any], order: OrderHere, token: FromPath[str]
) -> HeardShape:  # fmt: skip
    """Look at the work that a provider calls back about, once the call proved to be its own."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    body = await request.body()
    found = await hear(house.studio, order=order, token=token, headers=headers, body=body)
    return HeardShape(jobs=found)
