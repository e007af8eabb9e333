"""What must not depend on size: renewals of many wallets, balances of long histories, proofs.

Owns the cells that are measured once a run, on as much data as was asked for. The renewed wallets
are 65 days behind, so that two billing dates can be posted: one alone, one while callers charge.
"""

import asyncio
import random
from datetime import UTC, datetime, timedelta
from statistics import median
from time import perf_counter
from typing import Final
from uuid import UUID, uuid4

from mutoscope.app.renew import Renewal, run
from mutoscope.app.verify import verify
from mutoscope.cli.bench_load import (
    BATCH_SIZE,
    KIND,
    MILLISECONDS,
    Figures,
    Stage,
    charge_steadily,
    submit_all,
    workspaces,
)
from mutoscope.cli.bench_rounds import SEED, Tick, stage_at
from mutoscope.cli.bench_rows import BalanceRow, RenewalRow, VerifyRow
from mutoscope.domain import actions as ask
from mutoscope.domain.requests import Request
from mutoscope.domain.standing import StandingGrant
from mutoscope.ledger import NAMESPACE, Ledger
from mutoscope.storage.benchmark import check_books, fresh_database, season
from mutoscope.storage.database import connect
from mutoscope.storage.verification import Scope

AGE: Final = timedelta(days=65)
FIRST_DATE: Final = timedelta(days=35)
"""Days after the anchor by which its first billing date has come, and its second has not."""

ANCHORS_SPREAD_S: Final = 3_600
CREDITS: Final = 1_500
ENTRIES_A_DATE: Final = 2
"""A lapse and a grant."""

CHARGING_CALLERS: Final = 8
CHARGING_PAUSE_S: Final = 0.01
CHARGED_MAX: Final = 10_000
CHARGED_SHARE: Final = 10
"""One wallet of so many is charged meanwhile: the first charge of each renews it by itself."""

FEW_ENTRIES: Final = 1_000
READS: Final = 1_000
KEY_BYTES: Final = bytes(32)


async def measured_renewals(
    *, url: str, wallets: int, processes: int, tick: Tick
) -> tuple[RenewalRow, ...]:
    """Renew so many wallets twice: alone, then while callers charge some of them."""
    name = f"bench_{uuid4().hex[:12]}"
    async with fresh_database(url=url, name=name) as database:
        now = datetime.now(UTC)
        tick(f"filling {wallets:,} wallets")
        names = await _fill_standing(database, wallets, at=now - AGE)
        await season(url=database)
        tick(f"renewing {wallets:,} wallets")
        alone = await run(url=database, at=now - AGE + FIRST_DATE, processes=processes)
        await check_books(url=database, acknowledged=wallets * (1 + ENTRIES_A_DATE))
        await season(url=database)
        tick(f"renewing {wallets:,} wallets while callers charge")
        beside, charges, charged = await _renewed_beside(
            database, names, at=now, processes=processes
        )
        expected = wallets * (1 + 2 * ENTRIES_A_DATE) + charged
        await check_books(url=database, acknowledged=expected)
        return _renewal_row(alone, None), _renewal_row(beside, charges)


async def measured_balance(*, url: str, entries: int, tick: Tick) -> BalanceRow:
    """Read the balance of a wallet with so many entries, in turns with a short one's."""
    async with stage_at(url, wallets=2) as stage:
        tick(f"writing {entries:,} entries")
        for workspace_id, count in zip(stage.wallets, (FEW_ENTRIES, entries), strict=True):
            await _write_history(stage, workspace_id, count)
        await check_books(url=stage.url, acknowledged=stage.acknowledged)
        await season(url=stage.url)
        tick("reading balances")
        few, many = await _read_in_turns(stage)
    return BalanceRow(
        entries=entries, p50_ms=many, few_entries=FEW_ENTRIES, few_p50_ms=few, ratio=many / few
    )


async def measured_verification(*, url: str, entries: int, tick: Tick) -> VerifyRow:
    """Verify so many entries over a thousand wallets: the chain alone, then in full."""
    async with stage_at(url, wallets=min(FEW_ENTRIES, entries)) as stage:
        tick(f"writing {entries:,} entries")
        while stage.acknowledged < entries:
            await submit_all(stage, [[_charge(stage, each)] for each in stage.wallets])
        tick("verifying")
        chain_per_s, _ = await _verified(stage.url, is_full=False)
        full_per_s, is_clean = await _verified(stage.url, is_full=True)
        return VerifyRow(
            entries=stage.acknowledged,
            chain_entries_per_s=chain_per_s,
            full_entries_per_s=full_per_s,
            is_clean=is_clean,
        )


async def _fill_standing(url: str, wallets: int, *, at: datetime) -> tuple[UUID, ...]:
    chance = random.Random(SEED)  # noqa: S311 -- spreads load, keeps no secret
    names = workspaces(count=wallets, chance=chance)
    async with Ledger(url, now=lambda: at) as ledger:
        stage = Stage(url=url, ledger=ledger, wallets=names, chance=chance)
        for start in range(0, wallets, BATCH_SIZE):
            some = names[start : start + BATCH_SIZE]
            await submit_all(stage, [[_stand(stage, each, at)] for each in some])
    return names


def _stand(stage: Stage, workspace_id: UUID, at: datetime) -> Request:
    """Ask for monthly grants; the anchors lie within an hour, as on a busy day."""
    anchor_at = at - timedelta(seconds=stage.chance.random() * ANCHORS_SPREAD_S)
    standing = StandingGrant(workspace_id, CREDITS, anchor_at, "Europe/Berlin")
    return Request(workspace_id, KIND, NAMESPACE, stage.key(), ask.Stand(standing))


async def _renewed_beside(
    url: str, names: tuple[UUID, ...], *, at: datetime, processes: int
) -> tuple[Renewal, Figures, int]:
    """Renew in another process while callers charge in this one; count their charges too."""
    chance = random.Random(SEED)  # noqa: S311 -- spreads load, keeps no secret
    some = names[: max(1, min(CHARGED_MAX, len(names) // CHARGED_SHARE))]
    ended = asyncio.Event()
    async with Ledger(url) as ledger:
        stage = Stage(url=url, ledger=ledger, wallets=some, chance=chance)
        charging = asyncio.create_task(
            charge_steadily(stage, callers=CHARGING_CALLERS, pause_s=CHARGING_PAUSE_S, until=ended)
        )
        try:
            renewal = await run(url=url, at=at, processes=processes)
        finally:
            ended.set()
            charges = await charging
    return renewal, charges, stage.acknowledged


def _renewal_row(renewal: Renewal, charges: Figures | None) -> RenewalRow:
    return RenewalRow(
        wallets=renewal.wallets,
        entries=renewal.entries,
        wallets_per_s=renewal.wallets_per_s,
        charges=charges,
    )


async def _write_history(stage: Stage, workspace_id: UUID, entries: int) -> None:
    for start in range(0, entries, BATCH_SIZE):
        count = min(BATCH_SIZE, entries - start)
        await submit_all(stage, [[_charge(stage, workspace_id)] for _ in range(count)])


def _charge(stage: Stage, workspace_id: UUID) -> Request:
    return Request(workspace_id, KIND, NAMESPACE, stage.key(), ask.Charge(1))


async def _read_in_turns(stage: Stage) -> tuple[float, float]:
    """Return the median of each wallet's reading, in ms."""
    taken_s: dict[UUID, list[float]] = {workspace_id: [] for workspace_id in stage.wallets}
    for _ in range(READS):
        for workspace_id, taken in taken_s.items():
            since_s = perf_counter()
            await stage.ledger.balance(workspace_id, KIND)
            taken.append(perf_counter() - since_s)
    few, many = (median(taken) * MILLISECONDS for taken in taken_s.values())
    return few, many


async def _verified(url: str, *, is_full: bool) -> tuple[float, bool]:
    """Return the entries verified a second, and whether all was right."""
    connection = await connect(url)
    since_s = perf_counter()
    try:
        scope = Scope(is_full=is_full)
        answer = await verify(connection, scope=scope, private_key=KEY_BYTES, now=_now)
    finally:
        await connection.close()
    return answer.entries / (perf_counter() - since_s), answer.is_clean


def _now() -> datetime:
    return datetime.now(UTC)
