"""Receipts as PDF, with the instants of the workspace's own zone."""

import asyncio
from typing import Final
from uuid import UUID

from litestar import Response, get
from litestar.params import FromPath

from mutoscope.app.receipt import receipt
from mutoscope.app.receipt_page import receipt_page
from mutoscope.documents.letters import FontMissing
from mutoscope.documents.receipt_pdf import receipt_pdf
from mutoscope.storage import workspaces
from mutoscope.storage.jobs import UnknownJob
from mutoscope.web.api.shape import HouseHere
from mutoscope.web.errors import documented

MEDIA_TYPE: Final = "application/pdf"


@get(
    "/workspaces/{workspace_id:uuid}/jobs/{job_id:uuid}/receipt.pdf", operation_id="printReceipt",
    tags=["jobs"], summary="The receipt of a job, printed", media_type=MEDIA_TYPE,
    responses=documented(UnknownJob, FontMissing),
)  # fmt: skip
async def print_receipt(
    *, house: HouseHere, workspace_id: FromPath[UUID], job_id: FromPath[UUID]
) -> Response[bytes]:
    """Return the receipt of a job as PDF, finished or not."""
    found = await receipt(house.studio, workspace_id=workspace_id, job_id=job_id)
    async with house.studio.reading() as connection:
        workspace = await workspaces.get(connection, workspace_id=workspace_id)
    page = receipt_page(found, zone=workspace.zone)
    content = await asyncio.to_thread(receipt_pdf, page, fonts=house.fonts)
    name = f'inline; filename="receipt-{job_id}.pdf"'
    return Response(content, media_type=MEDIA_TYPE, headers={"Content-Disposition": name})
