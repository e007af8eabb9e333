"""How alerts are told: a sentence with the remedy, and the subject of the message about it.

Invariant: a sentence says what is left and what may be done; who has no plan is told the plans.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from mutoscope.domain.alerts import AlertCode, Raised
from mutoscope.domain.catalog import Version
from mutoscope.domain.forecast import best_of, bought
from mutoscope.domain.forecast_wording import credits_of, lapse, on
from mutoscope.domain.offers import Basis, Plan

SUBJECTS: Final = {
    AlertCode.BALANCE_LOW: "Your {kind} credits are running low",
    AlertCode.BALANCE_EMPTY: "You have no {kind} credits left",
    AlertCode.TRIAL_EXHAUSTED: "Your trial's {kind} credits are used up",
    AlertCode.CREDITS_LAPSE: "Some of your {kind} credits lapse soon",
    AlertCode.ENDPOINT_OFF: "A webhook was switched off",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """Whose wallet it is, and what comes next: a grant of the plan, if there is one."""

    kind: str
    reference: int
    zone: str
    version: Version
    has_plan: bool
    next_grant_at: datetime | None = None
    next_grant_amount: int = 0


def subject(*, code: AlertCode, kind: str) -> str:
    """Return the subject of the message about an alert."""
    return SUBJECTS[code].format(kind=kind)


def sentence(*, raised: Raised, about: Circumstances) -> str:
    """Return an alert in plain words, with what may be done."""
    kind = about.kind
    if raised.lapses_at is not None:
        choices = bought(version=about.version, kind=kind, amount=raised.credits)
        return lapse(
            kind=kind, amount=raised.credits, lapses_at=raised.lapses_at, zone=about.zone,
            best=best_of(choices), wasted=None,
        )  # fmt: skip
    if raised.code is AlertCode.BALANCE_LOW:
        percent = raised.credits * 100 // about.reference
        verb = "is" if raised.credits == 1 else "are"
        left = f"{credits_of(raised.credits, kind=kind)} {verb} left, {percent} % of the last"
        return f"{left} {about.reference:,}.{_remedy(about)}"
    if raised.code is AlertCode.TRIAL_EXHAUSTED:
        return f"The {kind} credits of your trial are used up.{_remedy(about)}"
    return f"No {kind} credits are left to spend.{_remedy(about)}"


def offered(*, version: Version) -> tuple[Plan, ...]:
    """Return the plans that may be started, those with a price first, the cheapest of them first.

    What is agreed with support has no price and stands last.
    """
    return tuple(
        sorted(
            version.plans,
            key=lambda plan: (plan.price is None, plan.price.monthly.amount if plan.price else 0),
        )
    )


def allowances(*, plan: Plan) -> dict[str, int | str]:
    """Return a plan's monthly credits by kind: a number, or how they are measured."""
    return {
        each.kind: each.credits if each.basis is Basis.FIXED else str(each.basis)
        for each in plan.allowances
    }


def _remedy(about: Circumstances) -> str:
    if about.next_grant_at is not None:
        verb = "comes" if about.next_grant_amount == 1 else "come"
        when = on(about.next_grant_at, zone=about.zone)
        return f" The next {about.next_grant_amount:,} {verb} on {when}."
    if about.has_plan:
        return ""
    told = "; ".join(map(_plan, offered(version=about.version)))
    return f" Start a plan to go on. {told}."


def _plan(plan: Plan) -> str:
    given = " and ".join(
        f"{amount:,} {kind}" if isinstance(amount, int) else f"{amount} {kind}"
        for kind, amount in allowances(plan=plan).items()
    )
    return f"{plan.name}: {given} credits a month"
