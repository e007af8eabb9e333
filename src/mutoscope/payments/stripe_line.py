"""The line to Stripe: one call of its client, with a time limit, and what its failures mean.

Invariant: a call is sent once; who wants it again sends it under the same key. No sentence of an
error holds a key, a card or an address: of what Stripe answers, only its codes are told.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
import stripe

from mutoscope.app.gateway import GatewayError

CONNECT_S: Final = 5.0
ANSWER_S: Final = 30.0
"""Seconds until an answer that is still missing is given up: longer than Stripe takes to charge."""

ANSWER_BYTES_MAX: Final = 8 * 1024 * 1024
"""Bytes of an answer: a hundred payments with all that they bear."""

REFUSED: Final = range(400, 500)
IN_PROGRESS: Final = 409
"""The same attempt is being carried out just now."""

stripe.enable_telemetry = False  # nothing is told to Stripe but what is asked of it


@dataclass(frozen=True, slots=True, kw_only=True)
class StripeAccount:
    """A studio's account: its keys, and where its payers come back to; `answer_s` is for tests."""

    key: str = field(repr=False)
    secret: str = field(repr=False)
    return_url: str
    url: str = ""
    answer_s: float = ANSWER_S


class Declined(GatewayError):
    """A charge that was declined, with the payment that it was for."""

    def __init__(self, *, intent: Mapping[str, Any]) -> None:
        super().__init__("The card was declined.", code="declined", permanent=True)
        self.intent = intent


class StripeLine(stripe.HTTPClient):
    """What the client of Stripe sends through: a connection for each call, and no repeats.

    A connection that was kept could be dead already, and a charge sent over it would be in doubt.
    """

    name = "httpx"

    def __init__(self, *, answer_s: float) -> None:
        super().__init__()
        self._client = httpx.AsyncClient(
            timeout=httpx.Timeout(answer_s, connect=min(CONNECT_S, answer_s)),
            limits=httpx.Limits(max_keepalive_connections=0), verify=_trusted(), trust_env=False,
        )  # fmt: skip

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: str | None = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        """Send one request, and return what came back.

        :raises GatewayError: when nothing did; whether it was sent is told.
        """
        try:
            async with self._client.stream(
                method, url, headers=dict(headers), content=post_data
            ) as answer:
                return await _read(answer), answer.status_code, answer.headers
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            sentence = f"Stripe cannot be reached ({type(error).__name__})."
            raise GatewayError(sentence, code="unreachable", permanent=False) from None
        except httpx.HTTPError as error:
            raise _lost(type(error).__name__) from None

    async def close_async(self) -> None:
        """Drop the connections."""
        await self._client.aclose()


def connected(account: StripeAccount, line: StripeLine) -> stripe.StripeClient:
    """Return a client of an account, at Stripe or at another address."""
    return stripe.StripeClient(
        account.key, http_client=line, max_network_retries=0,
        base_addresses={"api": account.url} if account.url else None,
    )  # fmt: skip


async def answered(call: Awaitable[stripe.StripeObject], *, within_s: float) -> dict[str, Any]:
    """Return what a call came to, as plain data.

    :raises Declined: when a card was.
    :raises GatewayError: when Stripe refuses, or nobody knows what came of it.
    """
    try:
        async with asyncio.timeout(within_s):
            found = await call
    except TimeoutError:
        raise _lost("no answer in time") from None
    except stripe.StripeError as error:
        raise _failure(error) from None
    return found.to_dict()


def _failure(error: stripe.StripeError) -> GatewayError:
    status, body = error.http_status or 0, error.json_body
    told = body.get("error", {}) if isinstance(body, dict) else {}
    words = ", ".join(str(told[name])[:80] for name in ("code", "param") if told.get(name))
    if isinstance(told.get("payment_intent"), dict):
        return Declined(intent=told["payment_intent"])
    if isinstance(error, stripe.IdempotencyError):
        sentence = "This key was used for another attempt: take a new one."
        return GatewayError(sentence, code="key_reused", permanent=True)
    if status in _MEANINGS:
        code, is_permanent, sentence = _MEANINGS[status]
        told_all = f"{sentence} ({words})" if words else sentence
        return GatewayError(told_all, code=code, permanent=is_permanent)
    if status in REFUSED and status != IN_PROGRESS:
        sentence = f"Stripe refuses the call with {status} ({words or 'no reason given'})."
        return GatewayError(sentence, code="refused", permanent=True)
    return _lost(f"answer {status}")


_MEANINGS: Final = {
    401: ("bad_account", True, "Stripe does not know the key: correct MUTOSCOPE_STRIPE_KEY."),
    402: ("declined", True, "The card was declined."),
    403: ("bad_account", True, "The key of MUTOSCOPE_STRIPE_KEY may not do this."),
    404: ("missing", True, "Stripe has nothing of that reference."),
    429: ("rate_limited", False, "Stripe takes no more calls for a moment."),
}
"""Of a status: our code, whether it is permanent, and the sentence; nothing was done."""


def _lost(what: str) -> GatewayError:
    sentence = f"Nobody knows whether Stripe did it ({what}): send it again under its key, or look."
    return GatewayError(sentence, code="in_doubt", permanent=False, is_ambiguous=True)


async def _read(answer: httpx.Response) -> bytes:
    body = bytearray()
    async for chunk in answer.aiter_bytes():
        body += chunk
        if len(body) > ANSWER_BYTES_MAX:
            raise _lost("an endless answer")
    return bytes(body)


def _trusted() -> ssl.SSLContext:
    return httpx.create_ssl_context(trust_env=False)
