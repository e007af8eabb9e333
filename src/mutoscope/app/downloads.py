"""Downloads: who may take a file away, and the links under which it is handed out.

What is allowed is judged at the act, again when a link is opened. The surprising choice: a file
that was made while a plan ran that includes downloads stays downloadable when the plan is over, so
two instants are judged, and either is enough, until the account is closed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from mutoscope.domain.asset_links import AssetLink, checked_lasting, opened, signed
from mutoscope.domain.credits import Refusal
from mutoscope.domain.offers import Entitlement
from mutoscope.domain.subscriptions import State
from mutoscope.storage import assets, workspaces
from mutoscope.storage.assets import Asset, NamedFile

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from mutoscope.app.studio import Studio
    from mutoscope.storage.database import Connection

LASTS: Final = timedelta(minutes=15)
"""How long a link lasts when nobody says."""


class UnknownAsset(Refusal):
    """A digest of which a workspace has no file."""

    code = "unknown_asset"

    def __init__(self, *, sha256: str) -> None:
        super().__init__(
            f"this workspace has no file {sha256}: jobs and exports name theirs (an exported file "
            "is given up after a time: export again)"
        )
        self.sha256 = sha256


class QuotaExceeded(Refusal):
    """A file for which a workspace has no room."""

    code = "quota_exceeded"

    def __init__(self, *, quota_bytes: int, used_bytes: int, size_bytes: int) -> None:
        super().__init__(
            f"this file has {size_bytes:,} bytes, and {used_bytes:,} of {quota_bytes:,} are in "
            "use: ask support for more room"
        )
        self.quota_bytes = quota_bytes
        self.used_bytes = used_bytes
        self.size_bytes = size_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """A link's text, and when it ends."""

    token: str
    expires_at: datetime


async def require(
    studio: Studio, connection: Connection, *, workspace_id: UUID, made_at: datetime,
    entitlement: Entitlement = Entitlement.DOWNLOADS,
) -> None:  # fmt: skip
    """Pass when a file may be taken away now, or might when the work was made.

    :raises UnknownWorkspace: when there is no such workspace.
    :raises NotEntitled: when neither is so, or the account is closed.
    """
    workspace = await workspaces.get(connection, workspace_id=workspace_id)
    access = studio.access_of(workspace, at=studio.clock.now())
    then = await assets.plan_at(connection, workspace_id=workspace_id, at=made_at)
    if then is not None and access.state is not State.CLOSED:
        plan = studio.catalog.version_of(plan=then, at=made_at).plan(key=then)
        if entitlement in plan.entitlements:
            return
    access.require(entitlement)


async def hand_out(
    studio: Studio, *, workspace_id: UUID, asset: bytes, is_download: bool,
    lasts: timedelta = LASTS,
) -> Handed:  # fmt: skip
    """Return a link to a file of a workspace; to download it has to be allowed.

    :raises BadLasting: when the link would last too long, or not at all.
    :raises UnknownAsset: when the workspace has no such file.
    :raises NotEntitled: when its plan does not include downloads, nor did it then.
    """
    checked_lasting(lasts)
    async with studio.reading() as connection:
        file = await named(connection, workspace_id=workspace_id, asset=asset)
        if is_download:
            await _require_file(studio, connection, file, workspace_id=workspace_id)
    link = AssetLink(
        workspace_id=workspace_id, asset=asset, is_download=is_download,
        expires_at=(studio.clock.now() + lasts).replace(microsecond=0),
    )  # fmt: skip
    return Handed(token=signed(link, key=studio.asset_rules.link_key), expires_at=link.expires_at)


async def follow(studio: Studio, *, token: str) -> tuple[AssetLink, NamedFile]:
    """Return what a link names, and the file as its workspace knows it.

    :raises LinkForged: when this house has not signed it.
    :raises LinkExpired: when its time is over.
    :raises UnknownAsset: when the workspace has no such file any more.
    :raises NotEntitled: when it is to be downloaded, and that is allowed no more.
    """
    link = opened(token, key=studio.asset_rules.link_key, at=studio.clock.now())
    async with studio.reading() as connection:
        file = await named(connection, workspace_id=link.workspace_id, asset=link.asset)
        if link.is_download:
            await _require_file(studio, connection, file, workspace_id=link.workspace_id)
    return link, file


async def _require_file(
    studio: Studio, connection: Connection, file: NamedFile, *, workspace_id: UUID
) -> None:
    await require(
        studio, connection, workspace_id=workspace_id, made_at=file.made_at,
        entitlement=Entitlement.EXPORTS if file.is_export else Entitlement.DOWNLOADS,
    )  # fmt: skip


async def named(connection: Connection, *, workspace_id: UUID, asset: bytes) -> NamedFile:
    """Return a file of a workspace.

    :raises UnknownAsset: when it has none of that digest.
    """
    found = await assets.find(connection, workspace_id=workspace_id, asset=asset)
    if found is None:
        raise UnknownAsset(sha256=asset.hex())
    return found


async def keep(studio: Studio, asset: Asset) -> None:
    """Note a stored file as one that its workspace keeps.

    :raises UnknownWorkspace: when there is no such workspace.
    """
    async with studio.reading() as connection:
        await workspaces.get(connection, workspace_id=asset.workspace_id)
        await assets.add(connection, asset)


async def require_room(studio: Studio, *, workspace_id: UUID, size_bytes: int) -> None:
    """Pass when a workspace has room for a file.

    :raises QuotaExceeded: when it has not.
    """
    quota_bytes = studio.asset_rules.quota_bytes
    if not quota_bytes:
        return
    async with studio.reading() as connection:
        used_bytes = await assets.used_bytes(connection, workspace_id=workspace_id)
    if used_bytes + size_bytes > quota_bytes:
        raise QuotaExceeded(
            quota_bytes=quota_bytes, used_bytes=used_bytes, size_bytes=size_bytes
        )  # fmt: skip
