"""The billing dates as a calendar, for who has a key; calendar programs have a link instead."""

from typing import Final
from uuid import UUID

from litestar import Response, get
from litestar.params import FromPath

from mutoscope.app.billing_feed import NoPlan, workspace_feed
from mutoscope.storage.workspaces import UnknownWorkspace
from mutoscope.web.api.shape import HouseHere
from mutoscope.web.errors import documented

MEDIA_TYPE: Final = "text/calendar"
HEADERS: Final = {"Content-Disposition": 'inline; filename="billing.ics"'}


@get(
    "/workspaces/{workspace_id:uuid}/subscription/calendar.ics",
    operation_id="showBillingCalendar", tags=["plans"], media_type=MEDIA_TYPE,
    summary="The billing dates as a calendar: what was, and two years ahead",
    responses=documented(UnknownWorkspace, NoPlan),
)  # fmt: skip
async def show_calendar(*, house: HouseHere, workspace_id: FromPath[UUID]) -> Response[str]:
    """Return the billing dates, with what is scheduled."""
    text = await workspace_feed(house.studio, workspace_id=workspace_id)
    return Response(text, media_type=MEDIA_TYPE, headers=HEADERS)
