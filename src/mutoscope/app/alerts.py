"""Alerts: a pass over the wallets that moved, which tells what crossed a threshold, once.

A pass reads the journals' new entries and the lapses that come near, never all wallets but in the
first one. It may be killed anywhere, repeated, and run by several workers at once: what is
remembered of a wallet is written over the look before it alone, with what that look tells. The
surprising choice: spans overlap by a minute, since an entry is stamped before it is committed; a
wallet that was looked at is known by its version.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from uuid import UUID

from mutoscope.app.webhooks import event_rows
from mutoscope.domain.alert_wording import Circumstances, allowances, offered, sentence, subject
from mutoscope.domain.alerts import Judgement, Raised, Thresholds, judge
from mutoscope.domain.forecast import bought
from mutoscope.domain.offers import Basis
from mutoscope.storage import alerts as rows
from mutoscope.storage import workspaces
from mutoscope.storage.alerts import BOTH, Alert, Looked, Preference
from mutoscope.storage.session import write_side_rows
from mutoscope.storage.workspaces import Message

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mutoscope.app.studio import Studio
    from mutoscope.domain.catalog import Catalog, Version
    from mutoscope.domain.planner import WalletName
    from mutoscope.storage.database import Connection
    from mutoscope.storage.session import SideRow

EVENT: Final = "alert.raised"
"""The type of the event that tells of an alert."""

OVERLAP: Final = timedelta(minutes=1)
"""How much later than its stamp an entry may be committed, clocks of machines included."""

SPAN: Final = timedelta(minutes=10)
"""What one query of a pass reads of the journals, so that it ends soon after a long rest, too.

Each span in which nothing moved is followed by one twice as long, as long as nothing does.
"""

NAMES_MAX: Final = 20_000
"""Wallets' names that one query returns."""

WALLETS_MAX: Final = 500
"""Wallets that one transaction looks at."""

FIRST: Final = (UUID(int=0), "")
LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Recipient(NamedTuple):
    """To whom an alert goes: the address, and whether by e-mail and by webhook."""

    email: str | None
    ways: tuple[bool, bool]


async def alert(studio: Studio) -> int:
    """Look at every wallet that moved or of which a lapse comes near; return the alerts raised."""
    at = studio.clock.now()
    async with studio.reading() as connection:
        mark = await rows.mark(connection)
    raised = await _first_pass(studio) if mark is None else await _new_entries(studio, mark, at)
    raised += await _near_lapses(studio)
    async with studio.reading() as connection:
        await rows.write_mark(connection, looked_until=at)
    return raised


async def set_preference(
    studio: Studio, *, workspace_id: UUID, preference: Preference
) -> tuple[Preference, ...]:
    """Set where alerts of a code go besides the app; return all preferences.

    :raises UnknownWorkspace: when there is no such workspace.
    """
    async with studio.reading() as connection:
        await workspaces.get(connection, workspace_id=workspace_id)
        await rows.write_preference(connection, workspace_id=workspace_id, preference=preference)
        return await rows.preferences(connection, workspace_id=workspace_id)


async def _first_pass(studio: Studio) -> int:
    raised = 0
    after = FIRST
    while True:
        async with studio.reading() as connection:
            names = await rows.next_wallets(
                connection, after=after, at=studio.clock.now(), limit=WALLETS_MAX
            )
        if not names:
            return raised
        raised += await _look(studio, names)
        after = names[-1]


async def _new_entries(studio: Studio, mark: datetime, at: datetime) -> int:
    raised = 0
    since, span = min(mark, at) - OVERLAP, SPAN
    while since < at:
        until = min(since + span, at + OVERLAP)  # another machine's clock may be ahead
        span *= 2
        while True:
            async with studio.reading() as connection:
                names = await rows.moved_wallets(
                    connection, since=since, until=until, at=studio.clock.now(),
                    limit=NAMES_MAX,
                )  # fmt: skip
            raised += await _look(studio, names)
            span = SPAN if names else span
            if len(names) < NAMES_MAX:
                break
        since = until
        async with studio.reading() as connection:
            await rows.write_mark(connection, looked_until=min(since, at))
    return raised


async def _near_lapses(studio: Studio) -> int:
    raised = 0
    while True:
        async with studio.reading() as connection:
            names = await rows.due_wallets(connection, at=studio.clock.now(), limit=WALLETS_MAX)
        raised += await _look(studio, names)
        if len(names) < WALLETS_MAX:
            return raised


async def _look(studio: Studio, names: Sequence[WalletName]) -> int:
    """Look at some wallets, a transaction for each few hundred; return the alerts raised."""
    raised = 0
    for first in range(0, len(names), WALLETS_MAX):
        async with studio.reading() as connection, connection.transaction():
            raised += await _tell(studio, connection, names[first : first + WALLETS_MAX])
    return raised


async def _tell(studio: Studio, connection: Connection, names: Sequence[WalletName]) -> int:
    at = studio.clock.now()
    version = studio.catalog.version_at(at=at)
    found = await rows.views(connection, names=names, at=at)
    judged = [(looked, _judged(studio.catalog, looked, at)) for looked in found]
    states = [(looked, one.memory, one.look_at) for looked, one in judged]
    winners = await rows.write_states(connection, states=states)
    told = [
        (looked, _alert(studio, version, looked, raised))
        for looked, one in judged
        for raised in one.raised
        if (looked.workspace_id, looked.kind) in winners and not looked.is_closed
    ]
    if told:
        await rows.write_alerts(connection, [each.row() for _, each in told])
        for looked, each in told:
            recipient = Recipient(email=looked.email, ways=looked.preferences.get(each.code, BOTH))
            await send_alert(connection, studio=studio, told=each, recipient=recipient)
    return len(told)


def _judged(catalog: Catalog, looked: Looked, at: datetime) -> Judgement:
    is_trial = looked.plan is None and looked.trial_ends_at is not None
    view = replace(
        looked.view, is_unlimited=_is_unlimited(catalog, looked),
        is_trial=is_trial and at < (looked.trial_ends_at or LONG_AGO),
    )  # fmt: skip
    rules = catalog.version_at(at=at).rules
    thresholds = Thresholds(percents=rules.alert_percents, days=rules.alert_days)
    return judge(view=view, memory=looked.memory, thresholds=thresholds, at=at)


def _is_unlimited(catalog: Catalog, looked: Looked) -> bool:
    """Tell whether the plan gives the kind without limit, as the version of its term has it."""
    versions = [each for each in catalog.versions if each.key == looked.plan_version]
    plans = [plan for each in versions for plan in each.plans if plan.key == looked.plan]
    given = [plan.allowance(kind=looked.kind) for plan in plans]
    return any(each is not None and each.basis is Basis.UNLIMITED for each in given)


def _alert(studio: Studio, version: Version, looked: Looked, raised: Raised) -> Alert:
    at = studio.clock.now()
    coming = [(starts_at, each.amount) for each in looked.standing
              if (starts_at := each.next_at()) is not None and starts_at > at]  # fmt: skip
    next_grant_at, next_grant_amount = min(coming, default=(None, 0))
    about = Circumstances(
        kind=looked.kind, reference=looked.view.reference, zone=looked.zone, version=version,
        has_plan=looked.plan is not None, next_grant_at=next_grant_at,
        next_grant_amount=next_grant_amount,
    )  # fmt: skip
    return Alert(
        workspace_id=looked.workspace_id, alert_id=studio.ids.new(), code=raised.code,
        kind=looked.kind, threshold=raised.threshold, credits=raised.credits, raised_at=at,
        sentence=sentence(raised=raised, about=about), data=_data(raised, about),
    )  # fmt: skip


def _data(raised: Raised, about: Circumstances) -> dict[str, Any]:
    """Return the figures of an alert; who has no plan is told the plans with their prices."""
    data: dict[str, Any] = {"reference": about.reference}
    if about.next_grant_at is not None:
        data["next_grant_at"] = about.next_grant_at.isoformat()
        data["next_grant_amount"] = about.next_grant_amount
    if raised.lapses_at is not None:
        choices = bought(version=about.version, kind=about.kind, amount=raised.credits)
        data |= {
            "lapses_at": raised.lapses_at.isoformat(), "lots": list(raised.lots),
            "buys": [{"tool": each.tool, "pieces": each.pieces} for each in choices],
        }  # fmt: skip
    elif not about.has_plan:
        data["plans"] = [
            {
                "plan": plan.key, "name": plan.name, "monthly_credits": allowances(plan=plan),
                "monthly_minor": plan.price.monthly.amount if plan.price else None,
                "currency": plan.price.monthly.currency if plan.price else None,
            }
            for plan in offered(version=about.version)
        ]  # fmt: skip
    return data


async def send_alert(
    connection: Connection, *, studio: Studio, told: Alert, recipient: Recipient
) -> None:
    """Put an alert into the outbox and on its way to the webhooks, as the workspace prefers."""
    by_email, by_webhook = recipient.ways
    if by_email and recipient.email is not None:
        message = Message(
            message_id=studio.ids.new(), recipient=recipient.email,
            subject=subject(code=told.code, kind=told.kind or ""), body=told.sentence,
            created_at=told.raised_at,
        )  # fmt: skip
        await workspaces.write_message(connection, workspace_id=told.workspace_id, message=message)
    if by_webhook:
        await write_side_rows(connection, _event(told))


def _event(told: Alert) -> tuple[SideRow, ...]:
    data = {
        "alert_id": str(told.alert_id), "code": str(told.code), "kind": told.kind,
        "threshold": told.threshold, "credits": told.credits, "sentence": told.sentence,
        **told.data,
    }  # fmt: skip
    return event_rows(
        workspace_id=told.workspace_id, type=EVENT, data=data, at=told.raised_at,
        event_id=told.alert_id,
    )  # fmt: skip
