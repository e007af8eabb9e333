"""What the entries of a wallet so far have made of it, while it is replayed.

The state alone: `domain.expected` tells from it what the next entry must be, and `domain.replay`
moves it on.
"""

from collections.abc import Iterable

from mutoscope.domain.findings import Broken, Fault
from mutoscope.domain.journal import EPOCH
from mutoscope.domain.lots import Draw, Lot
from mutoscope.domain.wallet import OpenHold


class ReplayState:
    """What the entries so far have made of a wallet.

    `filled` are the lots with credits available or frozen. `captures` keeps the draws of the
    entries that will be refunded (`refunded`, known beforehand), so that a long history costs no
    memory.
    """

    __slots__ = (
        "available", "captures", "due_at", "filled", "held", "holds", "lots", "periods",
        "posted_at", "refunded", "sequence",
    )  # fmt: skip

    def __init__(self, *, refunded: Iterable[int]) -> None:
        self.refunded = frozenset(refunded)
        self.sequence = self.available = self.held = 0
        self.due_at = self.posted_at = EPOCH
        self.lots: dict[int, Lot] = {}
        self.filled: dict[int, Lot] = {}
        self.holds: dict[int, OpenHold] = {}
        self.captures: dict[int, tuple[Draw, ...]] = {}
        self.periods: set[tuple[str, str]] = set()

    def lot(self, number: int | None) -> Lot:
        """Return a lot by its number.

        :raises Broken: when no earlier entry granted it.
        """
        lot = self.lots.get(number or 0)
        if lot is None:
            raise Broken(fault=Fault.LOT_UNKNOWN, expected="an earlier grant", found=number)
        return lot
