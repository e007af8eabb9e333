"""What a workspace may do is judged at the act: by its plan, else its trial, else as free."""

from datetime import UTC, datetime, timedelta

import pytest

from mutoscope.bootstrap import read_catalog
from mutoscope.domain.access import Access, NotEntitled, access_at
from mutoscope.domain.jobs import FINAL, TRANSITIONS, JobState
from mutoscope.domain.offers import Entitlement

AT = datetime(2025, 1, 20, 12, tzinfo=UTC)
VERSION = read_catalog(None).version_at(at=AT)
ENDS_AT = AT + timedelta(days=14)


def access(*, plan: str | None = None, ends_at: datetime | None = None, at: datetime) -> Access:
    found = None if plan is None else VERSION.plan(key=plan)
    return access_at(version=VERSION, plan=found, trial_ends_at=ends_at, at=at)


@pytest.mark.parametrize("entitlement", list(Entitlement))
def test_the_trial_makes_images_and_nothing_else(entitlement: Entitlement) -> None:
    trial = access(ends_at=ENDS_AT, at=AT)

    with pytest.raises(NotEntitled, match=f"{entitlement} is not included in trial: start a plan"):
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


def test_a_final_state_leads_nowhere_and_the_others_lead_to_an_end() -> None:
    for state in JobState:
        reached = {state}
        for _ in JobState:
            reached |= {after for each in reached for after in TRANSITIONS[each]}

        assert (TRANSITIONS[state] == frozenset()) == (state in FINAL)
        assert reached & FINAL
