"""A sign-up that never proved its address is removed whole, and nothing that somebody uses is."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest

from mutoscope.app.forgetting import FORGOTTEN_MAX
from mutoscope.app.members import InvitationWish, invite
from mutoscope.app.newcomers import remove_unproven
from mutoscope.app.sign_up import CODE_LASTS, create
from mutoscope.domain import actions as ask
from mutoscope.domain.lots import Source, Terms
from mutoscope.domain.planner import Submission
from mutoscope.domain.requests import Request
from mutoscope.domain.team import Role
from mutoscope.storage import workspaces
from mutoscope.storage.database import queries
from mutoscope.worker.steps import work
from newcomer_stage import Door, open_door, told

KEPT = timedelta(days=7)
MOMENT = timedelta(microseconds=1)
TABLES = """
    SELECT c.table_name FROM information_schema.columns AS c
    JOIN information_schema.tables AS t USING (table_schema, table_name)
    WHERE c.table_schema = 'public' AND c.column_name = 'workspace_id' AND t.table_type LIKE 'BASE%'
"""
MANY = """
    INSERT INTO workspaces (workspace_id, name, zone, is_demo, created_at)
    SELECT gen_random_uuid(), 'Aurora', 'UTC', FALSE, $1 FROM generate_series(1, $2)
"""
BEHIND = {
    "entries": "wallets", "further_postings": "wallets",
    "stored_lots": "wallets", "stored_holds": "wallets",
    "standing_grants": "wallets", "entry_notes": "wallets",
    "checkpoint_heads": "wallets", "alert_states": "wallets", "alerts": "wallets",
    "promo_redemptions": "wallets", "jobs": "wallets", "outputs": "wallets",
    "attempts": "wallets", "frame_jobs": "wallets",
    "subscriptions": "a proven address", "subscription_changes": "a proven address",
    "refills": "a proven address", "trial_claims": "a proven address",
    "purchases": "payment_requests", "refunds": "payments", "refund_outcomes": "payments",
    "disputes": "payments", "payment_claims": "payments", "payment_methods": "payments",
    "invoices": "payment_requests", "invoice_lines": "payment_requests",
    "invoice_numbers": "payment_requests",
    "scenes": "projects", "frames": "projects", "cast_parts": "projects", "exports": "projects",
    "board_orders": "quotes",
    "threads": "chats", "chat_messages": "chats", "chat_reads": "chats",
    "webhook_deliveries": "webhook_endpoints",
    "audit_lines": "what staff did stays told",
}  # fmt: skip
"""Tables in which an unproven workspace has nothing unless it has something in another."""


@pytest.fixture
async def door(database_url: str, tmp_path: Path) -> AsyncIterator[Door]:
    async with open_door(database_url, tmp_path) as door:
        yield door


async def signed_up(door: Door, email: str = "ada@example.com") -> UUID:
    return UUID((await door.sign_up(email)).json()["workspace_id"])


async def there(door: Door, workspace_id: UUID) -> list[str]:
    """Return the tables that have something of a workspace."""
    async with door.api.house.studio.reading() as connection:
        return sorted([
            name
            for (name,) in await connection.fetch(TABLES)
            if await connection.fetchval(
                f"SELECT count(*) FROM {name} WHERE workspace_id = $1", workspace_id
            )
        ])  # fmt: skip


async def removed(door: Door) -> int:
    return await remove_unproven(door.api.house.studio)


async def test_an_unproven_sign_up_is_removed_at_its_instant_with_all_of_it(door: Door) -> None:
    workspace_id = await signed_up(door)
    before = await there(door, workspace_id)

    door.clock.at += KEPT - MOMENT
    early = await removed(door)
    door.clock.at += MOMENT
    late = await removed(door)

    assert before == ["member_names", "members", "outbox", "verifications", "workspaces"]
    assert (early, late, await there(door, workspace_id)) == (0, 1, [])


async def test_who_was_removed_may_sign_up_again(door: Door) -> None:
    first = await door.sign_up(key="sign-up-1")
    code = await door.code(first)
    door.clock.at += KEPT
    await removed(door)

    late = await door.verify(first, code)
    again = await door.sign_up(key="sign-up-1")

    assert told(late) == (404, "unknown_workspace")
    assert again.json()["workspace_id"] == first.json()["workspace_id"]
    assert (await door.verify(again, await door.code(again))).status_code == 200


async def test_who_proved_the_address_stays(door: Door) -> None:
    assert (await door.enter()).status_code == 200
    assert told(await door.enter()) == (403, "trial_taken")  # proven all the same
    studio = door.api.house.studio
    await create(studio, name="Borealis", zone="UTC")
    door.clock.at += KEPT * 10

    assert await removed(door) == 0
    assert await door.fetch("SELECT count(*) FROM workspaces") == 3


async def test_what_somebody_uses_stays(door: Door) -> None:
    credited, invited, unused = [
        await signed_up(door, f"{name}@example.com") for name in ("ada", "bob", "eve")
    ]
    terms = Terms(source=Source.GOODWILL, effective_at=door.clock.now())
    gift = Request(credited, "video", "api", "gift", ask.Grant(5, terms))
    await door.api.house.studio.journal.submit(Submission((gift,)))
    wish = InvitationWish(email="mate@example.com", role=Role.VIEWER)
    await invite(door.api.house.studio, workspace_id=invited, wish=wish, key="1")
    door.clock.at += KEPT

    assert await removed(door) == 1
    assert await there(door, unused) == []
    assert "stored_lots" in await there(door, credited)
    assert "invitations" in await there(door, invited)


async def test_a_code_that_lasts_keeps_its_sign_up(door: Door) -> None:
    workspace_id = await signed_up(door)
    door.clock.at += KEPT
    studio = door.api.house.studio
    async with studio.reading() as connection:
        await workspaces.keep_code(
            connection, workspace_id=workspace_id, code_digest=bytes(32), tries=5,
            expires_at=door.clock.now() + CODE_LASTS,
        )  # fmt: skip

    early = await removed(door)
    door.clock.at += CODE_LASTS

    assert (early, await removed(door)) == (0, 1)


async def test_sign_ups_stay_for_ever_where_the_operator_says_so(
    database_url: str, tmp_path: Path
) -> None:
    async with open_door(database_url, tmp_path, more={"MUTOSCOPE_SIGN_UPS_DAYS": "0"}) as door:
        workspace_id = await signed_up(door)
        door.clock.at += KEPT * 100

        assert await removed(door) == 0
        assert "workspaces" in await there(door, workspace_id)


async def test_many_are_removed_part_by_part_by_two_workers_at_once(
    door: Door, connection: asyncpg.Connection
) -> None:
    count = 3 * FORGOTTEN_MAX + 1
    await connection.execute(MANY, door.clock.now() - KEPT, count)
    await connection.execute(MANY, door.clock.now() - KEPT + MOMENT, 3)

    both = await asyncio.gather(removed(door), removed(door))

    assert sum(both) + await removed(door) == count
    assert await door.fetch("SELECT count(*) FROM workspaces") == 3


async def test_the_worker_removes_them(door: Door) -> None:
    workspace_id = await signed_up(door)
    door.clock.at += KEPT
    working = asyncio.create_task(work(door.api.house))

    async with asyncio.timeout(20):
        left = await there(door, workspace_id)
        while left:
            await asyncio.sleep(0.05)
            left = await there(door, workspace_id)
    working.cancel()
    await asyncio.wait([working])

    assert working.cancelled()


async def test_every_table_of_a_workspace_is_thought_of(connection: asyncpg.Connection) -> None:
    asked = queries("sign_ups").remove_unproven.sql.split()

    tables = {name for (name,) in await connection.fetch(TABLES)}

    assert {name for name in tables if name not in asked} == set(BEHIND)
    assert {why for why in BEHIND.values() if why not in asked and " " not in why} == set()
