"""Alerts as rows: which wallets are to be looked at, what was told of them, and who read it.

Invariant: what is remembered of a wallet is written over the look before it alone, together with
what that look tells; of two passes at once one tells.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from mutoscope.domain.alerts import AlertCode, Memory, OpenLot, ToldLapse, WalletView
from mutoscope.domain.credits import Refusal
from mutoscope.domain.lots import Lot
from mutoscope.domain.planner import WalletName
from mutoscope.domain.standing import StandingGrant
from mutoscope.storage.database import queries

if TYPE_CHECKING:
    from mutoscope.storage.database import Connection

_SQL: Final = queries("alerts")
BOTH: Final = (True, True)


class UnknownAlert(Refusal):
    """An id that names no alert of the workspace."""

    code = "unknown_alert"

    def __init__(self, *, alert_id: UUID) -> None:
        super().__init__(f"the workspace has no alert {alert_id}: the list of alerts names them")
        self.alert_id = alert_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """What a workspace was told; `kind` and `credits` are absent where it is not about credits."""

    workspace_id: UUID
    alert_id: UUID
    code: AlertCode
    kind: str | None
    threshold: int | None
    credits: int | None
    sentence: str
    data: Mapping[str, Any]
    raised_at: datetime
    read_at: datetime | None = None

    def row(self) -> tuple[Any, ...]:
        """Return its columns in the table's order."""
        return (
            self.workspace_id, self.alert_id, self.code, self.kind, self.threshold, self.credits,
            self.sentence, json.dumps(self.data), self.raised_at, self.read_at,
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Preference:
    """Where alerts of a code go; in the app they always stand."""

    code: AlertCode
    by_email: bool
    by_webhook: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """A wallet as its alerts see it, what is remembered of it, and whose it is.

    `plan` is the key of its current plan, in the catalog's `plan_version`; without one,
    `trial_ends_at` tells of a trial.
    """

    workspace_id: UUID
    kind: str
    version: int
    change: int
    view: WalletView
    memory: Memory
    email: str | None
    zone: str
    trial_ends_at: datetime | None
    is_closed: bool
    plan: str | None
    plan_version: str | None
    standing: tuple[StandingGrant, ...]
    preferences: Mapping[str, tuple[bool, bool]]


async def mark(connection: Connection) -> datetime | None:
    """Return up to when the journals were looked at, or None before the first pass."""
    found: datetime | None = await _SQL.mark(connection)
    return found


async def write_mark(connection: Connection, *, looked_until: datetime) -> None:
    """Note up to when the journals were looked at."""
    await _SQL.write_mark(connection, looked_until=looked_until)


async def moved_wallets(
    connection: Connection, *, since: datetime, until: datetime, at: datetime, limit: int
) -> tuple[WalletName, ...]:
    """Return wallets with entries of a span that were not looked at since."""
    rows = _SQL.moved_wallets(connection, since=since, until=until, at=at, limit=limit)
    return tuple([(row["workspace_id"], row["kind"]) async for row in rows])


async def due_wallets(
    connection: Connection, *, at: datetime, limit: int
) -> tuple[WalletName, ...]:
    """Return wallets of which a lapse comes near."""
    rows = _SQL.due_wallets(connection, at=at, limit=limit)
    return tuple([(row["workspace_id"], row["kind"]) async for row in rows])


async def next_wallets(
    connection: Connection, *, after: WalletName, at: datetime, limit: int
) -> tuple[WalletName, ...]:
    """Return the wallets that follow one in the order of their names."""
    rows = _SQL.next_wallets(connection, workspace_id=after[0], kind=after[1], at=at, limit=limit)
    return tuple([(row["workspace_id"], row["kind"]) async for row in rows])


async def views(
    connection: Connection, *, names: Sequence[WalletName], at: datetime
) -> tuple[Looked, ...]:
    """Return some wallets with all that their alerts depend on."""
    rows = _SQL.views(
        connection, workspaces=[name[0] for name in names], kinds=[name[1] for name in names],
        at=at,
    )  # fmt: skip
    return tuple([_looked(row) async for row in rows])


async def write_states(
    connection: Connection, *, states: Sequence[tuple[Looked, Memory, datetime | None]]
) -> frozenset[WalletName]:
    """Remember looks at some wallets; return those of which nobody else was first."""
    rows = _SQL.write_states(connection, states=[_state(*state) for state in states])
    return frozenset([(row["workspace_id"], row["kind"]) async for row in rows])


async def write_alerts(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
    """Write alerts beside what they tell about."""
    written: int = await _SQL.write_alerts(connection, alerts=rows)
    return written


async def page(
    connection: Connection, *, workspace_id: UUID, before: tuple[datetime, UUID],
    is_unread: bool, limit: int,
) -> tuple[Alert, ...]:  # fmt: skip
    """Return alerts of a workspace, newest first, that came before a place."""
    rows = _SQL.page(
        connection, workspace_id=workspace_id, before_at=before[0], before_id=before[1],
        is_unread=is_unread, limit=limit,
    )  # fmt: skip
    return tuple([_alert(workspace_id, row) async for row in rows])


async def mark_read(
    connection: Connection, *, workspace_id: UUID, alert_id: UUID, at: datetime
) -> Alert:
    """Note that somebody has read an alert.

    :raises UnknownAlert: when the workspace has no such alert.
    """
    row = await _SQL.mark_read(connection, workspace_id=workspace_id, alert_id=alert_id, at=at)
    if row is None:
        raise UnknownAlert(alert_id=alert_id)
    return _alert(workspace_id, row)


async def mark_all_read(connection: Connection, *, workspace_id: UUID, at: datetime) -> int:
    """Note that somebody has read all alerts; return how many were unread."""
    written: int = await _SQL.mark_all_read(connection, workspace_id=workspace_id, at=at)
    return written


async def preferences(connection: Connection, *, workspace_id: UUID) -> tuple[Preference, ...]:
    """Return where the alerts of each code go: everywhere, unless it was set."""
    rows = _SQL.preferences(connection, workspace_id=workspace_id)
    known = {row["code"]: (row["by_email"], row["by_webhook"]) async for row in rows}
    return tuple(
        Preference(
            code=code, by_email=known.get(code, BOTH)[0], by_webhook=known.get(code, BOTH)[1]
        )
        for code in AlertCode
    )  # fmt: skip


async def write_preference(
    connection: Connection, *, workspace_id: UUID, preference: Preference
) -> None:
    """Set where the alerts of a code go."""
    await _SQL.write_preference(
        connection, workspace_id=workspace_id, code=preference.code,
        by_email=preference.by_email, by_webhook=preference.by_webhook,
    )  # fmt: skip


def _alert(workspace_id: UUID, row: Any) -> Alert:  # noqa: ANN401 -- a row of asyncpg
    fields = {**row, "code": AlertCode(row["code"]), "data": json.loads(row["data"])}
    return Alert(workspace_id=workspace_id, **fields)


def _looked(row: Any) -> Looked:  # noqa: ANN401 -- the same
    lots = [Lot(*tuple(each)[2 : 2 + len(Lot._fields)]) for each in row["lots"]]
    told = zip(row["told_lots"] or (), row["told_days"] or (), row["told_until"] or (), strict=True)
    same = ("workspace_id", "kind", "version", "change", "email", "zone", "trial_ends_at",
            "is_closed", "plan", "plan_version")  # fmt: skip
    return Looked(
        **{name: row[name] for name in same},
        view=WalletView(
            held=row["held"], reference=row["reference"], newest_lot=row["newest_lot"],
            lots=tuple(
                OpenLot(lot.lot, lot.available, lot.effective_at, lot.expires_at) for lot in lots
            ),
        ),
        memory=Memory(
            told_percent=row["told_percent"], total=row["total"],
            newest_lot=row["told_newest_lot"],
            told_lapses=tuple(ToldLapse(*each) for each in told),
        ),
        standing=tuple(StandingGrant(*tuple(each)[2:]) for each in row["standing"]),
        preferences={each[1]: (each[2], each[3]) for each in row["preferences"]},
    )  # fmt: skip


def _state(looked: Looked, memory: Memory, look_at: datetime | None) -> tuple[Any, ...]:
    """Return the columns of what is remembered, in the table's order."""
    told = memory.told_lapses
    return (
        looked.workspace_id, looked.kind, looked.version, looked.change + 1,
        memory.told_percent, memory.total, memory.newest_lot, [each.lot for each in told],
        [each.days for each in told], [each.expires_at for each in told], look_at,
    )  # fmt: skip
