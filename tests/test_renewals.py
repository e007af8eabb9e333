"""Renewals by the clock: each lapse, grant and deadline once, in due order, whatever happens."""

import asyncio
import multiprocessing
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest

from command_line import run_here
from mutoscope.app import renew
from mutoscope.domain import actions as ask
from mutoscope.domain.credits import NaiveInstant
from mutoscope.domain.standing import StandingGrant
from mutoscope.domain.wallet import Wallet
from mutoscope.ledger import Ledger
from mutoscope.storage.database import queries
from mutoscope.storage.renewals import ENTRIES_AIM, DueName, Renewals, sweep
from mutoscope.storage.session import Session
from servers import until

ANCHOR = datetime(2025, 1, 31, 9, tzinfo=UTC)
FIRST_DATE = datetime(2025, 2, 28, 9, tzinfo=UTC)
SECOND_DATE = datetime(2025, 3, 31, 9, tzinfo=UTC)
WORKSPACE = UUID(int=1)
MICROSECOND = timedelta(microseconds=1)
HISTORY = (
    "SELECT operation, due_at, available FROM entries WHERE workspace_id = $1 ORDER BY sequence"
)


async def subscribe(url: str, *, wallets: int = 1, amount: int = 700) -> None:
    """Begin the monthly grants of workspaces 1, 2, 3 ... at the anchor."""
    async with Ledger(url, now=lambda: ANCHOR) as ledger:
        for number in range(1, wallets + 1):
            standing = StandingGrant(UUID(int=number), amount, ANCHOR, "UTC")
            await ledger.perform(UUID(int=number), "video", ask.Stand(standing), key="plan")


async def lines(url: str, workspace_id: UUID = WORKSPACE) -> list[tuple[str, datetime, int]]:
    connection = await asyncpg.connect(url)
    rows = await connection.fetch(HISTORY, workspace_id)
    await connection.close()
    return [tuple(row) for row in rows]


async def spoil(url: str, *numbers: int) -> None:
    """Give standing grants a zone that no calendar knows."""
    connection = await asyncpg.connect(url)
    statement = "UPDATE standing_grants SET zone = 'Mars/Olympus' WHERE workspace_id = ANY ($1)"
    await connection.execute(statement, [UUID(int=number) for number in numbers])
    await connection.close()


async def test_the_clock_lapses_and_grants_on_the_billing_date(database_url: str) -> None:
    await subscribe(database_url)

    renewal = await renew.run(url=database_url, at=FIRST_DATE + timedelta(hours=3))

    assert (renewal.wallets, renewal.entries, renewal.is_complete) == (1, 2, True)
    assert await lines(database_url) == [
        ("grant", ANCHOR, 700),
        ("expire", FIRST_DATE, 0),
        ("grant", FIRST_DATE, 700),
    ]


async def test_a_billing_date_has_come_at_its_instant_and_not_before(database_url: str) -> None:
    await subscribe(database_url)

    early = await renew.run(url=database_url, at=FIRST_DATE - MICROSECOND)
    punctual = await renew.run(url=database_url, at=FIRST_DATE)

    assert (early.entries, punctual.entries) == (0, 2)


async def test_downtime_of_two_years_is_posted_in_due_order_each_date_once(
    database_url: str,
) -> None:
    await subscribe(database_url)

    renewal = await renew.run(url=database_url, at=datetime(2027, 1, 31, 9, tzinfo=UTC))

    history = await lines(database_url)
    assert renewal.entries == 2 * 24
    assert [due_at for _, due_at, _ in history] == sorted(due_at for _, due_at, _ in history)
    assert len({due_at for operation, due_at, _ in history if operation == "grant"}) == 25
    assert {available for _, _, available in history} == {0, 700}


async def test_after_a_chunk_with_much_due_the_next_one_is_smaller(database_url: str) -> None:
    await subscribe(database_url)
    renewals = await Renewals.opened(database_url)
    late = datetime(2027, 1, 31, 9, tzinfo=UTC)

    await renewals.post_chunk([(str(WORKSPACE), "video")], due_by=late, at=late)

    renewals.close()
    assert renewals.size == ENTRIES_AIM // (2 * 24)


async def test_a_second_run_finds_nothing_to_do(database_url: str) -> None:
    await subscribe(database_url, wallets=3)

    await renew.run(url=database_url, at=FIRST_DATE)
    again = await renew.run(url=database_url, at=FIRST_DATE)

    assert (again.wallets, again.entries, again.is_complete) == (0, 0, True)


async def test_runs_side_by_side_post_everything_once(database_url: str) -> None:
    await subscribe(database_url, wallets=250)

    runs = await asyncio.gather(*(renew.run(url=database_url, at=FIRST_DATE) for _ in range(3)))

    assert sum(renewal.wallets for renewal in runs) == 250
    assert sum(renewal.entries for renewal in runs) == 500
    assert not any(renewal.failures for renewal in runs)


async def test_other_processes_share_the_wallets(database_url: str) -> None:
    await subscribe(database_url, wallets=250)

    renewal = await renew.run(url=database_url, at=FIRST_DATE, processes=2)

    assert (renewal.wallets, renewal.entries, renewal.is_complete) == (250, 500, True)


async def test_charges_meanwhile_neither_lose_nor_double_a_renewal(database_url: str) -> None:
    await subscribe(database_url, wallets=120)

    async with Ledger(database_url, now=lambda: FIRST_DATE) as ledger:
        charges = (
            ledger.charge(UUID(int=1 + number % 120), "video", 1, key=f"clip-{number}")
            for number in range(360)
        )
        await asyncio.gather(renew.run(url=database_url, at=FIRST_DATE), *charges)

    histories = [await lines(database_url, UUID(int=number)) for number in (1, 60, 120)]
    assert [[line[0] for line in history] for history in histories] == [
        ["grant", "expire", "grant", "charge", "charge", "charge"]
    ] * 3


async def test_the_clock_releases_a_hold_at_its_deadline(database_url: str) -> None:
    async with Ledger(database_url, now=lambda: ANCHOR) as ledger:
        await ledger.grant(WORKSPACE, "video", 700, key="order")
        await ledger.hold(WORKSPACE, "video", 50, key="clip", hold_s=60)

    await renew.run(url=database_url, at=ANCHOR + timedelta(hours=1))

    deadline_at = ANCHOR + timedelta(seconds=60)
    assert (await lines(database_url))[-1] == ("release", deadline_at, 700)


async def test_a_spoilt_wallet_fails_alone_and_is_named(database_url: str) -> None:
    await subscribe(database_url, wallets=150)
    await spoil(database_url, 7, 8, 90)

    renewal = await renew.run(url=database_url, at=FIRST_DATE)

    assert renewal.wallets == 147
    assert {failure.workspace_id.int for failure in renewal.failures} == {7, 8, 90}
    assert all(failure.reason.startswith("unknown_zone: ") for failure in renewal.failures)
    assert renewal.is_complete


async def test_a_run_that_is_done_in_part_exits_apart(database_url: str, tmp_path: Path) -> None:
    await subscribe(database_url, wallets=3)
    await spoil(database_url, 2)
    place = {"database_url": database_url, "data": tmp_path}

    done = await asyncio.to_thread(run_here, "renew", "--at", "2025-03-01", "--json", **place)

    assert done.code == 8
    assert done.json()["renewal"]["wallets"] == 2
    assert "unknown_zone: " in done.errors


async def test_spoilt_wallets_are_left_out_by_other_processes_too(database_url: str) -> None:
    await subscribe(database_url, wallets=30)
    await spoil(database_url, *range(1, 31, 3))

    renewal = await renew.run(url=database_url, at=FIRST_DATE, processes=1)

    assert (renewal.wallets, len(renewal.failures), renewal.is_complete) == (20, 10, True)


async def test_a_wallet_that_was_mended_is_renewed_by_the_next_run(database_url: str) -> None:
    await subscribe(database_url)
    await spoil(database_url, 1)
    await renew.run(url=database_url, at=FIRST_DATE)
    connection = await asyncpg.connect(database_url)
    await connection.execute("UPDATE standing_grants SET zone = 'UTC'")
    await connection.close()

    renewal = await renew.run(url=database_url, at=SECOND_DATE)

    assert (renewal.wallets, renewal.entries, renewal.failures) == (1, 4, ())


async def test_a_run_stops_when_everything_fails(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await subscribe(database_url, wallets=120)
    await spoil(database_url, *range(1, 121))
    monkeypatch.setattr(renew, "FAILURES_MAX", 10)

    renewal = await renew.run(url=database_url, at=FIRST_DATE)

    assert len(renewal.failures) >= 10
    assert not renewal.is_complete


async def test_a_wallet_at_work_elsewhere_is_passed_over(database_url: str) -> None:
    await subscribe(database_url, wallets=2)
    elsewhere = await asyncpg.connect(database_url)

    async with elsewhere.transaction():
        await elsewhere.execute(
            "SELECT 1 FROM wallets WHERE workspace_id = $1 FOR UPDATE", WORKSPACE
        )
        beside = await renew.run(url=database_url, at=FIRST_DATE)
    after = await renew.run(url=database_url, at=FIRST_DATE)

    await elsewhere.close()
    assert (beside.wallets, after.wallets) == (1, 1)


def let_move(patch: pytest.MonkeyPatch, ledger: Ledger) -> None:
    """Charge the first workspace between what a chunk reads and what it writes."""
    loaded = Session.loaded_due

    async def moved_on(
        self: Session, names: Sequence[DueName], at: datetime, *, is_locked: bool
    ) -> Collection[Wallet]:
        found = await loaded(self, names, at, is_locked=is_locked)
        if not is_locked:
            await ledger.charge(WORKSPACE, "video", 1, key="clip")
        return found

    patch.setattr(Session, "loaded_due", moved_on)


async def test_a_chunk_of_which_a_wallet_moves_on_is_posted_all_the_same(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await subscribe(database_url, wallets=3)
    async with Ledger(database_url, now=lambda: FIRST_DATE) as ledger:
        let_move(monkeypatch, ledger)

        renewal = await renew.run(url=database_url, at=FIRST_DATE)

    histories = [await lines(database_url, UUID(int=number)) for number in (1, 2, 3)]
    posted = ["grant", "expire", "grant"]
    assert (renewal.wallets, renewal.entries, renewal.failures) == (2, 4, ())
    assert [[line[0] for line in history] for history in histories] == [
        [*posted, "charge"], posted, posted,
    ]  # fmt: skip


async def test_a_lost_connection_is_no_wallet_s_fault(database_url: str) -> None:
    await subscribe(database_url, wallets=3)
    renewals = await Renewals.opened(database_url)
    backend = renewals.backend
    connection = await asyncpg.connect(database_url)
    await connection.execute("SELECT pg_terminate_backend($1, 5000)", backend)
    await connection.close()

    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError)):
        await renewals.post_chunk([(str(WORKSPACE), "video")], due_by=FIRST_DATE, at=FIRST_DATE)

    assert (await renew.run(url=database_url, at=FIRST_DATE)).wallets == 3


async def test_a_killed_process_is_told_and_the_next_run_goes_on(database_url: str) -> None:
    await subscribe(database_url, wallets=3)
    running = asyncio.create_task(renew.run(url=database_url, at=FIRST_DATE, processes=1))
    await until(lambda: bool(multiprocessing.active_children()))
    multiprocessing.active_children()[0].kill()

    with pytest.raises(renew.RenewalInterrupted) as raised:
        await running

    assert raised.value.code == "renewal_interrupted"
    assert (await renew.run(url=database_url, at=FIRST_DATE)).wallets == 3


async def test_entries_of_a_long_run_are_stamped_with_the_time_that_passed(
    database_url: str,
) -> None:
    await subscribe(database_url)

    await renew.run(url=database_url, at=FIRST_DATE)

    connection = await asyncpg.connect(database_url)
    posted_at = await connection.fetchval("SELECT posted_at FROM wallets")
    await connection.close()
    assert FIRST_DATE <= posted_at < FIRST_DATE + timedelta(minutes=1)


async def test_an_instant_without_a_zone_is_refused(database_url: str) -> None:
    with pytest.raises(NaiveInstant):
        await renew.run(url=database_url, at=FIRST_DATE.replace(tzinfo=None))


async def test_a_sweep_takes_the_longest_waiting_in_the_order_of_their_rows(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Ledger(database_url, now=lambda: ANCHOR) as ledger:
        for number, days in ((4, 0), (1, 3), (3, 1), (2, 2)):
            await ledger.grant(
                UUID(int=number), "video", 700, key="order",
                expires_at=FIRST_DATE + timedelta(days=days),
            )  # fmt: skip
    monkeypatch.setattr("mutoscope.storage.renewals.SWEEP_MAX", 3)
    connection = await asyncpg.connect(database_url)

    names = await sweep(connection, due_by=SECOND_DATE, failed=())
    others = await sweep(connection, due_by=SECOND_DATE, failed=[(UUID(int=3), "video")])

    await connection.close()
    assert [UUID(name[0]).int for name in names] == [2, 3, 4]
    assert [UUID(name[0]).int for name in others] == [1, 2, 4]


async def test_a_run_of_more_than_a_sweep_goes_on_to_the_end(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await subscribe(database_url, wallets=25)
    monkeypatch.setattr("mutoscope.storage.renewals.SWEEP_MAX", 10)

    renewal = await renew.run(url=database_url, at=FIRST_DATE)

    assert (renewal.wallets, renewal.entries, renewal.is_complete) == (25, 50, True)


async def test_the_choice_of_a_sweep_walks_the_index_of_wake_ups(database_url: str) -> None:
    sql = queries("renewals")
    connection = await asyncpg.connect(database_url)
    async with connection.transaction():
        await sql.pin_sweep(connection)
        steps = await connection.fetch(f"EXPLAIN {sql.sweep.sql}", FIRST_DATE, [], 500)

    await connection.close()
    plan = "\n".join(step[0] for step in steps)
    assert "Index Scan using wallets_wake" in plan
    assert "Seq Scan" not in plan
