"""Call backs: a provider says that work has moved on; we look, and believe only what we see."""

from typing import Any

import msgspec
from litestar import Request, post
from litestar.params import FromPath

from mutoscope.app.call_backs import CallBackRefused
from mutoscope.app.hear import hear
from mutoscope.web.api.shape import HouseHere
from mutoscope.web.errors import documented


class HeardShape(msgspec.Struct, frozen=True, kw_only=True):
    """How many jobs are looked at because of a call back; 0 for one about work that has ended."""

    jobs: int


@post(
    "/call-backs/{provider:str}/{token:str}", operation_id="hearProvider", tags=["providers"],
    summary="What a provider calls when work has moved on; it moves nothing by itself",
    status_code=200, responses=documented(CallBackRefused),
)  # fmt: skip
async def hear_provider(
    *, house: HouseHere, request: Request[Any, Any, Any], provider: FromPath[str],
    token: FromPath[str],
) -> HeardShape:  # fmt: skip
    """Look at the work that a provider calls back about, once the call proved to be its own."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    body = await request.body()
    found = await hear(house.studio, provider=provider, token=token, headers=headers, body=body)
    return HeardShape(jobs=found)
