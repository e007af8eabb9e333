"""Exports: a storyboard as PDF, film or archive, made in the background, handed out by a link."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, JSONBody

from mutoscope.app import export as ordering
from mutoscope.app.export import ExportIsFinal, NothingToExport
from mutoscope.app.export_board import GRIDS, ExportOptions, ExportWish, Field, Form
from mutoscope.bootstrap import House
from mutoscope.domain.access import NotEntitled
from mutoscope.domain.credits import BadKey
from mutoscope.domain.planner import KeyReused
from mutoscope.storage import exports
from mutoscope.storage import storyboard as projects
from mutoscope.storage.exports import Export, ExportState, UnknownExport
from mutoscope.storage.storyboard import UnknownProject
from mutoscope.storage.workspaces import UnknownWorkspace
from mutoscope.web.api.files import LinkShape, link_shape
from mutoscope.web.api.shape import HouseHere, IdempotencyKey
from mutoscope.web.api.workspaces import replay_headers
from mutoscope.web.errors import IdempotencyKeyMissing, documented

LISTED_MAX = 50
Fields = Annotated[Sequence[Field], msgspec.Meta(max_length=len(Field))]
Grid = Literal["2x2", "2x3", "3x3", "list"]
assert set(GRIDS) == set(Grid.__args__)  # type: ignore[attr-defined]  # a literal has them


class NewExport(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is made: `grid` and `fields` are the PDF's, `has_titles` the animatic's."""

    form: Form
    grid: Grid = "2x3"
    fields: Fields = tuple(Field)
    has_titles: bool = False


class ExportShape(msgspec.Struct, frozen=True, kw_only=True):
    """An export and how far it is; `link` is there when its file may be had."""

    export_id: UUID
    workspace_id: UUID
    project_id: UUID
    key: str
    form: Form
    state: ExportState
    is_cancel_asked: bool
    progress: float
    name: str | None
    reason: str | None
    sentence: str | None
    link: LinkShape | None
    created_at: datetime
    finished_at: datetime | None


class ExportList(msgspec.Struct, frozen=True, kw_only=True):
    """The exports of a project, newest first."""

    exports: tuple[ExportShape, ...]


@post(
    "/workspaces/{workspace_id:uuid}/projects/{project_id:uuid}/exports",
    operation_id="orderExport", tags=["exports"], status_code=201,
    summary="Export a storyboard: PDF, animatic or ZIP, made in the background",
    responses=documented(
        UnknownWorkspace, UnknownProject, NotEntitled, NothingToExport, BadKey, KeyReused,
        IdempotencyKeyMissing, "not_json", "body_too_large",
    ),
)  # fmt: skip
async def order_export(
    *, house: HouseHere, workspace_id: FromPath[UUID], project_id: FromPath[UUID],
    data: JSONBody[NewExport], idempotency_key: IdempotencyKey,
) -> Response[ExportShape]:  # fmt: skip
    """Order an export; a repeat with the same key returns the same one."""
    options = ExportOptions(
        grid=data.grid, fields=tuple(each for each in Field if each in data.fields),
        has_titles=data.has_titles,
    )  # fmt: skip
    export, is_replay = await ordering.order(
        house.studio, workspace_id=workspace_id, project_id=project_id,
        wish=ExportWish(form=data.form, options=options), key=idempotency_key,
    )  # fmt: skip
    place = f"/v1/workspaces/{workspace_id}/exports/{export.export_id}"
    headers = {"Location": place, **replay_headers(is_replay=is_replay)}
    return Response(await _shape(house, export), headers=headers)


@get(
    "/workspaces/{workspace_id:uuid}/projects/{project_id:uuid}/exports",
    operation_id="listExports", tags=["exports"], summary="The latest exports of a storyboard",
    responses=documented(UnknownProject),
)  # fmt: skip
async def list_exports(
    *, house: HouseHere, workspace_id: FromPath[UUID], project_id: FromPath[UUID]
) -> ExportList:
    """Return the latest exports, newest first."""
    async with house.studio.reading() as connection:
        await projects.project(connection, workspace_id=workspace_id, project_id=project_id)
        found = await exports.of_project(
            connection, workspace_id=workspace_id, project_id=project_id, limit=LISTED_MAX
        )
    return ExportList(exports=tuple([await _shape(house, export) for export in found]))


@get(
    "/workspaces/{workspace_id:uuid}/exports/{export_id:uuid}", operation_id="showExport",
    tags=["exports"], summary="How far an export is, and the link to its file",
    responses=documented(UnknownExport),
)  # fmt: skip
async def show_export(
    *, house: HouseHere, workspace_id: FromPath[UUID], export_id: FromPath[UUID]
) -> ExportShape:
    """Return an export."""
    async with house.studio.reading() as connection:
        export = await exports.get(connection, workspace_id=workspace_id, export_id=export_id)
    return await _shape(house, export)


@post(
    "/workspaces/{workspace_id:uuid}/exports/{export_id:uuid}/cancel",
    operation_id="cancelExport", tags=["exports"], status_code=200,
    summary="Ask for an export to be stopped: nothing of it is left",
    responses=documented(UnknownExport, ExportIsFinal),
)  # fmt: skip
async def cancel_export(
    *, house: HouseHere, workspace_id: FromPath[UUID], export_id: FromPath[UUID]
) -> ExportShape:
    """Ask for an export to be stopped."""
    export = await ordering.cancel(house.studio, workspace_id=workspace_id, export_id=export_id)
    return await _shape(house, export)


async def _shape(house: House, export: Export) -> ExportShape:
    others = ("key", "form", "link")
    own = [name for name in ExportShape.__struct_fields__ if name not in others]
    handed = await ordering.link_of(house.studio, export)
    return ExportShape(
        **{name: getattr(export, name) for name in own}, key=export.request_key,
        form=Form(export.form), link=None if handed is None else link_shape(handed),
    )  # fmt: skip
