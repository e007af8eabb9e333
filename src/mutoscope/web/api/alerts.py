"""Alerts: what a workspace was told, what it has read, and which ways it wants to be told."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import get, post, put
from litestar.params import FromPath, JSONBody, QueryParameter

from mutoscope.app.alerts import set_preference
from mutoscope.domain.alerts import AlertCode
from mutoscope.storage import alerts, workspaces
from mutoscope.storage.alerts import Alert, Preference, UnknownAlert
from mutoscope.storage.cursor import BadCursor
from mutoscope.storage.place import LAST, cursor_of, place_of
from mutoscope.storage.workspaces import UnknownWorkspace
from mutoscope.web.api.cursors import After, Limit
from mutoscope.web.api.shape import HouseHere
from mutoscope.web.errors import documented

Unread = Annotated[bool, QueryParameter(description="those alone that nobody has read")]


class AlertPage(msgspec.Struct, frozen=True, kw_only=True):
    """Alerts, newest first; `next` is the cursor of the page after, None on the last."""

    alerts: tuple[Alert, ...]
    next: str | None


class ReadAlerts(msgspec.Struct, frozen=True, kw_only=True):
    """How many alerts were unread until now."""

    read: int


class Preferences(msgspec.Struct, frozen=True, kw_only=True):
    """Where alerts of each code go; in the app they always stand."""

    preferences: tuple[Preference, ...]


class NewPreference(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where alerts of a code are to go."""

    by_email: bool
    by_webhook: bool


@get(
    "/workspaces/{workspace_id:uuid}/alerts", operation_id="listAlerts", tags=["alerts"],
    summary="What a workspace was told of its credits, newest first",
    responses=documented(UnknownWorkspace, BadCursor),
)  # fmt: skip
async def list_alerts(
    *, house: HouseHere, workspace_id: FromPath[UUID], unread: Unread = False, limit: Limit = 50,
    after: After = None,
) -> AlertPage:  # fmt: skip
    """Return a page of alerts."""
    begin = place_of(after, begin=LAST)
    async with house.studio.reading() as connection:
        found = await alerts.page(
            connection, workspace_id=workspace_id, before=(begin.at, begin.item_id),
            is_unread=unread, limit=limit + 1,
        )  # fmt: skip
        if not found:
            await workspaces.get(connection, workspace_id=workspace_id)
    last = found[limit - 1] if len(found) > limit else None
    following = cursor_of(at=last.raised_at, item_id=last.alert_id) if last else None
    return AlertPage(alerts=found[:limit], next=following)


@post(
    "/workspaces/{workspace_id:uuid}/alerts/{alert_id:uuid}/read", operation_id="readAlert",
    tags=["alerts"], status_code=200, summary="Note that an alert was read",
    responses=documented(UnknownAlert),
)  # fmt: skip
async def read_alert(
    *, house: HouseHere, workspace_id: FromPath[UUID], alert_id: FromPath[UUID]
) -> Alert:
    """Mark an alert as read; the first reading counts."""
    async with house.studio.reading() as connection:
        return await alerts.mark_read(
            connection, workspace_id=workspace_id, alert_id=alert_id, at=house.studio.clock.now()
        )


@post(
    "/workspaces/{workspace_id:uuid}/alerts/read", operation_id="readAlerts", tags=["alerts"],
    status_code=200, summary="Note that all alerts were read",
    responses=documented(UnknownWorkspace),
)  # fmt: skip
async def read_alerts(*, house: HouseHere, workspace_id: FromPath[UUID]) -> ReadAlerts:
    """Mark all alerts as read."""
    async with house.studio.reading() as connection:
        await workspaces.get(connection, workspace_id=workspace_id)
        read = await alerts.mark_all_read(
            connection, workspace_id=workspace_id, at=house.studio.clock.now()
        )
    return ReadAlerts(read=read)


@get(
    "/workspaces/{workspace_id:uuid}/alert-preferences", operation_id="showAlertPreferences",
    tags=["alerts"], summary="Which alerts come by e-mail and by webhook",
    responses=documented(UnknownWorkspace),
)  # fmt: skip
async def show_preferences(*, house: HouseHere, workspace_id: FromPath[UUID]) -> Preferences:
    """Return where alerts go."""
    async with house.studio.reading() as connection:
        await workspaces.get(connection, workspace_id=workspace_id)
        found = await alerts.preferences(connection, workspace_id=workspace_id)
    return Preferences(preferences=found)


@put(
    "/workspaces/{workspace_id:uuid}/alert-preferences/{code:str}",
    operation_id="setAlertPreference", tags=["alerts"],
    summary="Say whether alerts of a code come by e-mail and by webhook",
    responses=documented(UnknownWorkspace, "not_json", "body_too_large"),
)  # fmt: skip
async def write_preference(
    *, house: HouseHere, workspace_id: FromPath[UUID], code: FromPath[AlertCode],
    data: JSONBody[NewPreference],
) -> Preferences:  # fmt: skip
    """Set where alerts of a code go; return all preferences."""
    wish = Preference(code=code, by_email=data.by_email, by_webhook=data.by_webhook)
    found = await set_preference(house.studio, workspace_id=workspace_id, preference=wish)
    return Preferences(preferences=found)
