"""Every table of a workspace can be spread over machines: its keys have the workspace."""

import asyncpg
import pytest

HOUSE = {
    "checkpoints": "one checkpoint covers every workspace",
    "trial_claims": "a person has one trial, whatever the workspace",
    "sign_up_counts": "who signs up has no workspace yet",
    "route_health": "a route serves every workspace",
    "provider_spend": "the day's limit of money is the house's",
    "staff_alerts": "staff look after the house",
    "payment_claims": "a payment is one workspace's, whichever it names",
    "invoice_series": "numbers are the seller's, and leave no gap between workspaces",
    "invoice_numbers": "a number is one document's, whichever workspace it is for",
    "payment_events": "an event is the gateway's, whosever payment it is about",
    "promo_codes": "a code is redeemed by any workspace, so many times in all",
    "alert_marks": "one pass reads the journals of all workspaces",
    "staff": "staff serve every workspace",
    "sign_in_tries": "whoever signs in has no workspace",
    "staff_tokens": "a token opens the desk, whatever the workspace",
    "views": "a token is looked up before its workspace is known",
    "audit_lines": "one chain covers what staff did anywhere",
    "audit_reasons": "they stand beside the lines of that chain",
    "audit_head": "the end of that chain",
    "proposals": "staff decide for every workspace, from one list",
    "goodwill_months": "the budget of a month is the house's",
    "migrations": "of the schema, not of anybody's data",
}
QUEUE = "pgqueuer"  # the queue's own tables: steps of work, not a workspace's data

UNIQUE_KEYS = """
    SELECT t.relname AS in_table, i.relname AS index, array_agg(a.attname::text) AS columns
    FROM pg_index x
    JOIN pg_class t ON t.oid = x.indrelid
    JOIN pg_class i ON i.oid = x.indexrelid
    JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = ANY (x.indkey)
    WHERE t.relnamespace = 'public'::regnamespace AND x.indisunique
    GROUP BY 1, 2
"""
FOREIGN_KEYS = """
    SELECT c.conname AS key, array_agg(a.attname::text) AS columns
    FROM pg_constraint c
    JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey)
    WHERE c.contype = 'f' AND c.connamespace = 'public'::regnamespace
    GROUP BY 1
"""


def is_of_a_workspace(table: str) -> bool:
    return table not in HOUSE and not table.startswith(QUEUE)


async def test_every_unique_key_of_a_workspace_has_the_workspace(
    connection: asyncpg.Connection,
) -> None:
    keys = await connection.fetch(UNIQUE_KEYS)

    without = [
        (key["in_table"], key["index"])
        for key in keys
        if is_of_a_workspace(key["in_table"]) and "workspace_id" not in key["columns"]
    ]
    assert without == []
    assert {"entries_key", "wallets_pkey"} <= {key["index"] for key in keys}


async def test_every_foreign_key_stays_in_its_workspace(connection: asyncpg.Connection) -> None:
    keys = await connection.fetch(FOREIGN_KEYS)

    assert keys
    assert [key["key"] for key in keys if "workspace_id" not in key["columns"]] == []


async def test_every_table_has_a_primary_key(connection: asyncpg.Connection) -> None:
    tables = await connection.fetch(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND "
        "relnamespace = 'public'::regnamespace AND NOT EXISTS ("
        "SELECT FROM pg_index WHERE indrelid = pg_class.oid AND indisprimary)"
    )

    assert [table["relname"] for table in tables if is_of_a_workspace(table["relname"])] == []


@pytest.mark.parametrize("table", HOUSE)
async def test_a_house_table_exists(connection: asyncpg.Connection, table: str) -> None:
    assert await connection.fetchval("SELECT to_regclass($1)", table) is not None
