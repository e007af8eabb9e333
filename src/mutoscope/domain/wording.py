"""The plain words of a journal line, made of its entry alone.

Invariant: credits are said to be charged when the entry's own postings capture them, and never
otherwise; what came back is said to be returned. The surprising choice: amounts are read off the
postings, not off what was asked for, so that no text can tell another story than the ledger.
`MESSAGES` is the English catalogue; screens in other languages translate the codes.
"""

from collections import Counter
from collections.abc import Callable
from typing import Final, NamedTuple

from mutoscope.domain.chart import Account, Operation
from mutoscope.domain.due import DEADLINE
from mutoscope.domain.journal import Entry

_ = Account

MESSAGES: Final = {
    "granted": "{amount} {source}{credits} granted",
    "granted_frozen": "{amount} {source}{credits} granted, frozen until a plan is active",
    "held": "{amount} {credits} held",
    "metering": "{amount} {credits} of unlimited use begun, at no charge",
    "captured": "{amount} {credits} charged",
    "captured_part": "{amount} charged",
    "returned": "Not charged: {amount} {credits} returned",
    "returned_deadline": "Not charged: {amount} {credits} returned, the job's time ran out",
    "returned_part": "{amount} returned",
    "stays_frozen": "{amount} of them frozen",
    "metered": "{amount} {credits} of unlimited use, at no charge",
    "not_metered": "{amount} {credits} of unlimited use not made",
    "not_metered_part": "{amount} not used",
    "lapsed": "{amount} {source}{credits} lapsed",
    "lapsed_nothing": "No {source}credits were left to lapse",
    "voided": "{amount} {credits} of a grant taken back",
    "voided_nothing": "A grant was taken back: nothing was left of it",
    "refunded": "{amount} {credits} refunded",
    "adjusted_up": "{amount} {credits} added as a correction",
    "adjusted_down": "{amount} {credits} taken away as a correction",
    "frozen": "{amount} {credits} frozen",
    "frozen_nothing": "No credits were left to freeze",
    "thawed": "{amount} {credits} thawed",
    "thawed_nothing": "No credits were there to thaw",
    "forfeited": "{amount} {credits} forfeited",
    "forfeited_nothing": "No credits were left to forfeit",
    "absorbed": "{amount} {credits} paid by the studio, not by you",
}
"""What each code says; `credits` agrees with the amount, `source` is empty or ends in a space."""

SOURCES: Final = {"pack": "purchased", "adjustment": "correction"}
"""What a lot's source is called where its code would not be understood."""


class Message(NamedTuple):
    """A code of `MESSAGES` and what it speaks of: credits, and the source of their lot."""

    code: str
    amount: int = 0
    source: str = ""


def words(*, entry: Entry) -> str:
    """Return a sentence about an entry, without its full stop."""
    return ", ".join(spoken(message=message) for message in messages(entry=entry))


def messages(*, entry: Entry) -> tuple[Message, ...]:
    """Return what an entry says, part by part."""
    moved: Counter[str] = Counter()
    for posting in entry.postings:
        moved[posting.target] += posting.amount
    return _READERS[Operation(entry.operation)](entry, moved)


def spoken(*, message: Message) -> str:
    """Return a message in English."""
    source = SOURCES.get(message.source, message.source.replace("_", " "))
    return MESSAGES[message.code].format(
        amount=f"{message.amount:,}",
        credits="credit" if message.amount == 1 else "credits",
        source=f"{source} " if source else "",
    )


_Reader = Callable[[Entry, "Counter[str]"], tuple[Message, ...]]


def _total(code: str) -> _Reader:
    def read(_entry: Entry, moved: Counter[str]) -> tuple[Message, ...]:
        amount = moved.total()
        return (Message(code if amount else f"{code}_nothing", amount),)

    return read


def _granted(entry: Entry, moved: Counter[str]) -> tuple[Message, ...]:
    code = "granted_frozen" if moved[_.FROZEN] else "granted"
    return (Message(code, moved.total(), entry.terms.source if entry.terms else ""),)


def _held(_entry: Entry, moved: Counter[str]) -> tuple[Message, ...]:
    return (Message("metering" if moved[_.METERING] else "held", moved.total()),)


def _ended(entry: Entry, moved: Counter[str]) -> tuple[Message, ...]:
    """Tell how a hold ended: what was captured comes first, then what came back."""
    if moved[_.METERED] or moved[_.UNLIMITED]:
        return _metering_ended(moved)
    returned = moved[_.AVAILABLE] + moved[_.FROZEN]
    if not returned:
        return (Message("captured", moved[_.CAPTURED]),)
    if moved[_.CAPTURED]:
        captured = Message("captured_part", moved[_.CAPTURED])
        return (captured, Message("returned_part", returned), *_stays_frozen(moved))
    code = "returned_deadline" if entry.reason == DEADLINE else "returned"
    return (Message(code, returned), *_stays_frozen(moved))


def _metering_ended(moved: Counter[str]) -> tuple[Message, ...]:
    used, rest = moved[_.METERED], moved[_.UNLIMITED]
    if not used:
        return (Message("not_metered", rest),)
    return (Message("metered", used), *((Message("not_metered_part", rest),) if rest else ()))


def _refunded(_entry: Entry, moved: Counter[str]) -> tuple[Message, ...]:
    return (Message("refunded", moved.total()), *_stays_frozen(moved))


def _stays_frozen(moved: Counter[str]) -> tuple[Message, ...]:
    return (Message("stays_frozen", moved[_.FROZEN]),) if moved[_.FROZEN] else ()


def _lapsed(entry: Entry, moved: Counter[str]) -> tuple[Message, ...]:
    """Tell what lapsed; an end of every lot of a source names the source as its reason."""
    source = entry.reason or "" if entry.refers_to is None else ""
    return (Message("lapsed" if moved else "lapsed_nothing", moved.total(), source),)


def _adjusted(entry: Entry, moved: Counter[str]) -> tuple[Message, ...]:
    """Tell a correction; one that names a lot takes a part of that grant back."""
    if entry.refers_to is not None:
        return (Message("voided", moved.total()),)
    return (Message("adjusted_down" if moved[_.VOIDED] else "adjusted_up", moved.total()),)


_READERS: Final[dict[Operation, _Reader]] = {
    Operation.GRANT: _granted, Operation.HOLD: _held,
    Operation.SETTLE: _ended, Operation.RELEASE: _ended,
    Operation.CHARGE: _total("captured"), Operation.EXPIRE: _lapsed,
    Operation.VOID: _total("voided"), Operation.REFUND: _refunded,
    Operation.ADJUST: _adjusted, Operation.FREEZE: _total("frozen"),
    Operation.THAW: _total("thawed"), Operation.FORFEIT: _total("forfeited"),
    Operation.METER: _total("metered"), Operation.ABSORB: _total("absorbed"),
}  # fmt: skip
