"""Access: what a workspace may do now, by its plan or its trial. It is judged at the act."""

from dataclasses import dataclass
from typing import Final

from mutoscope.domain.catalog import Version
from mutoscope.domain.credits import Refusal
from mutoscope.domain.offers import Basis, Entitlement, Plan
from mutoscope.domain.subscriptions import HAS_PLAN, MAY_SPEND, MayNotSpend, State

TRIAL: Final = State.TRIAL.value
FREE: Final = State.FREE.value

_REMEDIES: Final = {
    TRIAL: "start a plan (Essential, Pro or Unlimited) to open it",
    FREE: "the trial is over: start a plan (Essential, Pro or Unlimited) to go on",
    State.CANCELLED.value: "the plan is over: start a plan (Essential, Pro or Unlimited) to go on",
    State.CLOSED.value: "the account is closed",
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
    """What a workspace may do at an instant: `plan` is its key, or else its state."""

    plan: str
    state: State
    entitlements: frozenset[Entitlement]
    unlimited: frozenset[str]
    jobs_max: int

    def require(self, entitlement: Entitlement) -> None:
        """Pass when it is included.

        :raises NotEntitled: when it is not.
        """
        if entitlement not in self.entitlements:
            raise NotEntitled(entitlement=entitlement, plan=self.plan)

    def require_plan(self) -> None:
        """Pass when a plan runs.

        :raises MayNotSpend: when none does.
        """
        if self.state not in HAS_PLAN:
            raise MayNotSpend(state=self.state)

    def require_spending(self) -> None:
        """Pass when new jobs may begin; what a free workspace lacks are credits.

        :raises MayNotSpend: when the plan is suspended, over or closed.
        """
        if self.state not in MAY_SPEND:
            raise MayNotSpend(state=self.state)


def access_at(
    *, version: Version, plan: Plan | None, state: State, can_purchase: bool = False
) -> Access:
    """Return the access by a plan, else by a running trial, else of a workspace with neither.

    `can_purchase` says that staff agreed on purchases where the plan leaves them open.
    """
    if plan is not None:
        unlimited = frozenset(a.kind for a in plan.allowances if a.basis is Basis.UNLIMITED)
        agreed = plan.agreed & {Entitlement.PURCHASES} if can_purchase else frozenset()
        return Access(
            plan=plan.key, state=state, entitlements=plan.entitlements | agreed,
            unlimited=unlimited, jobs_max=plan.jobs_max,
        )  # fmt: skip
    if state is State.TRIAL:
        trial = version.trial
        return Access(
            plan=TRIAL, state=state, entitlements=trial.entitlements, unlimited=frozenset(),
            jobs_max=trial.jobs_max,
        )  # fmt: skip
    return Access(
        plan=state.value, state=state, entitlements=frozenset(), unlimited=frozenset(), jobs_max=1
    )
