"""Access: what a workspace may do now, by its plan or its trial. It is judged at the act."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from mutoscope.domain.catalog import Version
from mutoscope.domain.credits import Refusal
from mutoscope.domain.offers import Basis, Entitlement, Plan

FREE: Final = "free"
TRIAL: Final = "trial"

_REMEDIES: Final = {
    TRIAL: "start a plan (Essential, Pro or Unlimited) to open it",
    FREE: "the trial is over: start a plan (Essential, Pro or Unlimited) to go on",
}


class NotEntitled(Refusal):
    """Something that the workspace's plan, or the trial, does not include."""

    code = "not_entitled"

    def __init__(self, *, entitlement: str, plan: str) -> None:
        remedy = _REMEDIES.get(plan, "choose a larger plan, or ask support")
        super().__init__(f"{entitlement} is not included in {plan}: {remedy}")
        self.entitlement = entitlement
        self.plan = plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What a workspace may do at an instant: `plan` is its key, or trial, or free."""

    plan: str
    entitlements: frozenset[Entitlement]
    unlimited: frozenset[str]
    jobs_max: int

    def require(self, entitlement: Entitlement) -> None:
        """Pass when it is included.

        :raises NotEntitled: when it is not.
        """
        if entitlement not in self.entitlements:
            raise NotEntitled(entitlement=entitlement, plan=self.plan)


def access_at(
    *, version: Version, plan: Plan | None, trial_ends_at: datetime | None, at: datetime
) -> Access:
    """Return the access by an active plan, else by a running trial, else of a free workspace."""
    if plan is not None:
        unlimited = frozenset(a.kind for a in plan.allowances if a.basis is Basis.UNLIMITED)
        return Access(
            plan=plan.key, entitlements=plan.entitlements, unlimited=unlimited,
            jobs_max=plan.jobs_max,
        )  # fmt: skip
    if trial_ends_at is not None and at < trial_ends_at:
        trial = version.trial
        return Access(
            plan=TRIAL, entitlements=trial.entitlements, unlimited=frozenset(),
            jobs_max=trial.jobs_max,
        )  # fmt: skip
    return Access(plan=FREE, entitlements=frozenset(), unlimited=frozenset(), jobs_max=1)
