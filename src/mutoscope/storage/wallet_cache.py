"""Wallets as this process last wrote them, so that most requests need no reading at all.

Invariant: a remembered wallet is never believed, only tried. Its plan is written under its version
and its entries under their keys, so that the database refuses it when another process has moved the
wallet on, or when a key was used before; the request then goes the long way. A refusal that was
planned from memory is not given either before it was planned from the database.
"""

from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from mutoscope.domain.actions import Charge, Hold, Meter, Release, Settle
from mutoscope.domain.chart import Operation
from mutoscope.domain.due import is_due
from mutoscope.domain.known import Known, KnownKey
from mutoscope.domain.planner import Facts, WalletName
from mutoscope.domain.requests import Request
from mutoscope.domain.wallet import Wallet

WALLETS_MAX: Final = 20_000
"""Wallets that are remembered: about 2 kB each."""

HOLDS_MAX: Final = 1_000
"""Open holds of one wallet that are remembered; a wallet with more is read anew."""

_HOLD: Final = Operation.HOLD.value
_EVERYDAY: Final = frozenset({Charge, Hold, Settle, Release, Meter})


class _Kept(NamedTuple):
    """A wallet, and the entries of its open holds by their keys."""

    wallet: Wallet
    holds: dict[KnownKey, Known]


class WalletCache:
    """The wallets of one journal; its lanes share it, and never ask for one wallet at once."""

    def __init__(self) -> None:
        self._kept: OrderedDict[WalletName, _Kept] = OrderedDict()

    def take(self, requests: Sequence[Request], at: datetime) -> tuple[Facts, list[Request]]:
        """Return the facts that are remembered, and the requests for which they do not suffice.

        A wallet that a plan has begun with is not remembered before `keep` says that it is written.
        """
        facts = Facts({}, {})
        others: set[WalletName] = set()
        for request in requests:
            name = (request.workspace_id, request.kind)
            kept = self._kept.get(name)
            if kept is not None and _suffices(kept, request, at, facts.known):
                facts.wallets[name] = kept.wallet
            else:
                others.add(name)
        if not others:
            return facts, []
        for name in others:
            facts.wallets.pop(name, None)
            self._kept.pop(name, None)
        return facts, [r for r in requests if (r.workspace_id, r.kind) in others]

    def keep(self, facts: Facts) -> None:
        """Remember wallets as they were written."""
        for name, wallet in facts.wallets.items():
            if wallet.is_changed():
                wallet.version += 1
            wallet.mark_written()
            kept = self._kept.get(name)
            if kept is None or kept.wallet is not wallet:
                self._kept[name] = _Kept(wallet, {})
            if len(wallet.holds) > HOLDS_MAX:
                del self._kept[name]
        for key, known in facts.known.items():
            if known.entry.operation == _HOLD:
                self._keep_hold(key, known)
        while len(self._kept) > WALLETS_MAX:
            self._kept.popitem(last=False)

    def _keep_hold(self, key: KnownKey, known: Known) -> None:
        kept = self._kept.get((key[0], known.kind))
        if kept is not None and known.entry.sequence in kept.wallet.holds:
            kept.holds[key] = known
        elif kept is not None:
            kept.holds.pop(key, None)


def _suffices(kept: _Kept, request: Request, at: datetime, known: dict[KnownKey, Known]) -> bool:
    """Tell whether a request can be planned from memory; add the hold that it is about."""
    wallet, holds = kept
    if (
        type(request.action) not in _EVERYDAY
        or wallet.begun_at is not None
        or is_due(wallet=wallet, at=at)
    ):
        return False
    for reference in request.references():
        name = (request.workspace_id, *reference)
        found = holds.get(name)
        if found is None:
            return False
        known[name] = found
    return True
