"""Random requests on one wallet, and the empty wallet on which they are planned in memory."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from mutoscope.domain import actions as ask
from mutoscope.domain.journal import EPOCH, GENESIS, Entry
from mutoscope.domain.lots import Terms
from mutoscope.domain.planner import Facts, Outcome, Submission, plan
from mutoscope.domain.requests import Request
from mutoscope.domain.standing import StandingGrant
from mutoscope.domain.wallet import Wallet
from mutoscope.domain.wallet_row import WalletRow

ADA = UUID(int=1)
BEGINNING = datetime(2025, 1, 31, 12, tzinfo=UTC)
SPANS = st.sampled_from(
    [timedelta(0), timedelta(minutes=30), timedelta(days=1), timedelta(days=20)]
)
AMOUNTS = st.integers(1, 40)
SOURCES = st.sampled_from(["pack", "promo", "trial"])


def fresh() -> Facts:
    """Return the facts of a workspace with one wallet that has no entry yet."""
    row = WalletRow(ADA, "video", 0, GENESIS, 0, 0, EPOCH, EPOCH, None, 0)
    return Facts({(ADA, "video"): Wallet(row)}, {})


def wallet_of(facts: Facts) -> Wallet:
    """Return the one wallet of some facts."""
    return facts.wallets[ADA, "video"]


def do(facts: Facts, *, at: datetime, **actions: ask.Action) -> list[Outcome]:
    """Plan actions by their keys, each on its own."""
    submissions = [
        Submission((Request(ADA, "video", "api", key, action),)) for key, action in actions.items()
    ]
    return plan(facts=facts, submissions=submissions, at=at)


def lines(facts: Facts) -> list[Entry]:
    """Return the entries without what differs when they are written later."""
    return [entry._replace(posted_at=EPOCH, hash=b"") for entry in wallet_of(facts).entries]


@st.composite
def actions(draw: st.DrawFn, *, number: int, at: datetime) -> ask.Action:
    """Draw the action of the n-th request, which may name earlier ones."""
    of = ask.Reference("api", f"key-{draw(st.integers(0, max(0, number - 1)))}")
    later = at + draw(SPANS)
    ends_at = draw(st.none() | st.just(later))
    terms = Terms(draw(SOURCES), at, ends_at, paid_amount=draw(st.sampled_from([None, 39])))
    choices: list[Any] = [
        ask.Grant(draw(AMOUNTS) * 2, terms, draw(st.integers(0, 9)) == 0),
        ask.Grant(draw(AMOUNTS) * 2, terms),
        ask.Hold(draw(AMOUNTS), later, draw(st.booleans())),
        ask.Hold(draw(AMOUNTS), later),
        ask.Charge(draw(AMOUNTS)),
        ask.Settle(of, draw(st.integers(0, 40))),
        ask.Release(of),
        ask.Renew(of, later),
        ask.Refund(of, draw(st.none() | AMOUNTS)),
        ask.Adjust(draw(AMOUNTS), grant=draw(st.sampled_from([None, of]))),
        ask.Void(of),
        ask.Freeze(draw(st.sampled_from([None, of]))),
        ask.Thaw(),
        ask.Expire(draw(SOURCES)),
        ask.Stand(StandingGrant(UUID(int=draw(st.integers(1, 2))), draw(AMOUNTS), at, "UTC")),
    ]
    return draw(st.sampled_from(choices))  # type: ignore[no-any-return]  # a list of actions


@st.composite
def histories(draw: st.DrawFn, *, length: int) -> list[tuple[datetime, Request]]:
    """Draw requests with the instants at which they come; a key is repeated now and then."""
    at = BEGINNING
    history = []
    for number in range(draw(st.integers(1, length))):
        at += draw(SPANS)
        key = f"key-{draw(st.sampled_from([number, number, number, number // 2]))}"
        action = draw(actions(number=number, at=at))
        history.append((at, Request(ADA, "video", "api", key, action)))
    return history
