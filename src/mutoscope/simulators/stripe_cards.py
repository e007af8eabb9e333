"""Stripe's test cards: what each does when it is paid with."""

from types import MappingProxyType
from typing import Final, NamedTuple


class Card(NamedTuple):
    """A card: how it is declined, when it asks for its owner, what becomes of its payments.

    `declined_later` befalls charges without the owner alone. A card that `asks_once` stays silent
    after it was kept, one that `asks_always` cannot be charged without its owner.
    """

    declined: str | None = None
    declined_later: str | None = None
    asks_once: bool = False
    asks_always: bool = False
    is_disputed: bool = False
    are_refunds_pending: bool = False
    are_refunds_failing: bool = False


CARDS: Final = MappingProxyType(
    {
        "4242424242424242": Card(),
        "4000000000000002": Card(declined="generic_decline"),
        "4000000000009995": Card(declined="insufficient_funds"),
        "4000000000000341": Card(declined_later="generic_decline"),
        "4000002500003155": Card(asks_once=True),
        "4000002760003184": Card(asks_always=True),
        "4000000000000259": Card(is_disputed=True),
        "4000000000007726": Card(are_refunds_pending=True),
        "4000000000005126": Card(are_refunds_failing=True),
    }
)
MEANINGS: Final = MappingProxyType(
    {
        "4242424242424242": "is paid",
        "4000000000000002": "is declined",
        "4000000000009995": "has insufficient funds",
        "4000000000000341": "is paid now, and declined when it is charged later",
        "4000002500003155": "asks its owner once",
        "4000002760003184": "asks its owner every time",
        "4000000000000259": "is paid, and disputed",
        "4000000000007726": "is paid; its refunds are pending at first",
        "4000000000005126": "is paid; its refunds fail later",
    }
)
