"""A balance in sentences: each figure with the lots, holds and due lines that it comes from.

Invariant: nothing is said that the balance does not hold; instants are told in one zone.
"""

from mutoscope.domain.balance import Balance, HoldView, LotView, Step
from mutoscope.domain.instants import told


def explanation(*, balance: Balance, zone: str) -> tuple[str, ...]:
    """Return the balance in sentences: what can be spent, from which lots, what is held and due."""
    kind = balance.kind
    return (
        f"{balance.spendable:,} {kind} credits can be spent at {told(balance.at, zone=zone)}.",
        *(_lot_sentence(lot, balance, zone) for lot in balance.lots),
        *(_hold_sentence(hold, zone) for hold in balance.holds),
        *(_due_sentence(step, zone) for step in balance.due),
    )


def _lot_sentence(lot: LotView, balance: Balance, zone: str) -> str:
    parts = [
        f"{amount:,} {word}"
        for amount, word in (
            (lot.available, "available"), (lot.frozen, "frozen"), (lot.held, "held")
        )
        if amount
    ]  # fmt: skip
    is_later = lot.effective_at > balance.at
    begins = f", to be spent from {told(lot.effective_at, zone=zone)}" if is_later else ""
    ends = f", until {told(lot.expires_at, zone=zone)}" if lot.expires_at else ", without an end"
    return f"Lot {lot.lot} ({lot.source}): {' and '.join(parts)}{begins}{ends}."


def _hold_sentence(hold: HoldView, zone: str) -> str:
    since = told(hold.placed_at, zone=zone)
    sentence = f"Hold {hold.namespace}:{hold.key} has held {hold.amount:,} since {since}"
    if hold.deadline_at is None:
        return f"{sentence}."
    ends = told(hold.deadline_at, zone=zone)
    return f"{sentence}; it ends at {ends}, unless it is settled before or renewed."


def _due_sentence(step: Step, zone: str) -> str:
    at, then = told(step.due_at, zone=zone), f"{step.words}; {step.available:,} are left then."
    if step.hold is not None:
        return f"Hold {step.hold} ends at {at}, unless it is settled before or renewed: {then}"
    return f"Due at {at}: {then}"
