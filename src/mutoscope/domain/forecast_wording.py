"""How a forecast is told: sentences for people, in the zone that they live in.

Invariant: a sentence says no more than the figures do; while the history is short it says so.
"""

from datetime import datetime
from zoneinfo import ZoneInfo

from mutoscope.domain.forecast import Bought, Confidence, Rate

_SURE = {
    Confidence.LOW: "roughly", Confidence.MEDIUM: "about", Confidence.HIGH: "quite surely",
}  # fmt: skip


def on(at: datetime, *, zone: str) -> str:
    """Return an instant as the zone's clocks and calendars show it."""
    local = at.astimezone(ZoneInfo(zone))
    return f"{local.day} {local:%B %Y, %H:%M %Z}"


def credits_of(amount: int, *, kind: str) -> str:
    """Return an amount of credits of a kind, such as 1 image credit."""
    return f"{amount:,} {kind} credit{'' if amount == 1 else 's'}"


def things(choice: Bought) -> str:
    """Return what is bought, such as 6 Kling Pro clips."""
    noun = "clip" if choice.is_clip else "image"
    made_by = f"{choice.name} " if choice.is_clip else ""
    return f"{choice.pieces:,} {made_by}{noun}{'' if choice.pieces == 1 else 's'}"


def depletion(
    *, kind: str, spendable: int, rate: Rate, depleted_at: datetime | None, zone: str
) -> str:
    """Return when a wallet is used up, or why nobody can tell."""
    if not spendable:
        return f"No {kind} credits are left to spend."
    left = f"{credits_of(spendable, kind=kind)} {'is' if spendable == 1 else 'are'} left"
    if rate.per_day is None:
        return f"{left}. The forecast is accumulating: it needs a week with three days of use."
    if not rate.per_day:
        return f"{left}, and none were used in {rate.days} days."
    if depleted_at is None:
        return f"{left}: at the present rate they last beyond a year."
    sure = _SURE.get(rate.confidence, "roughly")
    return f"{left}: at the present rate they are used up {sure} on {on(depleted_at, zone=zone)}."


def lapse(
    *, kind: str, amount: int, lapses_at: datetime, zone: str, best: Bought | None,
    wasted: int | None,
) -> str:  # fmt: skip
    """Return what lapses and what it would have bought; `wasted` is None where no rate is known."""
    when = on(lapses_at, zone=zone)
    if wasted is None:
        told = f"{credits_of(amount, kind=kind)} lapse{'s' if amount == 1 else ''} on {when}"
        return f"{told} unless they are spent{_worth(best)}."
    if not wasted:
        return f"All {credits_of(amount, kind=kind)} are spent before they would lapse on {when}."
    told = f"{credits_of(wasted, kind=kind)} would lapse unspent on {when}"
    return f"{told}{_worth(best)}."


def _worth(best: Bought | None) -> str:
    return "" if best is None else f": {things(best)}"
