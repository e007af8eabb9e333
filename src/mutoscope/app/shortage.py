"""Too few credits for what is asked, and the way out: estimate and order tell the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mutoscope.domain.credits import Refusal
from mutoscope.domain.instants import told

if TYPE_CHECKING:
    from datetime import datetime

    from mutoscope.domain.balance import Balance


class NotEnoughCredits(Refusal):
    """A job that costs more than the wallet can give, with the way out."""

    code = "insufficient_credits"

    def __init__(
        self, *, kind: str, required: int, available: int, remedy: str,
        next_grant_at: datetime | None, next_grant_amount: int,
    ) -> None:  # fmt: skip
        super().__init__(
            f"{required:,} {kind} credits are needed and {available:,} can be spent, "
            f"{required - available:,} short: {remedy}"
        )
        self.kind = kind
        self.required = required
        self.available = available
        self.shortfall = required - available
        self.remedy = remedy
        self.next_grant_at = next_grant_at
        self.next_grant_amount = next_grant_amount


def shortage(
    *, kind: str, required: int, balance: Balance | None, plan: str, zone: str
) -> NotEnoughCredits:
    """Return the refusal of what a wallet falls short of; without a wallet nothing can be spent."""
    available = min(balance.spendable, required - 1) if balance else 0  # it fell short, then
    at, amount = (balance.next_grant_at, balance.next_grant_amount) if balance else (None, 0)
    remedy = _remedy(plan)
    if at is not None:
        arrive = f"{amount:,} more arrive on {told(at, zone=zone)}"
        is_enough = amount >= required - available
        remedy = arrive if is_enough else f"{arrive}, which are too few: {remedy}"
    return NotEnoughCredits(
        kind=kind, required=required, available=available, remedy=remedy, next_grant_at=at,
        next_grant_amount=amount,
    )  # fmt: skip


def _remedy(plan: str) -> str:
    if plan in {"trial", "free"}:
        return "start a plan (Essential, Pro or Unlimited) to go on"
    return "ask for more credits in the chat"
