"""What a card in a thread tells, in words, from the data that programs read."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from mutoscope.domain.instants import told
from mutoscope.domain.money import money_text

MONEY: Final = frozenset({"amount", "net", "price", "price_per_1000", "tax", "total"})
"""Facts that are minor units of the currency beside them."""


def card_facts(data: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what a card that has no words of its own tells, a few words a fact.

    Money is told with its currency, instants as people write them in UTC, and ids not at all.
    """
    currency = data.get("currency")
    return tuple(
        f"{name.replace('_', ' ')} {_fact(name, value, currency)}"
        for name, value in data.items()
        if isinstance(value, str | int | float)
        and not isinstance(value, bool)
        and not name.endswith("_id")
        and name != "currency"
    )


def _fact(name: str, value: str | float, currency: str | None) -> str:
    if isinstance(value, int) and currency is not None and name in MONEY:
        return money_text(value, currency)
    if isinstance(value, str) and name.endswith("_at"):
        return told(datetime.fromisoformat(value))
    return str(value).replace("_", " ")
