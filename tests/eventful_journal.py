"""An eventful journal: two workspaces whose wallets have lived through every operation.

The story has an entry of every kind, whatever can follow it by itself (deadlines, lapses, renewals,
ends of what came back), open holds, notes that were kept and one that was erased.
"""

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import groupby
from uuid import UUID

from mutoscope.domain import actions as ask
from mutoscope.domain.journal import Attribution
from mutoscope.domain.lots import Terms
from mutoscope.domain.planner import Submission
from mutoscope.domain.requests import Note, Request
from mutoscope.domain.standing import StandingGrant
from mutoscope.storage.database import connect
from mutoscope.storage.journal import Journal

START = datetime(2027, 1, 31, 9, tzinfo=UTC)
STUDIOS = (UUID(int=0x5EED << 96), UUID(int=0xFEED << 96 | 7))
SUBSCRIPTION = UUID(int=0xABBA << 96)
WHO = Attribution(UUID(int=11), UUID(int=12), UUID(int=13))

Step = tuple[float, str, str, ask.Action]


def day(number: float) -> datetime:
    """Return the instant a number of days after the story's start."""
    return START + timedelta(days=number)


def named(key: str) -> ask.Reference:
    """Return the reference to an earlier step."""
    return ask.Reference("api", key)


def free(source: str, *, start: float = 0, end: float | None = None) -> Terms:
    """Return the terms of a lot that was not paid for."""
    return Terms(source, day(start), None if end is None else day(end))


PACK = Terms("pack", START, None, "purchase-1", 3900, "usd")
STANDING = StandingGrant(SUBSCRIPTION, 100, day(5), "Europe/Berlin")
IMAGES: tuple[Step, ...] = (
    (0, "image", "pack", ask.Grant(300, PACK)),
    (0, "image", "plan", ask.Grant(200, free("plan", end=30))),
    (0, "image", "trial", ask.Grant(50, free("trial", end=14))),
    (0, "image", "frozen", ask.Grant(70, PACK, is_frozen=True)),
    (1, "image", "held", ask.Hold(60, day(2))),
    (1, "image", "settled", ask.Settle(named("held"), 40)),
    (1, "image", "charged", ask.Charge(55)),
    (1, "image", "overdue", ask.Hold(30, day(2))),
    (3, "image", "refunded", ask.Refund(named("settled"), 15)),
    (3, "image", "given", ask.Refund(named("charged"))),
    (3, "image", "metered", ask.Meter(3)),
    (3, "image", "metering", ask.Hold(4, day(9), is_metered=True)),
    (3, "image", "metering-settled", ask.Settle(named("metering"), 3)),
    (3, "image", "absorbed", ask.Absorb(7, named("settled"))),
    (4, "image", "dropped", ask.Hold(20, day(9))),
    (4, "image", "release", ask.Release(named("dropped"))),
    (4, "image", "trial-over", ask.Expire("trial")),
    (5, "image", "stand", ask.Stand(STANDING)),
    (6, "image", "promo", ask.Grant(40, free("promo", start=6, end=20))),
    (6, "image", "promised", ask.Hold(30, day(9))),
    (6, "image", "undone", ask.Void(named("promo"))),
    (6, "image", "promise-kept", ask.Release(named("promised"))),
    (7, "image", "more", ask.Adjust(25, free("adjustment", start=7))),
    (7, "image", "less", ask.Adjust(10)),
    (8, "image", "freeze", ask.Freeze()),
    (8, "image", "thaw", ask.Thaw()),
    (8, "image", "freeze-one", ask.Freeze(named("pack"))),
    (8, "image", "thaw-one", ask.Thaw(named("pack"))),
    (9, "image", "late", ask.Grant(9, free("goodwill", end=8))),
    (70, "image", "after-all", ask.Charge(101)),
    (71, "image", "open", ask.Hold(10, day(90))),
    (71, "image", "open-metered", ask.Hold(2, day(91), is_metered=True)),
    (72, "image", "renewed", ask.Renew(named("open"), day(95))),
    (73, "image", "less-of-one", ask.Adjust(11, grant=named("pack"))),
    (73, "image", "freeze-again", ask.Freeze(named("pack"))),
    (73, "image", "less-of-frozen", ask.Adjust(5, grant=named("pack"))),
)
VIDEOS: tuple[Step, ...] = (
    (0, "video", "video-pack", ask.Grant(1_500, PACK)),
    (1, "video", "clip", ask.Hold(250, day(20))),
    (2, "video", "closing", ask.Forfeit()),
    (3, "video", "clip-settled", ask.Settle(named("clip"), 200)),
    (4, "video", "soon", ask.Grant(5, free("promo", end=40))),
    (4, "video", "later", ask.Grant(6, free("promo", end=41))),
    (4, "video", "last", ask.Grant(7, free("promo", end=42))),
    (5, "video", "of-three-lots", ask.Charge(18)),
)
NOTED = frozenset({"more", "less", "undone", "refunded"})
ERASED = "less"


class _StoryClock:
    def __init__(self) -> None:
        self.at = START

    def now(self) -> datetime:
        return self.at


async def write_eventful_journal(url: str) -> None:
    """Write the story of both workspaces, a day at a time, and erase one note of each."""
    clock = _StoryClock()
    journal = Journal(url=url, now=clock.now)
    await journal.open()
    story = sorted(IMAGES + VIDEOS, key=_number_of_day)
    for number, steps in groupby(story, key=_number_of_day):
        clock.at = day(number)
        told = list(steps)
        await asyncio.gather(*(journal.submit(_submission(studio, told)) for studio in STUDIOS))
    await journal.close()
    connection = await connect(url)
    await connection.execute(_ERASE, ERASED)
    await connection.close()


async def write_one_more(url: str, *, at: datetime) -> None:
    """Write another entry into a wallet of the story."""
    journal = Journal(url=url, now=lambda: at)
    await journal.open()
    await journal.submit(
        Submission((Request(STUDIOS[0], "image", "api", "afterwards", ask.Meter(1)),))
    )
    await journal.close()


_ERASE = """
    DELETE FROM entry_notes USING entries AS e
    WHERE e.key = $1 AND e.sequence = entry_notes.sequence
"""


def _number_of_day(step: Step) -> float:
    return step[0]


def _submission(studio: UUID, steps: list[Step]) -> Submission:
    return Submission(tuple(_request(studio, *step[1:]) for step in steps))


def _request(studio: UUID, kind: str, key: str, action: ask.Action) -> Request:
    note = Note(studio.bytes + key.encode(), "ann", "asked for") if key in NOTED else None
    reason = "goodwill" if note else None
    return Request(studio, kind, "api", key, action, WHO, reason, note)
