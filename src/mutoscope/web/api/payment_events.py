"""Events of payment gateways: kept as they came, answered at once, and looked into afterwards."""

from typing import Any, Final

import msgspec
from litestar import Request, post
from litestar.params import FromPath

from mutoscope.app.gateway import UnknownGateway
from mutoscope.app.payment_events import PaymentEventRefused, hear
from mutoscope.web.api.shape import HouseHere
from mutoscope.web.errors import BodyTooLarge, documented

EVENT_BYTES_MAX: Final = 256 * 1024
"""Bytes of an event: many times what a gateway sends."""


class KeptShape(msgspec.Struct, frozen=True, kw_only=True):
    """An event that is kept; one that is not new was kept before, and changes nothing."""

    event_id: str
    is_new: bool


@post(
    "/payments/{gateway:str}/events", operation_id="hearGateway", tags=["payments"],
    summary="What a payment gateway calls when money has moved; it moves nothing by itself",
    status_code=200, request_max_body_size=EVENT_BYTES_MAX,
    responses=documented(PaymentEventRefused, UnknownGateway, BodyTooLarge),
)  # fmt: skip
async def hear_gateway(
    *, house: HouseHere, request: Request[Any, Any, Any], gateway: FromPath[str]
) -> KeptShape:
    """Keep what a gateway sent, once its signature is proven; the worker looks into it."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    body = await request.body()
    heard = await hear(house.studio, gateway=gateway, headers=headers, body=body)
    return KeptShape(event_id=heard.event_id, is_new=heard.is_new)
