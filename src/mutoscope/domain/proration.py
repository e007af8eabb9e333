"""Proration: what an upgrade costs and grants for the rest of a span (rule 11 of the product).

Invariant: price and credits follow the same fraction, the rest of the span over the whole of it,
exact to the microsecond. Credits are rounded up, in favour of the creator, and never come to more
than the difference of the allowances; money is rounded half up to a minor unit.
"""

from datetime import datetime
from fractions import Fraction
from math import ceil, floor


def remaining(*, starts_at: datetime, ends_at: datetime, at: datetime) -> Fraction:
    """Return how much of a span [starts_at, ends_at) is still to come, from 0 to 1."""
    assert starts_at < ends_at
    inside = min(max(at, starts_at), ends_at)
    return Fraction((ends_at - inside) // _MICROSECOND, (ends_at - starts_at) // _MICROSECOND)


def prorated_credits(*, before: int, after: int, share: Fraction) -> int:
    """Return the credits that a larger allowance adds for a share of a period, rounded up."""
    return ceil(max(0, after - before) * share)


def prorated_money(*, amount: int, share: Fraction) -> int:
    """Return a share of an amount in minor units, rounded half up; a negative one half down."""
    return floor(amount * share + Fraction(1, 2))


_MICROSECOND = datetime.resolution
