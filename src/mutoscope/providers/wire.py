"""The wire to one provider: every request to it, with its timeouts, limits and doubts.

Invariant: what creates work is sent once, over a connection of its own, so that an idle connection
that the provider closed meanwhile never makes an order doubtful. Whatever may have begun work and
was not answered clearly is `submit_unknown`; an order whose first byte never left is
`not_created`. The key goes to the provider's own hosts alone. The surprising choice: an adapter's
`explain` calls a server's error `transient`, and the wire turns that into what it means here.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cache
from ipaddress import ip_address
from random import Random
from ssl import SSLContext
from types import MappingProxyType
from typing import Any, Final, TypeVar

import httpx
import msgspec

from mutoscope.app.ports import TEMPORARY, ErrorCode, ProviderError

ASK_TRIES: Final = 3
"""How often a question is put when no clear answer comes; the next poll asks again anyway."""

REPLY_BYTES_MAX: Final = 256 * 1024 * 1024
"""Bytes of an answer: four clips of 1080p, spelled in base64."""

SENTENCE_MAX: Final = 300
"""Characters of a provider's own words that are passed on."""

RETRY_AFTER_MAX_S: Final = 3_600
SIMULATED: Final = "x-simulator"
"""What every answer of a simulator bears, so that nobody takes it for the company."""

T = TypeVar("T")
_NO_HEADERS: Final = MappingProxyType[str, str]({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where a provider is reached, which hosts are its own, and how long a call may take.

    `key_domains` are hosts beside the base's that may see the key; one that begins with a dot
    stands for all below it. `pause_s` is the first wait between questions that were not answered.
    """

    provider: str
    base_url: str
    key_domains: tuple[str, ...] = ()
    connect_s: float = 10
    create_s: float = 120
    ask_s: float = 30
    pause_s: float = 0.5

    @property
    def is_loopback(self) -> bool:
        """Tell whether the provider is played by a program on this machine."""
        host = httpx.URL(self.base_url).host
        return host == "localhost" or (_is_address(host) and ip_address(host).is_loopback)

    def is_own(self, url: httpx.URL) -> bool:
        """Tell whether the key may be sent to an address."""
        base = httpx.URL(self.base_url)
        if (url.scheme, url.host, url.port) == (base.scheme, base.host, base.port):
            return True
        is_named = any(
            url.host.endswith(domain) if domain.startswith(".") else url.host == domain
            for domain in self.key_domains
        )
        return is_named and url.scheme == "https" and url.port is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a provider answered; `doubt` is what an answer that cannot be read means."""

    provider: str
    status: int
    headers: httpx.Headers
    content: bytes
    doubt: ErrorCode

    def read(self, kind: type[T]) -> T:
        """Return the body as a value of a type.

        :raises ProviderError: when it is no JSON of that type.
        """
        try:
            return msgspec.json.decode(self.content, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            sentence = f"{self.provider} answered what it never should ({error})."
            raise refusal(self.doubt, sentence) from error

    def peek(self, kind: type[T]) -> T | None:
        """Return the body as a value of a type, or None when it is something else."""
        try:
            return msgspec.json.decode(self.content, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None

    @property
    def retry_after_s(self) -> float | None:
        """Return how long the provider asks us to wait, where it says so in seconds."""
        text = self.headers.get("retry-after", "")
        return min(float(text), RETRY_AFTER_MAX_S) if text.isdecimal() else None


Explain = Callable[[Reply], ProviderError | None]


@cache
def trusted() -> SSLContext:
    """Return whose certificates are believed; reading them takes longer than a request."""
    return httpx.create_ssl_context(trust_env=False)


def refusal(
    code: ErrorCode,
    sentence: str,
    *,
    retry_after_s: float | None = None,
    provider_code: str | None = None,
    cost_micros: int | None = None,
) -> ProviderError:
    """Return a provider's error, permanent where its code says so."""
    return ProviderError(
        sentence[:SENTENCE_MAX],
        code=code,
        permanent=code not in TEMPORARY,
        retry_after_s=retry_after_s,
        provider_code=provider_code,
        cost_micros=cost_micros,
    )


def status_code(reply: Reply) -> ErrorCode | None:
    """Return what an HTTP status means unless a provider says otherwise; None for a success."""
    if 200 <= reply.status < 300:  # noqa: PLR2004 -- HTTP's own numbers
        return None
    if reply.status == 404 and reply.doubt is ErrorCode.TRANSIENT:  # noqa: PLR2004
        return ErrorCode.OUTPUT_LOST
    if reply.status >= 500 or reply.status < 400 or reply.status == 408:  # noqa: PLR2004
        return ErrorCode.TRANSIENT
    return _BY_STATUS.get(reply.status, ErrorCode.BAD_INPUT)


class Wire:
    """Sends one provider's requests; `headers` are made anew for each, `explain` reads errors.

    It `is_simulated` when the last answer said so.
    """

    def __init__(
        self,
        *,
        site: Site,
        headers: Callable[[], Mapping[str, str]],
        explain: Explain,
        random: Random,
    ) -> None:
        self.site = site
        self.headers = headers
        self.is_simulated = False
        self._explain = explain
        self._random = random
        timeout = httpx.Timeout(site.ask_s, connect=site.connect_s)
        creating = httpx.Timeout(site.create_s, connect=site.connect_s)
        no_idle = httpx.Limits(max_keepalive_connections=0)
        self._asking = httpx.AsyncClient(timeout=timeout, verify=trusted(), trust_env=False)
        self._creating = httpx.AsyncClient(
            timeout=creating, limits=no_idle, verify=trusted(), trust_env=False
        )

    async def close(self) -> None:
        """Drop the connections."""
        await self._asking.aclose()
        await self._creating.aclose()

    async def create(self, path: str, **content: Any) -> Reply:  # noqa: ANN401 -- httpx's own
        """Send what begins work: once, whatever happens.

        :raises ProviderError: `not_created` when no byte left, `submit_unknown` when nobody can
            tell, or what the provider refused it with.
        """
        return await self._once("POST", path, ErrorCode.SUBMIT_UNKNOWN, content)

    async def prepare(self, path: str, **content: Any) -> Reply:  # noqa: ANN401 -- httpx's own
        """Send once what a creation needs beforehand, such as an upload.

        :raises ProviderError: when it fails, in which case nothing was created.
        """
        return await self._once("POST", path, ErrorCode.NOT_CREATED, content)

    async def tell(self, method: str, path: str, **content: Any) -> Reply:  # noqa: ANN401
        """Send once what changes work that was begun, such as its cancellation.

        :raises ProviderError: when it is refused, or not answered (`transient`).
        """
        return await self._once(method, path, ErrorCode.TRANSIENT, content)

    async def ask(self, path: str, method: str = "GET", **content: Any) -> Reply:  # noqa: ANN401
        """Put a question, which changes nothing, up to `ASK_TRIES` times.

        :raises ProviderError: when it is refused, or not answered (`transient`).
        """
        for turn in range(1, ASK_TRIES):
            try:
                return await self._once(method, path, ErrorCode.TRANSIENT, content)
            except ProviderError as error:
                if error.code != ErrorCode.TRANSIENT:
                    raise
            await self.pause(turn)
        return await self._once(method, path, ErrorCode.TRANSIENT, content)

    async def pause(self, turn: int) -> None:
        """Wait before the next turn: twice as long each time, and never as long as others."""
        await asyncio.sleep(self.site.pause_s * 2**turn * (0.5 + self._random.random()) / 2)

    async def _once(
        self, method: str, path: str, doubt: ErrorCode, content: Mapping[str, Any]
    ) -> Reply:
        is_create = doubt is ErrorCode.SUBMIT_UNKNOWN
        client, limit_s = (
            (self._creating, self.site.create_s) if is_create else (self._asking, self.site.ask_s)
        )
        request = self._request(client, method, path, content)
        reply = await self._answered(self._exchange(client, request, doubt), limit_s, doubt)
        error = self._explain(reply)
        if error is None:
            return reply
        if error.code == ErrorCode.TRANSIENT:
            raise refusal(doubt, str(error), provider_code=error.provider_code) from error
        raise error

    def _request(
        self, client: httpx.AsyncClient, method: str, path: str, content: Mapping[str, Any]
    ) -> httpx.Request:
        url = httpx.URL(path if "://" in path else f"{self.site.base_url}{path}")
        if not self.site.is_own(url):
            sentence = f"{self.site.provider} names {url.host}, which is not its own: no key there."
            raise refusal(ErrorCode.PROVIDER_FAILED, sentence)
        headers = {**self.headers(), **(content.get("headers") or _NO_HEADERS)}
        return client.build_request(method, url, **{**content, "headers": headers})

    async def _answered(
        self, exchange: Awaitable[Reply], limit_s: float, doubt: ErrorCode
    ) -> Reply:
        provider = self.site.provider
        unsent = ErrorCode.TRANSIENT if doubt is ErrorCode.TRANSIENT else ErrorCode.NOT_CREATED
        try:
            async with asyncio.timeout(limit_s):
                return await exchange
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise refusal(unsent, f"{provider} cannot be reached.") from error
        except (httpx.RequestError, TimeoutError) as error:
            how = "in time" if isinstance(error, TimeoutError | httpx.TimeoutException) else "whole"
            raise refusal(doubt, f"{provider} did not answer {how}.") from error

    async def _exchange(
        self, client: httpx.AsyncClient, request: httpx.Request, doubt: ErrorCode
    ) -> Reply:
        response = await client.send(request, stream=True)
        self.is_simulated = SIMULATED in response.headers
        content = bytearray()
        try:
            async for piece in response.aiter_bytes():
                content += piece
                if len(content) > REPLY_BYTES_MAX:
                    sentence = f"{self.site.provider} answered more than {REPLY_BYTES_MAX:,} bytes."
                    raise refusal(doubt, sentence)
        finally:
            await response.aclose()
        return Reply(
            provider=self.site.provider,
            status=response.status_code,
            headers=response.headers,
            content=bytes(content),
            doubt=doubt,
        )


_BY_STATUS: Final = MappingProxyType(
    {
        401: ErrorCode.AUTH,
        402: ErrorCode.INSUFFICIENT_FUNDS,
        403: ErrorCode.AUTH,
        404: ErrorCode.RETIRED_MODEL,
        429: ErrorCode.RATE_LIMITED,
    }
)


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
