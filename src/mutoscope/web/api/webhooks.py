"""Webhooks: where a workspace wants its events, their secrets, and what was sent."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, delete, get, post, put
from litestar.params import FromPath, JSONBody

from mutoscope.app import deliveries as sending
from mutoscope.app import webhooks as hooks
from mutoscope.app.webhooks import BadEventType, BadWebhookAddress, TooManyEndpoints
from mutoscope.domain.credits import BadKey
from mutoscope.domain.planner import KeyReused
from mutoscope.storage import webhooks, workspaces
from mutoscope.storage.cursor import BadCursor
from mutoscope.storage.place import LAST, cursor_of, place_of
from mutoscope.storage.webhooks import Delivery, Endpoint, UnknownDelivery, UnknownEndpoint
from mutoscope.storage.workspaces import UnknownWorkspace
from mutoscope.web.api.cursors import After, Limit
from mutoscope.web.api.shape import HouseHere, IdempotencyKey, Text
from mutoscope.web.api.workspaces import replay_headers
from mutoscope.web.errors import IdempotencyKeyMissing, documented

BODY = ("not_json", "body_too_large")
Types = Annotated[Sequence[Text], msgspec.Meta(max_length=len(hooks.EVENT_TYPES))]


class NewEndpoint(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where events are wanted; without `event_types` all of them."""

    url: Text
    event_types: Types = ()


class ChangedEndpoint(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How an endpoint is to be from now on."""

    url: Text
    event_types: Types = ()
    is_on: bool = True


class EndpointShape(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint, without its secret; `previous_until` is when the secret before stops signing."""

    workspace_id: UUID
    endpoint_id: UUID
    url: str
    event_types: tuple[str, ...]
    is_on: bool
    off_reason: str | None
    failing_since: datetime | None
    previous_until: datetime | None
    created_at: datetime
    off_at: datetime | None


class EndpointSecret(EndpointShape, frozen=True, kw_only=True):
    """An endpoint with its secret, which is shown this once."""

    secret: str


class EndpointList(msgspec.Struct, frozen=True, kw_only=True):
    """The endpoints of a workspace, the eldest first."""

    endpoints: tuple[EndpointShape, ...]


class DeliveryPage(msgspec.Struct, frozen=True, kw_only=True):
    """What was sent, newest first; `next` is the cursor of the page after, None on the last."""

    deliveries: tuple[Delivery, ...]
    next: str | None


@post(
    "/workspaces/{workspace_id:uuid}/webhooks", operation_id="addWebhook", tags=["webhooks"],
    summary="Send events to an address; its secret is shown this once",
    responses=documented(
        UnknownWorkspace, BadWebhookAddress, BadEventType, TooManyEndpoints, BadKey, KeyReused,
        UnknownEndpoint, IdempotencyKeyMissing, *BODY,
    ),
)  # fmt: skip
async def add_webhook(
    *, house: HouseHere, workspace_id: FromPath[UUID], data: JSONBody[NewEndpoint],
    idempotency_key: IdempotencyKey,
) -> Response[EndpointSecret]:  # fmt: skip
    """Take an endpoint; a repeat with the same key returns the same one."""
    found, is_replay = await hooks.add_endpoint(
        house.studio, workspace_id=workspace_id, url=data.url, event_types=data.event_types,
        key=idempotency_key,
    )  # fmt: skip
    return Response(_secret(found), headers=replay_headers(is_replay=is_replay))


@get(
    "/workspaces/{workspace_id:uuid}/webhooks", operation_id="listWebhooks", tags=["webhooks"],
    summary="Where the events of a workspace are sent", responses=documented(UnknownWorkspace),
)  # fmt: skip
async def list_webhooks(*, house: HouseHere, workspace_id: FromPath[UUID]) -> EndpointList:
    """Return the endpoints, without their secrets."""
    async with house.studio.reading() as connection:
        await workspaces.get(connection, workspace_id=workspace_id)
        found = await webhooks.endpoints(
            connection, workspace_id=workspace_id, limit=hooks.ENDPOINTS_MAX
        )
    return EndpointList(endpoints=tuple(map(_shape, found)))


@put(
    "/workspaces/{workspace_id:uuid}/webhooks/{endpoint_id:uuid}", operation_id="changeWebhook",
    tags=["webhooks"], summary="Give a webhook another address or filter, switch it on or off",
    responses=documented(UnknownEndpoint, BadWebhookAddress, BadEventType, *BODY),
)  # fmt: skip
async def change_webhook(
    *, house: HouseHere, workspace_id: FromPath[UUID], endpoint_id: FromPath[UUID],
    data: JSONBody[ChangedEndpoint],
) -> EndpointShape:  # fmt: skip
    """Change an endpoint; what waits for it is sent when it is on."""
    before = await _found(house, workspace_id, endpoint_id)
    changed = await hooks.change_endpoint(
        house.studio, before=before, url=data.url, event_types=data.event_types,
        is_on=data.is_on,
    )  # fmt: skip
    return _shape(changed)


@delete(
    "/workspaces/{workspace_id:uuid}/webhooks/{endpoint_id:uuid}", operation_id="removeWebhook",
    tags=["webhooks"], summary="Send nothing more to a webhook, and forget its secrets",
    responses=documented(UnknownEndpoint),
)  # fmt: skip
async def remove_webhook(
    *, house: HouseHere, workspace_id: FromPath[UUID], endpoint_id: FromPath[UUID]
) -> None:
    """Remove an endpoint."""
    async with house.studio.reading() as connection, connection.transaction():
        await webhooks.remove_endpoint(
            connection, workspace_id=workspace_id, endpoint_id=endpoint_id,
            at=house.studio.clock.now(),
        )  # fmt: skip


@post(
    "/workspaces/{workspace_id:uuid}/webhooks/{endpoint_id:uuid}/rotate",
    operation_id="rotateWebhook", tags=["webhooks"],
    summary="Give a webhook a new secret; the one before signs along for a day",
    responses=documented(UnknownEndpoint, BadKey, IdempotencyKeyMissing),
)  # fmt: skip
async def rotate_webhook(
    *, house: HouseHere, workspace_id: FromPath[UUID], endpoint_id: FromPath[UUID],
    idempotency_key: IdempotencyKey,
) -> Response[EndpointSecret]:  # fmt: skip
    """Rotate the secret; a repeat with the last key returns the same one."""
    found, is_replay = await hooks.rotate_secret(
        house.studio, workspace_id=workspace_id, endpoint_id=endpoint_id, key=idempotency_key
    )
    return Response(_secret(found), headers=replay_headers(is_replay=is_replay))


@get(
    "/workspaces/{workspace_id:uuid}/webhooks/{endpoint_id:uuid}/deliveries",
    operation_id="listDeliveries", tags=["webhooks"],
    summary="What was sent to a webhook, newest first",
    responses=documented(UnknownEndpoint, BadCursor),
)  # fmt: skip
async def list_deliveries(
    *, house: HouseHere, workspace_id: FromPath[UUID], endpoint_id: FromPath[UUID],
    limit: Limit = 50, after: After = None,
) -> DeliveryPage:  # fmt: skip
    """Return a page of deliveries."""
    begin = place_of(after, begin=LAST)
    async with house.studio.reading() as connection:
        await webhooks.endpoint(connection, workspace_id=workspace_id, endpoint_id=endpoint_id)
        found = await webhooks.deliveries(
            connection, workspace_id=workspace_id, endpoint_id=endpoint_id,
            before=(begin.at, begin.item_id), limit=limit + 1,
        )  # fmt: skip
    last = found[limit - 1] if len(found) > limit else None
    following = cursor_of(at=last.created_at, item_id=last.event_id) if last else None
    return DeliveryPage(deliveries=found[:limit], next=following)


@post(
    "/workspaces/{workspace_id:uuid}/webhooks/{endpoint_id:uuid}/deliveries/{event_id:uuid}/replay",
    operation_id="replayDelivery", tags=["webhooks"], status_code=200,
    summary="Send an event to a webhook once more, under the same id",
    responses=documented(UnknownEndpoint, UnknownDelivery),
)  # fmt: skip
async def replay_delivery(
    *, house: HouseHere, workspace_id: FromPath[UUID], endpoint_id: FromPath[UUID],
    event_id: FromPath[UUID],
) -> Delivery:  # fmt: skip
    """Let an event be sent again."""
    return await sending.replay(
        house.studio, workspace_id=workspace_id, endpoint_id=endpoint_id, event_id=event_id
    )


async def _found(house: HouseHere, workspace_id: UUID, endpoint_id: UUID) -> Endpoint:
    async with house.studio.reading() as connection:
        return await webhooks.endpoint(
            connection, workspace_id=workspace_id, endpoint_id=endpoint_id
        )


def _shape(found: Endpoint) -> EndpointShape:
    return EndpointShape(**{name: getattr(found, name) for name in EndpointShape.__struct_fields__})


def _secret(found: Endpoint) -> EndpointSecret:
    names = EndpointSecret.__struct_fields__
    return EndpointSecret(**{name: getattr(found, name) for name in names})
