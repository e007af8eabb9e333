"""The pure planner: what a batch of requests does to its wallets.

(wallets and known entries as loaded, submissions, an instant) -> an outcome per submission; the
wallets then hold the entries, lots and holds to be written. A submission's requests are granted
together or not at all, and submissions do not disturb one another. Whatever is due on a wallet is
posted before its first request.
"""

from collections import ChainMap
from collections.abc import Callable, MutableMapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from mutoscope.domain import actions as ask
from mutoscope.domain import granting, spending
from mutoscope.domain.credits import Refusal
from mutoscope.domain.due import is_due, post_due
from mutoscope.domain.journal import Entry
from mutoscope.domain.known import Known, KnownKey
from mutoscope.domain.requests import Request
from mutoscope.domain.wallet import Stamp, Wallet

CLOCK_BACK_MAX = timedelta(seconds=10)
"""How far a clock may lag behind the journal: machines differ a little; more is a fault."""

ACTIONS: dict[type, Callable[..., Entry | None]] = {
    ask.Grant: granting.grant, ask.Expire: granting.expire, ask.Void: granting.void,
    ask.Adjust: granting.adjust, ask.Freeze: granting.freeze, ask.Thaw: granting.thaw,
    ask.Forfeit: granting.forfeit, ask.Stand: granting.stand,
    ask.Hold: spending.hold, ask.Settle: spending.settle, ask.Release: spending.settle,
    ask.Charge: spending.charge, ask.Meter: spending.meter, ask.Absorb: spending.absorb,
    ask.Refund: spending.refund, ask.Renew: spending.renew,
}  # fmt: skip
"""Which function grants which action."""

WalletName = tuple[UUID, str]

_new = tuple.__new__  # makes a value without its class's own, slower, constructor


class UnknownWallet(Refusal):
    """A request on a wallet that was never opened."""

    code = "unknown_wallet"

    def __init__(self, *, workspace_id: UUID, kind: str) -> None:
        super().__init__(f"workspace {workspace_id} has no {kind} wallet: grant credits to open it")
        self.workspace_id = workspace_id
        self.kind = kind


class KeyReused(Refusal):
    """A key that was used before for something else."""

    code = "key_reused"

    def __init__(self, *, namespace: str, key: str) -> None:
        super().__init__(
            f"the key {namespace}:{key} was used before for a request with other content: "
            "send the first content again, or use a new key"
        )
        self.namespace = namespace
        self.key = key


class ClockWentBack(Refusal):
    """A clock that shows an instant before the wallet's last entry."""

    code = "clock_went_back"

    def __init__(self, *, at: datetime, posted_at: datetime) -> None:
        super().__init__(
            f"the clock shows {at.isoformat()} but the wallet's last entry was written at "
            f"{posted_at.isoformat()}: set this machine's clock right (NTP), then try again"
        )
        self.at = at
        self.posted_at = posted_at


class Answer(NamedTuple):
    """What came of a request: its entry (None where none is written), told again when replayed.

    `lapsed` counts the credits that it gave back to lots which were over by then.
    """

    workspace_id: UUID
    kind: str
    entry: Entry | None
    is_replay: bool = False
    lapsed: int = 0


class Submission(NamedTuple):
    """Requests of one workspace that are granted together or not at all."""

    requests: tuple[Request, ...]


Outcome = tuple[Answer, ...] | Refusal


class Facts(NamedTuple):
    """What was loaded: the wallets that the requests name, and the entries that keys name."""

    wallets: dict[WalletName, Wallet]
    known: dict[KnownKey, Known]


def plan(*, facts: Facts, submissions: Sequence[Submission], at: datetime) -> list[Outcome]:
    """Return an outcome per submission, in order; the wallets carry what is to be written."""
    return [_submission_outcome(facts, submission.requests, at) for submission in submissions]


def begin(*, wallet: Wallet, at: datetime) -> None:
    """Set a wallet's instant, and post what is due.

    :raises ClockWentBack: when the instant lies before the wallet's last entry by far.
    """
    if at > wallet.posted_at:
        wallet.posted_at = at
    elif at < wallet.posted_at - CLOCK_BACK_MAX:
        raise ClockWentBack(at=at, posted_at=wallet.posted_at)
    wallet.begun_at = at
    if is_due(wallet=wallet, at=at):
        post_due(wallet=wallet, at=wallet.posted_at)


def _submission_outcome(facts: Facts, requests: tuple[Request, ...], at: datetime) -> Outcome:
    try:
        if len(requests) == 1:
            (request,) = requests
            return (_answer(_begun_wallet(facts, request, at), request, facts.known),)
        wallets = [_begun_wallet(facts, request, at) for request in requests]
    except Refusal as refusal:
        return refusal
    return _joint_outcome(facts, requests, wallets)


def _joint_outcome(facts: Facts, requests: tuple[Request, ...], wallets: list[Wallet]) -> Outcome:
    saved = [(wallet, wallet.saved()) for wallet in dict.fromkeys(wallets)]
    known: ChainMap[KnownKey, Known] = ChainMap({}, facts.known)
    try:
        answers = tuple(
            _answer(wallet, request, known)
            for wallet, request in zip(wallets, requests, strict=True)
        )
    except Refusal as refusal:
        for wallet, state in saved:
            wallet.restored(state)
        return refusal
    facts.known.update(known.maps[0])
    return answers


def _begun_wallet(facts: Facts, request: Request, at: datetime) -> Wallet:
    wallet = facts.wallets.get((request.workspace_id, request.kind))
    if wallet is None:
        raise UnknownWallet(workspace_id=request.workspace_id, kind=request.kind)
    if wallet.begun_at is not at:
        begin(wallet=wallet, at=at)
    return wallet


def _answer(wallet: Wallet, request: Request, known: MutableMapping[KnownKey, Known]) -> Answer:
    workspace_id, kind, namespace, key, action, attribution, reason, note = request
    asked = type(action)
    act = ACTIONS[asked]
    if asked not in ask.OPERATIONS:
        act(wallet, action, Stamp(namespace, key, b""), known)
        return Answer(workspace_id, kind, None)
    digest = request.digest()
    name = (workspace_id, namespace, key)
    before = known.get(name)
    if before is not None:
        return _replayed(wallet, request, digest, before)
    note_digest = note.digest() if note else None
    stamp = _new(Stamp, (namespace, key, digest, attribution, reason, note_digest))
    entry = act(wallet, action, stamp, known)
    assert entry is not None
    known[name] = _new(Known, (kind, entry, False))
    if isinstance(action, ask.Refund):
        of = (workspace_id, *action.of)
        known[of] = known[of]._replace(is_refunded=True)
    return _new(Answer, (workspace_id, kind, entry, False, _lapsed(wallet, entry)))


def _replayed(wallet: Wallet, request: Request, digest: bytes, before: Known) -> Answer:
    if before.kind != request.kind or before.entry.digest != digest:
        raise KeyReused(namespace=request.namespace, key=request.key)
    return Answer(
        request.workspace_id, request.kind, before.entry,
        is_replay=True, lapsed=_lapsed(wallet, before.entry),
    )  # fmt: skip


def _lapsed(wallet: Wallet, entry: Entry) -> int:
    if wallet.sequence == entry.sequence:
        return 0  # nothing followed: nothing came back to a lot that is over
    return spending.lapsed(entry=entry, lots=wallet.lots)
