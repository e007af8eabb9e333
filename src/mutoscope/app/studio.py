"""The studio: what every use case works with, put together by bootstrap."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from mutoscope.domain.access import Access, access_at

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime

    from mutoscope.app.ports import AssetStore, Clock, Generator, Ids
    from mutoscope.domain.catalog import Catalog
    from mutoscope.storage.database import Connection, Pool
    from mutoscope.storage.journal import Journal
    from mutoscope.storage.workspaces import Workspace

ENGINE: Final = "engine"
"""The provider name of the built-in engine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Studio:
    """The ledger's writer, the pool for reading, the catalog, and the outside world.

    `generators` are by provider name, `routes` give a live workspace's provider by tool key.
    `email_key` keys the digests by which a person's one trial is known.
    """

    journal: Journal
    pool: Pool
    catalog: Catalog
    clock: Clock
    ids: Ids
    assets: AssetStore
    generators: Mapping[str, Generator]
    routes: Mapping[str, str]
    email_key: bytes = field(repr=False)

    def reading(self) -> AbstractAsyncContextManager[Connection]:
        """Borrow a connection for reading."""
        return self.pool.acquire()

    def access_of(self, workspace: Workspace, *, at: datetime) -> Access:
        """Return what a workspace may do at an instant."""
        version = self.catalog.version_at(at=at)
        subscription = workspace.subscription
        plan = None if subscription is None else version.plan(key=subscription.plan)
        return access_at(version=version, plan=plan, trial_ends_at=workspace.trial_ends_at, at=at)
