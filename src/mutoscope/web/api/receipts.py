"""Receipts: what a job made, what it cost, and every line of the ledger about it."""

from uuid import UUID

import msgspec
from litestar import get
from litestar.params import FromPath

from mutoscope.app.receipt import receipt
from mutoscope.storage.jobs import UnknownJob
from mutoscope.web.api.history import LineShape, line_shape
from mutoscope.web.api.jobs import JobShape, OutputShape, job_shape, output_shape
from mutoscope.web.api.shape import HouseHere
from mutoscope.web.errors import documented


class ReceiptShape(msgspec.Struct, frozen=True, kw_only=True):
    """A job, its outputs, and its lines, oldest first."""

    job: JobShape
    outputs: tuple[OutputShape, ...]
    lines: tuple[LineShape, ...]


@get(
    "/workspaces/{workspace_id:uuid}/jobs/{job_id:uuid}/receipt", operation_id="showReceipt",
    tags=["jobs"], summary="What a job made, what it cost, and which lots paid",
    responses=documented(UnknownJob),
)  # fmt: skip
async def show_receipt(
    *, house: HouseHere, workspace_id: FromPath[UUID], job_id: FromPath[UUID]
) -> ReceiptShape:
    """Return the receipt of a job, finished or not."""
    found = await receipt(house.studio, workspace_id=workspace_id, job_id=job_id)
    return ReceiptShape(
        job=job_shape(found.job),
        outputs=tuple(output_shape(found.job, output) for output in found.outputs),
        lines=tuple(map(line_shape, found.lines)),
    )
