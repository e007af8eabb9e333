"""What a workspace may do is judged at the act: by its plan, else its trial, else as free."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from mutoscope.bootstrap import read_catalog
from mutoscope.domain.access import Access, NotEntitled, access_at
from mutoscope.domain.offers import Entitlement, Plan
from mutoscope.domain.subscriptions import MayNotSpend, State
from mutoscope.storage.workspaces import Workspace

AT = datetime(2025, 1, 20, 12, tzinfo=UTC)
VERSION = read_catalog(None).version_at(at=AT)
ENDS_AT = AT + timedelta(days=14)


def _own(key: str, *left_out: Entitlement) -> Plan:
    pro = VERSION.plan(key="pro")
    return replace(
        pro, key=key, name=key.title(), entitlements=pro.entitlements - frozenset(left_out)
    )


OWN = replace(
    VERSION, plans=(
        _own("reel"), _own("sketch", Entitlement.EXPORTS), VERSION.plan(key="enterprise"),
        _own("vault"),
    ),
)  # fmt: skip
"""An operator's own catalog."""

NEWCOMER = Workspace(
    workspace_id=UUID(int=1), name="Aurora", email=None, zone="UTC", is_demo=False,
    created_at=AT, verified_at=AT, trial_ends_at=None, subscription=None,
)  # fmt: skip


def access(*, plan: str | None = None, ends_at: datetime | None = None, at: datetime) -> Access:
    state = replace(NEWCOMER, trial_ends_at=ends_at).state_at(at=at)
    if plan is None:
        return access_at(version=VERSION, plan=None, state=state)
    return access_at(version=VERSION, plan=VERSION.plan(key=plan), state=State.ACTIVE)


@pytest.mark.parametrize("entitlement", list(Entitlement))
def test_the_trial_makes_images_and_nothing_else(entitlement: Entitlement) -> None:
    trial = access(ends_at=ENDS_AT, at=AT)

    verb = "is" if entitlement is Entitlement.VIDEO else "are"
    told = f"{entitlement} {verb} not included in trial: start a plan"
    with pytest.raises(NotEntitled, match=told):
        trial.require(entitlement)


@pytest.mark.parametrize("entitlement", list(Entitlement))
def test_a_free_workspace_is_told_to_start_a_plan(entitlement: Entitlement) -> None:
    free = access(at=AT)

    with pytest.raises(NotEntitled, match="the trial is over: start a plan") as refused:
        free.require(entitlement)

    assert (refused.value.plan, refused.value.entitlement) == ("free", entitlement)


@pytest.mark.parametrize("plan", ["essential", "pro", "unlimited"])
def test_a_plan_opens_everything(plan: str) -> None:
    found = access(plan=plan, at=AT)

    assert found.entitlements == frozenset(Entitlement)
    for entitlement in Entitlement:
        found.require(entitlement)


def test_what_enterprise_has_to_agree_is_refused_with_a_remedy() -> None:
    with pytest.raises(NotEntitled, match="ask support"):
        access(plan="enterprise", at=AT).require(Entitlement.PURCHASES)


def test_what_enterprise_has_agreed_is_open() -> None:
    plan = VERSION.plan(key="enterprise")
    found = access_at(version=VERSION, plan=plan, state=State.ACTIVE, can_purchase=True)

    found.require(Entitlement.PURCHASES)


@pytest.mark.parametrize("state", [State.SUSPENDED, State.CANCELLED, State.CLOSED])
def test_a_plan_that_is_not_paid_or_over_spends_nothing(state: State) -> None:
    found = access_at(version=VERSION, plan=VERSION.plan(key="pro"), state=state)

    with pytest.raises(MayNotSpend, match=state.value):
        found.require_spending()


def test_a_plan_counts_more_than_a_trial_that_runs() -> None:
    assert access(plan="pro", ends_at=ENDS_AT, at=AT).plan == "pro"


@pytest.mark.parametrize(("microseconds", "plan"), [(-1, "trial"), (0, "free"), (1, "free")])
def test_the_trial_is_over_at_its_end(microseconds: int, plan: str) -> None:
    at = ENDS_AT + timedelta(microseconds=microseconds)

    assert access(ends_at=ENDS_AT, at=at).plan == plan


@pytest.mark.parametrize(
    ("plan", "kinds"), [("unlimited", {"image"}), ("pro", set()), ("enterprise", set())]
)
def test_only_an_unlimited_allowance_is_unlimited(plan: str, kinds: set[str]) -> None:
    assert access(plan=plan, at=AT).unlimited == kinds


@pytest.mark.parametrize(
    ("state", "remedy"),
    [
        (State.TRIAL, "start a plan (Reel or Vault) to open them"),
        (State.FREE, "the trial is over: start a plan (Reel or Vault) to go on"),
        (State.CANCELLED, "the plan is over: start a plan (Reel or Vault) to go on"),
        (State.ACTIVE, "choose a plan that includes them (Reel or Vault), or ask support"),
    ],
)
def test_a_refusal_names_the_catalog_s_plans_that_open_it(state: State, remedy: str) -> None:
    plan = OWN.plan(key="sketch") if state is State.ACTIVE else None

    with pytest.raises(NotEntitled) as refused:
        access_at(version=OWN, plan=plan, state=state).require(Entitlement.EXPORTS)

    assert str(refused.value).partition(": ")[2] == remedy
    assert refused.value.plans == ("reel", "vault")


@pytest.mark.parametrize(
    ("state", "remedy"),
    [
        (State.TRIAL, "ask support to open it"),
        (State.FREE, "the trial is over: ask support to open it"),
        (State.CLOSED, "the account is closed"),
    ],
)
def test_where_no_plan_opens_it_none_is_named(state: State, remedy: str) -> None:
    sketches = replace(OWN, plans=(OWN.plan(key="sketch"), VERSION.plan(key="enterprise")))
    version = OWN if state is State.CLOSED else sketches

    with pytest.raises(NotEntitled) as refused:
        access_at(version=version, plan=None, state=state).require(Entitlement.EXPORTS)

    assert str(refused.value).partition(": ")[2] == remedy
    assert refused.value.plans == ()


def test_a_plan_with_credits_to_agree_on_is_started_by_nobody_alone() -> None:
    agreed = VERSION.plan(key="enterprise")

    assert not agreed.can_be_picked
    assert not replace(agreed, price=VERSION.plan(key="pro").price).can_be_picked
    assert not replace(VERSION.plan(key="pro"), price=None).can_be_picked
