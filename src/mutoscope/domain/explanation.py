"""A balance in sentences: each figure with the lots, holds and due lines that it comes from.

Invariant: nothing is said that the balance does not hold. Instants are told in UTC; a screen that
has a zone makes its own sentences of the same fields.
"""

from datetime import datetime

from mutoscope.domain.balance import Balance, LotView


def explanation(*, balance: Balance) -> tuple[str, ...]:
    """Return the balance in sentences: what can be spent, from which lots, what is held and due."""
    kind = balance.kind
    sentences = [f"{balance.spendable:,} {kind} credits can be spent at {_told(balance.at)}."]
    sentences += [_lot_sentence(lot, balance.at) for lot in balance.lots]
    sentences += [
        f"{hold.namespace}:{hold.key} has held {hold.amount:,} since {_told(hold.placed_at)}."
        for hold in balance.holds
    ]
    if balance.is_projected and balance.holds:
        sentences.append("What becomes of open holds is not known yet: they are counted as held.")
    sentences += [
        f"Due at {_told(step.due_at)}: {step.words}; {step.available:,} are left then."
        for step in balance.due
    ]
    return tuple(sentences)


def _lot_sentence(lot: LotView, at: datetime) -> str:
    parts = [
        f"{amount:,} {word}"
        for amount, word in (
            (lot.available, "available"), (lot.frozen, "frozen"), (lot.held, "held")
        )
        if amount
    ]  # fmt: skip
    begins = f", to be spent from {_told(lot.effective_at)}" if lot.effective_at > at else ""
    ends = f", until {_told(lot.expires_at)}" if lot.expires_at else ", without an end"
    return f"Lot {lot.lot} ({lot.source}): {' and '.join(parts)}{begins}{ends}."


def _told(instant: datetime) -> str:
    return instant.isoformat(sep=" ", timespec="seconds")
