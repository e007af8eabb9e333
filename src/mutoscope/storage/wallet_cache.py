"""Wallets as this process last wrote them, so that most requests need no reading at all.

Invariant: a remembered wallet is never believed, only tried. Its plan is written under its version
and its entries under their keys, so that the database refuses it when another process has moved the
wallet on, or when a key was used before; the request then goes the long way. A refusal that was
planned from memory is not given either before it was planned from the database.
"""

from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from mutoscope.domain.actions import Charge, Hold, Meter, Release, Settle
from mutoscope.domain.due import is_due
from mutoscope.domain.known import Known
from mutoscope.domain.planner import Facts, KnownKey, WalletName
from mutoscope.domain.requests import Request
from mutoscope.domain.wallet import Wallet

WALLETS_MAX: Final = 20_000
"""Wallets that are remembered: about 2 kB each."""

HOLDS_MAX: Final = 1_000
"""Open holds of one wallet that are remembered; a wallet with more is read anew."""

_EVERYDAY: Final = (Charge, Hold, Settle, Release, Meter)


class WalletCache:
    """The wallets of one journal; its lanes share it, and never ask for one wallet at once."""

    def __init__(self) -> None:
        self._wallets: OrderedDict[WalletName, tuple[Wallet, dict[KnownKey, Known]]] = OrderedDict()

    def take(self, requests: Sequence[Request], at: datetime) -> tuple[Facts, list[Request]]:
        """Return the facts that are remembered, and the requests for which they do not suffice.

        A wallet that is taken is forgotten until `keep` brings it back.
        """
        facts = Facts({}, {})
        others: dict[WalletName, None] = {}
        for request in requests:
            name = (request.workspace_id, request.kind)
            if name in others:
                continue
            if not self._add(facts, name, request, at):
                facts.wallets.pop(name, None)
                others[name] = None
        if not others:
            return facts, []
        return facts, [r for r in requests if (r.workspace_id, r.kind) in others]

    def keep(self, facts: Facts) -> None:
        """Remember wallets as they were written."""
        for name, wallet in facts.wallets.items():
            if wallet.is_changed():
                wallet.version += 1
            wallet.mark_written()
            if len(wallet.holds) <= HOLDS_MAX:
                self._wallets[name] = (wallet, {})
        for key, known in facts.known.items():
            kept = self._wallets.get((key[0], known.kind))
            if kept is not None and known.entry.sequence in kept[0].holds:
                kept[1][key] = known
        while len(self._wallets) > WALLETS_MAX:
            self._wallets.popitem(last=False)

    def _add(self, facts: Facts, name: WalletName, request: Request, at: datetime) -> bool:
        if not isinstance(request.action, _EVERYDAY):
            self._wallets.pop(name, None)
            return False
        if name not in facts.wallets:
            kept = self._wallets.pop(name, None)
            if kept is None or is_due(wallet=kept[0], at=at):
                return False
            facts.wallets[name] = kept[0]
            facts.known.update(kept[1])
        return all(
            (request.workspace_id, *reference) in facts.known for reference in request.references()
        )
