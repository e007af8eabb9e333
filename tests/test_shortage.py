"""What is told of too few credits: by the wallet's next grant, and by the plan."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from mutoscope.app.shortage import shortage
from mutoscope.bootstrap import read_catalog
from mutoscope.domain.access import Access, access_at
from mutoscope.domain.balance import Balance, Standpoint, balance_of
from mutoscope.domain.catalog import Version
from mutoscope.domain.offers import Allowance, Basis
from mutoscope.domain.subscriptions import State

NOW = datetime(2026, 1, 31, 23, 30, tzinfo=UTC)
ARRIVE = "more arrive on 01 Feb 2026 08:30 JST"
START = "start a plan (Essential, Pro or Unlimited) to go on"
VERSION = read_catalog(None).version_at(at=NOW)
PLANS = ("essential", "pro", "unlimited")
BARE = balance_of(standpoint=Standpoint(UUID(int=1), "video", NOW, 1), lots=(), holds=())


def access(plan: str, *, version: Version = VERSION) -> Access:
    if plan in set(State):
        return access_at(version=version, plan=None, state=State(plan))
    return access_at(version=version, plan=version.plan(key=plan), state=State.ACTIVE)


def granted(amount: int) -> Balance:
    return replace(BARE, next_grant_at=NOW, next_grant_amount=amount)


@pytest.mark.parametrize(
    ("balance", "plan", "remedy", "plans"),
    [
        (None, "trial", START, PLANS),
        (None, "cancelled", START, PLANS),
        (BARE, "pro", "ask for more credits in the chat", ()),
        (granted(1_500), "pro", f"1,500 {ARRIVE}", ()),
        (granted(1_500), "trial", f"1,500 {ARRIVE}", ()),
        (granted(100), "trial", f"100 {ARRIVE}, which are too few: {START}", PLANS),
    ],
)
def test_a_shortage_tells_the_way_out_in_the_zone_of_the_workspace(
    balance: Balance | None, plan: str, remedy: str, plans: tuple[str, ...]
) -> None:
    told = shortage(
        kind="video", required=1_250, balance=balance, access=access(plan), zone="Asia/Tokyo"
    )

    assert (told.required, told.available, told.shortfall) == (1_250, 0, 1_250)
    assert told.plans == plans
    assert str(told) == f"1,250 video credits are needed and 0 can be spent, 1,250 short: {remedy}"


def test_the_plans_of_a_shortage_are_the_catalog_s_that_give_credits_of_the_kind() -> None:
    stills = replace(
        VERSION.plan(key="pro"), key="stills", name="Stills", allowances=(
            Allowance(kind="image", basis=Basis.FIXED, credits=900),
        ),
    )  # fmt: skip
    films = replace(VERSION.plan(key="pro"), key="films", name="Films")
    own = replace(VERSION, plans=(VERSION.plan(key="enterprise"), stills, films))

    told = shortage(
        kind="video", required=1, balance=None, access=access("free", version=own), zone="UTC"
    )

    assert (told.plans, told.remedy) == (("films",), "start a plan (Films) to go on")
