"""Forecasts and advice: until when credits last, what would lapse, and what a board lacks."""

from uuid import UUID

import msgspec
from litestar import get
from litestar.params import FromPath

from mutoscope.app.advice import Advice, advise
from mutoscope.app.forecast import Forecast, forecast
from mutoscope.domain.catalog import UnknownTool
from mutoscope.domain.estimate import BadDuration, BadRatio
from mutoscope.storage.storyboard import UnknownProject
from mutoscope.storage.workspaces import UnknownWorkspace
from mutoscope.web.api.shape import HouseHere
from mutoscope.web.errors import documented


class Forecasts(msgspec.Struct, frozen=True, kw_only=True):
    """The forecasts of a workspace, by kind."""

    workspace_id: UUID
    forecasts: tuple[Forecast, ...]


@get(
    "/workspaces/{workspace_id:uuid}/forecast", operation_id="showForecast", tags=["credits"],
    summary="Until when each wallet lasts at the present rate, and what would lapse unspent",
    responses=documented(UnknownWorkspace),
)  # fmt: skip
async def show_forecast(*, house: HouseHere, workspace_id: FromPath[UUID]) -> Forecasts:
    """Return the forecast of each wallet."""
    found = await forecast(house.studio, workspace_id=workspace_id)
    return Forecasts(workspace_id=workspace_id, forecasts=found)


@get(
    "/workspaces/{workspace_id:uuid}/projects/{project_id:uuid}/advice",
    operation_id="showAdvice", tags=["storyboard"],
    summary="What a board lacks in credits, and the cheapest way to have them",
    responses=documented(UnknownWorkspace, UnknownProject, UnknownTool, BadDuration, BadRatio),
)  # fmt: skip
async def show_advice(
    *, house: HouseHere, workspace_id: FromPath[UUID], project_id: FromPath[UUID]
) -> Advice:
    """Return what to do about what is short."""
    return await advise(house.studio, workspace_id=workspace_id, project_id=project_id)
