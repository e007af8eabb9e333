"""Quotes: an estimate of a board whose prices are locked for a time.

Invariant: a quote fixes prices, not credits, and only in the creator's favour: a current price that
is lower wins. What was not quoted, or has changed since, is not ordered at a quoted price, and a
tool that was withdrawn is refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from mutoscope.domain.board_price import BoardItem
from mutoscope.domain.credits import Refusal
from mutoscope.domain.instants import told
from mutoscope.domain.storyboard import Wanted, told_frames


class QuoteExpired(Refusal):
    """A quote whose price lock is over."""

    code = "quote_expired"

    def __init__(self, *, expires_at: datetime) -> None:
        super().__init__(
            f"the quote's prices were locked until {told(expires_at)}: ask for a new one"
        )
        self.expires_at = expires_at


class QuoteOutdated(Refusal):
    """A quote of a board on which frames were added or changed since."""

    code = "quote_outdated"

    def __init__(self, *, numbers: Sequence[int]) -> None:
        super().__init__(
            f"{told_frames(numbers, one='was', more='were')} added or changed after the quote: "
            "ask for a new one"
        )
        self.numbers = tuple(numbers)


class QuotedItem(NamedTuple):
    """What a quote promises for a still or clip of a frame."""

    frame_id: UUID
    wanted: Wanted
    tool: str
    duration_s: int | None
    price: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """The prices of a board under a version of the catalog, locked until an instant."""

    quote_id: UUID
    project_id: UUID
    version: str
    items: tuple[QuotedItem, ...]
    created_at: datetime
    expires_at: datetime


class AgreedItem(NamedTuple):
    """An item with the price that an order holds, and the version under which it holds."""

    item: BoardItem
    price: int
    version: str


def quoted_items(items: Sequence[BoardItem]) -> tuple[QuotedItem, ...]:
    """Return what a quote promises for items at their current prices."""
    return tuple(
        QuotedItem(item.frame_id, item.wanted, item.tool, item.duration_s, item.price)
        for item in items
    )


def agreed(
    *, items: Sequence[BoardItem], version: str, quote: Quote | None, at: datetime
) -> tuple[AgreedItem, ...]:
    """Return the price of each item: the quoted one, unless the current one is lower.

    :raises QuoteExpired: when the quote's lock is over.
    :raises QuoteOutdated: when an item was not quoted as it is now.
    """
    if quote is None:
        return tuple(AgreedItem(item, item.price, version) for item in items)
    if at >= quote.expires_at:
        raise QuoteExpired(expires_at=quote.expires_at)
    promised = {each[:4]: each.price for each in quote.items}
    unknown = [item.number for item in items if _name(item) not in promised]
    if unknown:
        raise QuoteOutdated(numbers=unknown)
    return tuple(
        AgreedItem(item, promised[_name(item)], quote.version)
        if promised[_name(item)] < item.price
        else AgreedItem(item, item.price, version)
        for item in items
    )


def _name(item: BoardItem) -> tuple[UUID, Wanted, str, int | None]:
    return item.frame_id, item.wanted, item.tool, item.duration_s
