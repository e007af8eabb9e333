"""Files of a workspace: links to them, and pictures that somebody brings."""

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from litestar import Request, Response, get, post
from litestar.openapi.spec import OpenAPIMediaType, Operation, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIFormat, OpenAPIType
from litestar.params import FromPath, JSONBody
from litestar.response import Stream
from litestar.status_codes import HTTP_302_FOUND

from mutoscope.app import downloads
from mutoscope.app.downloads import QuotaExceeded, UnknownAsset
from mutoscope.assets import pictures
from mutoscope.assets.refusals import AssetMissing
from mutoscope.assets.uploads import upload
from mutoscope.domain.access import NotEntitled
from mutoscope.domain.asset_links import LASTS_MAX
from mutoscope.domain.sealed_links import LinkExpired, LinkForged
from mutoscope.storage.workspaces import UnknownWorkspace
from mutoscope.web.api.callers import LINKS
from mutoscope.web.api.serving import served, suffix_of
from mutoscope.web.api.shape import HouseHere
from mutoscope.web.errors import documented

DIGEST_HEX: Final = 64
REFUSED_PICTURES: Final = (
    pictures.NotAPicture, pictures.PictureAnimated, pictures.PictureTooLarge,
    pictures.PictureTooSmall, pictures.PictureTruncated,
)  # fmt: skip
LastsS = Annotated[int, msgspec.Meta(ge=1, le=int(LASTS_MAX.total_seconds()))]


class NewLink(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A link that is asked for: to look at a file, or to download it."""

    is_download: bool = False
    lasts_s: LastsS = int(downloads.LASTS.total_seconds())


class LinkShape(msgspec.Struct, frozen=True, kw_only=True):
    """An address that needs no key and is dead from an instant on."""

    url: str
    expires_at: datetime


class PictureShape(msgspec.Struct, frozen=True, kw_only=True):
    """A picture that was taken in: upright, in sRGB, without what its camera noted."""

    sha256: str
    media_type: str
    size_bytes: int
    width: int
    height: int


@dataclass
class PictureOperation(Operation):
    """The description of a route whose body is a picture."""

    def __post_init__(self) -> None:
        """Describe the body."""
        schema = Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY)
        content = {"image/*": OpenAPIMediaType(schema=schema)}
        self.request_body = RequestBody(content=content, required=True)


def link_shape(handed: downloads.Handed) -> LinkShape:
    """Return a link as it is told."""
    return LinkShape(url=f"{LINKS}{handed.token}", expires_at=handed.expires_at)


@post(
    "/workspaces/{workspace_id:uuid}/assets/{sha256:str}/links", operation_id="handOutAsset",
    tags=["files"], summary="A link to a file, signed and expiring",
    responses=documented(
        UnknownWorkspace, UnknownAsset, NotEntitled, "not_json", "body_too_large"
    ),
)  # fmt: skip
async def hand_out_asset(
    *, house: HouseHere, workspace_id: FromPath[UUID], sha256: FromPath[str],
    data: JSONBody[NewLink],
) -> LinkShape:  # fmt: skip
    """Return a link; to download, the workspace's plan has to allow it, now or then."""
    handed = await downloads.hand_out(
        house.studio, workspace_id=workspace_id, asset=_digest(sha256),
        is_download=data.is_download, lasts=timedelta(seconds=data.lasts_s),
    )  # fmt: skip
    return link_shape(handed)


@get(
    "/links/{token:str}", operation_id="openLink", tags=["files"],
    summary="The file that a link names", media_type="application/octet-stream", security=[{}],
    responses=documented(
        LinkForged, LinkExpired, UnknownAsset, NotEntitled, AssetMissing, "assets_unreachable"
    ),
)  # fmt: skip
async def open_link(*, house: HouseHere, token: FromPath[str]) -> Stream | Response[bytes]:
    """Return the file, or lead to where the store serves it."""
    studio = house.studio
    link, file = await downloads.follow(studio, token=token)
    if studio.asset_rules.can_redirect:
        lasts = link.expires_at - studio.clock.now()
        address = await asyncio.to_thread(studio.assets.link, digest=link.asset, lasts=lasts)
        if address is not None:
            return Response(b"", status_code=HTTP_302_FOUND, headers={"Location": address})
    named = replace(file, name=_named(file.name, file.media_type))
    return await served(studio, named, is_download=link.is_download)


@post(
    "/workspaces/{workspace_id:uuid}/pictures", operation_id="bringPicture", tags=["files"],
    summary="Bring a picture: it is judged, turned upright and kept",
    operation_class=PictureOperation, request_max_body_size=pictures.PICTURE_BYTES_MAX,
    responses=documented(
        *REFUSED_PICTURES, UnknownWorkspace, QuotaExceeded, "body_too_large", "assets_unwritable"
    ),
)  # fmt: skip
async def bring_picture(
    *, house: HouseHere, workspace_id: FromPath[UUID], request: Request[Any, Any, Any]
) -> Response[PictureShape]:
    """Keep a picture; the same one again is the same file."""
    asset = await upload(house.studio, workspace_id=workspace_id, content=await request.body())
    assert asset.width is not None
    assert asset.height is not None
    return Response(
        PictureShape(
            sha256=asset.asset.hex(), media_type=asset.media_type, size_bytes=asset.size_bytes,
            width=asset.width, height=asset.height,
        )
    )  # fmt: skip


def _digest(sha256: str) -> bytes:
    try:
        digest = bytes.fromhex(sha256)
    except ValueError:
        raise UnknownAsset(sha256=sha256[:DIGEST_HEX]) from None
    if len(digest) * 2 != DIGEST_HEX:
        raise UnknownAsset(sha256=sha256[:DIGEST_HEX])
    return digest


def _named(name: str, media_type: str) -> str:
    """Return a name with an end by which a program can open the file."""
    suffix = suffix_of(media_type)
    return name if name.endswith(suffix) else name + suffix
