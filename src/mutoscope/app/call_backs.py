"""Call backs of providers: where they are sent, and what proves that one is theirs.

A call back moves nothing: it is a reason to look at once at what the provider tells when asked. Its
address names the order that it was given with, and ends in a token that nobody else was given,
since some providers sign nothing.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from mutoscope.domain.attempts import OrderName
from mutoscope.domain.credits import Refusal

PATH: Final = "/v1/call-backs"


class CallBackRefused(Refusal):
    """A call back that is not the provider's: nothing was looked at."""

    code = "call_back_refused"

    def __init__(self, *, provider: str, reason: str) -> None:
        super().__init__(f"this is no call back of {provider[:40]}: {reason}")
        self.provider = provider


@dataclass(frozen=True, slots=True, kw_only=True)
class CallBacks:
    """The studio's public address (none: providers are only polled), and the providers' secrets."""

    url: str = ""
    key: bytes = field(default=b"", repr=False)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)

    def address(self, order: OrderName) -> str | None:
        """Return where a provider may call back, or None when it cannot reach the studio."""
        return f"{self.url}{PATH}/{order}/{self.token(order)}" if self.url else None

    def token(self, order: OrderName) -> str:
        """Return the end of the address that was given with an order alone."""
        return hmac.new(self.key, str(order).encode(), sha256).hexdigest()

    def check(self, order: OrderName, *, token: str) -> None:
        """Pass when the token is the one that was given with an order.

        :raises CallBackRefused: when it is not, or no provider is called back by.
        """
        given = token.encode("utf-8", "surrogatepass")
        if not self.key or not hmac.compare_digest(self.token(order).encode(), given):
            raise CallBackRefused(
                provider=order.provider, reason="its address is not the one we gave"
            )
