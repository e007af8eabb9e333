"""Outputs: the files that jobs delivered, to look at, or to download where that is allowed."""

from typing import Annotated
from uuid import UUID

from litestar import get
from litestar.params import FromPath, QueryParameter
from litestar.response import Stream

from mutoscope.app import downloads
from mutoscope.assets.refusals import AssetMissing
from mutoscope.domain.access import NotEntitled
from mutoscope.storage import jobs
from mutoscope.storage.assets import NamedFile
from mutoscope.storage.jobs import UnknownJob, UnknownOutput
from mutoscope.web.api.serving import served, suffix_of
from mutoscope.web.api.shape import HouseHere
from mutoscope.web.errors import documented

IsDownload = Annotated[
    bool,
    QueryParameter(
        description="as an attachment; the plan has to include downloads, now or when it was made"
    ),
]


@get(
    "/workspaces/{workspace_id:uuid}/jobs/{job_id:uuid}/outputs/{ordinal:int}",
    operation_id="showOutput", tags=["jobs"], summary="A delivered file, to look at or download",
    media_type="application/octet-stream",
    responses=documented(
        UnknownJob, UnknownOutput, AssetMissing, NotEntitled, "assets_unreachable"
    ),
)  # fmt: skip
async def show_output(
    *, house: HouseHere, workspace_id: FromPath[UUID], job_id: FromPath[UUID],
    ordinal: FromPath[int], is_download: IsDownload = False,
) -> Stream:  # fmt: skip
    """Return a file; to download it the workspace's plan has to allow that, now or then."""
    studio = house.studio
    async with studio.reading() as connection:
        job = await jobs.get(connection, workspace_id=workspace_id, job_id=job_id)
        output = await jobs.output(
            connection, workspace_id=workspace_id, job_id=job_id, ordinal=ordinal
        )
        if is_download:
            await downloads.require(
                studio, connection, workspace_id=workspace_id, made_at=job.created_at
            )
    file = NamedFile(
        asset=output.asset, name=f"{job_id}-{ordinal}{suffix_of(output.media_type)}",
        media_type=output.media_type, size_bytes=output.size_bytes, made_at=job.created_at,
    )  # fmt: skip
    return await served(studio, file, is_download=is_download)
