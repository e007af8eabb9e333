"""What a workspace buys by itself, as the command line tells it."""

from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest

from command_line import run_here
from mutoscope.storage import offers
from mutoscope.storage.offers import Refill


@pytest.mark.parametrize(
    ("pack", "limit"), [("video_1500", "78.00 USD"), ("withdrawn_900", "7,800 minor units")]
)
async def test_a_refill_is_told_with_its_limit_as_money(
    *, connection: asyncpg.Connection, database_url: str, tmp_path: Path, pack: str, limit: str
) -> None:
    place = {"database_url": database_url, "data": tmp_path}
    made = run_here("workspace", "create", "Ada", "--json", **place).json()["workspace"]
    workspace = UUID(made["workspace_id"])
    none = run_here("purchase", "refills", str(workspace), **place)
    refill = Refill(
        workspace_id=workspace, kind="video", pack=pack, threshold=1_200, monthly_max=7_800,
        declines=0, rests_until=None, set_at=datetime(2026, 3, 1, tzinfo=UTC),
    )  # fmt: skip
    await offers.set_refill(connection, refill)

    told = run_here("purchase", "refills", str(workspace), **place)

    assert (none.output, none.errors) == ("", "Nothing buys itself.\n")
    assert told.output == f"{pack} below 1,200 video credits, {limit} a month at most\n"


@pytest.mark.parametrize("wish", [(), ("--credits", "700"), ("--kind", "video")])
def test_an_order_of_nothing_whole_is_told_what_to_name(wish: tuple[str, ...]) -> None:
    done = run_here("purchase", "buy", str(UUID(int=1)), *wish)

    assert done.code == 2
    assert "name a --pack, or --kind and --credits" in done.errors
