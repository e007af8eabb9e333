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


class Message(NamedTuple):
    """A code of `MESSAGES` and what it speaks of: credits, and the source of their lot."""

    code: str
    amount: int = 0
    source: str = ""


MESSAGES: Final = {
    "granted": "{source}{credits} granted",
    "granted_frozen": "{source}{credits} granted, frozen until a plan is active",
    "held": "{credits} held",
    "metering": "{credits} of unlimited use begun, at no charge",
    "captured": "{credits} charged",
    "captured_part": "{amount} charged",
    "returned": "Not charged: {credits} returned",
    "returned_deadline": "Not charged: {credits} returned, since the job's time ran out",
    "returned_part": "{amount} returned",
    "stays_frozen": "{amount} of them frozen",
    "metered": "{credits} of unlimited use, at no charge",
    "metering_ended": "{credits} of unlimited use not made",
    "metering_ended_part": "{amount} not used",
    "lapsed": "{source}{credits} lapsed",
    "lapsed_nothing": "No {source}credits were left to lapse",
    "voided": "{credits} of a grant taken back",
    "voided_nothing": "A grant was taken back, of which nothing was left",
    "refunded": "{credits} refunded",
    "adjusted_up": "{credits} added as a correction",
    "adjusted_down": "{credits} taken away as a correction",
    "frozen": "{credits} frozen",
    "frozen_nothing": "Credits that come back will be frozen",
    "thawed": "{credits} thawed",
    "thawed_nothing": "Credits that come back will not be frozen",
    "forfeited": "{credits} forfeited",
    "forfeited_nothing": "No credits were left to forfeit",
    "absorbed": "{credits} paid by the studio, not by you",
}
"""What each code says: `credits` is "1 credit", `amount` the number, `source` ends in a space."""

SOURCES: Final = {"pack": "purchased", "adjustment": "correction"}
"""What a lot's source is called where its code would not be understood."""


def words(*, entry: Entry) -> str:
    """Return one sentence, without its full stop, about an entry."""
    return ", ".join(spoken(message=message) for message in messages(entry=entry))


def messages(*, entry: Entry) -> tuple[Message, ...]:
    """Return what an entry says, part by part."""
    moved: Counter[str] = Counter()
    for posting in entry.postings:
        moved[posting.target] += posting.amount
    return _READERS[Operation(entry.operation)](entry, moved)


def spoken(*, message: Message) -> str:
    """Return a message's words in English."""
    name = SOURCES.get(message.source, message.source.replace("_", " "))
    source = f"{name} " if name else ""
    noun = "credit" if message.amount == 1 else "credits"
    template = MESSAGES[message.code]
    if source and "{source}{credits}" in template:
        credits_text = f"{message.amount:,} {source}{noun}"
        return template.replace("{source}{credits}", "{credits}").format(credits=credits_text)
    return template.format(
        credits=f"{message.amount:,} {noun}", amount=f"{message.amount:,}", source=source
    )
