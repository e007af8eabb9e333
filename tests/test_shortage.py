"""What is told of too few credits: by the wallet's next grant, and by the plan."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from mutoscope.app.shortage import shortage
from mutoscope.domain.balance import Balance, Standpoint, balance_of

NOW = datetime(2026, 1, 31, 23, 30, tzinfo=UTC)
ARRIVE = "more arrive on 01 Feb 2026 08:30 JST"
START = "start a plan (Essential, Pro or Unlimited) to go on"
BARE = balance_of(standpoint=Standpoint(UUID(int=1), "video", NOW, 1), lots=(), holds=())


def granted(amount: int) -> Balance:
    return replace(BARE, next_grant_at=NOW, next_grant_amount=amount)


@pytest.mark.parametrize(
    ("balance", "plan", "remedy"),
    [
        (None, "trial", START),
        (BARE, "pro", "ask for more credits in the chat"),
        (granted(1_500), "pro", f"1,500 {ARRIVE}"),
        (granted(100), "trial", f"100 {ARRIVE}, which are too few: {START}"),
    ],
)
def test_a_shortage_tells_the_way_out_in_the_zone_of_the_workspace(
    balance: Balance | None, plan: str, remedy: str
) -> None:
    told = shortage(kind="video", required=1_250, balance=balance, plan=plan, zone="Asia/Tokyo")

    assert (told.required, told.available, told.shortfall) == (1_250, 0, 1_250)
    assert str(told) == f"1,250 video credits are needed and 0 can be spent, 1,250 short: {remedy}"
