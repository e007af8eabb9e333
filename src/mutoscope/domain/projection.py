"""The projections of one wallet, held against the replay of its journal.

Invariant: a projection holds nothing that its journal does not say, and all that it says; so it can
be dropped and built again. Deadlines of holds renew without an entry and are left out; the wake-up
of a wallet may be early, which costs a look, but never late.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from mutoscope.domain.findings import Fault
from mutoscope.domain.lots import Lot
from mutoscope.domain.replay import Replay
from mutoscope.domain.wallet_row import WalletRow

WALLETS: Final = "wallets"
LOTS: Final = "lots"
HOLDS: Final = "holds"
_NO_ROW: Final = "no row"


class Difference(NamedTuple):
    """A row that is not what the journal makes it."""

    fault: Fault
    table: str
    number: int
    expected: str
    found: str


def head_differences(*, row: WalletRow | None, sequence: int, head: bytes) -> Iterator[Difference]:
    """Yield how a wallet's row differs from the end of its chain."""
    if row is None:
        yield Difference(Fault.ROW_MISSING, WALLETS, 0, f"a row at sequence {sequence}", _NO_ROW)
        return
    yield from _field("sequence", sequence, row.sequence)
    yield from _field("head", head.hex(), row.head.hex())


def wallet_differences(*, row: WalletRow, replay: Replay) -> Iterator[Difference]:
    """Yield how a wallet's row differs from the replay; it may have been looked at later."""
    yield from _field("available", replay.available, row.available)
    yield from _field("held", replay.held, row.held)
    yield from _field("due_at", replay.due_at, row.due_at)
    if row.posted_at < replay.posted_at:
        yield from _field("posted_at", replay.posted_at, row.posted_at)
    if row.drawn_lot is not None and row.drawn_lot not in replay.lots:
        yield from _field("drawn_lot", "one that was granted", row.drawn_lot)
    drawn = (row.drawn_lot, row.drawn_available, row.drawn_held, row.drawn_captured)
    placed = (row.placed_hold, row.placed_deadline_at)
    for name, told in (("drawn lot", drawn), ("placed hold", placed)):
        if None in told and any(value is not None for value in told):
            yield from _field(name, "told whole, or not", told)


def lot_differences(*, rows: Mapping[int, Lot], replay: Replay) -> Iterator[Difference]:
    """Yield how the lots differ from the replay, in the order of their numbers."""
    for number in sorted(rows.keys() | replay.lots.keys()):
        made, found = replay.lots.get(number), rows.get(number)
        if made == found:
            continue
        if made is None:
            yield Difference(Fault.ROW_WITHOUT_JOURNAL, LOTS, number, _NO_ROW, f"lot {number}")
        elif found is None:
            yield Difference(Fault.ROW_MISSING, LOTS, number, f"lot {number}", _NO_ROW)
        else:
            fields = [f for f in Lot._fields if getattr(made, f) != getattr(found, f)]
            expected, said = _texts(made, fields), _texts(found, fields)
            yield Difference(Fault.ROW_DIFFERS, LOTS, number, expected, said)


def hold_differences(*, rows: Mapping[int, datetime], replay: Replay) -> Iterator[Difference]:
    """Yield which holds are open in the replay alone, or in the table alone."""
    for number in sorted(rows.keys() ^ replay.holds.keys()):
        if number in rows:
            found = f"hold {number} open"
            yield Difference(Fault.ROW_WITHOUT_JOURNAL, HOLDS, number, _NO_ROW, found)
        else:
            yield Difference(Fault.ROW_MISSING, HOLDS, number, f"hold {number} open", _NO_ROW)


def wake_differences(
    *, row: WalletRow, holds: Mapping[int, datetime], replay: Replay
) -> Iterator[Difference]:
    """Yield a wake-up that comes after something is due: a deadline, or the end of a lot."""
    ends = [lot.expires_at for lot in replay.filled.values() if lot.expires_at is not None]
    soonest = min([*holds.values(), *ends], default=None)
    if soonest is not None and (row.wake_at is None or row.wake_at > soonest):
        expected, found = f"wake_at {soonest} or before", f"wake_at {row.wake_at}"
        yield Difference(Fault.WAKES_TOO_LATE, WALLETS, 0, expected, found)


def _field(name: str, expected: object, found: object) -> Iterator[Difference]:
    if expected != found:
        yield Difference(Fault.ROW_DIFFERS, WALLETS, 0, f"{name} {expected}", f"{name} {found}")


def _texts(lot: Lot, fields: list[str]) -> str:
    values: dict[str, Any] = lot._asdict()
    return ", ".join(f"{field} {values[field]}" for field in fields)
