"""Webhooks: where a workspace wants its events, the secrets they are signed with, and the events.

An event is put on its way in the transaction of what it tells of (`event_rows`; ends of jobs,
documents and purchases do so in the very statement that writes them); it is sent afterwards
(`app.deliveries`). A secret is shown when it is made, and when that very request is repeated; after
a rotation the one before signs along for a day.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid5

from mutoscope.domain.credits import Refusal, checked_key
from mutoscope.domain.planner import KeyReused
from mutoscope.storage import webhooks as rows
from mutoscope.storage import workspaces
from mutoscope.storage.session import SideRow
from mutoscope.storage.webhooks import Endpoint

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from mutoscope.app.studio import Studio

NAMESPACE: Final = "webhook"
ENDPOINTS_MAX: Final = 20
"""Endpoints of a workspace: each event is written once for each of them."""

OVERLAP: Final = timedelta(days=1)
"""How long the secret before a rotation signs along."""

PREFIX: Final = "whsec_"
EVENT_TYPES: Final = ("alert.raised", "invoice.issued", "job.finished", "purchase.granted")
"""What webhooks are told; the other three are written by SQL, with what they tell."""


class BadWebhookAddress(Refusal):
    """An address to which nothing may be sent."""

    code = "bad_webhook_address"

    def __init__(self, *, reason: str) -> None:
        super().__init__(
            f"nothing can be sent to this address, for {reason}: give one of yours as "
            "https://host.example/path"
        )
        self.reason = reason


class BadEventType(Refusal):
    """A filter that names no event."""

    code = "bad_event_type"

    def __init__(self, *, event_type: str) -> None:
        super().__init__(
            f"{event_type[:60]!r} is no type of an event: there are {', '.join(EVENT_TYPES)}; "
            "none at all asks for every one"
        )
        self.event_type = event_type


class TooManyEndpoints(Refusal):
    """One more endpoint than a workspace may have."""

    code = "too_many_endpoints"

    def __init__(self) -> None:
        super().__init__(f"the workspace has {ENDPOINTS_MAX} webhooks: remove one of them first")


async def add_endpoint(
    studio: Studio, *, workspace_id: UUID, url: str, event_types: Sequence[str], key: str
) -> tuple[Endpoint, bool]:
    """Take an endpoint under a key of the client's; return it, and whether it was there before.

    :raises UnknownWorkspace: when there is no such workspace.
    :raises BadWebhookAddress: when nothing may be sent to the address.
    :raises BadEventType: when the filter names no event.
    :raises TooManyEndpoints: when the workspace has its most.
    :raises KeyReused: when the key was used for another endpoint.
    """
    endpoint_id = uuid5(workspace_id, f"{NAMESPACE}/{checked_key(key)}")
    _check(studio, url, event_types)
    made = Endpoint(
        workspace_id=workspace_id, endpoint_id=endpoint_id, creation_key=key, url=url,
        event_types=tuple(event_types), secret=_secret(studio), previous_secret=None,
        previous_until=None, rotation_key=None, state="on", off_reason=None, failing_since=None,
        created_at=studio.clock.now(), off_at=None,
    )  # fmt: skip
    async with studio.reading() as connection:
        await workspaces.get(connection, workspace_id=workspace_id)
        count = await rows.count_endpoints(connection, workspace_id=workspace_id)
        if count < ENDPOINTS_MAX and await rows.add_endpoint(connection, endpoint=made):
            return made, False
        if count >= ENDPOINTS_MAX and not await _is_known(studio, made):
            raise TooManyEndpoints
        before = await rows.endpoint(connection, workspace_id=workspace_id, endpoint_id=endpoint_id)
    if (before.url, before.event_types) != (made.url, made.event_types):
        raise KeyReused(namespace=NAMESPACE, key=key)
    return before, True


async def change_endpoint(
    studio: Studio, *, before: Endpoint, url: str, event_types: Sequence[str], is_on: bool
) -> Endpoint:
    """Give an endpoint another address or filter, or switch it on or off.

    :raises UnknownEndpoint: when it was removed meanwhile.
    :raises BadWebhookAddress: when nothing may be sent to the address.
    :raises BadEventType: when the filter names no event.
    """
    _check(studio, url, event_types)
    async with studio.reading() as connection:
        await rows.change_endpoint(
            connection, before=before, url=url, event_types=event_types, is_on=is_on,
            at=studio.clock.now(),
        )  # fmt: skip
        return await rows.endpoint(
            connection, workspace_id=before.workspace_id, endpoint_id=before.endpoint_id
        )


async def rotate_secret(
    studio: Studio, *, workspace_id: UUID, endpoint_id: UUID, key: str
) -> tuple[Endpoint, bool]:
    """Give an endpoint a new secret; return it, and whether this key had done so before.

    :raises UnknownEndpoint: when the workspace has no such endpoint.
    """
    checked_key(key)
    async with studio.reading() as connection:
        before = await rows.endpoint(connection, workspace_id=workspace_id, endpoint_id=endpoint_id)
        is_new = await rows.rotate_secret(
            connection, before=before, secret=_secret(studio), key=key,
            previous_until=studio.clock.now() + OVERLAP,
        )  # fmt: skip
        found = await rows.endpoint(connection, workspace_id=workspace_id, endpoint_id=endpoint_id)
    return found, not is_new


def event_rows(
    *, workspace_id: UUID, type: str, data: Mapping[str, Any], at: datetime, event_id: UUID,  # noqa: A002 -- Standard Webhooks' own word
) -> tuple[SideRow, ...]:  # fmt: skip
    """Return the side rows that put an event on its way, whoever wants it, in their transaction.

    The same event's id again sends nothing again. `data` is what JSON has: no instants, no ids.
    """
    assert type in EVENT_TYPES, type
    return (SideRow(rows.write_events, (workspace_id, event_id, type, json.dumps(data), at)),)


def _check(studio: Studio, url: str, event_types: Sequence[str]) -> None:
    reason = studio.hooks.objection(url=url)
    if reason is not None:
        raise BadWebhookAddress(reason=reason)
    for each in event_types:
        if each not in EVENT_TYPES:
            raise BadEventType(event_type=each)


async def _is_known(studio: Studio, made: Endpoint) -> bool:
    async with studio.reading() as connection:
        found = await rows.endpoints(
            connection, workspace_id=made.workspace_id, limit=ENDPOINTS_MAX
        )
    return made.endpoint_id in {each.endpoint_id for each in found}


def _secret(studio: Studio) -> str:
    """Return a secret of 32 bytes, the greater part of them random."""
    return PREFIX + b64encode(studio.ids.new().bytes + studio.ids.new().bytes).decode()
