"""Where credits move: each function returns the postings of one operation, or refuses it.

The permitted moves stand in `domain.chart`; `domain.wallet.record` applies the postings and the one
`INSERT INTO entries` of `storage/functions/` writes them. The rules are those of the ledger's
documentation (docs/concepts.md): soonest expiry first, a capture takes the draws in the order
drawn, so what was drawn last is given back first.
"""

from collections.abc import Iterable, Mapping

from mutoscope.domain.chart import AVAILABLE, CAPTURED, FROZEN, HELD, ISSUED, Account
from mutoscope.domain.credits import Refusal
from mutoscope.domain.journal import Posting
from mutoscope.domain.lots import Draw, Lot, LotState
from mutoscope.domain.wallet import OpenHold, Wallet

_ = Account
_new = tuple.__new__  # makes a value without its class's own, slower, constructor


class InsufficientCredits(Refusal):
    """A hold, charge or correction for more than the wallet can give."""

    code = "insufficient_credits"

    def __init__(self, *, kind: str, required: int, available: int) -> None:
        super().__init__(
            f"{required} {kind} credits are needed and {available} can be spent: "
            f"{required - available} short"
        )
        self.kind = kind
        self.required = required
        self.available = available
        self.shortfall = required - available


class CaptureExceedsHold(Refusal):
    """A settlement for more than was held: an overrun is the operator's, never the creator's."""

    code = "capture_exceeds_hold"

    def __init__(self, *, amount: int, held: int) -> None:
        super().__init__(
            f"{amount} credits cannot be captured of a hold of {held}: capture at most {held}, "
            "and absorb the rest"
        )
        self.amount = amount
        self.held = held


class RefundExceedsCapture(Refusal):
    """A refund for more than the entry captured."""

    code = "refund_exceeds_capture"

    def __init__(self, *, amount: int, captured: int) -> None:
        super().__init__(
            f"{amount} credits cannot be refunded: the entry captured {captured}"
            + ("" if captured else ", so there is nothing to give back")
        )
        self.amount = amount
        self.captured = captured


def granted(*, lot: int, amount: int, is_frozen: bool) -> tuple[Posting, ...]:
    """Return the posting that fills a new lot."""
    return (Posting(ISSUED, FROZEN if is_frozen else AVAILABLE, lot, amount),)


def taken(*, wallet: Wallet, amount: int, target: str) -> tuple[Posting, ...]:
    """Return the postings that take an amount in the spend order.

    :raises InsufficientCredits: when the spendable lots hold less.
    """
    at, wanted, postings = wallet.posted_at, amount, []
    for lot in wallet.lots_to_spend():
        if lot.is_spendable(at=at):
            part = min(lot.available, wanted)
            postings.append(_new(Posting, (AVAILABLE, target, lot.lot, part)))
            wanted -= part
            if not wanted:
                return tuple(postings)
    raise InsufficientCredits(kind=wallet.kind, required=amount, available=amount - wanted)


def metered(*, amount: int, source: str, target: str) -> tuple[Posting, ...]:
    """Return the posting of unlimited or absorbed use, which touches no lot."""
    return (Posting(source, target, None, amount),)


def settled(*, hold: OpenHold, lots: Mapping[int, Lot], amount: int) -> tuple[Posting, ...]:
    """Return the postings that capture an amount of a hold and release the rest.

    :raises CaptureExceedsHold: when the amount is more than was held.
    """
    if amount > hold.amount:
        raise CaptureExceedsHold(amount=amount, held=hold.amount)
    if hold.is_metered:
        return _metering_settled(hold=hold, amount=amount)
    left, captures, returns = amount, [], []
    for lot, held in hold.draws:
        part = min(held, left)
        left -= part
        if part:
            captures.append(_new(Posting, (HELD, CAPTURED, lot, part)))
        if part < held:
            returns.append(_new(Posting, (HELD, _home(lots[lot]), lot, held - part)))
    return (*captures, *returns)


def refunded(
    *, captures: tuple[Draw, ...], lots: Mapping[int, Lot], amount: int | None
) -> tuple[Posting, ...]:
    """Return the postings that give captured credits back, the last draw first.

    :raises RefundExceedsCapture: when the entry captured less, or nothing.
    """
    captured = sum(draw.amount for draw in captures)
    if not captured or (amount or 0) > captured:
        raise RefundExceedsCapture(amount=amount or 0, captured=captured)
    keep, back = split(draws=captures, amount=captured - (amount or captured))
    assert sum(draw.amount for draw in keep + back) == captured
    return tuple([_new(Posting, (CAPTURED, _home(lots[draw.lot]), *draw)) for draw in back[::-1]])


def emptied(*, lots: Iterable[Lot], target: str) -> tuple[Posting, ...]:
    """Return the postings that move all that is left in some lots to one place."""
    return tuple(
        Posting(source, target, lot.lot, amount)
        for lot in lots
        for source, amount in ((AVAILABLE, lot.available), (FROZEN, lot.frozen))
        if amount and source != target
    )


def lessened(*, lot: Lot, amount: int, target: str) -> tuple[Posting, ...]:
    """Return the postings that move an amount of what is left in one lot, or all when it is less.

    A lot has its credits available or frozen, as its state says, and never both.
    """
    source, left = (AVAILABLE, lot.available) if lot.available else (FROZEN, lot.frozen)
    part = min(left, amount)
    return (Posting(source, target, lot.lot, part),) if part else ()


def moved_between(*, lots: Iterable[Lot], source: str, target: str) -> tuple[Posting, ...]:
    """Return the postings that freeze or thaw some lots."""
    return tuple(
        Posting(source, target, lot.lot, amount) for lot in lots if (amount := getattr(lot, source))
    )


def split(*, draws: tuple[Draw, ...], amount: int) -> tuple[tuple[Draw, ...], tuple[Draw, ...]]:
    """Split draws at an amount, in the order drawn: the part up to it, and the rest."""
    first, rest = [], []
    left = amount
    for draw in draws:
        part = min(draw.amount, left)
        left -= part
        if part:
            first.append(_new(Draw, (draw.lot, part)))
        if part < draw.amount:
            rest.append(_new(Draw, (draw.lot, draw.amount - part)))
    return tuple(first), tuple(rest)


def _home(lot: Lot) -> str:
    """Return where credits come back to: a frozen lot stays frozen."""
    return FROZEN if lot.state == LotState.FROZEN else AVAILABLE


def _metering_settled(*, hold: OpenHold, amount: int) -> tuple[Posting, ...]:
    rest = hold.amount - amount
    return (
        *(metered(amount=amount, source=_.METERING, target=_.METERED) if amount else ()),
        *(metered(amount=rest, source=_.METERING, target=_.UNLIMITED) if rest else ()),
    )
