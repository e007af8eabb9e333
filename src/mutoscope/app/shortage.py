"""Too few credits for what is asked, and the way out: estimate and order tell the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mutoscope.domain.access import named
from mutoscope.domain.credits import Refusal
from mutoscope.domain.instants import told
from mutoscope.domain.subscriptions import HAS_PLAN

if TYPE_CHECKING:
    from datetime import datetime

    from mutoscope.domain.access import Access
    from mutoscope.domain.balance import Balance


class Remedy(NamedTuple):
    """The way out in words, and the keys of the plans that they name."""

    words: str
    plans: tuple[str, ...] = ()


class NotEnoughCredits(Refusal):
    """A job that costs more than the wallet can give, with the way out."""

    code = "insufficient_credits"

    def __init__(
        self, *, kind: str, required: int, available: int, remedy: Remedy,
        next_grant_at: datetime | None, next_grant_amount: int,
    ) -> None:  # fmt: skip
        super().__init__(
            f"{required:,} {kind} credits are needed and {available:,} can be spent, "
            f"{required - available:,} short: {remedy.words}"
        )
        self.kind = kind
        self.required = required
        self.available = available
        self.shortfall = required - available
        self.remedy = remedy.words
        self.plans = remedy.plans
        self.next_grant_at = next_grant_at
        self.next_grant_amount = next_grant_amount


def shortage(
    *, kind: str, required: int, balance: Balance | None, access: Access, zone: str
) -> NotEnoughCredits:
    """Return the refusal of what a wallet falls short of; without a wallet nothing can be spent."""
    available = min(balance.spendable, required - 1) if balance else 0  # it fell short, then
    at, amount = (balance.next_grant_at, balance.next_grant_amount) if balance else (None, 0)
    remedy = _remedy(kind, access)
    if at is not None:
        arrive = f"{amount:,} more arrive on {told(at, zone=zone)}"
        is_enough = amount >= required - available
        few = remedy._replace(words=f"{arrive}, which are too few: {remedy.words}")
        remedy = Remedy(arrive) if is_enough else few
    return NotEnoughCredits(
        kind=kind, required=required, available=available, remedy=remedy, next_grant_at=at,
        next_grant_amount=amount,
    )  # fmt: skip


def _remedy(kind: str, access: Access) -> Remedy:
    """Return the plans that give credits of a kind, where none runs and one can be started."""
    plans = [plan for plan in access.offered if plan.allowance(kind=kind) is not None]
    if access.state in HAS_PLAN or not plans:
        return Remedy("ask for more credits in the chat")
    return Remedy(
        f"start a plan ({named(plans)}) to go on", plans=tuple(plan.key for plan in plans)
    )
