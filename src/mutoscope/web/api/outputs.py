"""Outputs: the files that jobs delivered, to look at, or to download where the plan allows it."""

from typing import Annotated, Any, Final
from uuid import UUID

from litestar import get
from litestar.params import FromPath, QueryParameter
from litestar.response import File

from mutoscope.assets.folder import AssetMissing
from mutoscope.domain.access import NotEntitled
from mutoscope.domain.credits import Refusal
from mutoscope.domain.offers import Entitlement
from mutoscope.storage import jobs, workspaces
from mutoscope.storage.jobs import StoredOutput, UnknownJob
from mutoscope.web.api.shape import HouseHere
from mutoscope.web.errors import documented

HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Cache-Control": "private, max-age=31536000, immutable",
}

IsDownload = Annotated[
    bool, QueryParameter(description="as an attachment; the plan has to include downloads")
]


class UnknownOutput(Refusal):
    """A number of which a job has not delivered a file."""

    code = "unknown_output"

    def __init__(self, *, job_id: UUID, ordinal: int) -> None:
        super().__init__(f"job {job_id} has delivered no file {ordinal}: the job lists its outputs")
        self.job_id = job_id
        self.ordinal = ordinal


@get(
    "/workspaces/{workspace_id:uuid}/jobs/{job_id:uuid}/outputs/{ordinal:int}",
    operation_id="showOutput", tags=["jobs"], summary="A delivered file, to look at or download",
    media_type="application/octet-stream",
    responses=documented(UnknownJob, UnknownOutput, AssetMissing, NotEntitled),
)  # fmt: skip
async def show_output(
    *, house: HouseHere, workspace_id: FromPath[UUID], job_id: FromPath[UUID],
    ordinal: FromPath[int], is_download: IsDownload = False,
) -> File:  # fmt: skip
    """Return a file; to download it the workspace's plan has to allow that now."""
    studio = house.studio
    async with studio.reading() as connection:
        await jobs.get(connection, workspace_id=workspace_id, job_id=job_id)
        found = await jobs.outputs_of(connection, workspace_id=workspace_id, job_id=job_id)
        workspace = await workspaces.get(connection, workspace_id=workspace_id)
    output = next((each for each in found if each.ordinal == ordinal), None)
    if output is None:
        raise UnknownOutput(job_id=job_id, ordinal=ordinal)
    if is_download:
        access = studio.access_of(workspace, at=studio.clock.now())
        access.require(Entitlement.DOWNLOADS)
    path = studio.assets.path(digest=output.asset)
    name = f"{job_id}-{ordinal}{path.suffix}"
    return File(path, filename=name, **_form(output, is_download=is_download))


def _form(output: StoredOutput, *, is_download: bool) -> dict[str, Any]:
    disposition = "attachment" if is_download else "inline"
    return {
        "media_type": output.media_type, "content_disposition_type": disposition,
        "headers": HEADERS,
    }  # fmt: skip
