"""Access: what a workspace may do now, by its plan or its trial. It is judged at the act."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from mutoscope.domain.catalog import Version
from mutoscope.domain.credits import Refusal
from mutoscope.domain.offers import Basis, Entitlement, Plan
from mutoscope.domain.subscriptions import HAS_PLAN, MAY_SPEND, MayNotSpend, State

TRIAL: Final = State.TRIAL.value
FREE: Final = State.FREE.value

_ASK: Final = "ask support to open it"
_CLOSED: Final = "the account is closed"
_OVER: Final = {FREE: "the trial is over: ", State.CANCELLED.value: "the plan is over: "}


class NotEntitled(Refusal):
    """Something that the workspace's plan, or the trial, does not include.

    `plans` are the keys of those that do, and that a creator can start.
    """

    code = "not_entitled"

    def __init__(self, *, entitlement: str, access: "Access") -> None:
        plans = tuple(plan for plan in access.offered if entitlement in plan.entitlements)
        is_one = entitlement == Entitlement.VIDEO
        remedy = _remedy(access, plans, it="it" if is_one else "them")
        verb = "is" if is_one else "are"
        super().__init__(f"{entitlement} {verb} not included in {access.plan}: {remedy}")
        self.entitlement = entitlement
        self.plan = access.plan
        self.plans = tuple(plan.key for plan in plans)


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What a workspace may do at an instant: `plan` is its key, or else its state.

    `offered` are the plans that its creator can start, in the catalog's order.
    """

    plan: str
    state: State
    entitlements: frozenset[Entitlement]
    unlimited: frozenset[str]
    jobs_max: int
    offered: tuple[Plan, ...]

    def require(self, entitlement: Entitlement) -> None:
        """Pass when it is included.

        :raises NotEntitled: when it is not.
        """
        if entitlement not in self.entitlements:
            raise NotEntitled(entitlement=entitlement, access=self)

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
    offered = tuple(each for each in version.plans if each.can_be_picked)
    if plan is not None:
        unlimited = frozenset(a.kind for a in plan.allowances if a.basis is Basis.UNLIMITED)
        agreed = plan.agreed & {Entitlement.PURCHASES} if can_purchase else frozenset()
        return Access(
            plan=plan.key, state=state, entitlements=plan.entitlements | agreed,
            unlimited=unlimited, jobs_max=plan.jobs_max, offered=offered,
        )  # fmt: skip
    if state is State.TRIAL:
        trial = version.trial
        return Access(
            plan=TRIAL, state=state, entitlements=trial.entitlements, unlimited=frozenset(),
            jobs_max=trial.jobs_max, offered=offered,
        )  # fmt: skip
    return Access(
        plan=state.value, state=state, entitlements=frozenset(), unlimited=frozenset(), jobs_max=1,
        offered=() if state is State.CLOSED else offered,
    )  # fmt: skip


def named(plans: Sequence[Plan]) -> str:
    """Return the names of plans in a sentence, such as Essential, Pro or Unlimited."""
    *others, last = (plan.name for plan in plans)
    return f"{', '.join(others)} or {last}" if others else last


def _remedy(access: Access, plans: Sequence[Plan], *, it: str) -> str:
    if access.state is State.CLOSED:
        return _CLOSED
    over = _OVER.get(access.plan, "")
    if not plans:
        return f"{over}{_ASK}"
    if access.state in HAS_PLAN:
        return f"choose a plan that includes {it} ({named(plans)}), or ask support"
    return f"{over}start a plan ({named(plans)}) to {'go on' if over else f'open {it}'}"
