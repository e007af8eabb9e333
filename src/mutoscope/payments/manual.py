"""Bank transfers: the payer is told where to, and staff confirm what came with its reference.

Invariant: a bank tells this studio nothing by itself, so nothing is ever found here, and nothing
disagrees.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from mutoscope.app.gateway import (
    Checkout,
    Demand,
    GatewayDispute,
    GatewayError,
    GatewayEvent,
    GatewayPayment,
    GatewayRefund,
    PaymentState,
)
from mutoscope.domain.offers import Money
from mutoscope.domain.transfer_words import transfer_words

_DIGITS: Final = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF"), 0),
    **dict.fromkeys(("UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}


class ManualGateway:
    """Payments by bank transfer; `bank` is where to, as the seller wrote it."""

    name: str = "manual"
    can_charge: bool = False
    has_book: bool = False

    def __init__(self, *, bank: str = "") -> None:
        self._bank = bank or "the account that the invoice names"

    async def checkout(self, *, demand: Demand, key: str) -> Checkout:
        """Tell how to pay; nothing is prepared anywhere."""
        assert key
        words = transfer_words(request_id=demand.request_id)
        told = f"Transfer {spelled(demand.total)} to {self._bank}. Write {words} in the transfer."
        return Checkout(reference=words, instructions=told)

    async def charge(self, *, demand: Demand, method: str, key: str) -> GatewayPayment:
        """Refuse: nobody's bank account can be charged from here.

        :raises GatewayError: always.
        """
        assert method
        assert key
        sentence = f"A bank transfer of {spelled(demand.total)} is its payer's to make."
        raise GatewayError(sentence, code="cannot_charge", permanent=True)

    async def refund(self, *, reference: str, amount: Money, key: str) -> GatewayRefund:
        """Tell staff what to transfer back."""
        told = f"Transfer {spelled(amount)} back to the payer of {reference}, then confirm it."
        return GatewayRefund(
            reference=f"{self.name}/{key}", state=PaymentState.PENDING, instructions=told, key=key
        )

    async def refund_now(self, *, reference: str) -> GatewayRefund:
        """Return a refund as it was asked for: that it arrived is known to staff alone."""
        key = reference.removeprefix(f"{self.name}/")
        if key == reference:
            raise _unknown(reference)
        return GatewayRefund(reference=reference, state=PaymentState.PENDING, key=key)

    async def refund_under(self, *, reference: str, key: str) -> GatewayRefund | None:
        """Return the refund that was asked for under a key."""
        assert reference
        return await self.refund_now(reference=f"{self.name}/{key}")

    async def dispute_now(self, *, reference: str) -> GatewayDispute:
        """Refuse: a transfer is not disputed.

        :raises GatewayError: always.
        """
        raise _unknown(reference)

    async def payment(self, *, reference: str) -> GatewayPayment:
        """Refuse: what came is known to the bank's statement alone.

        :raises GatewayError: always.
        """
        raise _unknown(reference)

    async def payments(self, *, since: datetime) -> tuple[GatewayPayment, ...]:
        """Return nothing: a bank tells nothing by itself."""
        assert since.tzinfo is not None
        return ()

    def event(self, *, headers: Mapping[str, str], body: bytes, at: datetime) -> GatewayEvent:
        """Refuse: no bank calls here.

        :raises GatewayError: always.
        """
        assert at.tzinfo is not None
        sentence = f"Bank transfers send no events, but {len(body) + len(headers)} bytes came."
        raise GatewayError(sentence, code="no_events", permanent=True)

    async def close(self) -> None:
        """Do nothing: there are no connections."""


def spelled(money: Money) -> str:
    """Return an amount as people write it, such as `39.00 USD`."""
    digits = _DIGITS.get(money.currency, 2)
    whole, rest = divmod(money.amount, 10**digits)
    return (
        f"{whole:,}.{rest:0{digits}} {money.currency}" if digits else f"{whole:,} {money.currency}"
    )


def _unknown(reference: str) -> GatewayError:
    sentence = f"A bank tells nothing of {reference[:80]!r}: look at its statement."
    return GatewayError(sentence, code="missing", permanent=True)
